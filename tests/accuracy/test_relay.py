"""Hand-overs of coaches with a relay certificate are judged without a miss and without a false alarm."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from monitor.app.map_layers import maps_of
from monitor.app.replay import replay_batch
from monitor.model.beijing import DAY_MS
from monitor.model.fleet import Registry
from monitor.model.map_set import MapLayer
from simulators.roads import simulator_folder
from simulators.run import simulate
from simulators.scenario import preset
from simulators.score import AlarmRow, score


def test_three_nights_of_certified_coaches_give_1_and_1() -> None:
    clean = preset("clean")
    scenario = replace(clean, vehicles=90, days=4, at_least=3, relay=0.7, episodes={"relay": 4.0, "curfew": 2.0})
    fleet = simulate(scenario)
    maps = maps_of({MapLayer.FENCES: (simulator_folder() / "gaotai_fences.geojson").read_bytes()})
    answer = replay_batch(
        fleet.batch,
        Registry(fleet.registry, 1),
        until_ms=scenario.start_ms + scenario.days * DAY_MS,
        now_ms=scenario.start_ms + 1000 * DAY_MS,
        maps=maps,
    )
    rows = msgspec.convert([alarm.record() for alarm in answer.alarms], list[AlarmRow])
    result = score(fleet.truth, rows, ("relay_missing", "night_curfew"))
    assert result.remarks == ()
    assert all(line.expected > 2 for line in result.rules)
    assert (result.total.precision, result.total.recall, result.total.grade_errors) == (1.0, 1.0, 0)
    kept = [row for row in fleet.truth if row.rule == "relay_missing" and not row.expected]
    assert len(kept) > 2
