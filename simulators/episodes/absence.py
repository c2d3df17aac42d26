"""Absence (不在线) by tier, parked and lost, and vehicles that never come online (从未上线).

The plans only switch terminals off; ``witness`` reads every pause of more than a day off the times of contact.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulators.episodes.episode import HOUR_S, Episode, set_out
from simulators.fleet import Member
from simulators.journey import Journey
from simulators.motion import Track
from simulators.schedule import DAY_S, MOVING_MS, Schedule, SilenceKind, Span
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
        rng = journey.rng
        set_out(journey, day_s + HOUR_S * float(rng.uniform(15.0, 16.5)))
        journey.cruise(600.0)
        if lost:
            journey.steady(36.0, 90.0)
            begun = journey.now_s
            journey.stop()
        else:
            journey.stop()
            begun = journey.now_s + 900.0
        back_s = day_s + days * DAY_S + HOUR_S * float(rng.uniform(7.5, 9.0))
        journey.park_until(back_s)
        journey.silent(Span(begun, back_s - 30.0), SilenceKind.ABSENCE, "lost" if lost else "parked")
        if back_s < journey.end_s:
            journey.drive(2_700.0)
            journey.rest(2_000.0)

    return plan


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


def witness(schedule: Schedule, sent: Track, start_ms: int, data_end_s: float, near_s: float) -> list[TruthEpisode]:
    """A row for each pause of contact longer than 20 h: an absence beyond 24 h, else a near miss."""
    contact_s = np.sort(sent.arrived_s)
    pauses = np.append(np.diff(contact_s), data_end_s - contact_s[-1])
    by_arrival = np.argsort(sent.arrived_s, kind="stable")
    out: list[TruthEpisode] = []
    for index in np.flatnonzero(pauses > 20 * HOUR_S):
        last = float(contact_s[index])
        pause = float(pauses[index])
        back = index + 1 < len(contact_s)
        parked = float(sent.speed_kmh[by_arrival[index]]) < MOVING_MS * 3.6
        expected = pause > ABSENT_S
        out.append(
            TruthEpisode(
                vehicle_id=schedule.member.vehicle.vehicle_id,
                rule="offline",
                kind="parked" if parked else "lost",
                grade=_tier(pause / DAY_S, near_s) if expected else None,
                onset_ms=start_ms + round(1000 * (last + (ABSENT_S if expected else 0.0))),
                end_ms=start_ms + round(1000 * (last + pause)) if back else None,
                value=pause / DAY_S,
                limit=1.0,
                near_boundary=abs(pause - ABSENT_S) <= near_s,
                expected=expected,
                note="back" if back else "still absent at the end",
            )
        )
    return out


def never_online(
    member: Member, start_ms: int, first_life_s: float, data_end_s: float, near_s: float
) -> list[TruthEpisode]:
    """The row of a vehicle that was due (in service, not suspended, no trailer) and never seen.

    Due from the latest of ``in_service_from`` and the source's first life, which is the scenario's first report.
    """
    vehicle = member.vehicle
    if not member.never_online:
        return []
    due = vehicle.suspended_from is None
    waited_s = data_end_s - first_life_s
    return [
        TruthEpisode(
            vehicle_id=vehicle.vehicle_id,
            rule="never_online",
            grade="general",
            onset_ms=start_ms + round(1000 * (first_life_s + NEVER_ONLINE_S)),
            end_ms=None,
            value=waited_s / DAY_S,
            limit=7.0,
            near_boundary=due and abs(waited_s - NEVER_ONLINE_S) <= near_s,
            expected=due and waited_s > NEVER_ONLINE_S,
            note="never seen" if due else "suspended, so not due",
        )
    ]


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
)
