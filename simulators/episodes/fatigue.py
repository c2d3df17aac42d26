"""Fatigue driving (疲劳驾驶): more than 4 h of driving, or 2 h of night driving, without a rest of 20 minutes."""

from __future__ import annotations

from collections.abc import Callable

from simulators.episodes.episode import COACHES, HAZMAT, HOUR_S, TRUCKS, Episode, row
from simulators.journey import Journey
from simulators.lengths import around
from simulators.schedule import Span

DAY_LIMIT_S = 4 * HOUR_S
NIGHT_LIMIT_S = 2 * HOUR_S
_ALMOST = 0.85
"""From this share of a limit on a run is a near miss."""
_OVER_MIN: tuple[tuple[float, float], ...] = ((9, 20), (38, 50), (70, 95))
"""Minutes over the limit, well inside general, major (from 30) and serious (from 60)."""


def _grade(over_s: float, bound_s: float) -> str | None:
    """None where a step is too near to tell."""
    if min(abs(over_s - 1_800), abs(over_s - 3_600)) <= bound_s:
        return None
    return "general" if over_s < 1_800 else "major" if over_s < 3_600 else "serious"


def record(journey: Journey, note: str) -> None:
    """Truth of the run since the last rest, by the journey's own clock; call before the rest that ends it.

    Writes a row for each limit passed, and a near miss for each that is almost reached.
    """
    end_s = journey.blocks[-1].end_s
    bound_s = 2 * journey.interval_s * len(journey.blocks)
    for kind, limit_s in (("day", DAY_LIMIT_S), ("night", NIGHT_LIMIT_S)):
        night = kind == "night"
        driven_s = journey.driven_s(night=night)
        if (night and not journey.night_bound) or driven_s < _ALMOST * limit_s:
            continue
        over_s = driven_s - limit_s
        expected = over_s > 0
        row(
            journey,
            "fatigue",
            Span(journey.moment_driven_s(limit_s, night=night) if expected else journey.blocks[0].start_s, end_s),
            kind=kind,
            grade=_grade(over_s, bound_s) if expected else None,
            value=driven_s / HOUR_S,
            limit=limit_s / HOUR_S,
            near_boundary=abs(over_s) <= bound_s,
            suspected=journey.crew_unknown,
            expected=expected,
            note=note,
            times_threshold=driven_s / limit_s,
        )


def _begin(journey: Journey, at_s: float) -> None:
    journey.park_until(max(at_s, journey.now_s + 2_000.0))


def by_grade(band: int, night: bool = False) -> Callable[[Journey, float], None]:
    """A run over the limit, in one piece or with short stops (the last band with one of 15 minutes)."""

    def plan(journey: Journey, day_s: float) -> None:
        rng = journey.rng
        limit_s = NIGHT_LIMIT_S if night else DAY_LIMIT_S
        left = limit_s + 60 * float(rng.uniform(*_OVER_MIN[band]))
        _begin(journey, day_s + HOUR_S * (22.06 if night else float(rng.uniform(6.1, 8.5))))
        stops = [] if band == 0 else [float(rng.uniform(120, 330))] if band == 1 else [900.0]
        for stop_s in stops:
            part = left * float(rng.uniform(0.35, 0.6))
            journey.drive(part)
            journey.rest(stop_s)
            left -= part
        journey.drive(left)
        record(journey, f"{'night' if night else 'day'} run, {len(stops)} short stops")
        journey.rest(3_000.0)

    return plan


def spread(night: bool = False) -> Callable[[Journey, float], None]:
    """A run whose driving is drawn about the limit, in up to three pieces with short stops between."""

    def plan(journey: Journey, day_s: float) -> None:
        rng = journey.rng
        lengths = around(NIGHT_LIMIT_S, 3.6 * HOUR_S) if night else around(DAY_LIMIT_S, 6.4 * HOUR_S)
        pieces = int(rng.integers(1, 4))
        _begin(journey, day_s + HOUR_S * (22.06 if night else float(rng.uniform(6.1, 8.5))))
        for piece in range(pieces):
            journey.drive(lengths.at(journey.quantile) / pieces)
            if piece + 1 < pieces:
                journey.rest(float(rng.uniform(60, 1_000)))
        record(journey, f"{'night' if night else 'day'} run in {pieces}")
        journey.rest(3_000.0)

    return plan


def evening(journey: Journey, day_s: float) -> None:
    """From 20:00 into the night: both limits in one run."""
    _begin(journey, day_s + HOUR_S * 20.0)
    journey.drive(DAY_LIMIT_S + 1_100.0)
    record(journey, "one run over both limits")
    journey.rest(3_000.0)


def edge(journey: Journey, day_s: float) -> None:
    """Over 4 h by about one report: either verdict is right."""
    _begin(journey, day_s + HOUR_S * float(journey.rng.uniform(6.1, 9)))
    journey.drive(DAY_LIMIT_S + journey.interval_s + 8.0)
    record(journey, "just over 4 h")
    journey.rest(3_000.0)


def almost(journey: Journey, day_s: float) -> None:
    """3 h 50 min: no fatigue."""
    _begin(journey, day_s + HOUR_S * float(journey.rng.uniform(6.1, 9)))
    journey.drive(DAY_LIMIT_S - 600.0)
    record(journey, "3 h 50 min")
    journey.rest(3_000.0)


def almost_night(journey: Journey, day_s: float) -> None:
    """1 h 50 min of the night: no fatigue."""
    _begin(journey, day_s + HOUR_S * 22.06)
    journey.drive(NIGHT_LIMIT_S - 600.0)
    record(journey, "1 h 50 min of the night")
    journey.rest(3_000.0)


def rested(journey: Journey, day_s: float) -> None:
    """Twice 2 h 40 min with a rest of 23 minutes between: no fatigue."""
    _begin(journey, day_s + HOUR_S * float(journey.rng.uniform(6.1, 9)))
    journey.drive(9_600.0)
    begun = journey.blocks[0].start_s
    journey.rest(1_380.0 + 2 * journey.interval_s)
    journey.drive(9_600.0)
    span = Span(begun, journey.blocks[-1].end_s)
    row(journey, "fatigue", span, kind="day", value=5.33, limit=4.0, expected=False, note="a rest of 23 min between")
    journey.rest(3_000.0)


def truck_night(journey: Journey, day_s: float) -> None:
    """A truck's 3 h of night driving: the night limit is off for trucks."""
    _begin(journey, day_s + HOUR_S * 22.06)
    journey.drive(3 * HOUR_S)
    span = Span(journey.blocks[0].start_s, journey.blocks[-1].end_s)
    row(journey, "fatigue", span, kind="night", value=3.0, limit=2.0, expected=False, note="trucks have no night limit")
    journey.rest(3_000.0)


EPISODES: tuple[Episode, ...] = (
    Episode("fatigue_day_general", by_grade(0)),
    Episode("fatigue_day_major", by_grade(1)),
    Episode("fatigue_day_serious", by_grade(2)),
    Episode("fatigue_night_general", by_grade(0, night=True), days=2, classes=COACHES | HAZMAT),
    Episode("fatigue_night_major", by_grade(1, night=True), days=2, classes=COACHES | HAZMAT),
    Episode("fatigue_night_serious", by_grade(2, night=True), days=2, classes=COACHES | HAZMAT),
    Episode("fatigue_evening", evening, days=2, classes=COACHES | HAZMAT),
    Episode("fatigue_spread", spread()),
    Episode("fatigue_night_spread", spread(night=True), days=2, classes=COACHES | HAZMAT),
    Episode("fatigue_edge", edge),
    Episode("fatigue_almost", almost),
    Episode("fatigue_almost_night", almost_night, days=2, classes=COACHES | HAZMAT),
    Episode("fatigue_rested", rested),
    Episode("fatigue_truck_night", truck_night, days=2, classes=TRUCKS),
)
