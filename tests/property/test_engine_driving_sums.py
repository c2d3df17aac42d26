"""The sums of the last 24 hours and 7 days against all driving ever: exact where said, else within bounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.engine.driving_sums import (
    DAY_S,
    DAY_SUM,
    HOUR_S,
    HOURS,
    STRETCHES,
    WEEK_SUM,
    add_to_day,
    add_to_week,
    doubt_day,
    doubt_week,
    go_to_hour,
    sum_of_day,
    sum_of_week,
)

START_S = 1_772_409_600
WEEK_S = HOURS * HOUR_S
DAY_WORST_S = 2_400
WEEK_WORST_S = 915
MANY = settings(max_examples=150, deadline=None)

Stretches = list[tuple[int, int]]


def told(pieces: list[tuple[int, int]]) -> Stretches:
    """Stretches (from, to) of pairs (standing before, driving), epoch seconds."""
    found, at_s = [], START_S
    for standing_s, driving_s in pieces:
        found.append((at_s + standing_s, at_s + standing_s + driving_s))
        at_s += standing_s + driving_s
    return found


def driven(stretches: Stretches, from_s: int, to_s: int) -> int:
    return sum(max(0, min(end_s, to_s) - max(begin_s, from_s)) for begin_s, end_s in stretches)


def pieces(standing: tuple[int, ...], driving: tuple[int, ...], most: int) -> st.SearchStrategy[list[tuple[int, int]]]:
    """A habit of a few lengths, so that days are alike enough to fill the windows."""
    one = st.tuples(st.sampled_from(standing), st.sampled_from(driving))
    free = st.tuples(st.integers(1, 20_000), st.integers(1, 15_000))
    return st.lists(one, min_size=1, max_size=most) | st.lists(free, min_size=1, max_size=most)


@MANY
@given(st.data())
def test_a_day_of_few_stretches_is_exact(data: st.DataObject) -> None:
    stretches = told(data.draw(pieces((3_600, 7_200, 36_000), (5_000, 9_000, 28_800), 40)))
    day = np.zeros(1, DAY_SUM)[0]
    for number, (from_s, to_s) in enumerate(stretches):
        recent = [one for one in stretches[:number] if one[1] > from_s - DAY_S]
        if len(recent) <= STRETCHES:
            at_s = data.draw(st.integers(from_s, to_s))
            assert sum_of_day(day, at_s, 0) == driven(stretches[:number], at_s - DAY_S, at_s)
            assert sum_of_day(day, at_s, 1) == sum_of_day(day, at_s, 0)
        else:
            return
        for begin_s in range(from_s, to_s, 60):
            add_to_day(day, begin_s, min(begin_s + 60, to_s), 1)


@MANY
@given(st.data())
def test_a_day_of_many_stretches_is_within_its_bound(data: st.DataObject) -> None:
    stretches = told(data.draw(pieces((30, 60, 300, 1_200, 3_600), (60, 300, 1_200, 3_600), 300)))
    day = np.zeros(1, DAY_SUM)[0]
    for number, (from_s, to_s) in enumerate(stretches):
        exact = driven(stretches[:number], from_s - DAY_S, from_s)
        assert abs(sum_of_day(day, from_s, 0) - exact) <= DAY_WORST_S
        add_to_day(day, from_s, to_s, 1)
        assert day["n"] <= STRETCHES


def test_forty_stops_of_two_minutes_cost_a_coach_seconds() -> None:
    rng = np.random.default_rng(3)
    stretches: Stretches = []
    for morning_s in range(START_S, START_S + 5 * DAY_S, DAY_S):
        at_s = morning_s + 6 * HOUR_S
        for drive_s in rng.integers(300, 1_000, 40).tolist():
            stretches.append((at_s, at_s + drive_s))
            at_s += drive_s + 120
    day = np.zeros(1, DAY_SUM)[0]
    worst_s = 0
    for number, (from_s, to_s) in enumerate(stretches):
        exact = driven(stretches[:number], from_s - DAY_S, from_s)
        worst_s = max(worst_s, abs(sum_of_day(day, from_s, 0) - exact))
        add_to_day(day, from_s, to_s, 1)
    assert 0 < worst_s <= 120


@MANY
@given(st.data())
def test_a_week_is_within_its_bound(data: st.DataObject) -> None:
    habit = data.draw(pieces((60, 1_200, 3_600, 30_000, 100_000, 700_000), (60, 1_200, 9_000, 14_400), 30))
    stretches = told(habit * data.draw(st.integers(1, 6)))
    week = np.zeros(1, WEEK_SUM)[0]
    for number, (from_s, to_s) in enumerate(stretches):
        go_to_hour(week, from_s // HOUR_S)
        at_s = data.draw(st.integers(from_s, to_s))
        exact = driven(stretches[:number], at_s - WEEK_S, at_s)
        assert abs(sum_of_week(week, at_s, 0) - exact) <= WEEK_WORST_S
        assert sum_of_week(week, at_s, 1) == sum_of_week(week, at_s, 0)
        add_to_week(week, from_s, to_s, 1)


@pytest.mark.parametrize("at_end", [True, False], ids=["at its end", "at its beginning"])
def test_the_worst_of_a_week_is_an_hour_driven_by_half(at_end: bool) -> None:
    week = np.zeros(1, WEEK_SUM)[0]
    begun_s = START_S + (1_800 if at_end else 0)
    add_to_week(week, begun_s, begun_s + 1_800, 1)
    at_s = START_S + WEEK_S + 1_800
    go_to_hour(week, at_s // HOUR_S)
    assert sum_of_week(week, at_s, 0) - driven([(begun_s, begun_s + 1_800)], at_s - WEEK_S, at_s) == (
        -900 if at_end else 900
    )


@MANY
@given(st.data())
def test_while_driving_a_sum_never_falls(data: st.DataObject) -> None:
    stretches = told(data.draw(pieces((30, 600, 3_600, 30_000), (60, 1_200, 9_000), 120)))
    day, week = np.zeros(1, DAY_SUM)[0], np.zeros(1, WEEK_SUM)[0]
    for from_s, to_s in stretches:
        go_to_hour(week, from_s // HOUR_S)
        first, second = sorted(data.draw(st.integers(from_s, to_s)) for _ in "ab")
        assert sum_of_day(day, first, 0) + first <= sum_of_day(day, second, 0) + second
        assert sum_of_week(week, first, 0) + first <= sum_of_week(week, second, 0) + second
        add_to_day(day, from_s, to_s, 1)
        add_to_week(week, from_s, to_s, 1)


@MANY
@given(st.data())
def test_what_is_sure_is_never_more_than_was_sure(data: st.DataObject) -> None:
    stretches = told(data.draw(pieces((30, 300, 3_600, 30_000), (60, 1_200, 9_000), 120)))
    sure = [data.draw(st.booleans()) for _ in stretches]
    day, week = np.zeros(1, DAY_SUM)[0], np.zeros(1, WEEK_SUM)[0]
    for number, (from_s, to_s) in enumerate(stretches):
        known = [one for one, is_sure in zip(stretches[:number], sure, strict=False) if is_sure]
        go_to_hour(week, from_s // HOUR_S)
        assert sum_of_day(day, from_s, 1) <= driven(known, from_s - DAY_S, from_s) + DAY_WORST_S
        assert sum_of_week(week, from_s, 1) <= driven(known, from_s - WEEK_S, from_s) + WEEK_WORST_S
        add_to_day(day, from_s, to_s, int(sure[number]))
        add_to_week(week, from_s, to_s, int(sure[number]))


def test_doubt_takes_the_newest_driving_back() -> None:
    day, week = np.zeros(1, DAY_SUM)[0], np.zeros(1, WEEK_SUM)[0]
    add_to_day(day, START_S, START_S + 1_000, 1)
    add_to_week(week, START_S, START_S + 1_000, 1)
    changed_s = doubt_day(day, START_S + 850)
    doubt_week(week, changed_s)
    assert changed_s == 150
    for total, kind in ((sum_of_day(day, START_S + 1_000, 1), "day"), (sum_of_week(week, START_S + 1_000, 1), "week")):
        assert total == 850, kind
    assert sum_of_day(day, START_S + 1_000, 0) == sum_of_week(week, START_S + 1_000, 0) == 1_000
    assert doubt_day(day, START_S + 900) == 0
