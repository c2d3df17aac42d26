"""Vehicles that lower platforms announce (0x1201) and describe (0x1601), into the registry.

What an import says is never overwritten: an existing vehicle gets only the fields that are empty. What differs is kept
as a conflict for a person to look at.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from sqlalchemy import Connection

from monitor.app.exchange_links import LinkCard
from monitor.model.beijing import date_of, day_of
from monitor.model.exchange import RegisteredVehicle, StaticVehicle
from monitor.model.fleet import PlateColor, Vehicle, VehicleClass
from monitor.model.plate import color_of_code, folded_plate
from monitor.store.conflict_store import VehicleConflict, keep_conflict
from monitor.store.database import Database
from monitor.store.registry_store import KnownVehicle, taken_vehicle_ids, upsert_vehicles, vehicles_like

IMPORTER = "jt809"
"""``imported_by`` of what platforms announced; such rows nobody imported by hand."""

CLASS_OF_TRADE: Final[dict[int, VehicleClass]] = {
    10: VehicleClass.LINE_COACH,  # passengers, not said which: the strictest common case of coaches
    11: VehicleClass.LINE_COACH,  # 班车客运
    12: VehicleClass.CHARTER_COACH,  # 包车客运
    13: VehicleClass.TOUR_COACH,  # 定线旅游
    14: VehicleClass.TOUR_COACH,  # 非定线旅游
    30: VehicleClass.HAZMAT,  # 道路危险货物运输
    31: VehicleClass.HAZMAT,
    32: VehicleClass.HAZMAT,
}
"""TRANS_TYPE 运输行业编码 of JT/T 415-2006 5.2.1, as far as a class follows from it."""

CLASS_OF_TYPE: Final[dict[int, VehicleClass]] = {
    21: VehicleClass.HEAVY_TRUCK,  # 大型普通货车
    36: VehicleClass.HEAVY_TRUCK,  # 牵引车
    37: VehicleClass.TRAILER,  # 挂车
    40: VehicleClass.HAZMAT,  # 危险品运输车
}
"""VEHICLE_TYPE 车辆类型编码 of JT/T 415-2006 5.2.2, likewise; the trade goes first, but for trailers."""

_GREENS = (PlateColor.GREEN, PlateColor.YELLOW_GREEN)


def vehicle_class_of(trade: str, vehicle_type: str) -> VehicleClass:
    """The class that the codes say; ``other`` where they say none."""
    kind = CLASS_OF_TYPE.get(_code(vehicle_type))
    if kind is VehicleClass.TRAILER:
        return kind
    return CLASS_OF_TRADE.get(_code(trade)) or kind or VehicleClass.OTHER


@dataclass(frozen=True, slots=True)
class Announced:
    """What a platform stated of one vehicle, in the words of the registry; empty where it said nothing."""

    plate: str
    plate_color: PlateColor
    at_ms: int
    phone: str = ""
    vehicle_class: VehicleClass = VehicleClass.OTHER
    enterprise_id: str = ""
    enterprise_name: str = ""
    region: str = ""


def announced(event: RegisteredVehicle | StaticVehicle) -> Announced | None:
    """The statement of an event; None without a usable plate."""
    plate, color = folded_plate(event.plate), color_of_code(event.plate_color)
    if isinstance(event, RegisteredVehicle):
        phone = event.phone.strip().lower().lstrip("0")
        return Announced(plate, color, event.at_ms, phone) if plate else None
    said = {key.upper(): value.strip() for key, value in event.fields}
    plate = plate or folded_plate(said.get("VIN", ""))  # VIN carries the plate (jt809 §10)
    if not plate:
        return None
    return Announced(
        plate,
        color,
        event.at_ms,
        vehicle_class=vehicle_class_of(said.get("TRANS_TYPE", ""), said.get("VEHICLE_TYPE", "")),
        enterprise_id=said.get("OWERS_ID", "") or said.get("OWNERS_ID", ""),
        enterprise_name=said.get("OWERS_NAME", "") or said.get("OWNERS_NAME", ""),
        region=said.get("VEHICLE_NATIONALITY", "") or said.get("VEHICLE_NATIONALIT", ""),
    )


class PlatformVehicles:
    """Puts announcements into the registry. ``counts``: added, filled, conflict, unusable, and events left alone."""

    def __init__(self, database: Database, *, enabled: bool) -> None:
        self._database = database
        self._enabled = enabled
        self.counts: Counter[str] = Counter()

    def take(self, connection: Connection, card: LinkCard, events: Sequence[RegisteredVehicle | StaticVehicle]) -> bool:
        """Within a transaction, as one import; whether the registry changed. Blocks."""
        if not self._enabled:
            self.counts["left"] += len(events)
            return False
        stated: dict[tuple[str, PlateColor], list[Announced]] = {}
        for event in events:
            found = announced(event)
            if found is None:
                self.counts["unusable"] += 1
            else:
                stated.setdefault((found.plate, found.plate_color), []).append(found)
        if not stated:
            return False
        merged = [_merged(several) for several in stated.values()]
        near = _Neighbours(
            vehicles_like(
                connection, plates=[one.plate for one in merged], phones=[one.phone for one in merged if one.phone]
            )
        )
        ids = [name for one in merged for name in (one.plate, f"{one.plate}:{one.plate_color.value}")]
        taken = set(taken_vehicle_ids(connection, ids))
        outcome: list[Vehicle] = []
        for one in merged:
            vehicle = self._entered(connection, card, one, near, taken)
            if vehicle is not None:
                near.put(vehicle)
                taken.add(vehicle.vehicle_id)
                outcome.append(vehicle)
        if not outcome:
            return False
        latest_ms = max(one.at_ms for one in merged)
        upsert_vehicles(
            self._database,
            connection,
            outcome,
            date_of(int(day_of(latest_ms))),
            imported_ms=latest_ms,
            imported_by=IMPORTER,
            path=f"jt809:{card.name}",
        )
        return True

    def _entered(
        self, connection: Connection, card: LinkCard, one: Announced, near: _Neighbours, taken: set[str]
    ) -> Vehicle | None:
        """The row to write; None where nothing changes."""
        known = near.same(one)
        holder = near.of_phone(one.phone)
        if known is None:
            vehicle_id = one.plate if one.plate not in taken else f"{one.plate}:{one.plate_color.value}"
            if vehicle_id in taken:
                self._conflict(connection, card, one, vehicle_id, "vehicle_id", vehicle_id, "used before")
                return None
            phone = one.phone
            if holder is not None:
                self._conflict(connection, card, one, vehicle_id, "terminal_phone", phone, holder.vehicle_id)
                phone = ""
            self.counts["added"] += 1
            return Vehicle(
                vehicle_id,
                one.plate,
                one.plate_color,
                one.vehicle_class,
                one.enterprise_id,
                one.enterprise_name,
                one.region,
                phone,
                platform=card.platform,
            )
        vehicle = known.vehicle

        def filled(field: str, kept: str, said: str) -> str:
            if said and kept and said != kept:
                self._conflict(connection, card, one, vehicle.vehicle_id, field, said, kept)
            return kept or said

        phone = one.phone
        if holder is not None and holder.vehicle_id != vehicle.vehicle_id:
            self._conflict(connection, card, one, vehicle.vehicle_id, "terminal_phone", phone, holder.vehicle_id)
            phone = ""
        vehicle_class = vehicle.vehicle_class
        if one.vehicle_class not in (VehicleClass.OTHER, vehicle_class):
            if known.imported_by == IMPORTER and vehicle_class is VehicleClass.OTHER:
                vehicle_class = one.vehicle_class
            else:
                filled("vehicle_class", vehicle_class.value, one.vehicle_class.value)
        changed = replace(
            vehicle,
            vehicle_class=vehicle_class,
            enterprise_id=filled("enterprise_id", vehicle.enterprise_id, one.enterprise_id),
            enterprise_name=filled("enterprise_name", vehicle.enterprise_name, one.enterprise_name),
            region=vehicle.region or one.region,  # a code there, often a name here: no conflict
            terminal_phone=filled("terminal_phone", vehicle.terminal_phone, phone),
            platform=filled("platform", vehicle.platform, card.platform),
        )
        if changed == vehicle:
            return None
        self.counts["filled"] += 1
        return changed

    def _conflict(
        self,
        connection: Connection,
        card: LinkCard,
        one: Announced,
        vehicle_id: str,
        field: str,
        stated: str,
        kept: str,
    ) -> None:
        conflict = VehicleConflict(
            card.name, one.plate_color.value, one.plate, field, vehicle_id, stated, kept, one.at_ms
        )
        if keep_conflict(self._database, connection, conflict):
            self.counts["conflict"] += 1


class _Neighbours:
    """Registered vehicles with the plates and terminals in question."""

    def __init__(self, known: Sequence[KnownVehicle]) -> None:
        self._by_plate: dict[str, list[KnownVehicle]] = {}
        self._by_phone: dict[str, Vehicle] = {}
        for one in known:
            self._by_plate.setdefault(one.vehicle.plate, []).append(one)
            if one.vehicle.terminal_phone:
                self._by_phone[one.vehicle.terminal_phone] = one.vehicle

    def same(self, one: Announced) -> KnownVehicle | None:
        """The vehicle of this plate: in this colour, else in one that is mixed up with it in practice (both greens, or
        none stated), else with the same terminal."""
        alike = self._by_plate.get(one.plate, [])
        for known in alike:
            if known.vehicle.plate_color is one.plate_color:
                return known
        for known in alike:
            color = known.vehicle.plate_color
            mixed_up = (color in _GREENS and one.plate_color in _GREENS) or PlateColor.OTHER in (color, one.plate_color)
            if len(alike) == 1 and mixed_up:
                return known
            if one.phone and known.vehicle.terminal_phone == one.phone:
                return known
        return None

    def of_phone(self, phone: str) -> Vehicle | None:
        return self._by_phone.get(phone) if phone else None

    def put(self, vehicle: Vehicle) -> None:
        """A row as it will be."""
        alike = self._by_plate.setdefault(vehicle.plate, [])
        alike[:] = [one for one in alike if one.vehicle.vehicle_id != vehicle.vehicle_id]
        alike.append(KnownVehicle(vehicle, IMPORTER))
        if vehicle.terminal_phone:
            self._by_phone[vehicle.terminal_phone] = vehicle


def _merged(several: Sequence[Announced]) -> Announced:
    """What was said of one vehicle in several messages; the last word on each field."""
    found = several[0]
    for one in several[1:]:
        found = Announced(
            found.plate,
            found.plate_color,
            max(found.at_ms, one.at_ms),
            one.phone or found.phone,
            found.vehicle_class if one.vehicle_class is VehicleClass.OTHER else one.vehicle_class,
            one.enterprise_id or found.enterprise_id,
            one.enterprise_name or found.enterprise_name,
            one.region or found.region,
        )
    return found


def _code(text: str) -> int:
    """A code with or without its leading zeros; -1 for anything else."""
    return int(text) if text.isascii() and text.isdigit() else -1
