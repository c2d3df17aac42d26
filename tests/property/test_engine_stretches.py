"""Stretches of random reports: whole, without a hole, and the same however the reports were cut."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.engine.engine import Engine, joined
from monitor.engine.snapshot import restore_snapshot, take_snapshot
from monitor.engine.state import StretchKind
from monitor.engine.stretch_clock import lasting_stretch
from monitor.engine.stretches import join_up
from monitor.rules import fatigue
from tests.conformance.runs import cut
from tests.conformance.scenario import Scenario
from tests.property.test_engine_random_reports import random_scenarios

RULES = (fatigue.RULE,)
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def live_stretches(scenario: Scenario, places: list[int], restarts: bool) -> tuple[NDArray[np.void], Engine]:
    """Stretches by vehicle and time, and the engine at the end."""
    engine = Engine(RULES)
    engine.apply_registry(scenario.registry)
    outputs = []
    for record in cut(scenario, places):
        assert record.batch is not None
        outputs.append(engine.take(record.batch))
        if restarts:
            state = take_snapshot(engine)
            engine = Engine(RULES)
            restore_snapshot(engine, state, scenario.registry)
    outputs.append(engine.tick(scenario.until_ms))
    found = joined(outputs).stretches
    return found[np.argsort(found["row"], kind="stable")], engine


@SOME
@given(scenario=random_scenarios(), places=st.lists(st.integers(0, 200), max_size=8), restarts=st.booleans())
def test_cuts_and_restarts_change_no_stretch(scenario: Scenario, places: list[int], restarts: bool) -> None:
    whole, _ = live_stretches(scenario, [], False)
    parts, _ = live_stretches(scenario, places, restarts)
    np.testing.assert_array_equal(whole, parts)


@SOME
@given(scenario=random_scenarios())
def test_the_stretches_of_a_vehicle_join_up_from_its_first_fix_to_its_last(scenario: Scenario) -> None:
    found, engine = live_stretches(scenario, [], False)
    for row in range(len(engine.fleet)):
        state = engine.fleet.rows[row]
        own = found[found["row"] == row]
        if state["core"]["fix_ms"] == 0:
            assert not len(own)
            continue
        own = np.concatenate([own, lasting_stretch(state["fatigue"]["stretch"], row, int(state["core"]["fix_ms"]))])
        assert (own["to_ms"] > own["from_ms"]).all()
        assert (own["from_ms"][1:] == own["to_ms"][:-1]).all()
        assert (own["distance_m"] >= 0).all()
        assert np.isin(own["kind"], list(StretchKind)).all()
        if len(own):
            assert own["to_ms"][-1] == state["core"]["fix_ms"]
        stands = state["fatigue"]["driving"]["rest_ms"] != 0
        assert (state["fatigue"]["stretch"]["kind"] == StretchKind.STOP) == stands
        whole = join_up(own)
        assert whole["distance_m"].sum() == np.float64(own["distance_m"].sum()) or np.isclose(
            whole["distance_m"].sum(), own["distance_m"].sum()
        )
