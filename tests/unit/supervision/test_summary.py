"""The enterprise summary: latest rows with rates, active alarms by grade, who is listed."""

from __future__ import annotations

import json
from datetime import date

from monitor.model.alarm import Alarm, AlarmState, Certainty, Grade, Subject
from monitor.model.beijing import day_number, day_start_ms
from monitor.model.fleet import Registry, Vehicle
from monitor.model.indicator import Indicator, Period, Scope
from monitor.model.supervision import SupervisionEntry
from monitor.supervision.summary import EnterpriseSummary, build_summaries

MONDAY = date(2026, 3, 2)
AT_MS = day_start_ms(day_number(date(2026, 3, 4)))
REGISTRY = Registry((Vehicle("a", enterprise_id="E", enterprise_name="甘运", region="高台"), Vehicle("b")))


def alarm(grade: Grade, state: AlarmState, enterprise_id: str = "E") -> Alarm:
    vehicle, certain = Subject.VEHICLE, Certainty.CERTAIN
    return Alarm("id", vehicle, "speeding", "", grade, certain, state, "a", "", "other", enterprise_id, "", AT_MS)


def summaries(
    rows: tuple[Indicator, ...] = (), alarms: tuple[Alarm, ...] = (), entries: tuple[SupervisionEntry, ...] = ()
) -> dict[str, EnterpriseSummary]:
    built = build_summaries(rows, alarms, entries, REGISTRY, at_ms=AT_MS)
    return {summary.enterprise.enterprise_id: summary for summary in built}


def test_an_enterprise_of_which_nothing_is_known_yet_still_has_its_summary() -> None:
    record = summaries()["E"].record()
    assert record == {
        "enterprise_id": "E",
        "enterprise_name": "甘运",
        "region": "高台",
        "at": "2026-03-04T00:00:00+08:00",
        "day": None,
        "month": None,
        "active_alarms": {"notice": 0, "general": 0, "major": 0, "serious": 0},
        "listed_vehicles": [],
        "listed_by": [],
    }


def test_the_latest_day_and_month_are_shown_with_their_rates() -> None:
    def row(day: int, online: int, period: Period = Period.DAY) -> Indicator:
        start = MONDAY.replace(day=day)
        return Indicator(Scope.ENTERPRISE, "E", period, start, vehicles_joined=10, vehicles_online=online)

    summary = summaries((row(3, 9), row(2, 5), row(1, 10, Period.MONTH)))["E"]
    assert summary.day == row(3, 9)
    record = json.loads(json.dumps(summary.record()))
    assert record["day"]["rates"]["online_rate"] == 0.9
    assert record["day"]["date"] == "2026-03-03"
    assert record["month"]["rates"]["online_rate"] == 1.0
    assert record["month"]["rates"]["completeness_rate"] is None


def test_only_alarms_that_last_are_counted_by_grade() -> None:
    alarms = (
        alarm(Grade.MAJOR, AlarmState.ACTIVE),
        alarm(Grade.MAJOR, AlarmState.ACTIVE),
        alarm(Grade.MAJOR, AlarmState.CLEARED),
        alarm(Grade.NOTICE, AlarmState.ACTIVE),
        alarm(Grade.SERIOUS, AlarmState.ACTIVE, "F"),
    )
    assert summaries(alarms=alarms)["E"].active_alarms == (1, 0, 2, 0)


def test_listed_are_those_still_on_the_list() -> None:
    entries = (
        SupervisionEntry("vehicle", "a", 1, "x", ""),
        SupervisionEntry("vehicle", "a", 2, "y", ""),
        SupervisionEntry("vehicle", "stranger", 2, "y", ""),
        SupervisionEntry("enterprise", "E", 3, "z", ""),
        SupervisionEntry("enterprise", "E", 3, "left", "", left_ms=4),
        SupervisionEntry("driver", "d", 3, "z", ""),
    )
    summary = summaries(entries=entries)["E"]
    assert (summary.listed_vehicles, summary.listed_by) == (("a",), ("z",))


def test_an_enterprise_that_only_an_indicator_names_has_a_summary_and_no_enterprise_has_none() -> None:
    rows = tuple(Indicator(Scope.ENTERPRISE, key, Period.DAY, MONDAY) for key in ("F", ""))
    assert sorted(summaries(rows)) == ["E", "F"]
