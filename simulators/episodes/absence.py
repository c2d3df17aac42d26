"""Absence (不在线) by tier, parked and lost, and vehicles that never come online (从未上线).

The plans only switch terminals off; ``witness`` reads every pause of more than a day off the times of contact. Days
count outside of the rests of the office's calendar only.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulators.episodes.episode import HOUR_S, Episode, FleetSight, Sight, set_out
from simulators.fleet import Member
from simulators.journey import Journey
from simulators.lengths import around
from simulators.schedule import DAY_S, MOVING_MS, SilenceKind, Span
from simulators.seasons import counted_s, moment_counted_s
from simulators.truth import TruthEpisode

ABSENT_S = DAY_S
NEVER_ONLINE_S = 7 * DAY_S
_TIERS: tuple[tuple[float, str], ...] = ((15, "serious"), (7, "major"), (3, "general"), (1, "notice"))
"""Days of rulebook O2 as the interface grades them."""


def _tier(days: float, near_s: float) -> str | None:
    """Grade of an absence; None when a tier is too near to tell."""
    if any(abs(days - tier) * DAY_S < near_s for tier, _ in _TIERS[:-1]):
        return None
    return next((word for tier, word in _TIERS if days >= tier), "notice")


def _away(days: float, lost: bool) -> Callable[[Journey, float], None]:
    """Off from the late afternoon to a morning ``days`` later; ``lost`` while still moving."""

    def plan(journey: Journey, day_s: float) -> None:
        begun = switch_off(journey, day_s, lost)
        come_back(journey, begun, day_s + days * DAY_S + HOUR_S * float(journey.rng.uniform(7.5, 9.0)), lost)

    return plan


def _spread(lost: bool, tier_days: float, longest_days: float) -> Callable[[Journey, float], None]:
    """Off for a time drawn about a tier."""

    def plan(journey: Journey, day_s: float) -> None:
        begun = switch_off(journey, day_s, lost)
        lengths = around(tier_days * DAY_S, longest_days * DAY_S, reports_s=journey.parked_interval_s)
        come_back(journey, begun, begun + lengths.at(journey.quantile), lost)

    return plan


def switch_off(journey: Journey, day_s: float, lost: bool) -> float:
    """An afternoon's drive, and since when nothing is heard any more."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(15.0, 16.5)))
    journey.cruise(600.0)
    if lost:
        journey.steady(36.0, 90.0)
        begun = journey.now_s
        journey.stop()
        return begun
    journey.stop()
    return journey.now_s + 900.0


def come_back(journey: Journey, begun_s: float, back_s: float, lost: bool) -> None:
    """Silent until ``back_s``, then a drive."""
    journey.park_until(back_s)
    journey.silent(Span(begun_s, back_s - 30.0), SilenceKind.ABSENCE, "lost" if lost else "parked")
    if back_s < journey.end_s:
        journey.drive(2_700.0)
        journey.rest(2_000.0)


def _for_good(lost: bool) -> Callable[[Journey, float], None]:
    return _away(400.0, lost)


def almost(journey: Journey, day_s: float) -> None:
    """22 hours off: no absence."""
    set_out(journey, day_s + HOUR_S * 8.0)
    journey.cruise(900.0)
    journey.stop()
    begun = journey.now_s + 900.0
    journey.rest(900.0 + 22 * HOUR_S + 30.0)
    journey.silent(Span(begun, journey.now_s - 30.0), SilenceKind.ABSENCE, "22 h")
    journey.drive(1_800.0)
    journey.rest(2_000.0)


def witness(sight: Sight) -> list[TruthEpisode]:
    """A row for each pause of contact longer than 20 h: an absence beyond 24 h, else a near miss."""
    sent, start_ms = sight.sent, sight.start_ms
    near_s = 2 * sight.parked_interval_s
    contact_s = np.sort(sent.arrived_s)
    pauses = np.append(np.diff(contact_s), sight.data_end_s - contact_s[-1])
    by_arrival = np.argsort(sent.arrived_s, kind="stable")
    out: list[TruthEpisode] = []
    for index in np.flatnonzero(pauses > 20 * HOUR_S):
        last = float(contact_s[index])
        pause = float(pauses[index])
        back = index + 1 < len(contact_s)
        parked = float(sent.speed_kmh[by_arrival[index]]) < MOVING_MS * 3.6
        counted = counted_s(sight.rests, Span(last, last + pause))
        expected = counted > ABSENT_S
        onset_s = moment_counted_s(sight.rests, last, ABSENT_S) if expected else last
        out.append(
            TruthEpisode(
                vehicle_id=sight.vehicle_id,
                rule="offline",
                kind="parked" if parked else "lost",
                grade=_tier(counted / DAY_S, near_s) if expected else None,
                onset_ms=start_ms + round(1000 * onset_s),
                end_ms=start_ms + round(1000 * (last + pause)) if back else None,
                value=counted / DAY_S,
                limit=1.0,
                near_boundary=abs(counted - ABSENT_S) <= near_s,
                expected=expected,
                note="back" if back else "still absent at the end",
                times_threshold=counted / ABSENT_S,
            )
        )
    return out


def witness_fleet(sight: FleetSight) -> list[TruthEpisode]:
    """A row for each vehicle that was never seen; those that were due (in service, not suspended) are expected.

    Due from the latest of ``in_service_from`` and the source's first life, which is the scenario's first report.
    """
    return [_never_online(member, sight) for member in sight.members if member.never_online]


def _never_online(member: Member, sight: FleetSight) -> TruthEpisode:
    due = member.vehicle.suspended_from is None
    rests = sight.rests.get(member.vehicle.vehicle_class, ())
    waited_s = counted_s(rests, Span(sight.first_life_s, sight.data_end_s))
    return TruthEpisode(
        vehicle_id=member.vehicle.vehicle_id,
        rule="never_online",
        grade="general",
        onset_ms=sight.start_ms + round(1000 * moment_counted_s(rests, sight.first_life_s, NEVER_ONLINE_S)),
        end_ms=None,
        value=waited_s / DAY_S,
        limit=7.0,
        near_boundary=due and abs(waited_s - NEVER_ONLINE_S) <= 2 * sight.parked_interval_s,
        expected=due and waited_s > NEVER_ONLINE_S,
        note="never seen" if due else "suspended, so not due",
        times_threshold=waited_s / NEVER_ONLINE_S,
    )


EPISODES: tuple[Episode, ...] = (
    Episode("absence_parked_1d", _away(2, lost=False), days=3),
    Episode("absence_lost_1d", _away(2, lost=True), days=3),
    Episode("absence_parked_3d", _away(4, lost=False), days=5),
    Episode("absence_lost_3d", _away(4, lost=True), days=5),
    Episode("absence_parked_7d", _away(8, lost=False), days=9),
    Episode("absence_lost_7d", _away(8, lost=True), days=9),
    Episode("absence_parked_15d", _away(16, lost=False), days=17),
    Episode("absence_lost_15d", _away(16, lost=True), days=17),
    Episode("absence_parked_for_good", _for_good(lost=False), days=3, at_end=True),
    Episode("absence_lost_for_good", _for_good(lost=True), days=3, at_end=True),
    Episode("absence_almost", almost, days=2),
    Episode("absence_parked_spread", _spread(lost=False, tier_days=1, longest_days=1.6), days=3),
    Episode("absence_lost_spread", _spread(lost=True, tier_days=1, longest_days=1.6), days=3),
    Episode("absence_tier_spread", _spread(lost=True, tier_days=3, longest_days=4.2), days=5),
)
