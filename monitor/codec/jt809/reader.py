"""Reads a body field by field; a field that is not there is the one declared error, with its place."""

from __future__ import annotations

from monitor.codec.jt809.outcome import FrameOutcome
from monitor.errors import CodecError

LATEST_MS = 253_402_300_799_999
"""End of the year 9999: a time beyond it is none."""
_MS_FROM = 100_000_000_000
"""A time from here on is in ms: as seconds it would be the year 5138 (test laboratory, reference §8.3)."""


class Reader:
    """A cursor over one body. Offsets in errors count from the 5B of the frame (``base`` is where the body stands).

    ``cut`` tells that a declared length pointed past the end, ``odd`` that a fixed value or a time is not what the
    layout says: either makes another layout more likely.
    """

    __slots__ = ("at", "base", "body", "cut", "cut_at", "end", "lengths", "odd")

    def __init__(self, body: bytes, *, at: int = 0, end: int | None = None, base: int = 0) -> None:
        self.body = body
        self.at = at
        self.end = len(body) if end is None else end
        self.base = base
        self.lengths: dict[str, int] = {}
        self.cut = False
        self.cut_at = 0
        self.odd = False

    @property
    def left(self) -> int:
        return self.end - self.at

    def take(self, size: int, field: str) -> bytes:
        """``size`` bytes; CodecError ``body_too_short`` if fewer are left."""
        if size > self.left:
            raise CodecError(
                reason=FrameOutcome.BODY_TOO_SHORT.reason,
                field=field,
                offset=self.base + self.at,
                detail=f"{size} bytes needed, {self.left} left",
            )
        piece = self.body[self.at : self.at + size]
        self.at += size
        return piece

    def upto(self, size: int) -> bytes:
        """``size`` bytes, or as many as there are."""
        if size > self.left:
            if not self.cut:
                self.cut_at = self.base + self.at
            self.cut = True
            size = self.left
        return self.take(size, "content")

    def rest(self) -> bytes:
        return self.take(self.left, "rest")

    def number(self, size: int, field: str) -> int:
        return int.from_bytes(self.take(size, field), "big")

    def time_ms(self, field: str) -> int:
        """u64 seconds (or ms, which some send) as epoch ms; 0 for none."""
        value = self.number(8, field)
        ms = value if value >= _MS_FROM else value * 1_000
        if ms > LATEST_MS:
            self.odd = True
            return 0
        return ms


def text_of(raw: bytes) -> str:
    """Octet String: GBK (read as gb18030) up to the first NUL; what is no GBK becomes U+FFFD."""
    return raw.split(b"\0", 1)[0].decode("gb18030", "replace")


def content_of(raw: bytes) -> str:
    """Text of a declared length: NUL only where it pads the end."""
    return raw.rstrip(b"\0").decode("gb18030", "replace")
