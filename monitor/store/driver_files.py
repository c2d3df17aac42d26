"""Driver files as offices make them (.csv .tsv .txt, also .gz, and .xlsx): all rows, or every fault by its row."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monitor.errors import RegistryError, ReportFileError
from monitor.model.driver import IDENTIFIERS, Driver, folded_identifier
from monitor.store import registry_cells as cells
from monitor.store.registry_files import RowProblem
from monitor.store.registry_headings import folded
from monitor.store.registry_sheets import HEADING_ROWS, SheetRow, read_sheet

HEADINGS: dict[str, tuple[str, ...]] = {
    "driver_id": ("驾驶员编号", "驾驶员id", "司机编号", "从业人员编号", "人员编号"),
    "name": ("姓名", "驾驶员姓名", "司机姓名", "驾驶员", "司机"),
    "licence_no": ("驾驶证号", "驾驶证号码", "驾驶证编号", "身份证号", "身份证号码", "license_no"),
    "qualification_no": ("从业资格证号", "从业资格证号码", "从业资格证", "资格证号", "从业资格证编号"),
    "card_no": ("驾驶员卡号", "身份识别卡号", "ic卡号", "卡号", "驾驶员身份识别卡号"),
    "enterprise_id": ("企业编号", "企业id", "企业代码", "企业编码", "业户编号", "统一社会信用代码"),
    "phone": ("电话", "手机号", "手机号码", "联系电话"),
}
_MEANING = {folded(word): column for column, words in HEADINGS.items() for word in (column, *words)}


@dataclass(frozen=True, slots=True)
class DriverFile:
    """What a file holds: good rows, and every problem of the others. ``ignored`` are headings without a meaning."""

    drivers: tuple[Driver, ...]
    problems: tuple[RowProblem, ...]
    rows_total: int
    path: str = ""
    ignored: tuple[str, ...] = ()

    def require_whole(self) -> None:
        """Raise RegistryError with one sentence per problem unless every row is good."""
        if self.problems:
            raise RegistryError(path=self.path, problems=tuple(problem.sentence() for problem in self.problems))


def read_drivers(path: Path) -> DriverFile:
    """Read a driver file. Raises ReportFileError where the file as a whole cannot be read."""
    sheet = read_sheet(path)
    if not sheet.rows:
        raise ReportFileError(path=str(path), reason="is empty", advice="A driver file has headings and rows.")
    heading = max(sheet.rows[:HEADING_ROWS], key=lambda row: len(set(_columns(row))))
    columns = _columns(heading)
    if "driver_id" not in columns:
        shown = ", ".join(str(cell) for cell in heading.cells[:20] if cell)
        raise ReportFileError(
            path=str(path),
            reason=f"has no column driver_id ({HEADINGS['driver_id'][0]}); its first row reads: {shown}",
            advice="Add the column, with a key for each driver that never changes.",
        )
    drivers: list[Driver] = []
    problems: list[RowProblem] = []
    seen: dict[str, int] = {}
    body = [row for row in sheet.rows if row.number > heading.number]
    for row in body:
        driver, faults = _driver(row, columns, seen)
        problems += faults
        if not faults:
            drivers.append(driver)
            seen |= dict.fromkeys(driver.identifiers(), row.number)
    ignored = tuple(
        text for cell in heading.cells if (text := str(cell or "").strip()) and folded(text) not in _MEANING
    )
    return DriverFile(tuple(drivers), tuple(problems), len(body), str(path), ignored)


def _columns(row: SheetRow) -> dict[str, int]:
    """Place of each known column; of two with the same meaning the first."""
    found: dict[str, int] = {}
    for place, cell in enumerate(row.cells):
        column = _MEANING.get(folded(str(cell or "")))
        if column is not None:
            found.setdefault(column, place)
    return found


def _driver(row: SheetRow, columns: dict[str, int], seen: dict[str, int]) -> tuple[Driver, list[RowProblem]]:
    if row.broken:
        return Driver(""), [RowProblem(row.number, "", row.broken)]
    stated: dict[str, str] = {}
    faults: list[RowProblem] = []
    for column, place in columns.items():
        try:
            cell = row.cells[place] if place < len(row.cells) else None
            stated[column] = cells.identifier(cell) if column in IDENTIFIERS else cells.plain(cell)
        except ValueError as error:
            faults.append(RowProblem(row.number, column, str(error)))
    if not faults and not stated.get("driver_id"):
        faults.append(RowProblem(row.number, "driver_id", "is empty"))
    for column in IDENTIFIERS:
        earlier = seen.get(folded_identifier(stated.get(column, "")))
        if stated.get(column) and earlier is not None:
            faults.append(RowProblem(row.number, column, f"{stated[column]} already stands in row {earlier}"))
    return Driver(**({"driver_id": ""} | stated)), faults
