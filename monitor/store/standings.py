"""What one receiver has heard of which alarm, and what was kept back from it: written with its cursor.

One worker writes for a receiver, so nothing here changes between two of its calls but the outbox itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec
from sqlalchemy import ColumnElement, Connection, case, delete, func, select, tuple_, update

from monitor.alarms.dispatch import Hearing, Standing
from monitor.alarms.limits import Budget
from monitor.model.alarm import AlarmState, Grade
from monitor.model.push import PushKind, PushMessage
from monitor.store.database import Database
from monitor.store.delivery_tables import alarm_standings, sink_budgets
from monitor.store.outbox import SinkCursor, advance_cursor, cursor_of, waiting_for
from monitor.store.outbox_writer import OutboxRow, append_outbox
from monitor.store.tables import alarms, outbox

_KEYS_AT_ONCE = 200
_FORGOTTEN_AT_ONCE = 10_000
_COLUMNS = [column for column in alarm_standings.columns if column.name != "sink"]


@dataclass(frozen=True, slots=True)
class DueDigest:
    """A digest whose time has come. ``alone`` is the one alarm that it would tell of, where it is but one."""

    digest: str
    due_ms: int
    alarms: int
    alone: Standing | None


@dataclass(slots=True)
class DigestCounts:
    """What a digest tells: alarms by what happened to them since the last one. ``ids`` is bounded."""

    begun: int = 0
    ended: int = 0
    changed: int = 0
    by_rule: Counter[str] = field(default_factory=Counter)
    by_grade: Counter[Grade] = field(default_factory=Counter)
    by_enterprise: Counter[str] = field(default_factory=Counter)
    ids: tuple[str, ...] = ()
    since_ms: int = 0

    @property
    def alarms(self) -> int:
        return self.by_grade.total()


class Standings:
    """Of one sink. Methods block and raise ``StoreError``."""

    def __init__(self, database: Database, sink: str) -> None:
        self._database = database
        self._sink = sink

    def load(self, alarm_ids: Sequence[str]) -> dict[str, Standing]:
        """Those of the given alarms that there are."""
        found: dict[str, Standing] = {}
        wanted = sorted(set(alarm_ids))
        with self._database.read() as connection:
            for start in range(0, len(wanted), _KEYS_AT_ONCE):
                part = wanted[start : start + _KEYS_AT_ONCE]
                for one in self._select(connection, alarm_standings.c.alarm_id.in_(part)):
                    found[one.alarm_id] = one
        return found

    def budget(self) -> Budget | None:
        """What the cap left; None if it never told."""
        query = select(sink_budgets.c.tokens, sink_budgets.c.at_ms).where(sink_budgets.c.sink == self._sink)
        with self._database.read() as connection:
            row = connection.execute(query).one_or_none()
        return None if row is None else Budget(*row)

    def passed(self, outbox_id: int, after: Mapping[str, Standing | None], budget: Budget | None) -> None:
        """The cursor moves, and ``after`` it the receiver stands so to these alarms."""
        with self._database.write() as connection:
            advance_cursor(self._database, connection, self._sink, outbox_id)
            self._write(connection, after, budget)

    def kept_back(self, after_id: str, limit: int) -> tuple[Standing, ...]:
        """Editions that a silence keeps back, by alarm id from the one after ``after_id``."""
        columns = alarm_standings.c
        wanted = (
            columns.hearing.in_((Hearing.SILENCED.value, Hearing.TOLD.value))
            & (columns.data != "")
            & (columns.alarm_id > after_id)
        )
        with self._database.read() as connection:
            return tuple(self._select(connection, wanted, limit))

    def release(
        self,
        after: Mapping[str, Standing | None],
        messages: Mapping[str, PushMessage],
        budget: Budget | None,
        now_ms: int,
    ) -> int:
        """Put ``messages``, by alarm id, into the outbox for this sink alone; ``after`` says how it stands then.

        Alarms of which a newer edition waits in the outbox are left alone: that one brings it. Returns how many went.
        """
        with self._database.write() as connection:
            cursor = cursor_of(connection, self._sink) or SinkCursor(self._sink)
            columns = outbox.c
            query = select(columns.key).where(
                waiting_for(cursor), columns.kind == PushKind.ALARM.value, columns.key.in_(sorted(after))
            )
            newer = set(connection.execute(query).scalars())
            rows = [OutboxRow(one, 0, now_ms, self._sink) for key, one in messages.items() if key not in newer]
            append_outbox(self._database, connection, rows)
            self._write(connection, {key: one for key, one in after.items() if key not in newer}, budget)
        return len(rows)

    def due(self, now_ms: int, limit: int) -> tuple[DueDigest, ...]:
        """Digests whose time has come, the longest due first."""
        columns = alarm_standings.c
        first_ms = func.min(columns.due_ms)
        query = (
            select(columns.digest, first_ms, func.count())
            .where(columns.sink == self._sink, columns.due_ms.is_not(None))
            .group_by(columns.digest)
            .having(first_ms <= now_ms)
            .order_by(first_ms, columns.digest)
            .limit(limit)
        )
        with self._database.read() as connection:
            found = connection.execute(query).all()
            return tuple(
                DueDigest(digest, due_ms, n, next(self._select(connection, _pending(digest), 1)) if n == 1 else None)
                for digest, due_ms, n in found
            )

    def next_due_ms(self) -> int | None:
        """When the next digest falls due."""
        columns = alarm_standings.c
        query = select(func.min(columns.due_ms)).where(columns.sink == self._sink, columns.due_ms.is_not(None))
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def counts(self, digest: str, most_ids: int) -> DigestCounts:
        """What a digest has to tell. Sums are made in the database, so its length costs no memory."""
        columns = alarm_standings.c
        mine = (columns.sink == self._sink) & _pending(digest)
        happened = case((columns.begun, 0), (columns.ended, 1), else_=2)
        ended = func.sum(case((columns.ended, 1), else_=0))
        query = select(
            happened,
            columns.rule,
            columns.grade,
            columns.enterprise_id,
            func.count(),
            ended,
            func.min(columns.since_ms),
        )
        query = query.where(mine).group_by(happened, columns.rule, columns.grade, columns.enterprise_id)
        found = DigestCounts()
        first: list[int] = []
        with self._database.read() as connection:
            for what, rule, grade, enterprise_id, n, n_ended, since_ms in connection.execute(query):
                found.begun += n if what == 0 else 0
                found.ended += n_ended
                found.changed += n if what == 2 else 0
                found.by_rule[rule] += n
                found.by_grade[Grade(grade)] += n
                found.by_enterprise[enterprise_id] += n
                first.append(since_ms)
            worst = select(columns.alarm_id).where(mine)
            worst = worst.order_by(columns.grade.desc(), columns.since_ms, columns.alarm_id).limit(most_ids)
            found.ids = tuple(connection.execute(worst).scalars())
        found.since_ms = min(first, default=0)
        return found

    def tell(self, digest: str, message: PushMessage, budget: Budget | None, now_ms: int) -> None:
        """Put a digest into the outbox for this sink alone; what it told of is told."""
        columns = alarm_standings.c
        mine = (columns.sink == self._sink) & _pending(digest)
        with self._database.write() as connection:
            append_outbox(self._database, connection, [OutboxRow(message, 0, now_ms, self._sink)])
            connection.execute(delete(alarm_standings).where(mine, columns.ended))
            told = {"due_ms": None, "begun": False, "topic": "", "data": ""}
            connection.execute(update(alarm_standings).where(mine).values(told))
            self._write(connection, {}, budget)

    def put_off(self, digest: str, due_ms: int) -> None:
        """A group that the cap has no room for goes into the receiver's own digest."""
        values = {"digest": "", "due_ms": due_ms, "hearing": Hearing.CAPPED.value, "topic": "", "data": ""}
        mine = (alarm_standings.c.sink == self._sink) & _pending(digest)
        with self._database.write() as connection:
            connection.execute(update(alarm_standings).where(mine).values(values))

    def _select(
        self, connection: Connection, wanted: ColumnElement[bool], limit: int | None = None
    ) -> Iterator[Standing]:
        columns = alarm_standings.c
        query = select(*_COLUMNS).where(columns.sink == self._sink, wanted).order_by(columns.alarm_id).limit(limit)
        return (msgspec.convert(row, Standing) for row in connection.execute(query).mappings())

    def _write(self, connection: Connection, after: Mapping[str, Standing | None], budget: Budget | None) -> None:
        kept = [_values(self._sink, one) for one in after.values() if one is not None]
        if kept:
            connection.execute(self._database.upsert(alarm_standings), kept)
        gone = [key for key, one in after.items() if one is None]
        for start in range(0, len(gone), _KEYS_AT_ONCE):
            part = gone[start : start + _KEYS_AT_ONCE]
            columns = alarm_standings.c
            connection.execute(delete(alarm_standings).where(columns.sink == self._sink, columns.alarm_id.in_(part)))
        if budget is not None:
            values = {"sink": self._sink, "tokens": budget.tokens, "at_ms": budget.at_ms}
            connection.execute(self._database.upsert(sink_budgets), [values])


def forget_standings(database: Database, sinks: Collection[str]) -> int:
    """Delete what nobody will ask for: of receivers that are none of ``sinks``, and of alarms that are over while the
    outbox has nothing more of them, as where the end became a dead letter. Returns how many."""
    columns = alarm_standings.c
    known = select(outbox.c.key).where(outbox.c.kind == PushKind.ALARM.value)
    lasting = select(alarms.c.alarm_id).where(alarms.c.state == AlarmState.ACTIVE.value)
    over = (columns.hearing == Hearing.TOLD.value) & columns.alarm_id.not_in(known) & columns.alarm_id.not_in(lasting)
    query = select(columns.sink, columns.alarm_id).where(columns.sink.not_in(sorted(sinks)) | over)
    with database.read() as connection:
        doomed = [(sink, key) for sink, key in connection.execute(query.limit(_FORGOTTEN_AT_ONCE))]
    for start in range(0, len(doomed), _KEYS_AT_ONCE):
        part = doomed[start : start + _KEYS_AT_ONCE]
        with database.write() as connection:
            statement = delete(alarm_standings).where(tuple_(columns.sink, columns.alarm_id).in_(part))
            connection.execute(statement)
    return len(doomed)


def _pending(digest: str) -> ColumnElement[bool]:
    return (alarm_standings.c.digest == digest) & alarm_standings.c.due_ms.is_not(None)


def _values(sink: str, one: Standing) -> dict[str, object]:
    return {
        "sink": sink,
        "alarm_id": one.alarm_id,
        "hearing": one.hearing.value,
        "sequence": one.sequence,
        "rule": one.rule,
        "grade": int(one.grade),
        "enterprise_id": one.enterprise_id,
        "since_ms": one.since_ms,
        "begun": one.begun,
        "ended": one.ended,
        "digest": one.digest,
        "due_ms": one.due_ms,
        "topic": one.topic,
        "data": one.data,
    }
