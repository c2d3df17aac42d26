"""A clean fleet is judged without a miss and without a false alarm beyond the boundary; under a bad network, nearly so.

Smaller fleets than those of ``make accuracy``, which writes the whole page.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import pytest

from monitor.rules import load_rules
from simulators.lengths import NEAR, NEAR_SHARE, around
from simulators.run import simulate
from tests.accuracy.conditions import CLEAN, COMBINED, CONDITIONS, MISSION, Condition, measure, scenario_of

SHORT = replace(CLEAN, vehicles=500)
NEEDS_MORE_DAYS = {"never_online"}
NEEDS_MORE_THAN_A_FLEET = {"hazmat_hours", "platform_outage", "relay_missing", "route_deviation"}
"""Rules that need roads, permits, relay points or another source to say anything; every other must be tried here."""


def test_a_clean_fleet_gives_1_and_1_for_every_rule() -> None:
    result = measure(SHORT)
    seen = {line.rule: (line.precision, line.recall, line.grade_errors) for line in result.rules if line.expected}
    assert [remark for remark in result.remarks if remark.rule not in NEEDS_MORE_DAYS] == []
    assert seen == dict.fromkeys(seen, (1.0, 1.0, 0))
    assert result.total.split == 0
    assert set(seen) >= {rule.name for rule in load_rules()} - NEEDS_MORE_DAYS - NEEDS_MORE_THAN_A_FLEET


def test_never_online_shows_after_its_seven_days() -> None:
    result = measure(Condition("longer", vehicles=60, days=9))
    line = next(line for line in result.rules if line.rule == "never_online")
    assert (line.expected > 0, line.precision, line.recall) == (True, 1.0, 1.0)


@pytest.mark.parametrize("condition", [COMBINED, next(item for item in CONDITIONS if item.name.startswith("disorder"))])
def test_the_four_of_the_mission_hold_under_a_bad_network(condition: Condition) -> None:
    found = {line.rule: line for line in measure(replace(condition, vehicles=800)).rules}
    for rule in MISSION:
        assert found[rule].expected >= 40, rule
        assert found[rule].precision >= 0.99, rule
        assert found[rule].recall >= 0.99, rule


def test_half_of_the_lengths_are_near_their_threshold() -> None:
    lengths = around(100.0, 1_000.0, reports_s=0.0)
    drawn = [lengths.at((nth + 0.5) / 1_000) for nth in range(1_000)]
    assert drawn == sorted(drawn)
    assert sum(abs(length - 100.0) <= NEAR * 100.0 for length in drawn) == NEAR_SHARE * 1_000
    assert 900 < drawn[-1] <= 1_000


def test_a_fifth_of_what_every_rule_is_asked_is_near_its_boundary() -> None:
    """Of all episodes and near misses that have a threshold, by how often it is reached or whether either is right."""
    near: dict[str, list[bool]] = defaultdict(list)
    for row in simulate(scenario_of(CLEAN)).truth:
        if row.times_threshold is not None and row.rule not in NEEDS_MORE_DAYS:
            near[row.rule].append(row.near_boundary or abs(row.times_threshold - 1.0) <= NEAR)
    shares = {rule: round(sum(rows) / len(rows), 3) for rule, rows in near.items()}
    assert {rule: share for rule, share in shares.items() if share < 0.2} == {}
