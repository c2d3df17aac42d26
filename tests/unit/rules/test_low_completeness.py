"""The month of low completeness: live, a month is judged once, and what comes late counts for the next."""

from __future__ import annotations

import pytest

from monitor.app.pipeline import Pipeline, StepResult
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.model.alarm import Subject, alarm_id
from monitor.model.beijing import date_of, day_number, iso, month_start_day, next_month_day
from monitor.model.fleet import VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from tests.traces import START_MS, batch_of, registry_of

RULES = load_rules()
DAY_S = 86_400
MARCH_END_S = 29 * DAY_S + 16 * 3_600
"""From the start, 2 March 08:00, to the end of the month."""
Said = tuple[str, str, str, int]


def pipeline(**settings: object) -> Pipeline:
    made = Pipeline(Engine(RULES, ParameterTable(RULES, RuleLayers(rules={"low_completeness": dict(settings)}))))
    made.engine.apply_registry(registry_of([VehicleClass.HEAVY_TRUCK]))
    return made


def trip(
    at_s: float, seen_km: int, unseen_km: int, *, from_km: int = 0, received_s: float | None = None
) -> ReportBatch:
    """Some km at 60 km/h reported every 30 s, then some in a silence of an hour."""
    times = [at_s + 30 * i for i in range(2 * seen_km + 1)]
    east_m = [1_000.0 * from_km + 500.0 * i for i in range(2 * seen_km + 1)]
    times.append(times[-1] + 3_600)
    east_m.append(east_m[-1] + 1_000 * unseen_km)
    return batch_of(
        times, east_m=east_m, speed_kmh=60.0, recv_s=None if received_s is None else [received_s] * len(times)
    )


def reports(batch: ReportBatch) -> JournalRecord:
    judge(batch.rows, None)
    return JournalRecord(1, RecordType.REPORTS, 0, batch)


def tick(at_s: float) -> JournalRecord:
    return JournalRecord(2, RecordType.TICK, START_MS + round(at_s * 1000))


def months(*steps: StepResult) -> list[Said]:
    """Onset, grade, moment found and share of each month's alarm that was raised."""
    return [
        (
            iso(one.alarm.onset_ms)[:10],
            one.alarm.grade.word,
            iso(one.at_ms)[:16],
            round(one.alarm.peak or 0),
        )
        for step in steps
        for one in step.changes
        if one.alarm.kind == "month" and one.alarm.rule == "low_completeness" and one.transition.value == "raised"
    ]


@pytest.mark.parametrize("ticks_s", [(), (5 * DAY_S,), (DAY_S, MARCH_END_S, MARCH_END_S + 599)], ids=str)
def test_the_month_is_judged_ten_minutes_after_its_end(ticks_s: tuple[float, ...]) -> None:
    made = pipeline()
    steps = [made.take(reports(trip(0, 60, 60)))]
    for at_s in ticks_s:
        steps.append(made.take(tick(at_s)))
        assert months(*steps) == []
    steps.append(made.take(tick(MARCH_END_S + 40 * DAY_S)))
    assert months(*steps) == [("2026-03-01", "major", "2026-04-01T00:10", 50)]


def test_the_first_report_of_the_new_month_closes_the_last_day_and_the_month() -> None:
    made = pipeline()
    steps = [made.take(reports(trip(MARCH_END_S - 10_000, 80, 25)))]
    steps.append(made.take(reports(batch_of([MARCH_END_S + 60], east_m=105_000))))
    assert months(*steps) == [("2026-03-01", "general", "2026-04-01T00:01", 76)]
    assert months(made.take(tick(MARCH_END_S + 3_600))) == []


def test_what_comes_of_a_judged_month_counts_for_the_next() -> None:
    made = pipeline()
    steps = [made.take(reports(trip(0, 60, 60))), made.take(tick(MARCH_END_S + DAY_S))]
    late_s = MARCH_END_S + 2 * DAY_S
    steps.append(made.take(reports(trip(20 * DAY_S, 30, 90, from_km=120, received_s=late_s))))
    assert months(*steps) == [("2026-03-01", "major", "2026-04-01T00:10", 50)]
    assert months(made.take(tick(MARCH_END_S + 40 * DAY_S))) == [("2026-04-01", "major", "2026-05-01T00:10", 25)]


def test_the_alarms_of_days_keep_their_kind_and_id() -> None:
    made = pipeline()
    steps = [made.take(reports(trip(0, 60, 60))), made.take(tick(MARCH_END_S + DAY_S))]
    kinds = {
        (one.alarm.kind, one.alarm.alarm_id)
        for step in steps
        for one in step.changes
        if one.alarm.rule == "low_completeness"
    }
    day_ms, month_ms = START_MS - 8 * 3_600_000, START_MS - 32 * 3_600_000
    assert kinds == {
        (kind, alarm_id(Subject.VEHICLE, "V0", "low_completeness", kind, onset_ms))
        for kind, onset_ms in (("day", day_ms), ("month", month_ms))
    }


def test_switched_off_when_the_month_ends_it_says_nothing() -> None:
    made = pipeline(enabled=False)
    assert months(made.take(reports(trip(0, 60, 60))), made.take(tick(MARCH_END_S + DAY_S))) == []


def test_months_begin_and_end_where_the_calendar_says() -> None:
    for day in range(day_number(date_of(0).replace(year=1999)), day_number(date_of(0).replace(year=2101)), 3):
        stated = date_of(day)
        assert date_of(month_start_day(day)) == stated.replace(day=1)
        following = stated.replace(year=stated.year + stated.month // 12, month=stated.month % 12 + 1, day=1)
        assert date_of(next_month_day(day)) == following
