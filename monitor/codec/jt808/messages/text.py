"""0x8300 text for the driver 文本信息下发: flags BYTE, 2019: kind BYTE, text STRING of at most 1024 bytes."""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import ClassVar, Final, Self

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer, encode_text

MAX_TEXT_BYTES: Final = 1024


class TextFlag(IntFlag):
    """文本信息标志 of 2011 and 2013; 2019 reads bits 0 and 1 together as ``TextUrgency`` and reserves bit 4."""

    URGENT = 1 << 0
    DISPLAY = 1 << 2
    SPEAK = 1 << 3
    ADVERTISING = 1 << 4
    CAN_FAULT = 1 << 5


class TextUrgency(IntEnum):
    """Bits 0 and 1 of the flags in 2019."""

    SERVICE = 1
    URGENT = 2
    NOTIFY = 3


class TextKind(IntEnum):
    """文本类型 (2019)."""

    NONE = 0  # not said: 2011 and 2013 have no kind
    NOTIFY = 1
    SERVICE = 2


class Text(Message, frozen=True):
    """0x8300; ``kind`` goes out in 2019 only and is 0 when read from an older body."""

    msg_id: ClassVar[int] = 0x8300
    flags: int
    kind: int
    text: str

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        flags = body.u8("flags")
        kind = body.u8("kind") if version == Version.V2019 else TextKind.NONE
        return cls(flags, kind, body.rest_text())

    def write(self, out: Writer, version: Version) -> None:
        raw = encode_text(self.text)
        if len(raw) > MAX_TEXT_BYTES:
            raise out.error("text", f"{len(raw)} bytes of GBK, at most {MAX_TEXT_BYTES}")
        out.u8(self.flags, "flags")
        if version == Version.V2019:
            out.u8(self.kind or TextKind.NOTIFY, "kind")
        out.raw(raw)
