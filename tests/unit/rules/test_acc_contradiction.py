"""ACC against movement: exactly at the boundaries, and beside ``fatigue``, which goes by the same condition."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from monitor.app.replay import Replay, replay_batch
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.errors import ConfigError
from monitor.model.alarm import Certainty, Grade
from monitor.model.fleet import VehicleClass
from monitor.rules import load_rules
from tests.traces import START_MS, batch_of, registry_of


def replay(
    at_s: Sequence[float], speed_kmh: Sequence[float], acc: Sequence[int], *, live: bool = False, **settings: object
) -> Replay:
    """One vehicle that goes as its speeds say."""
    east_m, way_m = [0.0], 0.0
    for before, after, speed in zip(at_s[:-1], at_s[1:], speed_kmh[:-1], strict=True):
        way_m += speed * (after - before) / 3.6
        east_m.append(way_m)
    batch = batch_of(at_s, speed_kmh=speed_kmh, acc=acc, east_m=east_m)
    return replay_batch(
        batch,
        registry_of([VehicleClass.HEAVY_TRUCK]),
        as_received=live,
        now_ms=START_MS + 10**9,
        layers=RuleLayers(rules={"acc_contradiction": settings}),
    )


def found(answer: Replay) -> list[tuple[float, float | None]]:
    """Onset and end, s after the start."""
    return [
        ((one.onset_ms - START_MS) / 1000, None if one.end_ms is None else (one.end_ms - START_MS) / 1000)
        for one in answer.alarms
        if one.rule == "acc_contradiction"
    ]


@pytest.mark.parametrize("live", [False, True], ids=["settled", "live"])
@pytest.mark.parametrize(
    ("last_s", "speed_kmh", "acc", "expected"),
    [
        pytest.param(120, 60, 0, [], id="for exactly two minutes"),
        pytest.param(121, 60, 0, [(0.0, 121.0)], id="for a second more"),
        pytest.param(900, 25, 0, [], id="at exactly 25 km/h"),
        pytest.param(121, 25.1, 0, [(0.0, 121.0)], id="just above it"),
        pytest.param(900, 60, -1, [], id="with an unknown ACC"),
        pytest.param(900, 60, 1, [], id="with ACC on"),
    ],
)
def test_acc_off_above_25_km_h_for_more_than_two_minutes(
    last_s: int, speed_kmh: float, acc: int, expected: list[tuple[float, float]], live: bool
) -> None:
    at_s = [*range(0, last_s - 29, 30), last_s, last_s + 30]
    off = len(at_s) - 2
    answer = replay(at_s, [*[speed_kmh] * off, 60, 60], [*[acc] * off, 1, 1], live=live)
    assert found(answer) == expected


def test_its_grade_and_figures() -> None:
    answer = replay(range(0, 300, 30), [60] * 5 + [80] * 5, [0] * 9 + [1])
    (alarm,) = (one for one in answer.alarms if one.rule == "acc_contradiction")
    assert (alarm.grade, alarm.certainty, alarm.peak, alarm.limit) == (Grade.GENERAL, Certainty.CERTAIN, 80.0, 25.0)
    assert alarm.distance_m == pytest.approx(5 * 500 + 4 * 80 / 3.6 * 30, rel=1e-3)


def test_what_it_finds_is_unknown_time_to_the_driving_clock() -> None:
    at_s = list(range(0, 5 * 3_600 + 1, 60))
    off = [1 if at < 7_200 or at >= 9_000 else 0 for at in at_s]
    answer = replay(at_s, [60.0] * len(at_s), off)
    assert found(answer) == [(7_200.0, 9_000.0)]
    (tired,) = (one for one in answer.alarms if one.rule == "fatigue")
    assert tired.certainty is Certainty.CERTAIN
    assert tired.peak == pytest.approx(4.5)


def test_settings_move_its_boundaries() -> None:
    at_s, acc = [*range(0, 91, 30)], [0, 0, 0, 1]
    assert found(replay(at_s, [60] * 4, acc)) == []
    assert found(replay(at_s, [60] * 4, acc, hold_s=60)) == [(0.0, 90.0)]
    assert found(replay(at_s, [60] * 4, acc, hold_s=60, carried_kmh=60)) == []
    assert found(replay(at_s, [60] * 4, acc, hold_s=60, enabled=False)) == []


@pytest.mark.parametrize("settings", [{"carried_kmh": -1}, {"hold_s": -1}, {"signs": 0}])
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="acc_contradiction"):
        ParameterTable(load_rules(), RuleLayers(rules={"acc_contradiction": settings}))
