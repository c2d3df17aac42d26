"""What the REST API answers about other platforms (JT/T 809), as its OpenAPI document describes it.

Times are ISO 8601 at +08:00, null where there is none.
"""

from __future__ import annotations

from pydantic import BaseModel, Field

from monitor.codec.jt809 import warn_name
from monitor.console.exchange_words import LevelWord, ResultWord
from monitor.model.beijing import iso
from monitor.model.exchange import LinkEvent
from monitor.model.language import Language
from monitor.model.waybill import Waybill
from monitor.store.conflict_store import VehicleConflict
from monitor.store.inquiry_store import StoredInquiry, StoredText
from monitor.store.link_store import LinkState, StoredOutage
from monitor.store.order_store import StoredOrder
from monitor.store.platform_alarm_store import PlatformAlarm

_RESULTS = tuple(ResultWord)
_LEVELS = tuple(LevelWord)


class ChannelRecord(BaseModel):
    """One channel of a link: main 主链路 or sub 从链路."""

    channel: str
    up: bool
    since: str
    reason: str


class OutageRecord(BaseModel):
    outage_id: int
    link: str
    since: str = Field(serialization_alias="from")
    until: str = Field(serialization_alias="to")
    cause: str
    reason: str
    announced_by: str
    announced_at: str


class OutageList(BaseModel):
    total: int
    outages: list[OutageRecord]


class LinkRecord(BaseModel):
    """A link to another platform; ``role`` is ours. It is ``up`` while any channel is."""

    link: str
    role: str
    platform: str
    up: bool
    channels: list[ChannelRecord]


class LinkList(BaseModel):
    total: int
    links: list[LinkRecord]


class LinkEventRecord(BaseModel):
    link: str
    channel: str
    up: bool
    at: str
    reason: str


class LinkEventList(BaseModel):
    total: int
    offset: int
    events: list[LinkEventRecord]


class InquiryRecord(BaseModel):
    """An inquiry 查岗; ``direction`` is seen from here."""

    inquiry_id: int
    direction: str
    link: str
    platform: str
    object_type: int
    object_id: str
    question: str
    asked_at: str
    asked_by: str | None
    deadline: str | None
    state: str
    answer: str | None
    responder: str | None
    responder_tel: str | None
    answered_at: str | None
    answered_by: str | None
    in_time: bool = Field(description="answered by its deadline")


class InquiryList(BaseModel):
    total: int
    offset: int
    inquiries: list[InquiryRecord]


class TextRecord(BaseModel):
    """A text between platforms 平台间报文."""

    text_id: int
    direction: str
    link: str
    platform: str
    object_type: int
    object_id: str
    text: str
    at: str
    sent_by: str | None
    received_at: str | None = Field(description="receipt of one that we sent")


class TextList(BaseModel):
    total: int
    offset: int
    texts: list[TextRecord]


class OrderRecord(BaseModel):
    """A supervision order 督办."""

    order_id: int
    direction: str
    link: str
    alarm_id: str | None
    vehicle_id: str | None
    plate: str | None
    plate_color: int
    warn_type: int
    warn_name: str
    warn_at: str | None
    ordered_at: str
    ordered_by: str | None
    deadline: str | None
    level: str | int = Field(description="urgent or normal; a number where the wire has another one")
    supervisor: str | None
    supervisor_tel: str | None
    supervisor_email: str | None
    state: str
    result: str | int | None
    content: str | None
    answered_at: str | None
    answered_by: str | None


class OrderList(BaseModel):
    total: int
    offset: int
    orders: list[OrderRecord]


class PlatformAlarmRecord(BaseModel):
    """An alarm that another platform reported; a result that belongs to none we know has type 0."""

    report_id: int
    link: str
    msg_type: str
    plate: str | None
    plate_color: int
    vehicle_id: str | None
    warn_type: int
    warn_name: str | None
    warn_source: int
    warn_at: str | None
    start: str | None
    end: str | None
    content: str | None
    at: str
    result: str | int | None
    result_at: str | None


class PlatformAlarmList(BaseModel):
    total: int
    offset: int
    alarms: list[PlatformAlarmRecord]


class WaybillRecord(BaseModel):
    """An electronic waybill 电子运单 as received, and what is read out of it."""

    vehicle_id: str
    at: str
    cargo: str | None
    load: str | None
    content: str


class WaybillList(BaseModel):
    total: int
    offset: int
    waybills: list[WaybillRecord]


class ConflictRecord(BaseModel):
    """What a platform states of a vehicle and the registry says otherwise."""

    link: str
    plate: str
    plate_color: str
    vehicle_id: str
    field: str
    stated: str
    kept: str
    at: str


class ConflictList(BaseModel):
    total: int
    offset: int
    conflicts: list[ConflictRecord]


class MadeRecord(BaseModel):
    """The number of what was made or changed."""

    id: int


def link_records(states: tuple[LinkState, ...]) -> list[LinkRecord]:
    """Channels by link."""
    found: dict[str, LinkRecord] = {}
    for state in states:
        record = found.get(state.link)
        if record is None:
            record = found[state.link] = LinkRecord(
                link=state.link, role=state.role.value, platform=state.platform, up=False, channels=[]
            )
        record.up = record.up or state.up
        record.channels.append(
            ChannelRecord(channel=state.channel.value, up=state.up, since=iso(state.since_ms), reason=state.reason)
        )
    return list(found.values())


def outage_record(stored: StoredOutage) -> OutageRecord:
    outage = stored.outage
    return OutageRecord(
        outage_id=stored.outage_id,
        link=outage.link,
        since=iso(outage.from_ms),
        until=iso(outage.to_ms),
        cause=outage.cause.value,
        reason=outage.reason,
        announced_by=outage.announced_by,
        announced_at=iso(outage.announced_ms),
    )


def link_event_record(event: LinkEvent) -> LinkEventRecord:
    return LinkEventRecord(
        link=event.link, channel=event.channel.value, up=event.up, at=iso(event.at_ms), reason=event.reason
    )


def inquiry_record(one: StoredInquiry) -> InquiryRecord:
    return InquiryRecord(
        inquiry_id=one.inquiry_id,
        direction=one.direction.value,
        link=one.link,
        platform=one.platform,
        object_type=one.object_type,
        object_id=one.object_id,
        question=one.question,
        asked_at=iso(one.asked_ms),
        asked_by=one.asked_by or None,
        deadline=_iso(one.deadline_ms),
        state=one.state.value,
        answer=one.answer or None,
        responder=one.responder or None,
        responder_tel=one.responder_tel or None,
        answered_at=_iso(one.answered_ms),
        answered_by=one.answered_by or None,
        in_time=one.in_time,
    )


def text_record(one: StoredText) -> TextRecord:
    return TextRecord(
        text_id=one.text_id,
        direction=one.direction.value,
        link=one.link,
        platform=one.platform,
        object_type=one.object_type,
        object_id=one.object_id,
        text=one.text,
        at=iso(one.at_ms),
        sent_by=one.sent_by or None,
        received_at=_iso(one.received_ms),
    )


def order_record(one: StoredOrder) -> OrderRecord:
    return OrderRecord(
        order_id=one.order_id,
        direction=one.direction.value,
        link=one.link,
        alarm_id=one.alarm_id or None,
        vehicle_id=one.vehicle_id or None,
        plate=one.plate or None,
        plate_color=one.plate_color,
        warn_type=one.warn_type,
        warn_name=warn_name(one.warn_type, Language.ZH),
        warn_at=_iso(one.warn_ms),
        ordered_at=iso(one.ordered_ms),
        ordered_by=one.ordered_by or None,
        deadline=_iso(one.deadline_ms),
        level=_LEVELS[one.level].value if 0 <= one.level < len(_LEVELS) else one.level,
        supervisor=one.supervisor or None,
        supervisor_tel=one.supervisor_tel or None,
        supervisor_email=one.supervisor_email or None,
        state=one.state.value,
        result=_result(one.result),
        content=one.content or None,
        answered_at=_iso(one.answered_ms),
        answered_by=one.answered_by or None,
    )


def platform_alarm_record(one: PlatformAlarm) -> PlatformAlarmRecord:
    return PlatformAlarmRecord(
        report_id=one.report_id,
        link=one.link,
        msg_type=f"0x{one.msg_type:04X}",
        plate=one.plate or None,
        plate_color=one.plate_color,
        vehicle_id=one.vehicle_id or None,
        warn_type=one.warn_type,
        warn_name=warn_name(one.warn_type, Language.ZH) if one.warn_type else None,
        warn_source=one.warn_source,
        warn_at=_iso(one.warn_ms),
        start=_iso(one.start_ms),
        end=_iso(one.end_ms),
        content=one.content or None,
        at=iso(one.at_ms),
        result=_result(one.result),
        result_at=_iso(one.result_ms),
    )


def waybill_record(one: Waybill) -> WaybillRecord:
    return WaybillRecord(
        vehicle_id=one.key, at=iso(one.at_ms), cargo=one.cargo or None, load=one.load.value or None, content=one.content
    )


def conflict_record(one: VehicleConflict) -> ConflictRecord:
    return ConflictRecord(
        link=one.link,
        plate=one.plate,
        plate_color=one.plate_color,
        vehicle_id=one.vehicle_id,
        field=one.field,
        stated=one.stated,
        kept=one.kept,
        at=iso(one.at_ms),
    )


def _iso(at_ms: int | None) -> str | None:
    return iso(at_ms) if at_ms else None


def _result(code: int | None) -> str | int | None:
    return _RESULTS[code].value if code is not None and 0 <= code < len(_RESULTS) else code
