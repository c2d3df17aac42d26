"""ACC that contradicts movement (ACC矛盾): a wire that is cut or loose, and what only looks like one."""

from __future__ import annotations

from simulators.episodes.episode import HOUR_S, Episode, row, set_out, settle
from simulators.journey import Journey
from simulators.schedule import Span


def cut(journey: Journey, day_s: float) -> None:
    """The wire is off for 5 to 20 minutes at full speed."""
    _cut_for(journey, day_s, float(journey.rng.uniform(300, 1_200)), expected=True)


def loose(journey: Journey, day_s: float) -> None:
    """A loose contact of a minute and a half."""
    _cut_for(journey, day_s, 90.0, expected=False)


def _cut_for(journey: Journey, day_s: float, seconds: float, *, expected: bool) -> None:
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(7, 13)))
    begun = journey.now_s
    journey.wire_acc(False)
    journey.cruise(seconds)
    journey.wire_acc(True)
    row(
        journey,
        "acc_contradiction",
        Span(begun, journey.now_s),
        grade="general" if expected else None,
        expected=expected,
        note=f"ACC off for {seconds:.0f} s at full speed",
    )
    journey.cruise(900.0)
    settle(journey)


def towed(journey: Journey, day_s: float) -> None:
    """Towed for half an hour at 23 km/h, its engine off: it is being carried."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(7, 13)))
    journey.cruise(600.0)
    journey.stop()
    journey.rest(180.0)
    begun = journey.now_s
    journey.carried(1_800.0, 23.0)
    row(journey, "acc_contradiction", Span(begun, journey.now_s), expected=False, note="towed at 23 km/h")
    journey.rest(1_800.0)


EPISODES: tuple[Episode, ...] = (
    Episode("acc_cut", cut),
    Episode("acc_loose", loose),
    Episode("acc_towed", towed),
)
