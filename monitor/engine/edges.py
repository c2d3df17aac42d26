"""Writing edges from compiled code, and small questions that several rules ask about a step."""

from __future__ import annotations

import numpy as np

from monitor.model.compiled import compiled
from monitor.model.edge import UNDIRECTED

MAX_STEP_MS = 180_000
"""A run of reports never goes on over a longer step (readings, Speeding)."""
MIN_STEP_MS = 60_000
"""A run always goes on over a step up to this (rulebook S1: reports within 60 s are one event)."""


@compiled
def new_edge(out: np.void, x: np.void, code: int, kind: int, edge: int, onset_ms: int) -> np.void:
    """Take the next edge row of an ``OUT`` record, filled with what is common to all."""
    n = out["n_edges"]
    out["n_edges"] = n + 1
    e: np.void = out["edges"][n]
    e["row"] = x["row"]
    e["driver"] = x["driver"]
    e["onset_ms"] = onset_ms
    e["end_ms"] = 0
    e["at_ms"] = x["clock_ms"]
    e["peak"] = np.nan
    e["mean"] = np.nan
    e["limit"] = np.nan
    e["distance_m"] = np.nan
    e["start_lon"] = np.nan
    e["start_lat"] = np.nan
    e["end_lon"] = np.nan
    e["end_lat"] = np.nan
    e["heard_ms"] = x["heard_ms"]
    e["platform"] = x["source"] - 1
    e["start_section"] = 0
    e["end_section"] = 0
    e["fence"] = 0
    e["permit"] = -1
    e["n_reports"] = 0
    e["rule"] = code
    e["kind"] = kind
    e["edge"] = edge
    e["grade"] = 0
    e["certainty"] = 0
    e["limit_source"] = 0
    e["end_reason"] = 0
    e["suspected_serious"] = 0
    e["night_only"] = 0
    e["late"] = x["late"]
    return e


@compiled
def new_sign(out: np.void, x: np.void, code: int, at_ms: int, value: int) -> np.void:
    """Take the next sign of an ``OUT`` record: something about one vehicle that a judge compares with others."""
    n = out["n_signs"]
    out["n_signs"] = n + 1
    s: np.void = out["signs"][n]
    s["row"] = x["row"]
    s["rule"] = code
    s["at_ms"] = at_ms
    s["value"] = value
    return s


@compiled
def new_stretch(out: np.void, x: np.void, kind: int, from_ms: int, to_ms: int, driver: int, distance: float) -> None:
    """Write a stretch of the vehicle's time that is over."""
    n = out["n_stretches"]
    out["n_stretches"] = n + 1
    s = out["stretches"][n]
    s["row"] = x["row"]
    s["driver"] = driver
    s["from_ms"] = from_ms
    s["to_ms"] = to_ms
    s["distance_m"] = distance
    s["kind"] = kind


@compiled
def section_mark(x: np.void) -> int:
    """The road section of the step as edges carry it (``model.edge.section_place``)."""
    section: int = x["section"] + 1
    if section > 0 and x["along"] == 0:
        return section + UNDIRECTED
    return -section if x["along"] < 0 else section


@compiled
def longest_step_ms(core: np.void) -> int:
    """Longest step over which a run goes on: max(60 s, 1.5 x the vehicle's own interval), at most 180 s.

    The interval is the median of the last five steps of at most 180 s, as they were before the current step.
    """
    steps_ds = np.empty(5, np.int64)
    steps_ds[0] = core["step_1_ds"]
    steps_ds[1] = core["step_2_ds"]
    steps_ds[2] = core["step_3_ds"]
    steps_ds[3] = core["step_4_ds"]
    steps_ds[4] = core["step_5_ds"]
    steps_ds.sort()
    known = 0
    for step_ds in steps_ds:
        if step_ds > 0:
            known += 1
    if known == 0:
        return MAX_STEP_MS
    limit = steps_ds[5 - known + known // 2] * 150
    if limit < MIN_STEP_MS:
        return MIN_STEP_MS
    if limit > MAX_STEP_MS:
        return MAX_STEP_MS
    return int(limit)


@compiled
def in_grace(x: np.void) -> bool:
    """Whether the step reaches back before our own last pause and comes within the grace after it."""
    return bool(x["clock_ms"] <= x["grace_until_ms"] and x["previous_clock_ms"] <= x["paused_ms"])


@compiled
def silence_due_ms(x: np.void, last_clock_ms: int, silence_ms: int) -> int:
    """When silence since ``last_clock_ms`` ends what lasts; after a pause of our own not before its grace is over."""
    due: int = last_clock_ms + silence_ms
    if due > x["paused_ms"]:
        due = max(due, x["grace_until_ms"])
    return due
