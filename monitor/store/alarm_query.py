"""Questions that people and the REST API ask about alarms."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select

from monitor.model.alarm import AlarmState, Grade, Transition
from monitor.store.alarm_rows import STORED_COLUMNS, StoredAlarm, stored_alarm
from monitor.store.database import Database
from monitor.store.tables import alarm_changes, alarms


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """Which alarms are wanted; what is empty excludes none. ``[from_ms, to_ms)`` bounds the onset."""

    rules: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    grades: tuple[Grade, ...] = ()
    states: tuple[AlarmState, ...] = ()
    vehicle_id: str = ""
    enterprise_id: str = ""
    from_ms: int | None = None
    to_ms: int | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions in SQL."""
        table = alarms.c
        found: list[ColumnElement[bool]] = []
        if self.rules:
            found.append(table.rule.in_(self.rules))
        if self.kinds:
            found.append(table.kind.in_(self.kinds))
        if self.grades:
            found.append(table.grade.in_([int(grade) for grade in self.grades]))
        if self.states:
            found.append(table.state.in_([state.value for state in self.states]))
        if self.vehicle_id:
            found.append(table.vehicle_id == self.vehicle_id)
        if self.enterprise_id:
            found.append(table.enterprise_id == self.enterprise_id)
        if self.from_ms is not None:
            found.append(table.onset_ms >= self.from_ms)
        if self.to_ms is not None:
            found.append(table.onset_ms < self.to_ms)
        return found


@dataclass(frozen=True, slots=True)
class AlarmPage:
    """One page of alarms, and how many there are on all pages."""

    total: int
    alarms: tuple[StoredAlarm, ...]


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One line of an alarm's log; ``record`` is the alarm record after it, as JSON text."""

    sequence: int
    transition: Transition
    at_ms: int
    record: str


def find_alarms(database: Database, wanted: AlarmFilter, *, limit: int = 100, offset: int = 0) -> AlarmPage:
    """Alarms by onset, the newest first."""
    where = wanted.conditions()
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(alarms).where(*where)).scalar_one()
        query = select(*STORED_COLUMNS).where(*where).order_by(alarms.c.onset_ms.desc(), alarms.c.alarm_id)
        rows = connection.execute(query.limit(limit).offset(offset)).mappings()
        return AlarmPage(total, tuple(stored_alarm(row) for row in rows))


def alarm_by_id(database: Database, alarm_id: str) -> StoredAlarm | None:
    """The alarm as it stands; None if there is none with this id."""
    with database.read() as connection:
        query = select(*STORED_COLUMNS).where(alarms.c.alarm_id == alarm_id)
        row = connection.execute(query).mappings().one_or_none()
        return None if row is None else stored_alarm(row)


def changes_of_alarm(database: Database, alarm_id: str) -> tuple[StoredChange, ...]:
    """The alarm's log from its first change on."""
    columns = alarm_changes.c
    query = select(columns.sequence, columns.transition, columns.at_ms, columns.record)
    with database.read() as connection:
        rows = connection.execute(query.where(columns.alarm_id == alarm_id).order_by(columns.sequence)).all()
    return tuple(StoredChange(sequence, Transition(word), at_ms, record) for sequence, word, at_ms, record in rows)
