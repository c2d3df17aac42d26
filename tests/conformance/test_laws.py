"""Laws that every rule keeps, whatever it detects. A new file in ``monitor.rules`` is tested without a word here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from monitor.app.map_layers import ground_of
from monitor.app.pipeline import registry_payload
from monitor.app.replay import replay_batch
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable
from monitor.model.alarm import Alarm, EndReason, Subject
from monitor.model.edge import EdgeType
from monitor.model.flaw import Flaw
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from tests.conformance.fixed_set import answers
from tests.conformance.runs import (
    LAYERS,
    RULES,
    History,
    cut,
    last_alarms,
    reports,
    resent_soon,
    run,
    run_with_restarts,
    tick,
    ties_shuffled,
)
from tests.conformance.scenario import Scenario, scenarios

EACH_RULE = pytest.mark.parametrize("rule", [rule.name for rule in RULES])
PLACES = st.lists(st.integers(0, 2_000), max_size=6)
FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@EACH_RULE
@FEW
@given(data=st.data())
def test_the_size_of_batches_changes_nothing(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    assert run(scenario, cut(scenario, data.draw(PLACES))) == run(scenario, cut(scenario, ()))


@EACH_RULE
@FEW
@given(data=st.data())
def test_the_interleaving_of_vehicles_changes_nothing(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    shuffled = reports(scenario.part(ties_shuffled(scenario, data.draw(st.integers(0, 99)))))
    assert run(scenario, [shuffled]) == run(scenario, cut(scenario, ()))


@EACH_RULE
@FEW
@given(data=st.data())
def test_a_vehicle_fares_alike_alone_and_in_a_fleet(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    together = run(scenario, cut(scenario, ()))
    timed = np.flatnonzero(scenario.batch.rows["flaws"] & Flaw.TIME == 0)
    assume(len(timed))
    first = timed[0]
    for index, key in enumerate(scenario.batch.keys):
        chosen = scenario.batch.rows["key"] == index
        chosen[first] = True  # the first report of all begins the life of the source
        alone = run(scenario, [reports(scenario.part(np.flatnonzero(chosen)))])
        if index != scenario.batch.rows["key"][first]:
            assert _of_one(alone, key) == _of_one(together, key)


def _of_one(found: History, key: str) -> History:
    """A vehicle's alarms, without those of rules that compare vehicles."""
    alike = {rule.name for rule in RULES if rule.judge is None}
    return {
        name: changes
        for name, changes in found.items()
        if changes[0].alarm.vehicle_id == key and changes[0].alarm.rule in alike
    }


@EACH_RULE
@FEW
@given(data=st.data())
def test_ticks_in_between_change_nothing(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    records = cut(scenario, data.draw(PLACES))
    disturbed = []
    for record in records:
        assert record.batch is not None
        first_ms = int(record.batch.rows["recv_ms"][0])
        backs_s = data.draw(st.lists(st.sampled_from((0, 1, 100, 650, 800, 4_000, 20_000, 90_000)), max_size=3))
        disturbed += [tick(first_ms - back_s * 1000) for back_s in sorted(backs_s, reverse=True)]
        disturbed.append(record)
    last_ms = int(scenario.batch.rows["recv_ms"].max())
    share = st.floats(0, 1)
    for part in sorted(data.draw(st.lists(share, max_size=4))):
        disturbed.append(tick(last_ms + int(part * (scenario.until_ms - last_ms))))
    assert run(scenario, disturbed) == run(scenario, cut(scenario, ()))


@EACH_RULE
@FEW
@given(data=st.data())
def test_a_restart_anywhere_changes_nothing(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    records = cut(scenario, data.draw(PLACES))
    at = data.draw(st.sets(st.integers(0, len(records)), min_size=1))
    assert run_with_restarts(scenario, records, at) == run(scenario, cut(scenario, ()))


@EACH_RULE
@FEW
@given(data=st.data())
def test_stating_the_same_registry_again_changes_nothing(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    records = cut(scenario, data.draw(PLACES))
    same = JournalRecord(3, RecordType.REGISTRY, 0, payload=registry_payload(scenario.registry))
    stated = [record for reported in records for record in (reported, same)]
    assert run(scenario, stated) == run(scenario, cut(scenario, ()))


@EACH_RULE
@FEW
@given(data=st.data())
def test_sending_again_at_once_changes_nothing_live(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    resent = reports(resent_soon(scenario, data.draw(PLACES)))
    assert run(scenario, [resent]) == run(scenario, cut(scenario, ()))


@EACH_RULE
@FEW
@given(data=st.data())
def test_sending_again_at_any_time_changes_nothing_settled(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    again = scenario.part(np.array([place % len(scenario.batch) for place in data.draw(PLACES)], np.intp)).rows
    again = again[again["flaws"] & Flaw.TIME == 0]
    again["recv_ms"] += data.draw(st.sampled_from((0, 1_000, 400_000, 90_000_000)))
    twice = ReportBatch(scenario.batch.keys, np.concatenate([scenario.batch.rows, again]), scenario.batch.drivers)
    until_ms = max(scenario.until_ms, int(twice.rows["recv_ms"].max()))
    once = settled(scenario, scenario.batch, until_ms)
    assert settled(scenario, twice, until_ms) == once


@EACH_RULE
@FEW
@given(data=st.data())
def test_the_order_of_a_file_changes_nothing_settled(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    order = np.random.default_rng(data.draw(st.integers(0, 99))).permutation(len(scenario.batch))
    shuffled = settled(scenario, scenario.part(order), scenario.until_ms)
    assert shuffled == settled(scenario, scenario.batch, scenario.until_ms)


@EACH_RULE
@FEW
@given(data=st.data())
def test_an_episode_begins_once_and_ends_once(rule: str, data: st.DataObject) -> None:
    scenario = data.draw(scenarios(rule))
    engine = Engine(RULES, ParameterTable(RULES, LAYERS))
    engine.apply_registry(scenario.registry)
    engine.apply_maps(scenario.maps, ground_of(scenario.maps))
    outputs = [engine.take(record.batch) for record in cut(scenario, data.draw(PLACES)) if record.batch is not None]
    outputs.append(engine.tick(scenario.until_ms))
    is_open: dict[tuple[int, int, int], int] = {}
    for edge in np.concatenate([output.edges for output in outputs]):
        key = (int(edge["row"]), int(edge["rule"]), int(edge["kind"]))
        kind = EdgeType(int(edge["edge"]))
        if kind is EdgeType.ONSET:
            assert key not in is_open
            is_open[key] = int(edge["onset_ms"])
        elif kind is not EdgeType.PREWARNING:
            assert is_open[key] == edge["onset_ms"]
            if kind in (EdgeType.CLEAR, EdgeType.WITHDRAW):
                assert edge["end_ms"] >= edge["onset_ms"]
                del is_open[key]


@EACH_RULE
@FEW
@given(data=st.data())
def test_in_order_and_timely_the_live_answer_is_the_settled_one(rule: str, data: st.DataObject) -> None:
    drawn = data.draw(scenarios(rule))
    rows = drawn.batch.rows[drawn.batch.rows["flaws"] & Flaw.TIME == 0]
    assume(len(rows))
    rows["recv_ms"] = rows["fix_ms"]
    rows = rows[np.argsort(rows["fix_ms"], kind="stable")]
    last_ms = int(rows["recv_ms"].max())
    # Half an hour later nothing waits any more: no gap for backfill, no run for its next report, no day for stragglers.
    until_ms = max(drawn.until_ms, last_ms + 1_800_000)
    if (until_ms + 28_800_000) % 86_400_000 < 1_200_000:
        until_ms += 1_200_000
    scenario = replace(drawn, batch=ReportBatch(drawn.batch.keys, rows, drawn.batch.drivers), until_ms=until_ms)
    live = {key: comparable(alarm) for key, alarm in last_alarms(run(scenario, cut(scenario, ()))).items()}
    assert live == {alarm.alarm_id: comparable(alarm) for alarm in settled(scenario, scenario.batch, until_ms)}


def comparable(alarm: Alarm) -> Alarm:
    """Without what may differ: that live alarms are provisional, how silence is named, figures of what still lasts."""
    alarm = replace(alarm, provisional=False)
    if alarm.end_ms is None:
        return replace(
            alarm, peak=None, mean=None, distance_m=None, n_reports=0, end_lon=None, end_lat=None, late=False
        )
    if alarm.end_reason in (EndReason.DATA_ENDED, EndReason.CONDITION_OVER):
        return replace(alarm, end_reason=EndReason.CONDITION_OVER, end_lon=None, end_lat=None)
    return alarm


def settled(scenario: Scenario, batch: ReportBatch, until_ms: int) -> tuple[Alarm, ...]:
    return replay_batch(
        batch, scenario.registry, until_ms=until_ms, now_ms=until_ms, layers=LAYERS, maps=scenario.maps
    ).alarms


@pytest.mark.parametrize("rule", [rule.name for rule in RULES if rule.subject is not Subject.PLATFORM])
def test_the_fixed_set_makes_every_rule_speak(rule: str) -> None:
    assert any(line["rule"] == rule for line in answers())


def test_without_compilation_the_answers_are_the_same() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "tests.conformance.fixed_set"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert finished.returncode == 0, finished.stderr
    assert json.loads(finished.stdout) == json.loads(json.dumps(answers()))
