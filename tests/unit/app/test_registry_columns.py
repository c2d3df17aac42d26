"""A registry read back from columns answers as the one that was written."""

from __future__ import annotations

import pickle
from datetime import date

from monitor.app.registry_columns import StoredRegistry, columns_of, text_columns, texts_of
from monitor.model.beijing import day_number
from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass

VEHICLES = (
    Vehicle("A1", "甘G00001", PlateColor.YELLOW, VehicleClass.HAZMAT, "E1", "一公司", "620700", "13900000001"),
    Vehicle("A2", terminal_phone="13900000002", valid_to=date(2026, 3, 31), max_speed_kmh=80.5, crew=2),
    Vehicle("A2", "甘G00002", PlateColor.BLUE, valid_from=date(2026, 4, 1), curfew_exempt=True, line_km=0.0),
    Vehicle("A3", "甘G00001", PlateColor.GREEN, suspended_from=date(2026, 1, 1), gross_mass_kg=31_000.0),
    Vehicle("odd\ud800\n", relay_from=date(2026, 1, 2), relay_to=date(2026, 2, 2), platform="p"),
)
MAY = day_number(date(2026, 5, 1))


def _stored(registry: Registry) -> StoredRegistry:
    return StoredRegistry(columns_of(registry), registry.version)


def test_it_says_the_same() -> None:
    before = Registry(VEHICLES, 7)
    after = _stored(before)
    assert after.vehicles == before.vehicles
    assert after.version == 7
    assert after == _stored(before)
    assert after.vehicle_ids() == before.vehicle_ids()
    assert after.change_days() == before.change_days()
    assert after.enterprises() == before.enterprises()
    for vehicle_id in (*before.vehicle_ids(), "none"):
        for day in (None, MAY, MAY - 60):
            assert after.vehicle(vehicle_id, day) == before.vehicle(vehicle_id, day)
        assert after.known_from(vehicle_id) == before.known_from(vehicle_id)
    for phone in ("13900000001", "13900000002", "", "9"):
        assert after.by_phone(phone, MAY) == before.by_phone(phone, MAY)
    for color, plate in (
        ("yellow", "甘G00001"),
        ("green", "甘G00001"),
        ("blue", "甘G00002"),
        ("red", "甘G00002"),
        ("", ""),
    ):
        assert after.by_plate(color, plate, MAY) == before.by_plate(color, plate, MAY)


def test_it_is_written_again_as_it_was_read() -> None:
    stored = _stored(Registry(VEHICLES, 7))
    assert columns_of(stored).keys() == columns_of(Registry(VEHICLES, 7)).keys()
    assert _stored(stored).vehicles == VEHICLES
    assert pickle.loads(pickle.dumps(stored)).vehicles == VEHICLES


def test_an_empty_one_and_any_text_survive() -> None:
    assert _stored(Registry((), 1)).vehicles == ()
    for texts in ([], [""], ["", "a", "甘", "\n", "\ud800", ""]):
        assert texts_of(*text_columns(texts)) == texts
