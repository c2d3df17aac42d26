"""Speeding (S1-S6)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS, from_e7, to_e7
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    DATA_ENDED,
    GENERAL,
    MAJOR,
    MIN_STEP_MS,
    NOTICE,
    ONSET,
    OVER,
    SERIOUS,
    UPDATE,
    Core,
    Edge,
    Step,
    new_edge,
)

SILENCE_MS = 780_000
MAX_SPEED_DKMH = 1600


@dataclass(frozen=True, slots=True)
class SpeedingParams:
    limit_dkmh: int
    night_dkmh: int
    threshold_dkmh: int
    night_threshold_dkmh: int
    serious_dkmh: int
    hold_ms: int
    serious_hold_ms: int
    noise_peak_dkmh: int
    noise_agree_dkmh: int
    source: int
    enabled: int


@dataclass(slots=True)
class Run:
    """Reports over the limit so far."""

    onset_ms: int
    last_ms: int
    start_lon_e7: int
    start_lat_e7: int
    driver: int
    end_lon_e7: int = 0
    end_lat_e7: int = 0
    serious_ms: int = 0
    sum_dkmh: int = 0
    distance_m: float = 0.0
    beyond_m: float = 0.0
    peak_dkmh: int = 0
    peak_limit_dkmh: int = 0
    n: int = 0
    n_agree: int = 0
    grade: int = 0
    published: bool = False
    suspected_serious: bool = False
    dipped: bool = False
    late: bool = False


class Speeding:
    """One vehicle."""

    __slots__ = ("params", "run")

    def __init__(self, params: SpeedingParams) -> None:
        self.params = params
        self.run: Run | None = None

    def step(self, core: Core, x: Step, out: list[Edge]) -> None:
        params = self.params
        speed = x.speed_dkmh
        threshold = params.night_threshold_dkmh if x.night else params.threshold_dkmh
        run = self.run
        if run is None and speed <= threshold:
            return
        if run is not None:
            since = x.fix_ms - run.last_ms
            silent = x.clock_ms - x.previous_clock_ms > SILENCE_MS
            if silent or (since > MIN_STEP_MS and since > core.longest_step_ms):
                broken = not run.dipped and (silent or x.dt_ms == since)
                self.end(x, out, DATA_ENDED if broken else OVER)
                run = None
            else:
                run.beyond_m += x.distance_m
        if speed < 0 or speed > MAX_SPEED_DKMH:
            return
        if speed <= threshold:
            if run is not None:
                run.dipped = True
                run.serious_ms = 0
            return
        if not params.enabled:
            return
        if run is None:
            run = self.run = Run(x.fix_ms, x.fix_ms, to_e7(x.lon_deg), to_e7(x.lat_deg), x.driver)
        self.take_over(run, x, out)

    def take_over(self, run: Run, x: Step, out: list[Edge]) -> None:
        params = self.params
        speed = x.speed_dkmh
        run.n += 1
        run.last_ms = x.fix_ms
        run.distance_m += run.beyond_m
        run.beyond_m = 0.0
        run.end_lon_e7 = to_e7(x.lon_deg)
        run.end_lat_e7 = to_e7(x.lat_deg)
        run.dipped = False
        if x.late:
            run.late = True
        if x.dt_ms > 0 and abs(x.distance_m * 36_000.0 / x.dt_ms - speed) <= params.noise_agree_dkmh:
            run.n_agree += 1
        if run.published and speed > params.noise_peak_dkmh and run.n_agree < 3:
            speed = min(speed, run.peak_dkmh)
        run.sum_dkmh += speed
        changed = False
        if speed > run.peak_dkmh:
            run.peak_dkmh = speed
            run.peak_limit_dkmh = params.night_dkmh if x.night else params.limit_dkmh
            grade = grade_of(speed, params.limit_dkmh)
            if grade > run.grade:
                run.grade = grade
                changed = True
        if speed >= params.serious_dkmh:
            run.serious_ms = run.serious_ms or x.fix_ms
            if not run.suspected_serious and x.fix_ms - run.serious_ms >= params.serious_hold_ms:
                run.suspected_serious = True
                changed = True
        else:
            run.serious_ms = 0
        if not run.published:
            believed = run.peak_dkmh <= params.noise_peak_dkmh or run.n_agree >= 3
            if believed and run.n >= 2 and run.last_ms - run.onset_ms > params.hold_ms:
                run.published = True
                self.write(run, x, out, ONSET)
        elif changed:
            self.write(run, x, out, UPDATE)

    def end(self, x: Step, out: list[Edge], reason: int) -> None:
        run = self.run
        assert run is not None
        if run.published:
            edge = self.write(run, x, out, CLEAR)
            edge.end_ms = run.last_ms
            edge.end_reason = reason
        self.run = None

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        if self.run is None:
            return NEVER_MS
        due = core.clock_ms + SILENCE_MS
        if x.clock_ms <= due:
            return due
        now, x.clock_ms = x.clock_ms, due
        self.end(x, out, OVER if self.run.dipped else DATA_ENDED)
        x.clock_ms = now
        return NEVER_MS

    def write(self, run: Run, x: Step, out: list[Edge], edge: int) -> Edge:
        e = new_edge(out, x, "speeding", 0, edge, run.onset_ms)
        e.driver = run.driver
        e.peak = run.peak_dkmh / 10.0
        e.mean = run.sum_dkmh / (10.0 * run.n)
        e.limit = run.peak_limit_dkmh / 10.0
        e.distance_m = run.distance_m
        e.start_lon = from_e7(run.start_lon_e7)
        e.start_lat = from_e7(run.start_lat_e7)
        e.end_lon = from_e7(run.end_lon_e7)
        e.end_lat = from_e7(run.end_lat_e7)
        e.n_reports = run.n
        e.grade = run.grade
        e.limit_source = self.params.source
        e.suspected_serious = int(run.suspected_serious)
        e.night_only = int(run.peak_dkmh <= self.params.limit_dkmh)
        e.late = int(run.late)
        return e


def grade_of(peak_dkmh: int, limit_dkmh: int) -> int:
    excess = (peak_dkmh - limit_dkmh) * 100
    if excess < 10 * limit_dkmh:
        return NOTICE
    if excess < 20 * limit_dkmh:
        return GENERAL
    if excess < 50 * limit_dkmh:
        return MAJOR
    return SERIOUS
