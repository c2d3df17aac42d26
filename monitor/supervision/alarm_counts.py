"""Alarms as counts: what each alarm adds to the indicators of its vehicle on the Beijing day of its onset.

Withdrawn and merged alarms add nothing; inhibited ones count, because muting a delivery never changes a statistic.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.model.alarm import Alarm, AlarmState, Certainty
from monitor.model.beijing import NEVER_MS, day_of

_HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class AlarmCount:
    """What one alarm adds to one column of one vehicle's day."""

    vehicle_id: str
    enterprise_id: str  # decides only where there is no vehicle
    day: int
    column: str
    amount: int


def stands(alarm: Alarm) -> bool:
    """Whether the alarm is one at all: neither withdrawn nor merged into another."""
    return alarm.state in (AlarmState.ACTIVE, AlarmState.CLEARED)


def alarm_counts(alarms: Iterable[Alarm], *, fatigue_whole_run: bool = False) -> list[AlarmCount]:
    """Counts of all alarms that stand.

    - ``speeding_serious_n`` is S5 (疑似严重超速), the mark ``suspected_serious``; the grade follows other bands (S4).
    - Fatigue counts only where it is certain: a two-man crew whose cards are unknown is no statistic.
    - ``fatigue_s`` is the excess over the limit (F7; the whole run with ``fatigue_whole_run``). A run that passed both
      the day and the night limit is one run: its later alarm adds only what exceeds the earlier one.
    """
    found: list[AlarmCount] = []
    fatigue: list[Alarm] = []

    def add(alarm: Alarm, column: str, amount: int = 1) -> None:
        found.append(AlarmCount(alarm.vehicle_id, alarm.enterprise_id, day_of(alarm.onset_ms), column, amount))

    for alarm in alarms:
        if not stands(alarm):
            continue
        add(alarm, "alarms_n")
        if alarm.rule == "speeding":
            add(alarm, "speeding_n")
            if alarm.suspected_serious:
                add(alarm, "speeding_serious_n")
        elif alarm.rule == "fatigue" and alarm.certainty is Certainty.CERTAIN:
            add(alarm, "fatigue_n")
            fatigue.append(alarm)
        elif alarm.rule == "night_curfew":
            add(alarm, "night_curfew_n")
        elif alarm.rule == "offline":
            add(alarm, "offline_n")
    for alarm, seconds in _fatigue_seconds(fatigue, fatigue_whole_run):
        add(alarm, "fatigue_s", seconds)
    return found


def _fatigue_seconds(alarms: list[Alarm], whole_run: bool) -> list[tuple[Alarm, int]]:
    """Seconds that each alarm adds; alarms of one vehicle that overlap in time are one run of driving."""
    found: list[tuple[Alarm, int]] = []
    vehicle_id, run_end_ms, credited = None, 0, 0
    for alarm in sorted(alarms, key=lambda a: (a.vehicle_id, a.onset_ms, a.kind, a.alarm_id)):
        end_ms = NEVER_MS if alarm.end_ms is None else alarm.end_ms
        if alarm.vehicle_id != vehicle_id or alarm.onset_ms >= run_end_ms:
            vehicle_id, run_end_ms, credited = alarm.vehicle_id, end_ms, 0
        run_end_ms = max(run_end_ms, end_ms)
        driven_h = alarm.peak or 0.0
        excess_h = driven_h if whole_run else driven_h - (alarm.limit or 0.0)
        seconds = max(0, round(excess_h * _HOUR_S))
        found.append((alarm, max(0, seconds - credited)))
        credited = max(credited, seconds)
    return found
