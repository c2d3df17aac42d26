"""The yardstick judges by known roads as the engine does: limits, fences, hours of a ban."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from monitor.app.map_layers import ground_of
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.model.alarm import LimitSource
from monitor.model.fence import FenceSet, parse_fences
from monitor.model.fleet import Registry
from monitor.model.map_set import MapSet
from monitor.model.report import ReportBatch
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from simulators.run import Simulation, simulate
from simulators.scenario import Faults, preset
from simulators.sections import gaotai_sections
from tests.benchmarks.answers import differences, run_live
from tests.benchmarks.plain_rules.engine import PlainEngine

A_DAY_MS = 86_400_000


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    faults = Faults(loss=0.02, noise_m=12.0, drift_burst=0.3, disorder=0.02, duplicate=0.02)
    return simulate(replace(preset("known_roads"), vehicles=60, days=2, at_least=2, seed=3, faults=faults))


def fences() -> FenceSet:
    """One with a limit around the town, one far to the east."""
    made = []
    for number, (west, south, limit_kmh) in enumerate(((99.8, 39.35, 35), (100.06, 39.0, 70))):
        ring = [[west, south], [west + 0.06, south], [west + 0.06, south + 0.06], [west, south + 0.06], [west, south]]
        shape = {"type": "Polygon", "coordinates": [ring]}
        made.append({"type": "Feature", "id": f"F{number}", "properties": {"limit_kmh": limit_kmh}, "geometry": shape})
    return parse_fences(json.dumps({"type": "FeatureCollection", "features": made}).encode(), "test")


@pytest.mark.parametrize("batch_size", [2_000, 7])
@pytest.mark.parametrize(
    "speeding",
    [
        pytest.param({}, id="default settings"),
        pytest.param(
            {
                "unsigned_cap_kmh": {"second": 50, "third": 40},
                "noise_limit_kmh": 75,
                "noise_peak_kmh": 70,
                "noise_agree_kmh": 4,
                "recorder_apart_kmh": 3,
                "tolerance_percent": 3.5,
                "night_percent": {"heavy_truck": 70, "tour_coach": 80},
            },
            id="settings that every report feels",
        ),
        pytest.param({"speed_source": "recorder", "enterprise_limit_kmh": 65}, id="by the recorder"),
    ],
)
def test_plain_python_and_the_compiled_engine_judge_by_the_same_limits(
    simulation: Simulation, speeding: dict[str, object], batch_size: int
) -> None:
    rules = load_rules()
    ban = {"enabled": True, "begin_s": 0, "end_s": 75_600, "classes": ("hazmat", "heavy_truck")}
    layers = RuleLayers(rules={"speeding": speeding, "hazmat_hours": ban})
    rows = simulation.batch.rows.copy()
    apart = np.flatnonzero(rows["recorder_speed_dkmh"] > 300)[::9]  # recorders that disagree
    rows["recorder_speed_dkmh"][apart] -= 250
    judge(rows, now_ms=int(rows["recv_ms"].max()))
    batch = ReportBatch(simulation.batch.keys, rows, simulation.batch.drivers, simulation.batch.sources)
    maps = MapSet(roads=gaotai_sections(), fences=fences())
    ground = ground_of(maps)
    assert ground is not None
    compiled, plain = Engine(rules, ParameterTable(rules, layers)), PlainEngine(rules, layers)
    compiled.apply_maps(maps, ground)
    plain.apply_surroundings(ground)
    plain.fleet.maps = maps  # what places are called
    for engine in (compiled, plain):
        engine.apply_registry(Registry(simulation.registry, 1))
    later_ms = int(rows["recv_ms"].max()) + A_DAY_MS
    expected = run_live(compiled, batch, batch_size, later_ms)
    assert differences(run_live(plain, batch, batch_size, later_ms), expected) == ()
    sources = {alarm.limit_source for alarm in expected.alarms if alarm.rule == "speeding"}
    assert sources >= {
        LimitSource.FENCE,
        LimitSource.ENTERPRISE if "enterprise_limit_kmh" in speeding else LimitSource.SECTION,
    }
    assert any(alarm.rule == "hazmat_hours" for alarm in expected.alarms)
