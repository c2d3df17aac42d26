"""Settlement in the tables: candidates for a day, corrections in short transactions, and which days are settled.

A correction is written only if its alarm still stands as it was read; otherwise it is given back, to be judged again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import msgspec
import numpy as np
from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from monitor.alarms.settling import KnownAlarm, Settled
from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Transition
from monitor.model.indicator import Indicator
from monitor.model.push import alarm_message
from monitor.store.alarm_rows import STORED_COLUMNS, alarm_values, stored_alarm
from monitor.store.alarm_store import DEFAULT_JOURNAL
from monitor.store.committed_step import VehicleDayRows
from monitor.store.database import Database
from monitor.store.indicator_store import overwrite_indicators
from monitor.store.outbox_writer import OutboxRow, append_outbox
from monitor.store.settlement_tables import settled_alarms, settled_days
from monitor.store.tables import alarm_changes, alarms, journal_position, vehicle_days
from monitor.store.vehicle_day_store import overwrite_vehicle_days

AT_ONCE = 500
"""Corrections in one transaction (a guess: some 50 ms)."""
ROWS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class DayRow:
    """A settled day, or with ``complete`` false one that is being settled for the first time.

    ``version`` is the archive's, ``settings`` a digest of what was in force, ``begun_from`` and ``ended_as`` digests of
    the states before and after; ``changes`` counts corrections by transition.
    """

    day: int
    complete: bool
    generation: int
    version: str
    begun_from: str
    ended_as: str
    settings: str
    settled_ms: int
    seconds: float
    reports: int
    changes: dict[str, int]


def load_settled_days(database: Database) -> dict[int, DayRow]:
    """All of them by day. Raises StoreError."""
    names = [column.name for column in settled_days.columns]
    with database.read() as connection:
        rows = connection.execute(select(*(settled_days.c[name] for name in names))).mappings().all()
    return {
        row["day"]: DayRow(
            **{name: row[name] for name in names if name != "changes"},
            changes=msgspec.json.decode(row["changes"], type=dict[str, int]),
        )
        for row in rows
    }


def write_day(database: Database, row: DayRow) -> None:
    """Put a day on record. Raises StoreError."""
    values: dict[str, object] = {column.name: getattr(row, column.name) for column in settled_days.columns}
    values["changes"] = msgspec.json.encode(row.changes).decode()
    with database.write() as connection:
        connection.execute(database.upsert(settled_days), [values])


def known_alarms(
    database: Database, day: int, start_ms: int, end_ms: int, rules: Collection[str], settled_ids: Collection[str]
) -> tuple[KnownAlarm, ...]:
    """Alarms that the settlement of a day judges, and those that settled ones are known as, by onset.

    ``rules`` are those that are settled.
    """
    table, judged = alarms.c, settled_alarms.c
    of_the_day: ColumnElement[bool] = (
        judged.alarm_id.is_(None)
        & table.rule.in_(rules)
        & (table.onset_ms < end_ms)
        & (table.end_ms.is_(None) | (table.end_ms >= start_ms) | (table.raised_ms >= start_ms))
    )
    found: dict[str, KnownAlarm] = {}
    with database.read() as connection:
        for part in (of_the_day | (judged.day == day), *_each(judged.settled_id, table.alarm_id, settled_ids)):
            query = (
                select(*STORED_COLUMNS, judged.settled_id, judged.day.label("settled_day"), judged.last_day)
                .select_from(alarms.outerjoin(settled_alarms, judged.alarm_id == table.alarm_id))
                .where(part)
            )
            for row in connection.execute(query).mappings():
                one = stored_alarm(row)
                found[one.alarm.alarm_id] = KnownAlarm(
                    one.alarm, one.sequence, one.raised_ms, row["settled_id"] or "", row["settled_day"], row["last_day"]
                )
    return tuple(sorted(found.values(), key=lambda one: (one.alarm.onset_ms, one.alarm.alarm_id)))


def platform_outages(database: Database, start_ms: int, end_ms: int) -> tuple[Alarm, ...]:
    """Alarms of platforms' outages that touch a span, by onset; without withdrawn ones."""
    table = alarms.c
    query = select(*STORED_COLUMNS).where(
        table.rule == "platform_outage",
        table.state != AlarmState.WITHDRAWN.value,
        table.onset_ms < end_ms,
        table.end_ms.is_(None) | (table.end_ms >= start_ms),
    )
    with database.read() as connection:
        rows = connection.execute(query.order_by(table.onset_ms, table.alarm_id)).mappings()
        return tuple(stored_alarm(row).alarm for row in rows)


def published_ids(database: Database, settled_ids: Collection[str]) -> dict[str, str]:
    """The ids that settled alarms are known by, by those that their settled onsets give."""
    found: dict[str, str] = {}
    ids = sorted(settled_ids)
    with database.read() as connection:
        for start in range(0, len(ids), AT_ONCE):
            judged = settled_alarms.c
            query = select(judged.settled_id, judged.alarm_id).where(
                judged.settled_id.in_(ids[start : start + AT_ONCE])
            )
            found |= {row[0]: row[1] for row in connection.execute(query)}
    return found


def write_corrections(
    database: Database, day: int, found: Sequence[Settled], *, at_ms: int, now_ms: int, note: str = ""
) -> tuple[tuple[AlarmChange, ...], bool]:
    """Write what becomes of alarms, batch by batch; ``note`` says what else the correction rests on.

    Returns the changes made, and whether every one was: alarms that live changed meanwhile are left as they are.
    """
    done: list[AlarmChange] = []
    whole = True
    remaining = iter(found)
    while part := list(islice(remaining, AT_ONCE)):
        with database.write() as connection:
            sequences = _sequences(connection, [one.alarm.alarm_id for one in part])
            current = [
                one
                for one in part
                if sequences.get(one.alarm.alarm_id, 0) == (0 if one.before is None else one.before.sequence)
            ]
            whole &= len(current) == len(part)
            done += _write(database, connection, day, current, at_ms, now_ms, note)
    return tuple(done), whole


def write_counters(database: Database, day: int, days: VehicleDayRows) -> None:
    """Put settled counters in the place of live ones, those of vehicles without any reports too."""
    for start in range(0, len(days), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        rows = days.rows[part].copy()
        rows["row"] = np.arange(len(rows))
        with database.write() as connection:
            overwrite_vehicle_days(database, connection, [VehicleDayRows(days.vehicle_ids[part], rows)])
    known = frozenset(days.vehicle_ids)
    with database.write() as connection:
        stored = connection.execute(select(vehicle_days.c.vehicle_id).where(vehicle_days.c.day == day)).scalars()
        strange = [one for one in stored if one not in known]
        for one in strange:
            connection.execute(delete(vehicle_days).where(vehicle_days.c.day == day, vehicle_days.c.vehicle_id == one))


def write_final_indicators(database: Database, rows: Sequence[Indicator]) -> None:
    """Put indicator rows of a settled day in the place of live ones."""
    for start in range(0, len(rows), ROWS_AT_ONCE):
        with database.write() as connection:
            overwrite_indicators(database, connection, rows[start : start + ROWS_AT_ONCE])


def journal_offset(database: Database) -> int:
    """Offset of the last journal record whose outcome is stored; 0 before the first."""
    with database.read() as connection:
        return _offset(connection)


def _write(
    database: Database,
    connection: Connection,
    day: int,
    part: Sequence[Settled],
    at_ms: int,
    now_ms: int,
    note: str,
) -> list[AlarmChange]:
    offset = _offset(connection)
    changes: list[AlarmChange] = []
    judged: list[dict[str, object]] = []
    for one in part:
        known_day = day if one.before is None or one.before.settled_day is None else one.before.settled_day
        last_day = max(day, (one.before.last_day or day) if one.before is not None else day)
        judged.append(
            {"alarm_id": one.alarm.alarm_id, "settled_id": one.settled_id, "day": known_day, "last_day": last_day}
        )
        if one.writes:
            sequence = 1 if one.before is None else one.before.sequence + 1
            reason = f"{one.reason.value}: {note}" if note else one.reason.value
            changes.append(AlarmChange(one.alarm, one.transition, sequence, at_ms, reason))
    messages = [alarm_message(change) for change in changes]
    if changes:
        rows = [alarm_values(change, raised_ms=at_ms) for change in changes]
        connection.execute(database.upsert(alarms, keep=("raised_ms",)), rows)
        log = [
            {
                "alarm_id": change.alarm.alarm_id,
                "sequence": change.sequence,
                "transition": change.transition.value,
                "at_ms": at_ms,
                "journal_offset": offset,
                "record": message.data,
            }
            for change, message in zip(changes, messages, strict=True)
        ]
        connection.execute(insert(alarm_changes), log)
    pushed = [
        OutboxRow(message, offset, now_ms)
        for change, message in zip(changes, messages, strict=True)
        if is_pushed(change)
    ]
    append_outbox(database, connection, pushed)
    if judged:
        connection.execute(database.upsert(settled_alarms), judged)
    return changes


def is_pushed(change: AlarmChange) -> bool:
    """Whether receivers are told: not of what only was confirmed, nor of what another alarm inhibits."""
    if change.transition is Transition.CONFIRMED:
        return False
    return not change.alarm.inhibited_by or change.alarm.state in (AlarmState.MERGED, AlarmState.WITHDRAWN)


def _each(
    settled_id: ColumnElement[str], alarm_id: ColumnElement[str], wanted: Collection[str]
) -> Iterator[ColumnElement[bool]]:
    ids = sorted(wanted)
    for start in range(0, len(ids), AT_ONCE):
        part = ids[start : start + AT_ONCE]
        yield or_(settled_id.in_(part), alarm_id.in_(part))


def _sequences(connection: Connection, ids: Sequence[str]) -> dict[str, int]:
    query = select(alarms.c.alarm_id, alarms.c.sequence).where(alarms.c.alarm_id.in_(ids))
    return {row[0]: row[1] for row in connection.execute(query)}


def _offset(connection: Connection) -> int:
    query = select(journal_position.c.journal_offset).where(journal_position.c.journal == DEFAULT_JOURNAL)
    return connection.execute(query).scalar() or 0
