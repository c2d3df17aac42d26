"""Supervision orders 督办 that people give to lower platforms, and their answers to those given to us."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from monitor.app.exchange_desk import ExchangeDesk
from monitor.app.exchange_links import LinkBook, LinkCard, ReportSources, UpperEnd
from monitor.app.exchange_refusals import lower_end, moment_of, sent, u32, upper_end, wrong
from monitor.codec.jt809 import Version, warn_type_of_rule
from monitor.console.commands import Command, Handler, Reply, reply
from monitor.console.exchange_words import AnswerOrderBody, ExchangeCommand, LevelWord, Made, OrderBody, ResultWord
from monitor.errors import CommandError
from monitor.model.alarm import Alarm
from monitor.model.beijing import MINUTE_MS, iso
from monitor.model.exchange import (
    Direction,
    HandlingResult,
    ReportedAlarm,
    SupervisionAnswer,
    SupervisionLevel,
    SupervisionRequest,
    WarnSource,
)
from monitor.model.fleet import PlateColor
from monitor.model.plate import color_of_code
from monitor.model.report import plate_key
from monitor.sinks.jt809_words import PlateOf, alarm_sentence, words_of
from monitor.store.alarm_query import alarm_by_id
from monitor.store.database import Database
from monitor.store.order_store import (
    OrderState,
    StoredOrder,
    add_order,
    drop_order,
    enter_order_answer,
    number_order,
    order_by_id,
)
from monitor.store.platform_alarm_store import platform_alarm_of_vehicle
from monitor.store.registry_store import vehicles_like

_PRE_WARNING = 0x9402
_SAME_ALARM_MS = 10 * MINUTE_MS
"""How far apart two platforms may see the onset of one alarm (a guess)."""
_RESULTS = dict(zip(ResultWord, HandlingResult, strict=True))
_LEVELS = dict(zip(LevelWord, SupervisionLevel, strict=True))


class OrderCommands:
    """Handlers of the core. ``plate_of`` is by the registry; ``now_ms`` is the wall clock."""

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
        self._plate_of = plate_of
        self._sources = sources
        self._now_ms = now_ms

    def handlers(self) -> Mapping[str, Handler]:
        """By name of the command."""
        return {ExchangeCommand.ORDER.value: self.order, ExchangeCommand.ANSWER_ORDER.value: self.answer_order}

    async def order(self, command: Command) -> Reply:
        body = command.read(OrderBody)
        stored = await asyncio.to_thread(alarm_by_id, self._database, body.alarm_id)
        if stored is None:
            raise CommandError(status=404, reason="not_found", message=f"There is no alarm {body.alarm_id}.")
        alarm = stored.alarm
        deadline_ms = moment_of("deadline", body.deadline)
        if deadline_ms <= self._now_ms():
            raise wrong("deadline", "lies in the past")
        found = self._plate_of(alarm.vehicle_id, alarm.onset_ms)
        if found is None:
            raise wrong("alarm_id", f"nobody knows the plate of vehicle {alarm.vehicle_id}")
        plate, color = found
        card, end = upper_end(self._links, body.link or await self._link_of(alarm, plate, color))
        warn_type = warn_type_of_rule(alarm.rule, alarm.kind, Version(card.edition))
        request = SupervisionRequest(
            warn_ms=alarm.onset_ms,
            deadline_ms=deadline_ms,
            level=int(_LEVELS[body.level]),
            supervisor=body.supervisor,
            at_ms=self._now_ms(),
            supervisor_tel=body.tel,
            supervisor_email=body.email,
            plate=plate,
            plate_color=color,
            warn_source=WarnSource.GOVERNMENT,
            warn_type=warn_type,
            platform_id=card.platform_id,
        )
        async with self._desk.locks[card.name]:
            if card.edition != 2011:
                request = await self._referring(card, end, request, alarm)
            order_id = await asyncio.to_thread(self._store_order, card, request, alarm, command.by)
            try:
                sn = await sent(end.order(replace(request, supervision_id=u32(order_id))))
            except CommandError:
                await asyncio.to_thread(self._drop, order_id)
                raise
            await asyncio.to_thread(self._number, order_id, sn)
        return reply(Made(order_id))

    async def answer_order(self, command: Command) -> Reply:
        body = command.read(AnswerOrderBody)
        given = await self._given(body.order_id)
        end = lower_end(self._links, given.link)
        async with self._desk.locks[given.link]:
            found = await self._given(body.order_id)  # two people may answer at once
            if found.state is OrderState.ANSWERED:
                message = f"Order {body.order_id} was answered at {iso(found.answered_ms or 0)}."
                raise CommandError(status=409, reason="answered", message=message)
            answer = SupervisionAnswer(
                int(_RESULTS[body.result]),
                self._now_ms(),
                supervision_id=found.supervision_id,
                sn=found.sn,
                plate=found.plate,
                plate_color=found.plate_color,
                source_type=found.source_type,
                source_sn=found.source_sn,
            )
            await sent(end.answer_order(answer))
            await asyncio.to_thread(self._enter_order_answer, body, answer, command.by)
        return reply(Made(body.order_id))

    async def _given(self, order_id: int) -> StoredOrder:
        found = await asyncio.to_thread(order_by_id, self._database, order_id)
        if found is None or found.direction is not Direction.RECEIVED:
            raise CommandError(status=404, reason="not_found", message=f"Nobody gave us order {order_id}.")
        return found

    async def _referring(
        self, card: LinkCard, end: UpperEnd, request: SupervisionRequest, alarm: Alarm
    ) -> SupervisionRequest:
        """2019: an order names no vehicle but the message that brought the alarm. Where the lower platform did not
        report it, we tell it of the alarm first (0x9402) and refer to that."""
        reported = await asyncio.to_thread(self._reported, card.name, alarm, request.warn_type)
        if reported is not None:
            return replace(request, source_type=reported[0], source_sn=reported[1])
        warning = ReportedAlarm(
            warn_type=request.warn_type,
            warn_ms=alarm.onset_ms,
            at_ms=request.at_ms,
            msg_type=_PRE_WARNING,
            content=alarm_sentence(words_of(alarm.record()), request.plate),
            plate=request.plate,
            plate_color=request.plate_color,
            warn_source=WarnSource.GOVERNMENT,
            start_ms=alarm.onset_ms,
            end_ms=alarm.end_ms or 0,
            platform_id=card.platform_id,
        )
        sn = await sent(end.warn(warning))
        return replace(request, source_type=_PRE_WARNING, source_sn=sn)

    async def _link_of(self, alarm: Alarm, plate: str, color: int) -> str:
        """The link of the platform that the vehicle belongs to, else the one that brought its reports."""
        platform = await asyncio.to_thread(self._platform_of, alarm.vehicle_id)
        card = self._links.of_platform(platform)
        if card is not None:
            return card.name
        for key in (alarm.vehicle_id, *(plate_key(word.value, plate) for word in colors_of_code(color))):
            link = self._sources.link_of(key)
            if link:
                return link
        raise wrong("link", f"is needed: no link of ours leads to the platform of vehicle {alarm.vehicle_id}")

    def _platform_of(self, vehicle_id: str) -> str:
        with self._database.read() as connection:
            rows = vehicles_like(connection, vehicle_ids=[vehicle_id])
        return rows[0].vehicle.platform if rows else ""

    def _reported(self, link: str, alarm: Alarm, warn_type: int) -> tuple[int, int] | None:
        with self._database.read() as connection:
            found = platform_alarm_of_vehicle(
                connection, link, alarm.vehicle_id, warn_type, alarm.onset_ms, _SAME_ALARM_MS
            )
        return None if found is None else (found.msg_type, found.sn)

    def _store_order(self, card: LinkCard, request: SupervisionRequest, alarm: Alarm, by: str) -> int:
        with self._database.write() as connection:
            order_id, _ = add_order(
                connection,
                request,
                direction=Direction.SENT,
                link=card.name,
                alarm_id=alarm.alarm_id,
                vehicle_id=alarm.vehicle_id,
                ordered_by=by,
            )
        return order_id

    def _enter_order_answer(self, body: AnswerOrderBody, answer: SupervisionAnswer, by: str) -> None:
        with self._database.write() as connection:
            enter_order_answer(
                connection, body.order_id, answer.result, answer.at_ms, content=body.content, answered_by=by
            )

    def _drop(self, order_id: int) -> None:
        with self._database.write() as connection:
            drop_order(connection, order_id)

    def _number(self, order_id: int, sn: int) -> None:
        with self._database.write() as connection:
            number_order(connection, order_id, u32(order_id), sn)


def colors_of_code(code: int) -> tuple[PlateColor, ...]:
    """Colours under which reports of a plate may have come: the one of the code, then all others."""
    first = color_of_code(code)
    return (first, *(color for color in PlateColor if color is not first))
