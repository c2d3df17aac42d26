"""Who enters the key-supervision list, when, and on which alarms and figures."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from monitor.model.alarm import Alarm, AlarmState, Certainty, Grade, Subject
from monitor.model.beijing import DAY_MS, HOUR_MS, day_number, day_start_ms
from monitor.model.fleet import Registry, Vehicle
from monitor.model.indicator import Indicator, Period, Scope
from monitor.model.supervision import SupervisionEntry
from monitor.supervision.entry_rules import parse_entry_rules
from monitor.supervision.key_supervision import key_supervision

RULES = parse_entry_rules(
    (Path(__file__).parents[3] / "configs" / "supervision.toml").read_text(encoding="utf-8"), "supervision.toml"
)
FIRST = date(2026, 3, 1)
START_MS = day_start_ms(day_number(FIRST))
CLOCK_MS = START_MS + 200 * DAY_MS


def alarm(rule: str, day: float, vehicle_id: str = "a", *, hours: float | None = 1.0, **facts: object) -> Alarm:
    onset_ms = START_MS + round(day * DAY_MS)
    values: dict[str, object] = {
        "subject": Subject.VEHICLE,
        "kind": "",
        "grade": Grade.GENERAL,
        "certainty": Certainty.CERTAIN,
        "state": AlarmState.ACTIVE if hours is None else AlarmState.CLEARED,
        "plate": "",
        "vehicle_class": "other",
        "enterprise_id": "",
        "driver_id": "",
        "end_ms": None if hours is None else onset_ms + round(hours * HOUR_MS),
    }
    values |= facts
    alarm_id = f"{rule}/{vehicle_id}/{day}"
    return Alarm(alarm_id=alarm_id, rule=rule, vehicle_id=vehicle_id, onset_ms=onset_ms, **values)  # type: ignore[arg-type]


def listed(
    *alarms: Alarm,
    rows: tuple[Indicator, ...] = (),
    vehicles: tuple[Vehicle, ...] = (),
    clock_ms: int = CLOCK_MS,
    lang: str = "zh",
) -> tuple[SupervisionEntry, ...]:
    return key_supervision(alarms, rows, Registry(vehicles), RULES, clock_ms=clock_ms, lang=lang)


def rule_ids(*alarms: Alarm) -> list[str]:
    return [entry.rule_id for entry in listed(*alarms)]


def speeding(day: float, vehicle_id: str = "a", *, serious: bool = False, grade: Grade = Grade.MAJOR) -> Alarm:
    return alarm("speeding", day, vehicle_id, grade=grade, suspected_serious=serious, peak=128.0, limit=100.0)


def fatigue(day: float, excess_min: float, *, hours: float = 2.0, certainty: Certainty = Certainty.CERTAIN) -> Alarm:
    return alarm("fatigue", day, hours=hours, kind="day", certainty=certainty, peak=4 + excess_min / 60, limit=4.0)


def red_day(day: int) -> Alarm:
    return alarm("low_completeness", day, hours=24, kind="day", grade=Grade.MAJOR, peak=60.0)


CASES = [
    ("one suspected serious speeding", (speeding(1, serious=True),), ["vehicle_serious_speeding"]),
    ("a speeding that is not suspected serious", (speeding(1, grade=Grade.SERIOUS),), []),
    ("it was withdrawn", (alarm("speeding", 1, suspected_serious=True, state=AlarmState.WITHDRAWN),), []),
    ("three of 20 % in 30 days", tuple(speeding(d) for d in (0, 10, 29.9)), ["vehicle_repeated_speeding"]),
    ("three of 20 % in just 30 days", tuple(speeding(d) for d in (0, 10, 30)), []),
    ("the first of four fell out", tuple(speeding(d) for d in (0, 25, 40, 50)), ["vehicle_repeated_speeding"]),
    ("three below 20 %", tuple(speeding(d, grade=Grade.GENERAL) for d in (0, 1, 2)), []),
    ("three of three vehicles", tuple(speeding(1, v) for v in ("a", "b", "c")), []),
    ("fatigue, 29 min over", (fatigue(1, 29),), []),
    ("fatigue, 30 min over", (fatigue(1, 30),), ["vehicle_long_fatigue"]),
    ("fatigue, 90 min over but suspected", (fatigue(1, 90, certainty=Certainty.SUSPECTED),), []),
    ("fatigue twice", (fatigue(1, 5), fatigue(3, 5)), ["vehicle_repeated_fatigue"]),
    ("fatigue twice, one suspected", (fatigue(1, 5), fatigue(3, 5, certainty=Certainty.SUSPECTED)), []),
    ("fatigue without its figures", (alarm("fatigue", 1, kind="day"),), []),
    ("four red days", tuple(red_day(d) for d in range(4)), []),
    ("five red days", tuple(red_day(d) for d in (0, 3, 9, 20, 29)), ["vehicle_day_completeness"]),
    ("five red days, the last one late", tuple(red_day(d) for d in (0, 3, 9, 20, 30)), []),
    (
        "lost for 15 days",
        (alarm("offline", 1, kind="lost", hours=None, grade=Grade.SERIOUS),),
        ["vehicle_long_offline"],
    ),
    ("lost for 7 days", (alarm("offline", 1, kind="lost", hours=None, grade=Grade.MAJOR),), []),
    ("parked for 15 days", (alarm("offline", 1, kind="parked", hours=None, grade=Grade.SERIOUS),), []),
    ("about no vehicle", (alarm("speeding", 1, "", suspected_serious=True),), []),
]


@pytest.mark.parametrize(("alarms", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_which_alarms_list_a_vehicle(alarms: tuple[Alarm, ...], expected: list[str]) -> None:
    assert rule_ids(*alarms) == expected


ENTERED = [
    ("speeding: at the onset", (speeding(1, serious=True),), START_MS + DAY_MS),
    ("three events: at the third onset", tuple(speeding(d) for d in (0, 10, 20)), START_MS + 20 * DAY_MS),
    ("fatigue: 30 min after the limit", (fatigue(1, 45),), START_MS + DAY_MS + HOUR_MS // 2),
    ("a red day: when it is over", tuple(red_day(d) for d in range(5)), START_MS + 5 * DAY_MS),
    (
        "lost: 15 days after contact",
        (alarm("offline", 1, kind="lost", hours=None, grade=Grade.SERIOUS),),
        START_MS + 15 * DAY_MS,
    ),
    ("never after the alarm's end", (fatigue(1, 31, hours=0.4),), START_MS + DAY_MS + round(0.4 * HOUR_MS)),
]


@pytest.mark.parametrize(("alarms", "entered_ms"), [case[1:] for case in ENTERED], ids=[case[0] for case in ENTERED])
def test_entered_is_the_moment_the_rule_was_first_met(alarms: tuple[Alarm, ...], entered_ms: int) -> None:
    assert [entry.entered_ms for entry in listed(*alarms)] == [entered_ms]


def test_an_entry_names_its_alarms_and_figures_and_gives_its_reason_in_both_languages() -> None:
    alarms = (fatigue(1, 45), speeding(2, serious=True))
    first, second = listed(*alarms)
    assert (first.object_type, first.object_id, first.alarm_ids) == ("vehicle", "a", (alarms[0].alarm_id,))
    assert first.figures == {"n": 1, "window_days": 30, "excess_min": 45.0, "peak": 4.75}
    assert first.reason == "30日内疲劳驾驶超限30分钟以上1次，最长超限45分钟"
    assert second.reason == "30日内疑似严重超速1次"
    assert listed(*alarms, lang="en")[1].reason == "suspected serious speeding 1 times in 30 days"


def test_later_events_of_a_listed_vehicle_leave_its_entry_as_it_was() -> None:
    early = listed(speeding(1, serious=True))
    assert listed(speeding(1, serious=True), speeding(9, serious=True)) == early


def row(scope: Scope, period: Period, day: date, mileage_km: float, complete: float, key: str = "a") -> Indicator:
    mileage_m = round(mileage_km * 1000)
    return Indicator(scope, key, period, day, mileage_m=mileage_m, mileage_complete_m=round(mileage_m * complete))


def month_of(*kilometres: tuple[float, float], scope: Scope = Scope.VEHICLE, key: str = "a") -> tuple[Indicator, ...]:
    """Day rows of (mileage, completeness) from the first of the month, and their month row."""
    days = tuple(row(scope, Period.DAY, FIRST + timedelta(i), *km, key=key) for i, km in enumerate(kilometres))
    total_m, complete_m = sum(d.mileage_m for d in days), sum(d.mileage_complete_m for d in days)
    month = Indicator(scope, key, Period.MONTH, FIRST, mileage_m=total_m, mileage_complete_m=complete_m)
    return (*days, month)


MONTHS = [
    ("99 km tell nothing", ((99, 0.1),), None),
    ("red from the first day", ((100, 0.69),), 1),
    ("at the threshold is not below it", ((100, 0.70),), None),
    ("red from the second day", ((60, 0.5), (60, 0.5)), 2),
    ("red once, good as it stands", ((100, 0.5), (900, 1.0)), None),
    ("good at first, red as it stands", ((100, 1.0), (100, 0.1), (10, 1.0)), 2),
]


@pytest.mark.parametrize(("km", "days"), [case[1:] for case in MONTHS], ids=[case[0] for case in MONTHS])
@pytest.mark.parametrize("scope", [Scope.VEHICLE, Scope.ENTERPRISE])
def test_a_month_that_is_too_incomplete_as_it_stands(
    km: tuple[tuple[float, float], ...], days: int | None, scope: Scope
) -> None:
    entries = listed(rows=month_of(*km, scope=scope))
    rule_id = "vehicle_month_completeness" if scope is Scope.VEHICLE else "enterprise_completeness"
    expected = [] if days is None else [(rule_id, START_MS + days * DAY_MS)]
    assert [(entry.rule_id, entry.entered_ms) for entry in entries] == expected


def test_a_month_found_red_while_its_day_lasts_enters_at_the_clock() -> None:
    noon_ms = START_MS + 12 * HOUR_MS
    (entry,) = listed(rows=month_of((200, 0.5)), clock_ms=noon_ms)
    assert entry.entered_ms == noon_ms
    assert entry.figures == {"rate": 0.5, "mileage_km": 200.0, "mileage_complete_km": 100.0}
    assert entry.reason == "当月轨迹完整率50.0%（总里程200.0km）"


def test_a_month_row_without_its_days_enters_at_the_end_of_the_month() -> None:
    (entry,) = listed(rows=month_of((200, 0.5))[-1:])
    assert entry.entered_ms == day_start_ms(day_number(date(2026, 4, 1)))


def test_the_first_of_two_red_months_dates_the_entry() -> None:
    april = row(Scope.VEHICLE, Period.MONTH, date(2026, 4, 1), 500, 0.1)
    (entry,) = listed(rows=(april, *month_of((200, 0.5))))
    assert entry.entered_ms == START_MS + DAY_MS


def test_no_enterprise_is_not_an_enterprise() -> None:
    assert listed(rows=month_of((200, 0.5), scope=Scope.ENTERPRISE, key="")) == ()


def online_month(online: int, joined: int) -> tuple[Indicator, ...]:
    return (
        Indicator(Scope.ENTERPRISE, "E", Period.MONTH, FIRST, vehicles_online=online, vehicles_joined=joined),
        Indicator(Scope.ENTERPRISE, "E", Period.DAY, FIRST, vehicles_online=0, vehicles_joined=joined),
    )


def test_too_few_vehicles_online_list_an_enterprise_when_the_month_is_over() -> None:
    end_ms = day_start_ms(day_number(date(2026, 4, 1)))
    assert listed(rows=online_month(8, 10), clock_ms=end_ms - 1) == ()
    (entry,) = listed(rows=online_month(8, 10), clock_ms=end_ms)
    assert (entry.rule_id, entry.object_id, entry.entered_ms) == ("enterprise_online_rate", "E", end_ms)
    assert entry.reason == "当月车辆上线率80.0%（上线8辆，入网10辆）"


@pytest.mark.parametrize(("online", "joined"), [(9, 10), (0, 0)], ids=["at the threshold", "nobody joined"])
def test_an_online_rate_that_lists_nobody(online: int, joined: int) -> None:
    assert listed(rows=online_month(online, joined)) == ()


def fleet(n: int) -> tuple[Vehicle, ...]:
    return tuple(Vehicle(f"v{i:02}", enterprise_id="E") for i in range(n))


SHARES = [
    ("two of twenty", 20, ("v01", "v02"), True),
    ("two of twenty-one", 21, ("v01", "v02"), False),
    ("one of two", 2, ("v01",), False),
    ("two strangers", 2, ("x", "y"), False),
]


@pytest.mark.parametrize(("size", "bad", "expected"), [case[1:] for case in SHARES], ids=[case[0] for case in SHARES])
def test_an_enterprise_is_listed_with_a_tenth_of_its_vehicles_and_at_least_two(
    size: int, bad: tuple[str, ...], expected: bool
) -> None:
    alarms = [speeding(day, vehicle_id, serious=True) for day, vehicle_id in enumerate(bad)]
    entries = [e for e in listed(*alarms, vehicles=fleet(size)) if e.object_type == "enterprise"]
    assert bool(entries) == expected
    if entries:
        assert entries[0].entered_ms == START_MS + DAY_MS
        assert entries[0].alarm_ids == tuple(item.alarm_id for item in alarms)
        assert entries[0].reason == "2辆车被列为重点监管，占在册20辆的10.0%"


def test_a_vehicle_listed_by_two_rules_counts_once_for_its_enterprise() -> None:
    alarms = (speeding(1, "v00", serious=True), *(speeding(d, "v00") for d in (2, 3, 4)))
    entries = listed(*alarms, vehicles=fleet(2))
    assert [e.object_type for e in entries] == ["vehicle", "vehicle"]


def test_retired_vehicles_are_not_in_the_share() -> None:
    old = tuple(Vehicle(f"r{i}", enterprise_id="E", retired_on=date(2020, 1, 1)) for i in range(5))
    alarms = tuple(speeding(d, v.vehicle_id, serious=True) for d, v in enumerate(old))
    assert all(e.object_type == "vehicle" for e in listed(*alarms, vehicles=old))


def test_the_list_is_in_order_of_entry_and_does_not_depend_on_the_order_of_input() -> None:
    alarms = [speeding(d, v, serious=True) for d, v in ((5, "v01"), (5, "v00"), (1, "v02"))]
    entries = listed(*alarms, vehicles=fleet(10))
    assert entries == listed(*reversed(alarms), vehicles=fleet(10))
    assert [e.object_id for e in entries] == ["v02", "v00", "v01", "E"]
