"""0x1001-0x1008 and 0x9001-0x9008: log-in, heartbeat and end of the main link 主链路 and the sub link 从链路;
0x9101, 0x9102, 0x1102, 0x1103, 0x9103: how much was sent and received 链路管理.

Reference §4. No wrapper: the fields are the body.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import ClassVar

import msgspec

from monitor.codec.jt809.fields import Field, Identifier, Number, Platform, Seconds, Values, u8, u16, u32
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.layout import Layout, both
from monitor.codec.jt809.message import Message
from monitor.codec.jt809.reader import Reader
from monitor.codec.jt809.writer import Writer


class LoginResult(IntEnum):
    """Results of 0x1002. ``OTHER`` of 2011 is 6."""

    OK = 0
    BAD_ADDRESS = 1
    BAD_ACCESS_CODE = 2
    UNKNOWN_USER = 3
    BAD_PASSWORD = 4
    BUSY = 5
    OTHER_2011 = 6
    OTHER_2019 = 0xFF


class SubLinkResult(IntEnum):
    """Results of 0x9002."""

    OK = 0
    BAD_VERIFY_CODE = 1
    BUSY = 2
    OTHER_2011 = 3
    OTHER_2019 = 0xFF


class UpConnectRequest(Message, frozen=True, kw_only=True):
    """0x1001 主链路登录请求, up. ``down_ip`` and ``down_port``: where the lower platform waits for the sub link."""

    msg_id: ClassVar[int] = 0x1001
    user_id: int
    password: str
    access_code: int = 0  # 2019
    down_ip: str = ""
    down_port: int = 0

    def __repr__(self) -> str:
        return f"UpConnectRequest(user_id={self.user_id}, down_ip={self.down_ip!r}, down_port={self.down_port})"


class UpConnectReply(Message, frozen=True, kw_only=True):
    """0x1002 主链路登录应答, down. ``result`` is a ``LoginResult``; the sub link brings ``verify_code`` back."""

    msg_id: ClassVar[int] = 0x1002
    result: int
    verify_code: int = 0

    def __repr__(self) -> str:
        return f"UpConnectReply(result={self.result})"


class UpDisconnectRequest(Message, frozen=True, kw_only=True):
    """0x1003 主链路注销请求, up."""

    msg_id: ClassVar[int] = 0x1003
    user_id: int
    password: str

    def __repr__(self) -> str:
        return f"UpDisconnectRequest(user_id={self.user_id})"


class UpDisconnectReply(Message, frozen=True, kw_only=True):
    """0x1004 主链路注销应答, down: empty."""

    msg_id: ClassVar[int] = 0x1004


class UpLinkTest(Message, frozen=True, kw_only=True):
    """0x1005 主链路连接保持请求, up: empty."""

    msg_id: ClassVar[int] = 0x1005


class UpLinkTestReply(Message, frozen=True, kw_only=True):
    """0x1006 主链路连接保持应答, down: empty; goes out on the link the request came from."""

    msg_id: ClassVar[int] = 0x1006


class UpDisconnectInform(Message, frozen=True, kw_only=True):
    """0x1007 主链路断开通知, up on the sub link. 0 main link broken, 1 other. No answer."""

    msg_id: ClassVar[int] = 0x1007
    error_code: int = 0


class UpCloseLinkInform(Message, frozen=True, kw_only=True):
    """0x1008 下级平台主动关闭链路通知, up on the sub link. 2011: 0 restart, 2019: 0 sub link broken; 1 other."""

    msg_id: ClassVar[int] = 0x1008
    reason: int = 0


class DownConnectRequest(Message, frozen=True, kw_only=True):
    """0x9001 从链路连接请求, down."""

    msg_id: ClassVar[int] = 0x9001
    verify_code: int

    def __repr__(self) -> str:
        return "DownConnectRequest()"


class DownConnectReply(Message, frozen=True, kw_only=True):
    """0x9002 从链路连接应答, up. ``result`` is a ``SubLinkResult``."""

    msg_id: ClassVar[int] = 0x9002
    result: int


class DownDisconnectRequest(Message, frozen=True, kw_only=True):
    """0x9003 从链路注销请求, down."""

    msg_id: ClassVar[int] = 0x9003
    verify_code: int

    def __repr__(self) -> str:
        return "DownDisconnectRequest()"


class DownDisconnectReply(Message, frozen=True, kw_only=True):
    """0x9004 从链路注销应答, up: empty."""

    msg_id: ClassVar[int] = 0x9004


class DownLinkTest(Message, frozen=True, kw_only=True):
    """0x9005 从链路连接保持请求, down: empty."""

    msg_id: ClassVar[int] = 0x9005


class DownLinkTestReply(Message, frozen=True, kw_only=True):
    """0x9006 从链路连接保持应答, up: empty."""

    msg_id: ClassVar[int] = 0x9006


class DownDisconnectInform(Message, frozen=True, kw_only=True):
    """0x9007 从链路断开通知, down on the main link. 0 cannot connect, 1 disconnected, 2 (2019: 0xFF) other."""

    msg_id: ClassVar[int] = 0x9007
    error_code: int = 0


class DownCloseLinkInform(Message, frozen=True, kw_only=True):
    """0x9008 上级平台主动关闭链路通知, down on the main link. 0 restart, 1 (2019: 0xFF) other."""

    msg_id: ClassVar[int] = 0x9008
    reason: int = 0


class DownTotalReceived(Message, frozen=True, kw_only=True):
    """0x9101 定位信息数量通知: how many positions between two times. 2011 down (received), 2019 up (sent)."""

    msg_id: ClassVar[int] = 0x9101
    count: int
    start_ms: int = 0
    end_ms: int = 0


class DownManageRequest(Message, frozen=True, kw_only=True):
    """0x9102 平台链路与传输情况上报请求 (2019), down."""

    msg_id: ClassVar[int] = 0x9102
    data_type: int = 0x9102
    platform_id: str = ""
    start_ms: int = 0
    end_ms: int = 0


class UpManageReply(Message, frozen=True, kw_only=True):
    """0x1102 平台链路与传输情况上报应答 (2019), up. ``disconnected_s`` in total over ``disconnections``."""

    msg_id: ClassVar[int] = 0x1102
    data_type: int = 0x1102
    platform_id: str = ""
    start_ms: int = 0
    end_ms: int = 0
    lost_positions: int = 0
    disconnections: int = 0
    disconnected_s: int = 0


class LastSequence(msgspec.Struct, frozen=True, kw_only=True):
    """Last sequence number of one sub type, and when it was sent."""

    sub_type: int
    sn: int
    at_ms: int = 0


class UpManageSequences(Message, frozen=True, kw_only=True):
    """0x1103 上传平台间消息序列号通知 (2019), up, after the log-in."""

    msg_id: ClassVar[int] = 0x1103
    data_type: int = 0x1103
    sequences: tuple[LastSequence, ...] = ()


class DownManageSequences(Message, frozen=True, kw_only=True):
    """0x9103 下发平台间消息序列号通知 (2019), down, after the log-in."""

    msg_id: ClassVar[int] = 0x9103
    data_type: int = 0x9103
    sequences: tuple[LastSequence, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sequences:
    """count u8, then sub type u16, SN u32, time u64 each."""

    name: str = "sequences"

    def read(self, reader: Reader, values: Values) -> None:
        values[self.name] = tuple(
            LastSequence(
                sub_type=reader.number(2, self.name), sn=reader.number(4, self.name), at_ms=reader.time_ms(self.name)
            )
            for _ in range(reader.number(1, "count"))
        )

    def write(self, writer: Writer, values: Values) -> None:
        sequences = values[self.name]
        if not isinstance(sequences, tuple):
            raise TypeError("sequences have to be a tuple")
        writer.number(len(sequences), 1, "count")
        for one in sequences:
            writer.number(one.sub_type, 2, self.name)
            writer.number(one.sn, 4, self.name)
            writer.number(one.at_ms // 1_000, 8, self.name)


@dataclass(frozen=True, slots=True)
class _Length:
    """DATA_LENGTH of 0x1102, 0x9102, 0x1103 and 0x9103: what follows it; what a sender puts there is not looked at."""

    fields: tuple[Field, ...]

    def read(self, reader: Reader, values: Values) -> None:
        reader.odd = reader.number(4, "data_length") != reader.left or reader.odd

    def write(self, writer: Writer, values: Values) -> None:
        data = Writer()
        for field in self.fields:
            field.write(data, values)
        writer.number(len(data.body), 4, "data_length")


_SPAN = (Seconds("start_ms"), Seconds("end_ms"))
_LOGIN = (u32("user_id"), Identifier("password", 8))
_ADDRESS = (Identifier("down_ip", 32), u16("down_port"))
_REQUEST = (Platform("platform_id"), *_SPAN)
_ANSWER = (*_REQUEST, u32("lost_positions"), u8("disconnections"), u32("disconnected_s"))


def _typed(*fields: Field) -> tuple[Field, ...]:
    return (Number("data_type", 2), _Length(fields), *fields)


LAYOUTS = (
    Layout(UpConnectRequest, Version.V2011, (*_LOGIN, *_ADDRESS)),
    Layout(UpConnectRequest, Version.V2019, (*_LOGIN, u32("access_code"), *_ADDRESS)),
    *both(UpConnectReply, u8("result"), u32("verify_code")),
    *both(UpDisconnectRequest, *_LOGIN),
    *both(UpDisconnectReply),
    *both(UpLinkTest),
    *both(UpLinkTestReply),
    *both(UpDisconnectInform, u8("error_code")),
    *both(UpCloseLinkInform, u8("reason")),
    *both(DownConnectRequest, u32("verify_code")),
    *both(DownConnectReply, u8("result")),
    *both(DownDisconnectRequest, u32("verify_code")),
    *both(DownDisconnectReply),
    *both(DownLinkTest),
    *both(DownLinkTestReply),
    *both(DownDisconnectInform, u8("error_code")),
    *both(DownCloseLinkInform, u8("reason")),
    *both(DownTotalReceived, u32("count"), *_SPAN),
    *both(DownManageRequest, *_typed(*_REQUEST)),
    *both(UpManageReply, *_typed(*_ANSWER)),
    *both(UpManageSequences, *_typed(_Sequences())),
    *both(DownManageSequences, *_typed(_Sequences())),
)
"""0x1102, 0x1103, 0x9102 and 0x9103 are of 2019 only; on a link of 2011 they are read and written all the same."""
