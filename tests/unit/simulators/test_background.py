"""Ordinary driving obeys the law, so that whatever a monitor finds in it is a false alarm."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from monitor.model.fleet import VehicleClass
from simulators.fleet import Member
from simulators.motion import Track, step_m
from simulators.run import Lived, live, simulate
from simulators.scenario import Scenario

WEEK = Scenario(vehicles=40, days=7, seed=3)
COACHES = (VehicleClass.TOUR_COACH, VehicleClass.CHARTER_COACH, VehicleClass.LINE_COACH)
LIMIT_KMH = {VehicleClass.HAZMAT: 80.0}


@cache
def _lives() -> tuple[tuple[Member, Lived], ...]:
    members, lives = live(WEEK)
    return tuple((members[index], life) for index, life in lives.items())


def runs_h(sent: Track, *, night: bool = False) -> list[float]:
    """Hours of driving (steps between two moving reports) in each run between rests of 20 minutes."""
    moving = sent.speed_kmh >= 5.0
    runs, run_s, stood_since = [], 0.0, float(sent.at_s[0])
    for index in range(1, len(sent)):
        at, before = float(sent.at_s[index]), float(sent.at_s[index - 1])
        if moving[index]:
            if not moving[index - 1] and at - stood_since >= 1_200:
                runs.append(run_s / 3600)
                run_s = 0.0
            dark = at % 86_400 < 6 * 3600 or at % 86_400 >= 22 * 3600
            if moving[index - 1] and (dark or not night):
                run_s += at - before
        elif moving[index - 1]:
            stood_since = at
    return [*runs, run_s / 3600]


def test_nobody_drives_within_three_kmh_of_the_limit() -> None:
    for member, life in _lives():
        limit = np.full(len(life.sent), LIMIT_KMH.get(member.vehicle.vehicle_class, 100.0))
        of_day = life.sent.at_s % 86_400
        if member.vehicle.vehicle_class in COACHES:
            limit[(of_day < 6 * 3600) | (of_day >= 22 * 3600)] *= 0.8
        assert (life.sent.speed_kmh <= limit - 3.0).all(), member.vehicle.vehicle_id


def test_nobody_drives_more_than_three_and_a_half_hours_without_a_rest() -> None:
    assert max(max(runs_h(life.sent)) for _, life in _lives()) < 3.5


def test_coaches_and_hazmat_drive_less_than_an_hour_and_a_half_of_the_night() -> None:
    bound = [life for m, life in _lives() if m.vehicle.vehicle_class in (*COACHES, VehicleClass.HAZMAT)]
    assert max(max(runs_h(life.sent, night=True)) for life in bound) < 1.5


def test_no_two_neighbouring_reports_make_a_gap() -> None:
    for _, life in _lives():
        gap = (np.diff(life.sent.at_s) > 300) & (step_m(life.sent) > 2_000)
        assert not gap.any()


def test_the_shown_speed_is_the_speed_between_fixes() -> None:
    """Within the curve of the road and the change of speed in a step: for a step of one interval on one road."""
    for _, life in _lives():
        seconds = np.diff(life.sent.at_s)
        shown = (life.sent.speed_kmh[1:] + life.sent.speed_kmh[:-1]) / 2
        steady = (np.abs(np.diff(life.sent.speed_kmh)) < 3) & (shown > 30) & (seconds >= 10)
        implied = np.diff(life.sent.mileage_m) / seconds * 3.6
        assert np.abs(implied - shown)[steady].max() < 15
        assert np.median(np.abs(implied - shown)[steady]) < 1.5


def test_most_vehicles_drive_and_all_classes_but_trailers_do() -> None:
    driven_km = {m.vehicle.vehicle_id: float(np.ptp(life.sent.mileage_m)) / 1000 for m, life in _lives()}
    assert min(driven_km.values()) > 20
    classes = {m.vehicle.vehicle_class for m, _ in _lives()}
    assert classes == set(VehicleClass) - {VehicleClass.TRAILER}


def test_week_ends_are_quieter_for_trucks() -> None:
    km = np.zeros(7)
    for member, life in _lives():
        if member.vehicle.vehicle_class is VehicleClass.HEAVY_TRUCK:
            day = np.minimum(life.sent.at_s[1:] // 86_400, 6).astype(int)
            km += np.bincount(day, step_m(life.sent), minlength=7)
    assert km[5:].mean() < km[:5].mean()


def test_ordinary_driving_has_no_truth() -> None:
    assert [row for row in simulate(WEEK).truth if row.expected] == []


@pytest.mark.parametrize("interval_s", [10, 30, 60])
def test_reports_keep_the_interval_while_driving_and_300_s_while_parked(interval_s: int) -> None:
    members, lives = live(Scenario(vehicles=6, days=1, interval_s=interval_s, seed=8))
    assert len(members) == 6
    for life in lives.values():
        seconds = np.diff(life.sent.at_s)
        moving = (life.sent.speed_kmh[1:] > 5) & (life.sent.speed_kmh[:-1] > 5)
        assert seconds.max() <= 300
        assert not moving.any() or seconds[moving].max() <= interval_s + 1


def test_a_sleepy_terminal_is_silent_while_parked() -> None:
    _, lives = live(Scenario(vehicles=6, days=1, silent_parked=1.0, seed=8))
    assert max(float(np.diff(life.sent.at_s).max()) for life in lives.values()) > 3 * 3600
