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
from simulators.episodes import FLEET_WITNESSES, WITNESSES
from simulators.episodes.episode import FleetSight, Sight
from simulators.faults import spoiled
from simulators.fleet import Member, fleet
from simulators.journey import Journey
from simulators.motion import Track, rows_of, track
from simulators.permits import IssuedPermit, permits_geojson
from simulators.roads import Circuit, gaotai_circuit
from simulators.scenario import Scenario
from simulators.schedule import DAY_S, Schedule
from simulators.truth import TruthEpisode

log = logging.getLogger(__name__)

SOURCE = "simulator"
LAST_MORNING_S = 660.0
"""The data runs past the last midnight, so that every vehicle in contact shows that the last day is over."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """What a scenario comes to. ``batch`` is in the order received; ``truth`` by vehicle and onset.

    ``permits`` is the file of the permits that its trips were made under; empty where there are none.
    """

    scenario: Scenario
    registry: tuple[Vehicle, ...]
    batch: ReportBatch
    truth: tuple[TruthEpisode, ...]
    permits: bytes = b""


@dataclass(frozen=True, slots=True)
class Lived:
    """One vehicle's schedule, the track it sent, and the truth its episodes wrote on the way."""

    schedule: Schedule
    sent: Track
    told: tuple[TruthEpisode, ...]
    permits: tuple[IssuedPermit, ...] = ()


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
    for index, life in lives.items():
        member = members[index]
        first = drivers[member.drivers[0]] if member.drivers else -1
        rows = rows_of(life.sent, life.schedule, key=index, first_driver=first, start_ms=scenario.start_ms)
        rng = np.random.default_rng([scenario.seed, 4, index])
        parts.append(
            spoiled(
                rows,
                scenario.faults,
                rng,
                days=scenario.days,
                interval_s=scenario.interval_s,
                counted_days=tuple(day_of(scenario.start_ms) + day for day, _ in life.schedule.drift),
            )
        )
    rows = np.concatenate(parts) if parts else np.zeros(0, REPORT)
    rows = rows[np.argsort(rows["recv_ms"], kind="stable")]
    batch = ReportBatch(tuple(m.vehicle.vehicle_id for m in members), rows, tuple(drivers), (SOURCE,))
    registry = tuple(member.vehicle for member in members if member.registered)
    log.info("%d vehicles, %d days: %d reports", len(members), scenario.days, len(rows))
    permits = [permit for life in lives.values() for permit in life.permits]
    return Simulation(
        scenario, registry, batch, _truth(scenario, members, lives), permits_geojson(permits) if permits else b""
    )


def live(scenario: Scenario) -> tuple[tuple[Member, ...], dict[int, Lived]]:
    """The fleet, and by its number in it the life of each vehicle that reports; before faults of the network."""
    members = fleet(scenario, np.random.default_rng([scenario.seed, 1]))
    circuits = _circuits(members, np.random.default_rng([scenario.seed, 2]))
    plans: dict[int, list[Booking]] = defaultdict(list)
    for booking in bookings(scenario, members, circuits):
        plans[booking.member].append(booking)
    lives: dict[int, Lived] = {}
    for index, circuit in circuits.items():
        rng = np.random.default_rng([scenario.seed, 5, index])
        journey = _journey(scenario, members[index], circuit, plans[index], rng)
        schedule = journey.schedule()
        sent = track(schedule, rng, latency_s=scenario.faults.latency_s)
        lives[index] = Lived(schedule, sent, tuple(journey.truth), tuple(journey.permits))
    return members, lives


def _circuits(members: tuple[Member, ...], rng: np.random.Generator) -> dict[int, Circuit]:
    out: dict[int, Circuit] = {}
    for index, member in enumerate(members):
        if member.never_online or member.vehicle.vehicle_class is VehicleClass.TRAILER:
            continue
        destinations = HABITS[member.vehicle.vehicle_class].destinations
        out[index] = gaotai_circuit(destinations[int(rng.integers(len(destinations)))])
    return out


def _journey(
    scenario: Scenario, member: Member, circuit: Circuit, plans: list[Booking], rng: np.random.Generator
) -> Journey:
    journey = Journey(
        member,
        circuit,
        rng,
        start_ms=scenario.start_ms,
        end_s=scenario.days * DAY_S + LAST_MORNING_S,
        interval_s=float(scenario.interval_s),
        parked_interval_s=float(scenario.parked_interval_s),
    )
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
            if not member.laid_up:
                ordinary_day(journey, day_start_s(day), weekend=is_weekend(day, first_weekday))
            day += 1
    return journey


def _truth(scenario: Scenario, members: tuple[Member, ...], lives: dict[int, Lived]) -> tuple[TruthEpisode, ...]:
    arrivals = [life.sent.arrived_s for life in lives.values() if len(life.sent)]
    start_ms, interval_s = scenario.start_ms, float(scenario.interval_s)
    parked_interval_s = float(scenario.parked_interval_s)
    first_life_s = min((float(a.min()) for a in arrivals), default=0.0)
    data_end_s = max((float(a.max()) for a in arrivals), default=0.0)
    sights = {
        index: Sight(life.schedule, life.sent, start_ms, interval_s, parked_interval_s, first_life_s, data_end_s)
        for index, life in lives.items()
        if len(life.sent)
    }
    out: list[TruthEpisode] = []
    for index, sight in sights.items():
        out += [row for row in lives[index].told if row.onset_ms < sight.ms(sight.schedule.end_s)]
        for witness in WITNESSES:
            out += witness(sight)
    fleet_sight = FleetSight(members, sights, start_ms, parked_interval_s, first_life_s, data_end_s)
    for of_fleet in FLEET_WITNESSES:
        out += of_fleet(fleet_sight)
    return tuple(sorted(out, key=lambda row: (row.vehicle_id, row.onset_ms, row.rule, row.kind)))
