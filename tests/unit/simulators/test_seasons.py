"""The office's calendar: which days do not count, and when so many that do have passed."""

from __future__ import annotations

import pytest

from monitor.errors import ConfigError
from monitor.model.beijing import parse_iso
from monitor.model.fleet import VehicleClass
from simulators.rest import Rest
from simulators.scenario import Scenario, checked
from simulators.schedule import DAY_S, Span
from simulators.seasons import counted_s, moment_counted_s, rests_of

START_MS = parse_iso("2026-03-02T00:00:00+08:00")
RESTS = (Span(2 * DAY_S, 4 * DAY_S), Span(6 * DAY_S, 7 * DAY_S))

CALENDARS: tuple[tuple[str, list[Rest], list[tuple[int, int]]], ...] = (
    ("with a year", [Rest("2026-03-04", "2026-03-05")], [(2, 4)]),
    ("of another year", [Rest("2025-03-04", "2025-03-05")], [(-363, -361)]),
    ("every year", [Rest("03-04", "03-04")], [(-363, -362), (2, 3), (367, 368)]),
    ("across the New Year", [Rest("12-31", "01-01")], [(-61, -59), (304, 306), (669, 671)]),
    ("one behind the other", [Rest("2026-03-04", "2026-03-04"), Rest("2026-03-05", "2026-03-06")], [(2, 5)]),
    ("of another class", [Rest("2026-03-04", "2026-03-05", (VehicleClass.HAZMAT,))], []),
)


@pytest.mark.parametrize(("calendar", "days"), [case[1:] for case in CALENDARS], ids=[case[0] for case in CALENDARS])
def test_rests_of_a_class(calendar: list[Rest], days: list[tuple[int, int]]) -> None:
    spans = rests_of(calendar, VehicleClass.TOUR_COACH, START_MS)
    assert [(span.start_s / DAY_S, span.end_s / DAY_S) for span in spans] == days


@pytest.mark.parametrize(
    ("from_d", "counted_d", "at_d"),
    [(0, 1, 1), (0, 2, 4), (0, 2.5, 4.5), (3, 1, 5), (0, 4, 7), (0, 5, 8), (9, 1, 10)],
)
def test_so_many_days_that_count_are_never_over_inside_a_rest(from_d: float, counted_d: float, at_d: float) -> None:
    assert moment_counted_s(RESTS, from_d * DAY_S, counted_d * DAY_S) == at_d * DAY_S
    assert counted_s(RESTS, Span(from_d * DAY_S, at_d * DAY_S)) == counted_d * DAY_S


@pytest.mark.parametrize(
    "rest", [Rest("03-32", "03-33"), Rest("2026-03-04", "03-05"), Rest("2026-03-05", "2026-03-04"), Rest("x", "y")]
)
def test_what_is_no_span_of_days_is_refused(rest: Rest) -> None:
    with pytest.raises(ConfigError, match="calendar"):
        checked(Scenario(calendar=(rest,)))
