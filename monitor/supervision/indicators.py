"""Indicator rows from vehicle-day counters, the registry and alarms.

Counts add up: the row of an enterprise, platform or region is the sum of its vehicles' rows, apart from trailers,
which are in no denominator and so only in rows of their own; a month is the sum of its days. ``vehicles_*`` of a month
count each vehicle once.

- *registered*: the registry row is in force, the vehicle in service and not retired on the day; suspended ones stay in.
- *joined*: registered, and has ever sent a qualified report up to that day (rulebook §3.2, 入网).
- *online*: joined, and sent at least one report that day. Asking for *joined* keeps the online rate at 100 % at most.
- *drift*: online, and a drift vehicle by Q7.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

import numpy as np
from numpy.typing import NDArray

from monitor.model.alarm import Alarm
from monitor.model.beijing import date_of, day_start_ms
from monitor.model.fleet import Registry
from monitor.model.indicator import INDICATOR_COUNTS, Indicator, Period, Scope
from monitor.supervision.alarm_counts import alarm_counts
from monitor.supervision.membership import Grouping, Membership, membership
from monitor.supervision.month import month_end_ms
from monitor.supervision.vehicle_days import COLUMN, FLAGS, Counts, FleetDay, VehicleDays


def build_indicators(
    days: NDArray[np.void],
    vehicle_ids: tuple[str, ...],
    registry: Registry,
    alarms: tuple[Alarm, ...],
    *,
    clock_ms: int,
    first_day: int,
    last_day: int,
    live: bool = False,
    joined_before: Collection[str] = (),
    scopes: Collection[Scope] = tuple(Scope),
    fatigue_whole_run: bool = False,
) -> tuple[Indicator, ...]:
    """Rows of every day in ``first_day..last_day`` (Beijing day numbers, inclusive) and of every month they touch.

    ``days`` has dtype ``VEHICLE_DAY``; its ``row`` indexes ``vehicle_ids``. Rows before ``first_day`` only tell who has
    joined, as do the vehicle ids of ``joined_before``, for a caller that no longer has the days themselves. A month row
    sums the days asked for. A row is ``provisional`` while its period is not over at ``clock_ms``, and always when
    ``live``. Rows where nothing is registered and nothing happened are left out.

    Order: scope, period, date, key. Equal input gives equal output.
    """
    counts = alarm_counts(alarms, fatigue_whole_run=fatigue_whole_run)
    seen = {vehicle_ids[row] for row in np.unique(days["row"])}
    seen.update(count.vehicle_id for count in counts if count.vehicle_id)
    fleet = membership(registry, seen)
    history = VehicleDays(fleet, days, vehicle_ids, counts, joined_before)
    tables = [
        _ScopeTable(fleet.grouping(scope), fleet, None if live else clock_ms) for scope in Scope if scope in scopes
    ]
    for day in range(first_day, last_day + 1):
        fleet_day = history.on(day)
        month_ends = day == last_day or date_of(day + 1).day == 1
        for table in tables:
            table.add(fleet_day)
            if month_ends:
                table.close_month(date_of(day).replace(day=1))
    return tuple(row for table in tables for row in table.rows())


class _ScopeTable:
    """Day and month rows of one scope, filled day by day. ``clock_ms`` is None where everything is provisional."""

    def __init__(self, grouping: Grouping, fleet: Membership, clock_ms: int | None) -> None:
        self._grouping = grouping
        self._vehicle = fleet.vehicle
        self._clock_ms = clock_ms
        self._by_day: list[Indicator] = []
        self._by_month: list[Indicator] = []
        self._open_month()

    def rows(self) -> list[Indicator]:
        return self._by_day + self._by_month

    def add(self, fleet_day: FleetDay) -> None:
        sums = self._zeros()
        code = self._grouping.code[fleet_day.count_span]
        np.add.at(sums, code[code >= 0], fleet_day.counts[code >= 0])
        code = self._grouping.code[fleet_day.span]
        for i, name in enumerate(FLAGS):
            chosen = code[fleet_day.flags[:, i] & (code >= 0)]
            sums[:, COLUMN[name]] = np.bincount(chosen, minlength=len(sums))
        if self._grouping.scope is Scope.ENTERPRISE:
            for alarm in fleet_day.about_enterprises:
                if alarm.enterprise_id in self._grouping.keys:
                    sums[self._grouping.keys.index(alarm.enterprise_id), COLUMN[alarm.column]] += alarm.amount
        self._month_sums += sums
        self._month_flags[fleet_day.span] |= fleet_day.flags
        self._by_day += self._indicators(sums, Period.DAY, date_of(fleet_day.day), day_start_ms(fleet_day.day + 1))

    def close_month(self, month: date) -> None:
        """A vehicle that had two registry rows in one enterprise is still one vehicle there."""
        code = self._grouping.code
        for i, name in enumerate(FLAGS):
            chosen = self._month_flags[:, i] & (code >= 0)
            pairs = np.unique(np.stack([code[chosen], self._vehicle[chosen]]), axis=1)
            self._month_sums[:, COLUMN[name]] = np.bincount(pairs[0], minlength=len(self._month_sums))
        self._by_month += self._indicators(self._month_sums, Period.MONTH, month, month_end_ms(month))
        self._open_month()

    def _open_month(self) -> None:
        self._month_sums = self._zeros()
        self._month_flags = np.zeros((len(self._vehicle), len(FLAGS)), np.bool_)

    def _zeros(self) -> Counts:
        return np.zeros((len(self._grouping.keys), len(INDICATOR_COUNTS)), np.int64)

    def _indicators(self, sums: Counts, period: Period, start: date, end_ms: int) -> list[Indicator]:
        scope, keys = self._grouping.scope, self._grouping.keys
        provisional = self._clock_ms is None or self._clock_ms < end_ms
        return [
            Indicator(scope, keys[i], period, start, provisional, *sums[i].tolist())
            for i in np.flatnonzero(sums.any(axis=1))
        ]
