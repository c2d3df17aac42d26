"""BCD[6] times ``YYMMDDhhmmss`` and BCD phone fields.

Times are GMT+8 and of the years 2000 to 2099 (JT/T 808, field 时间). All zeros is what a terminal without a fix sends;
it is no valid time. A phone field is kept as raw bytes: some devices pack an IMEI into it, so nibbles a to f occur.
"""

from __future__ import annotations

from datetime import datetime

from monitor.codec.calendar import BEIJING_S, DAYS, FIRST_DAY, date_of_day, moment_ms
from monitor.codec.jt808.bigendian import Bytes, read_u16, read_u32
from monitor.errors import CodecError
from monitor.model.beijing import BEIJING
from monitor.model.compiled import compiled, inlined

PHONE_BYTES = 10
"""Width of the phone field of 2019; shorter ones get zero bytes in front."""


@inlined
def read_time_ms(source: Bytes, at: int) -> int:
    """UTC epoch ms of BCD[6] at ``at``; 0 if a nibble is no digit or a field is out of its range."""
    digits = (read_u16(source, at) << 32) | read_u32(source, at + 2)
    # Six added to a digit above nine carries into the next one.
    if ((digits + 0x6666_6666_6666) ^ digits ^ 0x6666_6666_6666) & 0x1_1111_1111_1110:
        return 0
    binary = digits - 6 * ((digits >> 4) & 0x0F0F_0F0F_0F0F)
    year = binary >> 40
    month = (binary >> 32) & 0xFF
    day = (binary >> 24) & 0xFF
    hour = (binary >> 16) & 0xFF
    minute = (binary >> 8) & 0xFF
    second = binary & 0xFF
    return moment_ms(year, month, day, hour, minute, second)


@compiled
def write_time(target: Bytes, at: int, at_ms: int) -> None:
    """BCD[6] of UTC epoch ms; all zeros for an unknown time (0) and outside of 2000 to 2099."""
    for i in range(at, at + 6):
        target[i] = 0
    seconds = at_ms // 1_000 + BEIJING_S
    days = seconds // 86_400 - FIRST_DAY
    if at_ms == 0 or days < 0 or days >= DAYS:
        return
    year, month, day = date_of_day(days)
    second_of_day = seconds % 86_400
    target[at] = _bcd(year)
    target[at + 1] = _bcd(month)
    target[at + 2] = _bcd(day)
    target[at + 3] = _bcd(second_of_day // 3_600)
    target[at + 4] = _bcd(second_of_day // 60 % 60)
    target[at + 5] = _bcd(second_of_day % 60)


@compiled
def _bcd(value: int) -> int:
    return (value // 10 << 4) | value % 10


def plain_time(field: bytes) -> datetime | None:
    """The aware time of BCD[6], or None if it is no time."""
    digits = field.hex()
    if not digits.isdigit():
        return None
    try:
        year, month, day, hour, minute, second = (int(digits[i : i + 2]) for i in range(0, 12, 2))
        return datetime(2000 + year, month, day, hour, minute, second, tzinfo=BEIJING)
    except ValueError:
        return None


def phone_field(phone: str) -> bytes:
    """The ten raw bytes of a phone given as hex digits; CodecError ``bad_phone`` if it does not fit."""
    digits = phone.strip().rjust(2 * PHONE_BYTES, "0")
    try:
        field = bytes.fromhex(digits)
    except ValueError:
        field = b""
    if len(field) != PHONE_BYTES:
        raise CodecError(
            reason="bad_phone", field="phone", detail=f"{phone!r} is not up to {2 * PHONE_BYTES} hex digits"
        )
    return field
