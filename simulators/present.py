"""Moving a scenario into the present."""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from monitor.model.report import ReportBatch


class Times(StrEnum):
    """What the reports say of their time."""

    SCENARIO = "scenario"  # the simulated one
    PRESENT = "present"  # moved so that the last one is received when the run ends; in real time the first one now


def moved(batch: ReportBatch, times: Times, now_ms: int, speed: float) -> ReportBatch:
    """The batch with its times as ``times`` says, played at ``speed`` times real time from ``now_ms`` on.

    A fix time of 0 is none, and stays so. Whole seconds, so that nothing that is told by the second changes.
    """
    if times is Times.SCENARIO or not len(batch):
        return batch
    rows = batch.rows.copy()
    first_ms, last_ms = int(rows["recv_ms"].min()), int(rows["recv_ms"].max())
    shift_ms = int(now_ms + (last_ms - first_ms) / speed - last_ms) // 1_000 * 1_000
    rows["fix_ms"] += np.where(rows["fix_ms"] > 0, shift_ms, 0)
    rows["recv_ms"] += shift_ms
    return ReportBatch(batch.keys, rows, batch.drivers, batch.sources)
