"""Invented vehicles of invented enterprises, and the registry file that names them.

Plates begin with 测 (test), which no province uses, and terminal phones with 1000, which no network assigns.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from monitor.model.beijing import date_of, day_of
from monitor.model.fleet import PlateColor, Vehicle, VehicleClass
from simulators.platforms import platform_names
from simulators.scenario import Scenario

REGISTRY_COLUMNS: tuple[str, ...] = (
    "vehicle_id",
    "plate",
    "plate_color",
    "vehicle_class",
    "enterprise_id",
    "enterprise_name",
    "region",
    "terminal_phone",
    "max_speed_kmh",
    "suspended_from",
    "suspended_to",
    "vin",
    "licence_no",
    "in_service_from",
    "retired_on",
    "crew",
    "line_km",
    "curfew_exempt",
    "relay_from",
    "relay_to",
    "gross_mass_kg",
    "platform",
)
"""The registry interface's columns, required ones first."""

_SHARE: tuple[tuple[VehicleClass, float], ...] = (
    (VehicleClass.HEAVY_TRUCK, 0.36),
    (VehicleClass.HAZMAT, 0.20),
    (VehicleClass.LINE_COACH, 0.16),
    (VehicleClass.TOUR_COACH, 0.10),
    (VehicleClass.CHARTER_COACH, 0.08),
    (VehicleClass.OTHER, 0.06),
    (VehicleClass.TRAILER, 0.04),
)
"""A guess at a county's fleet: trucks first, then hazmat, coaches after."""

_ENTERPRISES: dict[VehicleClass, tuple[str, ...]] = {
    VehicleClass.HEAVY_TRUCK: ("虚构弱水货运有限公司", "虚构骆驼物流有限公司", "虚构绿洲运输合作社"),
    VehicleClass.HAZMAT: ("虚构红柳危货运输有限公司", "虚构戈壁能源运输有限公司"),
    VehicleClass.LINE_COACH: ("虚构黑河客运有限公司",),
    VehicleClass.TOUR_COACH: ("虚构丹霞旅游客运有限公司",),
    VehicleClass.CHARTER_COACH: ("虚构丹霞旅游客运有限公司", "虚构黑河客运有限公司"),
    VehicleClass.OTHER: ("虚构湿地工程有限公司",),
    VehicleClass.TRAILER: ("虚构弱水货运有限公司", "虚构骆驼物流有限公司"),
}
_ENTERPRISE_IDS: dict[str, str] = {
    name: f"SIM-E{number:02d}"
    for number, name in enumerate(dict.fromkeys(name for names in _ENTERPRISES.values() for name in names), start=1)
}
_COACHES = (VehicleClass.TOUR_COACH, VehicleClass.CHARTER_COACH, VehicleClass.LINE_COACH)
_LETTERS = "ABCDEFGHJK"
_GOLDEN = 0.618
"""Multiples of it are spread evenly between 0 and 1: a share is chosen without a draw."""
_LINES_KM = (310.0, 180.0, 460.0)
"""Lengths of the invented coach lines: every third is short enough to be exempt from the night curfew."""


@dataclass(frozen=True, slots=True)
class Member:
    """A vehicle of the simulated fleet and what its registry row does not say."""

    vehicle: Vehicle
    drivers: tuple[str, ...] = ()  # empty: reports name no driver
    silent_parked: bool = False
    never_online: bool = False
    laid_up: bool = False  # out of use, but not out of contact
    registered: bool = True

    @property
    def coach(self) -> bool:
        return self.vehicle.vehicle_class in _COACHES


def follower(member: Member, number: int) -> Member:
    """Another vehicle like a member, which is no part of the fleet that a scenario asks for. ``number`` from 1."""
    vehicle = replace(
        member.vehicle,
        vehicle_id=f"SIMF{number:04d}",
        plate=f"测Z{number:05d}",
        terminal_phone=f"1000{99_000_000 + number}",
        crew=1,
    )
    return Member(vehicle)


def class_counts(n: int) -> dict[VehicleClass, int]:
    """How many of each class in a fleet of ``n``; by largest remainder."""
    exact = [share * n for _, share in _SHARE]
    counts = [int(value) for value in exact]
    for index in sorted(range(len(exact)), key=lambda i: counts[i] - exact[i])[: n - sum(counts)]:
        counts[index] += 1
    return {vehicle_class: count for (vehicle_class, _), count in zip(_SHARE, counts, strict=True)}


def fleet(scenario: Scenario, rng: np.random.Generator) -> tuple[Member, ...]:
    """``scenario.vehicles`` members and the unregistered ones after them."""
    first_day = date_of(day_of(scenario.start_ms))
    members: list[Member] = []
    for vehicle_class, count in class_counts(scenario.vehicles).items():
        for nth in range(count):
            members.append(_member(len(members) + 1, nth, vehicle_class, scenario, first_day, rng))
    members = _kept_away(members, scenario, first_day, rng)
    for nth in range(scenario.unregistered):
        members.append(Member(Vehicle(f"SIMX{nth + 1:04d}", vehicle_class=VehicleClass.OTHER), registered=False))
    return tuple(members)


def _member(
    number: int, nth: int, vehicle_class: VehicleClass, scenario: Scenario, first_day: date, rng: np.random.Generator
) -> Member:
    names = _ENTERPRISES[vehicle_class]
    name = names[nth % len(names)]
    two = vehicle_class is not VehicleClass.OTHER and rng.random() < 0.35
    vehicle_id = f"SIM{number:05d}"
    certified = vehicle_class is VehicleClass.LINE_COACH and nth * _GOLDEN % 1.0 < scenario.relay
    vehicle = Vehicle(
        vehicle_id=vehicle_id,
        plate=f"测{_LETTERS[number // 10_000 % 10]}{number % 100_000:05d}",
        plate_color=PlateColor.BLUE if vehicle_class is VehicleClass.OTHER else PlateColor.YELLOW,
        vehicle_class=vehicle_class,
        enterprise_id=_ENTERPRISE_IDS[name],
        enterprise_name=name,
        region="高台县",
        terminal_phone=f"1000{number:08d}",
        in_service_from=first_day - timedelta(days=int(rng.integers(60, 900))),
        crew=2 if two else 1,
        line_km=_LINES_KM[nth % len(_LINES_KM)] if vehicle_class is VehicleClass.LINE_COACH else None,
        relay_from=first_day - timedelta(days=30) if certified else None,
        gross_mass_kg={VehicleClass.HEAVY_TRUCK: 49_000.0, VehicleClass.HAZMAT: 31_000.0}.get(vehicle_class),
        platform=platform_names(scenario.platforms)[nth % scenario.platforms],
    )
    carded = rng.random() < scenario.driver_cards and vehicle_class is not VehicleClass.TRAILER
    drivers = tuple(f"SIM-D{number:05d}{seat}" for seat in ("A", "B")[: vehicle.crew]) if carded else ()
    return Member(vehicle, drivers, silent_parked=bool(rng.random() < scenario.silent_parked))


def _kept_away(members: list[Member], scenario: Scenario, first_day: date, rng: np.random.Generator) -> list[Member]:
    """Members with the never-online, the suspended and the laid-up ones chosen.

    At least one of each whose share is not 0; every other laid-up one is retired.
    """
    able = [i for i, member in enumerate(members) if member.vehicle.vehicle_class is not VehicleClass.TRAILER]
    order = [able[i] for i in rng.permutation(len(able))]
    n_never = min(len(order), max(round(scenario.never_online * len(members)), 1 if scenario.never_online else 0))
    left = len(order) - n_never
    n_suspended = min(left, max(round(scenario.suspended * len(members)), 1 if scenario.suspended else 0))
    out = list(members)
    for index in order[:n_never]:
        out[index] = Member(members[index].vehicle, never_online=True)
    for index in order[n_never : n_never + n_suspended]:
        out[index] = Member(_suspended(members[index].vehicle, first_day, scenario.days), never_online=True)
    n_laid_up = max(round(scenario.laid_up * len(members)), 1 if scenario.laid_up else 0)
    key_vehicles = [
        index
        for index in order[n_never + n_suspended :]
        if members[index].vehicle.vehicle_class is not VehicleClass.OTHER
    ]
    for nth, index in enumerate(key_vehicles[:n_laid_up]):
        member = members[index]
        if nth % 2:
            vehicle = replace(member.vehicle, retired_on=first_day - timedelta(days=5))
        else:
            vehicle = _suspended(member.vehicle, first_day, scenario.days)
        out[index] = replace(member, vehicle=vehicle, silent_parked=False, laid_up=True)
    return out


def _suspended(vehicle: Vehicle, first_day: date, days: int) -> Vehicle:
    return replace(
        vehicle,
        suspended_from=first_day - timedelta(days=10),
        suspended_to=first_day + timedelta(days=days + 10),
    )


def write_registry(vehicles: tuple[Vehicle, ...], path: Path) -> None:
    """Registry rows as UTF-8 CSV in the columns of the registry interface."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(REGISTRY_COLUMNS)
        for vehicle in vehicles:
            writer.writerow([_cell(getattr(vehicle, name)) for name in REGISTRY_COLUMNS])


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)
