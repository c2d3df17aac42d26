"""Laws of matching alarms with episodes."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from simulators.matching import Interval, agreement, matched

HORIZON_MS = 10_000_000


@st.composite
def intervals(draw: st.DrawFn) -> Interval:
    onset = draw(st.integers(0, 5_000)) * 1_000
    length = draw(st.one_of(st.none(), st.integers(0, 1_000)))
    end = None if length is None else onset + length * 1_000
    return Interval(draw(st.sampled_from("AB")), "speeding", draw(st.sampled_from(["", "day"])), onset, end)


MANY = st.lists(intervals(), max_size=8)


@given(MANY)
def test_everything_matches_itself(items: list[Interval]) -> None:
    assert len(matched(items, items)) == len(items)


@given(MANY, MANY)
def test_matching_is_one_to_one_within_a_key_and_agrees(left: list[Interval], right: list[Interval]) -> None:
    pairs = matched(left, right)
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    assert all(left[a].key == right[b].key for a, b in pairs)


@given(MANY, MANY)
def test_the_number_of_pairs_is_the_same_from_both_sides(left: list[Interval], right: list[Interval]) -> None:
    assert len(matched(left, right)) == len(matched(right, left))


@given(MANY, MANY, st.randoms(use_true_random=False))
def test_the_number_of_pairs_does_not_depend_on_order(
    left: list[Interval], right: list[Interval], rng: random.Random
) -> None:
    mixed = sorted(right, key=lambda _: rng.random())
    assert len(matched(left, right)) == len(matched(left, mixed))


@given(MANY, MANY, intervals())
def test_one_more_alarm_never_loses_a_pair(left: list[Interval], right: list[Interval], more: Interval) -> None:
    lasting = Interval("A", "other", "", 0, HORIZON_MS)  # so that the end of the data stays where it is
    before = len(matched([*left, lasting], right))
    assert len(matched([*left, lasting], [*right, more])) >= before


@given(intervals(), intervals())
def test_agreement_is_symmetric_and_between_a_half_and_one(a: Interval, b: Interval) -> None:
    value = agreement(a, b, HORIZON_MS)
    assert value == agreement(b, a, HORIZON_MS)
    assert value == 0.0 or 0.5 <= value <= 1.0
