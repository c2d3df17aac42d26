"""Terminals that are online but lie: a fix that stays (定位冻结), a speed that stays at 0 (速度恒零).

Near misses: a tunnel through which the fix of its portal is repeated, and a speed that is missing for some minutes.
"""

from __future__ import annotations

from collections.abc import Callable

from simulators.episodes.episode import HOUR_S, Episode, row, set_out, settle
from simulators.journey import Journey
from simulators.lengths import around
from simulators.schedule import Span

FROZEN_M = 25_000.0
"""Way from which a fix that is repeated counts as frozen: longer than any road tunnel."""
PINNED_S = 600.0
"""Time from which a speed of 0 on the road counts as pinned."""
FASTEST_MS = 26.0
"""No lawful vehicle of these goes faster, in metres per second."""


def _frozen(way: tuple[float, float] | None, note: str) -> Callable[[Journey, float], None]:
    """The place stands still for some way while speed and odometer go on; None draws it about the least."""

    def plan(journey: Journey, day_s: float) -> None:
        set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
        begun, begun_m = journey.now_s, journey.s_m
        way_m = float(journey.rng.uniform(*way)) if way else around(FROZEN_M, 70_000.0).at(journey.quantile)
        while journey.s_m - begun_m < way_m - 600.0:
            journey.cruise(20.0)
        span = Span(begun, journey.now_s)
        journey.freeze(span)
        frozen_m = journey.s_m - begun_m
        row(
            journey,
            "frozen_fix",
            span,
            grade="major",
            near_boundary=abs(frozen_m - FROZEN_M) <= 2 * journey.interval_s * FASTEST_MS,
            expected=frozen_m > FROZEN_M,
            note=note,
            times_threshold=frozen_m / FROZEN_M,
        )
        journey.cruise(1_200.0)
        settle(journey)

    return plan


def _pinned(time: tuple[float, float] | None, note: str) -> Callable[[Journey, float], None]:
    """0 km/h is stated for some time at the speed of the road; None draws it about the least."""

    def plan(journey: Journey, day_s: float) -> None:
        set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
        begun = journey.now_s
        lengths = around(PINNED_S, 4_000.0, reports_s=journey.interval_s)
        journey.cruise(float(journey.rng.uniform(*time)) if time else lengths.at(journey.quantile))
        span = Span(begun, journey.now_s)
        journey.pin_speed(span)
        row(
            journey,
            "pinned_speed",
            span,
            grade="major",
            near_boundary=abs(span.length_s - PINNED_S) <= 2 * journey.interval_s,
            expected=span.length_s > PINNED_S,
            note=note,
            times_threshold=span.length_s / PINNED_S,
        )
        journey.cruise(1_200.0)
        settle(journey)

    return plan


EPISODES: tuple[Episode, ...] = (
    Episode("frozen_fix", _frozen((30_000, 42_000), "same place at full speed")),
    Episode("frozen_tunnel", _frozen((9_000, 21_000), "the fix of the portal is repeated")),
    Episode("frozen_spread", _frozen(None, "same place for some way")),
    Episode("pinned_speed", _pinned((1_000, 1_800), "0 km/h at the speed of the road")),
    Episode("pinned_briefly", _pinned((240, 480), "0 km/h for some minutes")),
    Episode("pinned_spread", _pinned(None, "0 km/h for a while")),
)
