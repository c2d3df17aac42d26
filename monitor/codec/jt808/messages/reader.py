"""Reads a message body field by field; every field that is not there is the one declared error, with its place."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from monitor.codec.jt808.bcd import plain_time
from monitor.codec.jt808.outcome import FrameOutcome
from monitor.errors import CodecError

Moment = datetime | time | None
"""A time of the wire: aware Beijing time; a time of day where the date is 00-00-00 (every day); None if it is none."""


class Reader:
    """A cursor over one body. Offsets in errors count from the start of the body."""

    __slots__ = ("at", "body", "msg_id")

    def __init__(self, body: bytes, msg_id: int, at: int = 0) -> None:
        self.body = body
        self.msg_id = msg_id
        self.at = at

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self.body) - self.at

    def take(self, size: int, field: str) -> bytes:
        """``size`` bytes; CodecError ``body_too_short`` if fewer are left."""
        if size > self.left:
            raise self.error(
                FrameOutcome.BODY_TOO_SHORT.reason, field, f"{size} bytes needed, {self.left} left of the body"
            )
        piece = self.body[self.at : self.at + size]
        self.at += size
        return piece

    def rest(self) -> bytes:
        """All that is left."""
        piece = self.body[self.at :]
        self.at = len(self.body)
        return piece

    def u8(self, field: str) -> int:
        return self.take(1, field)[0]

    def u16(self, field: str) -> int:
        return int.from_bytes(self.take(2, field), "big")

    def u32(self, field: str) -> int:
        return int.from_bytes(self.take(4, field), "big")

    def text(self, size: int, field: str) -> str:
        """STRING of ``size`` bytes, NUL at its end left out; what is no GBK becomes U+FFFD."""
        return decode_text(self.take(size, field))

    def rest_text(self) -> str:
        """STRING up to the end of the body."""
        return decode_text(self.rest())

    def padded(self, size: int, field: str) -> str:
        """A field of fixed width: NUL and blanks at both ends left out (2019 prints padding in front)."""
        return self.take(size, field).strip(b"\0 ").decode("gb18030", "replace")

    def counted_text(self, field: str) -> str:
        """Length BYTE and STRING."""
        return self.text(self.u8(f"{field}_length"), field)

    def time(self, field: str) -> datetime | None:
        """BCD[6] in Beijing time; None if it is no time."""
        return plain_time(self.take(6, field))

    def utc_time(self, field: str) -> datetime | None:
        """BCD[6] in UTC; None if it is no time."""
        moment = plain_time(self.take(6, field))
        return None if moment is None else moment.replace(tzinfo=UTC)

    def moment(self, field: str) -> Moment:
        """BCD[6] of a time, or of a time of day if its date is all zeros."""
        piece = self.take(6, field)
        if any(piece[:3]):
            return plain_time(piece)
        of_day = plain_time(b"\x00\x01\x01" + piece[3:])
        return None if of_day is None else of_day.time()

    def day(self, field: str) -> date | None:
        """BCD[4] ``YYYYMMDD``; None if it is no date."""
        digits = self.take(4, field).hex()
        try:
            return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        except ValueError:
            return None

    def error(self, reason: str, field: str, detail: str) -> CodecError:
        """The declared error at the present place."""
        return CodecError(reason=reason, field=field, offset=self.at, detail=f"message 0x{self.msg_id:04X}: {detail}")


def decode_text(raw: bytes) -> str:
    """Text of a STRING: GBK (read as gb18030), NUL at its end left out."""
    return raw.rstrip(b"\0").decode("gb18030", "replace")
