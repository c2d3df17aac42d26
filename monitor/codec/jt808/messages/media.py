"""Multimedia 多媒体: event 0x0800, data 0x0801, its answer 0x8800.

0x0800: id DWORD, type, format, event, channel BYTE each. 0x0801: the same, then (2013 on) 28 bytes of 0x0200 at offset
8 and the data at 36; 2011 has total packages DWORD at 8, package id DWORD at 12 and the data at 16. 0x8800: id DWORD,
and if packets are missing their count BYTE and numbers WORD.
"""

from __future__ import annotations

from typing import ClassVar, Self

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.location import BASE_SIZE
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.position import Location
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer


class MediaEvent(Message, frozen=True):
    """0x0800 多媒体事件信息上传."""

    msg_id: ClassVar[int] = 0x0800
    media_id: int
    kind: int
    format: int
    event: int
    channel: int

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.u32("media_id"), body.u8("kind"), body.u8("format"), body.u8("event"), body.u8("channel"))

    def write(self, out: Writer, version: Version) -> None:
        out.u32(self.media_id, "media_id")
        for name in ("kind", "format", "event", "channel"):
            out.u8(getattr(self, name), name)


class MediaData(Message, frozen=True):
    """0x0801 多媒体数据上传. ``location`` is None in the layout of 2011, which has the two package numbers."""

    msg_id: ClassVar[int] = 0x0801
    media_id: int
    kind: int
    format: int
    event: int
    channel: int
    location: Location | None = None
    data: bytes = b""
    packages: int = 0
    package: int = 0

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        head = body.u32("media_id"), body.u8("kind"), body.u8("format"), body.u8("event"), body.u8("channel")
        if version == Version.V2011 or (version == Version.V2013 and not _positioned(body)):
            packages, package = body.u32("packages"), body.u32("package")
            return cls(*head, None, body.rest(), packages, package)
        return cls(*head, Location.read_base(body), body.rest())

    def write(self, out: Writer, version: Version) -> None:
        out.u32(self.media_id, "media_id")
        for name in ("kind", "format", "event", "channel"):
            out.u8(getattr(self, name), name)
        if self.location is None:
            out.u32(self.packages, "packages")
            out.u32(self.package, "package")
        else:
            self.location.write_base(out)
        out.raw(self.data)


def _positioned(body: Reader) -> bool:
    """Whether a time, or the zeros of a terminal without a fix, stands where a position has it."""
    if body.left < BASE_SIZE:
        return False
    field = body.body[body.at + 22 : body.at + BASE_SIZE]
    return field == bytes(6) or Reader(field, body.msg_id).time("time") is not None


class MediaReply(Message, frozen=True):
    """0x8800 多媒体数据上传应答; ``missing`` are packet numbers to be sent again, none if all are there.

    Nothing follows the id then; a count of 0, which some send, stays in ``tail``.
    """

    msg_id: ClassVar[int] = 0x8800
    media_id: int
    missing: tuple[int, ...] = ()

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        media_id = body.u32("media_id")
        count = body.u8("count") if body.body[body.at : body.at + 1] not in (b"", b"\0") else 0
        return cls(media_id, tuple(body.u16(f"missing[{number}]") for number in range(count)))

    def write(self, out: Writer, version: Version) -> None:
        out.u32(self.media_id, "media_id")
        if self.missing:
            out.u8(len(self.missing), "count")
        for number in self.missing:
            out.u16(number, "missing")
