"""Sessions with brokers in the journal: once per change, and how they stand after a start."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import msgspec

from monitor.app.source_sessions import SourceSessions
from monitor.model.exchange import LinkEvent
from monitor.model.journal import JournalRecord, RecordType


@dataclass
class Broker:
    name: str
    connected: bool
    platforms: tuple[str, ...] = ("county",)


def test_every_change_is_one_record() -> None:
    journal: list[JournalRecord] = []
    brokers = [Broker("county", True), Broker("city", False, ("bus", "hazmat"))]

    async def submit(record: JournalRecord) -> None:
        journal.append(record)

    sessions = SourceSessions(brokers, submit, lambda: 7, lambda: 9)

    def look() -> list[tuple[str, str, bool]]:
        asyncio.run(sessions.look())
        events = [msgspec.json.decode(record.payload, type=LinkEvent) for record in journal]
        assert {(record.type, record.clock_ms) for record in journal} <= {(RecordType.LINK, 7)}
        journal.clear()
        return [(event.link, event.platform, event.up) for event in events]

    city = [("city: bus", "bus"), ("city: hazmat", "hazmat")]
    assert look() == [("county", "county", True), *((*one, False) for one in city)]
    assert look() == []
    brokers[0].connected = False
    assert look() == [("county", "county", False)]
    brokers[0].connected = brokers[1].connected = True
    assert look() == [("county", "county", True), *((*one, True) for one in city)]
