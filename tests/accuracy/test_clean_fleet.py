"""A clean fleet is judged without a miss and without a false alarm beyond the boundary."""

from __future__ import annotations

import pytest

from tests.accuracy.conditions import CLEAN, CONDITIONS, Condition, measure

RULES = (
    "acc_contradiction",
    "clock_fault",
    "cumulative_driving",
    "device_alarm",
    "drift",
    "driver_conflict",
    "fatigue",
    "low_completeness",
    "night_curfew",
    "no_fix",
    "offline",
    "offline_displacement",
    "speeding",
    "suspended_movement",
    "track_gap",
)


@pytest.mark.slow
def test_500_vehicles_over_3_days_give_1_and_1_for_every_rule() -> None:
    result = measure(CLEAN)
    seen = {line.rule: (line.precision, line.recall, line.grade_errors) for line in result.rules if line.expected}
    assert seen == dict.fromkeys(RULES, (1.0, 1.0, 0))
    assert result.total.false == 0


def test_never_online_shows_after_its_seven_days() -> None:
    result = measure(Condition("longer", vehicles=60, days=9))
    line = next(line for line in result.rules if line.rule == "never_online")
    assert (line.expected > 0, line.precision, line.recall) == (True, 1.0, 1.0)


@pytest.mark.parametrize("name", ["5 % of reports lost", "disorder and duplicates", "5 % lost and 15 m noise"])
def test_the_four_of_the_mission_hold_under_a_bad_network(name: str) -> None:
    condition = next(item for item in CONDITIONS if item.name == name)
    found = {line.rule: line for line in measure(condition).rules}
    for rule in ("speeding", "fatigue", "low_completeness", "offline"):
        assert found[rule].precision >= 0.99, rule
        assert found[rule].recall >= 0.99, rule
