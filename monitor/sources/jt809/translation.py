"""Messages of the wire <-> words of ``monitor.model.exchange``.

Join keys differ by edition: 2011 repeats a number of the asker's (INFO_ID, SUPERVISION_ID), 2019 the header number of
the message referred to. Both stand in the words; the other is 0.
"""

from __future__ import annotations

from typing import Final, TypeVar

from monitor.codec.jt809 import Form, Frame, Version
from monitor.codec.jt809.alarms import (
    DownUrgeTodo,
    DownWarnExchange,
    DownWarnTips,
    UpUrgeTodoReply,
    UpWarnHandled,
    UpWarnInfo,
    UpWarnResult,
    UpWarnTips,
)
from monitor.codec.jt809.platforms import DownPlatformInfo, DownPostQuery, UpPlatformInfoReply, UpPostQueryReply
from monitor.codec.jt809.static import UpVehicleAddedReply, car_pairs, car_text
from monitor.codec.jt809.vehicles import (
    DownCarInfo,
    UpDriverInfo,
    UpDriverInfoReply,
    UpRegister,
    UpWaybill,
    UpWaybillReply,
)
from monitor.model.exchange import (
    AlarmResult,
    ExchangeEvent,
    Inquiry,
    InquiryAnswer,
    PlatformText,
    RegisteredVehicle,
    ReportedAlarm,
    StaticVehicle,
    SupervisionAnswer,
    SupervisionRequest,
    TextReceipt,
    VehicleDriver,
    VehicleWaybill,
)

_Warning = UpWarnInfo | UpWarnTips | DownWarnTips | DownWarnExchange
_W = TypeVar("_W", UpWarnInfo, UpWarnTips, DownWarnTips, DownWarnExchange)
INQUIRY: Final = DownPostQuery.sub_type


def event_from_below(frame: Frame, at_ms: int) -> ExchangeEvent | None:
    """What a lower platform says; None for what is no business of the desk, or for an upper platform alone to say."""
    message, header = frame.message, frame.header
    match message:
        case UpPostQueryReply():
            return InquiryAnswer(
                answer=message.content,
                answered_ms=at_ms,
                info_id=message.info_id,
                sn=message.source_sn,
                object_type=message.object_type,
                object_id=message.object_id,
                responder=message.responder,
                responder_tel=message.responder_tel,
            )
        case UpPlatformInfoReply():
            return TextReceipt(at_ms, info_id=message.info_id, sn=message.source_sn)
        case UpUrgeTodoReply():
            return SupervisionAnswer(
                result=message.result,
                at_ms=at_ms,
                supervision_id=message.supervision_id,
                sn=message.sn,
                plate=message.plate,
                plate_color=message.plate_color,
                source_type=message.source_type,
                source_sn=message.source_sn,
            )
        case UpWarnInfo() | UpWarnTips():
            return _reported(message, at_ms, header.sn)
        case UpWarnHandled():
            return AlarmResult(
                message.result, at_ms, info_id=message.info_id, plate=message.plate, plate_color=message.plate_color
            )
        case UpWarnResult():
            return AlarmResult(
                message.result,
                at_ms,
                source_type=message.source_type,
                source_sn=message.source_sn,
                plate=message.plate,
                plate_color=message.plate_color,
            )
        case UpRegister():
            return RegisteredVehicle(
                message.plate,
                message.plate_color,
                at_ms,
                platform_id=message.platform_id,
                producer_id=message.producer_id,
                model=message.model,
                terminal_id=message.terminal_id,
                phone=message.phone.lstrip("0"),
                imei=message.imei,
            )
        case UpVehicleAddedReply():
            return StaticVehicle(message.plate, message.plate_color, at_ms, car_pairs(message.car_info))
        case UpDriverInfo() | UpDriverInfoReply():
            return VehicleDriver(
                message.plate,
                message.plate_color,
                at_ms,
                name=message.name,
                driver_id=message.driver_id,
                licence=message.licence,
                issuer=message.issuer,
                valid_ms=message.valid_ms,
            )
        case UpWaybill() | UpWaybillReply():
            return VehicleWaybill(message.plate, message.plate_color, at_ms, message.content)
    return None


def event_from_above(frame: Frame, at_ms: int) -> ExchangeEvent | None:
    """What an upper platform says; None for what is no business of the desk, or for a lower platform alone to say."""
    message, header = frame.message, frame.header
    match message:
        case DownPostQuery():
            return Inquiry(
                info_id=message.info_id,
                question=message.content,
                asked_ms=at_ms,
                object_type=message.object_type,
                object_id=message.object_id,
                answer_minutes=message.answer_time,
                sn=header.sn,
            )
        case DownPlatformInfo():
            return PlatformText(
                message.info_id, message.content, at_ms, message.object_type, message.object_id, sn=header.sn
            )
        case DownUrgeTodo():
            return SupervisionRequest(
                warn_ms=message.warn_ms,
                deadline_ms=message.deadline_ms,
                level=message.level,
                supervisor=message.supervisor,
                at_ms=at_ms,
                supervisor_tel=message.supervisor_tel,
                supervisor_email=message.supervisor_email,
                plate=message.plate,
                plate_color=message.plate_color,
                warn_source=message.warn_source,
                warn_type=message.warn_type,
                supervision_id=message.supervision_id,
                platform_id=message.platform_id,
                source_type=message.source_type,
                source_sn=message.source_sn,
                sn=header.sn,
            )
        case DownWarnTips() | DownWarnExchange():
            return _reported(message, at_ms, header.sn)
        case DownCarInfo():
            return StaticVehicle(message.plate, message.plate_color, at_ms, car_pairs(message.car_info))
    return None


def _reported(message: _Warning, at_ms: int, sn: int) -> ReportedAlarm:
    return ReportedAlarm(
        warn_type=message.warn_type,
        warn_ms=message.warn_ms or message.start_ms,
        at_ms=at_ms,
        msg_type=message.sub_type,
        content=message.content,
        plate=message.plate,
        plate_color=message.plate_color,
        warn_source=message.warn_source,
        info_id=message.info_id,
        start_ms=message.start_ms,
        end_ms=message.end_ms,
        platform_id=message.platform_id,
        sn=sn,
    )


def inquiry(words: Inquiry, form: Form) -> DownPostQuery:
    return DownPostQuery(
        object_type=words.object_type,
        object_id=words.object_id,
        answer_time=min(words.answer_minutes, 0xFF),
        info_id=words.info_id,
        content=words.question,
        form=form,
    )


def inquiry_answer(words: InquiryAnswer, form: Form) -> UpPostQueryReply:
    return UpPostQueryReply(
        object_type=words.object_type,
        responder=words.responder,
        responder_tel=words.responder_tel,
        object_id=words.object_id,
        info_id=words.info_id,
        source_type=INQUIRY,
        source_sn=words.sn,
        content=words.answer,
        form=form,
    )


def platform_text(words: PlatformText, form: Form) -> DownPlatformInfo:
    return DownPlatformInfo(
        object_type=words.object_type,
        object_id=words.object_id,
        info_id=words.info_id,
        content=words.text,
        form=form,
    )


def supervision_request(words: SupervisionRequest) -> DownUrgeTodo:
    return DownUrgeTodo(
        plate=words.plate,
        plate_color=words.plate_color,
        warn_source=words.warn_source,
        warn_type=words.warn_type,
        platform_id=words.platform_id,
        warn_ms=words.warn_ms,
        source_type=words.source_type,
        source_sn=words.source_sn,
        supervision_id=words.supervision_id,
        deadline_ms=words.deadline_ms,
        level=words.level,
        supervisor=words.supervisor,
        supervisor_tel=words.supervisor_tel,
        supervisor_email=words.supervisor_email,
    )


def supervision_answer(words: SupervisionAnswer, source: tuple[int, int]) -> UpUrgeTodoReply:
    """``source``: type and number of the message that the request referred to, where the words do not say."""
    source_type, source_sn = (words.source_type, words.source_sn) if words.source_type else source
    return UpUrgeTodoReply(
        plate=words.plate,
        plate_color=words.plate_color,
        supervision_id=words.supervision_id,
        sn=words.sn,
        source_type=source_type,
        source_sn=source_sn,
        result=words.result,
    )


def alarm_from_below(words: ReportedAlarm, platform_id: str, version: Version) -> UpWarnInfo | UpWarnTips:
    """0x1402; 0x1403 where the words ask for it and the edition has it. ``platform_id``: ours, for want of another."""
    if words.msg_type == UpWarnTips.sub_type and version is Version.V2019:
        return _filled(UpWarnTips, words, platform_id)
    return _filled(UpWarnInfo, words, platform_id)


def alarm_from_above(words: ReportedAlarm) -> DownWarnTips | DownWarnExchange:
    """0x9402; 0x9403 where the words ask for it."""
    if words.msg_type == DownWarnExchange.sub_type:
        return _filled(DownWarnExchange, words, "")
    return _filled(DownWarnTips, words, "")


def _filled(kind: type[_W], words: ReportedAlarm, platform_id: str) -> _W:
    return kind(
        plate=words.plate,
        plate_color=words.plate_color,
        warn_source=words.warn_source,
        warn_type=words.warn_type,
        warn_ms=words.warn_ms,
        info_id=words.info_id,
        platform_id=words.platform_id or platform_id,
        start_ms=words.start_ms or words.warn_ms,
        end_ms=words.end_ms,
        content=words.content,
    )


def alarm_result(words: AlarmResult, version: Version) -> UpWarnHandled | UpWarnResult:
    if version is Version.V2011:
        return UpWarnHandled(
            plate=words.plate, plate_color=words.plate_color, info_id=words.info_id, result=words.result
        )
    return UpWarnResult(source_type=words.source_type, source_sn=words.source_sn, result=words.result)


def registered_vehicle(words: RegisteredVehicle, platform_id: str, form: Form) -> UpRegister:
    return UpRegister(
        plate=words.plate,
        plate_color=words.plate_color,
        platform_id=words.platform_id or platform_id,
        producer_id=words.producer_id,
        model=words.model,
        imei=words.imei,
        terminal_id=words.terminal_id,
        phone=words.phone,
        form=form,
    )


def static_vehicle(words: StaticVehicle, source: tuple[int, int] = (0, 0)) -> UpVehicleAddedReply:
    """``source``: type and number of the question, where there was one."""
    return UpVehicleAddedReply(
        plate=words.plate,
        plate_color=words.plate_color,
        source_type=source[0],
        source_sn=source[1],
        car_info=car_text(words.fields),
    )


def driver(words: VehicleDriver) -> UpDriverInfo:
    return UpDriverInfo(
        plate=words.plate,
        plate_color=words.plate_color,
        name=words.name,
        driver_id=words.driver_id,
        licence=words.licence,
        issuer=words.issuer,
        valid_ms=words.valid_ms,
    )


def driver_answer(words: VehicleDriver, source: tuple[int, int]) -> UpDriverInfoReply:
    return UpDriverInfoReply(
        plate=words.plate,
        plate_color=words.plate_color,
        source_type=source[0],
        source_sn=source[1],
        name=words.name,
        driver_id=words.driver_id,
        licence=words.licence,
        issuer=words.issuer,
        valid_ms=words.valid_ms,
    )


def waybill(words: VehicleWaybill) -> UpWaybill:
    return UpWaybill(plate=words.plate, plate_color=words.plate_color, content=words.content)


def waybill_answer(words: VehicleWaybill, source: tuple[int, int]) -> UpWaybillReply:
    return UpWaybillReply(
        plate=words.plate,
        plate_color=words.plate_color,
        source_type=source[0],
        source_sn=source[1],
        content=words.content,
    )
