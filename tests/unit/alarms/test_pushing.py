"""What is pushed, and why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.alarms.pushing import Verdict, push_verdict
from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Certainty, Grade, Subject, Transition

MINUTE_MS = 60_000
BASE = Alarm(
    alarm_id="id",
    subject=Subject.VEHICLE,
    rule="speeding",
    kind="",
    grade=Grade.NOTICE,
    certainty=Certainty.CERTAIN,
    state=AlarmState.ACTIVE,
    vehicle_id="V1",
    plate="",
    vehicle_class="",
    enterprise_id="",
    driver_id="",
    onset_ms=1_000_000,
)
ENDED = replace(BASE, state=AlarmState.CLEARED, end_ms=2_000_000)
PARKED = replace(BASE, rule="offline", kind="parked")


@pytest.mark.parametrize(
    ("alarm", "transition", "after_ms", "verdict"),
    [
        pytest.param(BASE, Transition.RAISED, 0, Verdict.PUSH, id="an alarm"),
        pytest.param(replace(BASE, late=True), Transition.RAISED, 0, Verdict.PUSH, id="late and still active"),
        pytest.param(
            replace(ENDED, late=True), Transition.CLEARED, 14 * MINUTE_MS, Verdict.PUSH, id="late, over for 14 min"
        ),
        pytest.param(
            replace(ENDED, late=True), Transition.CLEARED, 15 * MINUTE_MS, Verdict.LATE, id="late, over for 15 min"
        ),
        pytest.param(ENDED, Transition.CLEARED, 60 * MINUTE_MS, Verdict.PUSH, id="not late, over for an hour"),
        pytest.param(replace(BASE, inhibited_by="x"), Transition.RAISED, 0, Verdict.INHIBITED, id="inhibited"),
        pytest.param(PARKED, Transition.RAISED, 0, Verdict.PARKED, id="parked for a day"),
        pytest.param(
            replace(PARKED, grade=Grade.GENERAL), Transition.UPDATED, 0, Verdict.PARKED, id="parked for 3 days"
        ),
        pytest.param(replace(PARKED, grade=Grade.MAJOR), Transition.UPDATED, 0, Verdict.PUSH, id="parked for 7 days"),
        pytest.param(replace(PARKED, kind="lost"), Transition.RAISED, 0, Verdict.PUSH, id="lost for a day"),
    ],
)
def test_the_verdict_names_its_reason(alarm: Alarm, transition: Transition, after_ms: int, verdict: Verdict) -> None:
    clock_ms = (alarm.end_ms or alarm.onset_ms) + after_ms
    assert push_verdict(AlarmChange(alarm, transition, 1, clock_ms), clock_ms) is verdict
