"""ACC that contradicts movement (ACC矛盾): a wire that is cut or loose, and what only looks like one."""

from __future__ import annotations

from simulators.episodes.episode import HOUR_S, Episode, row, set_out, settle
from simulators.journey import Journey
from simulators.lengths import around
from simulators.schedule import Span

CONTRADICTION_S = 120.0


def cut(journey: Journey, day_s: float) -> None:
    """The wire is off for 5 to 20 minutes at full speed."""
    _cut_for(journey, day_s, float(journey.rng.uniform(300, 1_200)))


def loose(journey: Journey, day_s: float) -> None:
    """A loose contact of a minute and a half."""
    _cut_for(journey, day_s, 90.0 - journey.interval_s)


def spread(journey: Journey, day_s: float) -> None:
    """Off for a time drawn about two minutes."""
    lengths = around(CONTRADICTION_S, 2_400.0, reports_s=journey.interval_s)
    _cut_for(journey, day_s, max(20.0, lengths.at(journey.quantile)))


def _cut_for(journey: Journey, day_s: float, seconds: float) -> None:
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(7, 13)))
    begun = journey.now_s
    journey.wire_acc(False)
    journey.cruise(seconds)
    journey.wire_acc(True)
    expected = seconds > CONTRADICTION_S
    row(
        journey,
        "acc_contradiction",
        Span(begun, journey.now_s),
        grade="general" if expected else None,
        near_boundary=abs(seconds - CONTRADICTION_S) <= 2 * journey.interval_s,
        expected=expected,
        note=f"ACC off for {seconds:.0f} s at full speed",
        times_threshold=seconds / CONTRADICTION_S,
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
    Episode("acc_spread", spread),
)
