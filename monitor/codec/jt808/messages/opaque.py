"""Contents that are handed on as they are: transparent 透传 0x0900 and 0x8900, gzip 0x0901, RSA keys 0x0A00 and 0x8A00.

0x0900, 0x8900: kind BYTE, data. 0x0901: length DWORD, data. 0x0A00, 0x8A00: exponent DWORD, modulus BYTE[128].
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer

MODULUS_SIZE: Final = 128


class TransparentUp(Message, frozen=True):
    """0x0900 数据上行透传. Some terminals send nothing else until it is answered."""

    msg_id: ClassVar[int] = 0x0900
    kind: int
    data: bytes = b""

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.u8("kind"), body.rest())

    def write(self, out: Writer, version: Version) -> None:
        out.u8(self.kind, "kind")
        out.raw(self.data)


class TransparentDown(TransparentUp, frozen=True):
    """0x8900 数据下行透传."""

    msg_id: ClassVar[int] = 0x8900


class CompressedUp(Message, frozen=True):
    """0x0901 数据压缩上报; ``data`` is the gzip stream."""

    msg_id: ClassVar[int] = 0x0901
    data: bytes

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.take(body.u32("data_length"), "data"))

    def write(self, out: Writer, version: Version) -> None:
        out.u32(len(self.data), "data_length")
        out.raw(self.data)


class TerminalKey(Message, frozen=True):
    """0x0A00 终端 RSA 公钥."""

    msg_id: ClassVar[int] = 0x0A00
    exponent: int
    modulus: bytes

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.u32("exponent"), body.take(MODULUS_SIZE, "modulus"))

    def write(self, out: Writer, version: Version) -> None:
        out.u32(self.exponent, "exponent")
        out.exact(self.modulus, MODULUS_SIZE, "modulus")


class PlatformKey(TerminalKey, frozen=True):
    """0x8A00 平台 RSA 公钥."""

    msg_id: ClassVar[int] = 0x8A00
