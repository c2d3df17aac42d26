"""Fatigue driving (F1, F2, F5-F7)."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from tests.benchmarks.plain_rules.drives import Drives
from tests.benchmarks.plain_rules.place import NEVER_MS, distance_m, from_e7, ms_of_day, to_e7
from tests.benchmarks.plain_rules.records import (
    CERTAIN,
    CLEAR,
    DATA_ENDED,
    GENERAL,
    MAJOR,
    MAX_STEP_MS,
    ONSET,
    OVER,
    PREWARNING,
    SERIOUS,
    SUSPECTED,
    UPDATE,
    Core,
    Edge,
    Step,
    new_edge,
)

DAY, NIGHT = 0, 1
MOVING_DKMH = 50
CARRIED_DKMH = 250
CARRIED_MS = 120_000
STILL_M = 1000.0
LONG_SILENCE_MS = 14_400_000
HOUR_MS = 3_600_000.0
ACC_UNKNOWN = -1


@dataclass(frozen=True, slots=True)
class FatigueParams:
    day: tuple[int, int]  # limit and warning, ms; a limit of 0 switches the clock off
    night: tuple[int, int]
    rest_ms: int
    major_ms: int
    serious_ms: int
    queue_ms: int
    queue_m: float
    cap_kmh: float
    elapsed: int
    two_drivers: int
    enabled: int


@dataclass(slots=True)
class Clock:
    """Driving since the last rest; for the night the part inside 22:00-06:00."""

    kind: int
    limit_ms: int
    warning_ms: int
    certain_ms: int = 0
    suspected_ms: int = 0
    onset_ms: int = 0
    onset_distance_m: float = 0.0
    onset_n: int = 0
    start_lon_e7: int = 0
    start_lat_e7: int = 0
    certainty: int = CERTAIN
    grade: int = GENERAL
    warned: bool = False

    @property
    def governing_ms(self) -> int:
        return self.certain_ms if self.certainty == CERTAIN else self.suspected_ms


class Fatigue:
    """One vehicle."""

    __slots__ = (
        "acc_fast_ms",
        "day",
        "distance_m",
        "driver",
        "drives",
        "late",
        "move_ms",
        "n",
        "night",
        "params",
        "rest_ms",
        "rested",
        "stop_lat_e7",
        "stop_lon_e7",
        "unnamed",
    )

    def __init__(self, params: FatigueParams) -> None:
        self.params = params
        self.day = Clock(DAY, *params.day)
        self.night = Clock(NIGHT, *params.night)
        self.rest_ms = self.move_ms = self.acc_fast_ms = 0
        self.stop_lon_e7 = self.stop_lat_e7 = 0
        self.distance_m = 0.0
        self.n = self.driver = 0
        self.drives = Drives()
        self.rested = self.late = self.unnamed = False

    def step(self, core: Core, x: Step, out: list[Edge]) -> None:
        moves = is_moving(x.motion_dkmh, x.acc)
        if x.first:
            self.driver = x.driver + 1
            if moves:
                self.drives.begin(x.fix_ms, self.driver)
            else:
                self.stop_here(x.fix_ms, x.lon_deg, x.lat_deg)
            return
        dt_ms = x.dt_ms
        d = x.distance_m
        moved = moves if x.previous_motion_dkmh < 0 else is_moving(x.previous_motion_dkmh, x.previous_acc)
        if dt_ms <= LONG_SILENCE_MS:
            self.n += 1
            if x.late:
                self.late = True
        stood = not moved or dt_ms > MAX_STEP_MS
        who = 0 if self.unnamed else self.driver
        other = x.driver >= 0 and x.driver + 1 != self.driver
        takes_over_here = False
        is_first = other and self.driver == 0
        if is_first:
            self.driver = x.driver + 1
        elif other and stood:
            self.end_run(x, out, self.rest_ms or x.previous_fix_ms, x.previous_lon_deg, x.previous_lat_deg, OVER)
            self.driver = who = x.driver + 1
            self.drives.cut(x.previous_fix_ms, who)
        elif other and self.unnamed:
            takes_over_here = True
        self.unnamed = x.driver < 0 and (self.unnamed or stood) and self.driver != 0
        carried = x.previous_acc == 0 and x.acc == 0 and d * 36_000.0 <= CARRIED_DKMH * float(dt_ms)
        if dt_ms <= MAX_STEP_MS:
            if moved or (d > STILL_M and not carried and not x.jump):
                self.move(x, out, who)
                if takes_over_here:
                    self.end_run(x, out, self.rest_ms or x.fix_ms, x.lon_deg, x.lat_deg, OVER)
                    self.driver = x.driver + 1
            else:
                self.stand(x, out)
        elif d <= STILL_M or carried:
            self.stand(x, out)
        elif dt_ms <= self.params.rest_ms:
            self.move(x, out, who)
        elif dt_ms <= LONG_SILENCE_MS:
            self.pass_unknown(x, out)
        else:
            at_ms = self.rest_ms or x.previous_fix_ms
            self.end_run(x, out, at_ms, x.previous_lon_deg, x.previous_lat_deg, DATA_ENDED)
            self.rest_ms = self.move_ms = 0
            self.rested = False
            self.drives.end(x.previous_fix_ms)
        if is_first or takes_over_here:
            self.drives.cut(x.fix_ms, self.driver)
        elif self.drives.driver == 0 and x.driver >= 0 and x.driver + 1 == self.driver:
            self.drives.driver = self.driver
        if not moves:
            self.stop_here(x.fix_ms, x.lon_deg, x.lat_deg)
            self.move_ms = 0

    def stop_here(self, at_ms: int, lon: float, lat: float) -> None:
        if self.rest_ms == 0:
            self.drives.end(at_ms)
            self.rest_ms = at_ms
            self.stop_lon_e7 = to_e7(lon)
            self.stop_lat_e7 = to_e7(lat)
            self.rested = False

    def stand(self, x: Step, out: list[Edge]) -> None:
        self.stop_here(x.previous_fix_ms, x.previous_lon_deg, x.previous_lat_deg)
        self.move_ms = 0
        self.acc_fast_ms = 0
        if not self.rested and x.fix_ms - self.rest_ms >= self.params.rest_ms:
            self.rested = True
            self.end_run(x, out, self.rest_ms, from_e7(self.stop_lon_e7), from_e7(self.stop_lat_e7), OVER)

    def move(self, x: Step, out: list[Edge], who: int) -> None:
        params = self.params
        from_ms = x.previous_fix_ms
        to_ms = x.fix_ms
        drive_ms = from_ms
        if self.rest_ms != 0:
            self.move_ms = self.move_ms or from_ms
            away = distance_m(from_e7(self.stop_lon_e7), from_e7(self.stop_lat_e7), x.lon_deg, x.lat_deg)
            if to_ms - self.move_ms < params.queue_ms and away <= params.queue_m:
                return
            from_ms = drive_ms = self.move_ms
            if not self.rested and params.elapsed and self.day.suspected_ms > 0:
                from_ms = self.rest_ms
            self.rest_ms = self.move_ms = 0
            self.rested = False
        self.distance_m += x.distance_m
        certain_to_ms = to_ms
        if x.previous_acc != 0 or x.previous_motion_dkmh <= CARRIED_DKMH:
            self.acc_fast_ms = 0
        else:
            begun_ms = self.acc_fast_ms = self.acc_fast_ms or from_ms
            if begun_ms > 0 and to_ms - begun_ms > CARRIED_MS:
                day, night = self.day, self.night
                day.certain_ms = max(0, day.certain_ms - (from_ms - begun_ms))
                night.certain_ms = max(0, night.certain_ms - night_overlap_ms(begun_ms, from_ms))
                self.acc_fast_ms = ACC_UNKNOWN
                self.drives.end(begun_ms)
            if self.acc_fast_ms == ACC_UNKNOWN:
                certain_to_ms = from_ms
        if self.acc_fast_ms != ACC_UNKNOWN:
            self.drives.begin(drive_ms, who)
        self.drive(x, out, from_ms, certain_to_ms, to_ms)

    def pass_unknown(self, x: Step, out: list[Edge]) -> None:
        params = self.params
        from_ms = x.previous_fix_ms
        to_ms = x.fix_ms
        least_ms = min(int(x.distance_m * 3600.0 / params.cap_kmh), to_ms - from_ms)
        stopped_ms = 0
        end_ms, end_lon, end_lat = from_ms, x.previous_lon_deg, x.previous_lat_deg
        if self.rest_ms != 0:
            stopped_ms = from_ms - self.rest_ms
            end_ms, end_lon, end_lat = self.rest_ms, from_e7(self.stop_lon_e7), from_e7(self.stop_lat_e7)
        self.rest_ms = self.move_ms = 0
        self.rested = False
        self.drives.end(from_ms)
        certain_to_ms = from_ms + least_ms
        if to_ms - from_ms - least_ms + stopped_ms >= params.rest_ms:
            clocks = (self.day, self.night)
            if any(clock.onset_ms and clock.certainty == CERTAIN for clock in clocks):
                self.end_run(x, out, end_ms, end_lon, end_lat, DATA_ENDED)
                return
            for clock in clocks:
                clock.certain_ms = 0
                clock.warned = False
            certain_to_ms = from_ms
        self.distance_m += x.distance_m
        self.drive(x, out, from_ms, certain_to_ms, to_ms)

    def drive(self, x: Step, out: list[Edge], from_ms: int, certain_to_ms: int, to_ms: int) -> None:
        if not self.params.enabled:
            return
        self.run_clock(self.day, x, out, from_ms, certain_to_ms - from_ms, to_ms - from_ms)
        if self.night.limit_ms == 0:
            return
        suspected_add = night_overlap_ms(from_ms, to_ms)
        if suspected_add == 0 and self.night.onset_ms == 0:
            return
        self.run_clock(self.night, x, out, from_ms, night_overlap_ms(from_ms, certain_to_ms), suspected_add)

    def run_clock(
        self, clock: Clock, x: Step, out: list[Edge], from_ms: int, certain_add: int, suspected_add: int
    ) -> None:
        limit_ms = clock.limit_ms
        certain = clock.certain_ms
        suspected = clock.suspected_ms
        clock.certain_ms = certain + certain_add
        clock.suspected_ms = suspected + suspected_add
        if clock.onset_ms == 0 and suspected + suspected_add < limit_ms - clock.warning_ms:
            return
        if certain <= limit_ms < certain + certain_add:
            doubtful = self.params.two_drivers and self.driver == 0
            self.pass_limit(clock, x, out, from_ms, limit_ms - certain, SUSPECTED if doubtful else CERTAIN)
        if suspected <= limit_ms < suspected + suspected_add:
            self.pass_limit(clock, x, out, from_ms, limit_ms - suspected, SUSPECTED)
        if clock.onset_ms != 0:
            grade = self.grade_over(clock.governing_ms - limit_ms)
            if grade > clock.grade:
                clock.grade = grade
                self.write(clock, x, out, UPDATE)
            return
        now = certain + certain_add
        if limit_ms - clock.warning_ms <= now < limit_ms and certain_add > 0 and not clock.warned:
            clock.warned = True
            e = new_edge(out, x, "fatigue", clock.kind, PREWARNING, x.fix_ms)
            e.driver = self.driver - 1
            e.peak = now / HOUR_MS
            e.limit = limit_ms / HOUR_MS

    def pass_limit(
        self, clock: Clock, x: Step, out: list[Edge], from_ms: int, remaining_ms: int, certainty: int
    ) -> None:
        if clock.onset_ms == 0:
            clock.onset_ms = night_moment_ms(from_ms, remaining_ms) if clock.kind == NIGHT else from_ms + remaining_ms
            clock.onset_distance_m = float32(self.distance_m)
            clock.onset_n = self.n
            clock.start_lon_e7 = to_e7(x.lon_deg)
            clock.start_lat_e7 = to_e7(x.lat_deg)
            clock.certainty = certainty
            clock.grade = self.grade_over(clock.governing_ms - clock.limit_ms)
            self.write(clock, x, out, ONSET)
        elif certainty < clock.certainty:
            clock.certainty = certainty
            self.write(clock, x, out, UPDATE)

    def grade_over(self, over_ms: int) -> int:
        if over_ms >= self.params.serious_ms:
            return SERIOUS
        if over_ms >= self.params.major_ms:
            return MAJOR
        return GENERAL

    def end_run(self, x: Step, out: list[Edge], end_ms: int, end_lon: float, end_lat: float, reason: int) -> None:
        for clock in (self.day, self.night):
            if clock.onset_ms != 0:
                e = self.write(clock, x, out, CLEAR)
                e.end_ms = max(end_ms, clock.onset_ms)
                e.end_lon = end_lon
                e.end_lat = end_lat
                e.end_reason = reason
            clock.onset_ms = clock.certain_ms = clock.suspected_ms = 0
            clock.warned = False
        self.distance_m = 0.0
        self.n = 0
        self.late = False
        self.acc_fast_ms = 0

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        if core.fix_ms == 0 or self.day.suspected_ms == 0:
            return NEVER_MS
        due = core.clock_ms + LONG_SILENCE_MS
        if x.clock_ms <= due:
            return due
        now, x.clock_ms = x.clock_ms, due
        self.end_run(x, out, self.rest_ms or core.fix_ms, core.lon_deg, core.lat_deg, DATA_ENDED)
        x.clock_ms = now
        self.drives.cut(core.fix_ms, self.drives.driver)
        return NEVER_MS

    def write(self, clock: Clock, x: Step, out: list[Edge], edge: int) -> Edge:
        e = new_edge(out, x, "fatigue", clock.kind, edge, clock.onset_ms)
        e.driver = self.driver - 1
        e.peak = clock.governing_ms / HOUR_MS
        e.limit = clock.limit_ms / HOUR_MS
        e.distance_m = max(0.0, self.distance_m - clock.onset_distance_m)
        e.start_lon = from_e7(clock.start_lon_e7)
        e.start_lat = from_e7(clock.start_lat_e7)
        e.n_reports = self.n - clock.onset_n
        e.grade = clock.grade
        e.certainty = clock.certainty
        e.late = int(self.late)
        return e


def is_moving(motion_dkmh: int, acc: int) -> bool:
    return motion_dkmh >= MOVING_DKMH and not (acc == 0 and motion_dkmh <= CARRIED_DKMH)


def night_overlap_ms(from_ms: int, to_ms: int) -> int:
    """How much of a span of less than 16 h lies inside 22:00-06:00."""
    start = ms_of_day(from_ms)
    end = start + (to_ms - from_ms)
    nights = ((0, 21_600_000), (79_200_000, 108_000_000), (165_600_000, 194_400_000))
    return sum(max(0, min(end, night_to) - max(start, night_from)) for night_from, night_to in nights)


def night_moment_ms(from_ms: int, remaining_ms: int) -> int:
    """When ``remaining_ms`` of night have passed since ``from_ms``."""
    in_day = ms_of_day(from_ms)
    if in_day < 21_600_000:
        left_ms = 21_600_000 - in_day
        if remaining_ms <= left_ms:
            return from_ms + remaining_ms
        return from_ms - in_day + 79_200_000 + remaining_ms - left_ms
    if in_day < 79_200_000:
        return from_ms - in_day + 79_200_000 + remaining_ms
    return from_ms + remaining_ms


def float32(value: float) -> float:
    """The state row keeps this figure in four bytes."""
    number: float = struct.unpack("f", struct.pack("f", value))[0]
    return number
