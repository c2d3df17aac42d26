"""Gaps in dead zones and tunnels are counted like any other, and only those are kept from being pushed."""

from __future__ import annotations

from functools import cache

import msgspec

from monitor.app.replay import Replay
from simulators.run import Simulation, simulate
from simulators.score import AlarmRow, score
from tests.accuracy.conditions import CONDITIONS, answer, asked, pushed, scenario_of

COUNTED, PUSHED = (condition for condition in CONDITIONS if condition.fleet == "dead_zones")
RULES = ("offline_displacement", "track_gap")


@cache
def heard() -> tuple[Simulation, Replay]:
    fleet = simulate(scenario_of(COUNTED))
    return fleet, answer(COUNTED, fleet)


def rows() -> list[AlarmRow]:
    return msgspec.convert([alarm.record() for alarm in heard()[1].alarms], list[AlarmRow])


def test_every_gap_is_counted() -> None:
    result = score(heard()[0].truth, rows(), RULES)
    assert result.remarks == ()
    assert {line.rule: line.found > 20 for line in result.rules} == dict.fromkeys(RULES, True)


def test_what_a_zone_explains_is_not_pushed_and_nothing_else_is_kept_back() -> None:
    fleet, _ = heard()
    result = score(asked(PUSHED, fleet), pushed(rows()), RULES)
    assert result.remarks == ()
    assert {line.rule: line.found > 5 for line in result.rules} == dict.fromkeys(RULES, True)


def test_zones_and_tunnels_both_explain() -> None:
    _, found = heard()
    kinds = {alarm.inhibited_by.partition(":")[0] for alarm in found.alarms if ":" in alarm.inhibited_by}
    assert kinds == {"dead_zone", "tunnel"}


def test_gaps_that_leave_a_zone_at_one_end_only_are_in_the_truth() -> None:
    fleet, _ = heard()
    gaps = [row for row in fleet.truth if row.rule == "track_gap" and row.expected and "in a dead zone" in row.note]
    assert sum(not row.explained for row in gaps) > 10
    assert sum(row.explained for row in gaps) > 10
