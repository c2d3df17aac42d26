"""A scenario, run: registry, reports in the order received, truth. The same scenario always gives the same answer."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from monitor.model.beijing import date_of, day_of
from monitor.model.fleet import Vehicle, VehicleClass
from monitor.model.report import REPORT, ReportBatch
from simulators.allocation import Booking, bookings
from simulators.background import HABITS, day_start_s, is_weekend, ordinary_day
from simulators.dead_zones import DeadZone, fences_geojson, tunnels_geojson
from simulators.episodes import FLEET_WITNESSES, WITNESSES
from simulators.episodes.episode import FleetSight, Sight
from simulators.faults import Fixes, noisy, spoiled
from simulators.fleet import Member, fleet, follower
from simulators.journey import Journey
from simulators.motion import Track, rows_of, track
from simulators.permits import IssuedPermit, permits_geojson
from simulators.platforms import outages, platform_names
from simulators.roads import Circuit, gaotai_circuit
from simulators.scenario import Scenario
from simulators.schedule import DAY_S, Copy, Schedule, SilenceKind, Span
from simulators.seasons import rests_of
from simulators.truth import TruthEpisode

log = logging.getLogger(__name__)

LAST_MORNING_S = 660.0
"""The data runs past the last midnight, so that every vehicle in contact shows that the last day is over."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a scenario comes to. ``batch`` is in the order received; ``truth`` by vehicle and onset.

    ``permits`` is the file of the permits that its trips were made under; empty where there are none. So are
    ``dead_zones`` and ``tunnels``, of the places without coverage.
    """

    scenario: Scenario
    registry: tuple[Vehicle, ...]
    batch: ReportBatch
    truth: tuple[TruthEpisode, ...]
    permits: bytes = b""
    dead_zones: bytes = b""
    tunnels: bytes = b""


@dataclass(frozen=True, slots=True)
class Lived:
    """One vehicle's schedule, the track it sent, and the truth its episodes wrote on the way.

    ``copies`` are of the track of member number ``original``.
    """

    schedule: Schedule
    sent: Track
    told: tuple[TruthEpisode, ...]
    permits: tuple[IssuedPermit, ...] = ()
    copies: tuple[Copy, ...] = ()
    original: int = -1
    zones: tuple[DeadZone, ...] = ()


def simulate(scenario: Scenario) -> Simulation:
    """Run a scenario in memory."""
    return received(scenario, *live(scenario))


def received(scenario: Scenario, members: tuple[Member, ...], lives: dict[int, Lived]) -> Simulation:
    """What comes of the lives of a fleet: the reports after faults of the network, and the truth."""
    drivers: dict[str, int] = {}
    for member in members:
        for driver in member.drivers:
            drivers.setdefault(driver, len(drivers))
    parts = []
    sources = platform_names(scenario.platforms)
    for index, life in lives.items():
        member = members[index]
        first = drivers[member.drivers[0]] if member.drivers else -1
        rows = rows_of(life.sent, life.schedule, key=index, first_driver=first, start_ms=scenario.start_ms)
        rows["source"] = sources.index(member.vehicle.platform) if member.vehicle.platform else 0
        rng = _network(scenario, index)
        parts.append(
            spoiled(
                rows,
                scenario.faults,
                rng,
                days=scenario.days,
                interval_s=scenario.interval_s,
                counted_days=_counted_days(scenario, life),
                copied=_copied(scenario, life, lives) if life.copies else None,
            )
        )
    rows = np.concatenate(parts) if parts else np.zeros(0, REPORT)
    rows = rows[np.argsort(rows["recv_ms"], kind="stable")]
    batch = ReportBatch(tuple(m.vehicle.vehicle_id for m in members), rows, tuple(drivers), sources)
    registry = tuple(member.vehicle for member in members if member.registered)
    log.info("%d vehicles, %d days: %d reports", len(members), scenario.days, len(rows))
    permits = [permit for life in lives.values() for permit in life.permits]
    zones = _zones(lives)
    return Simulation(
        scenario,
        registry,
        batch,
        _truth(scenario, members, lives),
        permits=permits_geojson(permits) if permits else b"",
        dead_zones=fences_geojson(zones) if zones else b"",
        tunnels=tunnels_geojson(zones) if any(zone.tunnel for zone in zones) else b"",
    )


def _zones(lives: dict[int, Lived]) -> tuple[DeadZone, ...]:
    return tuple(zone for life in lives.values() for zone in life.zones)


def _network(scenario: Scenario, index: int) -> np.random.Generator:
    """The chances of what happens to one vehicle's reports; each time the same."""
    return np.random.default_rng([scenario.seed, 4, index])


def _counted_days(scenario: Scenario, life: Lived) -> tuple[int, ...]:
    return tuple(day_of(scenario.start_ms) + day for day, _ in life.schedule.drift)


def _copied(scenario: Scenario, life: Lived, lives: dict[int, Lived]) -> Fixes:
    """The places that a vehicle copies, as the original sends them, by the fix times it gives them."""
    original = lives[life.original]
    rows = noisy(
        rows_of(original.sent, original.schedule, key=0, first_driver=-1, start_ms=scenario.start_ms),
        scenario.faults,
        _network(scenario, life.original),
        days=scenario.days,
        counted_days=_counted_days(scenario, original),
    )
    parts = []
    for copy in life.copies:
        inside = (original.sent.at_s >= copy.span.start_s) & (original.sent.at_s <= copy.span.end_s)
        part = rows[inside].copy()
        part["fix_ms"] += round(1000 * copy.shift_s)
        parts.append(part)
    found = np.concatenate(parts)
    found = found[np.argsort(found["fix_ms"], kind="stable")]
    return Fixes(found["fix_ms"], found["lon_deg"], found["lat_deg"])


def live(scenario: Scenario) -> tuple[tuple[Member, ...], dict[int, Lived]]:
    """The fleet, and by its number in it the life of each vehicle that reports; before faults of the network.

    Vehicles that follow another one stand behind the fleet that the scenario asks for.
    """
    members = fleet(scenario, np.random.default_rng([scenario.seed, 1]))
    circuits = _circuits(members, np.random.default_rng([scenario.seed, 2]))
    plans: dict[int, list[Booking]] = defaultdict(list)
    for booking in bookings(scenario, members, circuits):
        plans[booking.member].append(booking)
    lives: dict[int, Lived] = {}
    followed: list[tuple[Journey, int]] = []
    for index, circuit in circuits.items():
        journey = _empty_journey(scenario, members[index], circuit, _chances(scenario, index))
        _plan(scenario, journey, plans[index])
        lives[index] = _lived(scenario, journey, index)
        followed += [(journey, index)] if journey.followers else []
    for original, index in followed:
        for leg, plan in original.followers:
            member = follower(original.member, len(members) - scenario.vehicles - scenario.unregistered + 1)
            journey = _empty_journey(scenario, member, original.circuit, _chances(scenario, len(members)))
            journey.start_m = journey.s_m = leg.begun_m
            plan(journey)
            lives[len(members)] = _lived(scenario, journey, index)
            members = (*members, member)
    return members, lives


def _chances(scenario: Scenario, index: int) -> np.random.Generator:
    return np.random.default_rng([scenario.seed, 5, index])


def _lived(scenario: Scenario, journey: Journey, original: int) -> Lived:
    """What comes of a journey, with the outages of the platform that the vehicle is heard through."""
    for outage in outages(scenario):
        if outage.platform == journey.member.vehicle.platform:
            journey.silent(Span(outage.start_s, outage.end_s), SilenceKind.OUTAGE, "platform outage")
    schedule = journey.schedule()
    sent = track(schedule, journey.rng, latency_s=scenario.faults.latency_s)
    truth, permits, copies = tuple(journey.truth), tuple(journey.permits), tuple(journey.copies)
    return Lived(schedule, sent, truth, permits, copies, original, tuple(journey.dead_zones))


def _circuits(members: tuple[Member, ...], rng: np.random.Generator) -> dict[int, Circuit]:
    out: dict[int, Circuit] = {}
    for index, member in enumerate(members):
        if member.never_online or member.vehicle.vehicle_class is VehicleClass.TRAILER:
            continue
        destinations = HABITS[member.vehicle.vehicle_class].destinations
        out[index] = gaotai_circuit(destinations[int(rng.integers(len(destinations)))])
    return out


def _empty_journey(scenario: Scenario, member: Member, circuit: Circuit, rng: np.random.Generator) -> Journey:
    return Journey(
        member,
        circuit,
        rng,
        start_ms=scenario.start_ms,
        end_s=scenario.days * DAY_S + LAST_MORNING_S,
        interval_s=float(scenario.interval_s),
        parked_interval_s=float(scenario.parked_interval_s),
        rests=rests_of(scenario.calendar, member.vehicle.vehicle_class, scenario.start_ms),
    )


def _plan(scenario: Scenario, journey: Journey, plans: list[Booking]) -> None:
    """Write every day of a journey."""
    first_weekday = date_of(day_of(scenario.start_ms)).weekday()
    booked = {booking.first_day: booking for booking in plans}
    day = 0
    while day < scenario.days:
        booking = booked.get(day)
        if booking is not None:
            journey.quantile = booking.quantile
            booking.episode.plan(journey, day_start_s(day))
            day += booking.episode.days
        else:
            if not journey.member.laid_up:
                ordinary_day(journey, day_start_s(day), weekend=is_weekend(day, first_weekday))
            day += 1


def _truth(scenario: Scenario, members: tuple[Member, ...], lives: dict[int, Lived]) -> tuple[TruthEpisode, ...]:
    arrivals = [life.sent.arrived_s for life in lives.values() if len(life.sent)]
    start_ms, interval_s = scenario.start_ms, float(scenario.interval_s)
    parked_interval_s = float(scenario.parked_interval_s)
    first_life_s = min((float(a.min()) for a in arrivals), default=0.0)
    data_end_s = max((float(a.max()) for a in arrivals), default=0.0)
    rests = {of_class: rests_of(scenario.calendar, of_class, start_ms) for of_class in VehicleClass}
    zones = _zones(lives)
    sights = {
        index: Sight(
            life.schedule,
            life.sent,
            start_ms,
            interval_s,
            parked_interval_s,
            first_life_s,
            data_end_s,
            rests[life.schedule.member.vehicle.vehicle_class],
            zones,
        )
        for index, life in lives.items()
        if len(life.sent)
    }
    out: list[TruthEpisode] = []
    for index, sight in sights.items():
        out += [row for row in lives[index].told if row.onset_ms < sight.ms(sight.schedule.end_s)]
        for witness in WITNESSES:
            out += witness(sight)
    fleet_sight = FleetSight(members, sights, start_ms, parked_interval_s, first_life_s, data_end_s, rests)
    for of_fleet in FLEET_WITNESSES:
        out += of_fleet(fleet_sight)
    return tuple(sorted(out, key=lambda row: (row.vehicle_id, row.onset_ms, row.rule, row.kind)))
