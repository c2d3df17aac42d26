"""Whether a change of an alarm is pushed, and why not. Statistics count it either way."""

from __future__ import annotations

from enum import StrEnum

from monitor.model.alarm import AlarmChange, AlarmState, Grade, Transition

LATE_PUSH_MS = 900_000
"""A late alarm is pushed only while it lasts or within 15 minutes of its end (readings, Reports)."""


class Verdict(StrEnum):
    """Reason of a decision; the label of ``vdm_alarms_suppressed_total``."""

    PUSH = "push"
    LATE = "late"
    INHIBITED = "inhibited"
    PARKED = "parked"


def push_verdict(change: AlarmChange, clock_ms: int) -> Verdict:
    """Inhibited alarms and late ones that are long over are not pushed; a parked absence only from 7 days on."""
    alarm = change.alarm
    if alarm.inhibited_by and change.transition is not Transition.WITHDRAWN:
        return Verdict.INHIBITED
    if alarm.rule == "offline" and alarm.kind == "parked" and alarm.grade < Grade.MAJOR:
        return Verdict.PARKED
    over = alarm.state is not AlarmState.ACTIVE and alarm.end_ms is not None
    if alarm.late and over and alarm.end_ms is not None and clock_ms - alarm.end_ms >= LATE_PUSH_MS:
        return Verdict.LATE
    return Verdict.PUSH
