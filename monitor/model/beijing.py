"""Time: UTC epoch milliseconds inside, fixed UTC+8 for days, nights and everything a person reads.

JT/T 808 and 809 carry Beijing time; day, night and month are at a fixed UTC+8, which has had no
daylight-saving time since 1991.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from monitor.model.compiled import compiled

BEIJING = timezone(timedelta(hours=8))
OFFSET_MS = 8 * 3_600_000
SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
NEVER_MS = 2**62
"""A deadline that never comes; also the open end of a validity span."""
EARLIEST_MS = 946_656_000_000
"""2000-01-01T00:00:00+08:00: a report dated earlier moves no clock (readings, Clocks)."""


@compiled
def day_of(at_ms: int) -> int:
    """Beijing day number (days since 1970-01-01 in UTC+8)."""
    return (at_ms + 28_800_000) // 86_400_000


@compiled
def day_start_ms(day: int) -> int:
    """First millisecond of a Beijing day number."""
    return int(day) * 86_400_000 - 28_800_000


@compiled
def ms_of_day(at_ms: int) -> int:
    """Milliseconds since Beijing midnight."""
    return (at_ms + 28_800_000) % 86_400_000


@compiled
def month_start_day(day: int) -> int:
    """Beijing day number of the first of the calendar month that a day number lies in.

    Years are counted from 1 March, so that the leap day is the last of its year; 146,097 days are 400 years.
    """
    since = int(day) + 719_468  # days since 0000-03-01
    of_era = since % 146_097
    year = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    return int(day) - (of_year - (153 * month + 2) // 5)


@compiled
def next_month_day(day: int) -> int:
    """Beijing day number of the first of the calendar month after the one that a day number lies in."""
    return month_start_day(month_start_day(day) + 31)


def iso(at_ms: int) -> str:
    """``2026-03-02T22:10:05+08:00``; milliseconds only where there are any."""
    moment = datetime.fromtimestamp(at_ms / 1000, BEIJING)
    return moment.isoformat(timespec="milliseconds" if at_ms % 1000 else "seconds")


def parse_iso(text: str) -> int:
    """Epoch ms of an ISO 8601 time; without an offset it is Beijing time. Raises ValueError."""
    return from_datetime(datetime.fromisoformat(text))


def date_of(day: int) -> date:
    """Calendar date of a Beijing day number."""
    return date(1970, 1, 1) + timedelta(days=day)


def day_number(day: date) -> int:
    """Beijing day number of a calendar date."""
    return (day - date(1970, 1, 1)).days


def from_datetime(moment: datetime) -> int:
    """Epoch ms of an aware datetime (naive counts as Beijing time)."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=BEIJING)
    return round(moment.astimezone(UTC).timestamp() * 1000)
