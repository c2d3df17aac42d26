"""Mapping files (TOML), checked on loading.

An unknown key is refused, because a typing error that silently leaves out the speed would silently leave out its
alarms. ``docs/mappings.md`` explains the format.
"""

from __future__ import annotations

import difflib
import math
import re
import tomllib
from pathlib import Path
from typing import Literal

import msgspec

from monitor.errors import MappingError
from monitor.model.resources import mapping_file
from monitor.sources.mapping import ColumnMapping, Mapping, RowFilter
from monitor.sources.report_columns import (
    DEFAULT_UNKNOWN,
    IDENTITY_COLUMNS,
    REQUIRED_COLUMNS,
    TIME_COLUMNS,
    UNITS,
    ReportColumn,
)
from monitor.sources.zone import Zone, zone_of

TIME_FORMS = ("auto", "iso", "unix_s", "unix_ms")

_Cell = bool | int | float | str
_AT = re.compile(r"(?P<reason>.*?)(?: - at `(?:key` in `)?\$\.?(?P<key>[^`]*)`)?", re.DOTALL)


class _Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One value of ``[columns]`` in its long form."""

    column: str | None = None
    constant: _Cell | None = None
    unit: str | None = None
    scale: float | None = None
    unknown: list[_Cell] | None = None
    form: str | None = None
    zone: str | None = None


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole TOML document."""

    columns: dict[str, str | _Source]
    description: str = ""
    separator: str = ""
    encoding: str = ""
    crs: Literal["wgs84", "gcj02"] = "wgs84"
    names: list[str] = []
    keep: dict[str, list[_Cell]] = {}


def shipped_mapping(data_path: Path) -> Mapping | None:
    """The shipped mapping of a data file: ``<file name up to its first dot>.toml``; None where there is none."""
    path = mapping_file(data_path.name.partition(".")[0])
    return None if path is None else load_mapping(path)


def load_mapping(path: Path | str) -> Mapping:
    """Read and check a mapping file; raises MappingError naming path, key and reason."""
    path = Path(path)
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise MappingError(path=str(path), key="file", reason="there is no such file") from None
    except IsADirectoryError:
        raise MappingError(path=str(path), key="file", reason="this is a folder, not a mapping file") from None
    except UnicodeDecodeError as error:
        raise MappingError(path=str(path), key="file", reason=f"not UTF-8 text at byte {error.start}") from None
    except OSError as error:
        raise MappingError(path=str(path), key="file", reason=error.strerror or str(error)) from None
    try:
        document = msgspec.convert(tomllib.loads(text), _Document)
    except tomllib.TOMLDecodeError as error:
        raise MappingError(path=str(path), key="file", reason=f"not valid TOML: {error}") from None
    except msgspec.ValidationError as error:
        raise _refusal(path, str(error)) from None
    return _Checked(path).mapping(document)


def _refusal(path: Path, message: str) -> MappingError:
    found = _AT.fullmatch(message)
    key = (found["key"] if found else "") or "top level"
    return MappingError(path=str(path), key=key, reason=found["reason"] if found else message)


class _Checked:
    """Turns a document into a mapping; every refusal names its key."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def _refuse(self, key: str, reason: str) -> MappingError:
        return MappingError(path=str(self._path), key=key, reason=reason)

    def mapping(self, document: _Document) -> Mapping:
        if document.separator and (len(document.separator) != 1 or document.separator in '"\r\n'):
            raise self._refuse("separator", "must be one character, for example ';' or '\\t'")
        if document.encoding:
            try:
                plain = "\n,;0".encode(document.encoding) == b"\n,;0"
            except LookupError:
                raise self._refuse("encoding", f"unknown encoding {document.encoding!r}; for example gb18030") from None
            if not plain:
                raise self._refuse("encoding", f"{document.encoding} does not keep ASCII as it is; save as UTF-8 first")
        columns = tuple(self._column(name, source) for name, source in document.columns.items())
        targets = {column.target for column in columns}
        for required in REQUIRED_COLUMNS:
            if required not in targets:
                raise self._refuse("columns", f"{required} is required and not mapped")
        if not targets & set(IDENTITY_COLUMNS):
            raise self._refuse("columns", "vehicle_id or terminal_phone is required and neither is mapped")
        keep = tuple(RowFilter(name, tuple(_text(v) for v in values)) for name, values in document.keep.items())
        for row_filter in keep:
            if not row_filter.values:
                raise self._refuse(f"keep.{row_filter.column}", "an empty list would keep no row")
        result = Mapping(
            path=str(self._path),
            columns=columns,
            keep=keep,
            names=tuple(document.names),
            separator=document.separator,
            encoding=document.encoding,
            gcj02=document.crs == "gcj02",
        )
        if document.names and (lacking := result.missing(document.names)):
            raise self._refuse("names", f"the columns mapped from {', '.join(lacking)} are not among the names")
        return result

    def _column(self, name: str, source: str | _Source) -> ColumnMapping:
        key = f"columns.{name}"
        try:
            target = ReportColumn(name)
        except ValueError:
            near = difflib.get_close_matches(name, list(ReportColumn), 1)
            advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(ReportColumn)}"
            raise self._refuse(key, f"no such column of a position report; {advice}") from None
        if isinstance(source, str):
            source = _Source(column=source)
        if (source.column is None) == (source.constant is None):
            raise self._refuse(key, "give either column or constant")
        if source.column == "":
            raise self._refuse(key, "column is an empty name")
        form, zone = self._time(key, target, source)
        numbers, texts = self._unknown(target, source)
        return ColumnMapping(
            target=target,
            column=source.column or "",
            constant=None if source.constant is None else _text(source.constant),
            factor=self._factor(key, target, source),
            unknown_numbers=numbers,
            unknown_texts=texts,
            form=form,
            zone=zone,
        )

    def _factor(self, key: str, target: ReportColumn, source: _Source) -> float:
        units = UNITS.get(target, {})
        if not units and (source.unit is not None or source.scale is not None):
            raise self._refuse(key, f"{target} has neither unit nor scale")
        if source.unit is not None and source.unit not in units:
            raise self._refuse(f"{key}.unit", f"unknown unit {source.unit!r}; known are {', '.join(units)}")
        scale = 1.0 if source.scale is None else source.scale
        if not math.isfinite(scale) or scale == 0.0:
            raise self._refuse(f"{key}.scale", "must be a finite number other than 0")
        unit = source.unit or next(iter(units), "")
        return scale * units.get(unit, 1.0)

    def _unknown(self, target: ReportColumn, source: _Source) -> tuple[tuple[float, ...], tuple[str, ...]]:
        if source.unknown is None:
            return DEFAULT_UNKNOWN.get(target, ()), ()
        if target not in UNITS:
            return (), tuple(_text(value) for value in source.unknown)
        numbers: list[float] = []
        texts: list[str] = []
        for value in source.unknown:
            try:
                numbers.append(float(value))
            except ValueError:
                texts.append(_text(value))
        return tuple(numbers), tuple(texts)

    def _time(self, key: str, target: ReportColumn, source: _Source) -> tuple[str, Zone | None]:
        if target not in TIME_COLUMNS:
            for name, value in (("form", source.form), ("zone", source.zone)):
                if value is not None:
                    raise self._refuse(f"{key}.{name}", f"only {' and '.join(TIME_COLUMNS)} have one")
            return "auto", None
        form = source.form or "auto"
        if form not in TIME_FORMS and "%" not in form:
            known = ", ".join(TIME_FORMS)
            reason = f"unknown form {form!r}; known are {known} and patterns like %Y/%m/%d %H:%M"
            raise self._refuse(f"{key}.form", reason)
        if source.zone is None:
            return form, None
        try:
            return form, zone_of(source.zone)
        except ValueError as error:
            raise self._refuse(f"{key}.zone", str(error)) from None


def _text(value: _Cell) -> str:
    """A TOML value as it would stand in a CSV cell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).strip()
