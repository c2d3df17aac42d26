"""Contents that the vehicle's equipment hands over: waybill 0x0701, CAN data 0x0705, recorder data 0x0700.

0x0701: length DWORD, content STRING. 0x0705 (2013 on): count WORD, time of the first frame BCD[5] ``hhmmssmsms``, items
{CAN id DWORD, data BYTE[8]} from offset 7 (the printed 8 is a slip). 0x0700: serial WORD, command BYTE, data.
"""

from __future__ import annotations

from typing import ClassVar, Self

import msgspec

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer


class Waybill(Message, frozen=True):
    """0x0701 电子运单上报."""

    msg_id: ClassVar[int] = 0x0701
    content: str

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.text(body.u32("content_length"), "content"))

    def write(self, out: Writer, version: Version) -> None:
        inner = Writer(self.msg_id)
        inner.text(self.content)
        out.u32(len(inner.body), "content_length")
        out.raw(bytes(inner.body))


class CanItem(msgspec.Struct, frozen=True):
    """``id``: bit 31 channel, bit 30 extended frame, bit 29 average, bits 0 to 28 the CAN id; ``data`` 8 bytes."""

    id: int
    data: bytes


class CanData(Message, frozen=True):
    """0x0705 CAN 总线数据上传, kept raw. ``time`` is its ten digits, ``count`` as declared, -1 to be counted."""

    msg_id: ClassVar[int] = 0x0705
    time: str
    items: tuple[CanItem, ...]
    count: int = -1

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        """Items are read until the body ends, whatever the count says."""
        count, time = body.u16("count"), body.take(5, "time").hex()
        items = []
        while body.left >= 12:
            items.append(CanItem(body.u32("items.id"), body.take(8, "items.data")))
        return cls(time, tuple(items), count)

    def write(self, out: Writer, version: Version) -> None:
        out.u16(len(self.items) if self.count < 0 else self.count, "count")
        out.digits(self.time, 5, "time")
        for item in self.items:
            out.u32(item.id, "items.id")
            out.exact(item.data, 8, "items.data")


class RecorderData(Message, frozen=True):
    """0x0700 行驶记录数据上传; ``data`` is a block of GB/T 19056, kept raw."""

    msg_id: ClassVar[int] = 0x0700
    reply_serial: int
    command: int
    data: bytes = b""

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.u16("reply_serial"), body.u8("command"), body.rest())

    def write(self, out: Writer, version: Version) -> None:
        out.u16(self.reply_serial, "reply_serial")
        out.u8(self.command, "command")
        out.raw(self.data)
