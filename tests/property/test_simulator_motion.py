"""Laws of the simulated motion."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.run import live, simulate
from simulators.scenario import Scenario

SEEDS = st.integers(0, 10_000)


@settings(max_examples=8, deadline=None)
@given(SEEDS)
def test_any_seed_gives_a_lawful_fleet(seed: int) -> None:
    """A truck may be on the road in a night: whatever is told of that, nobody could take it for a violation."""
    truth = simulate(Scenario(vehicles=5, days=2, seed=seed)).truth
    assert [row for row in truth if row.expected or row.near_boundary] == []


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.sampled_from([10, 30, 60]))
def test_odometers_never_run_back_and_agree_with_the_speed(seed: int, interval_s: int) -> None:
    _, lives = live(Scenario(vehicles=4, days=1, seed=seed, interval_s=interval_s, episodes={"speeding_major": 20}))
    for life in lives.values():
        moments = np.arange(0.0, 86_400.0, 1.0)
        travelled = life.schedule.travelled_m(moments)
        assert (np.diff(travelled) >= -1e-6).all()
        summed = np.cumsum(life.schedule.speed_ms(moments))
        assert np.abs((travelled - travelled[0]) - (summed - summed[0])).max() < 0.02 * max(summed[-1], 1_000)
