"""Reports written as a file in the canonical columns, so that ``read_reports`` gives the same batch again.

Times are ISO 8601 at +08:00 in CSV and UTC timestamps in Parquet. Optional columns of which nothing is known are left
out; flaws are judgements, not data, and are not written.
"""

from __future__ import annotations

import contextlib
import gzip
import io
import lzma
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from monitor.errors import ReportFileError
from monitor.model.beijing import OFFSET_MS
from monitor.model.flaw import ReportFlag
from monitor.model.report import TERMINAL_PREFIX, UNKNOWN, UNKNOWN_ALTITUDE, ReportBatch, ReportRows
from monitor.sources.cells import Column
from monitor.sources.report_columns import REQUIRED_COLUMNS, ReportColumn

ENDINGS = (".csv", ".csv.gz", ".csv.xz", ".parquet")

_XZ_PRESET = 1


def write_reports(batch: ReportBatch, path: Path | str) -> None:
    """Write all reports of a batch; the form follows the ending of ``path`` (``ENDINGS``).

    The file appears whole or not at all. Raises ReportFileError for another ending, a text that holds a line end (in
    CSV a line is a row), or a folder that cannot be written.
    """
    path = Path(path)
    ending = next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), "")
    if not ending:
        raise ReportFileError(path=str(path), reason=f"the ending is none of {', '.join(ENDINGS)}")
    table = _table(batch, text_times=ending != ".parquet")
    try:
        with _appearing(path) as file:
            if ending == ".parquet":
                pq.write_table(table, file, compression="zstd")
            else:
                _refuse_line_ends(batch, path)
                _write_csv(table, file, ending)
    except OSError as error:
        reason = f"cannot be written: {error.strerror or error}"
        raise ReportFileError(path=str(path), reason=reason) from None


@contextlib.contextmanager
def _appearing(path: Path) -> Iterator[BinaryIO]:
    """A file beside ``path`` that takes its place when it is complete."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        # mkstemp makes private files; a track is an ordinary one.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _write_csv(table: pa.Table, file: BinaryIO, ending: str) -> None:
    if ending == ".csv":
        pacsv.write_csv(table, file, pacsv.WriteOptions(quoting_style="needed"))
        return
    text = io.BytesIO()
    pacsv.write_csv(table, text, pacsv.WriteOptions(quoting_style="needed"))
    # No time stamp in the gzip header: the same reports give the same bytes.
    packed = gzip.compress(text.getvalue(), 6, mtime=0) if ending == ".csv.gz" else None
    file.write(packed or lzma.compress(text.getvalue(), preset=_XZ_PRESET))


def _refuse_line_ends(batch: ReportBatch, path: Path) -> None:
    for text in (*batch.keys, *batch.drivers, *batch.sources):
        if "\n" in text or "\r" in text:
            reason = f"the text {text!r} holds a line end, which a row of CSV cannot"
            raise ReportFileError(path=str(path), reason=reason, advice="Write .parquet.")


def _table(batch: ReportBatch, text_times: bool) -> pa.Table:
    rows = batch.rows
    flags: NDArray[np.int32] = rows["flags"]
    vehicles: list[str | None] = [None if key.startswith(TERMINAL_PREFIX) else key for key in batch.keys]
    phones = [key.removeprefix(TERMINAL_PREFIX) if key.startswith(TERMINAL_PREFIX) else None for key in batch.keys]
    columns: dict[ReportColumn, Column] = {
        ReportColumn.VEHICLE_ID: _texts(rows["key"], vehicles),
        ReportColumn.TERMINAL_PHONE: _texts(rows["key"], phones),
        ReportColumn.FIX_TIME: _times(rows["fix_ms"], text_times),
        ReportColumn.LON: pa.array(rows["lon_deg"]),
        ReportColumn.LAT: pa.array(rows["lat_deg"]),
        ReportColumn.SPEED: _known(rows["speed_dkmh"] / 10.0, rows["speed_dkmh"] != UNKNOWN),
        ReportColumn.HEADING: _known(rows["heading_deg"], rows["heading_deg"] != UNKNOWN),
        ReportColumn.ALTITUDE: _known(rows["altitude_m"], rows["altitude_m"] != UNKNOWN_ALTITUDE),
        ReportColumn.MILEAGE: _known(rows["mileage_m"] / 1000.0, rows["mileage_m"] != UNKNOWN),
        ReportColumn.RECORDER_SPEED: _known(rows["recorder_speed_dkmh"] / 10.0, rows["recorder_speed_dkmh"] != UNKNOWN),
        ReportColumn.STATUS: _known(rows["status"], rows["status"] != UNKNOWN),
        ReportColumn.ALARM_FLAGS: _known(rows["alarm_flags"], rows["alarm_flags"] != UNKNOWN),
        ReportColumn.ACC_ON: _flag(flags, ReportFlag.ACC_ON, flags & ReportFlag.ACC_KNOWN != 0),
        ReportColumn.DRIVER_ID: _texts(rows["driver"], list(batch.drivers)),
        ReportColumn.RECV_TIME: _times(rows["recv_ms"], text_times),
        ReportColumn.SOURCE: _texts(rows["source"], list(batch.sources)),
    }
    if (flags & ReportFlag.POSITIONED == 0).any() or (rows["status"] != UNKNOWN).any():
        columns[ReportColumn.POSITIONED] = _flag(flags, ReportFlag.POSITIONED, np.ones(len(rows), np.bool_))
    if (flags & ReportFlag.BACKFILL != 0).any():
        columns[ReportColumn.BACKFILL] = _flag(flags, ReportFlag.BACKFILL, np.ones(len(rows), np.bool_))
    written = {name: c for name, c in columns.items() if _is_written(name, c, rows)}
    return pa.table({name.value: column for name, column in written.items()})


def _is_written(name: ReportColumn, column: Column, rows: ReportRows) -> bool:
    if name in REQUIRED_COLUMNS or (name is ReportColumn.VEHICLE_ID and not len(rows)):
        return True
    return column.null_count < len(rows)


def _known(values: NDArray[np.float64] | NDArray[np.int64], known: NDArray[np.bool_]) -> Column:
    column: Column = pa.array(values, mask=~known)
    return column


def _flag(flags: NDArray[np.int32], flag: ReportFlag, known: NDArray[np.bool_]) -> Column:
    column: Column = pa.array((flags & flag != 0).astype(np.int8), mask=~known)
    return column


def _texts(indices: NDArray[np.int32], texts: list[str] | list[str | None]) -> Column:
    return pa.array([*texts, None], pa.string()).take(np.where(indices < 0, len(texts), indices))


def _times(at_ms: NDArray[np.int64], as_text: bool) -> Column:
    """A column of times, empty where 0 (unknown)."""
    unknown = at_ms == 0
    if not as_text:
        stamps: Column = pa.array(at_ms, mask=unknown).cast(pa.timestamp("ms", "UTC"))
        return stamps
    unit: Literal["ms", "s"] = "ms" if (at_ms % 1000).any() else "s"
    local = pa.array(at_ms + OFFSET_MS, mask=unknown).cast(pa.timestamp("ms")).cast(pa.timestamp(unit))
    texts = pc.replace_substring(local.cast(pa.string()), pattern=" ", replacement="T")
    column: Column = pc.call_function("binary_join_element_wise", [texts, pa.scalar("+08:00"), pa.scalar("")])
    return column
