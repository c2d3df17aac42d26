"""Permits against the registry and against what was driven: 大车小证, 虚假填报.

The permit states less mass than the vehicle is registered with (``small_permit`` 大车小证), is for another class of
vehicle (``wrong_class``), or for one that nobody registered (``unknown_vehicle``); it has run out and the vehicle was
hardly driven while it held (``no_trip``: filed for nothing); a vehicle of a class that needs one was driven on a day
without (``no_permit``). Sizes are not compared: the registry has none. A finding is a reason to ask, no proof.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from monitor.model.beijing import date_of, day_of
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.geo import distance_m

if TYPE_CHECKING:
    from monitor.model.permit import Permit, PermitSet

FITTING_CLASSES: Mapping[str, frozenset[VehicleClass]] = {
    "oversize": frozenset({VehicleClass.HEAVY_TRUCK, VehicleClass.TRAILER}),
    "hazmat": frozenset({VehicleClass.HAZMAT}),
    "charter": frozenset({VehicleClass.TOUR_COACH, VehicleClass.CHARTER_COACH, VehicleClass.LINE_COACH}),
}
"""Kind of permit to the classes that can have one."""


class PermitReviewSettings(BaseModel):
    """What counts as a trip."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    least_km: float = Field(default=5.0, ge=0, description="driven less than this in a day is no trip (D)")
    least_route_share: float = Field(
        default=0.5, ge=0, le=1, description="and of the permit's route at least this share over its days (D)"
    )
    need: dict[str, str] = Field(
        default={"charter_coach": "charter"},
        description="class to the kind of permit it needs on every day it drives; judged only where there are any (D)",
    )


class FindingKind(StrEnum):
    SMALL_PERMIT = "small_permit"  # 大车小证
    WRONG_CLASS = "wrong_class"
    UNKNOWN_VEHICLE = "unknown_vehicle"
    NO_TRIP = "no_trip"  # 虚假填报: 有证无行程
    NO_PERMIT = "no_permit"  # 有行程无证


@dataclass(frozen=True, slots=True)
class PermitFinding:
    """One finding. ``stated`` and ``found`` are what disagrees: kg for mass, km for trips, else texts."""

    kind: FindingKind
    permit_id: str
    vehicle_id: str
    plate: str
    enterprise_id: str
    day: str  # of ``no_permit``; else the permit's first day
    stated: str
    found: str


def review_permits(
    permits: PermitSet,
    registry: Registry,
    vehicle_ids: Sequence[str],
    days: NDArray[np.void],
    first_day: int,
    last_day: int,
    settings: PermitReviewSettings | None = None,
) -> tuple[PermitFinding, ...]:
    """Findings about permits that touch the Beijing days ``first_day`` to ``last_day``, in the order of the set.

    ``days`` has dtype VEHICLE_DAY, its ``row`` indexes ``vehicle_ids``; it must hold every day from the begin of the
    permits that end in the span, else a trip before it is not seen.
    """
    chosen = settings or PermitReviewSettings()
    driven_km = {
        (vehicle_ids[day["row"]], int(day["day"])): float(day["mileage_m"]) / 1000.0
        for day in days
        if day["mileage_m"] > 0
    }
    findings: list[PermitFinding] = []
    held: dict[str, list[tuple[str, int, int]]] = {}
    for permit in permits.permits:
        begin, end = int(day_of(permit.valid_from_ms)), int(day_of(permit.valid_to_ms - 1))
        vehicle = vehicle_of(permit, registry, begin)
        if vehicle is not None:
            held.setdefault(vehicle.vehicle_id, []).append((permit.kind.value, begin, end))
        if begin <= last_day and end >= first_day:
            findings += _against_registry(permit, vehicle, begin)
            if vehicle is not None and end <= last_day:
                findings += _against_trips(permit, vehicle, begin, end, driven_km, chosen)
    kinds = {permit.kind.value for permit in permits.permits}
    for (vehicle_id, number), km in sorted(driven_km.items(), key=lambda item: (item[0][1], item[0][0])):
        row = registry.vehicle(vehicle_id, number)
        need = chosen.need.get(row.vehicle_class.value) if row is not None else None
        if row is None or need not in kinds or km < chosen.least_km or not first_day <= number <= last_day:
            continue
        if not any(kind == need and begin <= number <= end for kind, begin, end in held.get(vehicle_id, [])):
            day = date_of(number).isoformat()
            findings.append(_finding(FindingKind.NO_PERMIT, "", row, day, need, f"{km:.1f} km"))
    return tuple(findings)


def vehicle_of(permit: Permit, registry: Registry, day: int) -> Vehicle | None:
    """The vehicle that a permit names, as registered on a Beijing day number."""
    if permit.vehicle_id:
        return registry.vehicle(permit.vehicle_id, day)
    return registry.by_plate(permit.plate_color.value, permit.plate, day)


def _against_registry(permit: Permit, vehicle: Vehicle | None, begin: int) -> list[PermitFinding]:
    day = date_of(begin).isoformat()
    if vehicle is None:
        named = permit.vehicle_id or permit.plate
        return [
            PermitFinding(FindingKind.UNKNOWN_VEHICLE, permit.permit_id, "", permit.plate, "", day, named, "not there")
        ]
    found: list[PermitFinding] = []
    if vehicle.vehicle_class not in FITTING_CLASSES[permit.kind.value]:
        found.append(
            _finding(
                FindingKind.WRONG_CLASS, permit.permit_id, vehicle, day, permit.kind.value, vehicle.vehicle_class.value
            )
        )
    registered = vehicle.gross_mass_kg
    if permit.mass_kg is not None and registered is not None and registered > permit.mass_kg:
        stated, known = f"{permit.mass_kg:.0f} kg", f"{registered:.0f} kg"
        found.append(_finding(FindingKind.SMALL_PERMIT, permit.permit_id, vehicle, day, stated, known))
    return found


def _against_trips(
    permit: Permit,
    vehicle: Vehicle,
    begin: int,
    end: int,
    driven_km: Mapping[tuple[str, int], float],
    settings: PermitReviewSettings,
) -> list[PermitFinding]:
    km = sum(driven_km.get((vehicle.vehicle_id, day), 0.0) for day in range(begin, end + 1))
    wanted = max(settings.least_km, settings.least_route_share * route_km(permit))
    if km >= wanted:
        return []
    day = date_of(begin).isoformat()
    stated, known = f"at least {wanted:.1f} km", f"{km:.1f} km"
    return [_finding(FindingKind.NO_TRIP, permit.permit_id, vehicle, day, stated, known)]


def route_km(permit: Permit) -> float:
    """Length of the permit's route; 0 where it names none."""
    if permit.route is None:
        return 0.0
    points = list(permit.route.coords)
    return sum(distance_m(a[0], a[1], b[0], b[1]) for a, b in pairwise(points)) / 1000.0


def _finding(kind: FindingKind, permit_id: str, vehicle: Vehicle, day: str, stated: str, found: str) -> PermitFinding:
    return PermitFinding(kind, permit_id, vehicle.vehicle_id, vehicle.plate, vehicle.enterprise_id, day, stated, found)
