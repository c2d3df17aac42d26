"""Silence in dead zones (盲区) and tunnels: gaps that are counted and pushed to nobody, and gaps that only look so.

The plans make the silence and say where the zone is; ``gap.witness`` measures whether both ends of a gap lie at one.
"""

from __future__ import annotations

from collections.abc import Callable

from simulators.dead_zones import MARGIN_M, DeadZone
from simulators.episodes.episode import HOUR_S, Episode, make_room, set_out, settle
from simulators.journey import Journey
from simulators.lengths import around
from simulators.schedule import SilenceKind, Span

_INSIDE_M = 100.0
"""Contact is lost and found this far outside of a zone, by the next report."""
_SHORT_M = 1_500.0


def _silence(journey: Journey, day_s: float, stand_s: float = 0.0) -> tuple[float, float]:
    """A day with one silence of 8–15 minutes on the road, longer by a stand: from where to where, metres."""
    rng = journey.rng
    set_out(journey, day_s + HOUR_S * float(rng.uniform(8, 13)))
    seconds = float(rng.uniform(480.0, 900.0))
    make_room(journey, seconds * 25.0 + 1_000.0)
    begun_s, begun_m = journey.now_s, journey.s_m
    journey.cruise(seconds / 2)
    if stand_s > 0.0:
        journey.stop()
        journey.rest(stand_s)
        journey.start()
    journey.cruise(seconds / 2)
    journey.silent(Span(begun_s, journey.now_s), SilenceKind.GAP, "silent in a dead zone")
    end_m = journey.s_m
    journey.cruise(float(rng.uniform(300, 900)))
    settle(journey)
    return begun_m, end_m


def _zone(journey: Journey, from_m: float, to_m: float, *, tunnel: bool = False) -> None:
    journey.dead_zones.append(DeadZone(journey.circuit, from_m, to_m, tunnel))


def _crossed(*, tunnel: bool, stand_s: float = 0.0) -> Callable[[Journey, float], None]:
    """Silent from the way in to the way out."""

    def plan(journey: Journey, day_s: float) -> None:
        begun_m, end_m = _silence(journey, day_s, stand_s)
        _zone(journey, begun_m + _INSIDE_M, end_m - _INSIDE_M, tunnel=tunnel)

    return plan


def left_late(journey: Journey, day_s: float) -> None:
    """Contact returns kilometres behind the zone."""
    begun_m, end_m = _silence(journey, day_s)
    _zone(journey, begun_m + _INSIDE_M, end_m - float(journey.rng.uniform(2_500.0, 4_000.0)))


def entered_late(journey: Journey, day_s: float) -> None:
    """Contact is lost kilometres before the zone."""
    begun_m, end_m = _silence(journey, day_s)
    _zone(journey, begun_m + float(journey.rng.uniform(2_500.0, 4_000.0)), end_m - _INSIDE_M)


def between(journey: Journey, day_s: float) -> None:
    """Contact is lost at one zone and found at another."""
    begun_m, end_m = _silence(journey, day_s)
    _zone(journey, begun_m + _INSIDE_M, begun_m + _SHORT_M)
    _zone(journey, end_m - _SHORT_M, end_m - _INSIDE_M)


def spread(journey: Journey, day_s: float) -> None:
    """Contact returns at a distance from the zone that is drawn about the margin."""
    begun_m, end_m = _silence(journey, day_s)
    behind_m = around(MARGIN_M, 3.0 * MARGIN_M).at(journey.quantile)
    _zone(journey, begun_m + _INSIDE_M, end_m - max(0.0, behind_m - 350.0))


EPISODES: tuple[Episode, ...] = (
    Episode("dead_zone_crossed", _crossed(tunnel=False), long_haul=True),
    Episode("dead_zone_tunnel", _crossed(tunnel=True), long_haul=True),
    Episode("dead_zone_stood", _crossed(tunnel=False, stand_s=1_500.0), long_haul=True),
    Episode("dead_zone_tunnel_stood", _crossed(tunnel=True, stand_s=1_500.0), long_haul=True),
    Episode("dead_zone_left_late", left_late, long_haul=True),
    Episode("dead_zone_entered_late", entered_late, long_haul=True),
    Episode("dead_zone_between", between, long_haul=True),
    Episode("dead_zone_spread", spread, long_haul=True),
)
