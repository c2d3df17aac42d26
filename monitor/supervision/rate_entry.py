"""Vehicles and enterprises that enter the list by a rate of their month."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from monitor.model.beijing import day_number, day_start_ms
from monitor.model.indicator import Indicator, Period, Scope
from monitor.model.supervision import SupervisionEntry
from monitor.supervision.entry_rules import CompletenessEntry, OnlineRateEntry
from monitor.supervision.month import month_end_ms
from monitor.supervision.rates import ratio

_SCOPE = {"vehicle": Scope.VEHICLE, "enterprise": Scope.ENTERPRISE}


def enter_by_completeness(
    rule: CompletenessEntry, indicators: Iterable[Indicator], clock_ms: int, lang: str
) -> list[SupervisionEntry]:
    """One entry per object, for its first month that is too incomplete as it stands.

    It entered at the end of the first day at which the month so far was, or at the clock while that day lasts.
    """
    months, days = _by_period(indicators, _SCOPE[rule.object])
    found: dict[str, SupervisionEntry] = {}
    for row in months:
        if row.key in found or not row.key or not _incomplete(rule, row.mileage_m, row.mileage_complete_m):
            continue
        figures = {
            "rate": row.mileage_complete_m / row.mileage_m,
            "mileage_km": row.mileage_m / 1000,
            "mileage_complete_km": row.mileage_complete_m / 1000,
        }
        mileage_m = complete_m = 0
        entered_ms = month_end_ms(row.date)
        for day in days.get((row.key, row.date), ()):
            mileage_m += day.mileage_m
            complete_m += day.mileage_complete_m
            if _incomplete(rule, mileage_m, complete_m):
                entered_ms = day_start_ms(day_number(day.date) + 1)
                break
        found[row.key] = SupervisionEntry(
            object_type=rule.object,
            object_id=row.key,
            entered_ms=min(entered_ms, clock_ms),
            rule_id=rule.rule_id,
            reason=rule.reason(figures, lang),
            figures=figures,
        )
    return list(found.values())


def enter_by_online_rate(
    rule: OnlineRateEntry, indicators: Iterable[Indicator], clock_ms: int, lang: str
) -> list[SupervisionEntry]:
    """One entry per enterprise, at the end of its first month with too few vehicles online."""
    months, _ = _by_period(indicators, _SCOPE[rule.object])
    found: dict[str, SupervisionEntry] = {}
    for row in months:
        rate = ratio(row.vehicles_online, row.vehicles_joined)
        entered_ms = month_end_ms(row.date)
        if row.key in found or not row.key or entered_ms > clock_ms or rate is None or rate >= rule.below:
            continue
        figures = {"rate": rate, "vehicles_online": row.vehicles_online, "vehicles_joined": row.vehicles_joined}
        found[row.key] = SupervisionEntry(
            object_type=rule.object,
            object_id=row.key,
            entered_ms=entered_ms,
            rule_id=rule.rule_id,
            reason=rule.reason(figures, lang),
            figures=figures,
        )
    return list(found.values())


def _incomplete(rule: CompletenessEntry, mileage_m: int, complete_m: int) -> bool:
    enough = mileage_m > 0 and mileage_m >= rule.min_mileage_km * 1000
    return enough and complete_m / mileage_m < rule.below


def _by_period(
    indicators: Iterable[Indicator], scope: Scope
) -> tuple[list[Indicator], dict[tuple[str, date], list[Indicator]]]:
    """Month rows of a scope by date, and its day rows by key and month, in date order."""
    rows = sorted((row for row in indicators if row.scope is scope), key=lambda row: (row.date, row.key))
    days: dict[tuple[str, date], list[Indicator]] = {}
    for row in rows:
        if row.period is Period.DAY:
            days.setdefault((row.key, row.date.replace(day=1)), []).append(row)
    return [row for row in rows if row.period is Period.MONTH], days
