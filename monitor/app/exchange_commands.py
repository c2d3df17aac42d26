"""What people tell the desk to do through the REST API: ask, answer, order, announce.

Whatever goes to another platform is stored first and sent then; what could not be sent is taken back and refused, so
that the person tries again. Answers are stored when they are with the link.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Concatenate, ParamSpec

from sqlalchemy import Connection

from monitor.app.exchange_desk import ExchangeDesk
from monitor.app.exchange_links import LinkBook, LinkCard, ReportSources
from monitor.app.exchange_refusals import lower_end, moment_of, no_link, sent, u32, upper_end, wrong
from monitor.app.order_commands import OrderCommands
from monitor.console.commands import Command, Handler, Reply, reply
from monitor.console.exchange_words import (
    AnswerInquiryBody,
    AskBody,
    ExchangeCommand,
    Made,
    OutageBody,
    SendTextBody,
)
from monitor.errors import CommandError
from monitor.model.beijing import MINUTE_MS, iso
from monitor.model.exchange import (
    Direction,
    Inquiry,
    InquiryAnswer,
    PlatformText,
)
from monitor.sinks.jt809_words import PlateOf
from monitor.store.database import Database
from monitor.store.inquiry_store import (
    InquiryState,
    StoredInquiry,
    add_inquiry,
    add_text,
    drop_inquiry,
    drop_text,
    enter_inquiry_answer,
    inquiry_by_id,
    number_inquiry,
    number_text,
)
from monitor.store.link_store import announce_outage
from monitor.supervision.connectivity import Outage, OutageCause

P = ParamSpec("P")


class ExchangeCommands:
    """The handlers of the core. ``plate_of`` is by the registry; ``now_ms`` is the wall clock."""

    def __init__(
        self,
        database: Database,
        links: LinkBook,
        desk: ExchangeDesk,
        plate_of: PlateOf,
        sources: ReportSources,
        now_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._links = links
        self._desk = desk
        self._orders = OrderCommands(database, links, desk, plate_of, sources, now_ms)
        self._now_ms = now_ms

    def handlers(self) -> Mapping[str, Handler]:
        """By name of the command."""
        return {
            ExchangeCommand.ASK.value: self.ask,
            ExchangeCommand.ANSWER_INQUIRY.value: self.answer_inquiry,
            ExchangeCommand.SEND_TEXT.value: self.send_text,
            ExchangeCommand.ANNOUNCE_OUTAGE.value: self.announce_outage,
            **self._orders.handlers(),
        }

    async def ask(self, command: Command) -> Reply:
        body = command.read(AskBody)
        card, end = upper_end(self._links, body.link)
        inquiry = Inquiry(
            info_id=0,
            question=body.question,
            asked_ms=self._now_ms(),
            object_type=body.object_type,
            object_id=body.object_id or card.platform_id,
            answer_minutes=body.minutes,
        )
        async with self._desk.locks[card.name]:
            inquiry_id = await asyncio.to_thread(self._store_inquiry, card, inquiry, body.minutes, command.by)
            try:
                sn = await sent(end.inquire(replace(inquiry, info_id=u32(inquiry_id))))
            except CommandError:
                await self._written(drop_inquiry, inquiry_id)
                raise
            await self._written(number_inquiry, inquiry_id, u32(inquiry_id), sn)
        return reply(Made(inquiry_id))

    async def answer_inquiry(self, command: Command) -> Reply:
        body = command.read(AnswerInquiryBody)
        asked = await self._asked(body.inquiry_id)
        end = lower_end(self._links, asked.link)
        async with self._desk.locks[asked.link]:
            found = await self._asked(body.inquiry_id)  # two people may answer at once
            if found.state is InquiryState.ANSWERED:
                message = f"Inquiry {body.inquiry_id} was answered at {iso(found.answered_ms or 0)}."
                raise CommandError(status=409, reason="answered", message=message)
            answer = InquiryAnswer(
                answer=body.answer,
                answered_ms=self._now_ms(),
                info_id=found.info_id,
                sn=found.sn,
                object_type=found.object_type,
                object_id=found.object_id,
                responder=body.responder,
                responder_tel=body.responder_tel,
            )
            await sent(end.answer_inquiry(answer))
            await self._written(enter_inquiry_answer, body.inquiry_id, answer, command.by)
        return reply(Made(body.inquiry_id))

    async def send_text(self, command: Command) -> Reply:
        body = command.read(SendTextBody)
        card, end = upper_end(self._links, body.link)
        text = PlatformText(0, body.text, self._now_ms(), body.object_type, body.object_id or card.platform_id)
        async with self._desk.locks[card.name]:
            text_id = await asyncio.to_thread(self._store_text, card, text, command.by)
            try:
                sn = await sent(end.send_text(replace(text, info_id=u32(text_id))))
            except CommandError:
                await self._written(drop_text, text_id)
                raise
            await self._written(number_text, text_id, u32(text_id), sn)
        return reply(Made(text_id))

    async def announce_outage(self, command: Command) -> Reply:
        body = command.read(OutageBody)
        if body.link not in self._links.cards:
            raise no_link(body.link)
        from_ms, to_ms = moment_of("from", body.since), moment_of("to", body.until)
        now_ms = self._now_ms()
        if to_ms <= from_ms:
            raise wrong("to", "lies before from")
        if to_ms <= now_ms:
            raise wrong("to", "lies in the past: an outage is announced beforehand")
        try:
            cause = OutageCause(body.cause)
        except ValueError:
            raise wrong("cause", f"is none of {', '.join(OutageCause)}") from None
        outage = Outage(body.link, from_ms, to_ms, cause, body.reason, command.by, now_ms)
        stored = await asyncio.to_thread(announce_outage, self._database, outage)
        return reply(Made(stored.outage_id))

    async def _asked(self, inquiry_id: int) -> StoredInquiry:
        found = await asyncio.to_thread(inquiry_by_id, self._database, inquiry_id)
        if found is None or found.direction is not Direction.RECEIVED:
            raise CommandError(status=404, reason="not_found", message=f"Nobody asked us inquiry {inquiry_id}.")
        return found

    def _store_inquiry(self, card: LinkCard, inquiry: Inquiry, minutes: int, by: str) -> int:
        with self._database.write() as connection:
            inquiry_id, _ = add_inquiry(
                connection,
                inquiry,
                direction=Direction.SENT,
                link=card.name,
                platform=card.platform,
                deadline_ms=inquiry.asked_ms + minutes * MINUTE_MS,
                asked_by=by,
            )
        return inquiry_id

    def _store_text(self, card: LinkCard, text: PlatformText, by: str) -> int:
        with self._database.write() as connection:
            text_id, _ = add_text(
                connection, text, direction=Direction.SENT, link=card.name, platform=card.platform, sent_by=by
            )
        return text_id

    async def _written(
        self, action: Callable[Concatenate[Connection, P], None], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """One change in a transaction of its own."""

        def write() -> None:
            with self._database.write() as connection:
                action(connection, *args, **kwargs)

        await asyncio.to_thread(write)
