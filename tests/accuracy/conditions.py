"""The conditions under which accuracy is measured, and the measuring of one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from monitor.app.replay import replay_batch
from monitor.model.beijing import DAY_MS
from monitor.model.fleet import Registry
from simulators.run import simulate
from simulators.scenario import Faults, Scenario, preset
from simulators.score import AlarmRow, Score, score

CALM = preset("clean").faults


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the page. ``faults`` spoil the clean fleet; ``interval_s`` is the reporting interval while driving."""

    name: str
    faults: Faults = CALM
    interval_s: int = 30
    vehicles: int = 200
    days: int = 3


CLEAN = Condition("clean, 500 vehicles", vehicles=500)

CONDITIONS: tuple[Condition, ...] = (
    CLEAN,
    Condition("clean, 10 days", vehicles=120, days=10),
    Condition("clean, 10 s interval", interval_s=10, vehicles=100),
    Condition("clean, 60 s interval", interval_s=60),
    Condition("1 % of reports lost", Faults(loss=0.01)),
    Condition("5 % of reports lost", Faults(loss=0.05)),
    Condition("20 % of reports lost", Faults(loss=0.2)),
    Condition("15 m noise", Faults(noise_m=15.0)),
    Condition("50 m noise", Faults(noise_m=50.0)),
    Condition("drift bursts", Faults(drift_burst=0.2)),
    Condition("disorder and duplicates", Faults(disorder=0.05, duplicate=0.05, conflict=0.005, latency_s=5.0)),
    Condition("5 % lost and 15 m noise", Faults(loss=0.05, noise_m=15.0)),
)


def scenario_of(condition: Condition) -> Scenario:
    """The clean preset under a condition."""
    return replace(
        preset("clean"),
        vehicles=condition.vehicles,
        days=condition.days,
        interval_s=condition.interval_s,
        faults=condition.faults,
    )


def measure(condition: Condition) -> Score:
    """Simulate, replay settled until the end of the last day, and score."""
    scenario = scenario_of(condition)
    fleet = simulate(scenario)
    answer = replay_batch(
        fleet.batch,
        Registry(fleet.registry, 1),
        until_ms=scenario.start_ms + condition.days * DAY_MS,
        now_ms=scenario.start_ms + 1000 * DAY_MS,
    )
    rows = msgspec.convert([alarm.record() for alarm in answer.alarms], list[AlarmRow])
    return score(fleet.truth, rows)
