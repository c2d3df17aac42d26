"""An ordinary day, lawful in every respect: out along the circuit and home, by the habits of the class."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.fleet import VehicleClass
from simulators.journey import Journey
from simulators.schedule import DAY_S

HOUR_S = 3600.0


@dataclass(frozen=True, slots=True)
class Habit:
    """How a class spends its days. Hours of the day; ``idle_share`` is the share of days it stays in the depot."""

    leave_h: tuple[float, float]
    home_h: float  # no leg is begun that would arrive later
    legs: int
    turn_s: tuple[float, float]  # standing between legs: always a rest
    stop_every_s: float
    idle_share: float
    weekend_idle_share: float
    destinations: tuple[str, ...]


HABITS: dict[VehicleClass, Habit] = {
    VehicleClass.TOUR_COACH: Habit(
        (6.6, 9.0), 21.3, 2, (3600, 9000), 5400, 0.2, 0.05, ("zhangye", "jiayuguan", "sunan", "jiuquan")
    ),
    VehicleClass.CHARTER_COACH: Habit(
        (6.5, 9.5), 21.0, 2, (3600, 12600), 5400, 0.25, 0.15, ("zhangye", "jiuquan", "linze")
    ),
    VehicleClass.LINE_COACH: Habit(
        (5.6, 8.2), 20.8, 4, (1800, 3600), 1200, 0.04, 0.1, ("zhangye", "luocheng", "xinba", "jinta", "jiuquan")
    ),
    VehicleClass.HAZMAT: Habit(
        (6.8, 8.5), 20.5, 2, (2700, 5400), 6000, 0.12, 0.45, ("jiayuguan", "zhangye", "jinta", "jiuquan")
    ),
    VehicleClass.HEAVY_TRUCK: Habit(
        (4.8, 8.5), 24.8, 2, (2400, 6000), 7200, 0.1, 0.4, ("wuwei", "jiayuguan", "shandan", "zhangye", "jinta")
    ),
    VehicleClass.OTHER: Habit((7.5, 9.0), 19.0, 4, (1800, 4200), 900, 0.2, 0.6, ("luotuo", "nanhua", "heiquan")),
}
"""Guesses: what such vehicles plausibly do around a county town."""

_DRIVING_A_DAY_S = 7.2 * HOUR_S
"""Under the 8 h of passenger drivers (rulebook F3), for every class."""


def ordinary_day(journey: Journey, day_s: float, *, weekend: bool = False, must_drive: bool = False) -> None:
    """The day that begins at ``day_s``; ``must_drive`` leaves the choice of staying in the depot out."""
    habit = HABITS[journey.vehicle_class]
    rng = journey.rng
    idle = rng.random() < (habit.weekend_idle_share if weekend else habit.idle_share)
    leave_s = day_s + HOUR_S * float(rng.uniform(*habit.leave_h))
    if idle and not must_drive:
        return
    journey.park_until(leave_s)
    if rng.random() < 0.5:
        journey.change_driver()
    half_m = journey.circuit.length_m / 2
    driven_s = 0.0
    for leg in range(habit.legs):
        target_m = (int(journey.s_m / half_m + 0.02) + 1) * half_m
        expected_s = (target_m - journey.s_m) / half_m * _one_way_s(journey)
        if driven_s + expected_s > _DRIVING_A_DAY_S and leg:
            break
        if journey.now_s + expected_s * 1.35 + 1800 > day_s + habit.home_h * HOUR_S:
            break
        journey.drive_to(target_m, habit.stop_every_s)
        driven_s += expected_s
        if leg + 1 < habit.legs:
            journey.rest(float(rng.uniform(*habit.turn_s)))


def is_weekend(day: int, first_weekday: int) -> bool:
    """Whether day ``day`` of a scenario is a Saturday or Sunday; Monday is 0."""
    return (first_weekday + day) % 7 >= 5


def _one_way_s(journey: Journey) -> float:
    """About how long the way out takes at the class's usual 85 % of the posted speeds."""
    circuit = journey.circuit
    half = len(circuit.road_class) // 2
    seconds, begun_m = 0.0, 0.0
    for end_m, speed_kmh in zip(circuit.road_end_m[:half], circuit.road_speed_kmh[:half], strict=True):
        seconds += (float(end_m) - begun_m) / (min(speed_kmh, 85.0) * 0.82 / 3.6)
        begun_m = float(end_m)
    return seconds


def day_start_s(day: int) -> float:
    """First second of a day of the scenario."""
    return day * DAY_S
