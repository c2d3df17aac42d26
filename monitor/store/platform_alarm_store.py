"""Alarms that other platforms reported, and what they say became of them."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, insert, select, update

from monitor.model.exchange import AlarmResult, ReportedAlarm, WarnSource
from monitor.store.database import Database
from monitor.store.exchange_rows import Page, columns_of, count, fitted
from monitor.store.exchange_tables import platform_alarms


@dataclass(frozen=True, slots=True)
class PlatformAlarm:
    """One reported alarm. ``msg_type`` is the message that brought it; a result that belongs to no alarm we know has
    a row of its own, of type 0x1403 or 0x1412 without ``warn_type``."""

    report_id: int
    link: str
    msg_type: int
    sn: int
    info_id: int
    source_type: int
    source_sn: int
    platform_id: str
    plate: str
    plate_color: int
    vehicle_id: str
    warn_type: int
    warn_source: int
    warn_ms: int
    start_ms: int
    end_ms: int
    content: str
    at_ms: int
    result: int | None = None
    result_ms: int | None = None


_ALARM = PlatformAlarm.__match_args__
_RESULT_2011 = 0x1403
_RESULT_2019 = 0x1412


def add_platform_alarm(connection: Connection, link: str, alarm: ReportedAlarm, vehicle_id: str) -> bool:
    """Keep a reported alarm within a transaction; False if it is the same one again.

    There is no receipt for alarms, so senders repeat what they wrote around a broken link, in 2011 under its old
    ``info_id`` and in 2019 under any number; what it says tells it.
    """
    table = platform_alarms.c
    values = fitted(
        platform_alarms,
        {
            "link": link,
            "msg_type": alarm.msg_type,
            "sn": alarm.sn,
            "info_id": alarm.info_id,
            "source_type": 0,
            "source_sn": 0,
            "platform_id": alarm.platform_id,
            "plate": alarm.plate,
            "plate_color": alarm.plate_color,
            "vehicle_id": vehicle_id,
            "warn_type": alarm.warn_type,
            "warn_source": int(alarm.warn_source),
            "warn_ms": alarm.warn_ms,
            "start_ms": alarm.start_ms,
            "end_ms": alarm.end_ms,
            "content": alarm.content,
            "at_ms": alarm.at_ms,
        },
    )
    told_by = ("link", "msg_type", "info_id", "plate", "plate_color", "warn_type", "warn_ms", "end_ms", "content")
    same = [table[name] == values[name] for name in told_by]
    if connection.execute(select(table.report_id).where(*same)).first() is not None:
        return False
    connection.execute(insert(platform_alarms).values(values))
    return True


def take_alarm_result(connection: Connection, link: str, result: AlarmResult, vehicle_id: str) -> bool:
    """Enter what became of a reported alarm; a result of one that we do not know is kept as its own row."""
    table = platform_alarms.c
    if result.info_id:
        where = [table.link == link, table.info_id == result.info_id, table.warn_type != 0]
    else:
        where = [table.link == link, table.msg_type == result.source_type, table.sn == result.source_sn]
    found = select(table.report_id, table.result).where(*where).order_by(table.report_id.desc()).limit(1)
    row = connection.execute(found).first()
    if row is not None:
        if row.result == result.result:
            return False
        changed = update(platform_alarms).where(table.report_id == row.report_id)
        connection.execute(changed.values(result=result.result, result_ms=result.at_ms))
        return True
    values = fitted(
        platform_alarms,
        {
            "link": link,
            "msg_type": _RESULT_2011 if result.info_id else _RESULT_2019,
            "sn": 0,
            "info_id": result.info_id,
            "source_type": result.source_type,
            "source_sn": result.source_sn,
            "platform_id": "",
            "plate": result.plate,
            "plate_color": result.plate_color,
            "vehicle_id": vehicle_id,
            "warn_type": 0,
            "warn_source": int(WarnSource.OTHER),
            "warn_ms": 0,
            "start_ms": 0,
            "end_ms": 0,
            "content": "",
            "at_ms": result.at_ms,
            "result": result.result,
            "result_ms": result.at_ms,
        },
    )
    told_by = ("link", "msg_type", "info_id", "source_type", "source_sn", "result")
    if connection.execute(select(table.report_id).where(*(table[name] == values[name] for name in told_by))).first():
        return False
    connection.execute(insert(platform_alarms).values(values))
    return True


def platform_alarm_by_message(connection: Connection, link: str, msg_type: int, sn: int) -> PlatformAlarm | None:
    """The alarm that a message brought, the last one of that number."""
    table = platform_alarms.c
    query = select(*columns_of(platform_alarms, _ALARM)).where(
        table.link == link, table.msg_type == msg_type, table.sn == sn
    )
    row = connection.execute(query.order_by(table.report_id.desc()).limit(1)).mappings().first()
    return None if row is None else msgspec.convert(row, PlatformAlarm)


def platform_alarm_of_vehicle(
    connection: Connection, link: str, vehicle_id: str, warn_type: int, warn_ms: int, within_ms: int
) -> PlatformAlarm | None:
    """The alarm of a vehicle and type that a platform reported nearest to a moment."""
    table = platform_alarms.c
    query = select(*columns_of(platform_alarms, _ALARM)).where(
        table.link == link,
        table.vehicle_id == vehicle_id,
        table.warn_type == warn_type,
        table.warn_ms >= warn_ms - within_ms,
        table.warn_ms <= warn_ms + within_ms,
    )
    rows = connection.execute(query.order_by(table.report_id)).mappings().all()
    found = [msgspec.convert(row, PlatformAlarm) for row in rows]
    return min(found, key=lambda one: abs(one.warn_ms - warn_ms), default=None)


def find_platform_alarms(
    database: Database,
    *,
    link: str = "",
    plate: str = "",
    vehicle_id: str = "",
    from_ms: int | None = None,
    to_ms: int | None = None,
    limit: int = 100,
    offset: int = 0,
) -> Page[PlatformAlarm]:
    """Reported alarms received in ``[from_ms, to_ms)``, the newest first."""
    table = platform_alarms.c
    where: list[ColumnElement[bool]] = []
    for column, wanted in ((table.link, link), (table.plate, plate), (table.vehicle_id, vehicle_id)):
        if wanted:
            where.append(column == wanted)
    if from_ms is not None:
        where.append(table.at_ms >= from_ms)
    if to_ms is not None:
        where.append(table.at_ms < to_ms)
    query = select(*columns_of(platform_alarms, _ALARM)).where(*where)
    with database.read() as connection:
        total = count(connection, platform_alarms, where)
        ordered = query.order_by(table.at_ms.desc(), table.report_id.desc()).limit(limit).offset(offset)
        rows = connection.execute(ordered).mappings()
        return Page(total, tuple(msgspec.convert(row, PlatformAlarm) for row in rows))
