"""Absence across holidays and slack seasons is judged by the days that count, without a miss and a false alarm."""

from __future__ import annotations

from functools import cache

import msgspec

from monitor.app.replay import Replay
from simulators.run import Simulation, simulate
from simulators.score import AlarmRow, score
from tests.accuracy.conditions import CONDITIONS, answer, scenario_of

CONDITION = next(condition for condition in CONDITIONS if condition.fleet == "seasons")
RULES = ("offline", "never_online")
DAY_MS = 86_400_000


@cache
def heard() -> tuple[Simulation, Replay]:
    fleet = simulate(scenario_of(CONDITION))
    return fleet, answer(CONDITION, fleet)


def test_24_days_with_four_rests_give_1_and_1() -> None:
    fleet, found = heard()
    rows = msgspec.convert([alarm.record() for alarm in found.alarms], list[AlarmRow])
    result = score(fleet.truth, rows, RULES)
    assert result.remarks == ()
    assert {line.rule: line.found > 10 for line in result.rules} == dict.fromkeys(RULES, True)
    assert {line.kind: line.found > 20 for line in result.kinds} == {"lost": True, "parked": True}


def test_days_away_that_do_not_count_are_near_misses() -> None:
    fleet, _ = heard()
    away = [row for row in fleet.truth if row.rule == "offline" and not row.expected and not row.near_boundary]
    over_a_rest = [row for row in away if row.end_ms is not None and row.end_ms - row.onset_ms > 2 * DAY_MS]
    assert len(over_a_rest) > 10


def test_every_grade_is_reached_across_a_rest() -> None:
    fleet, _ = heard()
    across = {
        row.grade
        for row in fleet.truth
        if row.rule == "offline"
        and row.expected
        and row.end_ms is not None
        and row.value is not None
        and row.end_ms - row.onset_ms > (row.value - 0.5) * DAY_MS
    }
    assert across >= {"notice", "general", "major"}
