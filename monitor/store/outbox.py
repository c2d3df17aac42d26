"""The reader's side of the outbox: each sink has its own cursor, so none waits for another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, func, insert, select

from monitor.model.outbox import Cause
from monitor.model.push import PushKind, PushMessage
from monitor.store.database import Database
from monitor.store.delivery_tables import dead_letters
from monitor.store.tables import outbox, sink_cursors

DELETED_AT_ONCE = 10_000
"""Rows deleted in one transaction, so that the writer never waits long for the retention. A guess."""
_MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class PendingPush:
    """A message that a sink has not passed yet."""

    outbox_id: int
    message: PushMessage
    created_ms: int
    direct: bool = False


@dataclass(frozen=True, slots=True)
class SinkCursor:
    """Where a sink stands: last message passed, failed attempts at the next one, and not to try before.

    ``answered_ms`` is the first of those attempts that reached the receiver.
    """

    sink: str
    outbox_id: int = 0
    attempts: int = 0
    next_try_ms: int = 0
    last_error: str = ""
    first_try_ms: int = 0
    answered_ms: int = 0


@dataclass(frozen=True, slots=True)
class Backlog:
    """Messages that a sink has not passed; ``oldest_ms`` is when the first of them was made, None if there is none."""

    messages: int
    oldest_ms: int | None


class Outbox:
    """Messages in the order committed, and the cursors of the sinks."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def register(self, sink: str, *, from_start: bool = True) -> SinkCursor:
        """The cursor of a sink. A new sink gets all that is kept, or only what comes from now on."""
        with self._database.write() as connection:
            found = cursor_of(connection, sink)
            if found is not None:
                return found
            cursor = SinkCursor(sink, 0 if from_start else _newest(connection))
            self._put(connection, cursor)
            return cursor

    def cursor(self, sink: str) -> SinkCursor:
        """Where the sink stands; at the very start if it was never registered."""
        with self._database.read() as connection:
            return cursor_of(connection, sink) or SinkCursor(sink)

    def read(self, sink: str, limit: int = 500) -> tuple[PendingPush, ...]:
        """The next messages for the sink after its cursor, in order."""
        with self._database.read() as connection:
            cursor = cursor_of(connection, sink) or SinkCursor(sink)
            return _messages(connection, cursor, limit)

    def advance(self, sink: str, outbox_id: int) -> None:
        """The sink has passed everything up to ``outbox_id``; a smaller id than the cursor's changes nothing."""
        with self._database.write() as connection:
            advance_cursor(self._database, connection, sink, outbox_id)

    def record_failure(self, sink: str, reason: str, at_ms: int, next_try_ms: int, reached: bool = True) -> SinkCursor:
        """One more failed attempt at the message after the cursor; returns the cursor with the attempts so far.

        ``reached`` says that the receiver was there: the message may be at fault.
        """
        with self._database.write() as connection:
            cursor = cursor_of(connection, sink) or SinkCursor(sink)
            failed = SinkCursor(
                sink,
                cursor.outbox_id,
                cursor.attempts + 1,
                next_try_ms,
                reason[:_MAX_REASON],
                cursor.first_try_ms or at_ms,
                cursor.answered_ms or (at_ms if reached else 0),
            )
            self._put(connection, failed)
            return failed

    def bury(self, sink: str, pending: PendingPush, cause: Cause, reason: str, at_ms: int) -> None:
        """Keep a message that the receiver does not take as a dead letter, whole, and pass it."""
        message = pending.message
        with self._database.write() as connection:
            cursor = cursor_of(connection, sink) or SinkCursor(sink)
            row = {
                "sink": sink,
                "kind": message.kind.value,
                "key": message.id,
                "sequence": message.sequence,
                "topic": message.topic,
                "data": message.data,
                "created_ms": pending.created_ms,
                "cause": cause.value,
                "reason": reason[:_MAX_REASON],
                # A message given up has its last attempt on record already.
                "attempts": cursor.attempts + (cause is Cause.REFUSED),
                "first_try_ms": cursor.first_try_ms or at_ms,
                "last_try_ms": at_ms,
                "state": "waiting",
                "decided_by": "",
                "note": "",
            }
            connection.execute(insert(dead_letters), [row])
            advance_cursor(self._database, connection, sink, pending.outbox_id)

    def backlog(self, sink: str) -> Backlog:
        """What the sink has still to send."""
        with self._database.read() as connection:
            cursor = cursor_of(connection, sink) or SinkCursor(sink)
            query = select(func.count(), func.min(outbox.c.created_ms)).where(waiting_for(cursor))
            messages, oldest_ms = connection.execute(query).one()
            return Backlog(messages, oldest_ms)

    def delete_passed(self, sinks: Sequence[str], created_before_ms: int) -> int:
        """Delete messages that all of ``sinks`` have passed and that are older than the bound; returns how many.

        ``sinks`` are those configured now: the cursor of one taken out of service holds nothing back.
        """
        deleted = 0
        while True:
            with self._database.write() as connection:
                passed = min(
                    ((cursor_of(connection, sink) or SinkCursor(sink)).outbox_id for sink in sinks),
                    default=_newest(connection),
                )
                doomed = (
                    select(outbox.c.outbox_id)
                    .where(outbox.c.outbox_id <= passed, outbox.c.created_ms < created_before_ms)
                    .order_by(outbox.c.outbox_id)
                    .limit(DELETED_AT_ONCE)
                )
                count = connection.execute(delete(outbox).where(outbox.c.outbox_id.in_(doomed))).rowcount
            deleted += count
            if count < DELETED_AT_ONCE:
                return deleted

    def _put(self, connection: Connection, cursor: SinkCursor) -> None:
        connection.execute(self._database.upsert(sink_cursors), [_values(cursor)])


def advance_cursor(database: Database, connection: Connection, sink: str, outbox_id: int) -> None:
    """Within a transaction: the sink has passed everything up to ``outbox_id``."""
    statement = database.upsert(sink_cursors, newer=sink_cursors.c.outbox_id)
    connection.execute(statement, [_values(SinkCursor(sink, outbox_id))])


def waiting_for(cursor: SinkCursor) -> ColumnElement[bool]:
    """Messages that a sink has still to pass."""
    return (outbox.c.outbox_id > cursor.outbox_id) & outbox.c.sink.in_(("", cursor.sink))


def _values(cursor: SinkCursor) -> dict[str, object]:
    return {
        "sink": cursor.sink,
        "outbox_id": cursor.outbox_id,
        "attempts": cursor.attempts,
        "next_try_ms": cursor.next_try_ms,
        "last_error": cursor.last_error,
        "first_try_ms": cursor.first_try_ms,
        "answered_ms": cursor.answered_ms,
    }


def cursor_of(connection: Connection, sink: str) -> SinkCursor | None:
    columns = sink_cursors.c
    query = select(
        columns.outbox_id,
        columns.attempts,
        columns.next_try_ms,
        columns.last_error,
        columns.first_try_ms,
        columns.answered_ms,
    )
    row = connection.execute(query.where(columns.sink == sink)).one_or_none()
    return None if row is None else SinkCursor(sink, *row)


def _newest(connection: Connection) -> int:
    return connection.execute(select(func.max(outbox.c.outbox_id))).scalar() or 0


def _messages(connection: Connection, cursor: SinkCursor, limit: int) -> tuple[PendingPush, ...]:
    columns = outbox.c
    query = (
        select(
            columns.outbox_id,
            columns.kind,
            columns.key,
            columns.topic,
            columns.data,
            columns.sequence,
            columns.created_ms,
            columns.sink,
        )
        .where(waiting_for(cursor))
        .order_by(columns.outbox_id)
        .limit(limit)
    )
    return tuple(
        PendingPush(outbox_id, PushMessage(PushKind(kind), key, topic, data, sequence), created_ms, sink != "")
        for outbox_id, kind, key, topic, data, sequence, created_ms, sink in connection.execute(query)
    )
