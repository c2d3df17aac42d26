"""A device's alarm and ours about the same thing: one of them goes on, whichever came first."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alarms.book import AlarmBook
from monitor.alarms.merging import KEEP_MS, SWEEP_MS, Merging
from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Certainty, EndReason, Grade, Subject, Transition
from monitor.model.edge import EdgeType
from monitor.rules import load_rules
from tests.unit.alarms.test_book import Fleet, T, book, edges

SPEEDING, FATIGUE = {"kind": 1.0}, {"kind": 2.0}
"""Places of the bits in the alarm word, and so of the kinds."""
ONSET, CLEAR, UPDATE, WITHDRAW = EdgeType.ONSET, EdgeType.CLEAR, EdgeType.UPDATE, EdgeType.WITHDRAW
Line = tuple[str, EdgeType, int, dict[str, float]]


def over(at_s: int) -> dict[str, float]:
    return {"end_ms": T + at_s * 1000, "end_reason": float(EndReason.CONDITION_OVER)}


def device(edge: EdgeType, onset_s: int, at_s: int, **others: float) -> Line:
    return ("device_alarm", edge, onset_s, SPEEDING | {"at_ms": T + at_s * 1000} | others)


def ours(edge: EdgeType, onset_s: int, at_s: int, **others: float) -> Line:
    return ("speeding", edge, onset_s, {"at_ms": T + at_s * 1000} | others)


def said(*lines: Line) -> list[tuple[str, str, int]]:
    """Transition, state and number of each change of the device's alarm."""
    found = book().apply(edges(*lines)).changes
    return [
        (one.transition.value, one.alarm.state.value, one.sequence) for one in found if one.alarm.rule == "device_alarm"
    ]


def test_ours_first_and_the_devices_is_merged_from_its_onset_on() -> None:
    assert said(
        ours(ONSET, 0, 40),
        device(ONSET, 50, 50),
        device(CLEAR, 50, 70, **over(70)),
        ours(CLEAR, 0, 200, **over(90)),
    ) == [("raised", "merged", 1), ("cleared", "merged", 2)]


def test_the_devices_first_and_it_is_merged_when_ours_begins() -> None:
    assert said(device(ONSET, 0, 0), ours(ONSET, 0, 40), device(CLEAR, 0, 60, **over(60))) == [
        ("raised", "active", 1),
        ("merged", "merged", 2),
        ("cleared", "merged", 3),
    ]


def test_the_devices_was_over_before_ours_was_found_to_have_begun() -> None:
    assert said(device(ONSET, 0, 0), device(CLEAR, 0, 20, **over(20)), ours(ONSET, 10, 50)) == [
        ("raised", "active", 1),
        ("cleared", "cleared", 2),
        ("merged", "merged", 3),
    ]


def test_the_devices_goes_on_alone_when_ours_had_ended_before() -> None:
    assert said(
        ours(ONSET, 0, 40),
        device(ONSET, 100, 100),
        ours(CLEAR, 0, 150, **over(90)),
        device(CLEAR, 100, 200, **over(200)),
    ) == [("raised", "merged", 1), ("updated", "active", 2), ("cleared", "cleared", 3)]


@pytest.mark.parametrize(
    ("onset_s", "end_s", "merged"),
    [(-50, -1, False), (-50, 0, True), (10, 20, True), (60, 80, True), (61, 80, False), (-10, 90, True)],
    ids=["over before", "touching the onset", "inside", "touching the end", "begun after", "around it"],
)
@pytest.mark.parametrize("first", ["ours", "device"])
def test_overlap_is_judged_by_onset_and_end_whichever_was_found_first(
    first: str, onset_s: int, end_s: int, merged: bool
) -> None:
    mine = [ours(ONSET, 0, 100), ours(CLEAR, 0, 100, **over(60))]
    theirs = [device(ONSET, onset_s, 100), device(CLEAR, onset_s, 100, **over(end_s))]
    lines = mine + theirs if first == "ours" else theirs + mine
    if first == "ours" and merged:
        lines = [mine[0], *theirs, mine[1]]  # what comes after our end can no longer overlap
    assert (said(*lines)[-1][1] == "merged") is merged


def test_however_the_edges_come_the_outcome_is_the_same() -> None:
    mine, theirs = ours(ONSET, 0, 40), device(ONSET, 30, 40)
    ends = ours(CLEAR, 0, 90, **over(60)), device(CLEAR, 30, 90, **over(80))
    last = {said(*begun, *ended)[-1][1] for begun in permutations((mine, theirs)) for ended in permutations(ends)}
    assert last == {"merged"}


def test_over_two_of_ours_it_is_merged_into_the_earlier() -> None:
    found = book().apply(
        edges(
            device(ONSET, 0, 0),
            ours(ONSET, 0, 40),
            ours(CLEAR, 0, 100, **over(60)),
            ours(ONSET, 120, 160),
            device(CLEAR, 0, 200, **over(200)),
        )
    )
    alarms = {change.alarm.alarm_id: change.alarm for change in found.changes}
    into = {alarm.inhibited_by for alarm in alarms.values() if alarm.state is AlarmState.MERGED}
    assert [alarms[key].onset_ms for key in into] == [T]


def test_one_of_ours_that_turns_out_to_be_none_lets_the_devices_go() -> None:
    assert said(device(ONSET, 0, 0), ours(ONSET, 0, 40), ours(WITHDRAW, 0, 50))[-1] == ("updated", "active", 3)


def test_an_update_of_ours_says_nothing_new_of_the_devices() -> None:
    assert len(said(device(ONSET, 0, 0), ours(ONSET, 0, 40), ours(UPDATE, 0, 50, peak=120.0))) == 2


def test_fatigue_of_a_driver_merges_with_the_vehicles_device() -> None:
    found = book().apply(
        edges(("fatigue", ONSET, 0, {"driver": 0}), ("device_alarm", ONSET, 5, FATIGUE | {"driver": 0}))
    )
    assert found.changes[1].alarm.inhibited_by == found.changes[0].alarm.alarm_id


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(("device_alarm", ONSET, 5, FATIGUE), id="another condition"),
        pytest.param(("device_alarm", ONSET, 5, SPEEDING | {"row": 1}), id="another vehicle"),
        pytest.param(("device_alarm", ONSET, 5, {"kind": 0.0}), id="an emergency"),
    ],
)
def test_nothing_else_is_merged(line: Line) -> None:
    assert book().apply(edges(ours(ONSET, 0, 40), line)).changes[-1].alarm.state is AlarmState.ACTIVE


def test_merged_alarms_are_not_among_the_open_ones() -> None:
    ledger = book()
    ledger.apply(edges(ours(ONSET, 0, 40), device(ONSET, 5, 50)))
    assert [alarm.rule for alarm in ledger.open_alarms] == ["speeding"]


@given(st.integers(0, 6))
def test_a_restored_book_merges_as_the_saved_one(cut: int) -> None:
    lines = (
        device(ONSET, 0, 0),
        device(CLEAR, 0, 20, **over(20)),
        ours(ONSET, 10, 50),
        device(ONSET, 100, 100),
        ours(CLEAR, 10, 150, **over(90)),
        device(CLEAR, 100, 200, **over(200)),
    )
    whole = book().apply(edges(*lines)).changes
    first, second = book(), AlarmBook(load_rules(), Fleet(), provisional=True)
    before = first.apply(edges(*lines[:cut])).changes
    second.restore(first.snapshot())
    assert before + second.apply(edges(*lines[cut:])).changes == whole


def alarm(rule: str, kind: str, onset_ms: int, end_ms: int | None, vehicle: str = "V1") -> Alarm:
    state = AlarmState.ACTIVE if end_ms is None else AlarmState.CLEARED
    subject, certainty = Subject.VEHICLE, Certainty.CERTAIN
    return Alarm(
        f"{rule}{onset_ms}",
        subject,
        rule,
        kind,
        Grade.NOTICE,
        certainty,
        state,
        vehicle,
        "",
        "",
        "",
        "",
        onset_ms,
        end_ms,
    )


def test_live_what_is_long_over_is_forgotten() -> None:
    merging = Merging(live=True)
    for number in range(3):
        merging.note(alarm("device_alarm", "speeding", T, T + 9_000, f"V{number}"), 2, T + 10_000)
        merging.note(alarm("speeding", "", T + 20_000, T + 30_000, f"V{number}"), 2, T + 40_000)
    assert len(merging.snapshot().devices) == 3
    assert merging.snapshot().ours == {}
    merging.note(alarm("offline", "lost", T, None), 1, T + KEEP_MS + SWEEP_MS + 20_000)
    assert merging.snapshot().devices == {}


def test_a_device_alarm_stays_merged_however_long_it_lasts() -> None:
    merging = Merging(live=True)
    device_alarm = alarm("device_alarm", "speeding", T, None)
    merging.note(device_alarm, 1, T)
    ((merged, _),) = merging.note(alarm("speeding", "", T, None), 1, T + 40_000)
    merging.note(alarm("speeding", "", T, T + 60_000), 2, T + 100_000)
    later_ms = T + 30 * KEEP_MS
    merging.note(alarm("offline", "lost", T, None), 1, later_ms)
    assert merging.judge(merged).state is AlarmState.MERGED


def test_the_change_of_a_merged_alarm_says_so() -> None:
    found = book().apply(edges(device(ONSET, 0, 0), ours(ONSET, 0, 40))).changes
    assert [change.transition for change in found] == [Transition.RAISED, Transition.RAISED, Transition.MERGED]
    assert isinstance(found[2], AlarmChange)
    assert found[2].at_ms == T + 40_000
