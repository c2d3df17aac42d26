"""How far the journal was forwarded over each link."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from monitor.store.database import Database
from monitor.store.exchange_tables import forward_cursors


@dataclass(frozen=True, slots=True)
class ForwardCursor:
    """Every journal record up to ``journal_offset`` was taken by the link; ``clock_ms`` is of that record, ``sent_ms``
    when the cursor was put there."""

    link: str
    journal_offset: int
    clock_ms: int
    sent_ms: int


def forward_cursor(database: Database, link: str) -> ForwardCursor | None:
    """Where a link stands; None if nothing was ever forwarded over it."""
    columns = forward_cursors.c
    query = select(columns.link, columns.journal_offset, columns.clock_ms, columns.sent_ms)
    with database.read() as connection:
        row = connection.execute(query.where(columns.link == link)).one_or_none()
    return None if row is None else ForwardCursor(*row)


def put_forward_cursor(database: Database, cursor: ForwardCursor) -> None:
    """Move a cursor, forwards or (to send again what a broken link may have lost) backwards."""
    values = {
        "link": cursor.link,
        "journal_offset": cursor.journal_offset,
        "clock_ms": cursor.clock_ms,
        "sent_ms": cursor.sent_ms,
    }
    with database.write() as connection:
        connection.execute(database.upsert(forward_cursors), [values])
