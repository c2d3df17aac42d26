"""The writer's side of the outbox: rows go in with the step that they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, tuple_

from monitor.model.push import PushMessage
from monitor.store.database import Database
from monitor.store.tables import outbox, push_sequences

_KEYS_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message on its way into the outbox, the journal offset it comes from, and when it was made.

    ``sink`` is the one receiver that it is for; empty for all.
    """

    message: PushMessage
    journal_offset: int
    created_ms: int
    sink: str = ""


def append_outbox(database: Database, connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Append rows in order within a transaction; messages of sequence 0 get the next one of their id."""
    if not rows:
        return
    sequences = _last_sequences(connection, {_key(row) for row in rows if row.message.sequence == 0})
    values: list[dict[str, object]] = []
    for row in rows:
        message = row.message
        sequence = message.sequence
        if sequence == 0:
            sequence = sequences[_key(row)] = sequences.get(_key(row), 0) + 1
        values.append(
            {
                "kind": message.kind.value,
                "key": message.id,
                "sequence": sequence,
                "topic": message.topic,
                "data": message.data,
                "journal_offset": row.journal_offset,
                "created_ms": row.created_ms,
                "sink": row.sink,
            }
        )
    connection.execute(insert(outbox), values)
    if sequences:
        connection.execute(
            database.upsert(push_sequences),
            [{"kind": kind, "key": key, "sequence": sequence} for (kind, key), sequence in sequences.items()],
        )


def _key(row: OutboxRow) -> tuple[str, str]:
    return row.message.kind.value, row.message.id


def _last_sequences(connection: Connection, keys: set[tuple[str, str]]) -> dict[tuple[str, str], int]:
    wanted = sorted(keys)
    columns = push_sequences.c
    found: dict[tuple[str, str], int] = {}
    for start in range(0, len(wanted), _KEYS_AT_ONCE):
        part = wanted[start : start + _KEYS_AT_ONCE]
        query = select(columns.kind, columns.key, columns.sequence).where(tuple_(columns.kind, columns.key).in_(part))
        found.update({(kind, key): sequence for kind, key, sequence in connection.execute(query)})
    return found
