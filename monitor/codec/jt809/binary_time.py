"""DATE and TIME of a position of 2011: day, month, year (u16), hour, minute, second; binary, Beijing time."""

from __future__ import annotations

import numpy as np

from monitor.codec.jt808.bigendian import Bytes, byte_at, read_u16, write_u16
from monitor.model.compiled import compiled, inlined

_DAYS_BEFORE = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_DAYS_IN = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


@inlined
def read_binary_time_ms(source: Bytes, at: int) -> int:
    """UTC epoch ms of the seven bytes at ``at``; 0 if a field is out of its range or the year is not 2000 to 2099."""
    day = byte_at(source, at)
    month = byte_at(source, at + 1)
    year = read_u16(source, at + 2) - 2000
    hour = byte_at(source, at + 4)
    minute = byte_at(source, at + 5)
    second = byte_at(source, at + 6)
    if year < 0 or year > 99 or month < 1 or month > 12 or day < 1 or hour > 23 or minute > 59 or second > 59:
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
def write_binary_time(target: Bytes, at: int, at_ms: int) -> None:
    """The seven bytes of UTC epoch ms; all zeros for an unknown time (0) and outside of 2000 to 2099."""
    for i in range(at, at + 7):
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
    target[at] = day + 1
    target[at + 1] = month + 1
    write_u16(target, at + 2, 2000 + block * 4 + year_in_block)
    target[at + 4] = second_of_day // 3_600
    target[at + 5] = second_of_day // 60 % 60
    target[at + 6] = second_of_day % 60
