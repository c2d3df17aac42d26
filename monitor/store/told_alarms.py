"""What a receiver was told of the alarms that last, to tell it again when it has forgotten."""

from __future__ import annotations

import msgspec
from sqlalchemy import and_, select

from monitor.alarms.dispatch import Hearing
from monitor.model.push import PushKind, PushMessage, topic_level
from monitor.store.database import Database
from monitor.store.delivery_tables import alarm_standings
from monitor.store.tables import alarm_changes


class _Place(msgspec.Struct):
    enterprise_id: str | None = None
    vehicle_id: str | None = None


def told_alarms(database: Database, sink: str) -> tuple[PushMessage, ...]:
    """The newest edition of each alarm that lasts and that the sink was told of, oldest first.

    Raises ``StoreError``.
    """
    standing, change = alarm_standings.c, alarm_changes.c
    same = and_(change.alarm_id == standing.alarm_id, change.sequence == standing.sequence)
    query = (
        select(standing.alarm_id, standing.sequence, change.record)
        .select_from(alarm_standings.join(alarm_changes, same))
        .where(standing.sink == sink, standing.hearing == Hearing.TOLD.value)
        .order_by(change.at_ms, standing.alarm_id)
    )
    with database.read() as connection:
        return tuple(_message(*row) for row in connection.execute(query))


def _message(alarm_id: str, sequence: int, record: str) -> PushMessage:
    place = msgspec.json.decode(record, type=_Place)
    topic = f"alarms/{topic_level(place.enterprise_id or '')}/{topic_level(place.vehicle_id or '')}"
    return PushMessage(PushKind.ALARM, alarm_id, topic, record, sequence)
