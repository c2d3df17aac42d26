"""The calendar month, the period of the assessment, in Beijing time."""

from __future__ import annotations

from datetime import date, timedelta

from monitor.model.beijing import day_number, day_start_ms


def month_end_ms(month: date) -> int:
    """First millisecond after the month of a date."""
    following = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    return day_start_ms(day_number(following))
