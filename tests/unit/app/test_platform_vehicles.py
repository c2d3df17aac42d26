"""Vehicles that platforms announce: into the registry, and never over what somebody imported."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from monitor.app.exchange_settings import ExchangeSettings
from monitor.app.platform_vehicles import announced, vehicle_class_of
from monitor.app.vehicle_files import RegistryFiles, plate_of_vehicle, static_fields
from monitor.model.exchange import RegisteredVehicle, StaticVehicle, VehicleDriver
from monitor.model.fleet import PlateColor, Vehicle, VehicleClass
from monitor.model.report import plate_key
from monitor.model.waybill import Waybill
from monitor.store.conflict_store import find_conflicts
from monitor.store.registry_store import load_enterprises
from monitor.store.waybill_store import upsert_waybills
from tests.unit.app.exchange_kit import COACH, NOON_MS, TANKER, Kit, exchange_kit

NEW = RegisteredVehicle("甘G·30003", 2, NOON_MS, phone="013900000003")
TODAY = date(2026, 3, 2)


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    with exchange_kit(tmp_path) as made:
        yield made


def _static(plate: str, color: int = 2, **fields: str) -> StaticVehicle:
    return StaticVehicle(plate, color, NOON_MS, tuple(fields.items()))


def _vehicle(kit: Kit, vehicle_id: str) -> Vehicle:
    found = kit.registry().vehicle(vehicle_id)
    assert found is not None
    return found


async def test_an_unknown_vehicle_is_added_from_that_day_on(kit: Kit) -> None:
    await kit.desk.take("gaotai", [NEW])
    assert _vehicle(kit, "甘G30003") == Vehicle(
        "甘G30003",
        "甘G30003",
        PlateColor.YELLOW,
        terminal_phone="13900000003",
        platform="gaotai",
        valid_from=TODAY,
    )
    assert kit.desk.vehicles.counts == {"added": 1}


async def test_what_is_said_twice_is_one_vehicle_and_one_import(kit: Kit) -> None:
    told = _static("甘G30003", TRANS_TYPE="030", OWERS_ID="E9", OWERS_NAME="临泽危货", VEHICLE_NATIONALITY="620723")
    await kit.desk.take("linze", [NEW, told])
    version = kit.registry().version
    await kit.desk.take("linze", [told, NEW])
    found = _vehicle(kit, "甘G30003")
    assert (found.vehicle_class, found.enterprise_id, found.region) == (VehicleClass.HAZMAT, "E9", "620723")
    assert kit.registry().version == version
    assert "临泽危货" in {enterprise.name for enterprise in load_enterprises(kit.database)}


async def test_a_later_word_fills_what_a_platform_left_open(kit: Kit) -> None:
    await kit.desk.take("gaotai", [NEW])
    await kit.desk.take("gaotai", [_static("甘G30003", TRANS_TYPE="011", OWERS_ID="E9")])
    found = _vehicle(kit, "甘G30003")
    assert (found.vehicle_class, found.enterprise_id) == (VehicleClass.LINE_COACH, "E9")
    assert (found.terminal_phone, found.valid_from) == ("13900000003", TODAY)


async def test_an_imported_vehicle_gets_its_empty_fields_and_keeps_the_others(kit: Kit) -> None:
    told = _static("甘G12345", TRANS_TYPE="030", OWERS_ID="OTHER", VEHICLE_NATIONALITY="620724")
    await kit.desk.take("gaotai", [RegisteredVehicle("甘G12345", 2, NOON_MS, phone="0140"), told])
    found = _vehicle(kit, "C1")
    assert found == replace(COACH, region="620724", platform="gaotai", valid_from=TODAY)
    conflicts = {one.field: (one.stated, one.kept) for one in find_conflicts(kit.database).rows}
    assert conflicts == {
        "terminal_phone": ("140", "139"),
        "enterprise_id": ("OTHER", "E2"),
        "vehicle_class": ("hazmat", "line_coach"),
    }
    await kit.desk.take("gaotai", [told])
    assert kit.desk.vehicles.counts == {"filled": 1, "conflict": 3}


async def test_a_terminal_that_belongs_to_another_vehicle_stays_there(kit: Kit) -> None:
    await kit.desk.take("gaotai", [replace(NEW, phone=TANKER.terminal_phone)])
    assert _vehicle(kit, "甘G30003").terminal_phone == ""
    (conflict,) = find_conflicts(kit.database).rows
    assert (conflict.field, conflict.kept) == ("terminal_phone", "T1")


async def test_one_plate_in_two_colours_is_two_vehicles(kit: Kit) -> None:
    await kit.desk.take("gaotai", [NEW, replace(NEW, plate_color=1, phone="77")])
    registry = kit.registry()
    yellow, blue = registry.by_plate("yellow", "甘G30003"), registry.by_plate("blue", "甘G30003")
    assert yellow is not None
    assert blue is not None
    assert (yellow.vehicle_id, blue.vehicle_id) == ("甘G30003", "甘G30003:blue")


async def test_the_greens_are_one_colour(kit: Kit) -> None:
    await kit.desk.take("gaotai", [replace(NEW, plate_color=94), replace(NEW, plate_color=93)])
    assert [one for one in kit.registry().vehicle_ids() if one.startswith("甘G30003")] == ["甘G30003"]


async def test_plates_are_not_taken_from_platforms_unless_told_so(tmp_path: Path) -> None:
    with exchange_kit(tmp_path, ExchangeSettings(registry_from_platforms=False)) as kit:
        await kit.desk.take("gaotai", [NEW])
        assert kit.registry().vehicle_ids() == ("T1", "C1")
        assert kit.desk.vehicles.counts == {"left": 1}


def test_without_a_plate_there_is_no_vehicle() -> None:
    assert announced(RegisteredVehicle(" ", 2, NOON_MS)) is None
    assert announced(StaticVehicle("", 2, NOON_MS, (("VIN", "甘G·1"),))) is not None


CODES = [
    ("011", "", VehicleClass.LINE_COACH),
    ("12", "11", VehicleClass.CHARTER_COACH),
    ("014", "", VehicleClass.TOUR_COACH),
    ("030", "21", VehicleClass.HAZMAT),
    ("030", "37", VehicleClass.TRAILER),
    ("021", "21", VehicleClass.HEAVY_TRUCK),
    ("021", "23", VehicleClass.OTHER),
    ("", "40", VehicleClass.HAZMAT),
    ("客运", "", VehicleClass.OTHER),
]


@pytest.mark.parametrize(("trade", "kind", "expected"), CODES)
def test_codes_say_a_class_or_none(trade: str, kind: str, expected: VehicleClass) -> None:
    assert vehicle_class_of(trade, kind) is expected


def test_what_we_tell_of_a_vehicle_is_what_we_would_read() -> None:
    told = announced(StaticVehicle("", 2, NOON_MS, static_fields(TANKER, 2)))
    assert told is not None
    assert (told.plate, told.vehicle_class, told.enterprise_id) == (TANKER.plate, TANKER.vehicle_class, "E1")


async def test_an_upper_platform_is_told_what_is_known_of_a_vehicle(kit: Kit) -> None:
    files = RegistryFiles(kit.database, kit.registry, lambda: NOON_MS)
    await kit.desk.take("gaotai", [VehicleDriver("甘G20002", 2, NOON_MS, "王五", "620724X")])
    with kit.database.write() as connection:
        bills = [Waybill("T1", NOON_MS, "CARGO_NAME:=汽油"), Waybill(plate_key("blue", "甘G1"), NOON_MS, "x")]
        upsert_waybills(kit.database, connection, bills)
    static, driver = await files.static("甘G·20002", 2), await files.driver("甘G20002", 2)
    waybill, other = await files.waybill("甘G20002", 2), await files.waybill("甘G1", 1)
    assert static is not None
    assert driver is not None
    assert waybill is not None
    assert other is not None
    assert (dict(static.fields)["TRANS_TYPE"], driver.name) == ("030", "王五")
    assert (waybill.content, other.content) == ("CARGO_NAME:=汽油", "x")
    assert (await files.static("甘G9", 2), await files.driver("甘G9", 2), await files.waybill("甘G9", 2)) == (None,) * 3


PLATES = [
    pytest.param("T1", ("甘G20002", 2), id="a registered vehicle"),
    pytest.param("plate:green:甘GD00001", ("甘GD00001", 94), id="a plate that nobody registered"),
    pytest.param("plate:pink:甘G1", ("甘G1", 9), id="a colour that is none"),
    pytest.param("terminal:139", None, id="a terminal"),
    pytest.param("plate:", None, id="nothing"),
]


@pytest.mark.parametrize(("vehicle_id", "expected"), PLATES)
def test_a_plate_is_known_by_the_registry_or_by_the_key(
    kit: Kit, vehicle_id: str, expected: tuple[str, int] | None
) -> None:
    assert plate_of_vehicle(kit.registry(), vehicle_id, NOON_MS) == expected
