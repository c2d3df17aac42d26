"""Speeding (S1-S6)."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.benchmarks.plain_rules.place import NEVER_MS, from_e7, to_e7
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    DATA_ENDED,
    GENERAL,
    MAJOR,
    MAX_STEP_MS,
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
SECTION, FENCE, CLASS_CAP, ENTERPRISE, VEHICLE, PERMIT = 1, 2, 3, 4, 5, 6
EXPRESSWAY, URBAN_EXPRESS = 1, 6
FERRY = 2


@dataclass(frozen=True, slots=True)
class SpeedingParams:
    cap_dkmh: int
    other_cap_dkmh: int
    expressway_dkmh: int
    first_dkmh: int
    second_dkmh: int
    third_dkmh: int
    fourth_dkmh: int
    urban_express_dkmh: int
    urban_dkmh: int
    enterprise_dkmh: int
    vehicle_dkmh: int
    night_percent: int
    tolerance_dkmh: float
    tolerance_percent: float
    threshold_dkmh: int
    night_threshold_dkmh: int
    serious_percent: int
    serious_expressway_percent: int
    serious_other_road_percent: int
    hold_ms: int
    serious_hold_ms: int
    noise_limit_dkmh: int
    noise_peak_dkmh: int
    noise_agree_dkmh: int
    recorder_apart_dkmh: int
    by_recorder: int
    enabled: int


@dataclass(frozen=True, slots=True)
class Over:
    """A report over its limit, as it counts for the alarm."""

    grade: int = NOTICE
    speed_dkmh: int = 0
    day_limit_dkmh: int = 1
    limit_dkmh: int = 0
    source: int = 0
    limit_from: int = 0
    serious: bool = False

    def graver_than(self, other: Over) -> bool:
        if self.grade != other.grade:
            return self.grade > other.grade
        return self.speed_dkmh * other.day_limit_dkmh > other.speed_dkmh * self.day_limit_dkmh


@dataclass(slots=True)
class Run:
    """Reports over the limit so far."""

    onset_ms: int
    last_ms: int
    start_lon_e7: int
    start_lat_e7: int
    start_section: int
    driver: int
    end_lon_e7: int = 0
    end_lat_e7: int = 0
    end_section: int = 0
    serious_ms: int = 0
    sum_dkmh: int = 0
    distance_m: float = 0.0
    beyond_m: float = 0.0
    gravest: Over = field(default_factory=Over)
    n: int = 0
    n_agree: int = 0
    published: bool = False
    suspected_serious: bool = False
    dipped: bool = False
    doubtful: bool = False
    late: bool = False


class Speeding:
    """One vehicle."""

    __slots__ = ("params", "run")

    def __init__(self, params: SpeedingParams) -> None:
        self.params = params
        self.run: Run | None = None

    def step(self, core: Core, x: Step, out: list[Edge]) -> None:
        params = self.params
        speed = x.recorder_dkmh if params.by_recorder and x.recorder_dkmh >= 0 else x.speed_dkmh
        run = self.run
        if run is None and speed < 0:
            return
        threshold = self.threshold(x)
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
        if speed < 0 or speed > MAX_SPEED_DKMH or self.is_contradicted(x, speed):
            return
        if speed <= threshold:
            if run is not None:
                run.dipped = True
                run.serious_ms = 0
            return
        if not params.enabled:
            return
        if run is None:
            lon_e7, lat_e7 = to_e7(x.lon_deg), to_e7(x.lat_deg)
            run = self.run = Run(x.fix_ms, x.fix_ms, lon_e7, lat_e7, x.section_mark, x.driver)
        self.take_over(run, x, out, speed)

    def lowest_limit(self, x: Step) -> tuple[int, int]:
        """The lowest of all limits that hold, without the night factor, and the first that is as low."""
        params = self.params
        cap = params.cap_dkmh
        if x.section_limit_dkmh == 0:
            cap = (
                params.cap_dkmh,
                params.expressway_dkmh,
                params.first_dkmh,
                params.second_dkmh,
                params.third_dkmh,
                params.fourth_dkmh,
                params.urban_express_dkmh,
                params.urban_dkmh,
            )[x.road_class]
        elif x.road_class > EXPRESSWAY:
            cap = params.other_cap_dkmh
        limits = [
            (x.section_limit_dkmh, SECTION),
            (x.fence_limit_dkmh, FENCE),
            (cap, CLASS_CAP),
            (params.enterprise_dkmh, ENTERPRISE),
            (params.vehicle_dkmh, VEHICLE),
            (x.permit_limit_dkmh, PERMIT),
        ]
        return min(limit for limit in limits if limit[0] > 0)

    def at_this_hour(self, x: Step, limit_dkmh: int) -> int:
        return limit_dkmh * self.params.night_percent // 100 if x.night else limit_dkmh

    def threshold(self, x: Step) -> int:
        if x.road_flags & FERRY:
            return MAX_SPEED_DKMH
        limit = self.at_this_hour(x, self.lowest_limit(x)[0])
        return int(limit + self.params.tolerance_dkmh + limit * self.params.tolerance_percent / 100)

    def is_contradicted(self, x: Step, speed: int) -> bool:
        apart = self.params.recorder_apart_dkmh
        if not 0 <= x.recorder_dkmh <= MAX_SPEED_DKMH or not 0 < x.dt_ms <= MAX_STEP_MS:
            return False
        implied = x.distance_m * 36_000.0 / x.dt_ms
        far = abs(x.recorder_dkmh - speed) > apart and abs(implied - speed) > apart
        return far and abs(implied - x.recorder_dkmh) <= apart

    def over(self, x: Step, speed: int) -> Over:
        limit, source = self.lowest_limit(x)
        expressway = x.road_class in (EXPRESSWAY, URBAN_EXPRESS)
        percent = self.params.serious_other_road_percent
        if expressway:
            percent = self.params.serious_expressway_percent
        elif x.road_class == 0 and source in (CLASS_CAP, ENTERPRISE, VEHICLE):
            percent = self.params.serious_percent
        return Over(
            grade_of(speed, limit, expressway),
            speed,
            limit,
            self.at_this_hour(x, limit),
            source,
            x.permit if source == PERMIT else x.fence,
            speed * 100 >= limit * (100 + percent),
        )

    def take_over(self, run: Run, x: Step, out: list[Edge], speed: int) -> None:
        params = self.params
        run.n += 1
        run.last_ms = x.fix_ms
        run.distance_m += run.beyond_m
        run.beyond_m = 0.0
        run.end_lon_e7 = to_e7(x.lon_deg)
        run.end_lat_e7 = to_e7(x.lat_deg)
        run.end_section = x.section_mark
        run.dipped = False
        if x.late:
            run.late = True
        if x.dt_ms > 0 and abs(x.distance_m * 36_000.0 / x.dt_ms - speed) <= params.noise_agree_dkmh:
            run.n_agree += 1
        posted = [limit for limit in (x.section_limit_dkmh, x.fence_limit_dkmh) if limit > 0]
        doubtful = speed > params.noise_peak_dkmh or any(limit < params.noise_limit_dkmh for limit in posted)
        if doubtful and run.published and run.n_agree < 3:
            run.sum_dkmh += min(speed, run.gravest.speed_dkmh)
            return
        run.doubtful = run.doubtful or doubtful
        run.sum_dkmh += speed
        over = self.over(x, speed)
        changed = over.grade > run.gravest.grade
        if over.graver_than(run.gravest):
            run.gravest = over
        if over.serious:
            run.serious_ms = run.serious_ms or x.fix_ms
            if not run.suspected_serious and x.fix_ms - run.serious_ms >= params.serious_hold_ms:
                run.suspected_serious = changed = True
        else:
            run.serious_ms = 0
        if run.published:
            if changed:
                self.write(run, x, out, UPDATE)
        elif (run.n_agree >= 3 or not run.doubtful) and run.n >= 2 and run.last_ms - run.onset_ms > params.hold_ms:
            run.published = True
            self.write(run, x, out, ONSET)

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
        gravest = run.gravest
        e = new_edge(out, x, "speeding", 0, edge, run.onset_ms)
        e.driver = run.driver
        e.peak = gravest.speed_dkmh / 10.0
        e.mean = run.sum_dkmh / (10.0 * run.n)
        e.limit = gravest.limit_dkmh / 10.0
        e.distance_m = run.distance_m
        e.start_lon = from_e7(run.start_lon_e7)
        e.start_lat = from_e7(run.start_lat_e7)
        e.end_lon = from_e7(run.end_lon_e7)
        e.end_lat = from_e7(run.end_lat_e7)
        e.start_section = run.start_section
        e.end_section = run.end_section
        if gravest.source == FENCE:
            e.fence = 1 + gravest.limit_from
        if gravest.source == PERMIT:
            e.permit = gravest.limit_from
        e.n_reports = run.n
        e.grade = gravest.grade
        e.limit_source = gravest.source
        e.suspected_serious = int(run.suspected_serious)
        e.night_only = int(gravest.speed_dkmh <= gravest.day_limit_dkmh)
        e.late = int(run.late)
        return e


def grade_of(speed_dkmh: int, limit_dkmh: int, expressway: bool) -> int:
    excess = (speed_dkmh - limit_dkmh) * 100
    if excess < 10 * limit_dkmh:
        return NOTICE
    if excess < 20 * limit_dkmh:
        return GENERAL
    return SERIOUS if expressway or excess >= 50 * limit_dkmh else MAJOR
