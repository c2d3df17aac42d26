"""General replies 通用应答: 0x0001 of the terminal, 0x8001 of the platform. Never answered themselves.

==== ======== ===== ====================================
0    应答流水号 WORD  serial of the message answered
2    应答ID    WORD  id of the message answered
4    结果      BYTE  ``Result``
==== ======== ===== ====================================
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Self

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer


class Result(IntEnum):
    """结果. ``ALARM_HANDLED`` 报警处理确认 (platform, 2013 on) also clears bits that are held until answered."""

    SUCCESS = 0
    FAILURE = 1
    BAD_MESSAGE = 2
    UNSUPPORTED = 3
    ALARM_HANDLED = 4


class TerminalReply(Message, frozen=True):
    """0x0001 终端通用应答."""

    msg_id: ClassVar[int] = 0x0001
    reply_serial: int
    reply_id: int
    result: int = Result.SUCCESS

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.u16("reply_serial"), body.u16("reply_id"), body.u8("result"))

    def write(self, out: Writer, version: Version) -> None:
        out.u16(self.reply_serial, "reply_serial")
        out.u16(self.reply_id, "reply_id")
        out.u8(self.result, "result")


class PlatformReply(TerminalReply, frozen=True):
    """0x8001 平台通用应答."""

    msg_id: ClassVar[int] = 0x8001
