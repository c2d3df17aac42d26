"""Waits between attempts."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from monitor.model.backoff import Backoff


class Highest(random.Random):
    """Always draws the end of the span."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_span_doubles_up_to_its_bound_and_begins_again_after_a_success() -> None:
    backoff = Backoff(1.0, 10.0, Highest())
    assert [backoff.next_s() for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    backoff.reset()
    assert backoff.next_s() == 1.0


@given(st.integers(0, 100))
def test_after_a_restart_it_goes_on_where_it_was(attempts: int) -> None:
    before, after = Backoff(1.0, 300.0, Highest()), Backoff(1.0, 300.0, Highest())
    for _ in range(attempts):
        before.next_s()
    after.resume(attempts)
    assert after.next_s() == before.next_s()


def test_waits_are_drawn_from_the_whole_span_and_the_same_source_draws_the_same() -> None:
    draws = [Backoff(8.0, 8.0, random.Random(seed)).next_s() for seed in range(200)]
    assert all(0.0 <= wait_s <= 8.0 for wait_s in draws)
    assert min(draws) < 0.5
    assert max(draws) > 7.5
    assert Backoff(8.0, 8.0, random.Random(3)).next_s() == draws[3]
