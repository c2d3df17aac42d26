"""The key-supervision list (重点监管): every vehicle and enterprise that met an entry rule, since when and why."""

from __future__ import annotations

from collections.abc import Iterable

from monitor.model.alarm import Alarm
from monitor.model.fleet import Registry
from monitor.model.indicator import Indicator
from monitor.model.supervision import SupervisionEntry
from monitor.supervision.alarm_entry import enter_by_alarms
from monitor.supervision.entry_rules import (
    AlarmEntry,
    CompletenessEntry,
    EntryRule,
    ListedShareEntry,
    OnlineRateEntry,
)
from monitor.supervision.listed_share import enter_by_listed_share
from monitor.supervision.rate_entry import enter_by_completeness, enter_by_online_rate


def key_supervision(
    alarms: tuple[Alarm, ...],
    indicators: tuple[Indicator, ...],
    registry: Registry,
    rules: Iterable[EntryRule],
    *,
    clock_ms: int,
    lang: str = "zh",
) -> tuple[SupervisionEntry, ...]:
    """Entries by all rules, one per object and rule, with ``entered_ms`` the moment the rule was first met.

    Live it is handed all alarms and indicator rows so far, after a replay those of the whole replay; each time it works
    out the list anew, so that a caller adds what is new to the list it keeps. Rates need the month rows of their scope,
    and the day rows to date the entry. Order: entry time, object type, object, rule; equal input gives equal output.
    """
    of_vehicles: list[SupervisionEntry] = []
    of_enterprises: list[SupervisionEntry] = []
    shares: list[ListedShareEntry] = []
    for rule in rules:
        found = of_vehicles if rule.object == "vehicle" else of_enterprises
        match rule:
            case AlarmEntry():
                found += enter_by_alarms(rule, alarms, clock_ms, lang)
            case CompletenessEntry():
                found += enter_by_completeness(rule, indicators, clock_ms, lang)
            case OnlineRateEntry():
                found += enter_by_online_rate(rule, indicators, clock_ms, lang)
            case ListedShareEntry():
                shares.append(rule)
    for share in shares:
        of_enterprises += enter_by_listed_share(share, of_vehicles, registry, lang)
    return tuple(
        sorted(
            of_vehicles + of_enterprises,
            key=lambda entry: (entry.entered_ms, entry.object_type != "vehicle", entry.object_id, entry.rule_id),
        )
    )
