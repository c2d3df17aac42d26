"""Indicators, key supervision and enterprise summaries of the running month, worked out beside the engine.

Made from what the store holds and the engine's open days; all of it is provisional until settlement.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.app.exchange_counts import exchange_counts, with_exchange
from monitor.app.fleet_view import class_ratios
from monitor.app.work import Reckoning
from monitor.model.beijing import DAY_MS, date_of, day_number, day_of, day_start_ms
from monitor.model.fleet import Registry
from monitor.model.indicator import Indicator, Period, Scope
from monitor.model.push import summary_message
from monitor.model.supervision import SupervisionEntry
from monitor.store.alarm_query import AlarmFilter, find_alarms
from monitor.store.alarm_store import load_open_alarms
from monitor.store.committed_step import VehicleDayRows
from monitor.store.database import Database
from monitor.store.indicator_store import write_indicators
from monitor.store.supervision_store import find_supervision
from monitor.store.vehicle_day_store import joined_before, load_vehicle_days
from monitor.supervision.entry_rules import EntryRule
from monitor.supervision.indicators import build_indicators
from monitor.supervision.key_supervision import key_supervision
from monitor.supervision.summary import build_summaries

WINDOW_DAYS = 31
"""Alarms that key supervision looks back on: its longest window is 30 days (rulebook §2.4)."""
_ROWS_AT_ONCE = 2_000
"""Indicator rows in one transaction, so that the engine's commits never wait long."""
_ALL = 10_000_000


@dataclass(frozen=True, slots=True)
class OpenDays:
    """The engine's side of a reckoning, copied while it rests: days in progress, and whose they are."""

    clock_ms: int
    vehicle_ids: tuple[str, ...]
    rows: NDArray[np.void]  # dtype VEHICLE_DAY
    registry: Registry | None


@dataclass(frozen=True, slots=True)
class Reckoned:
    """``reckoning`` goes with a journal record; ``vehicle_rows`` are written on their own; the rest is for metrics."""

    reckoning: Reckoning
    vehicle_rows: tuple[Indicator, ...]
    listed: dict[str, int]
    ratios: dict[str, dict[str, float]]


def reckon(database: Database, open_days: OpenDays, rules: tuple[EntryRule, ...], lang: str) -> Reckoned:
    """Work everything out anew. Blocks; raises ``StoreError``."""
    today = int(day_of(open_days.clock_ms))
    first_day = day_number(date_of(today).replace(day=1))
    registry = open_days.registry or Registry()
    days, vehicle_ids = _days(load_vehicle_days(database, first_day, today), open_days, first_day)
    since_ms = min(open_days.clock_ms - WINDOW_DAYS * DAY_MS, int(day_start_ms(first_day)))
    recent = find_alarms(database, AlarmFilter(from_ms=since_ms), limit=_ALL).alarms
    older = [one for one in load_open_alarms(database) if one.alarm.onset_ms < since_ms]
    alarms = tuple(one.alarm for one in (*recent, *older))
    indicators = build_indicators(
        days,
        vehicle_ids,
        registry,
        alarms,
        clock_ms=open_days.clock_ms,
        first_day=first_day,
        last_day=today,
        live=True,
        joined_before=joined_before(database, first_day),
    )
    indicators = with_exchange(indicators, exchange_counts(database, first_day, today, open_days.clock_ms))
    listed = find_supervision(database, listed_only=True, limit=_ALL).entries
    found = key_supervision(alarms, indicators, registry, rules, clock_ms=open_days.clock_ms, lang=lang)
    entries = _kept(found, listed)
    everybody = {_key(entry): entry for entry in (*listed, *entries)}
    summaries = build_summaries(indicators, alarms, everybody.values(), registry, at_ms=open_days.clock_ms)
    yesterday = date_of(today - 1)
    current = [row for row in indicators if row.period is Period.MONTH or row.date >= yesterday]
    of_vehicles = tuple(row for row in current if row.scope is Scope.VEHICLE)
    day_rows = [row for row in of_vehicles if row.period is Period.DAY and row.date == date_of(today)]
    return Reckoned(
        reckoning=Reckoning(
            indicators=tuple(row for row in current if row.scope is not Scope.VEHICLE),
            supervision=entries,
            summaries=tuple(
                summary_message(one.enterprise.enterprise_id, msgspec.json.encode(one.record()).decode())
                for one in summaries
            ),
        ),
        vehicle_rows=of_vehicles,
        listed=_count(everybody.values()),
        ratios=class_ratios(day_rows, registry),
    )


def write_vehicle_rows(database: Database, rows: tuple[Indicator, ...]) -> None:
    """Write indicator rows of vehicles in short transactions. Blocks; raises ``StoreError``."""
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        write_indicators(database, rows[start : start + _ROWS_AT_ONCE])


def _days(closed: VehicleDayRows, open_days: OpenDays, first_day: int) -> tuple[NDArray[np.void], tuple[str, ...]]:
    """Closed and open days of the month as one array; where a vehicle's day is in both, the open one counts."""
    row_of = {name: row for row, name in enumerate(closed.vehicle_ids)}
    live = open_days.rows[open_days.rows["day"] >= first_day].copy()
    live["row"] = [row_of.setdefault(open_days.vehicle_ids[row], len(row_of)) for row in live["row"].tolist()]
    running = set(zip(live["row"].tolist(), live["day"].tolist(), strict=True))
    kept = [pair not in running for pair in zip(closed.rows["row"].tolist(), closed.rows["day"].tolist(), strict=True)]
    rows = np.concatenate([closed.rows[np.array(kept, np.bool_)], live])
    return rows, tuple(row_of)


def _kept(found: Iterable[SupervisionEntry], listed: Iterable[SupervisionEntry]) -> tuple[SupervisionEntry, ...]:
    """What is new on the list, or rests on other alarms than before; an object keeps the day it entered."""
    before = {_key(entry): entry for entry in listed}
    changed: list[SupervisionEntry] = []
    for entry in found:
        known = before.get(_key(entry))
        if known is None:
            changed.append(entry)
        elif known.alarm_ids != entry.alarm_ids:
            changed.append(replace(entry, entered_ms=known.entered_ms))
    return tuple(changed)


def _key(entry: SupervisionEntry) -> tuple[str, str, str]:
    return entry.object_type, entry.object_id, entry.rule_id


def _count(entries: Iterable[SupervisionEntry]) -> dict[str, int]:
    objects = {(entry.object_type, entry.object_id) for entry in entries if entry.left_ms is None}
    counts = dict.fromkeys(("vehicle", "driver", "enterprise"), 0)
    for object_type, _ in objects:
        counts[object_type] = counts.get(object_type, 0) + 1
    return counts
