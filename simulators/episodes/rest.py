"""Rests that do not look like one (queueing, a ferry) and a change of drivers: none of them is fatigue."""

from __future__ import annotations

from simulators.episodes.episode import HOUR_S, KEY_CLASSES, Episode, row
from simulators.journey import Journey
from simulators.schedule import Span

_LEG_S = 2.75 * HOUR_S


def queueing(journey: Journey, day_s: float) -> None:
    """Waiting at an unloading point, moving up twice by 100 m: one rest of about 36 minutes in three pieces."""
    journey.park_until(day_s + HOUR_S * float(journey.rng.uniform(6.2, 8.5)))
    journey.drive(_LEG_S)
    begun = journey.blocks[0].start_s
    for _ in range(2):
        journey.rest(700.0)
        journey.creep(50.0, 9.0)
    journey.rest(700.0)
    journey.drive(_LEG_S)
    _near_miss(journey, begun, "queueing inside the rest")


def ferry(journey: Journey, day_s: float) -> None:
    """Carried for 40 minutes with the engine off: a rest."""
    journey.park_until(day_s + HOUR_S * float(journey.rng.uniform(6.2, 8.5)))
    journey.drive(_LEG_S)
    begun = journey.blocks[0].start_s
    journey.rest(180.0)
    journey.carried(2_400.0, 16.0)
    journey.rest(180.0)
    journey.drive(_LEG_S)
    _near_miss(journey, begun, "carried on a ferry")


def two_drivers(journey: Journey, day_s: float) -> None:
    """The other driver takes over at a stop of 5 minutes: each has a clock of his own."""
    journey.park_until(day_s + HOUR_S * float(journey.rng.uniform(6.2, 8.5)))
    journey.drive(_LEG_S)
    begun = journey.blocks[0].start_s
    journey.rest(150.0)
    journey.change_driver()
    journey.rest(150.0)
    journey.drive(_LEG_S)
    _near_miss(journey, begun, "drivers changed at a stop")


def _near_miss(journey: Journey, begun_s: float, note: str) -> None:
    span = Span(begun_s, journey.blocks[-1].end_s)
    row(
        journey, "fatigue", span, kind="day", value=2 * _LEG_S / HOUR_S, limit=4.0, expected=False, note=note
    )  # fmt: skip
    journey.rest(3_000.0)


EPISODES: tuple[Episode, ...] = (
    Episode("queueing", queueing, classes=KEY_CLASSES),
    Episode("ferry", ferry, classes=KEY_CLASSES),
    Episode("two_drivers", two_drivers, classes=KEY_CLASSES, two_drivers=True),
)
