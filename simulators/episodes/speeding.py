"""Speeding (超速): each grade, by day and night, around the 30 s of rulebook S1 and at the very limit."""

from __future__ import annotations

from collections.abc import Callable

from simulators.episodes.episode import COACHES, HOUR_S, Episode, make_room, row, set_out, settle
from simulators.journey import CLASS_CAP_KMH, Journey
from simulators.lengths import around
from simulators.schedule import Span

_HOLD_S = 30.0
"""Speeding lasts more than 30 s (rulebook S1)."""
_DOUBTED_KMH, _DOUBTED_REPORTS = 140.0, 3
"""A peak beyond this is believed only with three reports that agree with the way between them (rulebook S6)."""
_BANDS: tuple[tuple[float, float], ...] = ((1.03, 1.07), (1.12, 1.18), (1.24, 1.38), (1.53, 1.57))
"""Peak over limit, well inside each band of rulebook S4."""


def grade_word(peak_kmh: float, limit_kmh: float) -> str:
    """Grade by rulebook S4 on a road that is unknown, hence no expressway."""
    excess = peak_kmh / limit_kmh - 1.0
    return "notice" if excess < 0.1 else "general" if excess < 0.2 else "major" if excess < 0.5 else "serious"


def _record(journey: Journey, since_s: float, peak_kmh: float, note: str, *, merged: bool = False) -> None:
    """The truth of a surge: over from the first to the last moment above the limit, whatever reports show of it."""
    span = journey.over_span(since_s)
    if span is None:
        return
    cap = CLASS_CAP_KMH[journey.vehicle_class]
    limit = journey.limit_kmh(span.start_s) or cap
    night_only = peak_kmh <= cap
    near = abs(span.length_s - _HOLD_S) < 2 * journey.interval_s
    if peak_kmh > _DOUBTED_KMH:
        near = near or span.length_s < _HOLD_S + (_DOUBTED_REPORTS + 2) * journey.interval_s
    row(
        journey,
        "speeding",
        span,
        grade=grade_word(peak_kmh, limit if night_only else cap),
        value=round(peak_kmh, 1),
        limit=limit,
        expected=span.length_s > _HOLD_S,
        near_boundary=near and not merged,
        note=f"{note}{'; night_only' if night_only else ''}",
        times_threshold=span.length_s / _HOLD_S,
    )


def _hold(journey: Journey, quantile: float | None = None) -> float:
    """How long to hold a speed over the limit, drawn about 30 s."""
    lengths = around(_HOLD_S, 1_800.0, reports_s=journey.interval_s)
    return max(1.0, lengths.at(journey.quantile if quantile is None else quantile))


def by_grade(band: int) -> Callable[[Journey, float], None]:
    """Two surges in one grade's band on a morning's drive."""

    def plan(journey: Journey, day_s: float) -> None:
        rng = journey.rng
        set_out(journey, day_s + HOUR_S * float(rng.uniform(6.6, 9.0)))
        for quantile in (journey.quantile, 1.0 - journey.quantile):
            peak = round(CLASS_CAP_KMH[journey.vehicle_class] * float(rng.uniform(*_BANDS[band])), 1)
            if peak > _DOUBTED_KMH:
                make_room(journey, 8 * journey.interval_s * peak / 3.6)
            since = journey.now_s
            journey.surge(peak, _hold(journey, quantile))
            _record(journey, since, peak, f"grade band {band}")
            journey.cruise(float(rng.uniform(900, 1800)))
        settle(journey)

    return plan


def dip(journey: Journey, day_s: float) -> None:
    """Over, some seconds below, over again: one event, since reports within a minute merge."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(9, 13)))
    cap = CLASS_CAP_KMH[journey.vehicle_class]
    since = journey.now_s
    peak = round(cap * 1.08, 1)
    hold = 2 * journey.interval_s + 40.0
    journey.steady(peak, hold)
    journey.steady(cap - 2.0, 4.0)
    journey.steady(peak, hold)
    journey.cruise(600.0)
    _record(journey, since, peak, "dip of some seconds", merged=True)
    settle(journey)


def short(journey: Journey, day_s: float) -> None:
    """About 20 s over: never speeding."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(9, 13)))
    since = journey.now_s
    peak = round(CLASS_CAP_KMH[journey.vehicle_class] * 1.09, 1)
    journey.surge(peak, 17.0)
    _record(journey, since, peak, "below 30 s")
    journey.cruise(900.0)
    settle(journey)


def edge(journey: Journey, day_s: float) -> None:
    """Just beyond 30 s: the reports may or may not show it."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(9, 13)))
    since = journey.now_s
    peak = round(CLASS_CAP_KMH[journey.vehicle_class] * 1.09, 1)
    journey.surge(peak, 31.0 + float(journey.rng.uniform(0, journey.interval_s)))
    _record(journey, since, peak, "just beyond 30 s")
    journey.cruise(900.0)
    settle(journey)


def at_limit(journey: Journey, day_s: float) -> None:
    """Exactly at the limit for minutes: at the limit is not over it."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(9, 13)))
    cap = CLASS_CAP_KMH[journey.vehicle_class]
    since = journey.now_s
    journey.surge(cap, 180.0)
    span = Span(since, journey.now_s)
    row(journey, "speeding", span, value=cap, limit=cap, expected=False, note="at the limit")
    journey.cruise(600.0)
    settle(journey)


def night_only(journey: Journey, day_s: float) -> None:
    """A coach at 84–87 km/h after 22:00: over 80 % of the day limit, below the day limit."""
    set_out(journey, day_s + HOUR_S * 22.1)
    since = journey.now_s
    peak = round(float(journey.rng.uniform(83.5, 86.5)), 1)
    journey.surge(peak, _hold(journey))
    _record(journey, since, peak, "night limit")
    journey.cruise(300.0)
    settle(journey)


def night_border(journey: Journey, day_s: float) -> None:
    """A coach at 86 km/h across 22:00: over from 22:00 on, since the limit is judged report by report."""
    set_out(journey, day_s + HOUR_S * 21.3)
    until = day_s + HOUR_S * 22
    journey.cruise(max(0.0, until - 240.0 - journey.now_s))
    since = journey.now_s
    journey.surge(86.0, until - since + _hold(journey))
    _record(journey, since, 86.0, "limit falls at 22:00")
    journey.cruise(300.0)
    settle(journey)


def night_over(journey: Journey, day_s: float) -> None:
    """A coach over the day limit at night: graded against the day limit."""
    set_out(journey, day_s + HOUR_S * 22.1)
    since = journey.now_s
    peak = round(float(journey.rng.uniform(112, 118)), 1)
    journey.surge(peak, _hold(journey))
    _record(journey, since, peak, "over the day limit at night")
    journey.cruise(300.0)
    settle(journey)


EPISODES: tuple[Episode, ...] = (
    Episode("speeding_notice", by_grade(0)),
    Episode("speeding_general", by_grade(1)),
    Episode("speeding_major", by_grade(2)),
    Episode("speeding_serious", by_grade(3)),
    Episode("speeding_dip", dip),
    Episode("speeding_short", short),
    Episode("speeding_edge", edge),
    Episode("speeding_at_limit", at_limit),
    Episode("speeding_night_only", night_only, classes=COACHES),
    Episode("speeding_night_border", night_border, classes=COACHES),
    Episode("speeding_night_over", night_over, classes=COACHES),
)
