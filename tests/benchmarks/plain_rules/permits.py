"""Deviation from a permit (R1): off the route, outside the time, over the speed, each on the permit's trip only."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np

from tests.benchmarks.plain_rules.curfew import moving
from tests.benchmarks.plain_rules.place import NEVER_MS, distance_m, from_e7, to_e7
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    DATA_ENDED,
    MAJOR,
    MAX_STEP_MS,
    MIN_STEP_MS,
    ONSET,
    OVER,
    Core,
    Edge,
    PermitFacts,
    Step,
    new_edge,
)

ROUTE, WINDOW, SPEED = 0, 1, 2
SILENCE_MS = 780_000
REST_MS = 1_200_000
FORWARD_M = 200.0
FASTEST_DKMH = 1600
PERMIT_LIMIT = 6


@dataclass(frozen=True, slots=True)
class RouteParams:
    outside_ms: int
    window_ms: int
    hold_ms: int
    merge_ms: int
    arrival_m: float
    enabled: int


class Trip(Enum):
    NOT_YET = auto()
    EARLY = auto()
    ON = auto()
    OVER = auto()


@dataclass(slots=True)
class Deviation:
    kind: int
    from_ms: int
    last_ms: int
    start: tuple[int, int]
    end: tuple[int, int]
    driver: int
    n: int = 0
    distance_m: np.float32 = field(default_factory=np.float32)
    beyond_m: np.float32 = field(default_factory=np.float32)
    value: int = 0
    limit_dkmh: int = 0
    late: bool = False
    told: bool = False

    def take(self, x: Step) -> None:
        self.last_ms, self.end = x.fix_ms, (to_e7(x.lon_deg), to_e7(x.lat_deg))
        self.n += 1
        self.late = self.late or x.late


class RouteDeviation:
    """One vehicle."""

    __slots__ = ("moved_ms", "nearest_m", "open", "params", "position", "to_go_m", "trip")

    def __init__(self, params: RouteParams) -> None:
        self.params = params
        self.open: dict[int, Deviation] = {}
        self.position: int | None = None
        self._forget()

    def _forget(self) -> None:
        self.trip = Trip.NOT_YET
        self.nearest_m: float | None = None
        self.to_go_m = np.float32(0)
        self.moved_ms = 0

    def step(self, core: Core, x: Step, out: list[Edge]) -> None:
        permit = x.facts
        if x.dt_ms > SILENCE_MS:
            self._end_all(x, out, DATA_ENDED)
        if x.held:
            return
        position = permit.position if permit is not None else None
        if position != self.position or not self.params.enabled:
            self._end_all(x, out, OVER)
            self.position = position
            self._forget()
        if permit is None or not self.params.enabled:
            return
        moves = moving(x.motion_dkmh, x.acc)
        outside = permit.outside
        if permit.corridor_m == 0:
            self._follow_time(permit, x, moves=moves)
        elif self._follow_route(permit, x, moves=moves):
            outside = False
        self._judge_route(permit, x, out, outside=outside, moves=moves)
        self._judge_window(permit, x, out, outside=outside, moves=moves)
        self._judge_speed(core, x, out)

    def _follow_time(self, permit: PermitFacts, x: Step, *, moves: bool) -> None:
        if permit.holds(x.fix_ms) and moves and self.trip is Trip.NOT_YET:
            self.trip = Trip.ON
        if not permit.holds(x.fix_ms) and self.trip is Trip.ON and x.fix_ms - self.moved_ms >= REST_MS:
            self.trip = Trip.OVER
        if moves:
            self.moved_ms = x.fix_ms

    def _follow_route(self, permit: PermitFacts, x: Step, *, moves: bool) -> bool:
        """Whether it arrives."""
        if self.trip is Trip.EARLY and permit.outside:
            self._forget()
        elif self.trip is Trip.EARLY and permit.holds(x.fix_ms):
            self.trip = Trip.ON
        if self.trip is Trip.NOT_YET:
            self._set_out(permit, x, moves=moves)
        elif self.trip is not Trip.OVER:
            self.to_go_m = np.float32(float(self.to_go_m) - x.distance_m)
            if distance_m(x.lon_deg, x.lat_deg, *permit.end) <= self.params.arrival_m and self.to_go_m <= 0:
                if self.trip is Trip.ON:
                    self.trip = Trip.OVER
                    return True
                self._forget()
        return False

    def _set_out(self, permit: PermitFacts, x: Step, *, moves: bool) -> None:
        if permit.outside or x.fix_ms >= permit.to_ms:
            self.nearest_m = None
        elif moves:
            before_m = self.nearest_m
            if before_m is None or permit.left_m > before_m:
                self.nearest_m = permit.left_m
                return
            holds = permit.holds(x.fix_ms)
            near_begin = permit.length_m - before_m <= self.params.arrival_m
            forward = before_m - permit.left_m >= FORWARD_M
            if forward and permit.left_m > self.params.arrival_m and (holds or near_begin):
                self.trip = Trip.ON if holds else Trip.EARLY
                self.to_go_m = np.float32(permit.left_m / 2)

    def _judge_route(self, permit: PermitFacts, x: Step, out: list[Edge], *, outside: bool, moves: bool) -> None:
        run = self.open.get(ROUTE)
        holds = permit.holds(x.fix_ms)
        if run is not None:
            run.distance_m = np.float32(float(run.distance_m) + x.distance_m)
            if not outside or not holds:
                self._end(run, x, out, run.last_ms if outside else x.fix_ms, OVER)
                return
            run.take(x)
        elif outside and moves and holds and self.trip is Trip.ON:
            run = self._begin(ROUTE, x)
        else:
            return
        run.value = max(run.value, round(permit.off_m * 10))
        if not run.told and run.last_ms - run.from_ms >= self.params.outside_ms:
            run.told = True
            self._write(run, x, out, ONSET)

    def _judge_window(self, permit: PermitFacts, x: Step, out: list[Edge], *, outside: bool, moves: bool) -> None:
        run = self.open.get(WINDOW)
        barred = self.trip is Trip.EARLY
        if self.trip is Trip.ON:
            barred = not permit.allows(x.fix_ms) if permit.holds(x.fix_ms) else not outside
        if run is not None and (not barred or x.fix_ms - run.last_ms > self.params.merge_ms):
            self._end(run, x, out, run.last_ms, OVER)
            run = None
        if not (barred and moves):
            return
        if run is None:
            self._begin(WINDOW, x)
            return
        if x.dt_ms <= MAX_STEP_MS:
            run.value += x.dt_ms
            run.distance_m = np.float32(float(run.distance_m) + x.distance_m)
        run.take(x)
        if not run.told and run.value > self.params.window_ms:
            run.told = True
            self._write(run, x, out, ONSET)

    def _judge_speed(self, core: Core, x: Step, out: list[Edge]) -> None:
        run = self.open.get(SPEED)
        over = 0 < x.permit_limit_dkmh < x.speed_dkmh <= FASTEST_DKMH and self.trip is Trip.ON
        if run is not None:
            run.beyond_m = np.float32(float(run.beyond_m) + x.distance_m)
            since_ms = x.fix_ms - run.last_ms
            if since_ms > max(MIN_STEP_MS, core.longest_step_ms):
                self._end(run, x, out, run.last_ms, OVER)
                run = None
        if not over:
            return
        if run is None:
            run = self._begin(SPEED, x)
        else:
            run.distance_m, run.beyond_m = np.float32(run.distance_m + run.beyond_m), np.float32(0)
            run.take(x)
        if x.speed_dkmh > run.value:
            run.value, run.limit_dkmh = x.speed_dkmh, x.permit_limit_dkmh
        if not run.told and run.n >= 2 and run.last_ms - run.from_ms > self.params.hold_ms:
            run.told = True
            self._write(run, x, out, ONSET)

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        if not self.open:
            return NEVER_MS
        due_ms = core.clock_ms + SILENCE_MS
        if due_ms > x.paused_ms:
            due_ms = max(due_ms, x.grace_until_ms)
        if x.clock_ms <= due_ms:
            return due_ms
        now, x.clock_ms = x.clock_ms, due_ms
        self._end_all(x, out, DATA_ENDED)
        x.clock_ms = now
        return NEVER_MS

    def _begin(self, kind: int, x: Step) -> Deviation:
        here = (to_e7(x.lon_deg), to_e7(x.lat_deg))
        run = self.open[kind] = Deviation(kind, x.fix_ms, x.fix_ms, here, here, x.driver)
        run.take(x)
        return run

    def _end_all(self, x: Step, out: list[Edge], reason: int) -> None:
        for kind in sorted(self.open):
            self._end(self.open[kind], x, out, self.open[kind].last_ms, reason)

    def _end(self, run: Deviation, x: Step, out: list[Edge], end_ms: int, reason: int) -> None:
        if run.told:
            e = self._write(run, x, out, CLEAR)
            e.end_ms, e.end_reason = end_ms, reason
        del self.open[run.kind]

    def _write(self, run: Deviation, x: Step, out: list[Edge], edge: int) -> Edge:
        e = new_edge(out, x, "route_deviation", run.kind, edge, run.from_ms)
        e.driver = run.driver
        e.peak = run.value / (60_000.0 if run.kind == WINDOW else 10.0)
        if run.limit_dkmh:
            e.limit, e.limit_source = run.limit_dkmh / 10.0, PERMIT_LIMIT
        e.distance_m = float(run.distance_m)
        e.start_lon, e.start_lat = (from_e7(value) for value in run.start)
        e.end_lon, e.end_lat = (from_e7(value) for value in run.end)
        e.n_reports = run.n
        e.grade = MAJOR
        e.late = int(run.late)
        e.permit = -1 if self.position is None else self.position
        return e
