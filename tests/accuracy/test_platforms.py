"""Platforms that fall silent are found, and what that explains of their vehicles is pushed by nobody."""

from __future__ import annotations

from functools import cache

import msgspec

from monitor.app.replay import Replay
from monitor.model.beijing import MINUTE_MS
from simulators.run import Simulation, simulate
from simulators.score import AlarmRow, score
from tests.accuracy.conditions import CONDITIONS, answer, scenario_of

CONDITION = next(condition for condition in CONDITIONS if condition.ticked)
SPREAD_MS = 10 * MINUTE_MS
EXPLAINED = ("offline", "offline_displacement", "track_gap")


@cache
def heard() -> tuple[Simulation, Replay]:
    fleet = simulate(scenario_of(CONDITION))
    return fleet, answer(CONDITION, fleet)


def test_everything_gives_1_and_1() -> None:
    fleet, found = heard()
    rows = msgspec.convert([alarm.record() for alarm in found.alarms], list[AlarmRow])
    result = score(fleet.truth, rows)
    assert result.remarks == ()
    by_rule = {line.rule: line for line in result.rules}
    assert by_rule["platform_outage"].expected == by_rule["platform_outage"].found == 2
    assert by_rule["track_gap"].found > 30
    assert by_rule["offline_displacement"].found > 10


def test_4_minutes_and_platforms_with_nobody_on_the_road_are_no_outage() -> None:
    fleet, found = heard()
    near_misses = [row for row in fleet.truth if row.rule == "platform_outage" and not row.expected]
    assert len(near_misses) == 3
    outages = [alarm for alarm in found.alarms if alarm.rule == "platform_outage"]
    assert [alarm.platform for alarm in outages] == ["simulator-2", "simulator"]
    assert [round(((alarm.end_ms or 0) - alarm.onset_ms) / MINUTE_MS) for alarm in outages] == [8, 60]


def test_what_an_outage_explains_is_inhibited_and_nothing_else() -> None:
    _, found = heard()
    outages = [alarm for alarm in found.alarms if alarm.rule == "platform_outage"]
    moved = {
        (alarm.vehicle_id, alarm.onset_ms): alarm.alarm_id
        for alarm in found.alarms
        if alarm.rule == "offline_displacement"
    }
    inhibited = 0
    for alarm in found.alarms:
        if alarm.rule not in EXPLAINED:
            continue
        by = {one.alarm_id for one in outages if one.onset_ms - SPREAD_MS <= alarm.onset_ms <= (one.end_ms or 0)}
        if alarm.rule == "track_gap" and (alarm.vehicle_id, alarm.onset_ms) in moved:
            by = {moved[alarm.vehicle_id, alarm.onset_ms]}  # a gap is part of its displacement
        assert alarm.inhibited_by in (by or {""}), alarm
        inhibited += bool(by)
    assert inhibited > 30
