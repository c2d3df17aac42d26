"""Terminals in the tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from monitor.model.fleet import Vehicle
from monitor.model.terminal import Terminal
from monitor.store.database import Database
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry
from monitor.store.terminal_store import (
    TerminalFilter,
    TerminalStore,
    find_terminals,
    last_contact,
    terminal_by_phone,
)

pytestmark = pytest.mark.integration

FULL = Terminal(
    phone="13912345678",
    version=2019,
    generation=3,
    registered_ms=1,
    authenticated_ms=2,
    first_seen_ms=3,
    last_seen_ms=400,
    province=44,
    county=100,
    maker="70111",
    model="BD-1",
    terminal_id="0000007",
    plate="粤A12345",
    plate_color=2,
    imei="860000000000001",
    software="v1.2",
    driver_id="Q123",
    driver_name="王五",
    driver_licence="440100199001011234",
    card_ms=5,
    reports=2**40,
    last_fix_ms=6,
    lon_deg=113.25,
    lat_deg=-23.5,
)
STRANGER = Terminal("4f07788ef87d", last_seen_ms=100)
QUIET = Terminal("13900000001", last_seen_ms=50)


@pytest.fixture
def with_registry(database: Database) -> Database:
    rows = (
        Vehicle("V1", "粤A12345", terminal_phone=FULL.phone, enterprise_id="E1"),
        Vehicle("V2", "粤A99999", terminal_phone=QUIET.phone),
    )
    import_registry(database, RegistryFile(rows, (), 2), date(2026, 1, 1))
    TerminalStore(database).save((FULL, STRANGER, QUIET))
    return database


def _phones(database: Database, wanted: TerminalFilter) -> list[str]:
    return [known.terminal.phone for known in find_terminals(database, wanted).terminals]


def test_what_is_saved_is_loaded_with_every_field(database: Database) -> None:
    store = TerminalStore(database)
    store.save((FULL, STRANGER))
    assert store.load() == (FULL, STRANGER)


def test_saving_again_replaces_and_the_last_of_one_phone_counts(database: Database) -> None:
    store = TerminalStore(database)
    store.save((FULL, replace(FULL, reports=1)))
    assert store.load() == (replace(FULL, reports=1),)
    store.save((replace(FULL, driver_id=""),))
    assert store.load() == (replace(FULL, driver_id=""),)


def test_many_are_saved_and_deleted_in_parts(database: Database) -> None:
    store = TerminalStore(database)
    many = [Terminal(f"139{number:08d}") for number in range(2_345)]
    store.save(many)
    assert len(store.load()) == len(many)
    store.delete([one.phone for one in many[:-1]])
    assert store.load() == (many[-1],)
    store.save(())
    store.delete(())


CASES: tuple[tuple[str, TerminalFilter, list[str]], ...] = (
    ("everything", TerminalFilter(), [QUIET.phone, FULL.phone, STRANGER.phone]),
    ("registered", TerminalFilter(registered=True), [QUIET.phone, FULL.phone]),
    ("strangers", TerminalFilter(registered=False), [STRANGER.phone]),
    ("part of a phone", TerminalFilter(text="88EF"), [STRANGER.phone]),
    ("its own plate", TerminalFilter(text="a123"), [FULL.phone]),
    ("the registry's plate", TerminalFilter(text="粤A999"), [QUIET.phone]),
    ("the vehicle", TerminalFilter(text="v1"), [FULL.phone]),
    ("seen from", TerminalFilter(seen_from_ms=100), [FULL.phone, STRANGER.phone]),
    ("seen before", TerminalFilter(seen_before_ms=100), [QUIET.phone]),
    ("among", TerminalFilter(among=frozenset({FULL.phone, "1"})), [FULL.phone]),
    ("among nobody", TerminalFilter(among=frozenset()), []),
    ("not among", TerminalFilter(not_among=frozenset({FULL.phone})), [QUIET.phone, STRANGER.phone]),
)


@pytest.mark.parametrize(("wanted", "phones"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_terminals_are_found_by_phone_plate_vehicle_and_time(
    with_registry: Database, wanted: TerminalFilter, phones: list[str]
) -> None:
    assert _phones(with_registry, wanted) == phones
    assert find_terminals(with_registry, wanted, limit=1).total == len(phones)


def test_a_terminal_is_shown_with_the_vehicle_of_the_registry(with_registry: Database) -> None:
    known = terminal_by_phone(with_registry, FULL.phone)
    assert known is not None
    assert (known.terminal, known.registered) == (FULL, True)
    assert (known.vehicle_id, known.plate, known.enterprise_id) == ("V1", "粤A12345", "E1")
    stranger = terminal_by_phone(with_registry, STRANGER.phone)
    assert stranger is not None
    assert (stranger.registered, stranger.vehicle_id) == (False, "")
    assert terminal_by_phone(with_registry, "1") is None
    assert last_contact(with_registry) == FULL.last_seen_ms


def test_without_a_registry_every_terminal_counts_as_registered(database: Database) -> None:
    TerminalStore(database).save((STRANGER,))
    assert _phones(database, TerminalFilter(registered=True)) == [STRANGER.phone]
    assert _phones(database, TerminalFilter(registered=False)) == []


def test_more_phones_than_a_query_has_parameters(with_registry: Database) -> None:
    many = frozenset(f"139{number:08d}" for number in range(40_000)) | {STRANGER.phone}
    assert _phones(with_registry, TerminalFilter(among=many)) == [QUIET.phone, STRANGER.phone]
