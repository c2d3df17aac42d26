"""Writes a message body field by field; a value that its field cannot hold is the one declared error."""

from __future__ import annotations

from datetime import UTC, date, datetime
from datetime import time as time_of_day

from monitor.errors import CodecError
from monitor.model.beijing import BEIJING

OUT_OF_RANGE = "out_of_range"
"""Reason of every error: the value does not fit its field."""


class Writer:
    """A body that grows. Every method raises CodecError ``out_of_range`` with the field's name."""

    __slots__ = ("body", "msg_id")

    def __init__(self, msg_id: int) -> None:
        self.body = bytearray()
        self.msg_id = msg_id

    def raw(self, value: bytes) -> None:
        self.body += value

    def u8(self, value: int, field: str) -> None:
        self._number(value, 1, field)

    def u16(self, value: int, field: str) -> None:
        self._number(value, 2, field)

    def u32(self, value: int, field: str) -> None:
        self._number(value, 4, field)

    def text(self, value: str) -> None:
        """STRING without length."""
        self.body += encode_text(value)

    def padded(self, value: str, size: int, field: str) -> None:
        """A field of fixed width, NUL behind."""
        raw = encode_text(value)
        if len(raw) > size:
            raise self.error(field, f"{len(raw)} bytes of GBK, the field holds {size}")
        self.body += raw.ljust(size, b"\0")

    def exact(self, value: bytes, size: int, field: str) -> None:
        """BYTE[n]."""
        if len(value) != size:
            raise self.error(field, f"{len(value)} bytes, the field has {size}")
        self.body += value

    def counted_text(self, value: str, field: str) -> None:
        """Length BYTE and STRING."""
        raw = encode_text(value)
        self.u8(len(raw), f"{field}_length")
        self.body += raw

    def time(self, value: datetime | None, field: str) -> None:
        """BCD[6] in Beijing time; zeros for None."""
        self._time(None if value is None else value.astimezone(BEIJING), field)

    def utc_time(self, value: datetime | None, field: str) -> None:
        """BCD[6] in UTC; zeros for None."""
        self._time(None if value is None else value.astimezone(UTC), field)

    def moment(self, value: datetime | time_of_day | None, field: str) -> None:
        """BCD[6]; the date of a time of day is all zeros."""
        if isinstance(value, time_of_day):
            self.raw(bytes.fromhex(f"000000{value:%H%M%S}"))
        else:
            self.time(value, field)

    def day(self, value: date | None) -> None:
        """BCD[4] ``YYYYMMDD``; zeros for None."""
        self.raw(bytes(4) if value is None else bytes.fromhex(f"{value.year:04d}{value:%m%d}"))

    def digits(self, value: str, size: int, field: str) -> None:
        """BCD[n] from hex digits, zeros in front."""
        try:
            raw = bytes.fromhex(value.rjust(2 * size, "0"))
        except ValueError:
            raw = b""
        if len(raw) != size:
            raise self.error(field, f"{value!r} is not up to {2 * size} hex digits")
        self.raw(raw)

    def error(self, field: str, detail: str) -> CodecError:
        """The declared error at the present place."""
        return CodecError(
            reason=OUT_OF_RANGE, field=field, offset=len(self.body), detail=f"message 0x{self.msg_id:04X}: {detail}"
        )

    def _number(self, value: int, size: int, field: str) -> None:
        if not 0 <= value < 1 << 8 * size:
            raise self.error(field, f"{value} does not fit {size} bytes")
        self.body += value.to_bytes(size, "big")

    def _time(self, value: datetime | None, field: str) -> None:
        if value is None:
            self.raw(bytes(6))
        elif not 2000 <= value.year <= 2099:
            raise self.error(field, f"the year {value.year} is not of 2000 to 2099")
        else:
            self.raw(bytes.fromhex(f"{value:%y%m%d%H%M%S}"))


def encode_text(value: str) -> bytes:
    """GBK (as gb18030, which is the same for what GBK has and has a code for everything else)."""
    return value.encode("gb18030", "replace")
