"""A wrong clock told from lateness: order, redelivery, nonsense as receipt, our own pause, settings."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from monitor.app.pipeline import Pipeline, StepResult
from monitor.app.replay import replay_batch
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.errors import ConfigError
from monitor.model.flaw import ReportFlag
from monitor.model.fleet import VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, concatenate
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from tests.traces import START_MS, batch_of, registry_of

RULES = load_rules()
H = 3_600
YEAR_2000_S = 946_656_000 - START_MS / 1000
Said = tuple[str, float, float | None, float]


def pipeline(**settings: object) -> Pipeline:
    layers = RuleLayers(rules={"clock_fault": dict(settings)})
    made = Pipeline(Engine(RULES, ParameterTable(RULES, layers)))
    made.engine.apply_registry(registry_of([VehicleClass.HAZMAT]))
    return made


def arrivals(recv_s: Sequence[float], ahead_s: float | Sequence[float], *, positioned: bool = True) -> ReportBatch:
    """Reports received at some moments, whose times are ahead by so much."""
    fix_s = np.asarray(recv_s, np.float64) + np.asarray(ahead_s, np.float64)
    return batch_of(fix_s.tolist(), recv_s=recv_s, positioned=positioned)


def reports(batch: ReportBatch, *, now_ms: int | None = None) -> JournalRecord:
    judge(batch.rows, now_ms)
    return JournalRecord(1, RecordType.REPORTS, 0, batch)


def tick(at_s: float, *, resumed: bool = False, paused_s: float = 0) -> JournalRecord:
    ms = START_MS + round(at_s * 1000)
    return JournalRecord(2, RecordType.TICK, ms, resumed=resumed, paused_ms=START_MS + round(paused_s * 1000))


def said(*steps: StepResult) -> list[Said]:
    """Transition, onset and end (s after the start), and hours of each change of a clock fault."""
    return [
        (
            one.transition.value,
            (one.alarm.onset_ms - START_MS) / 1000,
            None if one.alarm.end_ms is None else (one.alarm.end_ms - START_MS) / 1000,
            round(one.alarm.peak or 0.0, 2),
        )
        for step in steps
        for one in step.changes
        if one.alarm.rule == "clock_fault"
    ]


MINUTES = tuple(range(60, 781, 60))  # 13 reports, 60 s apart


@pytest.mark.parametrize(
    ("ahead_s", "hours"),
    [
        pytest.param(8 * H, 8.0, id="Beijing time sent as UTC"),
        pytest.param(-8 * H, -8.0, id="UTC sent as Beijing time"),
        pytest.param(-1_024 * 7 * 24 * H, -172_032.0, id="week roll-over"),
        pytest.param(5_000, 1.39, id="ahead by any amount"),
    ],
)
def test_it_is_raised_once_it_has_lasted_and_ends_with_the_first_good_time(ahead_s: float, hours: float) -> None:
    made = pipeline()
    first = made.take(reports(arrivals([0, *MINUTES], [0.0, *[ahead_s] * len(MINUTES)])))
    assert said(first) == [("raised", 60.0, None, hours)]
    assert said(made.take(reports(arrivals([840], 0)))) == [("cleared", 60.0, 780.0, hours)]


def test_a_clock_stuck_at_one_moment_is_nonsense_all_the_same() -> None:
    stuck = batch_of([YEAR_2000_S] * len(MINUTES), recv_s=MINUTES)
    assert [one[:3] for one in said(pipeline().take(reports(stuck)))] == [("raised", 60.0, None)]


def test_a_terminal_that_states_no_time_at_all_counts() -> None:
    batch = batch_of([0] * len(MINUTES), recv_s=MINUTES)
    batch.rows["fix_ms"] = 0
    assert [one[0] for one in said(pipeline().take(reports(batch)))] == ["raised"]


def test_without_a_position_it_counts_too() -> None:
    assert [one[0] for one in said(pipeline().take(reports(arrivals(MINUTES, 8 * H, positioned=False))))] == ["raised"]


def test_backfill_never_counts() -> None:
    batch = arrivals(MINUTES, -8 * H)
    batch.rows["flags"] |= int(ReportFlag.BACKFILL)
    assert said(pipeline().take(reports(batch))) == []


def test_backfill_ends_nothing() -> None:
    made = pipeline()
    made.take(reports(arrivals(MINUTES, 8 * H)))
    batch = arrivals([800], 0)
    batch.rows["flags"] |= int(ReportFlag.BACKFILL)
    assert said(made.take(reports(batch))) == []


@pytest.mark.parametrize("pace", [1.3, 2, 6, 60])
def test_a_queue_that_drains_is_no_clock(pace: float) -> None:
    fix_s = np.arange(0.0, 8 * H, 30)
    recv_s = 8 * H + fix_s / pace
    keep = recv_s > fix_s
    batch = batch_of(fix_s[keep].tolist(), recv_s=recv_s[keep].tolist())
    assert said(pipeline().take(reports(batch))) == []


def test_copies_of_one_report_are_one_sign() -> None:
    times = [60, 660]
    once = arrivals([at for at in times for _ in range(6)], -8 * H)
    assert said(pipeline().take(reports(once))) == []


def test_a_lateness_that_is_no_whole_hour_decides_nothing() -> None:
    made = pipeline()
    made.take(reports(arrivals(MINUTES, -8 * H)))
    assert said(made.take(reports(arrivals([800, 820], -8 * H - 900)))) == []
    assert [one[0] for one in said(made.take(reports(arrivals([900], 0))))] == ["cleared"]


def test_a_stated_receipt_that_is_nonsense_itself_is_not_believed() -> None:
    made = pipeline()
    made.take(reports(batch_of([0])))
    batch = batch_of(MINUTES, recv_s=[at + 70 * 365 * 86_400 for at in MINUTES])
    assert said(made.take(reports(batch, now_ms=START_MS + 86_400_000))) == []
    assert said(made.take(reports(batch_of(MINUTES, recv_s=[at - 60 * 365 * 86_400 for at in MINUTES])))) == []


def test_it_moves_no_clock_and_is_no_contact() -> None:
    made = pipeline()
    made.take(reports(arrivals([0, *MINUTES], [0.0, *[8.0 * H] * len(MINUTES)])))
    assert made.engine.clock_ms == START_MS
    assert made.engine.fleet.rows[0]["core"]["contact_ms"] == START_MS


def test_silence_of_a_day_ends_it_at_its_last_sign() -> None:
    made = pipeline()
    made.take(reports(arrivals(MINUTES, -8 * H)))
    assert said(made.take(tick(780 + 86_400))) == []
    assert said(made.take(tick(781 + 86_400))) == [("cleared", 60.0, 780.0, -8.0)]


def test_our_own_pause_does_not_end_it_before_its_grace_is_over() -> None:
    made = pipeline()
    made.take(reports(arrivals(MINUTES, -8 * H)))
    back_s = 780 + 90_000
    assert said(made.take(tick(back_s, resumed=True, paused_s=790))) == []
    assert said(made.take(reports(arrivals([back_s + 60], -8 * H)))) == []
    assert said(made.take(tick(back_s + 1_900))) == []


def test_settled_and_live_agree_in_a_file_that_states_receipts() -> None:
    shifts = [0.0, *[8.0 * H] * 13, 0.0, *[-8.0 * H] * 13, 0.0]
    recv_s = [60.0 * place for place in range(len(shifts))]
    batch = concatenate([arrivals(recv_s, shifts)])
    registry = registry_of([VehicleClass.HAZMAT])
    now_ms = START_MS + 86_400_000
    found = [
        [
            (alarm.onset_ms, alarm.end_ms, alarm.peak, alarm.n_reports)
            for alarm in replay_batch(batch, registry, as_received=live, now_ms=now_ms).alarms
            if alarm.rule == "clock_fault"
        ]
        for live in (False, True)
    ]
    assert found[0] == found[1]
    assert [(one[2], one[3]) for one in found[0]] == [(8.0, 13), (-8.0, 13)]


def test_switched_off_while_it_lasts_it_ends_with_the_next_report() -> None:
    made = pipeline()
    made.take(reports(arrivals(MINUTES, -8 * H)))
    made.engine.fleet.apply_parameters(ParameterTable(RULES, RuleLayers(rules={"clock_fault": {"enabled": False}})))
    assert said(made.take(reports(arrivals([840], -8 * H)))) == [("cleared", 60.0, 780.0, -8.0)]
    assert said(made.take(reports(arrivals(range(900, 2_000, 60), -8 * H)))) == []


@pytest.mark.parametrize("settings", [{"least_s": 0}, {"signs": 1}, {"hold_s": 0}, {"near_s": -1}, {"silence_s": 0}])
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="clock_fault"):
        ParameterTable(RULES, RuleLayers(rules={"clock_fault": settings}))


def test_settings_move_its_boundaries() -> None:
    quick = pipeline(signs=2, hold_s=60)
    assert [one[0] for one in said(quick.take(reports(arrivals([60, 120], 8 * H))))] == ["raised"]
    assert said(pipeline(least_s=9 * H).take(reports(arrivals(MINUTES, 8 * H)))) == []
