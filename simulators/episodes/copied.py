"""Copied tracks (轨迹复制): a drive that was sent before is sent again, with the scatter that its fixes had.

``run`` gives the copy its fixes, after the noise of the original. Whoever copies states a lawful drive in every other
respect, so that nothing else is wrong with it. Near misses are the same drives with fixes of their own: a line driven
every day, and a convoy.
"""

from __future__ import annotations

from math import ceil

from simulators.episodes.episode import HOUR_S, TRUCKS, Episode, row
from simulators.journey import Journey
from simulators.schedule import DAY_S, Copy, Leg

_PIECE_M = 120_000.0
"""Driven in one go, well below the hours after which a driver rests."""
_OFFBEAT_S = 0.37
"""Who drives a way himself does not report from the places of another drive, to the second."""


def of_another(journey: Journey, day_s: float) -> None:
    """Another vehicle sends, some hours later, what this one sent."""
    leg = _leg(journey, day_s)
    shift_s = 60.0 * round(float(journey.rng.uniform(60, 300)))
    note = "the drive of another vehicle"
    journey.followers.append((leg, lambda other: _again(other, leg, shift_s, copied=True, note=note)))


def convoy(journey: Journey, day_s: float) -> None:
    """Another vehicle drives behind this one."""
    leg = _leg(journey, day_s)
    shift_s = round(float(journey.rng.uniform(10, 120))) + _OFFBEAT_S
    note = "behind another vehicle"
    journey.followers.append((leg, lambda other: _again(other, leg, shift_s, copied=False, note=note)))


def of_its_own(journey: Journey, day_s: float) -> None:
    """What was sent on one day is sent once more on the next, at another hour."""
    leg = _leg(journey, day_s)
    _go_back(journey, leg)
    shift_s = DAY_S + 60.0 * round(float(journey.rng.uniform(30, 240)))
    _again(journey, leg, shift_s, copied=True, note="its own drive of the day before")


def same_line(journey: Journey, day_s: float) -> None:
    """The same way is driven at the same speeds on the next day."""
    leg = _leg(journey, day_s)
    _go_back(journey, leg)
    shift_s = DAY_S + round(float(journey.rng.uniform(1_800, 14_400))) + _OFFBEAT_S
    _again(journey, leg, shift_s, copied=False, note="the same line as the day before")


def _leg(journey: Journey, day_s: float) -> Leg:
    """One and a half to two hours and a quarter of lawful driving, from a rest to a rest."""
    journey.park_until(max(day_s + HOUR_S * float(journey.rng.uniform(6, 8)), journey.now_s + 2_000.0))
    leg = journey.leg(HOUR_S * float(journey.rng.uniform(1.5, 2.25)))
    journey.rest(2_400.0)
    return leg


def _go_back(journey: Journey, leg: Leg) -> None:
    """On along the circuit to where the leg began."""
    length_m = journey.circuit.length_m
    left_m = (leg.begun_m - journey.s_m) % length_m
    pieces = ceil(left_m / _PIECE_M)
    for _ in range(pieces):
        journey.drive_to(journey.s_m + left_m / pieces)
        journey.rest(1_800.0)


def _again(journey: Journey, leg: Leg, shift_s: float, *, copied: bool, note: str) -> None:
    """The same drive later."""
    journey.park_until(leg.begun_s + shift_s)
    again = journey.retrace(leg)
    if copied:
        journey.copies.append(Copy(leg.span, shift_s))
    row(journey, "copied_track", again.span, grade="major" if copied else None, expected=copied, note=note)
    journey.rest(2_400.0)


EPISODES: tuple[Episode, ...] = (
    Episode("copied_from_another", of_another, classes=TRUCKS),
    Episode("copied_own", of_its_own, days=2, classes=TRUCKS),
    Episode("copied_convoy", convoy, classes=TRUCKS),
    Episode("copied_same_line", same_line, days=2, classes=TRUCKS),
)
