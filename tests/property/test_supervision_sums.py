"""Laws of the indicators: sums add up, rates stay within 1, the order of the input does not matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.beijing import date_of, day_number, day_start_ms
from monitor.model.day import VEHICLE_DAY
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.indicator import INDICATOR_COUNTS, Indicator, Period, Scope
from monitor.supervision.indicators import build_indicators
from monitor.supervision.rates import rates

FIRST = day_number(date(2026, 3, 29))
IDS = tuple("abcde")
SHARES = [name for name in INDICATOR_COUNTS if name.startswith("vehicles_")]
SUMS = [name for name in INDICATOR_COUNTS if name not in SHARES]

counters = st.tuples(
    st.integers(0, len(IDS) - 1),
    st.integers(-2, 5),
    st.integers(0, 50),
    st.integers(0, 50),
    st.floats(0, 1e5),
    st.floats(0, 1),
    st.booleans(),
)
day = st.one_of(st.none(), st.integers(-2, 6).map(lambda n: date_of(FIRST + n)))


@st.composite
def registries(draw: st.DrawFn) -> Registry:
    rows: list[Vehicle] = []
    for vehicle_id in draw(st.sets(st.sampled_from(IDS))):
        first = Vehicle(
            vehicle_id,
            enterprise_id=draw(st.sampled_from(["", "E", "F"])),
            region=draw(st.sampled_from(["", "r"])),
            platform=draw(st.sampled_from(["p", "q"])),
            vehicle_class=draw(st.sampled_from([VehicleClass.HAZMAT, VehicleClass.TRAILER])),
            in_service_from=draw(day),
            retired_on=draw(day),
        )
        moved_on = draw(st.integers(0, 6))
        if moved_on < 4:
            rows.append(replace(first, valid_to=date_of(FIRST + moved_on)))
            enterprise_id = draw(st.sampled_from(["", "E", "F"]))
            first = replace(first, enterprise_id=enterprise_id, valid_from=date_of(FIRST + moved_on + 1))
        rows.append(first)
    return Registry(tuple(rows))


@st.composite
def vehicle_days(draw: st.DrawFn) -> np.ndarray:
    drawn = draw(st.lists(counters, max_size=20, unique_by=lambda row: row[:2]))
    days = np.zeros(len(drawn), VEHICLE_DAY)
    for out, (row, after, total, qualified, mileage_m, complete, drifts) in zip(days, drawn, strict=True):
        out["row"], out["day"] = row, FIRST + after
        out["reports_total"], out["reports_qualified"] = total, min(total, qualified)
        out["mileage_m"], out["mileage_complete_m"] = mileage_m, mileage_m * complete
        out["drift_vehicle"] = drifts
    return days


def rows_of(days: np.ndarray, registry: Registry) -> tuple[Indicator, ...]:
    clock_ms = day_start_ms(FIRST + 2)
    return build_indicators(days, IDS, registry, (), clock_ms=clock_ms, first_day=FIRST, last_day=FIRST + 5)


@given(vehicle_days(), registries())
def test_an_enterprise_is_the_sum_of_its_vehicles_without_trailers(days: np.ndarray, registry: Registry) -> None:
    rows = rows_of(days, registry)
    trailers = {v.vehicle_id for v in registry.vehicles if v.vehicle_class is VehicleClass.TRAILER}
    for moment in {row.date for row in rows if row.period is Period.DAY}:
        of_day = [row for row in rows if row.period is Period.DAY and row.date == moment]
        for name in INDICATOR_COUNTS:
            whole = sum(getattr(row, name) for row in of_day if row.scope is Scope.ENTERPRISE)
            parts = (row for row in of_day if row.scope is Scope.VEHICLE and row.key not in trailers)
            assert whole == sum(getattr(row, name) for row in parts)


@given(vehicle_days(), registries())
def test_a_month_is_the_sum_of_its_days_and_counts_no_vehicle_twice(days: np.ndarray, registry: Registry) -> None:
    rows = rows_of(days, registry)
    for month in (row for row in rows if row.period is Period.MONTH):
        of_month = [
            row
            for row in rows
            if (row.scope, row.key, row.period) == (month.scope, month.key, Period.DAY)
            and row.date.replace(day=1) == month.date
        ]
        assert [getattr(month, name) for name in SUMS] == [sum(getattr(r, name) for r in of_month) for name in SUMS]
        for name in SHARES:
            by_day = [getattr(row, name) for row in of_month]
            assert max(by_day) <= getattr(month, name) <= min(sum(by_day), len(IDS))


@given(vehicle_days(), registries())
def test_no_share_exceeds_one(days: np.ndarray, registry: Registry) -> None:
    for row in rows_of(days, registry):
        found = rates(row)
        shares = (found.enrolment_rate, found.online_rate, found.completeness_rate, found.conformity_rate)
        assert all(share is None or 0 <= share <= 1 for share in (*shares, found.drift_rate))


@given(vehicle_days(), registries(), st.data())
def test_the_order_of_the_counters_does_not_matter(days: np.ndarray, registry: Registry, data: st.DataObject) -> None:
    order = data.draw(st.permutations(range(len(days))))
    assert rows_of(days[np.array(order, np.int64)], registry) == rows_of(days, registry)
