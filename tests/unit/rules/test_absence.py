"""Absence where the registry learns of a stop afterwards, by class and calendar, and what of it is pushed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from monitor.alarms.pushing import Verdict, push_verdict
from monitor.app.pipeline import Pipeline, StepResult, registry_payload
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.errors import ConfigError
from monitor.model.alarm import AlarmChange, AlarmState, Grade, Transition
from monitor.model.beijing import DAY_MS, parse_iso
from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from tests.traces import START_MS, batch_of

RULES = load_rules()
COACH = Vehicle("V0", "甘G00000", PlateColor.YELLOW, VehicleClass.CHARTER_COACH, "E1")
SEEN = Vehicle("V1", "甘G00001", PlateColor.YELLOW, VehicleClass.HAZMAT, "E1")


def pipeline(layers: RuleLayers | None = None) -> Pipeline:
    made = Pipeline(Engine(RULES, ParameterTable(RULES, layers)))
    made.engine.apply_registry(Registry((COACH, SEEN)))
    return made


def report(live: Pipeline, vehicle: int, at_s: float = 0.0, speed_kmh: float = 0.0) -> StepResult:
    batch = batch_of([at_s], vehicle=vehicle, speed_kmh=speed_kmh, n_vehicles=2)
    judge(batch.rows, None)
    return live.take(JournalRecord(1, RecordType.REPORTS, 0, batch))


def tick(live: Pipeline, days: float) -> list[AlarmChange]:
    step = live.take(JournalRecord(2, RecordType.TICK, START_MS + round(days * DAY_MS)))
    return [change for change in step.changes if change.alarm.vehicle_id == "V0"]


def register(live: Pipeline, vehicle: Vehicle) -> list[AlarmChange]:
    payload = registry_payload(Registry((vehicle, SEEN), 2))
    step = live.take(JournalRecord(3, RecordType.REGISTRY, 0, payload=payload))
    return [change for change in step.changes if change.alarm.vehicle_id == "V0"]


def test_a_stop_that_is_registered_afterwards_takes_an_absence_back() -> None:
    live = pipeline()
    report(live, 0)
    assert [change.transition for change in tick(live, 3.5)] == [Transition.RAISED, Transition.UPDATED]
    (taken_back,) = register(live, replace(COACH, suspended_from=date(2026, 3, 2), suspended_to=date(2026, 3, 10)))
    assert taken_back.transition is Transition.WITHDRAWN
    assert taken_back.alarm.state is AlarmState.WITHDRAWN
    assert tick(live, 9.0) == []
    (again,) = tick(live, 9.7)
    assert again.alarm.onset_ms == parse_iso("2026-03-12T00:00:00+08:00")


def test_a_stop_that_is_registered_afterwards_takes_a_vehicle_never_seen_back() -> None:
    live = pipeline()
    report(live, 1)
    (raised,) = tick(live, 7.5)
    assert raised.alarm.rule == "never_online"
    (taken_back,) = register(live, replace(COACH, suspended_from=date(2026, 3, 1), suspended_to=date(2026, 3, 20)))
    assert taken_back.transition is Transition.WITHDRAWN
    assert tick(live, 25.0) == []
    (again,) = tick(live, 25.7)
    assert again.alarm.onset_ms == parse_iso("2026-03-28T00:00:00+08:00")


def test_a_stop_that_begins_later_ends_it_at_its_begin() -> None:
    live = pipeline()
    report(live, 1)
    tick(live, 7.5)
    assert register(live, replace(COACH, suspended_from=date(2026, 3, 12))) == []
    (ended,) = tick(live, 20.0)
    assert (ended.alarm.state, ended.alarm.end_ms) == (AlarmState.CLEARED, parse_iso("2026-03-12T00:00:00+08:00"))


@pytest.mark.parametrize(
    ("speed_kmh", "days", "verdicts"),
    [
        pytest.param(60.0, 1.5, [Verdict.PUSH], id="lost: pushed after a day"),
        pytest.param(0.0, 1.5, [Verdict.PARKED], id="parked: counted after a day"),
        pytest.param(0.0, 6.9, [Verdict.PARKED, Verdict.PARKED], id="parked: counted until 7 days"),
        pytest.param(
            0.0, 7.1, [Verdict.PARKED, Verdict.PARKED, Verdict.PUSH], id="parked: a person is asked at 7 days"
        ),
    ],
)
def test_what_is_pushed_of_an_absence(speed_kmh: float, days: float, verdicts: list[Verdict]) -> None:
    live = pipeline()
    report(live, 0, speed_kmh=speed_kmh)
    changes = tick(live, days)
    assert [push_verdict(change, change.alarm, change.at_ms, pushed=False) for change in changes] == verdicts


def test_a_calendar_may_be_that_of_one_enterprise() -> None:
    calendar = [{"from": "03-03", "to": "03-31", "classes": ["charter_coach"]}]
    live = pipeline(RuleLayers(enterprise={"E1": {"offline": {"calendar": calendar}}}))
    report(live, 0)
    assert tick(live, 20.0) == []
    (raised,) = tick(live, 31.0)
    assert raised.alarm.grade is Grade.NOTICE
    assert raised.alarm.onset_ms == parse_iso("2026-04-01T08:00:00+08:00")


def test_a_calendar_that_cannot_be_is_refused_by_its_place() -> None:
    layers = RuleLayers(vehicle_class={"charter_coach": {"offline": {"calendar": [{"from": "02-30", "to": "03-01"}]}}})
    with pytest.raises(ConfigError, match=r"charter_coach\.offline\.calendar\.0\.from.*02-30"):
        ParameterTable(RULES, layers)
