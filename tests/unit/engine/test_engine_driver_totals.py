"""F3 and F4 of one driver in several vehicles, at settlement."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from monitor.app.settled import settle
from monitor.engine.driver_totals import with_driver_totals
from monitor.engine.engine import Engine
from monitor.model.edge import EdgeType
from monitor.model.fleet import VehicleClass
from monitor.quality.judgement import judge
from monitor.rules import cumulative_driving, fatigue
from tests.traces import START_MS, batch_of, registry_of

RULES = (cumulative_driving.RULE, fatigue.RULE)
CODE = 0
Drive = tuple[int, float, float]
"""Vehicle, begin and end of driving in hours; it stands for half an hour before, and ``stands_s`` after."""
Said = tuple[int, str, float, float | None, int, float]
"""Vehicle, kind, onset and end in minutes (None while it lasts), grade, peak in minutes."""


def alarms(
    drives: Sequence[Drive],
    *,
    driver: int = 0,
    until_h: float = 0,
    vehicle_class: str = "tour_coach",
    stands_s: int = 1800,
) -> list[Said]:
    """What is said of one driver's driving."""
    fix_s: list[float] = []
    vehicle: list[int] = []
    speed_kmh: list[float] = []
    east_m: list[float] = []
    east = [0.0, 100_000.0, 200_000.0]
    for key, from_h, to_h in drives:
        for at_s in range(round(from_h * 3600) - 1800, round(to_h * 3600) + stands_s + 1, 60):
            driving = from_h * 3600 <= at_s < to_h * 3600 + (stands_s == 0)
            if from_h * 3600 < at_s <= to_h * 3600:
                east[key] += 1000.0
            fix_s.append(at_s)
            vehicle.append(key)
            speed_kmh.append(60.0 if driving else 0.0)
            east_m.append(east[key])
    batch = batch_of(
        fix_s, vehicle=vehicle, speed_kmh=speed_kmh, east_m=east_m, n_vehicles=3, driver=driver, drivers=("A",)
    )
    judge(batch.rows, None)
    engine = Engine(RULES, settled=True)
    engine.apply_registry(registry_of([VehicleClass(vehicle_class)] * 3))
    run = settle(engine, batch, until_ms=START_MS + round(until_h * 3_600_000))
    edges = with_driver_totals(run.edges, run.stretches, engine, run.clock_ms)
    found: dict[tuple[int, str, float], Said] = {}
    for edge in edges[edges["rule"] == CODE]:
        onset_min = (int(edge["onset_ms"]) - START_MS) / 60_000
        end_min = (int(edge["end_ms"]) - START_MS) / 60_000 if edge["edge"] == EdgeType.CLEAR else None
        kind = RULES[CODE].kinds[edge["kind"]]
        known = (int(edge["row"]), kind, onset_min)
        found[known] = (*known, end_min, int(edge["grade"]), round(float(edge["peak"]) * 60, 1))
    return sorted(found.values(), key=lambda one: (one[2], one[1]))


def test_two_vehicles_of_four_hours_and_a_half_each() -> None:
    assert alarms([(0, 0, 4.5), (1, 6, 10.5)], until_h=20) == [(1, "day_24h", 570, 630, 2, 540)]


def test_eight_hours_in_two_vehicles_is_not_over() -> None:
    assert alarms([(0, 0, 4), (1, 6, 10)], until_h=20) == []


def test_the_day_slides() -> None:
    """Of the first four hours two have left when the second four and a half are over."""
    assert alarms([(0, 0, 4), (1, 20, 24), (2, 25, 27)], until_h=40) == []
    assert alarms([(0, 0, 4), (1, 19, 23), (2, 23.5, 24.5)], until_h=40) == [(2, "day_24h", 1410, 1470, 1, 510)]


def test_one_vehicle_alone_stays_with_the_rule() -> None:
    (alone,) = alarms([(0, 0, 4.5), (0, 6, 10.5)], until_h=20)
    assert alone[:4] == (0, "day_24h", 570, 630)
    assert alarms([(0, 0, 4.5), (0, 6, 10.5), (1, 40, 41)], until_h=50) == [alone]


def test_the_sum_takes_the_place_of_what_one_vehicle_says_later() -> None:
    """One hour in another vehicle first: the limit is passed an hour before the vehicle's own sum passes it."""
    assert alarms([(1, 0, 1), (0, 2, 11)], until_h=20) == [(0, "day_24h", 540, 660, 2, 600)]


def test_a_rest_ends_it_and_driving_on_begins_another() -> None:
    assert alarms([(0, 0, 4.5), (1, 6, 10), (0, 12, 12.5)], until_h=20) == [
        (1, "day_24h", 570, 600, 1, 510),
        (0, "day_24h", 720, 750, 2, 540),
    ]


def test_the_week_adds_up_too() -> None:
    """Eight hours a day in turns: 48 h after six days."""
    days = [(day % 2, 24 * day, 24 * day + 8) for day in range(6)]
    assert alarms(days, until_h=200) == [(1, "week", 24 * 5 * 60 + 240, 24 * 5 * 60 + 480, 1, 2880)]


@pytest.mark.parametrize(("driver", "vehicle_class"), [(-1, "tour_coach"), (0, "heavy_truck")])
def test_nobody_known_and_other_classes_have_no_sum(driver: int, vehicle_class: str) -> None:
    assert alarms([(0, 0, 4.5), (1, 6, 10.5)], driver=driver, vehicle_class=vehicle_class, until_h=20) == []


def test_two_vehicles_at_once_count_once() -> None:
    assert alarms([(0, 0, 5), (1, 1, 6), (0, 7, 8)], until_h=20) == []


@pytest.mark.parametrize(("until_h", "end"), [(0, None), (14, None), (16, 630)])
def test_an_alarm_lasts_while_no_rest_has_come(until_h: float, end: float | None) -> None:
    """The last report drove, half an hour over; silence of more than 4 h ends it there."""
    assert alarms([(0, 0, 4.5), (1, 6, 10.5)], stands_s=0, until_h=until_h) == [(1, "day_24h", 570, end, 2, 540)]


def test_nothing_is_changed_where_nobody_drives_two() -> None:
    engine = Engine(RULES, settled=True)
    batch = batch_of(np.arange(0, 3600, 60).tolist(), speed_kmh=60.0, driver=0, drivers=("A",))
    run = settle(engine, batch)
    assert with_driver_totals(run.edges, run.stretches, engine, run.clock_ms) is run.edges
