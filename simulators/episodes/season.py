"""Absence across holidays and slack seasons (假日与淡旺季), in which the days of an absence stand still.

The plans switch terminals off for so many days as count; ``absence.witness`` judges them with every other pause.
"""

from __future__ import annotations

from collections.abc import Callable

from simulators.episodes.absence import come_back, switch_off
from simulators.episodes.episode import Episode
from simulators.journey import Journey
from simulators.lengths import around
from simulators.schedule import DAY_S
from simulators.seasons import moment_counted_s


def _counted(lost: bool, days: float) -> Callable[[Journey, float], None]:
    """Off until so many days outside of rests have passed."""

    def plan(journey: Journey, day_s: float) -> None:
        begun_s = switch_off(journey, day_s, lost)
        come_back(journey, begun_s, moment_counted_s(journey.rests, begun_s, days * DAY_S), lost)

    return plan


def _spread(lost: bool, tier_days: float, longest_days: float) -> Callable[[Journey, float], None]:
    """Off for as many days that count as are drawn about a tier."""

    def plan(journey: Journey, day_s: float) -> None:
        begun_s = switch_off(journey, day_s, lost)
        lengths = around(tier_days * DAY_S, longest_days * DAY_S, reports_s=journey.parked_interval_s)
        counted_s = lengths.at(journey.quantile)
        come_back(journey, begun_s, moment_counted_s(journey.rests, begun_s, counted_s), lost)

    return plan


EPISODES: tuple[Episode, ...] = (
    Episode("season_rest", _counted(lost=False, days=0.88), days=7),
    Episode("season_rest_lost", _counted(lost=True, days=0.88), days=7),
    Episode("season_beyond", _counted(lost=False, days=1.5), days=7),
    Episode("season_beyond_lost", _counted(lost=True, days=1.5), days=7),
    Episode("season_spread", _spread(lost=False, tier_days=1, longest_days=1.8), days=7),
    Episode("season_spread_lost", _spread(lost=True, tier_days=1, longest_days=1.8), days=7),
    Episode("season_tier_spread", _spread(lost=True, tier_days=3, longest_days=4.2), days=10),
)
