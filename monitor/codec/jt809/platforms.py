"""0x1300 / 0x9300 messages between platforms 平台间信息交互: inquiry 查岗, text 报文, retransmission 补传.

Reference §7; platform wrapper. 2011 without the supplement names no object (``PLAIN``).
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar

from monitor.codec.jt809.fields import SOURCE, Content, Identifier, Number, Seconds, Text, u8, u32
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.layout import Layout, both
from monitor.codec.jt809.message import Form, Message

_OLD, _NEW = Version.V2011, Version.V2019


class ObjectType(IntEnum):
    """Whom an inquiry or a text is for 对象类型."""

    ONE_LOWER_PLATFORM = 0
    THIS_LOWER_PLATFORM = 1
    ONE_OPERATOR = 2
    ALL_OPERATORS = 3
    ALL_PLATFORMS = 4
    ALL_PLATFORMS_AND_OPERATORS = 5
    GOVERNMENT_PLATFORMS = 6
    ENTERPRISE_PLATFORMS = 7
    COMMERCIAL_PLATFORMS = 8
    NON_COMMERCIAL_PLATFORMS = 9


class DownPostQuery(Message, frozen=True, kw_only=True):
    """0x9301 平台查岗请求, down. ``answer_time`` (2019): minutes presumably, no unit is printed."""

    msg_id: ClassVar[int] = 0x9300
    sub_type: ClassVar[int] = 0x9301
    object_type: int = ObjectType.THIS_LOWER_PLATFORM
    object_id: str = ""
    answer_time: int = 0
    info_id: int = 0
    content: str = ""


class UpPostQueryReply(Message, frozen=True, kw_only=True):
    """0x1301 平台查岗应答, up. Refers to ``info_id`` (2011) or to the question's header number (2019)."""

    msg_id: ClassVar[int] = 0x1300
    sub_type: ClassVar[int] = 0x1301
    object_type: int = ObjectType.THIS_LOWER_PLATFORM
    responder: str = ""
    responder_tel: str = ""
    object_id: str = ""
    info_id: int = 0
    source_type: int = 0
    source_sn: int = 0
    content: str = ""


class DownPlatformInfo(Message, frozen=True, kw_only=True):
    """0x9302 下发平台间报文请求, down. ``VARIANT``: object id of 12 bytes in 2019 (SmallChi/JT809)."""

    msg_id: ClassVar[int] = 0x9300
    sub_type: ClassVar[int] = 0x9302
    object_type: int = ObjectType.THIS_LOWER_PLATFORM
    object_id: str = ""
    info_id: int = 0
    content: str = ""


class UpPlatformInfoReply(Message, frozen=True, kw_only=True):
    """0x1302 下发平台间报文应答, up."""

    msg_id: ClassVar[int] = 0x1300
    sub_type: ClassVar[int] = 0x1302
    info_id: int = 0
    source_type: int = 0
    source_sn: int = 0


class UpRetransmitRequest(Message, frozen=True, kw_only=True):
    """0x1303 上传平台间消息补传请求 (2019), up: ``first_sn`` to ``last_sn`` of a sub type, or all since a time."""

    msg_id: ClassVar[int] = 0x1300
    sub_type: ClassVar[int] = 0x1303
    data_type: int = 0
    count: int = 0
    first_sn: int = 0
    last_sn: int = 0
    since_ms: int = 0


class DownRetransmitRequest(Message, frozen=True, kw_only=True):
    """0x9303 下发平台间消息补传请求 (2019), down."""

    msg_id: ClassVar[int] = 0x9300
    sub_type: ClassVar[int] = 0x9303
    data_type: int = 0
    count: int = 0
    first_sn: int = 0
    last_sn: int = 0
    since_ms: int = 0


_TEXT = (u32("info_id"), Content("content"))
_RETRANSMIT = (Number("data_type", 2), u8("count"), u32("first_sn"), u32("last_sn"), Seconds("since_ms"))

LAYOUTS: tuple[Layout, ...] = (
    Layout(DownPostQuery, _OLD, _TEXT, Form.PLAIN),
    Layout(DownPostQuery, _OLD, (u8("object_type"), Identifier("object_id", 12), *_TEXT)),
    Layout(DownPostQuery, _NEW, (u8("object_type"), Identifier("object_id", 20), u8("answer_time"), *_TEXT)),
    Layout(UpPostQueryReply, _OLD, _TEXT, Form.PLAIN),
    Layout(UpPostQueryReply, _OLD, (u8("object_type"), Identifier("object_id", 12), *_TEXT)),
    Layout(
        UpPostQueryReply,
        _NEW,
        (
            u8("object_type"),
            Text("responder", 16),
            Text("responder_tel", 20),
            Identifier("object_id", 20),
            *SOURCE,
            Content("content"),
        ),
    ),
    Layout(DownPlatformInfo, _OLD, _TEXT, Form.PLAIN),
    Layout(DownPlatformInfo, _OLD, (u8("object_type"), Identifier("object_id", 12), *_TEXT)),
    Layout(DownPlatformInfo, _NEW, (u8("object_type"), Identifier("object_id", 20), *_TEXT)),
    Layout(DownPlatformInfo, _NEW, (u8("object_type"), Identifier("object_id", 12), *_TEXT), Form.VARIANT),
    Layout(UpPlatformInfoReply, _OLD, (u32("info_id"),)),
    Layout(UpPlatformInfoReply, _NEW, SOURCE),
    *both(UpRetransmitRequest, *_RETRANSMIT),
    *both(DownRetransmitRequest, *_RETRANSMIT),
)
"""Plain forms first: an object type and id where a number and a length are read cannot fit by chance."""
