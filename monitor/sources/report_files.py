"""Recorded tracks read into one batch of reports: CSV (plain, gzip, xz) and Parquet, told apart by content.

A bad row never stops its neighbours; what was left out is counted by reason with its place. Only a file of which
nothing can be read raises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from monitor.errors import ReportFileError
from monitor.model.beijing import iso
from monitor.model.report import ReportBatch
from monitor.sources.bad_rows import BadCell, BadRows, FileProblem, FileProblemKind
from monitor.sources.csv_cells import CsvCells
from monitor.sources.mapping import CANONICAL, Mapping
from monitor.sources.mapping_files import shipped_mapping
from monitor.sources.parquet_cells import ParquetCells
from monitor.sources.report_rows import ReportMaker
from monitor.sources.unpacking import Packing, Unpacking, packing_of

CLOCK_SKEW_MS = 60_000
"""A fix may be this much later than the moment of reading (rulebook Q1: 60 s)."""

Progress = Callable[[int, int], None]
"""Called after each block with how much of how much is read: bytes of the file, in Parquet rows."""


@dataclass(frozen=True, slots=True)
class FileRead:
    """What a file gave.

    ``len(batch) + sum(rejects) + rows_filtered == rows_total``. ``rejects`` counts rows that gave no report by
    ``RejectReason``; ``bad_values`` counts, by column, optional values that were unreadable and taken as unknown.
    ``first_bad`` names the first of both by row. ``mapping`` is the path of the mapping, empty for canonical columns.
    """

    batch: ReportBatch
    rejects: Counter[str]
    bad_values: Counter[str]
    rows_total: int
    rows_filtered: int
    first_bad: tuple[BadCell, ...]
    problems: tuple[FileProblem, ...]
    mapping: str


def read_reports(
    path: Path | str, mapping: Mapping | None = None, *, now_ms: int, progress: Progress | None = None
) -> FileRead:
    """Reports of one file in file order.

    Without a mapping the shipped one of the file's name is taken where its columns are there, else the canonical
    columns. ``now_ms`` is the moment of reading: fixes after it are kept and reported as a problem of the file,
    because they mostly mean a wrong zone. ``recv_ms`` stays 0 where the file states none.

    Raises ReportFileError (nothing readable) and MappingError (a column that is not there).
    """
    path = Path(path)
    packing = packing_of(_head(path))
    candidates = _candidates(path, mapping)
    bad = BadRows()
    if packing is Packing.PARQUET:
        parquet = ParquetCells(path, candidates)
        return _read(path, parquet, None, bad, now_ms, progress)
    with Unpacking(path, packing) as unpacking:
        text = CsvCells(path, candidates, unpacking, bad)
        return _read(path, text, unpacking, bad, now_ms, progress)


def _head(path: Path) -> bytes:
    if path.is_dir():
        raise ReportFileError(path=str(path), reason="this is a folder, not a file")
    try:
        with path.open("rb") as file:
            head = file.read(16)
    except FileNotFoundError:
        raise ReportFileError(path=str(path), reason="there is no such file") from None
    except OSError as error:
        reason = f"cannot be opened: {error.strerror or error}"
        raise ReportFileError(path=str(path), reason=reason) from None
    if not head:
        raise ReportFileError(path=str(path), reason="the file is empty")
    return head


def _candidates(path: Path, mapping: Mapping | None) -> Sequence[Mapping]:
    if mapping is not None:
        return (mapping,)
    shipped = shipped_mapping(path)
    return (CANONICAL,) if shipped is None else (shipped, CANONICAL)


def _read(
    path: Path,
    cells: CsvCells | ParquetCells,
    unpacking: Unpacking | None,
    bad: BadRows,
    now_ms: int,
    progress: Progress | None,
) -> FileRead:
    maker = ReportMaker(cells.mapping, bad)
    try:
        for block in cells.blocks():
            maker.take(block)
            if progress is not None:
                progress(block.done, block.total)
    finally:
        cells.close()
    batch = maker.batch()
    problem = unpacking.problem if unpacking is not None else cells.problem if isinstance(cells, ParquetCells) else None
    total = len(batch) + bad.rejects.total() + maker.rows_filtered
    problems = [p for p in (problem, _no_rows(path, total), _future(path, batch, now_ms)) if p is not None]
    return FileRead(
        batch=batch,
        rejects=bad.rejects,
        bad_values=bad.bad_values,
        rows_total=total,
        rows_filtered=maker.rows_filtered,
        first_bad=bad.first,
        problems=tuple(problems),
        mapping=cells.mapping.path,
    )


def _no_rows(path: Path, rows_total: int) -> FileProblem | None:
    if rows_total:
        return None
    return FileProblem(FileProblemKind.NO_ROWS, str(path), "there are no rows below the header")


def _future(path: Path, batch: ReportBatch, now_ms: int) -> FileProblem | None:
    """Fixes after the moment of reading, said once with the latest."""
    fix_ms = batch.rows["fix_ms"]
    late = int(np.count_nonzero(fix_ms > now_ms + CLOCK_SKEW_MS))
    if not late:
        return None
    latest = iso(int(fix_ms.max()))
    detail = f"{late:,} reports are dated after now, the latest {latest}; check the zone and form of the times"
    return FileProblem(FileProblemKind.FUTURE_TIMES, str(path), detail)
