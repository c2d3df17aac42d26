"""Rules judged when a day is over: drift (Q7) and low completeness (T2)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import day_start_ms
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    GENERAL,
    MAJOR,
    NOTICE,
    ONSET,
    WINDOW_OVER,
    DayRow,
    Edge,
    Step,
    new_edge,
)


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
    enabled: int


def drift_day(params: DriftParams, day: DayRow, x: Step, out: list[Edge]) -> None:
    points = day.drift_points
    if points < params.least_points or 100.0 * points < params.least_percent * day.reports_total:
        return
    day.drift_vehicle = 1
    if not params.enabled:
        return
    for edge in (ONSET, CLEAR):
        e = _of_day(out, x, "drift", edge, day)
        e.peak = float(points)
        e.limit = float(params.least_points)
        e.grade = NOTICE


def completeness_day(params: CompletenessParams, day: DayRow, x: Step, out: list[Edge]) -> None:
    total = day.mileage_m
    if not params.enabled or total < params.least_m or total <= 0.0:
        return
    rate = 100.0 * day.mileage_complete_m / total
    if rate >= params.yellow_percent:
        return
    for edge in (ONSET, CLEAR):
        e = _of_day(out, x, "low_completeness", edge, day)
        e.peak = e.mean = rate
        e.limit = params.yellow_percent
        e.distance_m = total
        e.grade = MAJOR if rate < params.red_percent else GENERAL


def _of_day(out: list[Edge], x: Step, rule: str, edge: int, day: DayRow) -> Edge:
    e = new_edge(out, x, rule, 0, edge, day_start_ms(day.day))
    e.driver = -1
    e.n_reports = day.reports_total
    e.late = 0
    if edge == CLEAR:
        e.end_ms = day_start_ms(day.day + 1)
        e.end_reason = WINDOW_OVER
    return e
