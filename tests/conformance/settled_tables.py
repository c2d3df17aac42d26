"""A live run with its tables and its archive, and its days settled: everything but the daemon around it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from monitor.app.live_pipeline import LivePipeline
from monitor.app.settlement.composing import parts, record_of
from monitor.app.settlement.settings import SettlementSettings
from monitor.app.settlement.settled_state import SettledFolder
from monitor.app.settlement.settler import DayReport, Settler, ToPutRight
from monitor.engine.parameters import RuleLayers
from monitor.model.alarm import Alarm, AlarmState
from monitor.model.journal import JournalRecord, RecordType
from monitor.rules import load_rules
from monitor.store.alarm_query import AlarmFilter, find_alarms
from monitor.store.alarm_store import AlarmStore
from monitor.store.archive import Archive, ArchiveSettings
from monitor.store.database import open_database
from monitor.store.schema import upgrade

RULES = load_rules()
OF_FIX_TIME = frozenset(rule.name for rule in RULES if rule.contact is None and rule.receipt is None)


class LiveRun:
    """Records go through the live pipeline into the tables, and into the archive."""

    def __init__(self, folder: Path, buckets: int = 3) -> None:
        url = f"sqlite:///{folder / 'monitor.db'}"
        upgrade(url)
        self.database = open_database(url)
        self.archive = Archive(folder / "archive", ArchiveSettings(buckets=buckets))
        self.folder = SettledFolder(folder / "settled")
        self.live = LivePipeline(RULES, RuleLayers())
        self.store = AlarmStore(self.database, lambda: 0)
        self.offset = 0
        self.records: list[JournalRecord] = []

    def take(self, record: JournalRecord, *, archived: bool = True) -> None:
        self.offset += 1
        record = replace(record, offset=self.offset)
        self.records.append(record)
        step, _ = self.live.step(self.live.take(record))
        self.store.commit(step)
        if not archived:
            return
        if record.batch is not None:
            self.archive.take(record.batch, record.offset)
        else:
            self.archive.take_settings(record)

    def take_all(self, records: Iterable[JournalRecord]) -> None:
        for record in records:
            self.take(record)
        self.archive.flush()

    def settler(self) -> Settler:
        clock_ms = self.live.engine.clock_ms
        settings = SettlementSettings()
        return Settler(self.archive, self.database, self.folder, settings, self, lambda: clock_ms, lambda: clock_ms)

    def settle(self, first: int, last: int) -> tuple[DayReport, ...]:
        return self.settler().settle(first, last)

    def put_right(self, told: ToPutRight) -> None:
        self.archive.flush()
        for part in parts(told, self.archive, 2):
            self.take(record_of(part, self.live.engine.clock_ms))

    def alarms(self) -> list[Alarm]:
        """All alarms of rules of fix time, by onset and id."""
        found = find_alarms(self.database, AlarmFilter(rules=tuple(OF_FIX_TIME)), limit=100_000).alarms
        return sorted((one.alarm for one in found), key=lambda alarm: (alarm.onset_ms, alarm.alarm_id))

    def close(self) -> None:
        self.database.close()


def standing(alarms: Iterable[Alarm]) -> list[Alarm]:
    """Alarms that settlement left standing."""
    return [one for one in alarms if one.state in (AlarmState.ACTIVE, AlarmState.CLEARED) or is_merged_device(one)]


def is_merged_device(alarm: Alarm) -> bool:
    return alarm.rule == "device_alarm" and alarm.state is AlarmState.MERGED


def settings_records(settings: Sequence[tuple[RecordType, bytes]]) -> list[JournalRecord]:
    return [JournalRecord(0, kind, 0, payload=payload) for kind, payload in settings]
