"""The registry in the tables, on SQLite and PostgreSQL alike."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from monitor.errors import RegistryError
from monitor.model.beijing import day_number
from monitor.model.fleet import Enterprise, PlateColor, Registry, Vehicle, VehicleClass
from monitor.store.database import Database
from monitor.store.registry_files import RegistryFile, RowProblem
from monitor.store.registry_store import (
    ImportResult,
    find_vehicles,
    import_registry,
    load_enterprises,
    load_registry,
    vehicle_spans,
)

pytestmark = pytest.mark.integration

MARCH_1, MARCH_9, MARCH_10 = date(2026, 3, 1), date(2026, 3, 9), date(2026, 3, 10)
BUS = Vehicle(
    "V1",
    plate="甘G12345",
    plate_color=PlateColor.YELLOW,
    vehicle_class=VehicleClass.LINE_COACH,
    enterprise_id="E1",
    enterprise_name="高台客运",
    region="高台县",
    terminal_phone="13900000001",
    max_speed_kmh=100.0,
    suspended_from=date(2026, 1, 1),
    suspended_to=date(2026, 1, 31),
    crew=2,
    curfew_exempt=True,
)
TANKER = Vehicle("V2", plate="甘G20002", vehicle_class=VehicleClass.HAZMAT, terminal_phone="13900000002")


def _file(*vehicles: Vehicle) -> RegistryFile:
    return RegistryFile(vehicles, (), len(vehicles), "fleet.csv", tuple(range(2, len(vehicles) + 2)))


def _on(registry: Registry, vehicle_id: str, day: date) -> Vehicle:
    found = registry.vehicle(vehicle_id, day_number(day))
    assert found is not None
    return found


def test_every_field_comes_back_as_it_went_in(database: Database) -> None:
    assert import_registry(database, _file(BUS, TANKER), MARCH_1) == ImportResult(2, 0, 0, 0)
    assert load_registry(database).vehicles == (
        replace(BUS, valid_from=MARCH_1),
        replace(TANKER, valid_from=MARCH_1),
    )
    assert load_enterprises(database) == (Enterprise("E1", "高台客运", "高台县"),)


def test_the_same_file_again_changes_nothing(database: Database) -> None:
    import_registry(database, _file(BUS, TANKER), MARCH_1)
    before = load_registry(database)
    assert import_registry(database, _file(BUS, TANKER), MARCH_10) == ImportResult(0, 0, 2, 0)
    assert load_registry(database) == before


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(replace(BUS, plate="甘G99999"), id="another plate"),
        pytest.param(replace(BUS, terminal_phone="13900000009"), id="another terminal"),
        pytest.param(replace(BUS, enterprise_id="E2"), id="another enterprise"),
        pytest.param(replace(BUS, vehicle_class=VehicleClass.CHARTER_COACH), id="another class"),
        pytest.param(replace(BUS, suspended_from=MARCH_10, suspended_to=None), id="another suspension"),
    ],
)
def test_a_change_closes_the_row_at_the_day_before(database: Database, changed: Vehicle) -> None:
    import_registry(database, _file(BUS, TANKER), MARCH_1)
    assert import_registry(database, _file(changed, TANKER), MARCH_10) == ImportResult(0, 1, 1, 0)
    registry = load_registry(database)
    assert _on(registry, "V1", MARCH_9) == replace(BUS, valid_from=MARCH_1, valid_to=MARCH_9)
    assert _on(registry, "V1", MARCH_10) == replace(changed, valid_from=MARCH_10)
    assert vehicle_spans(database, "V2") == (replace(TANKER, valid_from=MARCH_1),)
    assert registry.vehicle_ids() == ("V1", "V2")


@pytest.mark.parametrize(
    "corrected",
    [
        pytest.param(replace(BUS, enterprise_name="高台县客运公司", vin="LVBV4"), id="what describes the vehicle"),
        pytest.param(replace(BUS, suspended_to=date(2026, 2, 28)), id="the end of the same suspension"),
        pytest.param(replace(BUS, relay_from=MARCH_1), id="a period that was not stated before"),
    ],
)
def test_a_correction_opens_no_new_row(database: Database, corrected: Vehicle) -> None:
    import_registry(database, _file(BUS), MARCH_1)
    assert import_registry(database, _file(corrected), MARCH_10) == ImportResult(0, 1, 0, 0)
    assert vehicle_spans(database, "V1") == (replace(corrected, valid_from=MARCH_1),)


def test_a_change_on_the_first_day_replaces_the_row(database: Database) -> None:
    import_registry(database, _file(BUS), MARCH_1)
    import_registry(database, _file(replace(BUS, plate="甘G99999")), MARCH_1)
    assert vehicle_spans(database, "V1") == (replace(BUS, plate="甘G99999", valid_from=MARCH_1),)


def test_a_change_before_the_row_in_force_is_refused(database: Database) -> None:
    import_registry(database, _file(BUS), MARCH_10)
    with pytest.raises(RegistryError, match=r"row 2, vehicle_id: .*in force since 2026-03-10"):
        import_registry(database, _file(replace(BUS, plate="甘G99999")), MARCH_1)


def test_one_bad_row_keeps_all_out_and_every_problem_is_listed(database: Database) -> None:
    file = replace(_file(BUS), problems=(RowProblem(3, "plate", "is no plate"), RowProblem(9, "crew", "is no number")))
    with pytest.raises(RegistryError) as caught:
        import_registry(database, file, MARCH_1)
    assert caught.value.problems == ("row 3, plate: is no plate", "row 9, crew: is no number")
    assert load_registry(database).vehicles == ()


def test_a_terminal_that_another_vehicle_holds_is_refused(database: Database) -> None:
    import_registry(database, _file(BUS), MARCH_1)
    with pytest.raises(RegistryError, match="row 2, terminal_phone: 13900000001 belongs to vehicle V1"):
        import_registry(database, _file(replace(TANKER, terminal_phone=BUS.terminal_phone)), MARCH_10)
    assert vehicle_spans(database, "V2") == ()


def test_two_vehicles_may_swap_their_terminals(database: Database) -> None:
    import_registry(database, _file(BUS, TANKER), MARCH_1)
    swapped = _file(
        replace(BUS, terminal_phone=TANKER.terminal_phone), replace(TANKER, terminal_phone=BUS.terminal_phone)
    )
    assert import_registry(database, swapped, MARCH_10).changed == 2
    registry = load_registry(database)
    for day, holder in ((MARCH_9, "V1"), (MARCH_10, "V2")):
        found = registry.by_phone(BUS.terminal_phone, day_number(day))
        assert found is not None
        assert found.vehicle_id == holder


def test_a_terminal_of_a_retired_vehicle_is_free(database: Database) -> None:
    import_registry(database, _file(BUS), MARCH_1)
    assert import_registry(database, _file(replace(BUS, retired_on=MARCH_9)), MARCH_9).retired == 1
    assert import_registry(database, _file(replace(TANKER, terminal_phone=BUS.terminal_phone)), MARCH_10).added == 1
    found = load_registry(database).by_phone(BUS.terminal_phone, day_number(MARCH_10))
    assert found is not None
    assert found.vehicle_id == "V2"


def test_a_file_of_the_whole_register_retires_the_missing_and_a_part_does_not(database: Database) -> None:
    import_registry(database, _file(BUS, TANKER), MARCH_1)
    assert import_registry(database, _file(BUS), MARCH_10) == ImportResult(0, 0, 1, 0)
    assert import_registry(database, _file(BUS), MARCH_10, complete=True) == ImportResult(0, 0, 1, 1)
    assert vehicle_spans(database, "V2") == (replace(TANKER, valid_from=MARCH_1, retired_on=MARCH_9),)
    assert import_registry(database, _file(BUS), MARCH_10, complete=True) == ImportResult(0, 0, 1, 0)


def test_the_version_rises_only_when_something_changed(database: Database) -> None:
    versions = [load_registry(database).version]
    for vehicle, day in ((BUS, MARCH_1), (BUS, MARCH_9), (replace(BUS, plate="甘G99999"), MARCH_10)):
        import_registry(database, _file(vehicle), day)
        versions.append(load_registry(database).version)
    assert versions[0] < versions[1] == versions[2] < versions[3]


def test_vehicles_are_found_by_enterprise_class_and_part_of_their_names(database: Database) -> None:
    import_registry(database, _file(BUS, TANKER), MARCH_1)
    import_registry(database, _file(replace(BUS, plate="甘G99_99")), MARCH_10)
    assert [one.vehicle_id for one in find_vehicles(database).vehicles] == ["V1", "V2"]
    assert [one.vehicle_id for one in find_vehicles(database, enterprise_id="E1").vehicles] == ["V1"]
    assert [one.vehicle_id for one in find_vehicles(database, vehicle_class=VehicleClass.HAZMAT).vehicles] == ["V2"]
    assert [one.vehicle_id for one in find_vehicles(database, text="甘g99_").vehicles] == ["V1"]
    assert find_vehicles(database, text="12345").vehicles == ()
    page = find_vehicles(database, limit=1, offset=1)
    assert (page.total, [one.vehicle_id for one in page.vehicles]) == (2, ["V2"])
