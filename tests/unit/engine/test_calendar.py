"""The clock that stands still in holidays and seasons, and which calendars are refused."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from monitor.engine.calendar import (
    CALENDAR_FIELDS,
    MAX_SPANS,
    Calendar,
    calendar_values,
    counted_between,
    day_after,
    day_in_year,
    due_after,
    next_span,
    year_of,
)
from monitor.model.beijing import DAY_MS, NEVER_MS, day_number, day_start_ms, parse_iso
from tests.benchmarks.plain_rules.seasons import Seasons

PARAMS = np.dtype(CALENDAR_FIELDS, align=True)
START_MS = parse_iso("2026-03-02T00:00:00+08:00")


class Stated(BaseModel):
    calendar: Calendar = ()


def span(first: object, last: object, *classes: str) -> dict[str, object]:
    return {"from": first, "to": last, "classes": classes}


def params(*spans: dict[str, object], vehicle_class: str = "charter_coach") -> np.void:
    stated = Stated.model_validate({"calendar": spans})
    row: np.void = np.array([calendar_values(stated.calendar, vehicle_class)], PARAMS)[0]
    return row


def ms(text: str) -> int:
    return parse_iso(f"{text}+08:00")


@given(st.integers(10_957, 60_000))
def test_years_and_days_are_those_of_the_calendar(day: int) -> None:
    when = date(1970, 1, 1) + timedelta(days=day)
    month_day = 100 * when.month + when.day
    assert year_of(day) == when.year
    assert day_in_year(when.year, month_day) == day
    assert day_after(when.year, month_day) == day + 1


def test_the_29th_of_february_of_a_common_year_is_no_day() -> None:
    assert day_after(2026, 229) == day_in_year(2026, 229) == day_number(date(2026, 3, 1))


@pytest.mark.parametrize(
    ("stated", "at", "begin", "end"),
    [
        pytest.param(span("2026-03-05", "2026-03-06"), "2026-03-02T08:00:00", "2026-03-05", "2026-03-07", id="ahead"),
        pytest.param(span("03-05", "03-06"), "2026-03-07T00:00:00", "2027-03-05", "2027-03-07", id="next year"),
        pytest.param(span("03-05", "03-06"), "2026-03-06T23:59:59", "2026-03-05", "2026-03-07", id="its last second"),
        pytest.param(span("12-20", "01-10"), "2026-01-10T12:00:00", "2025-12-20", "2026-01-11", id="since last year"),
        pytest.param(span("12-20", "01-10"), "2026-01-11T00:00:00", "2026-12-20", "2027-01-11", id="over the New Year"),
        pytest.param(span("02-25", "02-29"), "2028-02-01T00:00:00", "2028-02-25", "2028-03-01", id="in a leap year"),
        pytest.param(span("02-25", "02-28"), "2028-02-01T00:00:00", "2028-02-25", "2028-02-29", id="before its 29th"),
        pytest.param(span("12-31", "12-31"), "2026-12-31T00:00:00", "2026-12-31", "2027-01-01", id="the last day"),
    ],
)
def test_the_span_that_comes_next(stated: dict[str, object], at: str, begin: str, end: str) -> None:
    assert next_span(params(stated), ms(at)) == (ms(f"{begin}T00:00:00"), ms(f"{end}T00:00:00"))


def test_a_span_with_years_comes_once() -> None:
    assert next_span(params(span("2026-03-05", "2026-03-06")), ms("2026-03-07T00:00:00")) == (NEVER_MS, NEVER_MS)


_YEARLY = st.tuples(st.integers(0, 364), st.integers(0, 100)).map(
    lambda pair: span(*(f"{date(2001, 1, 1) + timedelta(days=(pair[0] + n) % 365):%m-%d}" for n in (0, pair[1])))
)
_DATED = st.tuples(st.integers(-40, 60), st.integers(0, 40)).map(
    lambda pair: span(*((date(2026, 3, 2) + timedelta(days=pair[0] + n)).isoformat() for n in (0, pair[1])))
)


class _Plain(Seasons):
    def __init__(self, row: np.void) -> None:
        self.n_spans = int(row["n_spans"])
        self.span_from = tuple(row["span_from"].tolist())
        self.span_to = tuple(row["span_to"].tolist())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(_YEARLY, max_size=2),
    st.lists(_DATED, max_size=3),
    st.integers(0, 30 * 24),
    st.integers(0, 40 * 24),
)
def test_it_counts_as_one_who_goes_through_the_days(
    yearly: list[dict[str, object]], dated: list[dict[str, object]], from_h: int, counted_h: int
) -> None:
    row = params(*yearly, *dated)
    from_ms, counted_ms = START_MS + from_h * 3_600_000, counted_h * 3_600_000
    plain = _Plain(row)
    due_ms = due_after(row, from_ms, counted_ms)
    assert due_ms == plain.due_ms(from_ms, counted_ms)
    assert counted_between(row, from_ms, due_ms) == counted_ms == plain.counted_ms(from_ms, due_ms)
    assert not plain.rests((due_ms + 28_800_000) // DAY_MS)


def test_a_season_of_all_but_a_day_leaves_that_day() -> None:
    row = params(span("03-02", "02-28"))
    begin_ms = day_start_ms(day_number(date(2027, 3, 1)))
    assert due_after(row, START_MS, 60_000) == begin_ms + 60_000


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        pytest.param([span("03-32", "04-01")], "'03-32' is no day", id="no day of any year"),
        pytest.param([span("2026-02-29", "2026-03-01")], "'2026-02-29' is no day", id="29 February of a common year"),
        pytest.param([span("1999-02-01", "2026-03-01")], "'1999-02-01' is no day", id="before 2000"),
        pytest.param([span("spring", "autumn")], "'spring' is no day", id="words"),
        pytest.param([span("2026-03-05", "2026-03-04")], "ends before it begins", id="backwards"),
        pytest.param([span("2026-03-05", "04-04")], "neither has", id="one with a year"),
        pytest.param([span("03-05", "04-04", "bus")], "tour_coach", id="an unknown class"),
        pytest.param([{"from": "03-05"}], "Field required", id="without an end"),
        pytest.param([span("03-01", "02-28")], "no day of the year", id="the whole year"),
        pytest.param([span("03-01", "09-30"), span("10-01", "02-28")], "no day of the year", id="both halves"),
        pytest.param([span(f"2026-03-{n + 1:02}", f"2026-03-{n + 1:02}") for n in range(9)], "9 spans", id="too many"),
    ],
)
def test_calendars_that_cannot_be_are_refused(spans: list[dict[str, object]], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Stated.model_validate({"calendar": spans})


def test_each_class_has_room_for_all_its_spans() -> None:
    days = [f"2026-03-{n + 1:02}" for n in range(MAX_SPANS)]
    coach = [span(day, day, "charter_coach") for day in days]
    truck = [span(day, day, "heavy_truck") for day in days]
    assert len(Stated.model_validate({"calendar": [*coach, *truck]}).calendar) == 2 * MAX_SPANS


def test_dates_may_be_those_of_toml() -> None:
    assert params(span(date(2026, 3, 5), date(2026, 3, 6)))["span_to"][0] == day_number(date(2026, 3, 6))


def test_a_span_of_other_classes_is_none() -> None:
    assert params(span("03-05", "03-06", "hazmat"))["n_spans"] == 0
    assert params(span("03-05", "03-06"))["n_spans"] == 1
