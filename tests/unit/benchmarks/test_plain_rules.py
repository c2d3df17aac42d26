"""The yardstick of the engine's benchmark does the same work: its alarms are the engine's, field by field."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.engine.engine import Engine
from monitor.engine.judge import NO_EDGES
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.model.fleet import Registry
from monitor.model.report import ReportBatch
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from simulators.run import Simulation, simulate
from simulators.scenario import preset
from tests.benchmarks.answers import differences, run_live
from tests.benchmarks.plain_rules.engine import PlainEngine
from tests.benchmarks.plain_rules.records import Edge

A_MONTH_MS = 31 * 86_400_000
SILENT_HERE = {"copied_track", "hazmat_hours", "platform_outage", "relay_missing", "route_deviation"}
"""Rules that no settings make speak of this fleet: they need maps, permits, relay points or another source."""


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    noisy = preset("noisy")
    faults = replace(noisy.faults, loss_burst=0.5)
    fleet = replace(noisy, vehicles=40, days=2, interval_s=60, at_least=1, seed=7, never_online=0.1, faults=faults)
    return simulate(fleet)


@pytest.mark.parametrize("batch_size", [2_000, 7])
@pytest.mark.parametrize(
    "layers",
    [
        pytest.param(RuleLayers(), id="default settings"),
        pytest.param(
            RuleLayers(
                rules={
                    "cumulative_driving": {"day_limit_s": 7200, "week_limit_s": 36_000},
                    "fatigue": {"day_limit_s": 3600, "day_warning_s": 600, "elapsed": True},
                    "speeding": {"enterprise_limit_kmh": 65},
                    "no_fix": {"after_s": 900},
                    "offline": {"tiers_days": (0.05, 0.1, 0.2, 0.4)},
                    "drift": {"least_points": 1, "least_percent": 0},
                    "suspended_movement": {"least_m": 100, "yard_m": 50},
                    "low_completeness": {"yellow_percent": 99, "least_month_m": 1_000},
                    "frozen_fix": {"least_kmh": 5, "least_s": 0, "least_m": 0, "least_reports": 1},
                    "pinned_speed": {"least_kmh": 5, "beyond_kmh": 0, "least_s": 0, "least_m": 0, "least_reports": 2},
                    "offline_displacement": {"gap_s": 60, "displacement_m": {}},
                    "track_gap": {"gap_s": 90, "distance_m": 500},
                }
            ),
            id="settings that make every rule speak",
        ),
    ],
)
def test_plain_python_and_the_compiled_engine_find_the_same(
    simulation: Simulation, layers: RuleLayers, batch_size: int
) -> None:
    rules = load_rules()
    registry = Registry(simulation.registry, 1)
    rows = simulation.batch.rows.copy()
    mistaken = np.flatnonzero(rows["driver"] >= 0)[::50]  # cards that change on the move
    rows["driver"][mistaken] = (rows["driver"][mistaken] + 1) % len(simulation.batch.drivers)
    judge(rows, now_ms=int(rows["recv_ms"].max()))
    batch = ReportBatch(simulation.batch.keys, rows, simulation.batch.drivers, simulation.batch.sources)
    compiled, plain = Engine(rules, ParameterTable(rules, layers)), PlainEngine(rules, layers)
    compiled.apply_registry(registry)
    plain.apply_registry(registry)
    later_ms = int(rows["recv_ms"].max()) + A_MONTH_MS
    expected = run_live(compiled, batch, batch_size, later_ms)
    found = run_live(plain, batch, batch_size, later_ms)
    assert differences(found, expected) == ()
    assert len(expected.alarms) > 30
    if layers.rules:
        said = {change.rule for change in expected.alarms}
        assert said >= {rule.name for rule in rules} - SILENT_HERE


def test_both_keep_the_same_windows_of_a_track(simulation: Simulation, monkeypatch: pytest.MonkeyPatch) -> None:
    rules = load_rules()
    rows = simulation.batch.rows.copy()
    judge(rows, now_ms=int(rows["recv_ms"].max()))
    batch = ReportBatch(simulation.batch.keys, rows, simulation.batch.drivers)
    compiled, plain = Engine(rules), PlainEngine(rules)
    kept: list[tuple[int, int, int]] = []

    def take(signs: NDArray[np.void], *_: object) -> NDArray[np.void]:
        kept.extend((int(sign["row"]), int(sign["at_ms"]), int(sign["value"])) for sign in signs)
        return NO_EDGES

    monkeypatch.setattr(compiled.judges["copied_track"], "take", take)
    for engine in (compiled, plain):
        engine.apply_registry(Registry(simulation.registry, 1))
        engine.take(batch)
    assert len(kept) > 500
    assert kept == [(window.row, window.at_ms, window.content << 24 | window.lag_s) for window in plain.windows]


def test_after_our_own_pause_both_hold_back(simulation: Simulation) -> None:
    rules = load_rules()
    rows = simulation.batch.rows.copy()
    judge(rows, now_ms=int(rows["recv_ms"].max()))
    half = len(rows) // 2
    before = ReportBatch(simulation.batch.keys, rows[:half], simulation.batch.drivers)
    resumed_ms = int(rows["recv_ms"][half]) + 2 * 3_600_000
    after = ReportBatch(simulation.batch.keys, rows[half:][rows["recv_ms"][half:] > resumed_ms], before.drivers)
    outputs = []
    for engine in (Engine(rules), PlainEngine(rules)):
        engine.apply_registry(Registry(simulation.registry, 1))
        engine.take(before)
        paused_ms = engine.clock_ms
        engine.tick(resumed_ms, resumed=True, paused_ms=paused_ms)
        outputs.append(engine.take(after))
    assert np.array_equal(outputs[0].outcomes, outputs[1].outcomes)
    for name in (item.name for item in fields(Edge)):
        np.testing.assert_array_equal(outputs[0].edges[name], outputs[1].edges[name], name)
