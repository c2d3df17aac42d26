"""0x1400 / 0x9400 alarms 报警信息交互: supervision requests 督办, reported alarms, results, warnings 预警.

Reference §8. 2011: vehicle wrapper. 2019: platform wrapper, the vehicle is named inside or by the message referred to.
"""

from __future__ import annotations

from typing import ClassVar

from monitor.codec.jt809.fields import SOURCE, Content, Identifier, Number, Platform, Seconds, Text, u8, u16, u32
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.layout import Layout
from monitor.codec.jt809.message import Form, VehicleMessage
from monitor.model.exchange import SupervisionLevel, WarnSource

MOST_CONTENT = 1_024
"""Bytes of GBK in INFO_CONTENT at most, both editions."""

_OLD, _NEW = Version.V2011, Version.V2019


class DownUrgeTodo(VehicleMessage, frozen=True, kw_only=True):
    """0x9401 报警督办请求, down. Unknown levels occur.

    2011: plate, warn source and type, ``supervision_id``. 2019: ``platform_id`` that raised the alarm and, as source,
    the 0x1202 or 0x1402 that brought it.
    """

    msg_id: ClassVar[int] = 0x9400
    sub_type: ClassVar[int] = 0x9401
    warn_source: int = WarnSource.GOVERNMENT
    warn_type: int = 0
    platform_id: str = ""
    warn_ms: int = 0
    source_type: int = 0
    source_sn: int = 0
    supervision_id: int = 0
    deadline_ms: int = 0
    level: int = SupervisionLevel.NORMAL
    supervisor: str = ""
    supervisor_tel: str = ""
    supervisor_email: str = ""


class UpUrgeTodoReply(VehicleMessage, frozen=True, kw_only=True):
    """0x1401 报警督办应答, up. 2011 by ``supervision_id``; 2019 by ``sn``, the request's header number, and the source
    that the request named."""

    msg_id: ClassVar[int] = 0x1400
    sub_type: ClassVar[int] = 0x1401
    supervision_id: int = 0
    sn: int = 0
    source_type: int = 0
    source_sn: int = 0
    result: int = 0


class _Warning(VehicleMessage, frozen=True, kw_only=True):
    """Fields that 0x1402, 0x1403 (2019), 0x9402 and 0x9403 share. ``platform_id`` raised it, ``about_platform_id`` is
    the platform it is about if it is about no vehicle. ``VARIANT``: the test laboratory's, without ``warn_ms`` and with
    ms on the wire (70 bytes and the content)."""

    warn_source: int = WarnSource.ENTERPRISE
    warn_type: int = 0
    warn_ms: int = 0
    info_id: int = 0
    platform_id: str = ""
    start_ms: int = 0
    end_ms: int = 0
    about_platform_id: str = ""
    line_id: int = 0
    content: str = ""


class UpWarnInfo(_Warning, frozen=True, kw_only=True):
    """0x1402 上报报警信息, up. No answer."""

    msg_id: ClassVar[int] = 0x1400
    sub_type: ClassVar[int] = 0x1402


class UpWarnHandled(VehicleMessage, frozen=True, kw_only=True):
    """0x1403 主动上报报警处理结果 (2011, supplement), up: ``info_id`` of the 0x1402."""

    msg_id: ClassVar[int] = 0x1400
    sub_type: ClassVar[int] = 0x1403
    info_id: int = 0
    result: int = 0


class UpWarnTips(_Warning, frozen=True, kw_only=True):
    """0x1403 上报报警预警 (2019), up: the same number as ``UpWarnHandled`` of 2011."""

    msg_id: ClassVar[int] = 0x1400
    sub_type: ClassVar[int] = 0x1403


class UpUrgeTodoReplyInfo(VehicleMessage, frozen=True, kw_only=True):
    """0x1411 上报报警督办应答 (2019), up: the answer to a supervision request of the platform below."""

    msg_id: ClassVar[int] = 0x1400
    sub_type: ClassVar[int] = 0x1411
    source_type: int = 0
    source_sn: int = 0
    result: int = 0


class UpWarnResult(VehicleMessage, frozen=True, kw_only=True):
    """0x1412 主动上报报警处理结果 (2019), up, no answer: source is the 0x1402 or 0x1202 with the alarm."""

    msg_id: ClassVar[int] = 0x1400
    sub_type: ClassVar[int] = 0x1412
    source_type: int = 0
    source_sn: int = 0
    result: int = 0


class UpUrgeTodoInfo(VehicleMessage, frozen=True, kw_only=True):
    """0x1413 上报报警督办请求 (2019), up: that the platform below was urged."""

    msg_id: ClassVar[int] = 0x1400
    sub_type: ClassVar[int] = 0x1413
    platform_id: str = ""
    warn_ms: int = 0
    source_type: int = 0
    source_sn: int = 0
    deadline_ms: int = 0
    level: int = SupervisionLevel.NORMAL
    supervisor: str = ""
    supervisor_tel: str = ""
    supervisor_email: str = ""


class DownWarnTips(_Warning, frozen=True, kw_only=True):
    """0x9402 报警预警, down. No answer."""

    msg_id: ClassVar[int] = 0x9400
    sub_type: ClassVar[int] = 0x9402


class DownWarnExchange(_Warning, frozen=True, kw_only=True):
    """0x9403 实时交换报警信息, down. No answer."""

    msg_id: ClassVar[int] = 0x9400
    sub_type: ClassVar[int] = 0x9403


_WHO = (Text("supervisor", 16), Text("supervisor_tel", 20), Text("supervisor_email", 32))
_URGED = (
    Platform("platform_id"),
    Seconds("warn_ms"),
    *SOURCE,
    Seconds("deadline_ms"),
    u8("level"),
    *_WHO,
)
_OLD_WARNING = (u8("warn_source"), u16("warn_type"), Seconds("warn_ms"))
_CONTENT = Content("content", 4, MOST_CONTENT)
_ABOUT = (
    Identifier("plate", 21),
    u8("plate_color"),
    Platform("about_platform_id"),
    u32("line_id"),
    _CONTENT,
)


def _warnings(kind: type[_Warning], old: tuple[Number | Seconds | Content, ...] | None) -> tuple[Layout, ...]:
    head = (Platform("platform_id"), u16("warn_type"))
    newer = (
        Layout(kind, _NEW, (*head, Seconds("warn_ms"), Seconds("start_ms"), Seconds("end_ms"), *_ABOUT)),
        Layout(kind, _NEW, (*head, Seconds("start_ms", ms=True), Seconds("end_ms", ms=True), *_ABOUT), Form.VARIANT),
    )
    return newer if old is None else (Layout(kind, _OLD, old), *newer)


LAYOUTS: tuple[Layout, ...] = (
    Layout(
        DownUrgeTodo,
        _OLD,
        (*_OLD_WARNING, u32("supervision_id"), Seconds("deadline_ms"), u8("level"), *_WHO),
    ),
    Layout(DownUrgeTodo, _NEW, _URGED),
    Layout(UpUrgeTodoReply, _OLD, (u32("supervision_id"), u8("result"))),
    Layout(UpUrgeTodoReply, _NEW, (u32("sn"), *SOURCE, u8("result"))),
    *_warnings(UpWarnInfo, (*_OLD_WARNING, u32("info_id"), _CONTENT)),
    Layout(UpWarnHandled, _OLD, (u32("info_id"), u8("result"))),
    *_warnings(UpWarnTips, None),
    Layout(UpUrgeTodoReplyInfo, _NEW, (*SOURCE, u8("result"))),
    Layout(UpWarnResult, _NEW, (*SOURCE, u8("result"))),
    Layout(UpUrgeTodoInfo, _NEW, _URGED),
    *_warnings(DownWarnTips, (*_OLD_WARNING, _CONTENT)),
    *_warnings(DownWarnExchange, (*_OLD_WARNING, _CONTENT)),
)
