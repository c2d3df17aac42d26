"""Registry files as offices make them: good rows become vehicles, every fault is named by row and column.

Columns, words and forms are the "Registry" section of the interface. Only ``vehicle_id`` has to be there; any other
cell may be empty. Dates are inclusive.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TypeVar

from monitor.errors import RegistryError, ReportFileError
from monitor.model.fleet import PlateColor, Vehicle, VehicleClass
from monitor.model.report import TERMINAL_PREFIX
from monitor.store import registry_cells as cells
from monitor.store.registry_headings import HEADINGS, column_of
from monitor.store.registry_sheets import HEADING_ROWS, Cell, Sheet, SheetRow, read_sheet

V = TypeVar("V")

MAX_SPEED_KMH = 200.0
"""No road or vehicle in the registry is faster; above it the column holds something else. A guess."""
MAX_CREW = 9


@dataclass(frozen=True, slots=True)
class RowProblem:
    """Why a row is refused. ``row`` as the spreadsheet shows it; ``column`` by its registry name, or empty."""

    row: int
    column: str
    reason: str

    def sentence(self) -> str:
        return f"row {self.row}{', ' + self.column if self.column else ''}: {self.reason}"


@dataclass(frozen=True, slots=True)
class RegistryFile:
    """What a file holds: good rows with their row numbers, and every problem of the others.

    ``ignored`` are headings that mean no registry column.
    """

    vehicles: tuple[Vehicle, ...]
    problems: tuple[RowProblem, ...]
    rows_total: int
    path: str = ""
    rows: tuple[int, ...] = ()
    ignored: tuple[str, ...] = ()

    def require_whole(self) -> None:
        """Raise RegistryError with one sentence per problem unless every row is good."""
        if self.problems:
            raise RegistryError(path=self.path, problems=tuple(problem.sentence() for problem in self.problems))


def read_registry(path: Path) -> RegistryFile:
    """Read a registry file (.csv .tsv .txt, also .gz, and .xlsx).

    Raises ReportFileError where the file as a whole cannot be read: missing, empty, cut off, a directory, without
    headings or without the column ``vehicle_id``.
    """
    sheet = read_sheet(path)
    heading, columns = _headings(path, sheet)
    problems: list[RowProblem] = []
    vehicles: list[Vehicle] = []
    rows: list[int] = []
    seen = _Seen()
    body = [row for row in sheet.rows if row.number > heading.number]
    for row in body:
        faults: list[RowProblem] = []
        vehicle = _vehicle(row, columns, len(heading.cells), sheet.epoch, faults)
        if not faults:
            faults = seen.duplicates(row.number, vehicle)
        if faults:
            problems += faults
        else:
            seen.add(row.number, vehicle)
            vehicles.append(vehicle)
            rows.append(row.number)
    ignored = tuple(text for cell in heading.cells if (text := str(cell or "").strip()) and column_of(text) is None)
    return RegistryFile(tuple(vehicles), tuple(problems), len(body), str(path), tuple(rows), ignored)


def _headings(path: Path, sheet: Sheet) -> tuple[SheetRow, dict[str, int]]:
    """The heading row and the place of each column in it."""
    if not sheet.rows:
        raise ReportFileError(path=str(path), reason="is empty", advice="A registry has headings and rows.")
    best, found = sheet.rows[0], -1
    for row in sheet.rows[:HEADING_ROWS]:
        known = len({column_of(str(cell)) for cell in row.cells} - {None})
        if known > found:
            best, found = row, known
    columns: dict[str, int] = {}
    for place, cell in enumerate(best.cells):
        column = column_of(str(cell or ""))
        if column is None:
            continue
        if column in columns:
            first = best.cells[columns[column]]
            raise ReportFileError(
                path=str(path),
                reason=f"row {best.number} has two headings for {column}: {first!r} and {cell!r}",
                advice="Remove one.",
            )
        columns[column] = place
    if "vehicle_id" not in columns:
        shown = ", ".join(str(cell) for cell in best.cells[:20] if cell)
        raise ReportFileError(
            path=str(path),
            reason=f"has no column vehicle_id ({HEADINGS['vehicle_id'][0]}); its first row reads: {shown}",
            advice="Add the column, with a key for each vehicle that never changes.",
        )
    return best, columns


class _Row:
    """Cells of one row by column name; a cell that does not parse becomes a problem and the default."""

    __slots__ = ("_columns", "_epoch", "_faults", "_row")

    def __init__(self, row: SheetRow, columns: dict[str, int], epoch: datetime, faults: list[RowProblem]) -> None:
        self._row = row
        self._columns = columns
        self._epoch = epoch
        self._faults = faults

    def cell(self, column: str) -> Cell:
        place = self._columns.get(column)
        return self._row.cells[place] if place is not None and place < len(self._row.cells) else None

    def fault(self, column: str, reason: object) -> None:
        self._faults.append(RowProblem(self._row.number, column, str(reason)))

    def value(self, column: str, parser: Callable[[Cell], V], default: V) -> V:
        """What ``parser`` makes of the cell."""
        try:
            return parser(self.cell(column))
        except ValueError as error:
            self.fault(column, error)
            return default

    def text(self, column: str) -> str:
        return self.value(column, cells.plain, "")

    def number(self, column: str, highest: float = math.inf) -> float | None:
        value = self.value(column, cells.number, None)
        if value is not None and value > highest:
            self.fault(column, f"{value:g} is more than {highest:g}")
        return value

    def day(self, column: str) -> date | None:
        return self.value(column, lambda cell: cells.day(cell, self._epoch), None)

    def crew(self) -> int:
        value = self.value("crew", cells.count, None)
        if value is not None and value > MAX_CREW:
            self.fault("crew", f"{value} is more than {MAX_CREW}")
        return 1 if value is None else value


def _vehicle(row: SheetRow, columns: dict[str, int], width: int, epoch: datetime, faults: list[RowProblem]) -> Vehicle:
    """The vehicle of a row; what is wrong with it is added to ``faults``."""
    read = _Row(row, columns, epoch, faults)
    if row.broken:
        read.fault("", row.broken)
        return Vehicle("")
    if len(row.cells) > width and any(str(cell or "").strip() for cell in row.cells[width:]):
        read.fault("", f"has {len(row.cells)} cells under {width} headings; a separator stands inside a text?")
        return Vehicle("")
    vehicle = Vehicle(
        vehicle_id=read.value("vehicle_id", cells.identifier, "?"),
        plate=read.value("plate", cells.plate, ""),
        plate_color=read.value("plate_color", cells.plate_color, PlateColor.OTHER),
        vehicle_class=read.value("vehicle_class", cells.vehicle_class, VehicleClass.OTHER),
        enterprise_id=read.text("enterprise_id"),
        enterprise_name=read.text("enterprise_name"),
        region=read.text("region"),
        terminal_phone=read.value("terminal_phone", cells.phone, ""),
        max_speed_kmh=read.number("max_speed_kmh", MAX_SPEED_KMH),
        suspended_from=read.day("suspended_from"),
        suspended_to=read.day("suspended_to"),
        vin=read.text("vin").upper(),
        licence_no=read.text("licence_no"),
        in_service_from=read.day("in_service_from"),
        retired_on=read.day("retired_on"),
        crew=read.crew(),
        line_km=read.number("line_km"),
        curfew_exempt=read.value("curfew_exempt", cells.boolean, False),
        relay_from=read.day("relay_from"),
        relay_to=read.day("relay_to"),
        gross_mass_kg=read.number("gross_mass_kg"),
        platform=read.text("platform"),
    )
    if not vehicle.vehicle_id:
        read.fault("vehicle_id", "is empty")
    elif vehicle.vehicle_id.startswith(TERMINAL_PREFIX):
        read.fault("vehicle_id", f"begins with {TERMINAL_PREFIX!r}, which is kept for terminals nobody registered")
    _check_order(read, vehicle)
    return vehicle


def _check_order(read: _Row, vehicle: Vehicle) -> None:
    pairs = (
        ("suspended_to", vehicle.suspended_from, vehicle.suspended_to),
        ("relay_to", vehicle.relay_from, vehicle.relay_to),
        ("retired_on", vehicle.in_service_from, vehicle.retired_on),
    )
    for column, first, last in pairs:
        if first is not None and last is not None and last < first:
            read.fault(column, f"{last.isoformat()} is before the beginning {first.isoformat()}")


class _Seen:
    """Keys of the good rows so far; the later row of a pair is the wrong one."""

    __slots__ = ("_rows",)

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], int] = {}

    def duplicates(self, row: int, vehicle: Vehicle) -> list[RowProblem]:
        found: list[RowProblem] = []
        for column, key in unique_keys(vehicle):
            earlier = self._rows.get((column, key))
            if earlier is not None:
                found.append(RowProblem(row, column, f"{key} already stands in row {earlier}"))
        return found

    def add(self, row: int, vehicle: Vehicle) -> None:
        for column, key in unique_keys(vehicle):
            self._rows[(column, key)] = row


def unique_keys(vehicle: Vehicle) -> Sequence[tuple[str, str]]:
    """What no other vehicle may have at the same time: (column, value) pairs, empty ones left out."""
    keys = [("vehicle_id", vehicle.vehicle_id)]
    if vehicle.plate:
        keys.append(("plate", f"{vehicle.plate} ({vehicle.plate_color.value})"))
    if vehicle.terminal_phone:
        keys.append(("terminal_phone", vehicle.terminal_phone))
    return keys
