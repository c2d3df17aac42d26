"""Laws of matching: settling again changes nothing, ids stay one to one, and what is left is what was settled."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.alarms.settling import KnownAlarm, Settled, Window, settle_alarms
from monitor.model.alarm import Alarm, AlarmState, Certainty, Grade, Subject, alarm_id
from monitor.model.beijing import DAY_MS

END_MS = DAY_MS
WINDOW = Window(0, END_MS)


def alarm(onset_min: int, minutes: int | None, vehicle: str = "V1", peak: float = 100.0) -> Alarm:
    """A speeding alarm, lasting where ``minutes`` is None."""
    onset_ms = onset_min * 60_000
    return Alarm(
        alarm_id=alarm_id(Subject.VEHICLE, vehicle, "speeding", "", onset_ms),
        subject=Subject.VEHICLE,
        rule="speeding",
        kind="",
        grade=Grade.GENERAL,
        certainty=Certainty.CERTAIN,
        state=AlarmState.ACTIVE if minutes is None else AlarmState.CLEARED,
        vehicle_id=vehicle,
        plate="",
        vehicle_class="",
        enterprise_id="",
        driver_id="",
        onset_ms=onset_ms,
        end_ms=None if minutes is None else onset_ms + minutes * 60_000,
        peak=peak,
    )


@st.composite
def episodes(draw: st.DrawFn) -> list[Alarm]:
    """Alarms of up to two vehicles, those of one vehicle one after another."""
    found = []
    for vehicle in ("V1", "V2"):
        at = 0
        for _ in range(draw(st.integers(0, 4))):
            at += draw(st.integers(1, 60))
            minutes = draw(st.integers(0, 60))
            found.append(alarm(at, minutes, vehicle, draw(st.sampled_from((100.0, 110.0)))))
            at += minutes
    return found


def known_of(alarms: list[Alarm]) -> list[KnownAlarm]:
    return [KnownAlarm(replace(one, provisional=True), 2, one.end_ms or one.onset_ms) for one in alarms]


def applied(known: list[KnownAlarm], found: tuple[Settled, ...]) -> list[KnownAlarm]:
    """The tables afterwards."""
    after = {one.alarm.alarm_id: one for one in known}
    for one in found:
        sequence = (0 if one.before is None else one.before.sequence) + 1
        raised_ms = END_MS if one.before is None else one.before.raised_ms
        after[one.alarm.alarm_id] = KnownAlarm(one.alarm, sequence, raised_ms, one.settled_id, WINDOW.day)
    return list(after.values())


def facts(one: Alarm) -> Alarm:
    return replace(one, alarm_id="", late=False, provisional=False)


def standing(known: list[KnownAlarm]) -> list[Alarm]:
    dead = (AlarmState.MERGED, AlarmState.WITHDRAWN)
    return [facts(one.alarm) for one in known if one.alarm.state not in dead]


LAWS = settings(max_examples=300, deadline=None)


@LAWS
@given(live=episodes(), settled=episodes())
def test_what_stands_afterwards_is_what_was_settled(live: list[Alarm], settled: list[Alarm]) -> None:
    after = applied(known_of(live), settle_alarms(settled, known_of(live), (), WINDOW))
    assert sorted(map(repr, standing(after))) == sorted(repr(facts(one)) for one in settled)
    assert not any(one.alarm.provisional for one in after)


@LAWS
@given(live=episodes(), settled=episodes())
def test_settling_again_changes_nothing(live: list[Alarm], settled: list[Alarm]) -> None:
    after = applied(known_of(live), settle_alarms(settled, known_of(live), (), WINDOW))
    again = settle_alarms(settled, after, (), WINDOW)
    assert [one for one in again if one.writes] == []


@LAWS
@given(live=episodes(), first=episodes(), second=episodes())
def test_a_second_settlement_of_other_data_stands_as_if_it_were_the_first(
    live: list[Alarm], first: list[Alarm], second: list[Alarm]
) -> None:
    after = applied(known_of(live), settle_alarms(first, known_of(live), (), WINDOW))
    found = settle_alarms(second, after, (), WINDOW)
    ids = [one.alarm.alarm_id for one in found]
    assert len(ids) == len(set(ids))
    last = applied(after, found)
    assert sorted(map(repr, standing(last))) == sorted(repr(facts(one)) for one in second)


@LAWS
@given(live=episodes(), settled=episodes())
def test_no_alarm_gets_the_id_of_another(live: list[Alarm], settled: list[Alarm]) -> None:
    found = settle_alarms(settled, known_of(live), (), WINDOW)
    ids = [one.alarm.alarm_id for one in found]
    assert len(ids) == len(set(ids))
    assert all(one.before is None or one.before.alarm.alarm_id == one.alarm.alarm_id for one in found)
    assert {one.alarm_id for one in live} >= {one.alarm.alarm_id for one in found if one.before is not None}


def test_the_earliest_overlapped_keeps_its_id_and_the_others_become_part_of_it() -> None:
    first, second = alarm(10, 5), alarm(20, 5)
    found = settle_alarms([alarm(8, 30)], known_of([first, second]), (), WINDOW)
    assert [(one.alarm.alarm_id, one.alarm.state, one.alarm.inhibited_by) for one in found] == [
        (first.alarm_id, AlarmState.CLEARED, ""),
        (second.alarm_id, AlarmState.MERGED, first.alarm_id),
    ]


def test_of_a_split_the_earliest_part_keeps_the_id() -> None:
    whole = alarm(10, 30)
    found = settle_alarms([alarm(12, 5), alarm(30, 5)], known_of([whole]), (), WINDOW)
    assert [(one.alarm.alarm_id == whole.alarm_id, one.alarm.onset_ms, one.alarm.late) for one in found] == [
        (True, 12 * 60_000, False),
        (False, 30 * 60_000, True),
    ]


def test_what_live_found_after_the_end_of_the_day_is_judged_with_the_next() -> None:
    found_later = KnownAlarm(replace(alarm(1_439, 5), provisional=True), 1, END_MS + 20_000)
    assert settle_alarms([], [found_later], (), WINDOW) == ()
    (withdrawn,) = settle_alarms([], [found_later], (), Window(1, 2 * DAY_MS))
    assert withdrawn.alarm.state is AlarmState.WITHDRAWN


def test_an_alarm_that_goes_on_after_the_day_is_left_to_live() -> None:
    lasting = alarm(1_400, None)
    (kept,) = settle_alarms([lasting], known_of([lasting]), {lasting.alarm_id}, WINDOW)
    assert not kept.writes
    assert kept.settled_id == lasting.alarm_id


def test_what_was_withdrawn_and_is_found_again_keeps_its_id() -> None:
    known = known_of([alarm(10, 5)])
    after = applied(known, settle_alarms([], known, (), WINDOW))
    (revived,) = settle_alarms([alarm(11, 5)], after, (), WINDOW)
    assert revived.alarm.alarm_id == known[0].alarm.alarm_id
    assert revived.reason == "revived"
