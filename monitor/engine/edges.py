"""Writing edges from compiled code, and small questions that several rules ask about a step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.model.compiled import compiled

MAX_STEP_MS = 180_000
"""A run of reports never goes on over a longer step (readings, Speeding)."""
MIN_STEP_MS = 60_000
"""A run always goes on over a step up to this (rulebook S1: reports within 60 s are one event)."""


@compiled
def new_edge(
    out: NDArray[np.void], cursor: NDArray[np.int64], x: np.void, code: int, kind: int, edge: int, onset_ms: int
) -> int:
    """Take the next edge row, filled with what is common to all; returns its index."""
    n = cursor[0]
    cursor[0] = n + 1
    e = out[n]
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
    e["inhibits"] = 0
    return n


@compiled
def longest_step_ms(core: np.void) -> int:
    """Longest step over which a run goes on: max(60 s, 1.5 x the vehicle's own interval), at most 180 s.

    The interval is the median of the last five steps of at most 180 s, as they were before the current step.
    """
    n = core["n_steps"]
    if n == 0:
        return MAX_STEP_MS
    sorted_ds = np.empty(5, np.int64)
    for i in range(n):
        value = np.int64(core["steps_ds"][i])
        j = i
        while j > 0 and sorted_ds[j - 1] > value:
            sorted_ds[j] = sorted_ds[j - 1]
            j -= 1
        sorted_ds[j] = value
    limit = sorted_ds[n // 2] * 150
    if limit < MIN_STEP_MS:
        return MIN_STEP_MS
    if limit > MAX_STEP_MS:
        return MAX_STEP_MS
    return limit


@compiled
def in_grace(x: np.void) -> bool:
    """Whether the step reaches back before our own last pause and comes within the grace after it."""
    return x["clock_ms"] <= x["grace_until_ms"] and x["previous_clock_ms"] <= x["paused_ms"]
