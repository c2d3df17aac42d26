"""Driver conflict where traces do not reach: when its end is found, settings, a snapshot in the middle."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.snapshot import restore_snapshot, take_snapshot
from monitor.model.edge import EdgeType
from monitor.model.fleet import VehicleClass
from monitor.model.report import ReportBatch
from monitor.quality.judgement import judge
from monitor.rules import driver_conflict
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
