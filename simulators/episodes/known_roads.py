"""Known roads (路段): speeding against posted limits, roads beside others, and hazmat on an expressway at night.

The truth holds for a monitor that is given the simulator's sections (``simulators.sections``), and where hazmat is
banned from expressways between 00:00 and 06:00.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitor.model.fleet import VehicleClass
from monitor.model.road import RoadClass
from simulators.episodes import fatigue
from simulators.episodes.episode import COACHES, HAZMAT, HOUR_S, TRUCKS, Episode, row, settle
from simulators.journey import CLASS_CAP_KMH, Journey
from simulators.lengths import around
from simulators.scenario import Scenario
from simulators.schedule import Span
from simulators.sections import BESIDE_M, Stretch, stretches

_HOLD_S = 30.0
"""Speeding lasts more than 30 s (rulebook S1)."""
_HAZMAT_OTHER_ROAD_KMH = 60.0
"""Hazmat where the road is no expressway (rulebook S2)."""
_LONGEST_S = 150.0
"""Of a surge: the county roads are short."""
_SEARCH_S = 2.5 * HOUR_S
_BEFORE_M, _AFTER_M = 700.0, 700.0
"""What is left of a stretch around an episode: corridors of roads that meet overlap."""
_BANDS = {"notice": (1.03, 1.07), "general": (1.12, 1.18), "major": (1.24, 1.38), "serious": (1.53, 1.57)}
"""Peak over limit, well inside each band of rulebook S4."""


@dataclass(frozen=True, slots=True)
class Limit:
    """The lowest limit of a vehicle on a stretch by day, and where it comes from."""

    kmh: float
    source: str


def limit_on(journey: Journey, stretch: Stretch) -> Limit:
    """Posted limit against the cap by class of vehicle and road (rulebook S1, S2); of equal ones the posted."""
    cap = CLASS_CAP_KMH[journey.vehicle_class]
    if journey.vehicle_class is VehicleClass.HAZMAT and stretch.section.road_class is not RoadClass.EXPRESSWAY:
        cap = _HAZMAT_OTHER_ROAD_KMH
    posted = stretch.section.limit_kmh
    return Limit(cap, "class_cap") if posted is None or cap < posted else Limit(posted, "section")


def grade_on(road_class: RoadClass, peak_kmh: float, limit_kmh: float) -> str:
    """Grade by rulebook S4."""
    excess = peak_kmh / limit_kmh - 1.0
    if excess >= 0.2 and road_class is RoadClass.EXPRESSWAY:
        return "serious"
    return "notice" if excess < 0.1 else "general" if excess < 0.2 else "major" if excess < 0.5 else "serious"


def reach(
    journey: Journey, road_class: RoadClass, room_m: float, among: Callable[[Stretch], bool] = lambda _: True
) -> Stretch | None:
    """Go on to a known road of a class with so much of it ahead; None where the circuit has none."""
    begun = journey.now_s
    while journey.now_s - begun < _SEARCH_S:
        here = journey.s_m % journey.circuit.length_m
        for stretch in stretches(journey.circuit.destination):
            inside = stretch.from_m + _BEFORE_M <= here and here + room_m + _AFTER_M <= stretch.to_m
            if inside and stretch.section.road_class is road_class and among(stretch):
                return stretch
        journey.cruise(20.0)
    return None


def by_band(road_class: RoadClass, grade: str, band: str) -> Callable[[Journey, float], None]:
    """A surge on a known road of a class in one band of excess."""

    def plan(journey: Journey, day_s: float) -> None:
        _leave(journey, day_s)
        hold_s = max(1.0, around(_HOLD_S, _LONGEST_S, reports_s=journey.interval_s).at(journey.quantile))
        stretch = reach(journey, road_class, 40.0 * (hold_s + 150.0) * 0.8)
        if stretch is not None:
            limit = limit_on(journey, stretch)
            peak_kmh = round(limit.kmh * float(journey.rng.uniform(*_BANDS[band])), 1)
            _surge(journey, stretch, peak_kmh, hold_s, grade)
        journey.cruise(300.0)
        settle(journey)

    return plan


def at_limit(journey: Journey, day_s: float) -> None:
    """Exactly at the posted limit for minutes: at the limit is not over it."""
    _leave(journey, day_s)
    stretch = reach(journey, RoadClass.SECOND, 6_500.0)
    if stretch is not None:
        limit = limit_on(journey, stretch)
        since = journey.now_s
        journey.steady(limit.kmh, 180.0)
        span = Span(since, journey.now_s)
        row(journey, "speeding", span, value=limit.kmh, limit=limit.kmh, expected=False, note="at the posted limit")
        journey.steady(limit.kmh - 12.0, 10.0)
    journey.cruise(300.0)
    settle(journey)


def beside_lower(journey: Journey, day_s: float) -> None:
    """On the expressway at 95 km/h, beside a road of 60: none of its business."""
    _leave(journey, day_s)
    stretch = reach(journey, RoadClass.EXPRESSWAY, 5_000.0, lambda _: _is_beside(journey, 5_000.0))
    if stretch is not None:
        limit_kmh = limit_on(journey, stretch).kmh
        since = journey.now_s
        journey.steady(limit_kmh - 5.0, 120.0)
        span, note = Span(since, journey.now_s), "beside a road of a lower limit"
        row(journey, "speeding", span, value=limit_kmh - 5.0, limit=limit_kmh, expected=False, note=note)
    journey.cruise(300.0)
    settle(journey)


def beside_higher(journey: Journey, day_s: float) -> None:
    """On a county road of 80 at some 92 km/h, beside an expressway of 100: speeding."""
    _leave(journey, day_s)
    stretch = reach(journey, RoadClass.SECOND, 6_000.0, lambda _: _is_beside(journey, 6_000.0))
    if stretch is not None:
        peak_kmh = round(limit_on(journey, stretch).kmh * 1.15, 1)
        _surge(journey, stretch, peak_kmh, 120.0, "general")
    journey.cruise(300.0)
    settle(journey)


def hazmat_expressway(journey: Journey, day_s: float) -> None:
    """On an expressway some time after midnight, until it stops there for a rest."""
    _at_night(journey, day_s + HOUR_S * float(journey.rng.uniform(0.1, 2.0)))
    while _here(journey, RoadClass.EXPRESSWAY) is None and journey.now_s < day_s + 4.0 * HOUR_S:
        journey.cruise(5.0)
    stretch = _here(journey, RoadClass.EXPRESSWAY)
    if stretch is not None:
        since = journey.now_s
        left_s = (stretch.to_m - journey.s_m % journey.circuit.length_m - _AFTER_M) / 25.0
        journey.cruise(min(max(left_s, 180.0), float(journey.rng.uniform(300, 2_400))))
        journey.stop()
        fatigue.record(journey, "looking for an expressway")
        row(
            journey,
            "hazmat_hours",
            Span(since, journey.now_s),
            grade="major",
            value=(journey.now_s - since) / 60,
            note="on an expressway between 00:00 and 06:00",
        )
        journey.rest(float(journey.rng.uniform(2_400, 3_600)))
    else:
        journey.stop()
        fatigue.record(journey, "looking for an expressway")
    journey.park_until(day_s + 6.2 * HOUR_S)


def hazmat_before_midnight(journey: Journey, day_s: float) -> None:
    """On an expressway until half past eleven in the evening: before the hours."""
    _at_night(journey, day_s + HOUR_S * 21.2)
    while _here(journey, RoadClass.EXPRESSWAY) is None and journey.now_s < day_s + 22.8 * HOUR_S:
        journey.cruise(5.0)
    since = journey.now_s
    journey.cruise(600.0)
    span = Span(since, journey.now_s)
    row(journey, "hazmat_hours", span, expected=False, note="on an expressway before midnight")
    journey.stop()
    journey.park_until(day_s + 30.2 * HOUR_S)


def truck_at_night(journey: Journey, day_s: float) -> None:
    """The ban is for hazmat."""
    _at_night(journey, day_s + HOUR_S * float(journey.rng.uniform(0.1, 2.0)))
    since = journey.now_s
    reach(journey, RoadClass.EXPRESSWAY, 8_000.0)
    journey.cruise(300.0)
    row(journey, "hazmat_hours", Span(since, journey.now_s), expected=False, note="a truck without dangerous goods")
    settle(journey)


def _leave(journey: Journey, day_s: float) -> None:
    journey.park_until(max(day_s + HOUR_S * float(journey.rng.uniform(7.0, 10.0)), journey.now_s + 1_800.0))
    journey.start()
    journey.cruise(120.0)


def _at_night(journey: Journey, at_s: float) -> None:
    journey.park_until(max(at_s, journey.now_s + 1_800.0))
    journey.start()
    journey.cruise(30.0)


def _here(journey: Journey, road_class: RoadClass) -> Stretch | None:
    here = journey.s_m % journey.circuit.length_m
    for stretch in stretches(journey.circuit.destination):
        if stretch.from_m <= here <= stretch.to_m and stretch.section.road_class is road_class:
            return stretch
    return None


def _is_beside(journey: Journey, room_m: float) -> bool:
    """Whether another road runs beside the next metres of the way."""
    here = journey.s_m % journey.circuit.length_m
    beside = stretches(journey.circuit.destination, BESIDE_M)
    return any(stretch.from_m <= here and here + room_m <= stretch.to_m for stretch in beside)


def _surge(journey: Journey, stretch: Stretch, peak_kmh: float, hold_s: float, grade: str) -> None:
    """Up to the peak, hold it, and down again, from and to well below the limit; with its truth."""
    limit = limit_on(journey, stretch)
    base_kmh = limit.kmh - 12.0
    journey.steady(base_kmh, 20.0)
    since = journey.now_s
    journey.steady(peak_kmh, hold_s)
    held = journey.now_s
    journey.steady(base_kmh, 5.0)
    share = (peak_kmh - limit.kmh) / (peak_kmh - base_kmh)
    up_s = held - since - hold_s
    span = Span(since + up_s * (1.0 - share), held + (journey.now_s - 5.0 - held) * share)
    row(
        journey,
        "speeding",
        span,
        grade=grade,
        value=peak_kmh,
        limit=limit.kmh,
        expected=span.length_s > _HOLD_S,
        near_boundary=abs(span.length_s - _HOLD_S) < 2 * journey.interval_s,
        note=f"{stretch.section.section_id}; source={limit.source}",
        times_threshold=span.length_s / _HOLD_S,
    )


_EXPRESSWAY, _COUNTY = RoadClass.EXPRESSWAY, RoadClass.SECOND

EPISODES: tuple[Episode, ...] = (
    Episode("known_expressway_notice", by_band(_EXPRESSWAY, "notice", "notice")),
    Episode("known_expressway_general", by_band(_EXPRESSWAY, "general", "general")),
    Episode("known_expressway_serious", by_band(_EXPRESSWAY, "serious", "major")),
    Episode("known_county_notice", by_band(_COUNTY, "notice", "notice")),
    Episode("known_county_general", by_band(_COUNTY, "general", "general")),
    Episode("known_county_major", by_band(_COUNTY, "major", "major")),
    Episode("known_county_serious", by_band(_COUNTY, "serious", "serious")),
    Episode("known_at_limit", at_limit),
    Episode("known_beside_lower", beside_lower, classes=COACHES | TRUCKS),
    Episode("known_beside_higher", beside_higher, classes=COACHES | TRUCKS),
    Episode("hazmat_expressway", hazmat_expressway, classes=HAZMAT),
    Episode("hazmat_before_midnight", hazmat_before_midnight, days=2, classes=HAZMAT),
    Episode("hazmat_truck_at_night", truck_at_night, classes=TRUCKS),
)


def needs_sections(scenario: Scenario) -> bool:
    """Whether the truth of a scenario holds only for a monitor that knows the roads."""
    kinds = {"known_roads", *(episode.name for episode in EPISODES)}
    return any(rate > 0 and name in kinds for name, rate in scenario.episodes.items())
