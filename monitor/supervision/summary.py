"""The enterprise summary: what an enterprise, and whoever watches it, sees at one glance.

The message of push topic ``summaries/{enterprise_id}``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.model.alarm import Alarm, AlarmState, Grade
from monitor.model.beijing import day_of, iso
from monitor.model.fleet import Enterprise, Registry
from monitor.model.indicator import Indicator, Period, Scope
from monitor.model.supervision import SupervisionEntry
from monitor.supervision.rates import rates


@dataclass(frozen=True, slots=True)
class EnterpriseSummary:
    """One enterprise at ``at_ms``; ``day`` and ``month`` are its latest rows, None before the first."""

    enterprise: Enterprise
    at_ms: int
    day: Indicator | None
    month: Indicator | None
    active_alarms: tuple[int, ...]  # by grade, in the order of ``Grade``
    listed_vehicles: tuple[str, ...]  # vehicle ids, sorted
    listed_by: tuple[str, ...]  # rule ids by which the enterprise itself is listed

    def record(self) -> dict[str, object]:
        """The message as other programs read it; each indicator row with the rates derived from it."""
        return {
            "enterprise_id": self.enterprise.enterprise_id,
            "enterprise_name": self.enterprise.name or None,
            "region": self.enterprise.region or None,
            "at": iso(self.at_ms),
            "day": _with_rates(self.day),
            "month": _with_rates(self.month),
            "active_alarms": {grade.word: self.active_alarms[grade] for grade in Grade},
            "listed_vehicles": list(self.listed_vehicles),
            "listed_by": list(self.listed_by),
        }


def build_summaries(
    indicators: Iterable[Indicator],
    alarms: Iterable[Alarm],
    entries: Iterable[SupervisionEntry],
    registry: Registry,
    *,
    at_ms: int,
) -> tuple[EnterpriseSummary, ...]:
    """One summary per enterprise that the registry or an indicator row names, in the order of their ids.

    Active alarms belong to the enterprise at their onset, listed vehicles to the one in force at ``at_ms``.
    """
    enterprises = {enterprise.enterprise_id: enterprise for enterprise in registry.enterprises()}
    latest: dict[tuple[str, Period], Indicator] = {}
    for row in indicators:
        if row.scope is Scope.ENTERPRISE and row.key:
            enterprises.setdefault(row.key, Enterprise(row.key))
            before = latest.get((row.key, row.period))
            if before is None or before.date <= row.date:
                latest[row.key, row.period] = row
    active = Counter((alarm.enterprise_id, alarm.grade) for alarm in alarms if alarm.state is AlarmState.ACTIVE)
    vehicles: dict[str, set[str]] = {}
    own_rules: dict[str, set[str]] = {}
    for entry in entries:
        if entry.left_ms is not None:
            continue
        if entry.object_type == "enterprise":
            own_rules.setdefault(entry.object_id, set()).add(entry.rule_id)
        elif entry.object_type == "vehicle":
            vehicle = registry.vehicle(entry.object_id, day_of(at_ms))
            if vehicle:
                vehicles.setdefault(vehicle.enterprise_id, set()).add(entry.object_id)
    return tuple(
        EnterpriseSummary(
            enterprise=enterprises[key],
            at_ms=at_ms,
            day=latest.get((key, Period.DAY)),
            month=latest.get((key, Period.MONTH)),
            active_alarms=tuple(active[key, grade] for grade in Grade),
            listed_vehicles=tuple(sorted(vehicles.get(key, ()))),
            listed_by=tuple(sorted(own_rules.get(key, ()))),
        )
        for key in sorted(enterprises)
    )


def _with_rates(row: Indicator | None) -> dict[str, object] | None:
    return None if row is None else {**row.record(), "rates": rates(row).record()}
