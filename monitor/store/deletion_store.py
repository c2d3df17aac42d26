"""Deleting rows that are too old, around legal holds, and the record of what was deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Column, ColumnElement, Table, and_, delete, false, func, insert, not_, or_, select

from monitor.model.alarm import AlarmState
from monitor.model.beijing import DAY_MS
from monitor.store.database import Database
from monitor.store.exchange_tables import (
    inquiries,
    link_events,
    link_outages,
    platform_alarms,
    platform_texts,
    supervision_orders,
    waybills,
)
from monitor.store.hold_store import Seal
from monitor.store.retention_tables import deletions
from monitor.store.tables import (
    alarm_changes,
    alarm_evidence,
    alarms,
    device_records,
    prewarnings,
    supervision_entries,
    vehicle_days,
)


@dataclass(frozen=True, slots=True)
class Deletion:
    """What was deleted: how many of ``what``, from when to when they were, and how many a hold kept."""

    what: str
    n: int
    from_ms: int
    to_ms: int
    held: int = 0
    at_ms: int = 0
    by: str = ""


@dataclass(frozen=True, slots=True)
class Dated:
    """Rows of a table that grow old by ``time`` (epoch ms; ``days`` true: a Beijing day number).

    ``vehicle`` is the column that a hold looks at; ``only`` which rows may go at all.
    """

    table: Table
    time: ColumnElement[int]
    vehicle: Column[str] | None = None
    only: ColumnElement[bool] | None = None
    days: bool = False


_OVER = func.coalesce(alarms.c.end_ms, alarms.c.changed_ms)
_ENDED = alarms.c.state != AlarmState.ACTIVE.value

TRACKS: Final = (
    Dated(device_records, device_records.c.at_ms, device_records.c.vehicle_id),
    Dated(prewarnings, prewarnings.c.at_ms, prewarnings.c.vehicle_id),
    Dated(waybills, waybills.c.at_ms, waybills.c.key),
)
"""Where a vehicle was and what it carried: as long as its track."""

RECORDS: Final = (
    Dated(platform_alarms, platform_alarms.c.at_ms),
    Dated(supervision_orders, supervision_orders.c.ordered_ms, supervision_orders.c.vehicle_id),
    Dated(inquiries, inquiries.c.asked_ms),
    Dated(platform_texts, platform_texts.c.at_ms),
    Dated(link_events, link_events.c.at_ms),
    Dated(link_outages, link_outages.c.to_ms),
    Dated(supervision_entries, func.coalesce(supervision_entries.c.left_ms, 2**62)),
    Dated(vehicle_days, vehicle_days.c.day, vehicle_days.c.vehicle_id, days=True),
)
"""Violations and what was done about them, but for the alarms themselves."""


def delete_rows(database: Database, dated: Dated, before_ms: int, seals: Sequence[Seal]) -> Deletion:
    """Delete rows older than a moment, a day's worth in each transaction. Raises ``StoreError``."""
    unit = DAY_MS if dated.days else 1
    before = (before_ms + 28_800_000) // DAY_MS if dated.days else before_ms
    step = 1 if dated.days else DAY_MS
    old = dated.time < before if dated.only is None else and_(dated.time < before, dated.only)
    free = and_(old, not_(_held(dated, seals, unit)))
    with database.read() as connection:
        counted = select(func.min(dated.time), func.max(dated.time), func.count()).select_from(dated.table)
        first, last, n = connection.execute(counted.where(free)).one()
        kept = int(connection.execute(counted.where(old, _held(dated, seals, unit))).one()[2])
    if not n:
        return Deletion(dated.table.name, 0, 0, 0, kept)
    moment, gone = int(first), 0
    while moment <= int(last):
        with database.write() as connection:
            chosen = and_(free, dated.time < moment + step)
            gone += connection.execute(delete(dated.table).where(chosen)).rowcount
        with database.read() as connection:
            following = connection.execute(select(func.min(dated.time)).where(free)).scalar()
        if following is None:
            break
        moment = int(following)
    from_ms, to_ms = (
        (int(first), int(last)) if not dated.days else (_start_ms(int(first)), _start_ms(int(last) + 1) - 1)
    )
    return Deletion(dated.table.name, gone, from_ms, to_ms, kept)


def delete_alarms(database: Database, before_ms: int, seals: Sequence[Seal], *, evidence_only: bool) -> Deletion:
    """Delete alarms that ended before a moment with their changes and evidence, or their evidence alone."""
    if not evidence_only:
        dated = Dated(alarms, _OVER, alarms.c.vehicle_id, _ENDED)
        found = delete_rows(database, dated, before_ms, seals)
        for table in (alarm_changes, alarm_evidence):
            orphans = table.c.alarm_id.not_in(select(alarms.c.alarm_id))
            with database.write() as connection:
                connection.execute(delete(table).where(orphans))
        return found
    held = _alarm_held(seals)
    old = and_(_ENDED, before_ms > _OVER)
    free = select(alarms.c.alarm_id).where(old, not_(held))
    query = select(func.min(_OVER), func.max(_OVER), func.count()).join(
        alarm_evidence, alarm_evidence.c.alarm_id == alarms.c.alarm_id
    )
    with database.write() as connection:
        first, last, n = connection.execute(query.where(old, not_(held))).one()
        kept = int(connection.execute(query.where(old, held)).one()[2])
        connection.execute(delete(alarm_evidence).where(alarm_evidence.c.alarm_id.in_(free)))
    return Deletion(alarm_evidence.name, int(n), int(first or 0), int(last or 0), kept)


def record_deletions(database: Database, found: Sequence[Deletion], now_ms: int, by: str) -> None:
    """Keep on record what was deleted. Raises ``StoreError``."""
    rows = [
        {
            "at_ms": now_ms,
            "what": one.what,
            "n": one.n,
            "from_ms": one.from_ms,
            "to_ms": one.to_ms,
            "held": one.held,
            "by": by,
        }
        for one in found
        if one.n
    ]
    if rows:
        with database.write() as connection:
            connection.execute(insert(deletions), rows)


def recorded_deletions(database: Database, limit: int = 100) -> tuple[Deletion, ...]:
    """The last deletions, newest first. Raises ``StoreError``."""
    columns = [deletions.c[name] for name in ("what", "n", "from_ms", "to_ms", "held", "at_ms", "by")]
    query = select(*columns).order_by(deletions.c.deletion_id.desc()).limit(limit)
    with database.read() as connection:
        return tuple(Deletion(*row) for row in connection.execute(query))


def _held(dated: Dated, seals: Sequence[Seal], unit: int) -> ColumnElement[bool]:
    if dated.table is alarms:
        return _alarm_held(seals)
    vehicle = dated.vehicle
    if vehicle is None:
        return false()
    spans = [
        and_(vehicle.in_(seal.keys), dated.time >= _unit(seal.from_ms, unit), dated.time <= _unit(seal.to_ms, unit))
        for seal in seals
    ]
    return or_(false(), *spans)


def _alarm_held(seals: Sequence[Seal]) -> ColumnElement[bool]:
    spans = [
        and_(alarms.c.vehicle_id.in_(seal.keys), alarms.c.onset_ms <= seal.to_ms, seal.from_ms <= _OVER)
        for seal in seals
    ]
    return or_(false(), *spans)


def _unit(at_ms: int, unit: int) -> int:
    return at_ms if unit == 1 else (at_ms + 28_800_000) // unit


def _start_ms(day: int) -> int:
    return day * DAY_MS - 28_800_000
