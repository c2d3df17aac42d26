"""Enterprises that enter the list because too many of their vehicles are on it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from monitor.model.beijing import day_of
from monitor.model.fleet import Registry
from monitor.model.indicator import Scope
from monitor.model.supervision import SupervisionEntry
from monitor.supervision.entry_rules import ListedShareEntry
from monitor.supervision.membership import membership


def enter_by_listed_share(
    rule: ListedShareEntry, listed: Iterable[SupervisionEntry], registry: Registry, lang: str
) -> list[SupervisionEntry]:
    """One entry per enterprise, at the moment that the vehicle was listed which made it too many.

    A listed vehicle counts once, for the enterprise in force on the day it entered.
    """
    registered = _Registered(registry)
    of_enterprise: dict[str, list[SupervisionEntry]] = {}
    found: dict[str, SupervisionEntry] = {}
    seen: set[str] = set()
    for entry in sorted(listed, key=lambda e: (e.entered_ms, e.object_id, e.rule_id)):
        if entry.object_type != "vehicle" or entry.object_id in seen:
            continue
        seen.add(entry.object_id)
        day = day_of(entry.entered_ms)
        vehicle = registry.vehicle(entry.object_id, day)
        enterprise_id = vehicle.enterprise_id if vehicle else ""
        if not enterprise_id or enterprise_id in found:
            continue
        vehicles = of_enterprise.setdefault(enterprise_id, [])
        vehicles.append(entry)
        registered_n = registered.on(day).get(enterprise_id, 0)
        if len(vehicles) < rule.at_least_n or not registered_n or len(vehicles) / registered_n < rule.at_least_share:
            continue
        figures = {
            "rate": len(vehicles) / registered_n,
            "vehicles_listed": len(vehicles),
            "vehicles_registered": registered_n,
        }
        found[enterprise_id] = SupervisionEntry(
            object_type="enterprise",
            object_id=enterprise_id,
            entered_ms=entry.entered_ms,
            rule_id=rule.rule_id,
            reason=rule.reason(figures, lang),
            alarm_ids=tuple(alarm_id for item in vehicles for alarm_id in item.alarm_ids),
            figures=figures,
        )
    return list(found.values())


class _Registered:
    """Vehicles registered per enterprise and day, worked out once per day."""

    def __init__(self, registry: Registry) -> None:
        self._fleet = membership(registry, ())
        self._grouping = self._fleet.grouping(Scope.ENTERPRISE)
        self._by_day: dict[int, dict[str, int]] = {}

    def on(self, day: int) -> dict[str, int]:
        if day not in self._by_day:
            member = self._fleet.on(day)
            code = self._grouping.code[member.span[member.registered]]
            counts = np.bincount(code, minlength=len(self._grouping.keys)).tolist()
            self._by_day[day] = dict(zip(self._grouping.keys, counts, strict=True))
        return self._by_day[day]
