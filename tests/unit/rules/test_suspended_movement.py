"""Movement out of service where the registry, the settings or the order of reports change under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from monitor.app.pipeline import Pipeline, StepResult, registry_payload
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.row_layout import part_bytes
from monitor.model.fleet import Registry, VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from tests.traces import START_MS, batch_of, registry_of

RULES = load_rules()
Said = tuple[str, float, float | None]
IN_SERVICE = registry_of([VehicleClass.LINE_COACH])


def suspended(**dates: date) -> Registry:
    return Registry((replace(IN_SERVICE.vehicles[0], **dates),))  # type: ignore[arg-type]


STOPPED = suspended(suspended_from=date(2026, 3, 1))


def pipeline(registry: Registry | None = STOPPED, settings: dict[str, object] | None = None) -> Pipeline:
    layers = RuleLayers(rules={"suspended_movement": settings or {}})
    made = Pipeline(Engine(RULES, ParameterTable(RULES, layers)))
    made.engine.apply_registry(registry)
    return made


def driving(from_s: int, to_s: int, speed_kmh: float = 60.0) -> ReportBatch:
    """A report every 30 s, the place as if it had always driven at 60 km/h."""
    times = list(range(from_s, to_s + 1, 30))
    return batch_of(times, east_m=[at_s * 60 / 3.6 for at_s in times], speed_kmh=speed_kmh)


def reports(batch: ReportBatch) -> JournalRecord:
    judge(batch.rows, None)
    return JournalRecord(1, RecordType.REPORTS, 0, batch)


def tick(at_s: float, *, resumed: bool = False, paused_s: float = 0) -> JournalRecord:
    ms = START_MS + round(at_s * 1000)
    return JournalRecord(2, RecordType.TICK, ms, resumed=resumed, paused_ms=START_MS + round(paused_s * 1000))


def stated(registry: Registry) -> JournalRecord:
    return JournalRecord(3, RecordType.REGISTRY, 0, payload=registry_payload(registry))


def said(*steps: StepResult) -> list[Said]:
    """Transition, onset and end (s after the start) of each change."""
    return [
        (
            one.transition.value,
            (one.alarm.onset_ms - START_MS) / 1000,
            None if one.alarm.end_ms is None else (one.alarm.end_ms - START_MS) / 1000,
        )
        for step in steps
        for one in step.changes
        if one.alarm.rule == "suspended_movement"
    ]


@pytest.mark.parametrize(
    ("registry", "n"),
    [
        (STOPPED, 1),
        (suspended(suspended_from=date(2026, 3, 2), suspended_to=date(2026, 3, 2)), 1),
        (suspended(suspended_to=date(2026, 3, 2)), 1),
        (suspended(suspended_from=date(2026, 3, 3)), 0),
        (suspended(suspended_to=date(2026, 3, 1)), 0),
        (suspended(retired_on=date(2026, 3, 1)), 1),
        (suspended(retired_on=date(2026, 3, 2)), 0),
        (suspended(suspended_to=date(2026, 2, 1), retired_on=date(2026, 3, 1)), 1),
        (IN_SERVICE, 0),
        (None, 0),
        (Registry(()), 0),
    ],
    ids=[
        "since yesterday, without an end",
        "for this day",
        "whose beginning is not known",
        "from tomorrow",
        "until yesterday",
        "retired yesterday",
        "retiring today",
        "once stopped, now retired",
        "in service",
        "without a registry",
        "unregistered",
    ],
)
def test_the_dates_of_the_registry_are_inclusive(registry: Registry | None, n: int) -> None:
    assert len(said(pipeline(registry).take(reports(driving(0, 600))))) == n


def test_a_stop_that_is_registered_under_way_counts_from_then_on() -> None:
    made = pipeline(IN_SERVICE)
    steps = [made.take(reports(driving(0, 600))), made.take(stated(STOPPED)), made.take(reports(driving(630, 900)))]
    assert said(*steps) == [("raised", 630.0, None)]


def test_a_stop_that_is_taken_back_under_way_ends_with_the_last_report_under_it() -> None:
    made = pipeline()
    steps = [
        made.take(reports(driving(0, 600))),
        made.take(stated(IN_SERVICE)),
        made.take(reports(driving(630, 3_600))),
    ]
    assert said(*steps) == [("raised", 0.0, None), ("cleared", 0.0, 600.0)]


def test_a_stop_that_ends_under_way_ends_at_once() -> None:
    made = pipeline()
    steps = [
        made.take(reports(driving(0, 600))),
        made.take(stated(suspended(suspended_to=date(2026, 3, 1)))),
        made.take(reports(driving(630, 660))),
    ]
    assert said(*steps) == [("raised", 0.0, None), ("cleared", 0.0, 600.0)]


def test_switched_off_it_says_nothing() -> None:
    assert said(pipeline(settings={"enabled": False}).take(reports(driving(0, 600)))) == []


@pytest.mark.parametrize(
    ("settings", "n"),
    [({"least_m": 10_001}, 0), ({"least_m": 9_999}, 1), ({"least_reports": 22}, 0), ({"yard_m": 10_001}, 0)],
    ids=["not as far", "as far", "not as many reports", "a large yard"],
)
def test_the_thresholds_are_settings(settings: dict[str, object], n: int) -> None:
    assert len(said(pipeline(settings=settings).take(reports(driving(0, 600))))) == n


@pytest.mark.parametrize(("at_s", "ended"), [(2_400, False), (2_401, True)], ids=["half an hour", "longer"])
def test_silence_ends_it_when_the_rest_and_the_time_for_stragglers_are_over(at_s: int, ended: bool) -> None:
    made = pipeline()
    steps = [made.take(reports(driving(0, 600))), made.take(tick(at_s))]
    assert said(*steps)[1:] == ([("cleared", 0.0, 600.0)] if ended else [])


def test_a_pause_of_ours_is_no_rest_of_the_vehicle() -> None:
    made = pipeline()
    made.take(reports(driving(0, 600)))
    assert said(made.take(tick(5_000, resumed=True, paused_s=700))) == []
    held = driving(630, 4_980)
    held.rows["recv_ms"] = START_MS + 5_030_000
    assert said(made.take(reports(held)), made.take(reports(driving(5_010, 5_100)))) == []


def test_when_it_ends_the_alarm_has_figures_of_the_whole_run() -> None:
    made = pipeline()
    steps = [made.take(reports(driving(0, 600))), made.take(tick(4_000))]
    alarm = [one.alarm for step in steps for one in step.changes if one.alarm.rule == "suspended_movement"][-1]
    assert alarm.peak == pytest.approx(10.0, abs=0.001)
    assert alarm.distance_m == pytest.approx(10_000, abs=1)
    assert (alarm.limit, alarm.n_reports, alarm.grade.word, alarm.driver_id) == (1.0, 21, "general", "")


def test_it_takes_some_dozen_bytes_of_a_vehicles_row() -> None:
    assert part_bytes(Engine(RULES).fleet.rows.dtype, "suspended_movement") <= 64
