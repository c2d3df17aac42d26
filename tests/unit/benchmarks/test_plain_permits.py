"""Plain Python and the compiled engine agree on permits: trips, deviations, hours, speeds, and permits side by side."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.app.map_layers import ground_of
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.permit_marks import PermitMarks
from monitor.model.report import ReportBatch
from monitor.rules import load_rules
from tests.benchmarks.plain_rules.engine import PlainEngine
from tests.benchmarks.plain_rules.records import Edge
from tests.conformance.fixed_set import fixed_scenario


def edges_of(engine: Engine | PlainEngine, batch: ReportBatch, until_ms: int) -> NDArray[np.void]:
    rules = [rule.name for rule in engine.rules]
    found = np.concatenate([engine.take(batch).edges, engine.tick(until_ms).edges])
    chosen = found[np.isin(found["rule"], [rules.index(name) for name in ("route_deviation", "speeding")])]
    return chosen[np.lexsort((chosen["kind"], chosen["edge"], chosen["at_ms"], chosen["onset_ms"], chosen["row"]))]


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param(RuleLayers(), id="default settings"),
        pytest.param(
            RuleLayers(
                rules={
                    "route_deviation": {"outside_s": 0, "window_s": 60, "hold_s": 0, "arrival_m": 20_000, "merge_s": 90}
                }
            ),
            id="shorter times and an earlier arrival",
        ),
    ],
)
def test_plain_python_and_the_compiled_engine_find_the_same(layers: RuleLayers) -> None:
    rules, scenario = load_rules(), fixed_scenario()
    permits, ground = scenario.maps.permits, ground_of(scenario.maps)
    assert permits is not None
    assert ground is not None
    compiled, plain = Engine(rules, ParameterTable(rules, layers)), PlainEngine(rules, layers)
    compiled.apply_maps(scenario.maps, ground)
    plain.apply_surroundings(ground.with_permits(PermitMarks(permits, plain.fleet)))
    compiled.apply_registry(scenario.registry)
    plain.apply_registry(scenario.registry)
    expected = edges_of(compiled, scenario.batch, scenario.until_ms)
    found = edges_of(plain, scenario.batch, scenario.until_ms)
    route = [rule.name for rule in rules].index("route_deviation")
    assert set(expected["kind"][expected["rule"] == route].tolist()) == {0, 1, 2}
    for item in fields(Edge):
        np.testing.assert_array_equal(found[item.name], expected[item.name], item.name)
