"""Power cut in a fenced depot is a record; everything else a terminal says is an alarm or merged with ours."""

from __future__ import annotations

from collections import Counter

import msgspec

from monitor.alarms.book import AlarmBook
from monitor.app.map_layers import ground_of
from monitor.app.replay import last_states
from monitor.app.settled import settle
from monitor.engine.engine import Engine
from monitor.model.alarm import AlarmState
from monitor.model.beijing import DAY_MS
from monitor.model.fence import parse_fences
from monitor.model.fleet import Registry
from monitor.model.map_set import MapSet
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from simulators.roads import simulator_folder
from simulators.run import simulate
from simulators.scenario import Scenario
from simulators.score import AlarmRow, score

EPISODES = (
    "device_emergency",
    "device_emergency_repeated",
    "device_antenna_cut",
    "device_power_cut",
    "device_power_cut_depot",
    "device_speeding_alone",
    "device_speeding_both",
)
SCENARIO = Scenario(vehicles=60, days=3, seed=4, at_least=8, episodes=dict.fromkeys(EPISODES, 0.01))


def test_with_the_depot_fenced_every_verdict_is_right() -> None:
    fleet = simulate(SCENARIO)
    judge(fleet.batch.rows, None)
    path = simulator_folder() / "gaotai_fences.geojson"
    rules = load_rules()
    engine = Engine(rules, settled=True)
    engine.apply_registry(Registry(fleet.registry, 1))
    maps = MapSet(fences=parse_fences(path.read_bytes(), path.name))
    engine.apply_maps(maps, ground_of(maps))
    run = settle(engine, fleet.batch, until_ms=SCENARIO.start_ms + SCENARIO.days * DAY_MS)
    found = AlarmBook(rules, engine.fleet, provisional=False).apply(run.edges)
    alarms = last_states(found.changes)
    result = score(
        fleet.truth, msgspec.convert([alarm.record() for alarm in alarms], list[AlarmRow]), ["device_alarm", "speeding"]
    )
    assert result.remarks == ()
    assert all(line.expected >= 8 for line in result.rules)
    in_depot = [row for row in fleet.truth if row.kind == "power_lost" and not row.expected]
    assert Counter((one.vehicle_id, one.at_ms) for one in found.records) == Counter(
        (row.vehicle_id, row.onset_ms) for row in in_depot
    )
    assert {one.fence_id for one in found.records} == {"SIM-DEPOT"}
    said_twice = [row for row in fleet.truth if row.kind == "speeding" and not row.expected]
    assert len([alarm for alarm in alarms if alarm.state is AlarmState.MERGED]) == len(said_twice) >= 8
