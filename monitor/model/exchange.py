"""What platforms say to each other over JT/T 809, apart from positions: the same words for 2011 and 2019.

A link (链路) joins an upper platform 上级平台 and a lower one 下级平台 by a main link 主链路 that the lower opens and a
sub link 从链路 that the upper opens back. Times are epoch ms (UTC), 0 = unknown; plate colours are JT/T codes.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class LinkRole(StrEnum):
    """What we are on a link."""

    UPPER = "upper"
    LOWER = "lower"


class Channel(StrEnum):
    MAIN = "main"
    SUB = "sub"


class Direction(StrEnum):
    """Seen from here."""

    SENT = "sent"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """A channel of a link came up or went down."""

    link: str
    channel: Channel
    up: bool
    at_ms: int
    reason: str = ""
    platform: str = ""  # name of the other end in reports; the name of the link where empty


@dataclass(frozen=True, slots=True)
class Inquiry:
    """平台查岗 0x9301: a question that a person on duty has to answer in time. ``info_id`` is the asker's number."""

    info_id: int
    question: str
    asked_ms: int
    object_type: int = 1
    object_id: str = ""
    answer_minutes: int = 0  # 0 = not said
    sn: int = 0  # header sequence number of the question (2019 answers refer to it)


@dataclass(frozen=True, slots=True)
class InquiryAnswer:
    """0x1301; refers to ``info_id`` (2011) or to the question's ``sn`` (2019), the other is 0."""

    answer: str
    answered_ms: int
    info_id: int = 0
    sn: int = 0
    object_type: int = 1
    object_id: str = ""
    responder: str = ""
    responder_tel: str = ""


@dataclass(frozen=True, slots=True)
class PlatformText:
    """下发平台间报文 0x9302; its receipt is sent by the link itself."""

    info_id: int
    text: str
    at_ms: int
    object_type: int = 1
    object_id: str = ""
    sn: int = 0


@dataclass(frozen=True, slots=True)
class TextReceipt:
    """0x1302."""

    at_ms: int
    info_id: int = 0
    sn: int = 0


class WarnSource(IntEnum):
    """报警信息来源 of 2011."""

    TERMINAL = 1
    ENTERPRISE = 2
    GOVERNMENT = 3
    OTHER = 9


class SupervisionLevel(IntEnum):
    """督办级别; unknown numbers occur and are kept as numbers."""

    URGENT = 0
    NORMAL = 1


class HandlingResult(IntEnum):
    """报警处理结果."""

    IN_PROGRESS = 0
    DONE = 1
    NOT_HANDLED = 2
    LATER = 3
    FALSE_ALARM = 4


@dataclass(frozen=True, slots=True)
class SupervisionRequest:
    """报警督办请求 0x9401. 2011 names vehicle, type and ``supervision_id``; 2019 refers to the message that brought the
    alarm (``source_type`` 0x1202 or 0x1402 and its ``source_sn``) and is itself known by ``sn``."""

    warn_ms: int
    deadline_ms: int
    level: int
    supervisor: str
    at_ms: int
    supervisor_tel: str = ""
    supervisor_email: str = ""
    plate: str = ""
    plate_color: int = 0
    warn_source: int = WarnSource.GOVERNMENT
    warn_type: int = 0
    supervision_id: int = 0
    platform_id: str = ""
    source_type: int = 0
    source_sn: int = 0
    sn: int = 0


@dataclass(frozen=True, slots=True)
class SupervisionAnswer:
    """报警督办应答 0x1401: by ``supervision_id`` (2011) or by the request's ``sn`` (2019), which then repeats the
    request's ``source_type`` and ``source_sn``."""

    result: int
    at_ms: int
    supervision_id: int = 0
    sn: int = 0
    plate: str = ""
    plate_color: int = 0
    source_type: int = 0
    source_sn: int = 0


@dataclass(frozen=True, slots=True)
class ReportedAlarm:
    """上报报警信息 0x1402 from below, or 报警预警 0x9402 and 实时交换报警 0x9403 from above."""

    warn_type: int
    warn_ms: int
    at_ms: int
    msg_type: int  # 0x1402, 0x1403 (2019), 0x9402, 0x9403
    content: str = ""
    plate: str = ""
    plate_color: int = 0
    warn_source: int = WarnSource.OTHER
    info_id: int = 0
    start_ms: int = 0
    end_ms: int = 0
    platform_id: str = ""
    sn: int = 0


@dataclass(frozen=True, slots=True)
class AlarmResult:
    """报警处理结果 from below: 0x1403 by ``info_id`` (2011 supplement), 0x1412 by the source message (2019)."""

    result: int
    at_ms: int
    info_id: int = 0
    source_type: int = 0
    source_sn: int = 0
    plate: str = ""
    plate_color: int = 0


@dataclass(frozen=True, slots=True)
class RegisteredVehicle:
    """上传车辆注册信息 0x1201: which terminal and phone a vehicle has."""

    plate: str
    plate_color: int
    at_ms: int
    platform_id: str = ""
    producer_id: str = ""
    model: str = ""
    terminal_id: str = ""
    phone: str = ""
    imei: str = ""


@dataclass(frozen=True, slots=True)
class StaticVehicle:
    """车辆静态信息 0x1601: the pairs of ``KEY:=VALUE;`` in order."""

    plate: str
    plate_color: int
    at_ms: int
    fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class VehicleDriver:
    """驾驶员身份 0x120A, 0x120C."""

    plate: str
    plate_color: int
    at_ms: int
    name: str = ""
    driver_id: str = ""
    licence: str = ""
    issuer: str = ""
    valid_ms: int = 0


@dataclass(frozen=True, slots=True)
class VehicleWaybill:
    """电子运单 0x120B, 0x120D."""

    plate: str
    plate_color: int
    at_ms: int
    content: str = ""


ExchangeEvent = (
    LinkEvent
    | Inquiry
    | InquiryAnswer
    | PlatformText
    | TextReceipt
    | SupervisionRequest
    | SupervisionAnswer
    | ReportedAlarm
    | AlarmResult
    | RegisteredVehicle
    | StaticVehicle
    | VehicleDriver
    | VehicleWaybill
)
