"""Mappings: how the columns of a report file become the canonical ones.

``mapping_files`` reads them from TOML; ``docs/mappings.md`` explains that format.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from monitor.sources.report_columns import (
    DEFAULT_UNKNOWN,
    IDENTITY_COLUMNS,
    REQUIRED_COLUMNS,
    UNITS,
    ReportColumn,
)
from monitor.sources.zone import Zone


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """How one canonical column is made.

    Either ``column`` (its name in the file) or ``constant`` is set. A number is ``value * factor`` in the resolution
    of ``REPORT``; sentinels are compared before that, ``unknown_numbers`` in the unit of the file.
    ``form`` and ``zone`` concern times only: ``auto``, ``iso``, ``unix_s``, ``unix_ms`` or a ``%`` pattern.
    """

    target: ReportColumn
    column: str = ""
    constant: str | None = None
    factor: float = 1.0
    unknown_numbers: tuple[float, ...] = ()
    unknown_texts: tuple[str, ...] = ()
    form: str = "auto"
    zone: Zone | None = None

    @property
    def label(self) -> str:
        """The name a person finds in the file (or the canonical one of a constant)."""
        return self.column or self.target.value


@dataclass(frozen=True, slots=True)
class RowFilter:
    """Rows are read only where ``column`` holds one of ``values`` (compared as text without outer blanks)."""

    column: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A checked mapping. ``path`` is empty for the canonical columns; empty ``separator`` or ``encoding`` = detect."""

    path: str
    columns: tuple[ColumnMapping, ...]
    keep: tuple[RowFilter, ...] = ()
    names: tuple[str, ...] = ()  # column names of a file without a header line
    separator: str = ""
    encoding: str = ""
    gcj02: bool = False

    @property
    def is_canonical(self) -> bool:
        return not self.path

    def find(self, target: ReportColumn) -> ColumnMapping | None:
        """The source of one canonical column; None where there is none."""
        return next((c for c in self.columns if c.target is target), None)

    def file_columns(self) -> tuple[str, ...]:
        """Names of the columns to read, each once."""
        names = [c.column for c in self.columns if c.constant is None] + [f.column for f in self.keep]
        return tuple(dict.fromkeys(names))

    def missing(self, present: Collection[str]) -> tuple[str, ...]:
        """Columns without which a file of these columns cannot be read.

        A mapping needs every column it names; of the canonical columns only the required ones are.
        """
        if not self.is_canonical:
            return tuple(name for name in self.file_columns() if name not in present)
        lacking = [c.value for c in REQUIRED_COLUMNS if c.value not in present]
        if not any(c.value in present for c in IDENTITY_COLUMNS):
            lacking.insert(0, " or ".join(c.value for c in IDENTITY_COLUMNS))
        return tuple(lacking)

    def narrowed(self, present: Collection[str]) -> Mapping:
        """The same without sources that a file of these columns does not have."""
        return replace(self, columns=tuple(c for c in self.columns if c.constant is not None or c.column in present))


def _canonical(target: ReportColumn) -> ColumnMapping:
    factor = next(iter(UNITS[target].values()), 1.0) if target in UNITS else 1.0
    return ColumnMapping(target, target.value, factor=factor, unknown_numbers=DEFAULT_UNKNOWN.get(target, ()))


CANONICAL = Mapping("", tuple(_canonical(target) for target in ReportColumn))
"""Columns by their canonical names, times with an offset or as Unix time."""
