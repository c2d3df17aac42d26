"""Asking for missing packets of a sub-packaged message: 0x8003 by the platform, 0x0005 by the terminal (2019).

==== ============ ===== =====================================================
0    原始消息流水号 WORD  serial of the first packet of the message
2    重传包总数    BYTE  (2019: WORD) how many; the printed offset 4 is a slip
3/4  重传包ID列表  WORD  packet numbers, from 1
==== ============ ===== =====================================================
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import Editions, Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer

_EDITIONS: Final[Editions] = {
    Version.V2013: (Version.V2013, Version.V2019),
    Version.V2019: (Version.V2019, Version.V2013),
}


class RetransmitRequest(Message, frozen=True):
    """0x8003 补传分包请求. The sender repeats these packets unchanged."""

    msg_id: ClassVar[int] = 0x8003
    EDITIONS: ClassVar[Editions] = _EDITIONS
    first_serial: int
    indexes: tuple[int, ...]

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        first_serial = body.u16("first_serial")
        count = body.u16("count") if version == Version.V2019 else body.u8("count")
        return cls(first_serial, tuple(body.u16(f"indexes[{number}]") for number in range(count)))

    def write(self, out: Writer, version: Version) -> None:
        out.u16(self.first_serial, "first_serial")
        if version == Version.V2019:
            out.u16(len(self.indexes), "count")
        else:
            out.u8(len(self.indexes), "count")
        for index in self.indexes:
            out.u16(index, "indexes")


class TerminalRetransmitRequest(RetransmitRequest, frozen=True):
    """0x0005 终端补传分包请求 (2019)."""

    msg_id: ClassVar[int] = 0x0005
