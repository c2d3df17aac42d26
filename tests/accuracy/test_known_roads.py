"""A fleet on known roads is judged by their limits without a miss and without a false alarm beyond the boundary."""

from __future__ import annotations

from functools import cache

import msgspec

from monitor.app.map_layers import ground_of
from monitor.app.replay import Replay, replay_batch
from monitor.engine.parameters import RuleLayers
from monitor.model.alarm import LimitSource
from monitor.model.beijing import DAY_MS
from monitor.model.fleet import Registry
from monitor.model.map_set import MapSet
from simulators.matching import Interval, matched
from simulators.run import Simulation, simulate
from simulators.scenario import preset
from simulators.score import AlarmRow, score
from simulators.sections import gaotai_sections

BAN = RuleLayers(rules={"hazmat_hours": {"enabled": True}})


@cache
def known() -> tuple[Simulation, Replay]:
    scenario = preset("known_roads")
    fleet = simulate(scenario)
    answer = replay_batch(
        fleet.batch,
        Registry(fleet.registry, 1),
        until_ms=scenario.start_ms + scenario.days * DAY_MS,
        now_ms=scenario.start_ms + 1000 * DAY_MS,
        layers=BAN,
        maps=MapSet(roads=gaotai_sections()),
    )
    return fleet, answer


def test_300_vehicles_over_3_days_give_1_and_1() -> None:
    fleet, answer = known()
    rows = msgspec.convert([alarm.record() for alarm in answer.alarms], list[AlarmRow])
    result = score(fleet.truth, rows, ("speeding", "hazmat_hours"))
    assert result.remarks == ()
    assert {line.rule: line.expected > 5 for line in result.rules} == {"speeding": True, "hazmat_hours": True}
    assert (result.total.precision, result.total.recall, result.total.grade_errors) == (1.0, 1.0, 0)


def test_limit_and_source_are_those_of_the_truth() -> None:
    fleet, answer = known()
    truth = [row for row in fleet.truth if row.rule == "speeding" and row.expected]
    alarms = [alarm for alarm in answer.alarms if alarm.rule == "speeding"]
    pairs = matched(
        [Interval(row.vehicle_id, row.rule, "", row.onset_ms, row.end_ms) for row in truth],
        [Interval(alarm.vehicle_id, alarm.rule, "", alarm.onset_ms, alarm.end_ms) for alarm in alarms],
    )
    assert len(pairs) > 20
    for left, right in pairs:
        row, alarm = truth[left], alarms[right]
        assert alarm.limit == row.limit, row
        assert row.note.endswith(f"source={alarm.limit_source.word}")
    assert {alarms[right].limit_source for _, right in pairs} == {LimitSource.SECTION, LimitSource.CLASS_CAP}


def test_the_sections_are_ready_to_be_asked() -> None:
    assert ground_of(MapSet(roads=gaotai_sections())) is not None
