"""Stretches: how a vehicle's time is told, and what of it is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.engine.engine import Engine, joined
from monitor.engine.state import STRETCH, StretchKind
from monitor.engine.stretch_clock import lasting_stretch
from monitor.engine.stretches import StretchPool, join_up
from monitor.rules import fatigue
from tests.traces import START_MS, batch_of

RULES = (fatigue.RULE,)
DRIVE, STOP, UNKNOWN = StretchKind
Told = list[tuple[int, int, StretchKind, int]]
"""From and to in seconds since the begin, kind, driver index."""


def told(stretches: NDArray[np.void]) -> Told:
    return [
        (
            (int(s["from_ms"]) - START_MS) // 1000,
            (int(s["to_ms"]) - START_MS) // 1000,
            StretchKind(s["kind"]),
            s["driver"],
        )
        for s in stretches
    ]


def way(speeds_kmh: Sequence[float], every_s: int, moves_m: dict[int, float] | None = None) -> list[float]:
    """Metres east by report; ``moves_m`` are steps that go so far instead."""
    steps = [speed * every_s / 3.6 for speed in speeds_kmh]
    for place, move_m in (moves_m or {}).items():
        steps[place] = move_m
    return [float(at) for at in np.cumsum(steps)]


def run(
    speeds_kmh: Sequence[float],
    *,
    every_s: int = 30,
    acc: list[int] | int = -1,
    driver: list[int] | int = -1,
    at_s: list[float] | None = None,
    moves_m: dict[int, float] | None = None,
) -> NDArray[np.void]:
    """Stretches of a settled run, the one that lasts at its end among them."""
    engine = Engine(RULES, settled=True)
    batch = batch_of(
        at_s or [every_s * i for i in range(len(speeds_kmh))],
        east_m=way(speeds_kmh, every_s, moves_m),
        speed_kmh=speeds_kmh,
        acc=acc,
        driver=driver,
        drivers=("A", "B"),
    )
    engine.begin_settled(START_MS, int(batch.rows["fix_ms"][-1]))
    return joined([engine.take_settled(batch), engine.finish()]).stretches


CASES: dict[str, tuple[dict[str, object], Told]] = {
    "a short stop is a stretch of its own": (
        {"speeds_kmh": [60] * 5 + [0] * 3 + [60] * 5},
        [(0, 150, DRIVE, -1), (150, 240, STOP, -1), (240, 360, DRIVE, -1)],
    ),
    "queueing is part of the stop": (
        {"speeds_kmh": [60] * 5 + [0, 10, 10, 0] + [60] * 5},
        [(0, 150, DRIVE, -1), (150, 270, STOP, -1), (270, 390, DRIVE, -1)],
    ),
    "a vehicle that stands": ({"speeds_kmh": [0] * 5}, [(0, 120, STOP, -1)]),
    "one report": ({"speeds_kmh": [60]}, []),
    "silence of 21 minutes with 5 km": (
        {
            "speeds_kmh": [60, 60, 60, 60],
            "at_s": [0, 30, 1290, 1320],
            "moves_m": {2: 5000},
        },
        [(0, 30, DRIVE, -1), (30, 1290, UNKNOWN, -1), (1290, 1320, DRIVE, -1)],
    ),
    "silence in one place": (
        {"speeds_kmh": [60, 60, 60, 60], "at_s": [0, 30, 1290, 1320], "moves_m": {2: 50}},
        [(0, 30, DRIVE, -1), (30, 1290, STOP, -1), (1290, 1320, DRIVE, -1)],
    ),
    "acc contradicts for longer than two minutes": (
        {"speeds_kmh": [60] * 12, "acc": [1] * 3 + [0] * 6 + [1] * 3},
        [(0, 90, DRIVE, -1), (90, 270, UNKNOWN, -1), (270, 330, DRIVE, -1)],
    ),
    "acc contradicts for two minutes": (
        {"speeds_kmh": [60] * 12, "acc": [1] * 3 + [0] * 4 + [1] * 5},
        [(0, 330, DRIVE, -1)],
    ),
    "another driver at a stop": (
        {"speeds_kmh": [60] * 3 + [0] * 4 + [60] * 3, "driver": [0] * 5 + [1] * 5},
        [(0, 90, DRIVE, 0), (90, 120, STOP, 0), (120, 210, STOP, 1), (210, 270, DRIVE, 1)],
    ),
    "a first card on the way": (
        {"speeds_kmh": [60] * 6, "driver": [-1] * 3 + [0] * 3},
        [(0, 90, DRIVE, -1), (90, 150, DRIVE, 0)],
    ),
    "no card in since the stop, then another": (
        {"speeds_kmh": [60] * 3 + [0] * 2 + [60] * 5, "driver": [0] * 3 + [-1] * 4 + [1] * 3},
        [(0, 90, DRIVE, 0), (90, 150, STOP, 0), (150, 210, DRIVE, -1), (210, 270, DRIVE, 1)],
    ),
    "no card in since the stop, then the same": (
        {"speeds_kmh": [60] * 3 + [0] * 2 + [60] * 5, "driver": [0] * 3 + [-1] * 4 + [0] * 3},
        [(0, 90, DRIVE, 0), (90, 150, STOP, 0), (150, 270, DRIVE, 0)],
    ),
    "another card on the way without a stop": (
        {"speeds_kmh": [60] * 6, "driver": [0] * 3 + [1] * 3},
        [(0, 150, DRIVE, 0)],
    ),
    "another card in a move that does not end the stop": (
        {"speeds_kmh": [60] * 2 + [0] * 2 + [10, 10] + [60] * 3, "driver": [0] * 2 + [-1] * 3 + [1] * 4},
        [(0, 60, DRIVE, 0), (60, 120, STOP, 0), (120, 240, DRIVE, 1)],
    ),
}


@pytest.mark.parametrize(("case", "expected"), CASES.values(), ids=CASES)
def test_how_time_is_told(case: dict[str, object], expected: Told) -> None:
    assert told(run(**case)) == expected  # type: ignore[arg-type]


def test_the_way_goes_to_the_stretch_it_was_driven_in() -> None:
    found = run([60] * 3 + [0] * 2 + [10, 10] + [60] * 3, moves_m={5: 0})
    assert found["kind"].tolist() == [DRIVE, STOP, DRIVE]
    np.testing.assert_allclose(found["distance_m"], [1000, 0, 1583.3], atol=2)


def test_the_way_of_queueing_stays_with_the_stop() -> None:
    found = run([60] * 3 + [0] * 2 + [10, 10, 0] + [60] * 3, moves_m={5: 0, 8: 0})
    np.testing.assert_allclose(found["distance_m"], [1000, 83.3, 1000], atol=2)


def stretch(from_s: int, to_s: int, kind: StretchKind = DRIVE, row: int = 0, driver: int = -1) -> NDArray[np.void]:
    one = np.zeros(1, STRETCH)
    one[0] = (row, driver, from_s * 1000, to_s * 1000, float(to_s - from_s), kind)
    return one


def seconds(stretches: NDArray[np.void]) -> list[tuple[int, int]]:
    return [(int(s["from_ms"]) // 1000, int(s["to_ms"]) // 1000) for s in stretches]


def test_pieces_of_one_stretch_join_up() -> None:
    pieces = np.concatenate(
        [stretch(0, 10), stretch(10, 20), stretch(20, 30, STOP), stretch(30, 40, STOP, driver=1), stretch(41, 50, STOP)]
    )
    assert seconds(join_up(pieces)) == [(0, 20), (20, 30), (30, 40), (41, 50)]
    pool = StretchPool()
    for piece in pieces:
        pool.take(np.array([piece]))
    assert seconds(pool.of(0, 0, 99_000)) == [(0, 20), (20, 30), (30, 40), (41, 50)]
    assert pool.of(0, 0, 99_000)["distance_m"].tolist() == [20, 10, 10, 9]


def test_a_stretch_told_again_replaces_what_was_told() -> None:
    pool = StretchPool()
    pool.take(stretch(0, 10))
    pool.take(np.concatenate([stretch(0, 8), stretch(8, 20, UNKNOWN)]))
    assert seconds(pool.of(0, 0, 99_000)) == [(0, 8), (8, 20)]


def test_what_lies_outside_is_cut_away() -> None:
    pool = StretchPool()
    pool.take(np.concatenate([stretch(0, 10), stretch(10, 20, STOP), stretch(20, 40)]))
    found = pool.of(0, 5_000, 30_000)
    assert seconds(found) == [(5, 10), (10, 20), (20, 30)]
    assert found["distance_m"].tolist() == [5, 10, 10]
    assert seconds(pool.of(0, 10_000, 20_000)) == [(10, 20)]
    assert not len(pool.of(0, 50_000, 60_000))
    assert not len(pool.of(7, 0, 60_000))
    assert seconds(pool.of(0, 30_000, 45_000, stretch(40, 50, STOP))) == [(30, 40), (40, 45)]


def test_the_one_that_lasts_is_told_from_its_record() -> None:
    engine = Engine(RULES)
    engine.take(batch_of([0, 30, 60], speed_kmh=60, east_m=[0, 500, 1000]))
    row = engine.fleet.rows[0]
    assert told(lasting_stretch(row["fatigue"]["stretch"], 0, int(row["core"]["fix_ms"]))) == [(0, 60, DRIVE, -1)]
    assert not len(lasting_stretch(row["fatigue"]["stretch"], 0, START_MS))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_a_pool_answers_alike_whatever_it_is_given_at_once(size: int) -> None:
    """And restarts change nothing."""
    rng = np.random.default_rng(5)
    n = 300
    every = np.concatenate(
        [stretch(10 * i, 10 * i + 10, DRIVE if i % 2 else STOP, int(rng.integers(3))) for i in range(n)]
    )
    whole, cut = StretchPool(8), StretchPool(8)
    whole.take(every)
    for begin in range(0, n, size):
        cut.take(every[begin : begin + size])
        again = StretchPool(8)
        again.restore(cut.snapshot())
        to_ms = int(every["to_ms"][begin : begin + size][-1])
        for row in range(3):
            alike = whole.of(row, 0, to_ms)
            np.testing.assert_array_equal(cut.of(row, 0, to_ms), alike)
            np.testing.assert_array_equal(again.of(row, 0, to_ms), alike)


def test_a_snapshot_of_another_layout_is_let_go() -> None:
    pool = StretchPool()
    pool.take(stretch(0, 10))
    pool.restore(b"[('row', '<i4')]\n1234")
    assert not len(pool.of(0, 0, 99_000))
    pool.restore(b"")
