"""Hazmat hours (N3): moving on a banned road inside the hours of a local ban."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.curfew import moving
from tests.benchmarks.plain_rules.place import NEVER_MS, day_of, day_start_ms, from_e7, to_e7
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    DATA_ENDED,
    MAJOR,
    ONSET,
    OVER,
    WINDOW_OVER,
    Core,
    Edge,
    Step,
    new_edge,
)

LATENESS_MS = 300_000


@dataclass(frozen=True, slots=True)
class HazmatHoursParams:
    begin_ms: int
    end_ms: int
    hold_ms: int
    rest_ms: int
    elsewhere_ms: int
    roads: int
    enabled: int


@dataclass(slots=True)
class Run:
    """Reports on the road inside the hours."""

    onset_ms: int
    start: tuple[int, int]
    start_section: int
    driver: int
    last_ms: int = 0
    end: tuple[int, int] = (0, 0)
    end_section: int = 0
    distance_m: float = 0.0
    beyond_m: float = 0.0
    elsewhere_ms: int = 0
    n: int = 0
    late: bool = False
    told: bool = False


class HazmatHours:
    """One vehicle."""

    __slots__ = ("params", "run")

    def __init__(self, params: HazmatHoursParams) -> None:
        self.params = params
        self.run: Run | None = None

    def step(self, x: Step, out: list[Edge]) -> None:
        params = self.params
        midnight_ms = day_start_ms(day_of(x.fix_ms))
        inside = midnight_ms + params.begin_ms <= x.fix_ms < midnight_ms + params.end_ms
        banned = inside and params.roads & (1 << x.road_class) != 0
        moves = moving(x.motion_dkmh, x.acc)
        if self.run is not None:
            self.run.beyond_m += x.distance_m
            self.judge_end(self.run, x, out, banned=banned, moves=moves)
        if not (banned and moves and params.enabled):
            return
        here = (to_e7(x.lon_deg), to_e7(x.lat_deg))
        run = self.run
        if run is None:
            run = self.run = Run(x.fix_ms, here, x.section_mark, x.driver)
        run.n += 1
        run.last_ms, run.end, run.end_section = x.fix_ms, here, x.section_mark
        run.distance_m, run.beyond_m, run.elsewhere_ms = run.distance_m + run.beyond_m, 0.0, 0
        run.late = run.late or x.late
        if not run.told and x.fix_ms - run.onset_ms > params.hold_ms:
            run.told = True
            self.write(run, x, out, ONSET, x.fix_ms)

    def judge_end(self, run: Run, x: Step, out: list[Edge], *, banned: bool, moves: bool) -> None:
        params = self.params
        hours_end_ms = day_start_ms(day_of(run.last_ms)) + params.end_ms
        on_it_before = run.last_ms == x.previous_fix_ms
        if not params.enabled:
            self.finish(run, x, out, run.last_ms, OVER)
        elif x.fix_ms - run.last_ms >= params.rest_ms:
            self.finish(run, x, out, run.last_ms, DATA_ENDED if on_it_before else OVER)
        elif x.fix_ms >= hours_end_ms and on_it_before and moves:
            self.finish(run, x, out, hours_end_ms, WINDOW_OVER)
        elif x.fix_ms >= hours_end_ms:
            self.finish(run, x, out, run.last_ms, OVER)
        elif moves and not banned:
            before = x.motion_dkmh, x.acc
            if x.previous_motion_dkmh >= 0:
                before = x.previous_motion_dkmh, x.previous_acc
            if moving(*before):
                run.elsewhere_ms += x.dt_ms
            if run.elsewhere_ms > params.elsewhere_ms:
                self.finish(run, x, out, run.last_ms, OVER)

    def finish(self, run: Run, x: Step, out: list[Edge], end_ms: int, reason: int) -> None:
        if run.told:
            e = self.write(run, x, out, CLEAR, end_ms)
            e.end_ms = end_ms
            e.end_reason = reason
        self.run = None

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        run = self.run
        if run is None:
            return NEVER_MS
        due_ms = core.clock_ms + self.params.rest_ms + LATENESS_MS
        if x.clock_ms <= due_ms:
            return due_ms
        now, x.clock_ms = x.clock_ms, due_ms
        self.finish(run, x, out, run.last_ms, OVER if run.last_ms < core.fix_ms else DATA_ENDED)
        x.clock_ms = now
        return NEVER_MS

    def write(self, run: Run, x: Step, out: list[Edge], edge: int, end_ms: int) -> Edge:
        e = new_edge(out, x, "hazmat_hours", 0, edge, run.onset_ms)
        e.driver = run.driver
        e.peak = (end_ms - run.onset_ms) / 60_000.0
        e.distance_m = run.distance_m
        e.start_lon, e.start_lat = (from_e7(value) for value in run.start)
        e.end_lon, e.end_lat = (from_e7(value) for value in run.end)
        e.start_section, e.end_section = run.start_section, run.end_section
        e.n_reports = run.n
        e.grade = MAJOR
        e.late = int(run.late)
        return e
