"""Driver cards changed on the way (驾驶员冲突): by law a driver is changed at a stop."""

from __future__ import annotations

from collections.abc import Callable

from simulators.episodes.episode import HOUR_S, Episode, row, set_out, settle
from simulators.journey import Journey
from simulators.schedule import Span

NONE = -1


def _conflict(journey: Journey, known: int, begun_s: float, note: str, *, expected: bool) -> None:
    """Truth of a change from the card ``known`` at this moment, or of no change since ``begun_s``."""
    held, journey.driver = journey.driver, known
    span = Span(begun_s, journey.now_s)
    row(journey, "driver_conflict", span, grade="major" if expected else None, expected=expected, note=note)
    journey.driver = held


def swapped(without_s: float) -> Callable[[Journey, float], None]:
    """The colleague's card is put in at full speed, at once or after driving without one for ``without_s``."""

    def plan(journey: Journey, day_s: float) -> None:
        set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(7, 12)))
        first = journey.driver
        if without_s:
            journey.put_card(NONE)
            journey.cruise(without_s)
        _conflict(
            journey, first, journey.now_s, f"another card on the move, {without_s:.0f} s without one", expected=True
        )
        journey.put_card(1 - first)
        journey.cruise(1_500.0)
        settle(journey)

    return plan


def out_and_in(journey: Journey, day_s: float) -> None:
    """The same card is taken out and put in again on the way: nothing changes."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(7, 12)))
    card, begun = journey.driver, journey.now_s
    journey.put_card(NONE)
    journey.cruise(300.0)
    journey.put_card(card)
    journey.cruise(900.0)
    _conflict(journey, card, begun, "the same card out and in", expected=False)
    settle(journey)


def late_card(journey: Journey, day_s: float) -> None:
    """Drivers change at a stop, but the new one puts his card in only on the way."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(7, 12)))
    first, begun = journey.driver, journey.now_s
    journey.cruise(600.0)
    journey.stop()
    journey.rest(150.0)
    journey.driver = NONE
    journey.rest(150.0)
    journey.start()
    journey.cruise(240.0)
    journey.put_card(1 - first)
    journey.cruise(900.0)
    _conflict(journey, first, begun, "changed at a stop, card put in on the way", expected=False)
    settle(journey)


EPISODES: tuple[Episode, ...] = (
    Episode("card_swapped", swapped(0.0), two_drivers=True),
    Episode("card_swapped_after_none", swapped(240.0), two_drivers=True),
    Episode("card_out_and_in", out_and_in, two_drivers=True),
    Episode("card_late", late_card, two_drivers=True),
)
