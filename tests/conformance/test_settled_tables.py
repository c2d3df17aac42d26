"""Settling what was live gives the tables of a replay, whatever the order in which reports came."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.app.replay import replay_batch
from monitor.app.settlement.in_force import settings_payloads
from monitor.model.alarm import Alarm, AlarmState
from monitor.model.beijing import day_of, day_start_ms
from monitor.model.driver import NO_DRIVERS
from tests.conformance.runs import LAYERS, cut, tick
from tests.conformance.scenario import Scenario, scenarios
from tests.conformance.settled_tables import OF_FIX_TIME, LiveRun, settings_records, standing

FEW = settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
AN_HOUR_MS = 3_600_000


def told(alarm: Alarm) -> tuple[object, ...]:
    """What is compared of an alarm: all but its id, that of another, and what only says how it was found.

    Of one that lasts, live may know more than the end of a day does.
    """
    key = (alarm.subject, alarm.rule, alarm.kind, alarm.vehicle_id, alarm.driver_id, alarm.onset_ms)
    if alarm.state is AlarmState.ACTIVE or alarm.provisional:
        return key
    return (*key, repr(replace(alarm, alarm_id="", inhibited_by="", late=False, provisional=False)))


def replayed(scenario: Scenario, last: int) -> list[tuple[object, ...]]:
    found = replay_batch(
        scenario.batch, scenario.registry, until_ms=int(day_start_ms(last + 1)), layers=LAYERS, maps=scenario.maps
    )
    return sorted((told(one) for one in found.alarms if one.rule in OF_FIX_TIME), key=repr)


def live_run(scenario: Scenario, folder: Path, places: list[int], last: int) -> LiveRun:
    run = LiveRun(folder)
    payloads = settings_payloads(scenario.registry, LAYERS, scenario.maps, NO_DRIVERS)
    run.take_all(settings_records(list(payloads.items())))
    run.take_all(cut(scenario, places))
    run.take_all([tick(int(day_start_ms(last + 1)) + AN_HOUR_MS)])
    return run


@pytest.mark.parametrize("rule", sorted(OF_FIX_TIME))
@FEW
@given(data=st.data())
def test_settled_tables_are_those_of_a_replay(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    last = int(day_of(scenario.until_ms))
    with TemporaryDirectory() as name:
        run = live_run(scenario, Path(name), data.draw(st.lists(st.integers(0, 2_000), max_size=4)), last)
        first = run.settler().first_day()
        assert first is not None
        run.settle(first, last)
        run.settle(first, last)  # what went through the live engine is confirmed
        alarms = run.alarms()
        found, wanted = [told(one) for one in standing(alarms)], replayed(scenario, last)
        assert [one for one in wanted if one not in found] == []
        assert [one for one in found if one not in wanted] == []
        assert sorted(map(repr, found)) == sorted(map(repr, wanted))
        assert len({one.alarm_id for one in alarms}) == len(alarms)
        again = run.settle(first, last)
        assert [one.changes for one in again] == [{}] * len(again)
        assert run.alarms() == alarms
        run.close()
