"""Rules of receive time over the archive, day by day: reports in the order received within each vehicle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from monitor.alarms.book import AlarmBook
from monitor.app.settlement.day_reports import DayArchive
from monitor.app.settlement.in_force import SettingsInForce
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable
from monitor.engine.pass_template import CONTACT
from monitor.engine.rule import Rule
from monitor.model.alarm import Alarm
from monitor.model.beijing import day_start_ms
from monitor.model.journal import RecordType
from monitor.model.report import ReportBatch, concatenate

_ROW_SHIFT = 43  # receive times in ms fit into 42 bits until the year 2109


class ContactDays:
    """The phase ``CONTACT`` alone. A report that was received on a later day than it was made waits for that day."""

    def __init__(self, rules: tuple[Rule, ...], first_ms: int, held: Mapping[RecordType, bytes]) -> None:
        self._engine = Engine(rules, ParameterTable(rules), settled=True)
        self._engine.trail = None
        self._book = AlarmBook(rules, self._engine.fleet, provisional=False)
        self._in_force = SettingsInForce(self._engine, frozenset(held))
        self._held = dict(held)
        self._first_ms = first_ms
        self._waiting: list[ReportBatch] = []
        self.alarms: dict[str, Alarm] = {}

    def run(self, archive: DayArchive, day: int) -> None:
        """Take the next day."""
        engine, fleet = self._engine, self._engine.fleet
        start_ms, end_ms = int(day_start_ms(day)), int(day_start_ms(day + 1))
        engine.begin_settled(self._first_ms, end_ms)
        for record in archive.settings_between(start_ms, end_ms):
            self._in_force.apply(record)
        for kind, payload in self._held.items():
            self._in_force.put(kind, payload)
        if fleet.change_days:
            fleet.on_day(day)
        waiting, self._waiting = self._waiting, []
        for batch in waiting:
            self._take(batch, end_ms)
        for bucket in range(archive.buckets):
            self._take(archive.read(day, bucket), end_ms)

    def finish(self) -> None:
        """Nothing comes any more; what lasts is told of."""
        self._note(self._engine.finish(CONTACT).edges)

    def _take(self, batch: ReportBatch, end_ms: int) -> None:
        received = batch.rows["recv_ms"]
        later = received >= end_ms
        if later.any():
            self._waiting.append(concatenate([replace(batch, rows=batch.rows[later])]))
        rows = batch.rows[~later]
        if not len(rows):
            return
        fleet_row = self._engine.fleet.rows_of(batch.keys)[rows["key"]]
        order = np.argsort((fleet_row.astype(np.int64) << _ROW_SHIFT) + rows["recv_ms"], kind="stable")
        ready = replace(batch, rows=rows[order])
        self._note(self._engine.take_settled(ready, CONTACT, fleet_row[order]).edges)

    def _note(self, edges: np.typing.NDArray[np.void]) -> None:
        for change in self._book.apply(edges).changes:
            self.alarms[change.alarm.alarm_id] = change.alarm
