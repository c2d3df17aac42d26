"""Rules judged when a day or a month is over: drift (Q7) and low completeness (T2, T3)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS, day_start_ms, month_start_day, next_month_day
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    GENERAL,
    MAJOR,
    NOTICE,
    ONSET,
    WINDOW_OVER,
    Core,
    DayRow,
    Edge,
    Step,
    new_edge,
)

GRACE_MS = 600_000


@dataclass(frozen=True, slots=True)
class DriftParams:
    least_points: int
    least_percent: float
    enabled: int


@dataclass(frozen=True, slots=True)
class CompletenessParams:
    yellow_percent: float
    red_percent: float
    least_m: float
    least_month_m: float
    enabled: int


def drift_day(params: DriftParams, day: DayRow, x: Step, out: list[Edge]) -> None:
    points = day.drift_points
    if points < params.least_points or 100.0 * points < params.least_percent * day.reports_total:
        return
    day.drift_vehicle = 1
    if not params.enabled:
        return
    for edge in (ONSET, CLEAR):
        e = _of_days(out, x, "drift", 0, edge, day.day, day.day + 1)
        e.n_reports = day.reports_total
        e.peak = float(points)
        e.limit = float(params.least_points)
        e.grade = NOTICE


class Completeness:
    """One vehicle: the day that is over, and its month so far."""

    __slots__ = ("complete_m", "counted", "end_day", "judged_day", "params", "reports", "total_m")

    def __init__(self, params: CompletenessParams) -> None:
        self.params = params
        self.total_m = self.complete_m = 0.0
        self.reports = self.end_day = self.judged_day = 0
        self.counted = False  # the day in progress is in a month judged already

    def close_day(self, day: DayRow, x: Step, out: list[Edge]) -> None:
        figures = day.mileage_m, day.mileage_complete_m, day.reports_total
        self.judge(x, out, 0, day.day, day.day + 1, *figures)
        if self.counted:
            self.counted = False
            return
        if self.end_day and day.day >= self.end_day:
            self.close_month(x, out)
        self.count(day.day, *figures)
        if day.day + 1 == self.end_day:
            self.close_month(x, out)

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        now = x.clock_ms
        open_day = core.day if core.reports_total > 0 else 0
        if not self.end_day and open_day > 0:
            self.count(open_day, 0.0, 0.0, 0)
        while self.end_day:
            due_ms = day_start_ms(self.end_day) + GRACE_MS
            if now < due_ms:
                return due_ms - 1
            if 0 < open_day < self.end_day:
                self.count(open_day, core.mileage_m, core.mileage_complete_m, core.reports_total)
                self.counted = True
            x.clock_ms = due_ms
            self.close_month(x, out)
            x.clock_ms = now
            if open_day > 0 and not self.counted:
                self.count(open_day, 0.0, 0.0, 0)
        return NEVER_MS

    def count(self, day: int, total_m: float, complete_m: float, reports: int) -> None:
        if not self.end_day:
            self.end_day = next_month_day(max(day, self.judged_day))
        self.total_m += total_m
        self.complete_m += complete_m
        self.reports += reports

    def close_month(self, x: Step, out: list[Edge]) -> None:
        first = month_start_day(self.end_day - 1)
        self.judge(x, out, 1, first, self.end_day, self.total_m, self.complete_m, self.reports)
        self.total_m = self.complete_m = 0.0
        self.reports = 0
        self.judged_day, self.end_day = self.end_day, 0

    def judge(
        self,
        x: Step,
        out: list[Edge],
        kind: int,
        from_day: int,
        end_day: int,
        total_m: float,
        complete_m: float,
        reports: int,
    ) -> None:
        params = self.params
        least_m = params.least_month_m if kind else params.least_m
        if not params.enabled or total_m < least_m or total_m <= 0.0:
            return
        rate = 100.0 * complete_m / total_m
        if rate >= params.yellow_percent:
            return
        for edge in (ONSET, CLEAR):
            e = _of_days(out, x, "low_completeness", kind, edge, from_day, end_day)
            e.peak = e.mean = rate
            e.limit = params.yellow_percent
            e.distance_m = total_m
            e.grade = MAJOR if rate < params.red_percent else GENERAL
            e.n_reports = reports


def _of_days(out: list[Edge], x: Step, rule: str, kind: int, edge: int, from_day: int, end_day: int) -> Edge:
    e = new_edge(out, x, rule, kind, edge, day_start_ms(from_day))
    e.driver = -1
    e.late = 0
    if edge == CLEAR:
        e.end_ms = day_start_ms(end_day)
        e.end_reason = WINDOW_OVER
    return e
