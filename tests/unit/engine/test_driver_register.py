"""Driving clocks run by person: a card, a licence and a qualification number of one driver are one driver."""

from __future__ import annotations

import numpy as np

from monitor.app.pipeline import Pipeline, drivers_payload
from monitor.engine.engine import Engine
from monitor.model.alarm import Alarm, Subject
from monitor.model.driver import Driver, DriverRegister
from monitor.model.journal import JournalRecord, RecordType
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from tests.traces import batch_of

REGISTER = DriverRegister((Driver("D1", "张三", licence_no="L1", card_no="C1"),))


def drive(live: Pipeline, from_s: int, to_s: int, card: str) -> list[Alarm]:
    """A vehicle at 60 km/h with a card in; the alarms that changed."""
    fix_s = np.arange(from_s, to_s + 1, 30.0)
    batch = batch_of(fix_s.tolist(), east_m=(fix_s / 0.06).tolist(), speed_kmh=60.0, driver=0, drivers=(card,))
    judge(batch.rows, None)
    return [one.alarm for one in live.take(JournalRecord(1, RecordType.REPORTS, 0, batch)).changes]


def pipeline(register: DriverRegister | None = REGISTER) -> Pipeline:
    live = Pipeline(Engine(load_rules()))
    if register is not None:
        live.take(JournalRecord(1, RecordType.DRIVERS, 0, payload=drivers_payload(register)))
    return live


def test_an_alarm_names_the_driver_of_the_register_whatever_card_was_read() -> None:
    found = [alarm for alarm in drive(pipeline(), 0, 15_000, "C1") if alarm.rule == "fatigue"]
    assert {(alarm.subject, alarm.driver_id) for alarm in found} == {(Subject.DRIVER, "D1")}


def test_two_cards_of_one_driver_are_no_change_of_drivers() -> None:
    live = pipeline()
    drive(live, 0, 7_200, "C1")
    found = [alarm.rule for alarm in drive(live, 7_230, 15_000, "L1")]
    assert "fatigue" in found
    assert "driver_conflict" not in found


def test_without_the_register_the_same_is_a_conflict() -> None:
    live = pipeline(None)
    drive(live, 0, 7_200, "C1")
    assert "driver_conflict" in [alarm.rule for alarm in drive(live, 7_230, 15_000, "L1")]


def test_a_register_that_comes_while_somebody_drives_changes_no_driver() -> None:
    live = pipeline(None)
    drive(live, 0, 7_200, "C1")
    live.take(JournalRecord(2, RecordType.DRIVERS, 0, payload=drivers_payload(REGISTER)))
    found = drive(live, 7_230, 15_000, "C1")
    assert "driver_conflict" not in [alarm.rule for alarm in found]
    assert [alarm.driver_id for alarm in found if alarm.rule == "fatigue"] == ["D1"]


def test_somebody_who_is_not_in_the_register_is_named_as_reported() -> None:
    found = [alarm for alarm in drive(pipeline(), 0, 15_000, "X9") if alarm.rule == "fatigue"]
    assert [alarm.driver_id for alarm in found] == ["X9"]
