"""Reports without any story: whatever comes, the answers are possible ones, and disturbances change nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitor.app.replay import Replay, replay_batch
from monitor.model.alarm import Alarm, AlarmState, Grade, Transition
from monitor.model.fleet import VehicleClass
from monitor.quality.judgement import judge
from tests.conformance.runs import cut, run, run_with_restarts, tick
from tests.conformance.scenario import Scenario
from tests.traces import batch_of, registry_of

STEPS_S = (
    0,
    1,
    10,
    29,
    30,
    60,
    61,
    120,
    180,
    181,
    300,
    301,
    599,
    600,
    780,
    781,
    1199,
    1200,
    1201,
    3600,
    14_400,
    14_401,
    86_401,
)
SPEEDS_KMH = (-1, 0, 4.9, 5, 20, 25.1, 60, 80.1, 100, 100.1, 120, 140, 141, 160, 170)
MOVES_M = (0, 50, 199, 201, 501, 1_000, 1_001, 2_001, 20_001, 100_000)
WORDS = (-1, 0, 0, 0, 1, 2, 4, 6, 256, 0x1000_0121, 0xFFFF_FFFF)
DELAYS_S = (0, 0, 0, 5, 299, 301, 1_000, 20_000)
OF_NO_VALUE = {"acc_contradiction", "clock_fault", "copied_track", "driver_conflict", "frozen_fix", "pinned_speed"}
"""Rules whose alarms need not have a value; the interface names none for them."""
OF_NO_LIMIT: set[str] = set()
FEW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def random_scenarios(draw: st.DrawFn) -> Scenario:
    """Up to 150 reports of two vehicles, each a few of the steps, speeds and moves at which rules change their mind."""
    n = draw(st.integers(1, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    few = [rng.choice(values, size=rng.integers(1, 4)) for values in (STEPS_S, SPEEDS_KMH, MOVES_M, DELAYS_S)]
    vehicle = rng.integers(0, 2, n)
    fix_s = np.cumsum(rng.choice(few[0], n)).astype(np.float64)
    east_m = np.cumsum(rng.choice(few[2], n) * rng.choice([1, 1, 1, -1], n)).astype(np.float64) % 2_000_000
    batch = batch_of(
        fix_s.tolist(),
        recv_s=(fix_s + rng.choice(few[3], n)).tolist(),
        east_m=east_m.tolist(),
        speed_kmh=rng.choice(few[1], n).tolist(),
        vehicle=vehicle.tolist(),
        driver=rng.choice([-1, -1, 0, 1], n).tolist(),
        acc=rng.choice([-1, 0, 1], n).tolist(),
        positioned=(rng.random(n) > 0.05).tolist(),
        alarm=rng.choice(WORDS, n).tolist(),
        n_vehicles=2,
        drivers=("driver A", "driver B"),
    )
    rows = batch.rows[np.argsort(batch.rows["recv_ms"], kind="stable")]
    rows["driver"] = np.where(rows["key"] == 0, rows["driver"], -1)
    judge(rows, None)
    batch = type(batch)(batch.keys, rows, batch.drivers)
    last_ms = int(rows["recv_ms"].max())
    classes = [draw(st.sampled_from(list(VehicleClass))) for _ in range(2)]
    return Scenario(
        batch, registry_of(classes), last_ms + draw(st.sampled_from((0, 700_000, 20_000_000, 2_000_000_000)))
    )


@pytest.mark.parametrize("as_received", [False, True], ids=["settled", "as received"])
@FEW
@given(scenario=random_scenarios())
def test_every_alarm_is_a_possible_one(as_received: bool, scenario: Scenario) -> None:
    replay = replay_batch(
        scenario.batch,
        scenario.registry,
        until_ms=scenario.until_ms,
        as_received=as_received,
        now_ms=scenario.until_ms,
    )
    assert len({alarm.alarm_id for alarm in replay.alarms}) == len(replay.alarms)
    by_id = {alarm.alarm_id: alarm for alarm in replay.alarms}
    for alarm in replay.alarms:
        if alarm.state is AlarmState.MERGED:
            ours = by_id[alarm.inhibited_by]
            assert (ours.rule, ours.vehicle_id) == (alarm.kind, alarm.vehicle_id)
            assert alarm.end_ms is None or ours.onset_ms <= alarm.end_ms
            assert ours.end_ms is None or alarm.onset_ms <= ours.end_ms
    assert int(replay.outcomes.sum()) == len(scenario.batch)
    for alarm in replay.alarms:
        check(alarm, scenario)
    check_steps(replay)


def check(alarm: Alarm, scenario: Scenario) -> None:
    if alarm.state is not AlarmState.MERGED:
        assert (alarm.end_ms is None) == (alarm.state is AlarmState.ACTIVE)
        assert alarm.rule != "device_alarm" or not alarm.inhibited_by
    assert alarm.onset_ms <= scenario.until_ms
    if alarm.end_ms is not None:
        assert alarm.onset_ms <= alarm.end_ms
        assert alarm.end_reason.value > 0
    if alarm.rule == "device_alarm":
        assert alarm.peak is alarm.limit is alarm.mean is None
        assert alarm.state is not AlarmState.MERGED or alarm.kind in ("speeding", "fatigue")
        return
    assert alarm.state is not AlarmState.MERGED
    if alarm.rule not in OF_NO_VALUE:
        assert alarm.peak is not None
        assert alarm.limit is not None or alarm.rule in OF_NO_LIMIT
    assert np.isfinite([value for value in (alarm.peak, alarm.limit, alarm.mean) if value is not None]).all()
    if alarm.distance_m is not None:
        assert alarm.distance_m >= 0
    peak, limit = alarm.peak or 0.0, alarm.limit or 0.0
    match alarm.rule:
        case "speeding":
            assert limit < peak <= 160
            assert alarm.n_reports >= 2
            assert alarm.mean is not None
            assert limit < alarm.mean <= peak or alarm.vehicle_class.endswith("coach")
            assert alarm.end_ms is None or alarm.end_ms - alarm.onset_ms > 30_000
            assert not alarm.night_only or alarm.grade <= Grade.GENERAL
        case "fatigue" | "cumulative_driving":
            assert peak >= limit
            assert alarm.n_reports >= 0
        case "track_gap" | "offline_displacement":
            assert peak >= limit  # beyond it, but rounded
            assert alarm.end_ms is not None
            assert alarm.end_ms - alarm.onset_ms > 300_000
        case "low_completeness":
            assert 0 <= peak < limit
        case "offline" | "no_fix" | "never_online" | "drift" | "night_curfew" | "suspended_movement":
            assert peak >= limit


def check_steps(replay: Replay) -> None:
    """Numbers run from 1 without a hole, grades never fall, nothing follows the end but merging."""
    last: dict[str, tuple[int, Grade, AlarmState]] = {}
    for change in replay.changes:
        number, grade, state = last.get(change.alarm.alarm_id, (0, Grade.NOTICE, AlarmState.ACTIVE))
        assert change.sequence == number + 1
        assert (change.transition is Transition.RAISED) == (number == 0)
        assert change.alarm.grade >= grade
        assert state is AlarmState.ACTIVE or change.alarm.rule == "device_alarm"
        last[change.alarm.alarm_id] = (change.sequence, change.alarm.grade, change.alarm.state)


@FEW
@given(
    scenario=random_scenarios(), places=st.lists(st.integers(0, 200), max_size=8), backs=st.lists(st.integers(0, 2000))
)
def test_cuts_ticks_and_restarts_change_nothing(scenario: Scenario, places: list[int], backs: list[int]) -> None:
    whole = run(scenario, cut(scenario, ()))
    records = cut(scenario, places)
    disturbed = []
    for number, record in enumerate(records):
        assert record.batch is not None
        if number < len(backs):
            disturbed.append(tick(int(record.batch.rows["recv_ms"][0]) - 1000 * backs[number]))
        disturbed.append(record)
    assert run(scenario, disturbed) == whole
    assert run_with_restarts(scenario, records, {place % (len(records) + 1) for place in places}) == whole


@FEW
@given(scenario=random_scenarios(), seed=st.integers(0, 1000))
def test_the_settled_answer_does_not_depend_on_the_order_received(scenario: Scenario, seed: int) -> None:
    rows = scenario.batch.rows
    _, firsts = np.unique(np.stack([rows["key"], rows["fix_ms"]]), axis=1, return_index=True)
    distinct = scenario.part(np.sort(firsts))
    order = np.random.default_rng(seed).permutation(len(distinct))
    shuffled = type(distinct)(distinct.keys, distinct.rows[order], distinct.drivers)
    until_ms = scenario.until_ms
    one, other = (
        replay_batch(batch, scenario.registry, until_ms=until_ms, now_ms=until_ms).alarms
        for batch in (distinct, shuffled)
    )
    assert one == other
