"""Inquiries 查岗 and texts between platforms in the tables, asked here or asked of us."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select, update

from monitor.model.beijing import DAY_MS, day_of, day_start_ms
from monitor.model.exchange import Direction, Inquiry, InquiryAnswer, PlatformText, TextReceipt
from monitor.store.database import Database
from monitor.store.exchange_rows import Page, Value, columns_of, count, fitted
from monitor.store.exchange_tables import inquiries, platform_texts

REPEAT_MS = DAY_MS
"""The same number and the same words within this time are the same message sent again: askers number anew after a
restart, and a question a day old is not repeated. A guess."""


class InquiryState(StrEnum):
    OPEN = "open"
    ANSWERED = "answered"
    OVERDUE = "overdue"  # the deadline passed without an answer


@dataclass(frozen=True, slots=True)
class StoredInquiry:
    """One inquiry. ``platform`` is at the other end; ``asked_by`` and ``answered_by`` are people here."""

    inquiry_id: int
    direction: Direction
    link: str
    platform: str
    info_id: int
    sn: int
    object_type: int
    object_id: str
    question: str
    asked_ms: int
    asked_by: str
    deadline_ms: int
    state: InquiryState
    answer: str = ""
    responder: str = ""
    responder_tel: str = ""
    answered_ms: int | None = None
    answered_by: str = ""

    @property
    def in_time(self) -> bool:
        """Whether it was answered by its deadline."""
        return self.answered_ms is not None and self.answered_ms <= self.deadline_ms


@dataclass(frozen=True, slots=True)
class StoredText:
    """One text between platforms; ``received_ms`` is when the other side said that it has it."""

    text_id: int
    direction: Direction
    link: str
    platform: str
    info_id: int
    sn: int
    object_type: int
    object_id: str
    text: str
    at_ms: int
    sent_by: str
    received_ms: int | None = None


_INQUIRY = StoredInquiry.__match_args__
_TEXT = StoredText.__match_args__


def add_inquiry(
    connection: Connection,
    inquiry: Inquiry,
    *,
    direction: Direction,
    link: str,
    platform: str,
    deadline_ms: int,
    asked_by: str = "",
) -> tuple[int, bool]:
    """Keep an inquiry within a transaction; returns its id, and whether it is new and not the same one again."""
    values = fitted(
        inquiries,
        {
            "direction": direction.value,
            "link": link,
            "platform": platform,
            "info_id": inquiry.info_id,
            "sn": inquiry.sn,
            "object_type": inquiry.object_type,
            "object_id": inquiry.object_id,
            "question": inquiry.question,
            "asked_ms": inquiry.asked_ms,
            "asked_by": asked_by,
            "deadline_ms": deadline_ms,
            "state": InquiryState.OPEN.value,
            "answer": "",
            "responder": "",
            "responder_tel": "",
            "answered_by": "",
        },
    )
    table = inquiries.c
    if direction is Direction.RECEIVED:
        number = table.info_id == inquiry.info_id if inquiry.info_id else table.sn == inquiry.sn
        known = connection.execute(
            select(table.inquiry_id).where(
                table.link == link,
                table.direction == direction.value,
                number,
                table.question == values["question"],
                table.asked_ms > inquiry.asked_ms - REPEAT_MS,
            )
        ).scalar()
        if known is not None:
            return known, False
    return connection.execute(insert(inquiries).values(values).returning(table.inquiry_id)).scalar_one(), True


def number_inquiry(connection: Connection, inquiry_id: int, info_id: int, sn: int) -> None:
    """State the numbers under which an inquiry of ours went out."""
    connection.execute(update(inquiries).where(inquiries.c.inquiry_id == inquiry_id).values(info_id=info_id, sn=sn))


def drop_inquiry(connection: Connection, inquiry_id: int) -> None:
    """Take back an inquiry that could not be sent."""
    connection.execute(delete(inquiries).where(inquiries.c.inquiry_id == inquiry_id))


def take_inquiry_answer(connection: Connection, link: str, answer: InquiryAnswer) -> int | None:
    """Enter the answer to an inquiry that we asked; its id, or None if nothing fits or it was answered before."""
    table = inquiries.c
    fits = table.info_id == answer.info_id if answer.info_id else table.sn == answer.sn
    asked = select(table.inquiry_id, table.answered_ms).where(
        table.link == link, table.direction == Direction.SENT.value, fits
    )
    row = connection.execute(asked.order_by(table.inquiry_id.desc()).limit(1)).first()
    if row is None or row[1] is not None:
        return None
    _answered(connection, row[0], answer, "")
    return int(row[0])


def enter_inquiry_answer(connection: Connection, inquiry_id: int, answer: InquiryAnswer, answered_by: str) -> None:
    """Enter our own answer to an inquiry that was asked of us."""
    _answered(connection, inquiry_id, answer, answered_by)


def inquiry_by_id(database: Database, inquiry_id: int) -> StoredInquiry | None:
    query = select(*columns_of(inquiries, _INQUIRY)).where(inquiries.c.inquiry_id == inquiry_id)
    with database.read() as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else msgspec.convert(row, StoredInquiry)


def find_inquiries(
    database: Database,
    *,
    link: str = "",
    direction: Direction | None = None,
    states: Sequence[InquiryState] = (),
    limit: int = 100,
    offset: int = 0,
) -> Page[StoredInquiry]:
    """Inquiries, the newest first."""
    table = inquiries.c
    where: list[ColumnElement[bool]] = []
    if link:
        where.append(table.link == link)
    if direction is not None:
        where.append(table.direction == direction.value)
    if states:
        where.append(table.state.in_([state.value for state in states]))
    query = select(*columns_of(inquiries, _INQUIRY)).where(*where)
    with database.read() as connection:
        total = count(connection, inquiries, where)
        ordered = query.order_by(table.asked_ms.desc(), table.inquiry_id.desc()).limit(limit).offset(offset)
        rows = connection.execute(ordered).mappings()
        return Page(total, tuple(msgspec.convert(row, StoredInquiry) for row in rows))


def inquiry_counts(
    database: Database, first_day: int, last_day: int, direction: Direction = Direction.SENT
) -> dict[tuple[str, int], tuple[int, int]]:
    """(platform, Beijing day number) to inquiries asked that day and those of them answered by their deadline."""
    table = inquiries.c
    query = select(table.platform, table.asked_ms, table.answered_ms, table.deadline_ms).where(
        table.direction == direction.value,
        table.asked_ms >= int(day_start_ms(first_day)),
        table.asked_ms < int(day_start_ms(last_day + 1)),
    )
    found: dict[tuple[str, int], tuple[int, int]] = {}
    with database.read() as connection:
        for platform, asked_ms, answered_ms, deadline_ms in connection.execute(query):
            key = (platform, int(day_of(asked_ms)))
            asked, answered = found.get(key, (0, 0))
            found[key] = (asked + 1, answered + (answered_ms is not None and answered_ms <= deadline_ms))
    return found


def mark_inquiries_overdue(connection: Connection, now_ms: int) -> int:
    """Inquiries whose deadline has passed are overdue from now on; returns how many."""
    table = inquiries.c
    late = and_(table.state == InquiryState.OPEN.value, table.deadline_ms > 0, table.deadline_ms < now_ms)
    return connection.execute(update(inquiries).where(late).values(state=InquiryState.OVERDUE.value)).rowcount


def pressing_inquiries(connection: Connection, before_ms: int) -> tuple[int, ...]:
    """Open inquiries asked of us whose deadline lies before a moment."""
    table = inquiries.c
    query = select(table.inquiry_id).where(
        table.state == InquiryState.OPEN.value,
        table.direction == Direction.RECEIVED.value,
        table.deadline_ms > 0,
        table.deadline_ms < before_ms,
    )
    return tuple(connection.execute(query.order_by(table.inquiry_id)).scalars())


def add_text(
    connection: Connection,
    text: PlatformText,
    *,
    direction: Direction,
    link: str,
    platform: str,
    sent_by: str = "",
) -> tuple[int, bool]:
    """Keep a text within a transaction; returns its id, and whether it is new. The receipt of one that we received is
    the link's business."""
    table = platform_texts.c
    values = fitted(
        platform_texts,
        {
            "direction": direction.value,
            "link": link,
            "platform": platform,
            "info_id": text.info_id,
            "sn": text.sn,
            "object_type": text.object_type,
            "object_id": text.object_id,
            "text": text.text,
            "at_ms": text.at_ms,
            "sent_by": sent_by,
        },
    )
    if direction is Direction.RECEIVED:
        number = table.info_id == text.info_id if text.info_id else table.sn == text.sn
        known = connection.execute(
            select(table.text_id).where(
                table.link == link,
                table.direction == direction.value,
                number,
                table.text == values["text"],
                table.at_ms > text.at_ms - REPEAT_MS,
            )
        ).scalar()
        if known is not None:
            return known, False
    return connection.execute(insert(platform_texts).values(values).returning(table.text_id)).scalar_one(), True


def number_text(connection: Connection, text_id: int, info_id: int, sn: int) -> None:
    """State the numbers under which a text of ours went out."""
    connection.execute(update(platform_texts).where(platform_texts.c.text_id == text_id).values(info_id=info_id, sn=sn))


def drop_text(connection: Connection, text_id: int) -> None:
    """Take back a text that could not be sent."""
    connection.execute(delete(platform_texts).where(platform_texts.c.text_id == text_id))


def take_text_receipt(connection: Connection, link: str, receipt: TextReceipt) -> int | None:
    """Enter that the other side has a text of ours; its id, or None if nothing fits or that was known."""
    table = platform_texts.c
    fits = table.info_id == receipt.info_id if receipt.info_id else table.sn == receipt.sn
    sent = select(table.text_id, table.received_ms).where(
        table.link == link, table.direction == Direction.SENT.value, fits
    )
    row = connection.execute(sent.order_by(table.text_id.desc()).limit(1)).first()
    if row is None or row[1] is not None:
        return None
    connection.execute(update(platform_texts).where(table.text_id == row[0]).values(received_ms=receipt.at_ms))
    return int(row[0])


def find_texts(
    database: Database,
    *,
    link: str = "",
    direction: Direction | None = None,
    limit: int = 100,
    offset: int = 0,
) -> Page[StoredText]:
    """Texts between platforms, the newest first."""
    table = platform_texts.c
    where: list[ColumnElement[bool]] = []
    if link:
        where.append(table.link == link)
    if direction is not None:
        where.append(table.direction == direction.value)
    query = select(*columns_of(platform_texts, _TEXT)).where(*where)
    with database.read() as connection:
        total = count(connection, platform_texts, where)
        ordered = query.order_by(table.at_ms.desc(), table.text_id.desc()).limit(limit).offset(offset)
        rows = connection.execute(ordered).mappings()
        return Page(total, tuple(msgspec.convert(row, StoredText) for row in rows))


def _answered(connection: Connection, inquiry_id: int, answer: InquiryAnswer, answered_by: str) -> None:
    values: dict[str, Value] = fitted(
        inquiries,
        {
            "state": InquiryState.ANSWERED.value,
            "answer": answer.answer,
            "responder": answer.responder,
            "responder_tel": answer.responder_tel,
            "answered_by": answered_by,
        },
    )
    values["answered_ms"] = answer.answered_ms
    connection.execute(update(inquiries).where(inquiries.c.inquiry_id == inquiry_id).values(values))
