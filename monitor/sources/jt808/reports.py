"""The reports of a round, as they go to the journal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.model.evidence import FrameForm
from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportBatch, concatenate
from monitor.quality.crs import to_wgs84
from monitor.sources.intake import Feed, FrameSpans, delimited
from monitor.sources.jt808.lines import Integers
from monitor.sources.jt808.round import Round
from monitor.sources.jt808.switchboard import Switchboard

_POSITIONED = int(ReportFlag.POSITIONED)
_NOTHING: Integers = np.zeros(0, np.int64)


def reports_of(round_: Round, switchboard: Switchboard, feed: Feed) -> tuple[ReportBatch, FrameSpans | None]:
    """What was taken, with platform, driver and coordinates as they are to be, and the bytes that it came in.

    The lines are brought up to date.
    """
    taken = np.flatnonzero(round_.taken)
    batch, frame_of = _taken(round_), np.repeat(taken, round_.frames["n_rows"][taken])
    if round_.also:
        numbers = [np.full(len(part), number, np.int64) for part, number, _ in round_.also]
        batch = concatenate([batch, *(part for part, _, _ in round_.also)])
        frame_of = np.concatenate([frame_of, *numbers])
        # Where their frames stand: what a terminal sent later must not come first.
        order = np.argsort(frame_of, kind="stable")
        batch, frame_of = replace(batch, rows=batch.rows[order]), frame_of[order]
    lines = round_.lines[frame_of]
    if not len(batch):
        return batch, None
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
    return replace(batch, drivers=drivers, sources=(feed.platform,)), _spans(round_, frame_of)


def _spans(round_: Round, frame_of: Integers) -> FrameSpans:
    """The bytes of each report: its frame, or all packets of its message."""
    begin, end = delimited(round_.frames["start"], round_.frames["end"], len(round_.buffer))
    parts = [round_.buffer]
    size = len(round_.buffer)
    for _, number, received in round_.also:
        if received:
            parts.append(received)
            begin[number], end[number] = size, size + len(received)
            size += len(received)
    return FrameSpans(FrameForm.JT808, b"".join(parts) if len(parts) > 1 else parts[0], begin[frame_of], end[frame_of])


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
