"""Which of our alarms a message to another platform carried, so that orders about it find it again."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, Executable, delete, func, insert, select

from monitor.store.database import Database
from monitor.store.exchange_rows import columns_of, fitted
from monitor.store.exchange_tables import sent_references


@dataclass(frozen=True, slots=True)
class SentReference:
    """One alarm as it went out: by (``msg_type``, ``sn``) within an epoch, one run of the link's sequence numbers."""

    link: str
    msg_type: int
    sn: int
    info_id: int
    alarm_id: str
    sequence: int
    plate: str
    plate_color: int
    warn_type: int
    warn_ms: int
    sent_ms: int
    epoch: int = 0


_REFERENCE = SentReference.__match_args__


def add_reference(database: Database, reference: SentReference) -> None:
    """Keep a reference. Sequence numbers that do not rise begin a new epoch, named by the time of its first message."""
    table = sent_references.c
    with database.write() as connection:
        latest = (
            select(table.epoch, func.max(table.sn))
            .where(table.link == reference.link, table.msg_type == reference.msg_type)
            .group_by(table.epoch)
            .order_by(table.epoch.desc())
            .limit(1)
        )
        row = connection.execute(latest).first()
        epoch = reference.sent_ms if row is None else row[0]
        if row is not None and reference.sn <= row[1]:
            epoch = max(reference.sent_ms, row[0] + 1)
        values = fitted(sent_references, {name: getattr(reference, name) for name in _REFERENCE})
        connection.execute(insert(sent_references).values(values | {"epoch": epoch}))


def reference_by_message(connection: Connection, link: str, msg_type: int, sn: int) -> SentReference | None:
    """The alarm that a message of ours carried, of the newest epoch (2019)."""
    table = sent_references.c
    query = select(*columns_of(sent_references, _REFERENCE)).where(
        table.link == link, table.msg_type == msg_type, table.sn == sn
    )
    return _first(connection, query.order_by(table.epoch.desc()).limit(1))


def reference_by_vehicle(
    connection: Connection, link: str, plate: str, warn_type: int, warn_ms: int
) -> SentReference | None:
    """The alarm of a vehicle, type and time, as orders of 2011 name it; seconds are all that 809 carries."""
    table = sent_references.c
    second_ms = warn_ms // 1000 * 1000
    query = select(*columns_of(sent_references, _REFERENCE)).where(
        table.link == link,
        table.plate == plate,
        table.warn_type == warn_type,
        table.warn_ms >= second_ms,
        table.warn_ms < second_ms + 1000,
    )
    return _first(connection, query.order_by(table.sent_ms.desc()).limit(1))


def reference_of_alarm(database: Database, link: str, alarm_id: str) -> SentReference | None:
    """The last message that carried an alarm over a link; None if none did."""
    table = sent_references.c
    query = select(*columns_of(sent_references, _REFERENCE)).where(table.link == link, table.alarm_id == alarm_id)
    with database.read() as connection:
        return _first(connection, query.order_by(table.sent_ms.desc(), table.sequence.desc()).limit(1))


def forget_references(database: Database, sent_before_ms: int) -> int:
    """Delete what is too old for an order to come; returns how many went."""
    with database.write() as connection:
        return connection.execute(delete(sent_references).where(sent_references.c.sent_ms < sent_before_ms)).rowcount


def _first(connection: Connection, query: Executable) -> SentReference | None:
    row = connection.execute(query).mappings().first()
    return None if row is None else msgspec.convert(row, SentReference)
