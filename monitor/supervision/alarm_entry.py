"""Vehicles that enter the list by their alarms: so many of one rule within a sliding window."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.model.alarm import Alarm, Certainty
from monitor.model.beijing import DAY_MS, HOUR_MS
from monitor.model.supervision import SupervisionEntry
from monitor.supervision.alarm_counts import stands
from monitor.supervision.entry_rules import AlarmEntry

_ROUNDING_MIN = 1e-6
"""30 minutes stated as a difference of two hour values may come out a hair below 30."""


@dataclass(frozen=True, slots=True)
class _Event:
    """An alarm that counts for a rule, and the moment since when it does."""

    met_ms: int
    alarm: Alarm


def enter_by_alarms(rule: AlarmEntry, alarms: Iterable[Alarm], clock_ms: int, lang: str) -> list[SupervisionEntry]:
    """One entry per vehicle, at the moment the rule was first met.

    Within the window are events less than ``window_days`` before the one that completes the number.
    """
    events: dict[str, list[_Event]] = {}
    for alarm in alarms:
        if alarm.vehicle_id and alarm.rule == rule.alarm_rule and _counts(rule, alarm):
            events.setdefault(alarm.vehicle_id, []).append(_Event(_met_ms(rule, alarm, clock_ms), alarm))
    found: list[SupervisionEntry] = []
    for vehicle_id, of_vehicle in events.items():
        window: deque[_Event] = deque()
        for event in sorted(of_vehicle, key=lambda e: (e.met_ms, e.alarm.onset_ms, e.alarm.alarm_id)):
            window.append(event)
            while event.met_ms - window[0].met_ms >= rule.window_days * DAY_MS:
                window.popleft()
            if len(window) >= rule.at_least:
                found.append(_entry(rule, vehicle_id, [item.alarm for item in window], event.met_ms, lang))
                break
    return found


def _counts(rule: AlarmEntry, alarm: Alarm) -> bool:
    if not stands(alarm) or alarm.grade < rule.grade:
        return False
    if rule.kinds and alarm.kind not in rule.kinds:
        return False
    if rule.suspected_serious_only and not alarm.suspected_serious:
        return False
    if rule.certain_only and alarm.certainty is not Certainty.CERTAIN:
        return False
    return rule.min_excess_min is None or _excess_min(alarm) >= rule.min_excess_min - _ROUNDING_MIN


def _excess_min(alarm: Alarm) -> float:
    if alarm.peak is None or alarm.limit is None:
        return 0.0
    return (alarm.peak - alarm.limit) * 60.0


def _met_ms(rule: AlarmEntry, alarm: Alarm, clock_ms: int) -> int:
    """Never later than the end of the alarm or the clock, and the same however often it is asked."""
    met_ms = alarm.onset_ms + round(rule.counts_after_h * HOUR_MS)
    return max(alarm.onset_ms, min(met_ms, clock_ms, alarm.end_ms if alarm.end_ms is not None else clock_ms))


def _entry(rule: AlarmEntry, vehicle_id: str, alarms: list[Alarm], met_ms: int, lang: str) -> SupervisionEntry:
    figures: dict[str, float] = {"n": len(alarms), "window_days": rule.window_days}
    if rule.min_excess_min is not None:
        figures["excess_min"] = round(max(_excess_min(alarm) for alarm in alarms), 3)
    peaks = [alarm.peak for alarm in alarms if alarm.peak is not None]
    if peaks:
        figures["peak"] = max(peaks)
    return SupervisionEntry(
        object_type="vehicle",
        object_id=vehicle_id,
        entered_ms=met_ms,
        rule_id=rule.rule_id,
        reason=rule.reason(figures, lang),
        alarm_ids=tuple(alarm.alarm_id for alarm in alarms),
        figures=figures,
    )
