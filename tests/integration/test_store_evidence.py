"""Evidence in the store: committed with its alarm, kept for good, and shown by the API."""

from __future__ import annotations

import pytest

from monitor.console.api import create_api
from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Certainty, Grade, Subject, Transition, alarm_id
from monitor.model.beijing import iso
from monitor.model.evidence import Around, Clocks, Evidence, LimitFacts, RuleInForce, SeenReport, Uncertainty
from monitor.store.alarm_store import AlarmStore
from monitor.store.committed_step import CommittedStep
from monitor.store.database import Database
from monitor.store.evidence_store import alarm_evidence_by_id, evidence_of_alarm
from tests.traces import START_MS
from tests.unit.console.api_client import ApiClient

pytestmark = pytest.mark.integration

ID = alarm_id(Subject.VEHICLE, "V1", "speeding", "", START_MS)


def alarm(state: AlarmState = AlarmState.ACTIVE) -> Alarm:
    return Alarm(
        alarm_id=ID,
        subject=Subject.VEHICLE,
        rule="speeding",
        kind="",
        grade=Grade.GENERAL,
        certainty=Certainty.CERTAIN,
        state=state,
        vehicle_id="V1",
        plate="甘G00001",
        vehicle_class="hazmat",
        enterprise_id="E1",
        driver_id="",
        onset_ms=START_MS,
        peak=92.0,
        limit=80.0,
    )


def piece(sequence: int, transition: Transition) -> Evidence:
    return Evidence(
        alarm_id=ID,
        sequence=sequence,
        transition=transition,
        clocks=Clocks(found=iso(START_MS + 40_000), onset=iso(START_MS)),
        grade="general",
        certainty="certain",
        rule=RuleInForce("speeding", "0123456789ab", "1.0", {"enterprise_limit_kmh": 70.0}, ("enterprise_limit_kmh",)),
        limit=LimitFacts(80.0, "km/h", "section", section_id="S1", section_name="G30 连霍高速", surveyed_by="张三"),
        around=Around.BEGIN,
        reports=(SeenReport(iso(START_MS), 100.0, 39.0, 92.0), SeenReport(iso(START_MS + 10_000), outcome="drift")),
        quality={"drift": 1},
        uncertainty=Uncertainty(10.0, 10.0),
    )


def step(offset: int, transition: Transition, state: AlarmState = AlarmState.ACTIVE) -> CommittedStep:
    change = AlarmChange(alarm(state), transition, offset, START_MS + 40_000)
    return CommittedStep(offset, changes=(change,), evidence=(piece(offset, transition),))


def test_evidence_is_committed_with_its_alarm_and_once(database: Database) -> None:
    store = AlarmStore(database, lambda: START_MS)
    for _ in range(2):  # a tail that is run again changes nothing
        store.commit_all([step(1, Transition.RAISED), step(2, Transition.CLEARED, AlarmState.CLEARED)])
    assert evidence_of_alarm(database, ID) == (piece(1, Transition.RAISED), piece(2, Transition.CLEARED))


def test_a_withdrawn_alarm_keeps_its_evidence(database: Database) -> None:
    store = AlarmStore(database, lambda: START_MS)
    store.commit_all([step(1, Transition.RAISED), step(2, Transition.WITHDRAWN, AlarmState.WITHDRAWN)])
    found = alarm_evidence_by_id(database, ID)
    assert found is not None
    assert found.alarm["state"] == "withdrawn"
    assert found.evidence[0].reports == piece(1, Transition.RAISED).reports


def test_an_unknown_alarm_has_none(database: Database) -> None:
    assert alarm_evidence_by_id(database, ID) is None
    assert evidence_of_alarm(database, ID) == ()


def test_the_api_shows_the_evidence_of_an_alarm(database: Database) -> None:
    AlarmStore(database, lambda: START_MS).commit(step(1, Transition.RAISED))
    answer = ApiClient(create_api(database)).get(f"/api/v1/alarms/{ID}/evidence")
    assert answer.status_code == 200
    shown = answer.json()
    assert shown["alarm"]["plate"] == "甘G00001"
    (only,) = shown["evidence"]
    assert only["limit"]["surveyed_by"] == "张三"
    assert only["reports"][0] == {"fix": iso(START_MS), "lon": 100.0, "lat": 39.0, "speed_kmh": 92.0}
    assert only["reports"][1]["outcome"] == "drift"
    assert only["rule"]["settings"] == {"enterprise_limit_kmh": 70.0}
    assert only["uncertainty"] == {"interval_s": 10.0, "begin_s": 10.0}


def test_the_api_says_that_there_is_no_such_alarm(database: Database) -> None:
    answer = ApiClient(create_api(database)).get(f"/api/v1/alarms/{ID}/evidence")
    assert answer.status_code == 404
    assert answer.json() == {"error": "not_found", "message": f"There is no alarm {ID}."}
