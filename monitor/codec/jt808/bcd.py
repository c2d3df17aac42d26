"""BCD[6] times ``YYMMDDhhmmss`` and BCD phone fields.

Times are GMT+8 and of the years 2000 to 2099 (JT/T 808, field 时间). All zeros is what a terminal without a fix sends;
it is no valid time. A phone field is kept as raw bytes: some devices pack an IMEI into it, so nibbles a to f occur.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np

from monitor.codec.jt808.bigendian import Bytes, read_u16, read_u32
from monitor.errors import CodecError
from monitor.model.beijing import BEIJING
from monitor.model.compiled import compiled, inlined

PHONE_BYTES = 10
"""Width of the phone field of 2019; shorter ones get zero bytes in front."""

_DAYS_BEFORE = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_DAYS_IN = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


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
    if month < 1 or month > 12 or day < 1 or hour > 23 or minute > 59 or second > 59:
        return 0
    leap = 1 if (year & 3) == 0 else 0  # 2000 is a leap year and 2100 is out of reach
    if day > int(_DAYS_IN[month - 1]) + (leap if month == 2 else 0):
        return 0
    # 10,957 days from 1970-01-01 to 2000-01-01.
    days = 10_957 + year * 365 + ((year + 3) >> 2) + int(_DAYS_BEFORE[month - 1]) + day - 1
    if month > 2:
        days += leap
    return (days * 86_400 + hour * 3_600 + minute * 60 + second - 28_800) * 1_000


@compiled
def write_time(target: Bytes, at: int, at_ms: int) -> None:
    """BCD[6] of UTC epoch ms; all zeros for an unknown time (0) and outside of 2000 to 2099."""
    for i in range(at, at + 6):
        target[i] = 0
    seconds = at_ms // 1_000 + 28_800
    days = seconds // 86_400 - 10_957
    if at_ms == 0 or days < 0 or days >= 36_525:
        return
    # Blocks of four years start with the leap year.
    block = days // 1_461
    rest = days - block * 1_461
    year_in_block = 0 if rest < 366 else 1 + (rest - 366) // 365
    day = rest - (0 if year_in_block == 0 else 366 + (year_in_block - 1) * 365)
    leap = 1 if year_in_block == 0 else 0
    month = 11
    while month > 0 and day < int(_DAYS_BEFORE[month]) + (leap if month > 1 else 0):
        month -= 1
    day -= int(_DAYS_BEFORE[month]) + (leap if month > 1 else 0)
    second_of_day = seconds % 86_400
    target[at] = _bcd(block * 4 + year_in_block)
    target[at + 1] = _bcd(month + 1)
    target[at + 2] = _bcd(day + 1)
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
