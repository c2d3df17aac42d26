"""What an episode is to the allocation, and the openings that several of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.model.fleet import VehicleClass
from simulators.dead_zones import DeadZone
from simulators.fleet import Member
from simulators.journey import Journey
from simulators.roads import RoadClass
from simulators.schedule import Schedule, Span
from simulators.truth import TruthEpisode

if TYPE_CHECKING:
    from simulators.motion import Track

HOUR_S = 3600.0

COACHES = frozenset({VehicleClass.TOUR_COACH, VehicleClass.CHARTER_COACH, VehicleClass.LINE_COACH})
HAZMAT = frozenset({VehicleClass.HAZMAT})
TRUCKS = frozenset({VehicleClass.HEAVY_TRUCK})
KEY_CLASSES = COACHES | HAZMAT | TRUCKS


@dataclass(frozen=True, slots=True)
class Episode:
    """One kind of episode. ``plan`` writes the days of ``journey`` from ``day_s`` on and the truth it can know."""

    name: str
    plan: Callable[[Journey, float], None]
    days: int = 1
    classes: frozenset[VehicleClass] = KEY_CLASSES
    at_end: bool = False  # takes the last days of the scenario
    two_drivers: bool = False  # needs a crew with cards
    long_haul: bool = False  # needs a way of at least 60 km
    awake: bool = False  # needs a terminal that reports with the engine off
    certified: bool = False  # needs a relay certificate
    laid_up: bool = False  # is about vehicles that are reported as out of use; no other kind is

    def fits(self, member: Member, one_way_m: float) -> bool:
        """Whether a member can have this episode."""
        return (
            member.vehicle.vehicle_class in self.classes
            and member.laid_up == self.laid_up
            and not (self.two_drivers and len(member.drivers) < 2)
            and not (self.long_haul and one_way_m < 60_000)
            and not (self.awake and member.silent_parked)
            and not (self.certified and member.vehicle.relay_from is None)
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """What a witness sees of one vehicle: its schedule, what it sent, and the scenario around it.

    ``first_life_s`` and ``data_end_s`` are when the first and the last report of the whole fleet arrived.
    """

    schedule: Schedule
    sent: Track
    start_ms: int
    interval_s: float
    parked_interval_s: float
    first_life_s: float
    data_end_s: float
    rests: tuple[Span, ...] = ()  # of its class, by the office's calendar
    zones: tuple[DeadZone, ...] = ()  # all that there are

    @property
    def vehicle_id(self) -> str:
        return self.schedule.member.vehicle.vehicle_id

    def ms(self, at_s: float) -> int:
        """Epoch ms, whole seconds as terminals report."""
        return self.start_ms + round(at_s) * 1000

    def driver_id(self, report: int) -> str:
        """Who drove by report number ``report``; empty when no card was in."""
        driver = int(self.sent.driver[report])
        return self.schedule.member.drivers[driver] if driver >= 0 else ""


@dataclass(frozen=True, slots=True)
class FleetSight:
    """The whole fleet: every member, and a ``Sight`` of each that reports, by its number."""

    members: tuple[Member, ...]
    sights: dict[int, Sight]
    start_ms: int
    parked_interval_s: float
    first_life_s: float
    data_end_s: float
    rests: dict[VehicleClass, tuple[Span, ...]]


Witness = Callable[[Sight], list[TruthEpisode]]
FleetWitness = Callable[[FleetSight], list[TruthEpisode]]


def set_out(journey: Journey, at_s: float) -> None:
    """Leave at ``at_s`` (or as soon as rested) and reach the fastest road near, without stopping."""
    journey.park_until(max(at_s, journey.now_s + 1_800.0))
    journey.start()
    begun = journey.now_s
    journey.cruise(300.0)
    while journey.circuit.to_class_m(journey.s_m, RoadClass.EXPRESSWAY) > 0 and journey.now_s - begun < 1_500:
        if RoadClass.EXPRESSWAY not in journey.circuit.road_class:
            break
        journey.cruise(60.0)
    journey.cruise(60.0)


def make_room(journey: Journey, ahead_m: float) -> None:
    """Go on until ``ahead_m`` of way lie before the next turn, where the circuit is long enough."""
    ahead_m = min(ahead_m, journey.circuit.length_m / 2 - 2_000.0)
    begun = journey.now_s
    while journey.circuit.room_m(journey.s_m) < ahead_m and journey.now_s - begun < 2_700:
        journey.cruise(30.0)


def settle(journey: Journey) -> None:
    """Stop and rest for good: what ends every episode."""
    journey.stop()
    journey.rest(float(journey.rng.uniform(2_000, 3_600)))


def row(
    journey: Journey,
    rule: str,
    span: Span,
    *,
    kind: str = "",
    grade: str | None = None,
    value: float | None = None,
    limit: float | None = None,
    near_boundary: bool = False,
    suspected: bool = False,
    expected: bool = True,
    note: str = "",
    times_threshold: float | None = None,
) -> None:
    """Write one truth row into the journey."""
    journey.truth.append(
        TruthEpisode(
            vehicle_id=journey.member.vehicle.vehicle_id,
            driver_id=journey.driver_id,
            rule=rule,
            kind=kind,
            grade=grade,
            onset_ms=journey.ms(span.start_s),
            end_ms=journey.ms(span.end_s) if span.end_s < journey.end_s else None,
            value=value,
            limit=limit,
            near_boundary=near_boundary,
            suspected=suspected,
            expected=expected,
            note=note,
            times_threshold=times_threshold,
        )
    )
