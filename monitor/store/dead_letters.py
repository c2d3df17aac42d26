"""Dead letters: messages that a receiver did not take, to be read by a person, sent again or discarded.

One sent again goes to the end of that receiver's outbox with the key and sequence that it had. What happened to its
alarm since has a higher sequence and has arrived before, so a receiver that drops what is not newer drops it rightly.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, RowMapping, delete, func, select, update

from monitor.model.outbox import Cause
from monitor.model.push import PushKind, PushMessage
from monitor.store.database import Database
from monitor.store.delivery_tables import dead_letters
from monitor.store.outbox_writer import OutboxRow, append_outbox

AT_ONCE = 500
"""Letters decided on in one transaction, so that the writer of alarms never waits long. A guess."""


class LetterState(StrEnum):
    """What became of a dead letter; the last two are a person's decision."""

    WAITING = "waiting"
    RESENT = "resent"
    DISCARDED = "discarded"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """``message.data`` is empty where an earlier version kept the refusal alone. Times are epoch ms."""

    letter_id: int
    sink: str
    message: PushMessage
    created_ms: int
    cause: Cause
    reason: str
    attempts: int
    first_try_ms: int
    last_try_ms: int
    state: LetterState
    decided_ms: int | None
    decided_by: str
    note: str


@dataclass(frozen=True, slots=True)
class DeadLetterPage:
    total: int
    letters: tuple[DeadLetter, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters a decision is about: those of ``ids``, or all that wait for ``sink``."""

    ids: tuple[int, ...] = ()
    sink: str = ""


def find_dead_letters(
    database: Database, *, sink: str = "", state: LetterState | None = None, limit: int = 100, offset: int = 0
) -> DeadLetterPage:
    """The newest first."""
    columns = dead_letters.c
    query = select(dead_letters)
    if sink:
        query = query.where(columns.sink == sink)
    if state is not None:
        query = query.where(columns.state == state.value)
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(query.subquery())).scalar_one()
        page = query.order_by(columns.letter_id.desc()).limit(limit).offset(offset)
        return DeadLetterPage(total, tuple(_letter(row) for row in connection.execute(page).mappings()))


def dead_letter(database: Database, letter_id: int) -> DeadLetter | None:
    """One letter."""
    with database.read() as connection:
        query = select(dead_letters).where(dead_letters.c.letter_id == letter_id)
        row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _letter(row)


def letters_waiting(database: Database) -> dict[str, int]:
    """How many wait for a decision, by receiver."""
    columns = dead_letters.c
    query = select(columns.sink, func.count()).where(columns.state == LetterState.WAITING.value).group_by(columns.sink)
    with database.read() as connection:
        return {str(sink): int(n) for sink, n in connection.execute(query)}


def resend(database: Database, choice: Choice, sinks: Collection[str], by: str, note: str, now_ms: int) -> int:
    """Put letters that wait, are whole and are for one of ``sinks`` into its outbox again; returns how many."""
    done = 0
    while True:
        with database.write() as connection:
            found = _waiting(connection, choice, sinks)
            append_outbox(database, connection, [OutboxRow(one.message, 0, now_ms, one.sink) for one in found])
            _decide(connection, [one.letter_id for one in found], LetterState.RESENT, by, note, now_ms)
        done += len(found)
        if len(found) < AT_ONCE:
            return done


def discard(database: Database, choice: Choice, by: str, note: str, now_ms: int) -> int:
    """Decide that letters that wait are not to be sent; they stay on record. Returns how many."""
    done = 0
    while True:
        with database.write() as connection:
            found = [one.letter_id for one in _waiting(connection, choice, None)]
            _decide(connection, found, LetterState.DISCARDED, by, note, now_ms)
        done += len(found)
        if len(found) < AT_ONCE:
            return done


def forget_letters(database: Database, before_ms: int) -> int:
    """Delete those whose last attempt lies before a moment; returns how many."""
    done = 0
    while True:
        with database.write() as connection:
            columns = dead_letters.c
            doomed = select(columns.letter_id).where(columns.last_try_ms < before_ms).limit(AT_ONCE)
            count = connection.execute(delete(dead_letters).where(columns.letter_id.in_(doomed))).rowcount
        done += count
        if count < AT_ONCE:
            return done


def _waiting(connection: Connection, choice: Choice, sinks: Collection[str] | None) -> list[DeadLetter]:
    columns = dead_letters.c
    query = select(dead_letters).where(columns.state == LetterState.WAITING.value)
    query = query.where(columns.letter_id.in_(choice.ids) if choice.ids else columns.sink == choice.sink)
    if sinks is not None:
        query = query.where(columns.sink.in_(sorted(sinks)), columns.data != "")
    rows = connection.execute(query.order_by(columns.letter_id).limit(AT_ONCE)).mappings()
    return [_letter(row) for row in rows]


def _decide(connection: Connection, ids: list[int], state: LetterState, by: str, note: str, now_ms: int) -> None:
    if ids:
        values = {"state": state.value, "decided_by": by, "note": note, "decided_ms": now_ms}
        connection.execute(update(dead_letters).where(dead_letters.c.letter_id.in_(ids)).values(values))


def _letter(row: RowMapping) -> DeadLetter:
    message = PushMessage(PushKind(row["kind"]), row["key"], row["topic"], row["data"], row["sequence"])
    return DeadLetter(
        letter_id=row["letter_id"],
        sink=row["sink"],
        message=message,
        created_ms=row["created_ms"],
        cause=Cause(row["cause"]),
        reason=row["reason"],
        attempts=row["attempts"],
        first_try_ms=row["first_try_ms"],
        last_try_ms=row["last_try_ms"],
        state=LetterState(row["state"]),
        decided_ms=row["decided_ms"],
        decided_by=row["decided_by"],
        note=row["note"],
    )
