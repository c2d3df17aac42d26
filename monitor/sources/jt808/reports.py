"""The reports of a round, as they go to the journal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportBatch, concatenate
from monitor.quality.crs import to_wgs84
from monitor.sources.intake import Feed
from monitor.sources.jt808.lines import Integers
from monitor.sources.jt808.round import Round
from monitor.sources.jt808.switchboard import Switchboard

_POSITIONED = int(ReportFlag.POSITIONED)
_NOTHING: Integers = np.zeros(0, np.int64)


def reports_of(round_: Round, switchboard: Switchboard, feed: Feed) -> ReportBatch:
    """What was taken, with platform, driver and coordinates as they are to be; the lines are brought up to date."""
    taken = np.flatnonzero(round_.taken)
    batch, frame_of = _taken(round_), np.repeat(taken, round_.frames["n_rows"][taken])
    if round_.also:
        numbers = [np.full(len(part), number, np.int64) for part, number in round_.also]
        batch = concatenate([batch, *(part for part, _ in round_.also)])
        frame_of = np.concatenate([frame_of, *numbers])
        # Where their frames stand: what a terminal sent later must not come first.
        order = np.argsort(frame_of, kind="stable")
        batch, frame_of = replace(batch, rows=batch.rows[order]), frame_of[order]
    lines = round_.lines[frame_of]
    if not len(batch):
        return batch
    rows = batch.rows
    fix_ms = rows["fix_ms"]
    rows["source"] = 0
    indices, drivers = switchboard.drivers.of_batch(switchboard.lines.drivers_at(lines, fix_ms))
    rows["driver"] = indices
    to_wgs84(rows, feed.crs)
    known = switchboard.lines.rows
    known["changed"][lines] = True
    np.add.at(known["reports"], lines, 1)
    placed = (rows["flags"] & _POSITIONED != 0) & (fix_ms > 0) & (fix_ms <= round_.now_ms)
    # Of several positions of a terminal the last one counts, which is what assignment by index leaves.
    for column in ("fix_ms", "lon_deg", "lat_deg"):
        known[column][lines[placed]] = rows[column][placed]
    return replace(batch, drivers=drivers, sources=(feed.platform,))


def _taken(round_: Round) -> ReportBatch:
    """The reports of frames that were taken; terminals without any leave no key behind."""
    batch, frames = round_.batch, round_.frames
    with_reports = frames["n_rows"] > 0
    if not (with_reports & ~round_.taken).any():
        return batch
    rows = batch.rows[np.repeat(round_.taken, frames["n_rows"])]
    used, keys = np.unique(rows["key"], return_inverse=True)
    rows["key"] = keys
    return ReportBatch(tuple(batch.keys[key] for key in used.tolist()), rows)
