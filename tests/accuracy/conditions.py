"""The conditions under which accuracy is measured, and the measuring of one."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from monitor.app.replay import replay_batch
from monitor.engine.parameters import RuleLayers
from monitor.model.beijing import DAY_MS
from monitor.model.fleet import Registry
from monitor.model.map_set import NO_MAPS, MapSet
from monitor.model.permit import parse_permits
from simulators.run import Simulation, simulate
from simulators.scenario import Faults, Scenario, preset
from simulators.score import AlarmRow, Score, score
from simulators.sections import gaotai_sections

CALM = preset("clean").faults
MISSION = ("speeding", "fatigue", "low_completeness", "offline")
"""The rules that are asked for most."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the page. ``faults`` spoil the clean fleet; ``interval_s`` is the reporting interval while driving.

    ``live`` judges as received, without settlement. Another ``fleet`` than the clean one is a preset; ``maps`` and
    ``layers`` are what its monitor is given.
    """

    name: str
    faults: Faults = CALM
    interval_s: int = 30
    vehicles: int = 1_000
    days: int = 3
    start: str = "2026-03-02"
    live: bool = False
    fleet: str = "clean"
    maps: MapSet = NO_MAPS
    layers: RuleLayers = RuleLayers()  # noqa: RUF009 -- frozen


CLEAN = Condition("clean")
COMBINED = Condition("5 % lost, 15 m noise, 30 s interval", Faults(loss=0.05, noise_m=15.0), vehicles=2_000)
A_LATE_NETWORK = Faults(disorder=0.05, duplicate=0.05, conflict=0.005, latency_s=5.0)

CONDITIONS: tuple[Condition, ...] = (
    CLEAN,
    Condition("clean, 20 days across the end of a month", vehicles=200, days=20, start="2026-03-16"),
    Condition("clean, 10 s interval", interval_s=10, vehicles=500),
    Condition("clean, 60 s interval", interval_s=60),
    Condition(
        "clean, on known roads",
        vehicles=500,
        fleet="known_roads",
        maps=MapSet(roads=gaotai_sections()),
        layers=RuleLayers(rules={"hazmat_hours": {"enabled": True}}),
    ),
    Condition("clean, under permits", vehicles=500, days=4, fleet="permits"),
    Condition("1 % of reports lost", Faults(loss=0.01)),
    Condition("5 % of reports lost", Faults(loss=0.05)),
    Condition("20 % of reports lost", Faults(loss=0.2)),
    Condition("15 m noise", Faults(noise_m=15.0)),
    Condition("50 m noise", Faults(noise_m=50.0)),
    Condition("drift bursts", Faults(drift_burst=0.2)),
    Condition("disorder and duplicates", A_LATE_NETWORK),
    Condition("disorder and duplicates, live", A_LATE_NETWORK, live=True),
    Condition("backfill", Faults(backfill=0.3)),
    Condition("backfill, live", Faults(backfill=0.3), live=True),
    COMBINED,
)


def scenario_of(condition: Condition) -> Scenario:
    """The fleet of a condition, under it."""
    return replace(
        preset(condition.fleet),
        vehicles=condition.vehicles,
        days=condition.days,
        start=condition.start,
        interval_s=condition.interval_s,
        faults=condition.faults,
    )


def measure(condition: Condition) -> Score:
    """Simulate, replay until the end of the last day, and score."""
    scenario = scenario_of(condition)
    fleet = simulate(scenario)
    answer = replay_batch(
        fleet.batch,
        Registry(fleet.registry, 1),
        until_ms=scenario.start_ms + condition.days * DAY_MS,
        as_received=condition.live,
        layers=condition.layers,
        maps=_maps(condition, fleet),
        now_ms=scenario.start_ms + 1000 * DAY_MS,
    )
    rows = msgspec.convert([alarm.record() for alarm in answer.alarms], list[AlarmRow])
    return score(fleet.truth, rows)


def _maps(condition: Condition, fleet: Simulation) -> MapSet:
    """The condition's maps, with the permits that the fleet was driven under."""
    if not fleet.permits:
        return condition.maps
    return replace(condition.maps, permits=parse_permits(fleet.permits, "permits.geojson"))
