"""Positions to an upper platform: live, as backfill, and again after a break."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import cast

import numpy as np
import pytest

from monitor.app.exchange_settings import ForwardSettings, ForwardStart
from monitor.app.forwarder import Forwarder
from monitor.app.forwarding import ForwardedFleet, positions_of
from monitor.app.sent_positions import SentPositions
from monitor.errors import CodecError, JournalError, LinkDownError
from monitor.model.exchange import RegisteredVehicle
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.fleet import PlateColor, Vehicle, VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, ReportRows, empty_rows
from monitor.store.forward_store import forward_cursor
from tests.unit.app.exchange_kit import COACH, NOON_MS, TANKER, FakeLink, Kit, exchange_kit

SETTINGS = ForwardSettings(link="province", pace_s=0.01)
Sent = tuple[ReportRows, tuple[str, ...], tuple[int, ...], bool]


def _batch(*of: tuple[str, int], flaws: int = 0, flags: int = 0, source: str = "") -> ReportBatch:
    """(key, receive time) of each report."""
    keys = tuple(dict.fromkeys(key for key, _ in of))
    rows = empty_rows(len(of))
    for row, (key, recv_ms) in zip(rows, of, strict=True):
        row["key"], row["recv_ms"], row["fix_ms"] = keys.index(key), recv_ms, recv_ms - 1_000
        row["lon_deg"], row["lat_deg"], row["source"] = 99.8, 39.4, 0 if source else -1
    rows["flaws"], rows["flags"] = flaws, flags
    return ReportBatch(keys, rows, sources=(source,) if source else ())


def _record(batch: ReportBatch, offset: int = 1) -> JournalRecord:
    return JournalRecord(offset, RecordType.REPORTS, int(batch.rows["recv_ms"].max()), batch)


@dataclass(slots=True)
class Journal:
    """Records from 1 on; those below ``first`` are no longer kept."""

    records: list[JournalRecord] = field(default_factory=list)
    first: int = 1

    @property
    def last_offset(self) -> int:
        return len(self.records)

    def append(self, *of: tuple[str, int]) -> None:
        self.records.append(_record(_batch(*of), len(self.records) + 1))

    def read(self, offset: int) -> Iterator[JournalRecord]:
        if 0 < offset < self.first:
            raise JournalError(path="journal", reason="is not there any more")
        return iter(self.records[max(offset, self.first) - 1 :])


@dataclass(slots=True)
class Bench:
    kit: Kit
    journal: Journal
    link: FakeLink
    sessions: int = 1

    def forwarder(self, settings: ForwardSettings = SETTINGS) -> Forwarder:
        return Forwarder(
            settings,
            self.link,
            lambda: self.sessions,
            self.journal.read,
            lambda: self.journal.last_offset,
            self.kit.registry,
            self.kit.database,
            lambda: self.kit.now_ms,
            own="province-bureau",
            platform_id="620700",
        )

    def sent(self) -> list[tuple[str, int, bool]]:
        """(plate, receive time, whether as backfill) of everything that went out."""
        found: list[tuple[str, int, bool]] = []
        for said in self.link.said:
            if isinstance(said, tuple):
                rows, plates, _, backfill = cast(Sent, said)
                found += [(plates[row["key"]], int(row["recv_ms"]), backfill) for row in rows]
        return found

    def announced(self) -> list[str]:
        return [said.plate for said in self.link.said if isinstance(said, RegisteredVehicle)]

    def stored(self) -> int:
        cursor = forward_cursor(self.kit.database, "province")
        assert cursor is not None
        return cursor.journal_offset


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with exchange_kit(tmp_path) as kit:
        yield Bench(kit, Journal(), kit.links["province"])


async def _ran(forwarder: Forwarder) -> None:
    """Until everything is forwarded, or nothing moves any more."""
    if not forwarder.offset:
        await forwarder._begin()
    while await forwarder._step():
        pass


async def test_a_new_link_gets_what_comes_from_now_on(bench: Bench) -> None:
    bench.journal.append(("T1", NOON_MS - 5_000))
    forwarder = bench.forwarder()
    await _ran(forwarder)
    bench.journal.append(("T1", NOON_MS), ("terminal:139", NOON_MS))
    await _ran(forwarder)
    assert bench.sent() == [("甘G20002", NOON_MS, False), ("甘G12345", NOON_MS, False)]


async def test_what_is_older_goes_as_backfill_by_fix_time(bench: Bench) -> None:
    bench.journal.append(("T1", NOON_MS - 120_000), ("T1", NOON_MS - 180_000), ("T1", NOON_MS - 1_000))
    await _ran(bench.forwarder(SETTINGS.model_copy(update={"start": ForwardStart.OLDEST})))
    ages = [(NOON_MS - recv_ms) // 1_000 for _, recv_ms, _ in bench.sent()]
    assert (ages, [late for *_, late in bench.sent()]) == ([180, 120, 1], [True, True, False])


async def test_vehicles_are_announced_once_per_connection(bench: Bench) -> None:
    forwarder = bench.forwarder()
    for _ in range(2):
        bench.journal.append(("T1", NOON_MS))
        await _ran(forwarder)
    assert sorted(bench.announced()) == ["甘G12345", "甘G20002"]
    bench.sessions += 1
    await _ran(forwarder)
    assert len(bench.announced()) == 4


async def test_while_the_link_is_down_everything_waits(bench: Bench) -> None:
    forwarder = bench.forwarder()
    await _ran(forwarder)
    bench.link.up = False
    for minute in range(3):
        bench.journal.append(("T1", NOON_MS + minute * 60_000))
    await _ran(forwarder)
    assert (bench.sent(), forwarder.backlog) == ([], 3)
    bench.kit.now_ms = NOON_MS + 180_000
    bench.link.up, bench.sessions = True, 2
    await _ran(forwarder)
    assert [late for *_, late in bench.sent()] == [True, True, False]
    assert forwarder.backlog == 0


async def test_after_a_break_the_last_minute_is_sent_again(bench: Bench) -> None:
    forwarder = bench.forwarder()
    await _ran(forwarder)
    for minute in range(4):
        bench.kit.now_ms = NOON_MS + minute * 45_000
        bench.journal.append(("T1", bench.kit.now_ms))
        await _ran(forwarder)
    bench.link.said.clear()
    bench.kit.now_ms += 1_000
    bench.sessions += 1
    await _ran(forwarder)
    assert [(recv_ms - NOON_MS) // 45_000 for _, recv_ms, _ in bench.sent()] == [2, 3]
    assert forwarder.counts["resent"] == 2


async def test_what_was_sent_is_stored_when_nothing_is_unsure_any_more(bench: Bench) -> None:
    forwarder = bench.forwarder()
    await _ran(forwarder)
    bench.journal.append(("T1", NOON_MS))
    await _ran(forwarder)
    assert bench.stored() == 0
    bench.kit.now_ms += 61_000
    await _ran(forwarder)
    assert bench.stored() == 1
    again = bench.forwarder()
    await again._begin()
    assert again.offset == 1


async def test_a_link_that_breaks_in_the_middle_gets_the_rest_later(bench: Bench) -> None:
    forwarder = bench.forwarder()
    await _ran(forwarder)
    bench.journal.append(("T1", NOON_MS))
    bench.link.refusal = LinkDownError(link="province")
    with pytest.raises(LinkDownError):
        await _ran(forwarder)
    bench.link.refusal = None
    await _ran(forwarder)
    assert len(bench.sent()) == 1


async def test_records_that_are_no_longer_kept_are_counted_and_passed(bench: Bench) -> None:
    forwarder = bench.forwarder(SETTINGS.model_copy(update={"start": ForwardStart.OLDEST}))
    await forwarder._begin()
    for _ in range(5):
        bench.journal.append(("T1", NOON_MS))
    bench.journal.first = 4
    await _ran(forwarder)
    assert (len(bench.sent()), forwarder.counts["records_no_longer_kept"]) == (2, 3)


async def test_damage_in_the_journal_is_no_gap(bench: Bench) -> None:
    forwarder = bench.forwarder()
    await _ran(forwarder)
    bench.journal.append(("T1", NOON_MS))

    def damaged(offset: int) -> Iterator[JournalRecord]:
        if offset:
            raise JournalError(path="journal", reason="damaged")
        return iter(bench.journal.records)

    forwarder._read = damaged
    with pytest.raises(JournalError):
        await _ran(forwarder)
    assert forwarder.offset == 0


async def test_what_cannot_be_said_does_not_hold_up_the_rest(bench: Bench) -> None:
    forwarder = bench.forwarder()
    await _ran(forwarder)
    bench.journal.append(("T1", NOON_MS))
    bench.link.refusal = CodecError(reason="out_of_range", field="plate")
    await _ran(forwarder)
    bench.link.refusal = None
    bench.journal.append(("T1", NOON_MS + 1))
    await _ran(forwarder)
    assert (len(bench.sent()), forwarder.counts["cannot_be_said"]) == (1, 1)


async def test_it_runs_until_it_is_cancelled(bench: Bench) -> None:
    forwarder = bench.forwarder()
    task = asyncio.create_task(forwarder.run())
    async with asyncio.timeout(10):
        while forward_cursor(bench.kit.database, "province") is None:  # noqa: ASYNC110  nothing tells a test
            await asyncio.sleep(0)
        bench.journal.append(("T1", NOON_MS))
        forwarder.wake()
        while forwarder.backlog:  # noqa: ASYNC110
            await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(bench.sent()) == 1


LEFT_OUT = [
    pytest.param(_batch(("terminal:555", NOON_MS)), {}, "no_plate", id="a terminal that nobody registered"),
    pytest.param(_batch(("plate:blue:甘G1", NOON_MS)), {}, "not_wanted", id="a plate that nobody registered"),
    pytest.param(_batch(("T1", NOON_MS)), {"classes": ("line_coach",)}, "not_wanted", id="another class"),
    pytest.param(_batch(("T1", NOON_MS)), {"enterprises": ("E2",)}, "not_wanted", id="another enterprise"),
    pytest.param(_batch(("T1", NOON_MS), flaws=int(Flaw.NO_FIX)), {}, "unusable", id="without a fix"),
    pytest.param(_batch(("T1", NOON_MS), flaws=int(Flaw.TIME)), {}, "unusable", id="without a time"),
    pytest.param(_batch(("T1", NOON_MS), source="province-bureau"), {}, "own", id="what came over this very link"),
]


@pytest.mark.parametrize(("batch", "settings", "reason"), LEFT_OUT)
def test_what_is_not_for_this_link_is_left_out_and_counted(
    bench: Bench, batch: ReportBatch, settings: dict[str, object], reason: str
) -> None:
    chosen = ForwardSettings.model_validate({"link": "province", **settings})
    fleet = ForwardedFleet(chosen, bench.kit.registry, "province-bureau")
    found = positions_of([_record(batch)], fleet, NOON_MS)
    assert (len(found.live), len(found.backfill), dict(found.left_out)) == (0, 0, {reason: 1})


def test_plates_that_nobody_registered_go_where_that_is_wanted(bench: Bench) -> None:
    fleet = ForwardedFleet(ForwardSettings(link="x", unregistered=True), bench.kit.registry, "")
    found = positions_of([_record(_batch(("plate:green:甘GD00001", NOON_MS)))], fleet, NOON_MS)
    assert (found.plates[0], found.colors[0], len(found.live)) == ("甘GD00001", 94, 1)


def test_late_uploads_of_a_terminal_are_backfill(bench: Bench) -> None:
    fleet = ForwardedFleet(SETTINGS, bench.kit.registry, "")
    found = positions_of([_record(_batch(("T1", NOON_MS), flags=int(ReportFlag.BACKFILL)))], fleet, NOON_MS)
    assert (len(found.live), len(found.backfill)) == (0, 1)


def test_a_plate_that_the_wire_has_no_room_for_is_left_out(tmp_path: Path) -> None:
    long = replace(COACH, plate="甘G" + "0" * 20, plate_color=PlateColor.BLUE)
    with exchange_kit(tmp_path, vehicles=(TANKER, long)) as kit:
        fleet = ForwardedFleet(SETTINGS, kit.registry, "")
        found = positions_of([_record(_batch(("C1", NOON_MS)))], fleet, NOON_MS)
    assert found.left_out == {"plate_too_long": 1}


def test_parts_are_no_longer_than_wanted(bench: Bench) -> None:
    fleet = ForwardedFleet(SETTINGS, bench.kit.registry, "")
    found = positions_of([_record(_batch(*[("T1", NOON_MS)] * 7, ("T1", NOON_MS - 100_000)))], fleet, NOON_MS)
    assert [(len(part.rows), part.backfill) for part in found.parts(3)] == [
        (1, True),
        (3, False),
        (3, False),
        (1, False),
    ]


def test_retired_vehicles_are_not_announced(tmp_path: Path) -> None:
    gone = Vehicle("G1", "甘G9", vehicle_class=VehicleClass.OTHER, retired_on=date(2026, 1, 31))
    with exchange_kit(tmp_path, vehicles=(TANKER, gone)) as kit:
        fleet = ForwardedFleet(SETTINGS, kit.registry, "")
        assert [one.plate for one in fleet.registered(NOON_MS)] == ["甘G20002"]


def test_a_position_is_found_by_its_number() -> None:
    sent = SentPositions(5)
    sent.add(2, np.array([0, 1, 1], np.int32), ("A", "B"), (1, 2))
    assert [sent.vehicle(sn) for sn in (0, 1, 2, 3)] == [("A", 1), ("B", 2), ("B", 2), None]
    sent.add(2**32 + 1 - 2**32, np.array([0, 0, 0], np.int32), ("C",), (9,))
    assert [sent.vehicle(sn) for sn in (2**32 - 1, 0, 1, 2)] == [("C", 9)] * 3 + [None]
    assert len(sent) == 3
