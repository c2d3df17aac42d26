"""Beijing dates of 2000 to 2099 to epoch times and back, compiled: the clocks of both protocols."""

from __future__ import annotations

import numpy as np

from monitor.model.compiled import compiled, inlined

FIRST_DAY = 10_957
"""Days from 1970-01-01 to 2000-01-01."""
DAYS = 36_525
BEIJING_S = 28_800

_DAYS_BEFORE = np.array([0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334], np.int64)
_DAYS_IN = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)


@inlined
def moment_ms(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """UTC epoch ms of a Beijing time; 0 if a part is out of its range. ``year`` counts from 2000."""
    if year < 0 or year > 99 or month < 1 or month > 12 or day < 1 or hour > 23 or minute > 59 or second > 59:
        return 0
    leap = 1 if (year & 3) == 0 else 0  # 2000 is a leap year and 2100 is out of reach
    if day > int(_DAYS_IN[month - 1]) + (leap if month == 2 else 0):
        return 0
    days = FIRST_DAY + year * 365 + ((year + 3) >> 2) + int(_DAYS_BEFORE[month - 1]) + day - 1
    if month > 2:
        days += leap
    return (days * 86_400 + hour * 3_600 + minute * 60 + second - BEIJING_S) * 1_000


@compiled
def date_of_day(days: int) -> tuple[int, int, int]:
    """Year since 2000, month and day of a day number since 2000-01-01, which is from 0 to ``DAYS`` - 1."""
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
    return block * 4 + year_in_block, month + 1, day + 1
