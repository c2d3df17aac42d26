"""A gap in a vehicle's track that waits for backfill, live: kept once for all rules that tell of gaps.

A rule's ``step`` asks for it with ``want_gap``; when the wait is over its ``gap`` entry is asked for each part that is
left, with what ``state_gap`` says of it. Settled there is no wait. Where several rules ask for the same gap the shorter
wait holds for all, so that what one of them inhibits of another is decided in one moment.

Reports from inside the gap make it shorter or split it in two, each judged by itself. One gap is kept per vehicle: the
next one publishes it. A third part would be one too many: the shortest is given up, until settlement.
"""

from __future__ import annotations

from enum import IntFlag

import numpy as np

from monitor.engine.edges import new_edge, section_mark
from monitor.model.alarm import EndReason
from monitor.model.compiled import compiled
from monitor.model.edge import EdgeType
from monitor.model.geo import distance_m, from_e7, to_e7


class GapFlag(IntFlag):
    """What is known of a gap; the first two say which rules found one."""

    TRACK_GAP = 1
    DISPLACEMENT = 2
    LATE = 4
    FILLED = 8  # backfill has left less of it
    SPLIT = 16  # and two parts


WHOLE, FIRST, SECOND = 0, 1, 2
"""Parts of a gap that can be told."""

MOST_MS = 2**31 - 1
"""Longer gaps, of 24 days, are not split: places within them are kept as 32 bits."""

_LATE = int(GapFlag.LATE)
_FILLED = int(GapFlag.FILLED)
_SPLIT = int(GapFlag.SPLIT)
_ONSET = int(EdgeType.ONSET)
_CLEAR = int(EdgeType.CLEAR)
_RETURNED = int(EndReason.CONTACT_RETURNED)


@compiled
def want_gap(x: np.void, use: int, wait_ms: int) -> None:
    """From a rule's ``step``: this step is a gap that it tells of after ``wait_ms`` without backfill."""
    x["gap_wait_ms"] = wait_ms if x["gap_uses"] == 0 else min(x["gap_wait_ms"], wait_ms)
    x["gap_uses"] = x["gap_uses"] | use


@compiled
def want_part(core: np.void, x: np.void, use: int, least_ms: int) -> None:
    """From a rule's ``late``: parts of the gap that it tells of are longer than ``least_ms``."""
    if core["gap_flags"] & use != 0:
        x["gap_least_ms"] = min(x["gap_least_ms"], least_ms)


@compiled
def keep_gap(core: np.void, x: np.void) -> None:
    """The step is a gap that rules have asked for."""
    core["gap_flags"] = x["gap_uses"] | (_LATE if x["late"] == 1 else 0)
    x["gap_uses"] = 0
    core["gap_from_ms"] = x["previous_fix_ms"]
    core["gap_to_ms"] = x["fix_ms"]
    core["gap_due_ms"] = x["clock_ms"] + x["gap_wait_ms"]
    core["gap_from_lon_e7"] = to_e7(x["previous_lon_deg"])
    core["gap_from_lat_e7"] = to_e7(x["previous_lat_deg"])
    core["gap_to_lon_e7"] = to_e7(x["lon_deg"])
    core["gap_to_lat_e7"] = to_e7(x["lat_deg"])
    core["gap_to_section"] = section_mark(x)
    core["gap_driver"] = x["previous_driver"]
    core["gap_source"] = x["source"]


@compiled
def fill_gap(core: np.void, x: np.void) -> None:
    """A report older than the newest: what it leaves of the gap that waits. ``x["gap_least_ms"]`` is stated."""
    from_ms = core["gap_from_ms"]
    to_ms = core["gap_to_ms"]
    at_ms = x["fix_ms"]
    if x["clock_ms"] > core["gap_due_ms"] or not from_ms < at_ms < to_ms:
        return
    core["gap_flags"] = core["gap_flags"] | _FILLED
    least_ms = x["gap_least_ms"]
    if core["gap_flags"] & _SPLIT == 0:
        before_ms, behind_ms = at_ms - from_ms, to_ms - at_ms
        if min(before_ms, behind_ms) > least_ms and to_ms - from_ms <= MOST_MS:
            core["gap_flags"] = core["gap_flags"] | _SPLIT
            end_first(core, x)
            begin_second(core, x)
        elif before_ms < behind_ms:
            begin_first(core, x)
        else:
            end_last(core, x)
        return
    first_end_ms = from_ms + core["gap_seen_from_ms"]
    second_begin_ms = from_ms + core["gap_seen_to_ms"]
    if at_ms < first_end_ms:
        before_ms, behind_ms, other_ms = at_ms - from_ms, first_end_ms - at_ms, to_ms - second_begin_ms
        if other_ms < min(before_ms, behind_ms) and min(before_ms, behind_ms) > least_ms:
            core["gap_to_ms"] = first_end_ms
            core["gap_to_lon_e7"] = core["gap_seen_from_lon_e7"]
            core["gap_to_lat_e7"] = core["gap_seen_from_lat_e7"]
            core["gap_to_section"] = core["gap_seen_from_section"]
            end_first(core, x)
            begin_second(core, x)
        elif before_ms < behind_ms:
            begin_first(core, x)
        else:
            end_first(core, x)
    elif at_ms > second_begin_ms:
        before_ms, behind_ms, other_ms = at_ms - second_begin_ms, to_ms - at_ms, first_end_ms - from_ms
        if other_ms < min(before_ms, behind_ms) and min(before_ms, behind_ms) > least_ms:
            core["gap_from_ms"] = second_begin_ms
            core["gap_from_lon_e7"] = core["gap_seen_to_lon_e7"]
            core["gap_from_lat_e7"] = core["gap_seen_to_lat_e7"]
            end_first(core, x)
            begin_second(core, x)
        elif before_ms < behind_ms:
            begin_second(core, x)
        else:
            end_last(core, x)


@compiled
def begin_first(core: np.void, x: np.void) -> None:
    """The gap begins at this report."""
    if core["gap_flags"] & _SPLIT != 0:
        later_ms = x["fix_ms"] - core["gap_from_ms"]
        core["gap_seen_from_ms"] = core["gap_seen_from_ms"] - later_ms
        core["gap_seen_to_ms"] = core["gap_seen_to_ms"] - later_ms
    core["gap_from_ms"] = x["fix_ms"]
    core["gap_from_lon_e7"] = to_e7(x["lon_deg"])
    core["gap_from_lat_e7"] = to_e7(x["lat_deg"])


@compiled
def end_first(core: np.void, x: np.void) -> None:
    """The first part ends at this report."""
    core["gap_seen_from_ms"] = x["fix_ms"] - core["gap_from_ms"]
    core["gap_seen_from_lon_e7"] = to_e7(x["lon_deg"])
    core["gap_seen_from_lat_e7"] = to_e7(x["lat_deg"])
    core["gap_seen_from_section"] = section_mark(x)


@compiled
def begin_second(core: np.void, x: np.void) -> None:
    """The second part begins at this report."""
    core["gap_seen_to_ms"] = x["fix_ms"] - core["gap_from_ms"]
    core["gap_seen_to_lon_e7"] = to_e7(x["lon_deg"])
    core["gap_seen_to_lat_e7"] = to_e7(x["lat_deg"])


@compiled
def end_last(core: np.void, x: np.void) -> None:
    """The gap ends at this report."""
    core["gap_to_ms"] = x["fix_ms"]
    core["gap_to_lon_e7"] = to_e7(x["lon_deg"])
    core["gap_to_lat_e7"] = to_e7(x["lat_deg"])
    core["gap_to_section"] = section_mark(x)


@compiled
def state_gap(core: np.void, x: np.void, part: int) -> None:
    """What is to be judged: all of the gap, or one of its two parts."""
    from_ms = core["gap_from_ms"]
    x["gap_flags"] = core["gap_flags"]
    x["gap_from_ms"] = from_ms
    x["gap_to_ms"] = core["gap_to_ms"]
    x["gap_from_lon_deg"] = from_e7(core["gap_from_lon_e7"])
    x["gap_from_lat_deg"] = from_e7(core["gap_from_lat_e7"])
    x["gap_to_lon_deg"] = from_e7(core["gap_to_lon_e7"])
    x["gap_to_lat_deg"] = from_e7(core["gap_to_lat_e7"])
    x["gap_section"] = core["gap_to_section"]
    if part == FIRST:
        x["gap_to_ms"] = from_ms + core["gap_seen_from_ms"]
        x["gap_to_lon_deg"] = from_e7(core["gap_seen_from_lon_e7"])
        x["gap_to_lat_deg"] = from_e7(core["gap_seen_from_lat_e7"])
        x["gap_section"] = core["gap_seen_from_section"]
    elif part == SECOND:
        x["gap_from_ms"] = from_ms + core["gap_seen_to_ms"]
        x["gap_from_lon_deg"] = from_e7(core["gap_seen_to_lon_e7"])
        x["gap_from_lat_deg"] = from_e7(core["gap_seen_to_lat_e7"])
    x["gap_distance_m"] = distance_m(
        x["gap_from_lon_deg"], x["gap_from_lat_deg"], x["gap_to_lon_deg"], x["gap_to_lat_deg"]
    )
    x["gap_driver"] = core["gap_driver"]
    x["gap_source"] = core["gap_source"]
    x["gap_at_ms"] = min(int(x["clock_ms"]), int(core["gap_due_ms"]))


@compiled
def is_left(x: np.void, least_ms: int, least_m: float) -> bool:
    """Whether what is stated is still a gap: as long and as far as one, where backfill has made it less."""
    if x["gap_flags"] & _FILLED == 0:
        return True
    return bool(x["gap_to_ms"] - x["gap_from_ms"] > least_ms and x["gap_distance_m"] > least_m)


@compiled
def write_gap(x: np.void, out: np.void, code: int, limit_m: float, grade: int) -> None:
    """Begin and end of the gap that is stated."""
    for edge in (_ONSET, _CLEAR):
        e = new_edge(out, x, code, 0, edge, x["gap_from_ms"])
        e["driver"] = x["gap_driver"]
        e["platform"] = x["gap_source"] - 1
        e["at_ms"] = x["gap_at_ms"]
        e["peak"] = x["gap_distance_m"] / 1000.0
        e["limit"] = limit_m / 1000.0
        e["distance_m"] = x["gap_distance_m"]
        e["grade"] = grade
        e["start_lon"] = x["gap_from_lon_deg"]
        e["start_lat"] = x["gap_from_lat_deg"]
        e["end_lon"] = x["gap_to_lon_deg"]
        e["end_lat"] = x["gap_to_lat_deg"]
        e["end_section"] = x["gap_section"]
        e["n_reports"] = 2
        e["late"] = 1 if x["gap_flags"] & _LATE != 0 else 0
        if edge == _CLEAR:
            e["end_ms"] = x["gap_to_ms"]
            e["end_reason"] = _RETURNED
