"""The pass over reports and the pass over deadlines; every rule's entries are written into a copy of this file.

Numba finds a compiled function in its cache by the file it stands in, so a closure over rule functions would compile
again at every start. ``monitor.engine.generated`` replaces the block between the two marks by calls of the active
rules' entries and imports the copy. As it stands here, with no rules, it runs too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.engine.held_gap import FIRST, SECOND, WHOLE, GapFlag, fill_gap, keep_gap, state_gap
from monitor.engine.near import is_fenced, state_near, state_nothing_near
from monitor.engine.prefetch import prefetch_row
from monitor.engine.receive import (
    Outcome,
    absorb_step,
    acc_of,
    count_report,
    is_received,
    judge_place,
    measure_step,
    note_time,
    order_of,
    prepare_step,
    state_receipt,
    state_report,
    state_wheels,
)
from monitor.engine.state import DAY_ROOM, EDGE_ROOM, SIGN_ROOM, STRETCH_ROOM
from monitor.model.beijing import NEVER_MS, day_of, day_start_ms
from monitor.model.compiled import compiled, folded
from monitor.model.flaw import POSITION_FLAWS, Flaw
from monitor.model.geo import from_e7

# --- rules begin


@compiled
def step_rules(r: np.void, p: np.void, core: np.void, x: np.void, out: np.void) -> None:
    """Entries of all rules for one accepted report."""


@compiled
def contact_rules(r: np.void, p: np.void, core: np.void, x: np.void, out: np.void) -> None:
    """Entries of all rules for one contact."""


@compiled
def receipt_rules(r: np.void, p: np.void, core: np.void, x: np.void, out: np.void) -> None:
    """Entries of all rules for one report of known receipt."""


@folded
def report_rules(r: np.void, p: np.void, core: np.void, x: np.void, out: np.void) -> None:
    """Entries of all rules for one report newer than all before it, or one that repeats the newest time."""


@compiled
def gap_rules(r: np.void, p: np.void, core: np.void, x: np.void, out: np.void) -> None:
    """Entries of all rules for a gap that nothing will fill any more."""


@compiled
def late_rules(r: np.void, p: np.void, core: np.void, x: np.void, out: np.void) -> None:
    """Entries of all rules for one report older than the newest."""


@compiled
def advance_track_rules(r: np.void, p: np.void, core: np.void, x: np.void, out: np.void) -> int:
    """Time passes for rules in fix-time order; returns the next deadline."""
    return NEVER_MS


@compiled
def advance_contact_rules(r: np.void, p: np.void, core: np.void, x: np.void, out: np.void) -> int:
    """Time passes for rules in receive order; returns the next deadline."""
    return NEVER_MS


@compiled
def close_day_rules(r: np.void, p: np.void, core: np.void, day: np.void, x: np.void, out: np.void) -> None:
    """Entries of all rules at the end of a vehicle's day."""


# --- rules end

TRACK = 1
"""Phase bit: rules that run in fix-time order."""
CONTACT = 2
"""Phase bit: rules that run in receive order."""

LATE = 1
"""Mark of a report: old when received, or flagged as made up later."""

EDGES_PER_REPORT = 96
"""Room that must be free in the edge buffer before a report: more than all rules together can write."""
DAYS_PER_REPORT = 4
STRETCHES_PER_REPORT = 16
SIGNS_PER_REPORT = 16

AHEAD = 8
"""How many reports ahead a vehicle's row is asked for (measured: 6 to 16 are alike)."""

WAKE_MS = 600_000
"""After this silence time begins to pass for a vehicle's rules without a report."""
DAY_GRACE_MS = 600_000
"""Live, a day is closed this long after midnight, so that reports under way are still counted."""

AGAIN_MS = 300_000
"""A second report of the newest time still belongs to it this long after the last contact (D, as Q5's "late")."""

_UNTIMED = int(Outcome.UNTIMED)
_DUPLICATE = int(Outcome.DUPLICATE)
_CONFLICT = int(Outcome.CONFLICT)
_OUT_OF_ORDER = int(Outcome.OUT_OF_ORDER)
_NO_POSITION = int(Outcome.NO_POSITION)
_DRIFT = int(Outcome.DRIFT)
_CONFIRMED = int(Outcome.CONFIRMED)
_TIME = int(Flaw.TIME)
_SPEED = int(Flaw.SPEED)
_POSITION = int(POSITION_FLAWS)
_SPLIT = int(GapFlag.SPLIT)


@compiled
def close_day(
    r: np.void,
    p: np.void,
    x: np.void,
    out: np.void,
) -> None:
    """Write the vehicle's day row, let the rules judge the day, and start from zero."""
    core = r["core"]
    if core["reports_total"] > 0:
        n = out["n_days"]
        out["n_days"] = n + 1
        day = out["days"][n]
        copy_day(day, core, x["row"])
        close_day_rules(r, p, core, day, x, out)
    clear_day(core)


@compiled
def copy_day(day: np.void, core: np.void, row: int) -> None:
    """The counters of ``core`` as a day row."""
    day["row"] = row
    day["day"] = core["day"]
    day["reports_total"] = core["reports_total"]
    day["reports_qualified"] = core["reports_qualified"]
    day["bad_time"] = core["bad_time"]
    day["bad_longitude"] = core["bad_longitude"]
    day["bad_latitude"] = core["bad_latitude"]
    day["bad_speed"] = core["bad_speed"]
    day["bad_altitude"] = core["bad_altitude"]
    day["bad_direction"] = core["bad_direction"]
    day["no_fix"] = core["no_fix"]
    day["bad_status"] = core["bad_status"]
    day["not_registered"] = core["not_registered"]
    day["drift_points"] = core["drift_points"]
    day["drift_vehicle"] = 0
    day["mileage_m"] = core["mileage_m"]
    day["mileage_complete_m"] = core["mileage_complete_m"]


@compiled
def clear_day(core: np.void) -> None:
    """Counters to zero."""
    core["reports_total"] = 0
    core["reports_qualified"] = 0
    core["bad_time"] = 0
    core["bad_longitude"] = 0
    core["bad_latitude"] = 0
    core["bad_speed"] = 0
    core["bad_altitude"] = 0
    core["bad_direction"] = 0
    core["no_fix"] = 0
    core["bad_status"] = 0
    core["not_registered"] = 0
    core["drift_points"] = 0
    core["mileage_m"] = 0.0
    core["mileage_complete_m"] = 0.0


@compiled
def pass_time(
    row: int,
    r: np.void,
    p: np.void,
    span: np.void,
    x: np.void,
    clock_ms: int,
    phases: int,
    out: np.void,
) -> int:
    """Let time pass for one vehicle up to ``clock_ms``; returns its next deadline.

    A day that time has closed stays closed: what still comes of it live counts for the next, until settlement.
    """
    core = r["core"]
    x["row"] = row
    x["source"] = core["source"]
    x["heard_ms"] = core["contact_ms"]
    x["clock_ms"] = clock_ms
    x["driver"] = core["driver"]
    x["late"] = 0
    x["due_from_ms"] = day_start_ms(span["due_from_day"])
    x["suspended_from_ms"] = day_start_ms(span["suspended_from_day"])
    x["suspended_to_ms"] = day_start_ms(span["suspended_to_day"])
    x["retired_ms"] = day_start_ms(span["retired_day"])
    deadline = NEVER_MS
    first_edge = out["n_edges"]
    if phases & TRACK != 0:
        if core["gap_flags"] != 0:
            if clock_ms > core["gap_due_ms"]:
                tell_gap(r, p, x, out)
            else:
                deadline = min(deadline, core["gap_due_ms"])
        deadline = min(deadline, advance_track_rules(r, p, core, x, out))
        if core["reports_total"] > 0 and core["day"] > 0:
            day_end = day_start_ms(core["day"] + 1)
            due = day_end if x["settled"] == 1 else day_end + DAY_GRACE_MS
            if clock_ms >= due:
                x["clock_ms"] = due
                close_day(r, p, x, out)
                core["day"] += 1
                x["clock_ms"] = clock_ms
            else:
                deadline = min(deadline, due - 1)
    if phases & CONTACT != 0:
        deadline = min(deadline, advance_contact_rules(r, p, core, x, out))
    if out["n_edges"] - first_edge > 1:
        sort_edges(out, first_edge)
    return deadline


@compiled
def sort_edges(out: np.void, first: int) -> None:
    """Edges from ``first`` on by the clock that they carry: time finds them rule by rule, but one may bear on another.

    By insertion, which keeps the order of equal ones; the place behind the last is free and serves as the hand.
    """
    edges = out["edges"]
    n = out["n_edges"]
    for i in range(first + 1, n):
        place = i
        while place > first and edges[place - 1]["at_ms"] > edges[i]["at_ms"]:
            place -= 1
        if place < i:
            edges[n] = edges[i]
            for j in range(i, place, -1):
                edges[j] = edges[j - 1]
            edges[place] = edges[n]


@compiled
def take_step(r: np.void, p: np.void, x: np.void, out: np.void) -> None:
    """One prepared step through the rules, then into the core."""
    core = r["core"]
    if core["gap_flags"] != 0 and x["clock_ms"] > core["gap_due_ms"]:
        tell_gap(r, p, x, out)
    step_rules(r, p, core, x, out)
    if x["gap_uses"] != 0:
        take_gap(r, p, x, out)
    absorb_step(core, x)


@compiled
def take_gap(r: np.void, p: np.void, x: np.void, out: np.void) -> None:
    """The step is a gap: told at once where no report can come late, otherwise it waits in place of the one before."""
    core = r["core"]
    if core["gap_flags"] != 0:
        tell_gap(r, p, x, out)
    keep_gap(core, x)
    if x["settled"] == 1:
        tell_gap(r, p, x, out)


@compiled
def tell_gap(r: np.void, p: np.void, x: np.void, out: np.void) -> None:
    """The gap that waits, or what backfill has left of it, is final."""
    core = r["core"]
    if core["gap_flags"] & _SPLIT == 0:
        state_gap(core, x, WHOLE)
        gap_rules(r, p, core, x, out)
    else:
        state_gap(core, x, FIRST)
        gap_rules(r, p, core, x, out)
        state_gap(core, x, SECOND)
        gap_rules(r, p, core, x, out)
    core["gap_flags"] = 0


@compiled
def take_pending(r: np.void, p: np.void, x: np.void, out: np.void) -> None:
    """The held-back reports were no drift: take them as steps and take their drift points back."""
    core = r["core"]
    state_wheels(x, -1, -1, -1)
    state_nothing_near(x)
    x["permit"] = -2
    fix_ms, clock_ms = x["fix_ms"], x["clock_ms"]
    lon, lat = x["lon_deg"], x["lat_deg"]
    speed_dkmh, acc, driver, late = x["speed_dkmh"], x["acc"], x["driver"], x["late"]
    for i in range(core["n_pending"]):
        held = core["pending"][i]
        if day_of(held["fix_ms"]) == core["day"] and core["drift_points"] > 0:
            core["drift_points"] -= 1
        state_report(
            x,
            held["fix_ms"],
            held["clock_ms"],
            from_e7(held["lon_e7"]),
            from_e7(held["lat_e7"]),
            held["speed_dkmh"],
            held["acc"],
            held["driver"],
            held["late"],
        )
        measure_step(core, x)
        prepare_step(core, x)
        x["jump"] = 1 if i == 0 else 0
        take_step(r, p, x, out)
    x["jump"] = 0
    state_report(x, fix_ms, clock_ms, lon, lat, speed_dkmh, acc, driver, late)
    measure_step(core, x)
    core["n_pending"] = 0


@compiled
def is_full(out: np.void) -> bool:
    """Whether a report could find a buffer too short."""
    return bool(
        out["n_edges"] + EDGES_PER_REPORT > EDGE_ROOM
        or out["n_days"] + DAYS_PER_REPORT > DAY_ROOM
        or out["n_stretches"] + STRETCHES_PER_REPORT > STRETCH_ROOM
        or out["n_signs"] + SIGNS_PER_REPORT > SIGN_ROOM
    )


@compiled
def run(
    reports: NDArray[np.void],
    row_of: NDArray[np.int32],
    driver_of: NDArray[np.int32],
    source_of: NDArray[np.int32],
    clocks: NDArray[np.int64],
    marks_of: NDArray[np.int8],
    near_of: NDArray[np.int32],
    nears: NDArray[np.void],
    sections: NDArray[np.void],
    permits: NDArray[np.void],
    start: int,
    phases: int,
    rows: NDArray[np.void],
    params: NDArray[np.void],
    spans: NDArray[np.void],
    deadlines: NDArray[np.int64],
    steps: NDArray[np.void],
    outs: NDArray[np.void],
    outcomes: NDArray[np.int8],
) -> int:
    """Take reports ``start:`` in order; returns how far it came (short of the end when a buffer is nearly full)."""
    n = len(reports)
    surrounded = len(near_of) > 0
    x = steps[0]
    out = outs[0]
    for i in range(start, n):
        if is_full(out):
            return i
        if i + AHEAD < n:
            prefetch_row(rows, row_of[i + AHEAD])
        report = reports[i]
        row = row_of[i]
        r = rows[row]
        core = r["core"]
        x["source"] = core["source"]
        x["heard_ms"] = core["contact_ms"]
        p = params[core["profile"]]
        clock_ms = clocks[i]
        flaws = int(report["flaws"])
        if flaws & _TIME != 0:
            if phases & TRACK != 0:
                if x["settled"] == 0 and clock_ms > deadlines[row]:
                    deadlines[row] = pass_time(row, r, p, spans[row], x, clock_ms, phases, out)
                if core["reports_total"] == 0:
                    core["day"] = max(int(core["day"]), day_of(clock_ms))
                count_report(core, flaws)
                deadlines[row] = min(deadlines[row], clock_ms + WAKE_MS)
            # A settled pass in both phases at once is one over files that state no receipt.
            if phases == CONTACT or (phases & CONTACT != 0 and x["settled"] == 0 and is_received(report, clock_ms)):
                x["row"] = row
                x["clock_ms"] = max(clock_ms, report["recv_ms"])
                x["lon_deg"] = report["lon_deg"]
                x["lat_deg"] = report["lat_deg"]
                x["positioned"] = 1 if flaws & _POSITION == 0 else 0
                state_receipt(x, report)
                receipt_rules(r, p, core, x, out)
                deadlines[row] = min(deadlines[row], clock_ms + WAKE_MS)
            outcomes[i] = _UNTIMED
            continue
        if clock_ms > deadlines[row]:
            deadlines[row] = pass_time(row, r, p, spans[row], x, clock_ms, phases, out)
        fix_ms = report["fix_ms"]
        order = order_of(core, report)
        repeats = order in (_DUPLICATE, _CONFLICT)
        word = report["alarm_flags"]
        if repeats and (
            word <= 0 or fix_ms != core["time_ms"] or clock_ms - core["contact_ms"] > AGAIN_MS or phases & TRACK == 0
        ):
            outcomes[i] = order
            continue
        positioned = flaws & _POSITION == 0
        x["row"] = row
        x["positioned"] = 1 if positioned else 0
        state_report(
            x,
            fix_ms,
            clock_ms,
            report["lon_deg"],
            report["lat_deg"],
            -1 if flaws & _SPEED != 0 else int(report["speed_dkmh"]),
            acc_of(report["flags"]),
            int(driver_of[i]),
            marks_of[i] & LATE,
        )
        x["alarm_word"] = word
        near = near_of[i] if surrounded else -1
        if near >= 0:
            state_near(
                x,
                core["section"] - 1,
                core["rival"] - 1,
                float(core["rival_nats"]),
                nears[near],
                sections,
                permits,
            )
        else:
            state_nothing_near(x)
        x["fenced"] = is_fenced(x)
        if repeats:
            x["again"] = 1
            report_rules(r, p, core, x, out)
            x["again"] = 0
            outcomes[i] = order
            continue
        if phases & CONTACT != 0:
            x["stale"] = 1 if order == _OUT_OF_ORDER else 0
            core["source"] = source_of[i] + 1
            contact_rules(r, p, core, x, out)
            state_receipt(x, report)
            receipt_rules(r, p, core, x, out)
            core["contact_ms"] = clock_ms
        if phases & TRACK == 0:
            if order != _OUT_OF_ORDER:
                note_time(core, fix_ms)
            deadlines[row] = min(deadlines[row], clock_ms + WAKE_MS)
            outcomes[i] = 0
            continue
        if order == _OUT_OF_ORDER:
            if positioned and core["gap_flags"] != 0:
                x["gap_least_ms"] = NEVER_MS
                late_rules(r, p, core, x, out)
                fill_gap(core, x)
            outcomes[i] = order
            continue
        day = day_of(fix_ms)
        if day > core["day"]:
            if core["reports_total"] > 0 and core["day"] > 0:
                close_day(r, p, x, out)
            core["day"] = day
        note_time(core, fix_ms)
        count_report(core, flaws)
        deadlines[row] = min(deadlines[row], clock_ms + WAKE_MS)
        report_rules(r, p, core, x, out)
        if not positioned:
            outcomes[i] = _NO_POSITION
            continue
        measure_step(core, x)
        outcome = judge_place(core, x)
        outcomes[i] = outcome
        if outcome == _DRIFT:
            continue
        if outcome == _CONFIRMED:
            take_pending(r, p, x, out)
            outcomes[i] = 0
            if near >= 0:
                state_near(x, -1, -1, 0.0, nears[near], sections, permits)
        state_wheels(x, report["mileage_m"], report["recorder_speed_dkmh"], report["heading_deg"])
        prepare_step(core, x)
        take_step(r, p, x, out)
    return n


@compiled
def tick(
    clock_ms: int,
    start: int,
    phases: int,
    rows: NDArray[np.void],
    params: NDArray[np.void],
    spans: NDArray[np.void],
    deadlines: NDArray[np.int64],
    n_rows: int,
    steps: NDArray[np.void],
    outs: NDArray[np.void],
) -> int:
    """Let time pass for every vehicle whose deadline is over; returns how far it came."""
    x = steps[0]
    out = outs[0]
    for row in range(start, n_rows):
        if clock_ms > deadlines[row]:
            if is_full(out):
                return row
            r = rows[row]
            deadlines[row] = pass_time(row, r, params[r["core"]["profile"]], spans[row], x, clock_ms, phases, out)
    return n_rows


@compiled
def open_days(rows: NDArray[np.void], n_rows: int, days: NDArray[np.void]) -> int:
    """Copy the day in progress of every vehicle that has one; returns how many."""
    n = 0
    for row in range(n_rows):
        core = rows[row]["core"]
        if core["reports_total"] > 0:
            copy_day(days[n], core, row)
            n += 1
    return n
