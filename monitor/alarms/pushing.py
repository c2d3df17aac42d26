"""Whether a change of an alarm is pushed, and why not. Statistics count it either way."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Grade, Transition

LATE_PUSH_MS = 900_000
"""A late alarm is pushed only while it lasts or within 15 minutes of its end (readings, Reports)."""


class Verdict(StrEnum):
    """Reason of a decision; the label of ``vdm_alarms_suppressed_total``."""

    PUSH = "push"
    LATE = "late"
    INHIBITED = "inhibited"
    PARKED = "parked"


def push_verdict(change: AlarmChange, at_end: Alarm, clock_ms: int, *, pushed: bool) -> Verdict:
    """Inhibited, merged and late alarms that are long over are not pushed; a parked absence only from 7 days on.

    ``at_end`` is the alarm as the step leaves it: a late episode that begins and ends within one step is judged once.
    What has been ``pushed`` while it lasted is followed to its end.
    """
    if pushed:
        return Verdict.PUSH
    if at_end.state is AlarmState.MERGED:
        return Verdict.INHIBITED
    if change.alarm.inhibited_by and change.transition is not Transition.WITHDRAWN:
        return Verdict.INHIBITED
    if change.alarm.rule == "offline" and change.alarm.kind == "parked" and change.alarm.grade < Grade.MAJOR:
        return Verdict.PARKED
    over = at_end.state is not AlarmState.ACTIVE and at_end.end_ms is not None
    if at_end.late and over and at_end.end_ms is not None and clock_ms - at_end.end_ms >= LATE_PUSH_MS:
        return Verdict.LATE
    return Verdict.PUSH


class PushGate:
    """Decides change by change, and remembers which open alarms have been pushed."""

    def __init__(self) -> None:
        self._pushed: set[str] = set()

    def verdicts(self, changes: Sequence[AlarmChange], clock_ms: int) -> tuple[Verdict, ...]:
        """One verdict per change of a step, in order."""
        at_end = {change.alarm.alarm_id: change.alarm for change in changes}
        found: list[Verdict] = []
        for change in changes:
            alarm_id = change.alarm.alarm_id
            verdict = push_verdict(change, at_end[alarm_id], clock_ms, pushed=alarm_id in self._pushed)
            if change.alarm.state is not AlarmState.ACTIVE:
                self._pushed.discard(alarm_id)
            elif verdict is Verdict.PUSH:
                self._pushed.add(alarm_id)
            found.append(verdict)
        return tuple(found)

    def snapshot(self) -> list[str]:
        """Ids of open alarms that have been pushed."""
        return sorted(self._pushed)

    def restore(self, pushed: Sequence[str]) -> None:
        """Take over a snapshot."""
        self._pushed = set(pushed)
