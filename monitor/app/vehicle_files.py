"""What an upper platform may ask of a vehicle: static data (0x9601), driver (0x920A), waybill (0x920B)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from monitor.model.beijing import day_of
from monitor.model.exchange import StaticVehicle, VehicleDriver, VehicleWaybill
from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass
from monitor.model.plate import CODE_OF_COLOR, color_of_code, folded_plate
from monitor.model.report import PLATE_PREFIX, plate_key
from monitor.store.database import Database
from monitor.store.waybill_store import driver_of_plate, find_waybills

TRADE_OF_CLASS: Final[dict[VehicleClass, str]] = {
    VehicleClass.LINE_COACH: "011",
    VehicleClass.CHARTER_COACH: "012",
    VehicleClass.TOUR_COACH: "014",
    VehicleClass.HAZMAT: "030",
    VehicleClass.HEAVY_TRUCK: "020",
    VehicleClass.TRAILER: "020",
}
"""TRANS_TYPE of JT/T 415-2006 5.2.1."""


class RegistryFiles:
    """What an upper platform may ask of a vehicle (``sources.jt809.VehicleFiles``), out of registry and store.

    ``registry`` is the one in force; the store is asked in threads.
    """

    def __init__(self, database: Database, registry: Callable[[], Registry | None], now_ms: Callable[[], int]) -> None:
        self._database = database
        self._registry = registry
        self._now_ms = now_ms

    async def static(self, plate: str, color: int) -> StaticVehicle | None:
        vehicle = self._vehicle(plate, color)
        if vehicle is None:
            return None
        return StaticVehicle(plate, color, self._now_ms(), static_fields(vehicle, color))

    async def driver(self, plate: str, color: int) -> VehicleDriver | None:
        found = await asyncio.to_thread(driver_of_plate, self._database, folded_plate(plate), color)
        if found is None:
            return None
        return VehicleDriver(
            plate, color, found.at_ms, found.name, found.driver_id, found.licence, found.issuer, found.valid_ms
        )

    async def waybill(self, plate: str, color: int) -> VehicleWaybill | None:
        vehicle = self._vehicle(plate, color)
        key = plate_key(color_of_code(color).value, folded_plate(plate)) if vehicle is None else vehicle.vehicle_id
        page = await asyncio.to_thread(find_waybills, self._database, key=key, limit=1)
        if not page.rows:
            return None
        return VehicleWaybill(plate, color, page.rows[0].at_ms, page.rows[0].content)

    def _vehicle(self, plate: str, color: int) -> Vehicle | None:
        registry = self._registry()
        if registry is None:
            return None
        return registry.by_plate(color_of_code(color).value, folded_plate(plate), int(day_of(self._now_ms())))


def static_fields(vehicle: Vehicle, color: int) -> tuple[tuple[str, str], ...]:
    """The pairs of 0x1601 in the order of the standard; VIN is the plate, and the spelling of OWERS is theirs."""
    return (
        ("VIN", vehicle.plate),
        ("VEHICLE_COLOR", str(color)),
        ("VEHICLE_TYPE", "37" if vehicle.vehicle_class is VehicleClass.TRAILER else ""),
        ("TRANS_TYPE", TRADE_OF_CLASS.get(vehicle.vehicle_class, "")),
        ("VEHICLE_NATIONALITY", vehicle.region),
        ("OWERS_ID", vehicle.enterprise_id),
        ("OWERS_NAME", vehicle.enterprise_name),
        ("OWERS_TEL", ""),
    )


def plate_of_vehicle(registry: Registry | None, vehicle_id: str, at_ms: int) -> tuple[str, int] | None:
    """Plate and colour code of a vehicle at a moment, by the registry or by the key itself; None if none is known."""
    vehicle = None if registry is None else registry.vehicle(vehicle_id, int(day_of(at_ms)))
    if vehicle is not None:
        return (vehicle.plate, CODE_OF_COLOR[vehicle.plate_color]) if vehicle.plate else None
    if not vehicle_id.startswith(PLATE_PREFIX):
        return None
    word, _, plate = vehicle_id[len(PLATE_PREFIX) :].partition(":")
    color = next((one for one in PlateColor if one.value == word), PlateColor.OTHER)
    return (plate, CODE_OF_COLOR[color]) if plate else None
