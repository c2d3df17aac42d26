"""Indicator rows of a settled day, and of its month once that is over: final, and the same for the same archive."""

from __future__ import annotations

from dataclasses import replace

from monitor.app.exchange_counts import exchange_counts, with_exchange
from monitor.model.beijing import DAY_MS, date_of, day_number, day_start_ms
from monitor.model.fleet import Registry
from monitor.model.indicator import Indicator, Period
from monitor.store.alarm_query import AlarmFilter, find_alarms
from monitor.store.database import Database
from monitor.store.vehicle_day_store import joined_before, load_vehicle_days
from monitor.supervision.indicators import build_indicators

_ALL = 10_000_000
_LOOK_BACK_MS = 31 * DAY_MS
"""Alarms that began before the month may still last in it."""


def final_indicators(database: Database, day: int, registry: Registry | None) -> tuple[Indicator, ...]:
    """Rows of one Beijing day and, from its last day on, of the month, from the counters and alarms in the tables."""
    first_day = day_number(date_of(day).replace(day=1))
    end_ms = int(day_start_ms(day + 1))
    counters = load_vehicle_days(database, first_day, day)
    wanted = AlarmFilter(from_ms=int(day_start_ms(first_day)) - _LOOK_BACK_MS, to_ms=end_ms)
    alarms = tuple(one.alarm for one in find_alarms(database, wanted, limit=_ALL).alarms)
    rows = build_indicators(
        counters.rows,
        counters.vehicle_ids,
        registry or Registry(),
        alarms,
        clock_ms=end_ms,
        first_day=first_day,
        last_day=day,
        joined_before=joined_before(database, first_day),
    )
    rows = with_exchange(rows, exchange_counts(database, first_day, day, end_ms))
    month_over = date_of(day + 1).day == 1
    kept = (
        row
        for row in rows
        if (row.period is Period.DAY and row.date == date_of(day)) or (row.period is Period.MONTH and month_over)
    )
    return tuple(replace(row, provisional=False) for row in kept)
