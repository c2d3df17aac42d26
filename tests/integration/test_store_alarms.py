"""Alarms, outbox and what is committed with them, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from monitor.errors import StoreError
from monitor.model.alarm import (
    Alarm,
    AlarmChange,
    AlarmState,
    Certainty,
    EndReason,
    Grade,
    LimitSource,
    PreWarning,
    Subject,
    Transition,
    alarm_id,
)
from monitor.model.day import COUNTERS, VEHICLE_DAY
from monitor.model.indicator import Indicator, Period, Scope
from monitor.model.outbox import Cause, OutboxReader
from monitor.model.push import PushKind, summary_message
from monitor.model.supervision import SupervisionEntry
from monitor.store.alarm_query import AlarmFilter, alarm_by_id, changes_of_alarm, find_alarms
from monitor.store.alarm_rows import StoredAlarm
from monitor.store.alarm_store import AlarmStore, load_open_alarms
from monitor.store.committed_step import CommittedStep, VehicleDayRows
from monitor.store.database import Database, open_database
from monitor.store.dead_letters import letters_waiting
from monitor.store.indicator_store import find_indicators, write_indicators
from monitor.store.outbox import Backlog, Outbox, PendingPush, SinkCursor
from monitor.store.supervision_store import find_supervision
from monitor.store.vehicle_day_store import joined_before, load_vehicle_days

pytestmark = pytest.mark.integration

NOON_MS = 1_772_424_000_000
NOW_MS = NOON_MS + 1_000


def _alarm(vehicle_id: str = "V1", onset_ms: int = NOON_MS, rule: str = "speeding") -> Alarm:
    return Alarm(
        alarm_id=alarm_id(Subject.VEHICLE, vehicle_id, rule, "", onset_ms),
        subject=Subject.VEHICLE,
        rule=rule,
        kind="",
        grade=Grade.MAJOR,
        certainty=Certainty.SUSPECTED,
        state=AlarmState.ACTIVE,
        vehicle_id=vehicle_id,
        plate="甘G12345",
        vehicle_class="hazmat",
        enterprise_id="E/1",
        driver_id="",
        onset_ms=onset_ms,
        peak=99.5,
        limit=80.0,
        limit_source=LimitSource.CLASS_CAP,
        suspected_serious=True,
        n_reports=7,
        start_lon=99.8,
        start_lat=39.4,
    )


def _raised(alarm: Alarm) -> AlarmChange:
    return AlarmChange(alarm, Transition.RAISED, 1, alarm.onset_ms + 31_000)


def _cleared(alarm: Alarm) -> AlarmChange:
    over = replace(
        alarm, state=AlarmState.CLEARED, end_ms=alarm.onset_ms + 60_000, mean=91.0, end_reason=EndReason.CONDITION_OVER
    )
    return AlarmChange(over, Transition.CLEARED, 2, alarm.onset_ms + 90_000)


def _store(database: Database) -> AlarmStore:
    return AlarmStore(database, lambda: NOW_MS)


def _topics(database: Database) -> list[tuple[str, int]]:
    return [(one.message.topic, one.message.sequence) for one in Outbox(database).read("any")]


def _listed(**changes: object) -> SupervisionEntry:
    entry = SupervisionEntry("vehicle", "V1", NOON_MS, "vehicle_s5", "一次疑似严重超速", ("a", "b"), {"events": 1.0})
    return replace(entry, **changes)  # type: ignore[arg-type]


def test_an_alarm_its_log_and_its_push_come_back_as_they_went_in(database: Database) -> None:
    alarm = _alarm()
    assert _store(database).commit(CommittedStep(1, (_raised(alarm),)))
    assert load_open_alarms(database) == (StoredAlarm(alarm, 1, NOON_MS + 31_000, NOON_MS + 31_000),)
    _store(database).commit(CommittedStep(2, (_cleared(alarm),)))
    assert load_open_alarms(database) == ()
    stored = alarm_by_id(database, alarm.alarm_id)
    assert stored == StoredAlarm(_cleared(alarm).alarm, 2, NOON_MS + 31_000, NOON_MS + 90_000)
    log = changes_of_alarm(database, alarm.alarm_id)
    assert [(line.sequence, line.transition) for line in log] == [(1, Transition.RAISED), (2, Transition.CLEARED)]
    assert json.loads(log[1].record) == _cleared(alarm).alarm.record()
    pushed = Outbox(database).read("any")
    assert [json.loads(one.message.body()) for one in pushed] == [
        {"type": "alarm", "id": alarm.alarm_id, "sequence": 1, "data": alarm.record()},
        {"type": "alarm", "id": alarm.alarm_id, "sequence": 2, "data": _cleared(alarm).alarm.record()},
    ]
    assert pushed[0].message.topic == "alarms/E_1/V1"
    assert pushed[0].created_ms == NOW_MS


def test_a_step_at_or_below_the_stored_offset_is_discarded(database: Database) -> None:
    store = _store(database)
    steps = [CommittedStep(number, (_raised(_alarm(f"V{number}")),)) for number in range(1, 6)]
    assert store.position() == 0
    assert store.commit_all(steps[:3]) == 3
    assert store.position() == 3
    assert not store.commit(steps[2])
    again = _store(database)
    assert again.commit_all(steps) == 2
    assert again.position() == 5
    assert len(_topics(database)) == find_alarms(database, AlarmFilter()).total == 5


def test_how_steps_are_grouped_into_transactions_changes_nothing(database: Database) -> None:
    first, second = _alarm("V1"), _alarm("V2")
    steps = [
        CommittedStep(3, (_raised(first),), summaries=(summary_message("E1", "1"),)),
        CommittedStep(4, (_cleared(first), _raised(second)), summaries=(summary_message("E1", "2"),)),
        CommittedStep(8, (_cleared(second),), summaries=(summary_message("E2", "3"),)),
    ]
    _store(database).commit_all(steps)
    together = (_topics(database), find_alarms(database, AlarmFilter()))
    apart_store = AlarmStore(database, lambda: NOW_MS, journal="other")
    with database.write() as connection:
        for table in ("alarms", "alarm_changes", "outbox", "push_sequences"):
            connection.exec_driver_sql(f"DELETE FROM {table}")
    for step in steps:
        apart_store.commit(step)
    assert (_topics(database), find_alarms(database, AlarmFilter())) == together
    assert together[0] == [
        ("alarms/E_1/V1", 1),
        ("summaries/E1", 1),
        ("alarms/E_1/V1", 2),
        ("alarms/E_1/V2", 1),
        ("summaries/E1", 2),
        ("alarms/E_1/V2", 2),
        ("summaries/E2", 1),
    ]


def test_a_step_that_fails_leaves_nothing_behind(database: Database) -> None:
    store = _store(database)
    store.commit(CommittedStep(1, (_raised(_alarm()),)))
    broken = replace(_alarm("V3"), plate=None)  # type: ignore[arg-type]  # what no table takes
    with pytest.raises(StoreError):
        store.commit(CommittedStep(2, (_raised(_alarm("V2")), _raised(broken))))
    assert store.position() == 1
    assert find_alarms(database, AlarmFilter()).total == len(_topics(database)) == 1
    with pytest.raises(StoreError, match="out of order"):
        store.commit_all([CommittedStep(3), CommittedStep(2)])


def test_changes_follow_on_the_stored_ones(database: Database) -> None:
    """Settlement changed the alarm meanwhile; what live says next gets the next number."""
    store = _store(database)
    store.commit(CommittedStep(1, (_raised(_alarm()),)))
    store.commit(CommittedStep(2, (_raised(_alarm()),), withheld=frozenset({(_alarm().alarm_id, 1)})))
    assert [change.sequence for change in changes_of_alarm(database, _alarm().alarm_id)] == [1, 2]
    assert _topics(database) == [("alarms/E_1/V1", 1)]


def test_a_withheld_change_is_kept_but_not_pushed(database: Database) -> None:
    alarm = _alarm()
    step = CommittedStep(1, (_raised(alarm), _cleared(alarm)), withheld=frozenset({(alarm.alarm_id, 1)}))
    _store(database).commit(step)
    assert len(changes_of_alarm(database, alarm.alarm_id)) == 2
    assert _topics(database) == [("alarms/E_1/V1", 2)]


def test_a_prewarning_is_a_push_of_its_own(database: Database) -> None:
    warning = PreWarning("w1", "fatigue", "day", "V1", "甘G12345", "hazmat", "", "", NOON_MS, 3.5, 4.0, 1800.0)
    _store(database).commit(CommittedStep(1, prewarnings=(warning,)))
    (pushed,) = Outbox(database).read("any")
    assert pushed.message.topic == "prewarnings/_/V1"
    assert json.loads(pushed.message.body()) == {
        "type": "prewarning",
        "id": "w1",
        "sequence": 1,
        "data": warning.record(),
    }


def test_a_supervision_entry_is_pushed_when_it_changes(database: Database) -> None:
    store = _store(database)
    store.commit(CommittedStep(1, supervision=(_listed(),)))
    store.commit(CommittedStep(2, supervision=(_listed(),)))
    left = _listed(left_ms=NOON_MS + 5)
    store.commit_all([CommittedStep(3, supervision=(_listed(object_id="V2"),)), CommittedStep(4, supervision=(left,))])
    assert _topics(database) == [
        ("supervision/vehicle/V1", 1),
        ("supervision/vehicle/V2", 1),
        ("supervision/vehicle/V1", 2),
    ]
    assert find_supervision(database).total == 2
    assert find_supervision(database, listed_only=True).entries == (_listed(object_id="V2"),)
    assert find_supervision(database, object_id="V1").entries == (left,)
    assert find_supervision(database, object_type="enterprise").entries == ()


def test_vehicle_day_counters_are_replaced_by_later_sums(database: Database) -> None:
    rows = np.zeros(3, VEHICLE_DAY)
    rows["row"], rows["day"] = [0, 1, 0], [20_514, 20_514, 20_515]
    for number, name in enumerate(COUNTERS):
        rows[name] = np.arange(3) + number
    later = rows[:1].copy()
    later["reports_total"] = 99
    later["mileage_m"] = 1234.5
    store = _store(database)
    store.commit(CommittedStep(1, vehicle_days=VehicleDayRows(("V2", "V1"), rows)))
    store.commit(CommittedStep(2, vehicle_days=VehicleDayRows(("V2",), later)))
    found = load_vehicle_days(database, 20_514, 20_515)
    assert found.vehicle_ids == ("V1", "V2")
    assert found.rows["row"].tolist() == [0, 1, 1]
    expected = np.concatenate([rows[1:2], later, rows[2:]])
    assert all(found.rows[name].tolist() == expected[name].tolist() for name in ("day", *COUNTERS))
    assert len(load_vehicle_days(database, 20_516, 20_600)) == 0
    assert joined_before(database, 20_515) == {"V1", "V2"}
    assert joined_before(database, 20_514) == set()


def test_indicators_are_replaced_and_found_by_scope_key_period_and_date(database: Database) -> None:
    day = Indicator(Scope.ENTERPRISE, "E1", Period.DAY, date(2026, 3, 2), reports_total=5, mileage_m=2**40)
    month = replace(day, period=Period.MONTH, date=date(2026, 3, 1))
    other = replace(day, scope=Scope.VEHICLE, key="V1")
    write_indicators(database, [day, month, other])
    settled = replace(day, provisional=False, reports_total=6)
    _store(database).commit(CommittedStep(1, indicators=(day, settled)))
    assert find_indicators(database).total == 3
    assert find_indicators(database, scope=Scope.ENTERPRISE, key="E1", period=Period.DAY).indicators == (settled,)
    assert find_indicators(database, last=date(2026, 3, 1)).indicators == (month,)
    assert find_indicators(database, first=date(2026, 3, 2)).indicators == (settled, other)
    assert find_indicators(database, limit=1, offset=2).indicators == (month,)


def test_alarms_are_found_by_each_filter_and_page(database: Database) -> None:
    early, late = _alarm("V1", NOON_MS), _alarm("V2", NOON_MS + 60_000, "fatigue")
    mild = replace(_alarm("V3", NOON_MS + 120_000), grade=Grade.NOTICE, kind="k", enterprise_id="E2")
    _store(database).commit(CommittedStep(1, (_raised(early), _raised(late), _raised(mild), _cleared(early))))

    def found(wanted: AlarmFilter) -> list[str]:
        page = find_alarms(database, wanted)
        assert page.total == len(page.alarms)
        return [one.alarm.vehicle_id for one in page.alarms]

    assert found(AlarmFilter()) == ["V3", "V2", "V1"]
    assert found(AlarmFilter(rules=("speeding", "drift"))) == ["V3", "V1"]
    assert found(AlarmFilter(kinds=("k",))) == ["V3"]
    assert found(AlarmFilter(grades=(Grade.MAJOR,))) == ["V2", "V1"]
    assert found(AlarmFilter(states=(AlarmState.ACTIVE,))) == ["V3", "V2"]
    assert found(AlarmFilter(vehicle_id="V2")) == ["V2"]
    assert found(AlarmFilter(enterprise_id="E2")) == ["V3"]
    assert found(AlarmFilter(from_ms=NOON_MS + 60_000, to_ms=NOON_MS + 120_000)) == ["V2"]
    page = find_alarms(database, AlarmFilter(), limit=1, offset=1)
    assert (page.total, page.alarms[0].alarm) == (3, late)
    assert alarm_by_id(database, "no such alarm") is None


def test_each_sink_has_its_own_cursor_and_failures_stay_with_it(database: Database) -> None:
    _store(database).commit(CommittedStep(1, tuple(_raised(_alarm(f"V{number}")) for number in range(5))))
    outbox = Outbox(database)
    reader: OutboxReader[PendingPush] = outbox  # what the sinks ask for, checked by type
    assert reader.read("nobody", 0) == ()
    assert outbox.register("webhook") == SinkCursor("webhook")
    ids = [one.outbox_id for one in outbox.read("webhook")]
    assert outbox.register("late", from_start=False) == SinkCursor("late", ids[-1])
    assert [one.outbox_id for one in outbox.read("webhook", limit=2)] == ids[:2]
    outbox.advance("webhook", ids[1])
    outbox.advance("webhook", ids[0])
    assert outbox.cursor("webhook").outbox_id == ids[1]
    assert outbox.backlog("webhook") == Backlog(3, NOW_MS)
    outbox.record_failure("webhook", "no route", NOW_MS, NOW_MS + 1, False)
    outbox.record_failure("webhook", "503", NOW_MS + 1, NOW_MS + 2)
    failed = outbox.record_failure("webhook", "timeout " + "x" * 1000, NOW_MS + 2, NOW_MS + 3)
    assert (failed.outbox_id, failed.attempts, failed.next_try_ms) == (ids[1], 3, NOW_MS + 3)
    assert (failed.first_try_ms, failed.answered_ms) == (NOW_MS, NOW_MS + 1)
    assert outbox.cursor("webhook") == failed
    assert outbox.register("webhook") == failed
    assert outbox.cursor("mqtt") == SinkCursor("mqtt")
    outbox.bury("webhook", outbox.read("webhook")[0], Cause.REFUSED, "410 Gone", NOW_MS)
    assert outbox.cursor("webhook") == SinkCursor("webhook", ids[2])
    assert letters_waiting(database) == {"webhook": 1}
    outbox.advance("webhook", ids[-1])
    assert outbox.backlog("webhook") == Backlog(0, None)


def test_retention_keeps_what_is_young_or_not_passed_and_never_uses_an_id_twice(database: Database) -> None:
    clock = iter([1_000, 2_000, 3_000, 4_000])
    store = AlarmStore(database, lambda: next(clock))
    for number in range(1, 4):
        store.commit(CommittedStep(number, (_raised(_alarm(f"V{number}")),)))
    outbox = Outbox(database)
    ids = [one.outbox_id for one in outbox.read("new")]
    outbox.advance("fast", ids[2])
    outbox.advance("slow", ids[0])
    outbox.register("taken out of service")
    assert outbox.delete_passed(["fast", "slow"], 10_000) == 1
    assert outbox.delete_passed(["fast", "never seen"], 10_000) == 0
    assert outbox.delete_passed(["fast"], 3_000) == 1
    assert outbox.delete_passed([], 10_000) == 1
    store.commit(CommittedStep(4, (_raised(_alarm("V4")),)))
    (last,) = outbox.read("new")
    assert last.outbox_id > ids[2]
    assert outbox.backlog("fast").messages == 1


def test_summaries_go_on_counting_after_a_restart(database: Database, store_url: str) -> None:
    _store(database).commit(CommittedStep(1, summaries=(summary_message("E1", "{}"),)))
    Outbox(database).delete_passed([], NOW_MS + 1)
    restarted = open_database(store_url)
    _store(restarted).commit(CommittedStep(2, summaries=(summary_message("E1", '{"a":1}'),)))
    (pushed,) = Outbox(restarted).read("any")
    restarted.close()
    assert (pushed.message.kind, pushed.message.retained) == (PushKind.SUMMARY, True)
    assert pushed.message.idempotency_key == "summary:E1/2"
    assert json.loads(pushed.message.body())["data"] == {"a": 1}
