"""Columns beside a batch's reports that the pass needs: clock, fleet rows, marks. In one walk over the reports, because
every NumPy expression over a column of records walks over all of them again."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.engine.pass_template import LATE
from monitor.model.compiled import compiled
from monitor.model.flaw import Flaw, ReportFlag

LATE_MS = 300_000
"""A report older than this on receipt is late (Q5)."""

_LATE_FLAG = int(ReportFlag.BACKFILL)
_TIME = int(Flaw.TIME)


@compiled
def tell_clocks(reports: NDArray[np.void], clock_ms: int, clocks: NDArray[np.int64]) -> int:
    """The engine clock at each report, which was ``clock_ms``; returns the first receive time of a report with a
    usable time, 0 if there is none."""
    first_ms = 0
    for i in range(len(reports)):
        report = reports[i]
        if report["flaws"] & _TIME == 0:
            recv_ms = report["recv_ms"]
            if first_ms == 0 and recv_ms > 0:
                first_ms = recv_ms
            clock_ms = max(clock_ms, recv_ms)
        clocks[i] = clock_ms
    return first_ms


@compiled
def look_up(
    reports: NDArray[np.void],
    key_rows: NDArray[np.int32],
    drivers: NDArray[np.int32],
    sources: NDArray[np.int32],
    row_of: NDArray[np.int32],
    driver_of: NDArray[np.int32],
    source_of: NDArray[np.int32],
    marks_of: NDArray[np.int8],
) -> None:
    """What the numbers in reports mean in the fleet, and whether each is late. The tables end with the entry for -1."""
    for i in range(len(reports)):
        report = reports[i]
        row_of[i] = key_rows[report["key"]]
        driver_of[i] = drivers[report["driver"]]
        source_of[i] = sources[report["source"]]
        late = report["recv_ms"] - report["fix_ms"] > LATE_MS or report["flags"] & _LATE_FLAG != 0
        marks_of[i] = LATE if late else 0
