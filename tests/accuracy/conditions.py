"""The conditions under which accuracy is measured, and the measuring of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from monitor.app.replay import Replay, in_received_order, replay_batch, replay_journal
from monitor.engine.parameters import RuleLayers
from monitor.model.beijing import DAY_MS, MINUTE_MS
from monitor.model.fence import parse_fences
from monitor.model.fleet import Registry
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.map_set import NO_MAPS, MapSet
from monitor.model.permit import parse_permits
from monitor.model.report import ReportBatch
from monitor.model.road import parse_roads
from monitor.quality.judgement import judge
from simulators.run import Simulation, simulate
from simulators.scenario import Faults, Scenario, preset
from simulators.score import AlarmRow, Score, score
from simulators.sections import gaotai_sections
from simulators.truth import TruthEpisode

CALM = preset("clean").faults
MISSION = ("speeding", "fatigue", "low_completeness", "offline")
"""The rules that are asked for most."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One row of the page. ``faults`` spoil the clean fleet; ``interval_s`` is the reporting interval while driving.

    ``live`` judges as received, without settlement. Another ``fleet`` than the clean one is a preset; ``maps`` and
    ``layers`` are what its monitor is given. ``ticked`` is live, and time is told once a minute as by the daemon.
    ``pushed`` asks what is told to somebody: gaps that a dead zone explains are none of it.
    """

    name: str
    faults: Faults = CALM
    interval_s: int = 30
    vehicles: int = 1_000
    days: int = 3
    start: str = "2026-03-02"
    live: bool = False
    ticked: bool = False
    fleet: str = "clean"
    maps: MapSet = NO_MAPS
    layers: RuleLayers = RuleLayers()  # noqa: RUF009 -- frozen
    pushed: bool = False


CLEAN = Condition("clean")
COMBINED = Condition("5 % lost, 15 m noise, 30 s interval", Faults(loss=0.05, noise_m=15.0), vehicles=2_000)
A_LATE_NETWORK = Faults(disorder=0.05, duplicate=0.05, conflict=0.005, latency_s=5.0)

_CALENDAR = msgspec.to_builtins(preset("seasons").calendar)
SEASONS = RuleLayers(rules={rule: {"calendar": _CALENDAR} for rule in ("offline", "never_online")})

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
    Condition(
        "clean, across holidays and slack seasons",
        days=24,
        vehicles=200,
        interval_s=60,
        fleet="seasons",
        layers=SEASONS,
    ),
    Condition("clean, in dead zones and tunnels", vehicles=300, fleet="dead_zones"),
    Condition("clean, in dead zones and tunnels: what is pushed", vehicles=300, fleet="dead_zones", pushed=True),
    Condition("platforms that fall silent, live", vehicles=120, fleet="platforms", live=True, ticked=True),
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
    fleet = simulate(scenario_of(condition))
    rows = msgspec.convert([alarm.record() for alarm in answer(condition, fleet).alarms], list[AlarmRow])
    return score(asked(condition, fleet), pushed(rows) if condition.pushed else rows)


def asked(condition: Condition, fleet: Simulation) -> list[TruthEpisode]:
    """The truth by which a condition is judged."""
    if not condition.pushed:
        return list(fleet.truth)
    return [replace(row, expected=row.expected and not row.explained) for row in fleet.truth]


def pushed(rows: Sequence[AlarmRow]) -> list[AlarmRow]:
    """Alarms without those that a dead zone explains, and without those that such a one inhibits."""
    explained = {row.alarm_id for row in rows if (row.inhibited_by or "").startswith(("dead_zone:", "tunnel:"))}
    return [row for row in rows if row.alarm_id not in explained and row.inhibited_by not in explained]


def answer(condition: Condition, fleet: Simulation) -> Replay:
    """What the monitor says of a fleet up to the end of its last day."""
    scenario = fleet.scenario
    if condition.ticked:
        return replay_journal(
            minute_by_minute(fleet.batch),
            Registry(fleet.registry, 1),
            until_ms=scenario.start_ms + condition.days * DAY_MS,
            layers=condition.layers,
            maps=_maps(condition, fleet),
        )
    return replay_batch(
        fleet.batch,
        Registry(fleet.registry, 1),
        until_ms=scenario.start_ms + condition.days * DAY_MS,
        as_received=condition.live,
        layers=condition.layers,
        maps=_maps(condition, fleet),
        now_ms=scenario.start_ms + 1000 * DAY_MS,
    )


def minute_by_minute(batch: ReportBatch) -> Iterator[JournalRecord]:
    """The reports as they arrive, and after each minute's the time: the journal of a daemon that never stops."""
    batch = in_received_order(batch)
    judge(batch.rows, None)
    minutes = batch.rows["recv_ms"] // MINUTE_MS
    first, last = int(minutes[0]), int(minutes[-1])
    cuts = np.searchsorted(minutes, np.arange(first, last + 2))
    for number, minute in enumerate(range(first, last + 1)):
        rows = batch.rows[cuts[number] : cuts[number + 1]]
        if len(rows):
            clock_ms = int(rows["recv_ms"][-1])
            yield JournalRecord(2 * number + 1, RecordType.REPORTS, clock_ms, replace(batch, rows=rows))
        yield JournalRecord(2 * number + 2, RecordType.TICK, (minute + 1) * MINUTE_MS)


def _maps(condition: Condition, fleet: Simulation) -> MapSet:
    """The condition's maps, with what the fleet was driven under: its permits, its dead zones and tunnels."""
    maps = condition.maps
    if fleet.permits:
        maps = replace(maps, permits=parse_permits(fleet.permits, "permits.geojson"))
    if fleet.dead_zones:
        maps = replace(maps, fences=parse_fences(fleet.dead_zones, "dead_zones.geojson"))
    if fleet.tunnels:
        maps = replace(maps, roads=parse_roads(fleet.tunnels, "tunnels.geojson"))
    return maps
