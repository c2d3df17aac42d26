"""Links and inquiries in the indicator rows of platforms: minutes due and down, inquiries asked and answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from monitor.model.beijing import date_of, day_start_ms
from monitor.model.indicator import Indicator, Period, Scope
from monitor.store.database import Database
from monitor.store.inquiry_store import inquiry_counts
from monitor.store.link_store import events_reaching, outages_reaching, platforms_of_links
from monitor.supervision.connectivity import link_days


@dataclass(frozen=True, slots=True)
class ExchangeCounts:
    """Of one platform over one day or month."""

    link_minutes: int = 0
    link_down_minutes: int = 0
    inquiries_n: int = 0
    inquiries_answered_n: int = 0

    def __add__(self, other: ExchangeCounts) -> ExchangeCounts:
        return ExchangeCounts(
            self.link_minutes + other.link_minutes,
            self.link_down_minutes + other.link_down_minutes,
            self.inquiries_n + other.inquiries_n,
            self.inquiries_answered_n + other.inquiries_answered_n,
        )


DayCounts = dict[tuple[str, int], ExchangeCounts]
"""(platform, Beijing day number) to its counts."""


def exchange_counts(database: Database, first_day: int, last_day: int, clock_ms: int) -> DayCounts:
    """Days ``first_day..last_day`` up to ``clock_ms``. Several links of one platform add up. Blocks."""
    from_ms, to_ms = int(day_start_ms(first_day)), int(day_start_ms(last_day + 1))
    platform_of = platforms_of_links(database)
    days = link_days(
        events_reaching(database, from_ms, to_ms),
        (stored.outage for stored in outages_reaching(database, from_ms, to_ms)),
        first_day=first_day,
        last_day=last_day,
        clock_ms=clock_ms,
    )
    found: DayCounts = {}
    for day in days:
        key = (platform_of.get(day.link, day.link), day.day)
        found[key] = found.get(key, ExchangeCounts()) + ExchangeCounts(day.minutes, day.down_minutes)
    for key, (asked, answered) in inquiry_counts(database, first_day, last_day).items():
        found[key] = found.get(key, ExchangeCounts()) + ExchangeCounts(0, 0, asked, answered)
    return found


def with_exchange(rows: Iterable[Indicator], counts: DayCounts) -> tuple[Indicator, ...]:
    """Indicator rows with the counts in those of platforms; a platform that has no row of a period gets one."""
    wanted: dict[tuple[Period, date, str], ExchangeCounts] = {}
    for (platform, day), one in counts.items():
        for period, start in ((Period.DAY, date_of(day)), (Period.MONTH, date_of(day).replace(day=1))):
            key = (period, start, platform)
            wanted[key] = wanted.get(key, ExchangeCounts()) + one
    found: list[Indicator] = []
    for row in rows:
        counted = wanted.pop((row.period, row.date, row.key), None) if row.scope is Scope.PLATFORM else None
        found.append(row if counted is None else _filled(row, counted))
    for period, start, platform in sorted(wanted):
        found.append(_filled(Indicator(Scope.PLATFORM, platform, period, start), wanted[period, start, platform]))
    return tuple(found)


def _filled(row: Indicator, counts: ExchangeCounts) -> Indicator:
    return replace(
        row,
        link_minutes=counts.link_minutes,
        link_down_minutes=counts.link_down_minutes,
        inquiries_n=counts.inquiries_n,
        inquiries_answered_n=counts.inquiries_answered_n,
    )
