"""Moved out of service (O3)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS, distance_m, from_e7, to_e7
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    DATA_ENDED,
    GENERAL,
    ONSET,
    OVER,
    Core,
    Edge,
    Span,
    Step,
    new_edge,
)

MOVING_DKMH = 50
PATIENCE_MS = 600_000


@dataclass(frozen=True, slots=True)
class SuspensionParams:
    least_m: float
    yard_m: float
    rest_ms: int
    least_reports: int
    enabled: int


@dataclass(slots=True)
class Movement:
    """A run of movement, published or not."""

    onset_ms: int
    start: tuple[int, int]  # whole 1e-7 degrees
    driver: int
    last_ms: int = 0
    last_clock_ms: int = 0
    end: tuple[int, int] = (0, 0)
    way_m: float = 0.0
    n: int = 0
    away: bool = False
    published: bool = False
    stood: bool = False
    late: bool = False

    @property
    def reason(self) -> int:
        return OVER if self.stood else DATA_ENDED


def idle_at(span: Span, at_ms: int) -> bool:
    return at_ms >= span.retired_ms or span.suspended_from_ms <= at_ms < span.suspended_to_ms


class SuspendedMovement:
    """One vehicle."""

    __slots__ = ("params", "run")

    def __init__(self, params: SuspensionParams) -> None:
        self.params = params
        self.run: Movement | None = None

    def step(self, core: Core, x: Step, out: list[Edge]) -> None:
        span = core.span
        if x.fix_ms < min(span.suspended_from_ms, span.retired_ms):
            return
        params = self.params
        idle = bool(params.enabled) and idle_at(span, x.fix_ms)
        run = self.run
        if run is not None and (not idle or x.fix_ms - run.last_ms > params.rest_ms):
            self.end(run, x, out, run.reason if idle else OVER)
            run = None
        if not idle:
            return
        here = to_e7(x.lon_deg), to_e7(x.lat_deg)
        seen = not x.first and not x.jump and x.dt_ms <= params.rest_ms and idle_at(span, x.previous_fix_ms)
        d = x.distance_m if seen else 0.0
        moves = (x.motion_dkmh if seen else x.speed_dkmh) >= MOVING_DKMH or d > params.yard_m
        if run is None:
            if not moves:
                return
            start = (to_e7(x.previous_lon_deg), to_e7(x.previous_lat_deg)) if seen else here
            run = self.run = Movement(x.fix_ms, start, x.driver)
        elif x.jump and not run.away:
            run.start = here
        if moves or x.previous_motion_dkmh >= MOVING_DKMH:
            run.way_m += d
        run.stood = not moves
        if moves:
            run.n += 1
            run.last_ms, run.last_clock_ms, run.end = x.fix_ms, x.clock_ms, here
            run.late |= x.late
        if run.published:
            return
        if not run.away:
            from_start_m = distance_m(from_e7(run.start[0]), from_e7(run.start[1]), x.lon_deg, x.lat_deg)
            run.away = from_start_m > params.yard_m
        if run.away and run.n >= params.least_reports and run.way_m > params.least_m:
            run.published = True
            self.write(run, x, out, ONSET)

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        run = self.run
        if run is None:
            return NEVER_MS
        due_ms = run.last_clock_ms + self.params.rest_ms + PATIENCE_MS
        if due_ms > x.paused_ms:
            due_ms = max(due_ms, x.grace_until_ms)
        if x.clock_ms <= due_ms:
            return due_ms
        self.end(run, x, out, run.reason, due_ms)
        return NEVER_MS

    def end(self, run: Movement, x: Step, out: list[Edge], reason: int, at_ms: int | None = None) -> None:
        if run.published:
            e = self.write(run, x, out, CLEAR)
            e.at_ms = x.clock_ms if at_ms is None else at_ms
            e.end_ms = run.last_ms
            e.end_reason = reason
        self.run = None

    def write(self, run: Movement, x: Step, out: list[Edge], edge: int) -> Edge:
        e = new_edge(out, x, "suspended_movement", 0, edge, run.onset_ms)
        e.driver = run.driver
        e.peak = run.way_m / 1000.0
        e.limit = self.params.least_m / 1000.0
        e.distance_m = run.way_m
        e.start_lon, e.start_lat = from_e7(run.start[0]), from_e7(run.start[1])
        e.end_lon, e.end_lat = from_e7(run.end[0]), from_e7(run.end[1])
        e.n_reports = run.n
        e.grade = GENERAL
        e.late = int(run.late)
        return e
