"""Driver conflict where traces do not reach: when its end is found, settings, a snapshot in the middle."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from monitor.alarms.book import AlarmBook
from monitor.app.replay import replay_batch
from monitor.engine.engine import Engine
from monitor.engine.judge import edge_rows
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.snapshot import restore_snapshot, take_snapshot
from monitor.model.edge import EdgeType
from monitor.model.fleet import VehicleClass
from monitor.model.report import ReportBatch
from monitor.quality.judgement import judge
from monitor.rules import driver_conflict, load_rules
from monitor.rules.driver_conflict import DriverConflictSettings
from tests.traces import START_MS, batch_of, registry_of

RULES = (driver_conflict.RULE,)
REGISTRY = registry_of([VehicleClass.LINE_COACH])


def engine_with(**settings: object) -> Engine:
    engine = Engine(RULES, ParameterTable(RULES, RuleLayers(rules={"driver_conflict": dict(settings)})))
    engine.apply_registry(REGISTRY)
    return engine


def drive(cards: str, *, first_s: int = 0, every_s: int = 30) -> ReportBatch:
    """At 72 km/h, one report per letter: a driver, or ``-`` for none."""
    fix_s = [first_s + every_s * i for i in range(len(cards))]
    drivers = ["AB-".index(card) if card != "-" else -1 for card in cards]
    batch = batch_of(fix_s, east_m=[20.0 * at for at in fix_s], speed_kmh=72.0, driver=drivers, drivers=("A", "B"))
    judge(batch.rows, None)
    return batch


@pytest.mark.parametrize("quiet_s", [600, 900])
def test_the_end_is_found_when_the_quiet_is_over_and_not_before(quiet_s: int) -> None:
    engine = engine_with(quiet_s=quiet_s)
    edges = engine.take(drive("AAB")).edges
    assert edges["edge"].tolist() == [EdgeType.ONSET]
    due_ms = START_MS + 60_000 + quiet_s * 1000
    assert not len(engine.tick(due_ms).edges)
    edges = engine.tick(due_ms + 5_000_000).edges
    assert edges[["edge", "end_ms", "at_ms"]].tolist() == [(EdgeType.CLEAR, START_MS + 60_000, due_ms)]


def test_signs_are_counted_into_the_end_and_need_no_edge_of_their_own() -> None:
    engine = engine_with()
    edges = engine.take(drive("AAB--A-B" + "B" * 30)).edges
    assert edges["edge"].tolist() == [EdgeType.ONSET, EdgeType.CLEAR]
    assert edges["n_reports"].tolist() == [1, 3]
    assert edges["driver"].tolist() == [0, 0]


@pytest.mark.parametrize(
    ("cards", "every_s", "settings", "signs"),
    [
        pytest.param("AABB", 30, {"enabled": False}, 0, id="switched off"),
        pytest.param("AABB", 170, {"swap_s": 1}, 1, id="a steady drive proves itself over 170 s"),
        pytest.param("AABB", 181, {"swap_s": 170}, 0, id="no drive does over 181 s"),
        pytest.param("A-A-AA", 30, {}, 0, id="the same card out and in, twice"),
        pytest.param("--BB", 30, {}, 0, id="a first card"),
        pytest.param("A----B", 30, {}, 1, id="none between two"),
    ],
)
def test_what_is_a_sign(cards: str, every_s: int, settings: dict[str, object], signs: int) -> None:
    assert len(engine_with(**settings).take(drive(cards, every_s=every_s)).edges) == signs


def test_a_snapshot_while_no_card_is_in_keeps_that_nobody_stopped() -> None:
    engine = engine_with()
    engine.take(drive("AA--"))
    resumed = Engine(RULES)
    restore_snapshot(resumed, take_snapshot(engine), REGISTRY)
    assert resumed.take(drive("--B", first_s=120)).edges["onset_ms"].tolist() == [START_MS + 180_000]


def test_a_shorter_quiet_than_the_engine_wakes_for_is_refused() -> None:
    with pytest.raises(ValidationError, match="quiet_s"):
        DriverConflictSettings(quiet_s=599)


def two_vehicles(
    first_s: tuple[int, int], second_s: tuple[int, int], *, settings: dict[str, object] | None = None
) -> list[tuple[str, str, int, int]]:
    """Vehicle, driver, begin and end in seconds of what is said of two vehicles that drive so long with one card."""
    fix_s, east_m, speed_kmh, vehicle = [], [], [], []
    for key, (from_s, to_s) in enumerate((first_s, second_s)):
        for at_s in range(from_s, to_s + 301, 30):
            fix_s.append(at_s)
            east_m.append(100_000.0 * key + 20.0 * min(at_s, to_s))
            speed_kmh.append(72.0 if at_s < to_s else 0.0)
            vehicle.append(key)
    batch = batch_of(fix_s, east_m=east_m, speed_kmh=speed_kmh, vehicle=vehicle, n_vehicles=2, driver=0, drivers=("A",))
    layers = RuleLayers(rules={"driver_conflict": settings or {}})
    registry = registry_of([VehicleClass.LINE_COACH] * 2)
    until_ms = START_MS + 20_000_000
    answers = [
        [
            (alarm.vehicle_id, alarm.driver_id, (alarm.onset_ms - START_MS) // 1000, (alarm.end_ms - START_MS) // 1000)
            for alarm in replay_batch(
                batch, registry, layers=layers, as_received=as_received, until_ms=until_ms, now_ms=until_ms
            ).alarms
            if alarm.rule == "driver_conflict" and alarm.end_ms is not None
        ]
        for as_received in (False, True)
    ]
    assert answers[0] == answers[1]
    return answers[0]


@pytest.mark.parametrize(
    ("first_s", "second_s", "settings", "expected"),
    [
        pytest.param((0, 1200), (600, 2400), {}, [("V1", "A", 600, 1200)], id="ten minutes in both"),
        pytest.param((600, 2400), (0, 1200), {}, [("V0", "A", 600, 1200)], id="the other began first"),
        pytest.param((0, 1200), (900, 2400), {}, [], id="five minutes in both"),
        pytest.param((0, 1200), (870, 2400), {}, [("V1", "A", 870, 1200)], id="five and a half minutes in both"),
        pytest.param((0, 1200), (1200, 2400), {}, [], id="one after the other"),
        pytest.param((0, 1200), (0, 1200), {}, [("V1", "A", 0, 1200)], id="at equal times"),
        pytest.param((0, 2400), (600, 1200), {}, [("V1", "A", 600, 1200)], id="one within the other"),
        pytest.param((0, 1200), (600, 2400), {"overlap_s": 600}, [], id="ten minutes are allowed"),
        pytest.param((0, 1200), (600, 2400), {"enabled": False}, [], id="switched off"),
    ],
)
def test_one_driver_in_two_moving_vehicles(
    first_s: tuple[int, int],
    second_s: tuple[int, int],
    settings: dict[str, object],
    expected: list[tuple[str, str, int, int]],
) -> None:
    assert two_vehicles(first_s, second_s, settings=settings) == expected


def test_an_overlap_leaves_an_alarm_that_lasts_alone() -> None:
    """Both are alarms of one vehicle and one rule."""
    rules = load_rules()
    engine = Engine(rules)
    engine.apply_registry(REGISTRY)
    book = AlarmBook(rules, engine.fleet, provisional=True)
    engine.take(drive("AAB"))
    code = [rule.name for rule in rules].index("driver_conflict")
    edges = edge_rows(4, code, START_MS)
    edges["row"] = 0
    edges["grade"] = 3
    edges["onset_ms"] = [START_MS, START_MS + 1000, START_MS + 1000, START_MS]
    edges["end_ms"] = [0, START_MS + 2000, START_MS + 2000, START_MS + 9000]
    edges["edge"] = [EdgeType.ONSET, EdgeType.ONSET, EdgeType.CLEAR, EdgeType.CLEAR]
    edges["end_reason"] = 1
    changes = book.apply(edges).changes
    assert [(change.sequence, change.alarm.onset_ms) for change in changes] == [
        (1, START_MS),
        (1, START_MS + 1000),
        (2, START_MS + 1000),
        (2, START_MS),
    ]
    assert not book.open_alarms
