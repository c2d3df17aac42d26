"""The writer's side of the alarms: what a step of the engine brings goes into the tables in one transaction.

With it goes the journal offset, so after a restart the tail of the journal can be run again: what lies at or below the
stored offset is discarded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from sqlalchemy import Connection, insert, select

from monitor.errors import StoreError
from monitor.model.alarm import AlarmChange, AlarmState, PreWarning
from monitor.model.push import PushMessage, alarm_message, prewarning_message, supervision_message
from monitor.store.alarm_rows import STORED_COLUMNS, StoredAlarm, alarm_values, stored_alarm
from monitor.store.committed_step import CommittedStep
from monitor.store.database import Database
from monitor.store.device_record_store import upsert_device_records
from monitor.store.evidence_store import insert_evidence
from monitor.store.indicator_store import upsert_indicators
from monitor.store.outbox_writer import OutboxRow, append_outbox
from monitor.store.sequences import renumbered
from monitor.store.supervision_store import upsert_supervision
from monitor.store.tables import alarm_changes, alarms, journal_position, prewarnings
from monitor.store.vehicle_day_store import upsert_vehicle_days
from monitor.store.waybill_store import upsert_waybills

DEFAULT_JOURNAL = "main"


class AlarmStore:
    """Commits steps of one journal. ``clock_ms`` gives the time that stamps outbox rows (UTC epoch ms)."""

    def __init__(self, database: Database, clock_ms: Callable[[], int], journal: str = DEFAULT_JOURNAL) -> None:
        self._database = database
        self._clock_ms = clock_ms
        self._journal = journal

    def position(self) -> int:
        """Offset of the last journal record whose outcome is stored; 0 before the first."""
        with self._database.read() as connection:
            return _position(connection, self._journal)

    def commit(self, step: CommittedStep) -> bool:
        """Commit one step; False if its offset was already there. Raises StoreError, and then nothing is stored."""
        return self.commit_all((step,)) == 1

    def commit_all(self, steps: Sequence[CommittedStep]) -> int:
        """Commit steps of rising offset in one transaction, without those already there; returns how many were new.

        Raises StoreError, and then nothing of them is stored.
        """
        offsets = [step.offset for step in steps]
        if any(later <= earlier for earlier, later in pairwise(offsets)):
            raise StoreError(reason=f"steps out of order: journal offsets {offsets[:10]}")
        with self._database.write() as connection:
            position = _position(connection, self._journal)
            fresh = [step for step in steps if step.offset > position]
            if fresh:
                self._write(connection, renumbered(connection, fresh))
        return len(fresh)

    def _write(self, connection: Connection, steps: list[CommittedStep]) -> None:
        now_ms = self._clock_ms()
        outgoing: list[OutboxRow] = []
        changes: list[tuple[int, AlarmChange, PushMessage]] = []
        warnings: list[PreWarning] = []
        for step in steps:
            written = [(step.offset, change, alarm_message(change)) for change in step.changes]
            changes += written
            warnings += step.prewarnings
            pushed = [message for _, _, message in written if (message.id, message.sequence) not in step.withheld]
            pushed += [prewarning_message(warning) for warning in step.prewarnings]
            entered = upsert_supervision(self._database, connection, step.supervision) if step.supervision else ()
            pushed += [supervision_message(entry) for entry in entered]
            pushed += step.summaries
            outgoing += [OutboxRow(message, step.offset, now_ms) for message in pushed]
        if changes:
            self._write_alarms(connection, changes)
        if warnings:
            connection.execute(self._database.upsert(prewarnings), [_prewarning_values(one) for one in warnings])
        upsert_vehicle_days(self._database, connection, [step.vehicle_days for step in steps])
        upsert_indicators(self._database, connection, [row for step in steps for row in step.indicators])
        upsert_waybills(self._database, connection, [row for step in steps for row in step.waybills])
        upsert_device_records(self._database, connection, [row for step in steps for row in step.records])
        insert_evidence(connection, [piece for step in steps for piece in step.evidence])
        append_outbox(self._database, connection, outgoing)
        position = {"journal": self._journal, "journal_offset": steps[-1].offset, "committed_ms": now_ms}
        connection.execute(self._database.upsert(journal_position), [position])

    def _write_alarms(self, connection: Connection, changes: list[tuple[int, AlarmChange, PushMessage]]) -> None:
        latest = {change.alarm.alarm_id: change for _, change, _ in changes}
        first = {change.alarm.alarm_id: change.at_ms for _, change, _ in reversed(changes)}
        rows = [alarm_values(change, raised_ms=first[key]) for key, change in latest.items()]
        connection.execute(self._database.upsert(alarms, keep=("raised_ms",)), rows)
        connection.execute(
            insert(alarm_changes),
            [
                {
                    "alarm_id": change.alarm.alarm_id,
                    "sequence": change.sequence,
                    "transition": change.transition.value,
                    "at_ms": change.at_ms,
                    "journal_offset": offset,
                    "record": message.data,
                }
                for offset, change, message in changes
            ],
        )


def load_open_alarms(database: Database) -> tuple[StoredAlarm, ...]:
    """Alarms whose condition lasts, by onset."""
    query = select(*STORED_COLUMNS).where(alarms.c.state == AlarmState.ACTIVE.value)
    with database.read() as connection:
        rows = connection.execute(query.order_by(alarms.c.onset_ms, alarms.c.alarm_id)).mappings()
        return tuple(stored_alarm(row) for row in rows)


def _position(connection: Connection, journal: str) -> int:
    query = select(journal_position.c.journal_offset).where(journal_position.c.journal == journal)
    return connection.execute(query).scalar() or 0


def _prewarning_values(warning: PreWarning) -> dict[str, object]:
    return {column.name: getattr(warning, column.name) for column in prewarnings.columns}
