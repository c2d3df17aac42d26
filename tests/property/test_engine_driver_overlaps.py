"""One driver in two vehicles, against a comparison of every stretch with every other."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.engine.driver_overlaps import DriverOverlaps
from monitor.engine.state import STRETCH, StretchKind
from monitor.model.beijing import DAY_MS

KEYS = ("V2", "V0", "V1")
LEAST_MS = 300
CLOCK_MS = 20_600 * DAY_MS


@st.composite
def days(draw: st.DrawFn, vehicles: int = 3) -> NDArray[np.void]:
    """Stretches of some vehicles, each vehicle's one after the other, all in the order of their ends."""
    found: list[tuple[int, int, int, int, float, int]] = []
    for row in range(vehicles):
        at_ms = CLOCK_MS
        for _ in range(draw(st.integers(0, 8))):
            to_ms = at_ms + draw(st.sampled_from((1, 100, 300, 301, 500, 1000)))
            kind = draw(st.sampled_from((StretchKind.DRIVE, StretchKind.DRIVE, StretchKind.STOP)))
            found.append((row, draw(st.sampled_from((-1, 0, 0, 1))), at_ms, to_ms, 0.0, kind))
            at_ms = to_ms
    return np.array(sorted(found, key=lambda one: one[3]), STRETCH)


def told(overlaps: list[NDArray[np.void]]) -> list[tuple[int, ...]]:
    return sorted(tuple(int(value) for value in one) for part in overlaps for one in part)


def by_hand(stretches: NDArray[np.void]) -> list[tuple[int, ...]]:
    driven = [s for s in stretches if s["kind"] == StretchKind.DRIVE and s["driver"] >= 0]
    found = []
    for mine in driven:
        ends = [
            int(other["to_ms"])
            for other in driven
            if other["driver"] == mine["driver"]
            and other["row"] != mine["row"]
            and (other["from_ms"], KEYS[other["row"]]) < (mine["from_ms"], KEYS[mine["row"]])
            and min(other["to_ms"], mine["to_ms"]) - mine["from_ms"] > LEAST_MS
        ]
        if ends:
            over = min(max(ends), int(mine["to_ms"]))
            found.append((mine["row"], mine["driver"], mine["from_ms"], over, max(max(ends), int(mine["to_ms"]))))
    return sorted(tuple(int(value) for value in one) for one in found)


@settings(max_examples=300, deadline=None)
@given(days())
def test_what_is_known_at_once_is_what_a_comparison_of_all_finds(stretches: NDArray[np.void]) -> None:
    assert told([DriverOverlaps().take(stretches, KEYS, LEAST_MS, CLOCK_MS)]) == by_hand(stretches)


@settings(max_examples=300, deadline=None)
@given(days(vehicles=2), st.permutations(range(2)), st.lists(st.integers(0, 16), max_size=5), st.booleans())
def test_order_cuts_and_restarts_change_nothing(
    stretches: NDArray[np.void], first: list[int], cuts: list[int], by_vehicle: bool
) -> None:
    """Of three vehicles at once only the end can differ: what was said to be over is not opened again."""
    expected = by_hand(stretches)
    if by_vehicle:
        stretches = np.concatenate([stretches[stretches["row"] == row] for row in first])
    overlaps = DriverOverlaps()
    found = []
    for part in np.split(stretches, sorted(cut for cut in cuts if cut <= len(stretches))):
        found.append(overlaps.take(part, KEYS, LEAST_MS, CLOCK_MS))
        data = overlaps.snapshot()
        overlaps = DriverOverlaps()
        overlaps.restore(data)
    assert told(found) == expected


@settings(max_examples=200, deadline=None)
@given(days(), st.lists(st.integers(0, 24), max_size=5))
def test_three_vehicles_make_as_many_alarms_however_they_are_cut(stretches: NDArray[np.void], cuts: list[int]) -> None:
    overlaps = DriverOverlaps()
    parts = np.split(stretches, sorted(cut for cut in cuts if cut <= len(stretches)))
    found = told([overlaps.take(part, KEYS, LEAST_MS, CLOCK_MS) for part in parts])
    assert [one[:3] for one in found] == [one[:3] for one in by_hand(stretches)]


def test_what_is_days_old_is_let_go() -> None:
    overlaps = DriverOverlaps()
    stretches = np.zeros(2, STRETCH)
    stretches["row"] = [0, 1]
    stretches["kind"] = StretchKind.DRIVE
    stretches["from_ms"] = CLOCK_MS
    stretches["to_ms"] = CLOCK_MS + 1000
    assert not len(overlaps.take(stretches[:1], KEYS, LEAST_MS, CLOCK_MS))
    assert not len(overlaps.take(stretches[1:], KEYS, LEAST_MS, CLOCK_MS + 6 * DAY_MS))
