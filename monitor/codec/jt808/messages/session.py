"""Messages that keep a connection: heartbeat 心跳, unregistration 注销, time 时间, link check 链路检测."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer


class Heartbeat(Message, frozen=True):
    """0x0002 终端心跳: empty; some terminals put battery and signal into it, which stay in ``tail``."""

    msg_id: ClassVar[int] = 0x0002


class Unregister(Message, frozen=True):
    """0x0003 终端注销: empty. The authentication code is void after it."""

    msg_id: ClassVar[int] = 0x0003


class TimeQuery(Message, frozen=True):
    """0x0004 查询服务器时间 (2019): empty, answered by 0x8004."""

    msg_id: ClassVar[int] = 0x0004


class TimeReply(Message, frozen=True):
    """0x8004 查询服务器时间应答 (2019): BCD[6], the only time of the standard that is UTC."""

    msg_id: ClassVar[int] = 0x8004
    time: datetime | None

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.utc_time("time"))

    def write(self, out: Writer, version: Version) -> None:
        out.utc_time(self.time, "time")


class LinkCheck(Message, frozen=True):
    """0x8204 链路检测 (2019): empty, answered by 0x0001."""

    msg_id: ClassVar[int] = 0x8204
