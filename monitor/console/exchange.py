"""Addresses of the REST API for other platforms (JT/T 809): read from the store, told to them through the core."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Path, Query
from starlette.exceptions import HTTPException
from starlette.requests import Request

from monitor.console.access import asked_by
from monitor.console.commands import Commands, command
from monitor.console.exchange_records import (
    ConflictList,
    InquiryList,
    InquiryRecord,
    LinkEventList,
    LinkList,
    MadeRecord,
    OrderList,
    OrderRecord,
    OutageList,
    PlatformAlarmList,
    TextList,
    WaybillList,
    conflict_record,
    inquiry_record,
    link_event_record,
    link_records,
    order_record,
    outage_record,
    platform_alarm_record,
    text_record,
    waybill_record,
)
from monitor.console.exchange_requests import (
    NewInquiry,
    NewInquiryAnswer,
    NewOrder,
    NewOrderAnswer,
    NewOutage,
    NewText,
)
from monitor.console.exchange_words import (
    AnswerInquiryBody,
    AnswerOrderBody,
    AskBody,
    ExchangeCommand,
    Made,
    OrderBody,
    OutageBody,
    SendTextBody,
)
from monitor.console.parameters import PREFIX, Limit, Offset, moment
from monitor.model.beijing import NEVER_MS
from monitor.model.exchange import Direction
from monitor.store.conflict_store import find_conflicts
from monitor.store.database import Database
from monitor.store.inquiry_store import InquiryState, find_inquiries, find_texts, inquiry_by_id
from monitor.store.link_store import find_link_events, link_states, outages_reaching
from monitor.store.order_store import OrderState, find_orders, order_by_id
from monitor.store.platform_alarm_store import find_platform_alarms
from monitor.store.waybill_store import find_waybills

_TAGS: list[str] = ["platforms"]
Since = Annotated[str | None, Query(alias="from", description="at or after, ISO 8601")]
Until = Annotated[str | None, Query(alias="to", description="before, ISO 8601")]

Number = Annotated[int, Path(ge=1, le=2**53)]


def add_exchange(api: FastAPI, database: Database, commands: Commands) -> None:
    """Add them to the API."""
    _links(api, database, commands)
    _inquiries(api, database, commands)
    _texts(api, database, commands)
    _orders(api, database, commands)
    _reported(api, database)


def _links(api: FastAPI, database: Database, commands: Commands) -> None:
    @api.get(f"{PREFIX}/links", tags=[*_TAGS])
    def links() -> LinkList:
        """Links to other platforms as they stand."""
        found = link_records(link_states(database))
        return LinkList(total=len(found), links=found)

    @api.get(f"{PREFIX}/links/{{name}}/events", tags=[*_TAGS])
    def link_events(
        name: str, since: Since = None, until: Until = None, limit: Limit = 100, offset: Offset = 0
    ) -> LinkEventList:
        """When the channels of a link came and went, the newest first."""
        page = find_link_events(
            database, name, from_ms=moment("from", since), to_ms=moment("to", until), limit=limit, offset=offset
        )
        if not page.total and all(state.link != name for state in link_states(database)):
            raise HTTPException(404, f"There is no link {name[:64]}.")
        return LinkEventList(total=page.total, offset=offset, events=[link_event_record(one) for one in page.rows])

    @api.get(f"{PREFIX}/links/{{name}}/outages", tags=[*_TAGS])
    def outages(name: str, since: Since = None, until: Until = None) -> OutageList:
        """Outages announced of a link that touch the time asked for, the first to begin first."""
        from_ms, to_ms = moment("from", since), moment("to", until)
        found = outages_reaching(database, from_ms or 0, NEVER_MS if to_ms is None else to_ms, name)
        return OutageList(total=len(found), outages=[outage_record(one) for one in found])

    @api.post(f"{PREFIX}/links/{{name}}/outages", tags=[*_TAGS], status_code=201)
    async def announce(request: Request, name: str, new: NewOutage) -> MadeRecord:
        """Announce an outage before it begins. Administrators only."""
        body = OutageBody(name, new.since, new.until, new.cause.value, new.reason)
        return await _made(commands, ExchangeCommand.ANNOUNCE_OUTAGE, body, request)


def _inquiries(api: FastAPI, database: Database, commands: Commands) -> None:
    @api.get(f"{PREFIX}/inquiries", tags=[*_TAGS])
    def inquiries(
        link: str = "",
        direction: Direction | None = None,
        state: Annotated[list[InquiryState] | None, Query(description="repeatable")] = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> InquiryList:
        """Inquiries 查岗, asked by us and of us, the newest first."""
        page = find_inquiries(
            database, link=link, direction=direction, states=tuple(state or ()), limit=limit, offset=offset
        )
        return InquiryList(total=page.total, offset=offset, inquiries=[inquiry_record(one) for one in page.rows])

    @api.get(f"{PREFIX}/inquiries/{{inquiry_id}}", tags=[*_TAGS])
    def inquiry(inquiry_id: Number) -> InquiryRecord:
        """One inquiry."""
        found = inquiry_by_id(database, inquiry_id)
        if found is None:
            raise HTTPException(404, f"There is no inquiry {inquiry_id}.")
        return inquiry_record(found)

    @api.post(f"{PREFIX}/inquiries", tags=[*_TAGS], status_code=201)
    async def ask(request: Request, new: NewInquiry) -> MadeRecord:
        """Ask a lower platform; refused while its link is down. Administrators only."""
        body = AskBody(new.link, new.question, new.minutes, new.object_type, new.object_id)
        return await _made(commands, ExchangeCommand.ASK, body, request)

    @api.post(f"{PREFIX}/inquiries/{{inquiry_id}}/answer", tags=[*_TAGS])
    async def answer(request: Request, inquiry_id: Number, new: NewInquiryAnswer) -> MadeRecord:
        """Answer an inquiry that was asked of us. Administrators only."""
        body = AnswerInquiryBody(inquiry_id, new.answer, new.responder, new.responder_tel)
        return await _made(commands, ExchangeCommand.ANSWER_INQUIRY, body, request)


def _texts(api: FastAPI, database: Database, commands: Commands) -> None:
    @api.get(f"{PREFIX}/platform-texts", tags=[*_TAGS])
    def texts(link: str = "", direction: Direction | None = None, limit: Limit = 100, offset: Offset = 0) -> TextList:
        """Texts between platforms, the newest first."""
        page = find_texts(database, link=link, direction=direction, limit=limit, offset=offset)
        return TextList(total=page.total, offset=offset, texts=[text_record(one) for one in page.rows])

    @api.post(f"{PREFIX}/platform-texts", tags=[*_TAGS], status_code=201)
    async def send(request: Request, new: NewText) -> MadeRecord:
        """Send a text to a lower platform. Administrators only."""
        body = SendTextBody(new.link, new.text, new.object_type, new.object_id)
        return await _made(commands, ExchangeCommand.SEND_TEXT, body, request)


def _orders(api: FastAPI, database: Database, commands: Commands) -> None:
    @api.get(f"{PREFIX}/supervision-orders", tags=[*_TAGS])
    def orders(
        link: str = "",
        direction: Direction | None = None,
        state: Annotated[list[OrderState] | None, Query(description="repeatable")] = None,
        alarm_id: str = "",
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> OrderList:
        """Supervision orders 督办, given by us and to us, the newest first."""
        page = find_orders(
            database,
            link=link,
            direction=direction,
            states=tuple(state or ()),
            alarm_id=alarm_id,
            limit=limit,
            offset=offset,
        )
        return OrderList(total=page.total, offset=offset, orders=[order_record(one) for one in page.rows])

    @api.get(f"{PREFIX}/supervision-orders/{{order_id}}", tags=[*_TAGS])
    def order(order_id: Number) -> OrderRecord:
        """One order."""
        found = order_by_id(database, order_id)
        if found is None:
            raise HTTPException(404, f"There is no supervision order {order_id}.")
        return order_record(found)

    @api.post(f"{PREFIX}/supervision-orders", tags=[*_TAGS], status_code=201)
    async def give(request: Request, new: NewOrder) -> MadeRecord:
        """Order the platform of a vehicle to handle an alarm. Administrators only."""
        body = OrderBody(new.alarm_id, new.deadline, new.supervisor, new.level, new.tel, new.email, new.link)
        return await _made(commands, ExchangeCommand.ORDER, body, request)

    @api.post(f"{PREFIX}/supervision-orders/{{order_id}}/answer", tags=[*_TAGS])
    async def answer(request: Request, order_id: Number, new: NewOrderAnswer) -> MadeRecord:
        """Answer an order that was given to us. Administrators only."""
        body = AnswerOrderBody(order_id, new.result, new.content)
        return await _made(commands, ExchangeCommand.ANSWER_ORDER, body, request)


def _reported(api: FastAPI, database: Database) -> None:
    @api.get(f"{PREFIX}/platform-alarms", tags=[*_TAGS])
    def platform_alarms(
        link: str = "",
        plate: str = "",
        vehicle_id: str = "",
        since: Since = None,
        until: Until = None,
        limit: Limit = 100,
        offset: Offset = 0,
    ) -> PlatformAlarmList:
        """Alarms that other platforms reported, with results, the newest first."""
        page = find_platform_alarms(
            database,
            link=link,
            plate=plate,
            vehicle_id=vehicle_id,
            from_ms=moment("from", since),
            to_ms=moment("to", until),
            limit=limit,
            offset=offset,
        )
        rows = [platform_alarm_record(one) for one in page.rows]
        return PlatformAlarmList(total=page.total, offset=offset, alarms=rows)

    @api.get(f"{PREFIX}/waybills", tags=[*_TAGS])
    def waybills(
        vehicle_id: str = "", since: Since = None, until: Until = None, limit: Limit = 100, offset: Offset = 0
    ) -> WaybillList:
        """Electronic waybills 电子运单, the newest first."""
        page = find_waybills(
            database,
            key=vehicle_id,
            from_ms=moment("from", since),
            to_ms=moment("to", until),
            limit=limit,
            offset=offset,
        )
        return WaybillList(total=page.total, offset=offset, waybills=[waybill_record(one) for one in page.rows])

    @api.get(f"{PREFIX}/vehicle-conflicts", tags=[*_TAGS])
    def conflicts(link: str = "", limit: Limit = 100, offset: Offset = 0) -> ConflictList:
        """What platforms state of vehicles and the registry says otherwise, the newest first."""
        page = find_conflicts(database, link=link, limit=limit, offset=offset)
        return ConflictList(total=page.total, offset=offset, conflicts=[conflict_record(one) for one in page.rows])


async def _made(commands: Commands, name: ExchangeCommand, body: object, request: Request) -> MadeRecord:
    reply = await commands.send(command(name.value, body, by=asked_by(request)))
    return MadeRecord(id=reply.read(Made).id)
