"""Supervision orders 报警督办 in the tables: those that we give to a lower platform, and those given to us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from monitor.model.beijing import DAY_MS
from monitor.model.exchange import Direction, HandlingResult, SupervisionAnswer, SupervisionRequest
from monitor.store.database import Database
from monitor.store.exchange_rows import Page, Value, columns_of, count, fitted
from monitor.store.exchange_tables import supervision_orders

REPEAT_MS = DAY_MS
"""Within this time the same numbers mean the same order sent again (a guess, as for inquiries)."""
OPEN_RESULTS = (HandlingResult.IN_PROGRESS, HandlingResult.LATER)
"""Answers after which another one is due (809: first in progress 处理中, later done)."""


class OrderState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    OVERDUE = "overdue"  # the deadline passed without a final answer


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """One order. ``alarm_id`` is the alarm of ours that it is about, empty if none is known; ``result`` is a
    ``HandlingResult`` as sent; ``answered_ms`` is of the last answer, also one that leaves the order open."""

    order_id: int
    direction: Direction
    link: str
    alarm_id: str
    supervision_id: int
    sn: int
    source_type: int
    source_sn: int
    platform_id: str
    plate: str
    plate_color: int
    vehicle_id: str
    warn_type: int
    warn_source: int
    warn_ms: int
    ordered_ms: int
    ordered_by: str
    deadline_ms: int
    level: int
    supervisor: str
    supervisor_tel: str
    supervisor_email: str
    state: OrderState
    result: int | None = None
    content: str = ""
    answered_ms: int | None = None
    answered_by: str = ""


_ORDER = StoredOrder.__match_args__


def add_order(
    connection: Connection,
    request: SupervisionRequest,
    *,
    direction: Direction,
    link: str,
    alarm_id: str = "",
    vehicle_id: str = "",
    ordered_by: str = "",
) -> tuple[int, bool]:
    """Keep an order within a transaction; returns its id, and whether it is new and not the same one again."""
    table = supervision_orders.c
    if direction is Direction.RECEIVED:
        number = (
            and_(table.supervision_id == request.supervision_id, table.plate == request.plate)
            if request.supervision_id
            else and_(table.sn == request.sn, table.source_sn == request.source_sn)
        )
        known = connection.execute(
            select(table.order_id).where(
                table.link == link,
                table.direction == direction.value,
                number,
                table.warn_ms == request.warn_ms,
                table.ordered_ms > request.at_ms - REPEAT_MS,
            )
        ).scalar()
        if known is not None:
            return known, False
    values = fitted(
        supervision_orders,
        {
            "direction": direction.value,
            "link": link,
            "alarm_id": alarm_id,
            "supervision_id": request.supervision_id,
            "sn": request.sn,
            "source_type": request.source_type,
            "source_sn": request.source_sn,
            "platform_id": request.platform_id,
            "plate": request.plate,
            "plate_color": request.plate_color,
            "vehicle_id": vehicle_id,
            "warn_type": request.warn_type,
            "warn_source": request.warn_source,
            "warn_ms": request.warn_ms,
            "ordered_ms": request.at_ms,
            "ordered_by": ordered_by,
            "deadline_ms": request.deadline_ms,
            "level": request.level,
            "supervisor": request.supervisor,
            "supervisor_tel": request.supervisor_tel,
            "supervisor_email": request.supervisor_email,
            "state": OrderState.OPEN.value,
            "content": "",
            "answered_by": "",
        },
    )
    return connection.execute(insert(supervision_orders).values(values).returning(table.order_id)).scalar_one(), True


def number_order(connection: Connection, order_id: int, supervision_id: int, sn: int) -> None:
    """State the numbers under which an order of ours went out."""
    numbered = update(supervision_orders).where(supervision_orders.c.order_id == order_id)
    connection.execute(numbered.values(supervision_id=supervision_id, sn=sn))


def drop_order(connection: Connection, order_id: int) -> None:
    """Take back an order that could not be sent."""
    connection.execute(delete(supervision_orders).where(supervision_orders.c.order_id == order_id))


def take_order_answer(connection: Connection, link: str, answer: SupervisionAnswer) -> int | None:
    """Enter the answer to an order that we gave; its id, or None if nothing fits or that answer is there already.

    An order that has its final answer keeps it when an earlier one arrives again.
    """
    table = supervision_orders.c
    fits = table.supervision_id == answer.supervision_id if answer.supervision_id else table.sn == answer.sn
    given = select(table.order_id, table.result, table.answered_ms, table.state).where(
        table.link == link, table.direction == Direction.SENT.value, fits
    )
    row = connection.execute(given.order_by(table.order_id.desc()).limit(1)).first()
    if row is None or row.result == answer.result:
        return None
    if row.state == OrderState.ANSWERED.value and answer.result in OPEN_RESULTS:
        return None
    enter_order_answer(connection, row.order_id, answer.result, answer.at_ms)
    return int(row.order_id)


def enter_order_answer(
    connection: Connection, order_id: int, result: int, at_ms: int, *, content: str = "", answered_by: str = ""
) -> None:
    """Enter an answer; a result that announces another one leaves the order open."""
    values: dict[str, Value] = fitted(supervision_orders, {"content": content, "answered_by": answered_by})
    values |= {"result": result, "answered_ms": at_ms}
    if result not in OPEN_RESULTS:
        values["state"] = OrderState.ANSWERED.value
    connection.execute(update(supervision_orders).where(supervision_orders.c.order_id == order_id).values(values))


def order_by_id(database: Database, order_id: int) -> StoredOrder | None:
    query = select(*columns_of(supervision_orders, _ORDER)).where(supervision_orders.c.order_id == order_id)
    with database.read() as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else msgspec.convert(row, StoredOrder)


def find_orders(
    database: Database,
    *,
    link: str = "",
    direction: Direction | None = None,
    states: Sequence[OrderState] = (),
    alarm_id: str = "",
    limit: int = 100,
    offset: int = 0,
) -> Page[StoredOrder]:
    """Orders, the newest first."""
    table = supervision_orders.c
    where: list[ColumnElement[bool]] = []
    if link:
        where.append(table.link == link)
    if direction is not None:
        where.append(table.direction == direction.value)
    if states:
        where.append(table.state.in_([state.value for state in states]))
    if alarm_id:
        where.append(table.alarm_id == alarm_id)
    query = select(*columns_of(supervision_orders, _ORDER)).where(*where)
    with database.read() as connection:
        total = count(connection, supervision_orders, where)
        ordered = query.order_by(table.ordered_ms.desc(), table.order_id.desc()).limit(limit).offset(offset)
        rows = connection.execute(ordered).mappings()
        return Page(total, tuple(msgspec.convert(row, StoredOrder) for row in rows))


def mark_orders_overdue(connection: Connection, now_ms: int) -> int:
    """Orders whose deadline has passed are overdue from now on; returns how many."""
    table = supervision_orders.c
    late = and_(table.state == OrderState.OPEN.value, table.deadline_ms > 0, table.deadline_ms < now_ms)
    return connection.execute(update(supervision_orders).where(late).values(state=OrderState.OVERDUE.value)).rowcount
