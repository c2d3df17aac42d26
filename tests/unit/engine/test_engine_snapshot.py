"""Snapshots of the engine: a restart at any point changes nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.app.pipeline import Pipeline
from monitor.engine.engine import Engine
from monitor.engine.snapshot import restore_snapshot, take_snapshot
from monitor.errors import StoreError
from monitor.model.beijing import HOUR_MS
from monitor.model.fleet import Registry
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.quality import judge
from monitor.rules import load_rules
from simulators.run import Simulation, simulate
from simulators.scenario import Scenario

RULES = load_rules()


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    episodes = {"speeding_general": 20.0, "gap_moving": 20.0, "fatigue_day_general": 20.0, "absence_lost_1d": 20.0}
    return simulate(Scenario(vehicles=6, days=2, seed=3, at_least=1, episodes=episodes))


def _records(simulation: Simulation, n: int = 20) -> list[JournalRecord]:
    batch = simulation.batch
    judge(batch.rows, None)
    parts = np.array_split(np.arange(len(batch)), n)
    records = [
        JournalRecord(i, RecordType.REPORTS, 0, ReportBatch(batch.keys, batch.rows[part], batch.drivers, batch.sources))
        for i, part in enumerate(parts, 1)
    ]
    end_ms = int(batch.rows["recv_ms"].max()) + 30 * HOUR_MS
    return [*records, JournalRecord(n + 1, RecordType.TICK, end_ms)]


def _fresh(registry: Registry | None) -> Pipeline:
    pipeline = Pipeline(Engine(RULES))
    pipeline.engine.apply_registry(registry)
    return pipeline


@settings(max_examples=15)
@given(cuts=st.sets(st.integers(0, 20), max_size=4), registered=st.booleans())
def test_a_restart_at_any_cut_changes_nothing(simulation: Simulation, cuts: set[int], registered: bool) -> None:
    registry = Registry(simulation.registry) if registered else None
    whole, broken = _fresh(registry), _fresh(registry)
    for number, record in enumerate(_records(simulation)):
        if number in cuts:
            state, book = take_snapshot(broken.engine), broken.book.snapshot()
            broken = Pipeline(Engine(RULES))
            restore_snapshot(broken.engine, state, registry)
            broken.book.restore(book)
        a, b = whole.take(record), broken.take(record)
        assert a.changes == b.changes
        assert a.prewarnings == b.prewarnings
        assert np.array_equal(a.outcomes, b.outcomes)
        assert a.days.tolist() == b.days.tolist()
    assert whole.engine.open_days().tolist() == broken.engine.open_days().tolist()


def test_an_empty_engine_survives_too() -> None:
    state = take_snapshot(Engine(RULES))
    engine = Engine(RULES)
    restore_snapshot(engine, state, None)
    assert len(engine.fleet) == 0
    assert engine.fleet.rows_of(["A"]).tolist() == [0]


def test_a_snapshot_of_other_rules_is_refused() -> None:
    state = take_snapshot(Engine(RULES))
    with pytest.raises(StoreError, match="keeps other things per vehicle"):
        restore_snapshot(Engine(RULES[1:]), state, None)
