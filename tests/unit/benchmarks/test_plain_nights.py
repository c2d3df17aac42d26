"""Plain Python and the compiled engine agree on hand-overs, gaps and absences where there are maps and calendars."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.app.map_layers import ground_of
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.model.report import ReportBatch
from monitor.rules import load_rules
from tests.benchmarks.plain_rules.engine import PlainEngine
from tests.benchmarks.plain_rules.records import Edge
from tests.conformance.fixed_set import fixed_scenario

COMPARED = ("relay_missing", "night_curfew", "track_gap", "offline_displacement", "offline", "never_online")
CALENDAR = [
    {"from": "2026-03-04", "to": "2026-03-05"},
    {"from": "03-12", "to": "03-20", "classes": ["line_coach", "hazmat"]},
]


def edges_of(engine: Engine | PlainEngine, batch: ReportBatch, until_ms: int) -> NDArray[np.void]:
    rules = [rule.name for rule in engine.rules]
    found = np.concatenate([engine.take(batch).edges, engine.tick(until_ms).edges])
    chosen = found[np.isin(found["rule"], [rules.index(name) for name in COMPARED])]
    return chosen[np.lexsort((chosen["edge"], chosen["at_ms"], chosen["onset_ms"], chosen["rule"], chosen["row"]))]


@pytest.mark.parametrize(
    "layers",
    [
        pytest.param(RuleLayers(), id="default settings"),
        pytest.param(
            RuleLayers(
                rules={
                    "offline": {"calendar": CALENDAR},
                    "never_online": {"calendar": CALENDAR},
                    "relay_missing": {"limit_s": 0, "stop_s": 600, "hand_over_begin_s": 64_800, "exempt_line_km": 0},
                }
            ),
            id="calendars, and evenings from 18:00",
        ),
    ],
)
def test_plain_python_and_the_compiled_engine_find_the_same(layers: RuleLayers) -> None:
    rules, scenario = load_rules(), fixed_scenario()
    ground = ground_of(scenario.maps)
    assert ground is not None
    compiled, plain = Engine(rules, ParameterTable(rules, layers)), PlainEngine(rules, layers)
    compiled.apply_maps(scenario.maps, ground)
    plain.apply_surroundings(ground)
    plain.apply_relay_points()
    compiled.apply_registry(scenario.registry)
    plain.apply_registry(scenario.registry)
    expected = edges_of(compiled, scenario.batch, scenario.until_ms)
    found = edges_of(plain, scenario.batch, scenario.until_ms)
    names = [rule.name for rule in rules]
    assert {names[code] for code in expected["rule"]} == set(COMPARED)
    for item in fields(Edge):
        np.testing.assert_array_equal(found[item.name], expected[item.name], item.name)
