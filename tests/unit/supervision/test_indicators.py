"""Indicator rows: who is counted where, and that counts add up."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from monitor.model.alarm import Alarm, AlarmState, Certainty, Grade, Subject
from monitor.model.beijing import DAY_MS, HOUR_MS, day_number, day_start_ms
from monitor.model.day import VEHICLE_DAY
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.indicator import Indicator, Period, Scope
from monitor.supervision.indicators import build_indicators

MONDAY = day_number(date(2026, 3, 2))
NOON_MS = day_start_ms(MONDAY) + 12 * HOUR_MS
LATER_MS = day_start_ms(MONDAY + 100)
IDS = ("a", "b", "c")


def days_of(*rows: tuple[int, int, dict[str, float]]) -> np.ndarray:
    """Counters of (vehicle row, day after Monday, fields)."""
    table = np.zeros(len(rows), VEHICLE_DAY)
    for out, (row, day, values) in zip(table, rows, strict=True):
        out["row"], out["day"] = row, MONDAY + day
        for name, value in values.items():
            out[name] = value
    return table


DRIVEN = {"reports_total": 100, "reports_qualified": 90, "mileage_m": 1000.4, "mileage_complete_m": 800.6}


def alarm(rule: str, vehicle_id: str = "a", *, after_h: float = 12, hours: float | None = 1, **facts: object) -> Alarm:
    onset_ms = day_start_ms(MONDAY) + round(after_h * HOUR_MS)
    values: dict[str, object] = {
        "alarm_id": f"{rule}/{vehicle_id}/{after_h}",
        "subject": Subject.VEHICLE,
        "kind": "",
        "grade": Grade.GENERAL,
        "certainty": Certainty.CERTAIN,
        "state": AlarmState.CLEARED,
        "plate": "",
        "vehicle_class": "other",
        "enterprise_id": "",
        "driver_id": "",
        "end_ms": None if hours is None else onset_ms + round(hours * HOUR_MS),
    }
    return Alarm(rule=rule, vehicle_id=vehicle_id, onset_ms=onset_ms, **{**values, **facts})  # type: ignore[arg-type]


def rows_of(
    days: np.ndarray,
    vehicles: tuple[Vehicle, ...] = (),
    alarms: tuple[Alarm, ...] = (),
    *,
    last: int = 0,
    clock_ms: int = LATER_MS,
    first: int = 0,
    **options: bool,
) -> dict[tuple[Scope, str, Period, int], Indicator]:
    rows = build_indicators(
        days,
        IDS,
        Registry(vehicles),
        alarms,
        clock_ms=clock_ms,
        first_day=MONDAY + first,
        last_day=MONDAY + last,
        **options,  # type: ignore[arg-type]
    )
    return {(row.scope, row.key, row.period, day_number(row.date) - MONDAY): row for row in rows}


def enterprise_day(rows: dict[tuple[Scope, str, Period, int], Indicator], key: str = "E", day: int = 0) -> Indicator:
    return rows[Scope.ENTERPRISE, key, Period.DAY, day]


def test_without_a_registry_every_vehicle_seen_is_registered_with_no_enterprise() -> None:
    rows = rows_of(days_of((0, 0, DRIVEN), (2, 0, DRIVEN)))
    whole = enterprise_day(rows, "")
    assert (whole.vehicles_registered, whole.vehicles_joined, whole.vehicles_online) == (2, 2, 2)
    assert (Scope.VEHICLE, "b", Period.DAY, 0) not in rows
    assert not any(scope in (Scope.PLATFORM, Scope.REGION) for scope, *_ in rows)


def test_mileage_is_rounded_per_vehicle_so_that_sums_of_sums_agree() -> None:
    rows = rows_of(days_of((0, 0, DRIVEN), (1, 0, DRIVEN), (2, 0, DRIVEN)))
    assert (enterprise_day(rows, "").mileage_m, enterprise_day(rows, "").mileage_complete_m) == (3000, 2403)


def test_unqualified_reports_are_counted_by_field() -> None:
    bad: dict[str, float] = {"bad_time": 1, "bad_longitude": 2, "bad_latitude": 3, "bad_speed": 4, "bad_altitude": 5}
    bad |= {"bad_direction": 6, "no_fix": 7, "bad_status": 8, "not_registered": 9}
    row = rows_of(days_of((0, 0, bad | {"reports_total": 45})))[Scope.VEHICLE, "a", Period.DAY, 0]
    fields = ["time", "longitude", "latitude", "speed", "altitude", "direction", "no_fix", "status", "plate"]
    assert [getattr(row, f"unqualified_{name}") for name in fields] == [1, 2, 3, 4, 5, 6, 7, 8, 9]


MEMBERS = [
    ("in service", Vehicle("a", enterprise_id="E"), (1, 1, 1)),
    ("trailer: in no denominator", Vehicle("a", enterprise_id="E", vehicle_class=VehicleClass.TRAILER), None),
    ("not in service before tomorrow", Vehicle("a", enterprise_id="E", in_service_from=date(2026, 3, 3)), (0, 0, 0)),
    ("in service from today", Vehicle("a", enterprise_id="E", in_service_from=date(2026, 3, 2)), (1, 1, 1)),
    ("retired yesterday", Vehicle("a", enterprise_id="E", retired_on=date(2026, 3, 1)), (0, 0, 0)),
    ("retired today: its last day", Vehicle("a", enterprise_id="E", retired_on=date(2026, 3, 2)), (1, 1, 1)),
    (
        "suspended: stays registered",
        Vehicle("a", enterprise_id="E", suspended_from=date(2026, 3, 1), suspended_to=date(2026, 3, 9)),
        (1, 1, 1),
    ),
]


@pytest.mark.parametrize(("vehicle", "expected"), [case[1:] for case in MEMBERS], ids=[case[0] for case in MEMBERS])
def test_who_is_registered_joined_and_online(vehicle: Vehicle, expected: tuple[int, int, int] | None) -> None:
    rows = rows_of(days_of((0, 0, DRIVEN)), (vehicle,))
    row = rows.get((Scope.ENTERPRISE, "E", Period.DAY, 0))
    found = None if row is None else (row.vehicles_registered, row.vehicles_joined, row.vehicles_online)
    assert found == expected
    assert rows[Scope.VEHICLE, "a", Period.DAY, 0].reports_total == 100


def test_a_silent_vehicle_stays_registered_and_joined_once_it_has_sent_a_qualified_report() -> None:
    rows = rows_of(days_of((0, 0, DRIVEN)), (Vehicle("a", enterprise_id="E"), Vehicle("b", enterprise_id="E")), last=1)
    second = enterprise_day(rows, day=1)
    assert (second.vehicles_registered, second.vehicles_joined, second.vehicles_online) == (2, 1, 0)


def test_a_vehicle_without_any_qualified_report_is_neither_joined_nor_online() -> None:
    rows = rows_of(days_of((0, 0, {"reports_total": 5, "no_fix": 5}), (0, 1, DRIVEN)), last=1)
    assert [(r.vehicles_joined, r.vehicles_online) for r in (enterprise_day(rows, "", d) for d in (0, 1))] == [
        (0, 0),
        (1, 1),
    ]


def test_days_before_the_first_and_ids_known_before_tell_who_has_joined() -> None:
    fleet = (Vehicle("a", enterprise_id="E"), Vehicle("b", enterprise_id="E"))
    days = days_of((0, -3, DRIVEN))
    assert enterprise_day(rows_of(days, fleet)).vehicles_joined == 1
    rows = build_indicators(
        days,
        IDS,
        Registry(fleet),
        (),
        clock_ms=LATER_MS,
        first_day=MONDAY,
        last_day=MONDAY,
        joined_before={"b", "sold"},
        scopes=(Scope.ENTERPRISE,),
    )
    assert [(row.scope, row.vehicles_joined) for row in rows] == [(Scope.ENTERPRISE, 2)] * 2


def test_an_unregistered_vehicle_is_kept_but_is_no_registered_one() -> None:
    rows = rows_of(days_of((0, 0, DRIVEN), (1, 0, DRIVEN)), (Vehicle("a", enterprise_id="E"),))
    assert enterprise_day(rows).reports_total == 100
    assert (enterprise_day(rows, "").reports_total, enterprise_day(rows, "").vehicles_registered) == (100, 0)


def test_a_vehicle_that_changes_hands_counts_where_it_belonged_on_the_day() -> None:
    fleet = (
        Vehicle("a", enterprise_id="E", region="r", platform="p", valid_to=date(2026, 3, 2)),
        Vehicle("a", enterprise_id="F", region="r", platform="p", valid_from=date(2026, 3, 3)),
    )
    rows = rows_of(days_of((0, 0, DRIVEN), (0, 1, DRIVEN)), fleet, last=1)
    online = {(k[0], k[1], k[3]): r.vehicles_online for k, r in rows.items() if k[2] is Period.DAY}
    assert online[Scope.ENTERPRISE, "E", 0] == 1
    assert (Scope.ENTERPRISE, "E", 1) not in online
    assert online[Scope.ENTERPRISE, "F", 1] == 1
    month = {k[:2]: r.vehicles_online for k, r in rows.items() if k[2] is Period.MONTH}
    assert month == {
        (Scope.VEHICLE, "a"): 1,
        (Scope.ENTERPRISE, "E"): 1,
        (Scope.ENTERPRISE, "F"): 1,
        (Scope.PLATFORM, "p"): 1,
        (Scope.REGION, "r"): 1,
    }


def test_a_month_sums_counts_and_counts_each_vehicle_once() -> None:
    days = days_of(*((row, day, DRIVEN | {"drift_vehicle": day == 1}) for row in (0, 1) for day in range(3)))
    rows = rows_of(days, last=2)
    month = rows[Scope.ENTERPRISE, "", Period.MONTH, -1]
    assert (month.vehicles_registered, month.vehicles_online, month.vehicles_drift) == (2, 2, 2)
    assert (month.reports_total, month.mileage_m) == (600, 6000)
    assert enterprise_day(rows, "", 0).vehicles_drift == 0


def test_a_span_over_two_months_has_a_row_for_each() -> None:
    rows = rows_of(days_of((0, 0, DRIVEN), (0, 30, DRIVEN)), last=30)
    assert sorted(k[3] for k in rows if k[:3] == (Scope.VEHICLE, "a", Period.MONTH)) == [-1, 30]


PROVISIONAL = [
    ("live: always", LATER_MS, True, (True, True)),
    ("the day still runs", NOON_MS, False, (True, True)),
    ("a millisecond before midnight", day_start_ms(MONDAY + 1) - 1, False, (True, True)),
    ("the day is over, the month not", day_start_ms(MONDAY + 1), False, (False, True)),
    ("the month is over", day_start_ms(MONDAY + 30), False, (False, False)),
]


@pytest.mark.parametrize(
    ("clock_ms", "live", "expected"), [case[1:] for case in PROVISIONAL], ids=[case[0] for case in PROVISIONAL]
)
def test_a_row_is_provisional_until_its_period_is_over(clock_ms: int, live: bool, expected: tuple[bool, bool]) -> None:
    rows = rows_of(days_of((0, 0, DRIVEN)), clock_ms=clock_ms, live=live)
    assert (
        rows[Scope.VEHICLE, "a", Period.DAY, 0].provisional,
        rows[Scope.VEHICLE, "a", Period.MONTH, -1].provisional,
    ) == expected


def test_alarms_count_on_the_beijing_day_of_their_onset() -> None:
    alarms = (
        alarm("speeding", after_h=23.9, suspected_serious=True),
        alarm("speeding", after_h=24),
        alarm("night_curfew", after_h=3),
        alarm("offline", after_h=5, hours=None, state=AlarmState.ACTIVE),
        alarm("drift", after_h=6, inhibited_by="another"),
    )
    rows = rows_of(days_of((0, 0, DRIVEN)), alarms=alarms, last=1)
    first, second = (rows[Scope.VEHICLE, "a", Period.DAY, day] for day in (0, 1))
    assert (first.speeding_n, first.speeding_serious_n, first.night_curfew_n, first.offline_n) == (1, 1, 1, 1)
    assert (first.alarms_n, second.alarms_n, second.speeding_n, second.speeding_serious_n) == (4, 1, 1, 0)


def test_withdrawn_and_merged_alarms_count_nowhere() -> None:
    alarms = tuple(
        alarm("speeding", after_h=h, state=s) for h, s in ((1, AlarmState.WITHDRAWN), (2, AlarmState.MERGED))
    )
    assert rows_of(days_of((0, 0, DRIVEN)), alarms=alarms)[Scope.VEHICLE, "a", Period.DAY, 0].alarms_n == 0


FATIGUE = [
    ("the excess over the limit", [(12, 1, 4.5, 4.0, {})], False, 1800),
    ("the whole run by the switch", [(12, 1, 4.5, 4.0, {})], True, 16200),
    ("suspected is no statistic", [(12, 1, 4.5, 4.0, {"certainty": Certainty.SUSPECTED})], False, 0),
    ("two runs add up", [(8, 1, 4.5, 4.0, {}), (15, 1, 4.25, 4.0, {})], False, 2700),
    ("day and night limit of one run", [(1, 3, 5.0, 2.0, {}), (3, 1, 6.0, 4.0, {"kind": "night"})], False, 10800),
    ("a later limit passed by more", [(1, 3, 2.5, 2.0, {}), (3, 1, 6.0, 4.0, {})], False, 7200),
    ("a run that still lasts", [(1, None, 5.0, 4.0, {}), (2, None, 3.0, 2.5, {})], False, 3600),
    ("a rest at the onset separates", [(1, 1, 5.0, 4.0, {}), (2, 1, 5.0, 4.0, {})], False, 7200),
]


@pytest.mark.parametrize(
    ("runs", "whole_run", "expected_s"), [case[1:] for case in FATIGUE], ids=[case[0] for case in FATIGUE]
)
def test_fatigue_seconds(
    runs: list[tuple[float, float | None, float, float, dict[str, object]]], whole_run: bool, expected_s: int
) -> None:
    alarms = tuple(
        replace(alarm("fatigue", after_h=at, hours=hours, peak=peak, limit=limit), **facts)  # type: ignore[arg-type]
        for at, hours, peak, limit, facts in runs
    )
    row = rows_of(days_of((0, 0, DRIVEN)), alarms=alarms, fatigue_whole_run=whole_run)[
        Scope.VEHICLE, "a", Period.DAY, 0
    ]
    assert row.fatigue_s == expected_s


def test_runs_of_two_vehicles_at_the_same_time_are_two_runs() -> None:
    alarms = tuple(alarm("fatigue", v, peak=5.0, limit=4.0) for v in ("a", "b"))
    assert enterprise_day(rows_of(days_of((0, 0, DRIVEN)), alarms=alarms), "").fatigue_s == 7200


def test_an_alarm_about_an_enterprise_counts_there_and_one_about_nobody_known_nowhere() -> None:
    alarms = tuple(
        alarm("platform_outage", "", after_h=hour, enterprise_id=enterprise_id, subject=Subject.ENTERPRISE)
        for hour, enterprise_id in ((12, "E"), (13, ""), (14, "unknown"))
    )
    rows = rows_of(days_of((0, 0, DRIVEN)), (Vehicle("a", enterprise_id="E"),), alarms)
    assert enterprise_day(rows).alarms_n == 1
    assert sum(row.alarms_n for key, row in rows.items() if key[2] is Period.DAY) == 1


def test_an_alarm_of_a_vehicle_without_reports_still_has_its_row() -> None:
    rows = rows_of(days_of(), alarms=(alarm("never_online", "z"),))
    assert rows[Scope.VEHICLE, "z", Period.DAY, 0].alarms_n == 1


def test_nothing_at_all_gives_no_rows() -> None:
    assert rows_of(days_of()) == {}
    assert rows_of(days_of((0, 0, DRIVEN)), last=-1) == {}


def test_rows_come_in_order_of_scope_period_date_and_key() -> None:
    fleet = tuple(Vehicle(v, enterprise_id=e, region="r") for v, e in (("c", "E"), ("a", "F"), ("b", "E")))
    rows = build_indicators(
        days_of((0, 0, DRIVEN), (2, 1, DRIVEN)),
        IDS,
        Registry(fleet),
        (),
        clock_ms=day_start_ms(MONDAY) + DAY_MS,
        first_day=MONDAY,
        last_day=MONDAY + 1,
    )
    order = [(list(Scope).index(r.scope), list(Period).index(r.period), r.date, r.key) for r in rows]
    assert order == sorted(order)
    assert len(order) == len(set(order))
