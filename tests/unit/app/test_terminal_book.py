"""What the daemon knows of terminals."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.app.terminal_book import TerminalBookKeeper, TerminalBookSettings
from monitor.errors import StoreError
from monitor.model.beijing import DAY_MS
from monitor.model.fleet import Registry
from monitor.model.terminal import Terminal
from monitor.sources.jt808 import Registration, TerminalBook
from monitor.store.database import Database
from monitor.store.terminal_store import TerminalStore
from tests.unit.app.terminal_fixtures import NOW_MS, OTHER, PHONE, STRANGER, Clock, fleet, new_database, terminal


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = new_database(tmp_path)
    yield found
    found.close()


def _book(database: Database, registry: Registry | None = None, clock: Clock | None = None) -> TerminalBookKeeper:
    return TerminalBookKeeper(TerminalStore(database), lambda: registry, clock or Clock())


async def test_what_is_saved_is_on_disk_and_found_after_a_restart(database: Database) -> None:
    book: TerminalBook = _book(database)
    await book.save([terminal(), terminal(STRANGER)])
    assert book.find(PHONE) == terminal()
    again = _book(database)
    assert again.find(PHONE) is None
    again.load()
    assert (again.find(PHONE), len(again), set(again.phones())) == (terminal(), 2, {PHONE, STRANGER})
    assert (again.version(PHONE), again.version(OTHER)) == (2013, 0)


async def test_what_the_store_refuses_is_not_known_either(database: Database) -> None:
    class Full(TerminalStore):
        def save(self, changed: Sequence[Terminal]) -> None:
            raise StoreError(reason="disk full")

    book = TerminalBookKeeper(Full(database), lambda: None, Clock())
    with pytest.raises(StoreError, match="disk full"):
        await book.save([terminal()])
    assert book.find(PHONE) is None


async def test_a_save_that_is_cancelled_still_ends_before_the_next_begins(database: Database) -> None:
    written: list[int] = []
    held, begun = threading.Event(), threading.Event()

    class Slow(TerminalStore):
        def save(self, changed: Sequence[Terminal]) -> None:
            begun.set()
            if changed[0].reports == 1:
                assert held.wait(10)
            written.append(changed[0].reports)

    book = TerminalBookKeeper(Slow(database), lambda: None, Clock())
    first = asyncio.create_task(book.save([terminal(reports=1)]))
    await asyncio.to_thread(begun.wait, 10)
    first.cancel()
    second = asyncio.create_task(book.save([terminal(reports=2)]))
    await asyncio.sleep(0)
    held.set()
    await second
    with pytest.raises(asyncio.CancelledError):
        await first
    assert written == [1, 2]
    found = book.find(PHONE)
    assert found is not None
    assert found.reports == 2


YELLOW, BLUE = 2, 1
REGISTRATIONS: tuple[tuple[str, str, str, int, Registration], ...] = (
    ("its own plate", PHONE, "甘A12345", YELLOW, Registration(True, True, True, False)),
    ("the plate in other letters", PHONE, "甘a·12345 ", YELLOW, Registration(True, True, True, False)),
    ("a colour mixed up", PHONE, "甘A12345", 94, Registration(True, True, True, False)),
    ("no plate stated", PHONE, "", 0, Registration(phone_known=True)),
    ("a plate of nobody", PHONE, "甘B00000", YELLOW, Registration(phone_known=True)),
    ("the vehicle of another terminal", PHONE, "甘A23456", YELLOW, Registration(True, True, False, True)),
    ("a new terminal in a vehicle that has one", STRANGER, "甘A12345", YELLOW, Registration(False, True, False, True)),
    ("a new terminal in a vehicle without", STRANGER, "甘A34567", BLUE, Registration(plate_known=True)),
    ("nobody knows either", STRANGER, "甘B00000", YELLOW, Registration()),
    ("a phone that the vehicle has given up", "13912340000", "甘A45678", BLUE, Registration()),
)


@pytest.mark.parametrize(
    ("phone", "plate", "color", "expected"), [row[1:] for row in REGISTRATIONS], ids=[row[0] for row in REGISTRATIONS]
)
def test_the_registry_knows_phones_and_plates(
    database: Database, phone: str, plate: str, color: int, expected: Registration
) -> None:
    assert _book(database, fleet()).registration(phone, plate, color) == expected


def test_without_a_registry_everybody_is_welcome(database: Database) -> None:
    book = _book(database)
    assert book.registration(STRANGER, "", 0).matched
    assert book.registered(STRANGER)
    assert book.vehicle_of(STRANGER) is None
    assert book.phone_of("V1") == ""


def test_vehicles_and_phones_name_each_other_while_they_last(database: Database) -> None:
    book = _book(database, fleet())
    vehicle = book.vehicle_of(PHONE)
    assert vehicle is not None
    assert vehicle.vehicle_id == "V1"
    assert book.phone_of("V1") == PHONE
    assert [book.phone_of(key) for key in ("V3", "V4", "V9", f"terminal:{STRANGER}")] == ["", "", "", STRANGER]
    assert book.vehicle_of("13912340000") is None
    assert book.registered("13912340000")


async def test_strangers_are_forgotten_after_seven_days_and_others_never(database: Database) -> None:
    clock = Clock()
    book = _book(database, fleet(), clock)
    week_ms = 7 * DAY_MS
    await book.save(
        [
            terminal(PHONE, last_seen_ms=NOW_MS - 100 * DAY_MS),
            terminal(STRANGER, last_seen_ms=NOW_MS - week_ms - 1),
            terminal("aa", last_seen_ms=NOW_MS - week_ms),
        ]
    )
    assert await book.tidy() == 1
    assert book.find(STRANGER) is None
    assert {one.phone for one in TerminalStore(database).load()} == {PHONE, "aa"}
    assert await book.tidy() == 0
    clock.pass_s(1)
    assert await book.tidy() == 1


async def test_a_stranger_whose_code_was_voided_is_not_forgotten(database: Database) -> None:
    book = _book(database, fleet())
    await book.save([replace(terminal(STRANGER, last_seen_ms=0), generation=1)])
    assert await book.tidy() == 0
    found = book.find(STRANGER)
    assert found is not None
    assert found.generation == 1


async def test_there_is_room_for_so_many_strangers_and_for_every_terminal_of_the_registry(database: Database) -> None:
    clock = Clock()
    settings = TerminalBookSettings(max_unregistered=2)
    book = TerminalBookKeeper(TerminalStore(database), fleet, clock, settings)
    await book.save([terminal(PHONE), terminal("aa", last_seen_ms=0)])
    assert book.room("bb", 0)
    assert not book.room("bb", 1)
    await book.save([terminal("aa"), terminal("bb")])
    assert not book.room("cc", 0)
    assert book.room(OTHER, 5)
    again = TerminalBookKeeper(TerminalStore(database), fleet, clock, settings)
    again.load()
    assert not again.room("cc", 0)
    clock.pass_s(8 * DAY_MS / 1000)
    assert await again.tidy() == 2
    assert again.room("cc", 1)


async def test_trouble_of_the_store_leaves_strangers_where_they_are(database: Database) -> None:
    class Broken(TerminalStore):
        def delete(self, phones: Sequence[str]) -> None:
            raise StoreError(reason="locked")

    book = TerminalBookKeeper(Broken(database), fleet, Clock())
    await book.save([terminal(STRANGER, last_seen_ms=0)])
    assert await book.tidy() == 0
    assert book.find(STRANGER) is not None
