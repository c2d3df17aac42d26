"""Which mapping fits the columns that a file turns out to have."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from monitor.errors import MappingError, ReportFileError
from monitor.sources.mapping import Mapping

_SHOWN_COLUMNS = 30
_SHOWN_CHARACTERS = 40


def fitting(path: Path, candidates: Sequence[Mapping], names: Sequence[str]) -> Mapping:
    """The first candidate whose columns are all there, narrowed to them; raises with the columns the file has."""
    for mapping in candidates:
        if not mapping.missing(names):
            chosen = mapping.narrowed(names)
            for name in chosen.file_columns():
                if names.count(name) > 1:
                    raise ReportFileError(
                        path=str(path), reason=f"column {name!r} stands {names.count(name)} times in the header"
                    )
            return chosen
    raise _misfit(path, candidates[0], names)


def _misfit(path: Path, mapping: Mapping, names: Sequence[str]) -> MappingError | ReportFileError:
    lacking = ", ".join(mapping.missing(names))
    has = shown(names)
    if len(names) == 1:
        has += ", a single column: is the separator right?"
    if not mapping.is_canonical:
        reason = f"{path} has no column {lacking}; it has {has}"
        return MappingError(path=mapping.path, key="columns", reason=reason)
    advice = "Name the columns by a mapping file, see docs/mappings.md."
    if any(_is_number(name) for name in names):
        advice = "The first line looks like data: a mapping file can give the names (names = [...])."
    return ReportFileError(path=str(path), reason=f"no column {lacking}; it has {has}", advice=advice)


def shown(names: Sequence[str]) -> str:
    """Column names for a sentence: few, short and printable."""
    cut = [name if len(name) <= _SHOWN_CHARACTERS else name[:_SHOWN_CHARACTERS] + "…" for name in names]
    listed = ", ".join(name if name.isprintable() and name else repr(name) for name in cut[:_SHOWN_COLUMNS])
    return listed + (f" and {len(names) - _SHOWN_COLUMNS} more" if len(names) > _SHOWN_COLUMNS else "")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
