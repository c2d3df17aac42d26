"""Rates are derived from two counts; nothing to judge gives no rate."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from monitor.model.indicator import Indicator, Period, Scope
from monitor.supervision.rates import rates

EMPTY = Indicator(Scope.ENTERPRISE, "E", Period.DAY, date(2026, 3, 2))

CASES: list[tuple[str, dict[str, int], float]] = [
    ("enrolment_rate", {"vehicles_joined": 9, "vehicles_registered": 10}, 0.9),
    ("online_rate", {"vehicles_online": 3, "vehicles_joined": 4}, 0.75),
    ("completeness_rate", {"mileage_complete_m": 1, "mileage_m": 4}, 0.25),
    ("conformity_rate", {"reports_qualified": 0, "reports_total": 5}, 0.0),
    ("drift_rate", {"vehicles_drift": 1, "vehicles_online": 8}, 0.125),
    ("connectivity_rate", {"link_minutes": 1000, "link_down_minutes": 1}, 0.999),
    ("inquiry_response_rate", {"inquiries_answered_n": 1, "inquiries_n": 2}, 0.5),
    ("handling_rate", {"alarms_handled_n": 9, "alarms_n": 12}, 0.75),
    ("speeding_per_vehicle", {"speeding_n": 6, "vehicles_online": 4}, 1.5),
    ("fatigue_s_per_vehicle", {"fatigue_s": 90, "vehicles_online": 3}, 30.0),
]


@pytest.mark.parametrize(("name", "counts", "expected"), CASES, ids=[case[0] for case in CASES])
def test_each_rate_is_part_by_whole(name: str, counts: dict[str, int], expected: float) -> None:
    assert rates(replace(EMPTY, **counts)).record()[name] == expected  # type: ignore[arg-type]


def test_a_zero_denominator_gives_no_rate() -> None:
    assert set(rates(EMPTY).record().values()) == {None}


def test_every_rate_has_a_case() -> None:
    assert [case[0] for case in CASES] == list(rates(EMPTY).record())
