"""Trips under permits are judged without a miss and without a false alarm beyond the boundary."""

from __future__ import annotations

from functools import cache

import msgspec

from monitor.app.replay import Replay, replay_batch
from monitor.model.alarm import LimitSource
from monitor.model.beijing import DAY_MS
from monitor.model.fleet import Registry
from monitor.model.map_set import MapSet
from monitor.model.permit import parse_permits
from simulators.run import Simulation, simulate
from simulators.scenario import preset
from simulators.score import AlarmRow, score


@cache
def permitted() -> tuple[Simulation, Replay]:
    scenario = preset("permits")
    fleet = simulate(scenario)
    answer = replay_batch(
        fleet.batch,
        Registry(fleet.registry, 1),
        until_ms=scenario.start_ms + scenario.days * DAY_MS,
        now_ms=scenario.start_ms + 1000 * DAY_MS,
        maps=MapSet(permits=parse_permits(fleet.permits, "permits.geojson")),
    )
    return fleet, answer


def test_300_vehicles_over_4_days_give_1_and_1() -> None:
    fleet, answer = permitted()
    rows = msgspec.convert([alarm.record() for alarm in answer.alarms], list[AlarmRow])
    result = score(fleet.truth, rows, ("route_deviation", "speeding"))
    assert result.remarks == ()
    kinds = {line.kind: line.expected > 3 for line in result.kinds if line.rule == "route_deviation"}
    assert kinds == {"route": True, "window": True, "speed": True}
    assert (result.total.precision, result.total.recall, result.total.grade_errors) == (1.0, 1.0, 0)


def test_a_speed_over_the_permit_s_is_speeding_too() -> None:
    _, answer = permitted()
    limits = {alarm.limit_source for alarm in answer.alarms if alarm.rule == "speeding"}
    assert LimitSource.PERMIT in limits
