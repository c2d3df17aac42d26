"""Many ISO 8601 times at once: the usual forms compiled, the rest one by one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.model.beijing import parse_iso
from monitor.model.compiled import compiled

Bytes = NDArray[np.uint8]

UNREADABLE = np.iinfo(np.int64).min
"""In place of a text that is no time."""


def parse_times(texts: Sequence[str]) -> NDArray[np.int64]:
    """Epoch ms of each text; without an offset it is Beijing time; ``UNREADABLE`` if it is no time.

    TypeError if one of them is no text.
    """
    joined = "\n".join(texts).encode("utf-8", "replace")
    out = np.empty(len(texts), np.int64)
    letters = np.frombuffer(joined, np.uint8)
    if not texts:
        return out
    if _parse_lines(letters, out) != len(texts):
        # A line break inside a text: nothing lines up.
        out[:] = UNREADABLE
    if out.min() > UNREADABLE:
        return out
    for at in np.flatnonzero(out == UNREADABLE).tolist():
        try:
            out[at] = parse_iso(texts[at])
        except (ValueError, OverflowError, OSError):
            out[at] = UNREADABLE
    return out


@compiled
def _number(letters: Bytes, at: int, n: int) -> int:
    """``n`` decimal digits, or a large negative number."""
    value = 0
    for i in range(at, at + n):
        digit = int(np.int64(letters[i])) - 48
        if digit < 0 or digit > 9:
            return -1_000_000
        value = value * 10 + digit
    return value


@compiled
def _parse_one(letters: Bytes, start: int, end: int) -> int:
    """``YYYY-MM-DD[T ]hh:mm:ss[.f{1,6}][Z|±hh:mm]``; anything else is left to the slow way."""
    if end - start < 19:
        return -9_223_372_036_854_775_808
    year = _number(letters, start, 4)
    month = _number(letters, start + 5, 2)
    day = _number(letters, start + 8, 2)
    hour = _number(letters, start + 11, 2)
    minute = _number(letters, start + 14, 2)
    second = _number(letters, start + 17, 2)
    if letters[start + 4] != 45 or letters[start + 7] != 45 or letters[start + 13] != 58 or letters[start + 16] != 58:
        return -9_223_372_036_854_775_808
    if letters[start + 10] != 84 and letters[start + 10] != 32:
        return -9_223_372_036_854_775_808
    # Days up to 28 exist in every month; the others are rarer and go the slow way if they might not.
    if year < 1970 or year > 9000 or month < 1 or month > 12 or day < 1 or day > 31:
        return -9_223_372_036_854_775_808
    if day > 28 and (month == 2 or (day == 31 and (month == 4 or month == 6 or month == 9 or month == 11))):
        return -9_223_372_036_854_775_808
    if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59:
        return -9_223_372_036_854_775_808
    at = start + 19
    ms = 0
    if at < end and letters[at] == 46:
        at += 1
        digits = 0
        while at + digits < end and digits < 4 and letters[at + digits] >= 48 and letters[at + digits] <= 57:
            digits += 1
        if digits != 3:
            return -9_223_372_036_854_775_808
        ms = _number(letters, at, 3)
        at += 3
    offset_min = 480
    if at < end:
        if end - at == 1 and letters[at] == 90:
            offset_min = 0
        elif end - at == 6 and (letters[at] == 43 or letters[at] == 45) and letters[at + 3] == 58:
            hours = _number(letters, at + 1, 2)
            minutes = _number(letters, at + 4, 2)
            if hours < 0 or hours > 23 or minutes < 0 or minutes > 59:
                return -9_223_372_036_854_775_808
            offset_min = hours * 60 + minutes
            if letters[at] == 45:
                offset_min = -offset_min
        else:
            return -9_223_372_036_854_775_808
    # Days of the civil calendar, years beginning in March.
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    days = era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468
    return (days * 86_400 + hour * 3_600 + minute * 60 + second - offset_min * 60) * 1_000 + ms


@compiled
def _parse_lines(letters: Bytes, out: NDArray[np.int64]) -> int:
    """Parse line by line into ``out``; how many lines there were (more than ``out`` holds are only counted)."""
    line = 0
    start = 0
    for at in range(len(letters) + 1):
        if at == len(letters) or letters[at] == 10:
            if line < len(out):
                out[line] = _parse_one(letters, start, at)
            line += 1
            start = at + 1
    return line
