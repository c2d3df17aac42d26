"""Orders about positions: query 0x8201, temporary tracking 0x8202, confirmation of alarms by a person 0x8203.

0x8201: empty, answered by 0x0201. 0x8202: interval WORD s, validity DWORD s; interval 0 ends it and nothing follows.
0x8203 (2013 on): serial WORD of the 0x0200 that raised the alarm, 0 = every one of these kinds; kinds DWORD as the
alarm word, of which bits 0, 3, 20, 21, 22, 27 and 28 can be confirmed.
"""

from __future__ import annotations

from typing import ClassVar, Self

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer


class PositionQuery(Message, frozen=True):
    """0x8201 位置信息查询."""

    msg_id: ClassVar[int] = 0x8201


class Track(Message, frozen=True):
    """0x8202 临时位置跟踪控制."""

    msg_id: ClassVar[int] = 0x8202
    interval_s: int
    validity_s: int = 0

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        interval_s = body.u16("interval")
        return cls(interval_s, body.u32("validity") if interval_s else 0)

    def write(self, out: Writer, version: Version) -> None:
        out.u16(self.interval_s, "interval")
        if self.interval_s:
            out.u32(self.validity_s, "validity")


class ConfirmAlarm(Message, frozen=True):
    """0x8203 人工确认报警; ``alarm_flags`` are the bits to confirm."""

    msg_id: ClassVar[int] = 0x8203
    alarm_serial: int
    alarm_flags: int

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.u16("alarm_serial"), body.u32("alarm_flags"))

    def write(self, out: Writer, version: Version) -> None:
        out.u16(self.alarm_serial, "alarm_serial")
        out.u32(self.alarm_flags, "alarm_flags")
