"""Orders to terminals in the tables. A state changes only from the state that the writer saw, so no change is lost."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, delete, func, insert, select, update

from monitor.model.downlink import Downlink, DownlinkKind, DownlinkState
from monitor.store.database import Database
from monitor.store.terminal_store import in_registry
from monitor.store.terminal_tables import OPEN, downlinks

_NAMES = tuple(item.name for item in fields(Downlink))
_COLUMNS = tuple(downlinks.c[name] for name in _NAMES)
_OPEN_STATES = [state.value for state in DownlinkState if not state.final]
_DELETED_AT_ONCE = 5_000
"""Rows deleted in one transaction, so that other writers never wait long (a guess)."""


@dataclass(frozen=True, slots=True)
class DownlinkFilter:
    """Which orders are wanted; what is empty or None excludes none. ``[from_ms, to_ms)`` bounds the time of order."""

    phone: str = ""
    vehicle_id: str = ""
    states: tuple[DownlinkState, ...] = ()
    kinds: tuple[DownlinkKind, ...] = ()
    alarm_id: str = ""
    from_ms: int | None = None
    to_ms: int | None = None
    registered_only: bool = False  # without those to terminals that the registry does not know

    def conditions(self) -> list[ColumnElement[bool]]:
        """The conditions in SQL."""
        table = downlinks.c
        found: list[ColumnElement[bool]] = []
        if self.phone:
            found.append(table.phone == self.phone)
        if self.vehicle_id:
            found.append(table.vehicle_id == self.vehicle_id)
        if self.states:
            found.append(table.state.in_([state.value for state in self.states]))
        if self.kinds:
            found.append(table.kind.in_([kind.value for kind in self.kinds]))
        if self.alarm_id:
            found.append(table.alarm_id == self.alarm_id)
        if self.from_ms is not None:
            found.append(table.queued_ms >= self.from_ms)
        if self.to_ms is not None:
            found.append(table.queued_ms < self.to_ms)
        if self.registered_only:
            found.append(in_registry(table.phone))
        return found


@dataclass(frozen=True, slots=True)
class DownlinkPage:
    total: int
    downlinks: tuple[Downlink, ...]


class DownlinkStore:
    """Safe to share between threads. Everything here blocks and may raise StoreError."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def insert(self, order: Downlink, *, most_open: int) -> Downlink | None:
        """Keep an order; of an id that is known already, the order that is there is returned and nothing changes.

        None where ``most_open`` orders of its phone are open already: the order is not kept.
        """
        with self._database.write() as connection:
            found = _by_id(connection, order.downlink_id)
            if found is not None:
                return found
            waiting = select(func.count()).select_from(downlinks).where(OPEN, downlinks.c.phone == order.phone)
            if connection.execute(waiting).scalar_one() >= most_open:
                return None
            connection.execute(insert(downlinks).values(**_values(order)))
            return order

    def get(self, downlink_id: str) -> Downlink | None:
        """The order with this id."""
        return downlink_by_id(self._database, downlink_id)

    def next_queued(self, phone: str) -> Downlink | None:
        """The order to send next: the oldest that waits."""
        query = (
            select(*_COLUMNS)
            .where(OPEN, downlinks.c.phone == phone, downlinks.c.state == DownlinkState.QUEUED.value)
            .order_by(downlinks.c.queued_ms, downlinks.c.downlink_id)
            .limit(1)
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _downlink(row)

    def waiting_phones(self) -> tuple[str, ...]:
        """Phones for which orders wait."""
        query = select(downlinks.c.phone).where(OPEN, downlinks.c.state == DownlinkState.QUEUED.value).distinct()
        with self._database.read() as connection:
            return tuple(connection.execute(query.order_by(downlinks.c.phone)).scalars())

    def in_state(self, state: DownlinkState) -> tuple[Downlink, ...]:
        """Open orders in this state, the oldest first."""
        query = select(*_COLUMNS).where(OPEN, downlinks.c.state == state.value)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(downlinks.c.queued_ms, downlinks.c.downlink_id)).mappings()
            return tuple(_downlink(row) for row in rows)

    def move(
        self,
        order: Downlink,
        state: DownlinkState,
        *,
        sent_ms: int | None = None,
        answered_ms: int | None = None,
        answer: str | None = None,
    ) -> Downlink | None:
        """Put an order into ``state``; times and answer that are None stay, but what is queued again was not sent.

        None, and nothing is changed, if the order is no longer in the state that ``order`` shows.
        """
        if sent_ms is None and state is not DownlinkState.QUEUED:
            sent_ms = order.sent_ms
        moved = replace(
            order,
            state=state,
            sent_ms=sent_ms,
            answered_ms=order.answered_ms if answered_ms is None else answered_ms,
            answer=order.answer if answer is None else answer,
        )
        statement = (
            update(downlinks)
            .where(downlinks.c.downlink_id == order.downlink_id, downlinks.c.state == order.state.value)
            .values(state=state.value, sent_ms=moved.sent_ms, answered_ms=moved.answered_ms, answer=moved.answer)
        )
        with self._database.write() as connection:
            return moved if connection.execute(statement).rowcount == 1 else None

    def expire(self, now_ms: int) -> int:
        """Orders that waited too long are EXPIRED; returns how many."""
        statement = (
            update(downlinks)
            .where(OPEN, downlinks.c.state == DownlinkState.QUEUED.value, downlinks.c.expires_ms <= now_ms)
            .values(state=DownlinkState.EXPIRED.value)
        )
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

    def next_expiry_ms(self) -> int | None:
        """When the next order that waits runs out; None if none waits."""
        query = select(func.min(downlinks.c.expires_ms)).where(OPEN, downlinks.c.state == DownlinkState.QUEUED.value)
        with self._database.read() as connection:
            return connection.execute(query).scalar()

    def reminded_ms(self, since_ms: int) -> tuple[tuple[str, int], ...]:
        """Vehicle and time of every order since then that an alarm caused, the oldest first."""
        query = (
            select(downlinks.c.vehicle_id, downlinks.c.queued_ms)
            .where(downlinks.c.queued_ms >= since_ms, downlinks.c.alarm_id != "")
            .order_by(downlinks.c.queued_ms)
        )
        with self._database.read() as connection:
            return tuple((vehicle_id, queued_ms) for vehicle_id, queued_ms in connection.execute(query))

    def delete_before(self, queued_before_ms: int) -> int:
        """Forget closed orders that are older; returns how many."""
        deleted = 0
        while True:
            doomed = (
                select(downlinks.c.downlink_id)
                .where(downlinks.c.state.not_in(_OPEN_STATES), downlinks.c.queued_ms < queued_before_ms)
                .limit(_DELETED_AT_ONCE)
            )
            with self._database.write() as connection:
                count = connection.execute(delete(downlinks).where(downlinks.c.downlink_id.in_(doomed))).rowcount
            deleted += count
            if count < _DELETED_AT_ONCE:
                return deleted


def find_downlinks(database: Database, wanted: DownlinkFilter, *, limit: int = 100, offset: int = 0) -> DownlinkPage:
    """Orders by the time of order, the newest first."""
    where = wanted.conditions()
    with database.read() as connection:
        total = connection.execute(select(func.count()).select_from(downlinks).where(*where)).scalar_one()
        query = select(*_COLUMNS).where(*where).order_by(downlinks.c.queued_ms.desc(), downlinks.c.downlink_id)
        rows = connection.execute(query.limit(limit).offset(offset)).mappings()
        return DownlinkPage(total, tuple(_downlink(row) for row in rows))


def downlink_by_id(database: Database, downlink_id: str, *, registered_only: bool = False) -> Downlink | None:
    """The order with this id; ``registered_only`` as in ``DownlinkFilter``."""
    where = [downlinks.c.downlink_id == downlink_id]
    if registered_only:
        where.append(in_registry(downlinks.c.phone))
    with database.read() as connection:
        row = connection.execute(select(*_COLUMNS).where(*where)).mappings().one_or_none()
    return None if row is None else _downlink(row)


def _by_id(connection: Connection, downlink_id: str) -> Downlink | None:
    row = connection.execute(select(*_COLUMNS).where(downlinks.c.downlink_id == downlink_id)).mappings().one_or_none()
    return None if row is None else _downlink(row)


def _downlink(row: RowMapping) -> Downlink:
    return msgspec.convert(row, Downlink)


def _values(order: Downlink) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(order, name) for name in _NAMES}
    values["kind"] = order.kind.value
    values["state"] = order.state.value
    return values
