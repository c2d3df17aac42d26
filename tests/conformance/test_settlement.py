"""Settling day after day is replaying all of them, whatever the rule; in between the state may go through a file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.app.replay import replay_batch
from monitor.app.settlement.days import SettledDay, SettledDays
from monitor.app.settlement.settled_state import SettledFolder, digest
from monitor.model.alarm import Alarm
from monitor.model.beijing import day_of, day_start_ms
from tests.conformance.memory_archive import MemoryArchive, first_settings
from tests.conformance.runs import LAYERS, RULES
from tests.conformance.scenario import Scenario, scenarios

OF_FIX_TIME = [rule.name for rule in RULES if rule.contact is None and rule.receipt is None]
FEW = settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def whole(scenario: Scenario, last: int) -> dict[str, Alarm]:
    """The alarms of a replay up to the end of the day ``last``."""
    found = replay_batch(
        scenario.batch, scenario.registry, until_ms=int(day_start_ms(last + 1)), layers=LAYERS, maps=scenario.maps
    )
    return {alarm.alarm_id: alarm for alarm in found.alarms if alarm.rule in OF_FIX_TIME}


def day_by_day(
    scenario: Scenario, last: int, restart_after: set[int], buckets: int
) -> tuple[dict[str, Alarm], list[SettledDay]]:
    """The alarms of settling each day, with the state through a file after some days."""
    archive = MemoryArchive(scenario.batch, first_settings(scenario.registry, LAYERS, scenario.maps), buckets)
    first = archive.days()[0]
    state = SettledDays(RULES)
    found: dict[str, Alarm] = {}
    told = []
    with TemporaryDirectory() as name:
        folder = SettledFolder(Path(name))
        for day in range(first, last + 1):
            settled = state.run(archive, day)
            told.append(settled)
            found |= {alarm.alarm_id: alarm for alarm in settled.alarms}
            if day - first in restart_after:
                folder.write(state, day, 1)
                again = folder.read(day, 1)
                assert again is not None
                assert digest(again) == digest(state)
                state = again
    return found, told


@pytest.mark.parametrize("rule", OF_FIX_TIME)
@FEW
@given(data=st.data())
def test_day_after_day_is_all_days(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    last = int(day_of(scenario.until_ms))
    restarts = data.draw(st.sets(st.integers(0, 3), max_size=2))
    alarms, _told = day_by_day(scenario, last, restarts, data.draw(st.sampled_from((1, 3))))
    assert alarms == whole(scenario, last)


@FEW
@given(data=st.data())
def test_counters_of_days_are_those_of_a_replay(data: st.DataObject) -> None:
    scenario = data.draw(scenarios("speeding"))
    last = int(day_of(scenario.until_ms))
    found = replay_batch(scenario.batch, scenario.registry, until_ms=int(day_start_ms(last + 1)), layers=LAYERS)
    names = found.vehicle_ids
    expected = {(names[row["row"]], int(row["day"])): row[list(row.dtype.names)[1:]].tolist() for row in found.days}
    _, told = day_by_day(scenario, last, set(), 3)
    days = {
        (settled.vehicle_days.vehicle_ids[row["row"]], int(row["day"])): row[list(row.dtype.names)[1:]].tolist()
        for settled in told
        for row in settled.vehicle_days.rows
    }
    assert days == expected
