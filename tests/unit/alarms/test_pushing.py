"""What is pushed, and why not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from monitor.alarms.pushing import PushGate, Verdict, push_verdict
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
    assert push_verdict(AlarmChange(alarm, transition, 1, clock_ms), alarm, clock_ms, pushed=False) is verdict


def test_what_was_pushed_while_it_lasted_is_followed_to_its_end() -> None:
    gate = PushGate()
    raised = AlarmChange(replace(BASE, late=True), Transition.RAISED, 1, 0)
    cleared = AlarmChange(replace(ENDED, late=True), Transition.CLEARED, 2, 0)
    assert gate.verdicts([raised], 3_000_000) == (Verdict.PUSH,)
    again = PushGate()
    again.restore(gate.snapshot())
    assert again.verdicts([cleared], 9_000_000) == (Verdict.PUSH,)
    assert again.snapshot() == []


DEVICE = replace(BASE, rule="device_alarm", kind="speeding")
MERGED = replace(DEVICE, state=AlarmState.MERGED, inhibited_by="ours")
LET_GO = replace(DEVICE, state=AlarmState.CLEARED, end_ms=2_000_000)


def test_a_merged_alarm_is_pushed_once_more_if_its_onset_was_and_never_again() -> None:
    gate = PushGate()
    assert gate.verdicts([AlarmChange(DEVICE, Transition.RAISED, 1, 0)], 0) == (Verdict.PUSH,)
    assert gate.verdicts([AlarmChange(MERGED, Transition.MERGED, 2, 0)], 0) == (Verdict.PUSH,)
    over = AlarmChange(replace(MERGED, end_ms=2_000_000), Transition.CLEARED, 3, 0)
    assert gate.verdicts([over], 0) == (Verdict.INHIBITED,)
    assert gate.snapshot() == []


def test_an_alarm_merged_from_its_onset_on_is_never_pushed() -> None:
    gate = PushGate()
    assert gate.verdicts([AlarmChange(MERGED, Transition.RAISED, 1, 0)], 0) == (Verdict.INHIBITED,)
    over = AlarmChange(replace(MERGED, end_ms=2_000_000), Transition.CLEARED, 2, 0)
    assert gate.verdicts([over], 0) == (Verdict.INHIBITED,)


def test_an_alarm_merged_within_the_step_that_raised_it_is_not_pushed() -> None:
    changes = [AlarmChange(DEVICE, Transition.RAISED, 1, 0), AlarmChange(MERGED, Transition.MERGED, 2, 0)]
    assert PushGate().verdicts(changes, 0) == (Verdict.INHIBITED, Verdict.INHIBITED)


def test_an_alarm_that_ours_lets_go_is_pushed() -> None:
    gate = PushGate()
    gate.verdicts([AlarmChange(MERGED, Transition.RAISED, 1, 0)], 0)
    assert gate.verdicts([AlarmChange(LET_GO, Transition.UPDATED, 2, 0)], 2_000_000) == (Verdict.PUSH,)


def test_a_late_episode_within_one_step_is_not_announced() -> None:
    raised = AlarmChange(replace(BASE, late=True), Transition.RAISED, 1, 0)
    cleared = AlarmChange(replace(ENDED, late=True), Transition.CLEARED, 2, 0)
    assert PushGate().verdicts([raised, cleared], 9_000_000) == (Verdict.LATE, Verdict.LATE)
    assert PushGate().verdicts([raised, cleared], 2_500_000) == (Verdict.PUSH, Verdict.PUSH)
