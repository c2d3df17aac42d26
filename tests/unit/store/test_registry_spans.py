"""Laws of validity spans: any files in any order leave spans that never overlap and state what was imported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import RegistryError
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.store import schema
from monitor.store.database import Database, open_database
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_spans import SpanAction, span_step
from monitor.store.registry_store import import_registry, load_registry
from monitor.store.tables import metadata

START = date(2026, 3, 1)
DAY = timedelta(days=1)

_days = st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31))
_vehicles = st.builds(
    Vehicle,
    vehicle_id=st.sampled_from(["V1", "V2", "V3"]),
    plate=st.sampled_from(["", "甘G1", "甘G2"]),
    vehicle_class=st.sampled_from([VehicleClass.HAZMAT, VehicleClass.OTHER]),
    enterprise_id=st.sampled_from(["", "E1"]),
    terminal_phone=st.sampled_from(["", "1", "2"]),
    suspended_from=_days,
    retired_on=_days,
    vin=st.sampled_from(["", "X"]),
)
_files = st.lists(_vehicles, max_size=4, unique_by=lambda vehicle: vehicle.vehicle_id)
_imports = st.lists(st.tuples(_files, st.integers(0, 4), st.booleans()), max_size=6)


@contextmanager
def _memory() -> Iterator[Database]:
    database = open_database("sqlite://")
    with database.write() as connection:
        metadata.create_all(connection)
    yield database
    database.close()


def _file(vehicles: list[Vehicle]) -> RegistryFile:
    return RegistryFile(tuple(vehicles), (), len(vehicles), "x.csv")


def _spans(registry: Registry, vehicle_id: str) -> list[Vehicle]:
    return [vehicle for vehicle in registry.vehicles if vehicle.vehicle_id == vehicle_id]


@given(_imports)
def test_spans_never_overlap_and_one_is_open(imports: list[tuple[list[Vehicle], int, bool]]) -> None:
    with _memory() as database:
        effective = START
        for vehicles, days, complete in imports:
            effective += days * DAY - 1 * DAY  # now and then a day back
            try:
                import_registry(database, _file(vehicles), effective, complete=complete)
            except RegistryError:
                continue
            registry = load_registry(database)
            for vehicle_id in registry.vehicle_ids():
                spans = _spans(registry, vehicle_id)
                assert [span.valid_to is None for span in spans] == [False] * (len(spans) - 1) + [True]
                for earlier, later in pairwise(spans):
                    assert earlier.valid_from is not None
                    assert earlier.valid_to is not None
                    assert earlier.valid_from <= earlier.valid_to
                    assert later.valid_from == earlier.valid_to + DAY
            for vehicle in vehicles:
                in_force = _spans(registry, vehicle.vehicle_id)[-1]
                assert replace(in_force, valid_from=None) == vehicle


@given(_imports, st.integers(0, 3))
def test_the_same_file_twice_changes_nothing(imports: list[tuple[list[Vehicle], int, bool]], later: int) -> None:
    with _memory() as database:
        for vehicles, days, _ in imports:
            try:
                import_registry(database, _file(vehicles), START + days * DAY)
            except RegistryError:
                continue
            before = load_registry(database)
            again = import_registry(database, _file(vehicles), START + (days + later) * DAY)
            assert (again.added, again.changed, again.retired, again.unchanged) == (0, 0, 0, len(vehicles))
            assert load_registry(database) == before


@given(_vehicles, _vehicles, st.integers(-3, 3))
def test_history_before_the_effective_day_stays(old: Vehicle, new: Vehicle, days: int) -> None:
    current = replace(old, valid_from=START)
    step = span_step(current, replace(new, vehicle_id=old.vehicle_id), START + days * DAY)
    if step.action is SpanAction.SUCCEED:
        assert days > 0
        assert step.closed_on == START + (days - 1) * DAY
        assert step.opened.valid_from == START + days * DAY
    elif step.action is SpanAction.REFUSE:
        assert days < 0
        assert step.opened == current
    else:
        assert step.opened.valid_from == START


def test_the_in_memory_store_of_these_tests_has_the_migrated_tables() -> None:
    assert schema.upgrade("sqlite://") == schema.head_revision()
