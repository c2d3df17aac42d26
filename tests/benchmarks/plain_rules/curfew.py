"""Night curfew (N1): the longest run of moving inside the window of one night."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS, day_of, day_start_ms, from_e7, to_e7
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    DATA_ENDED,
    MAJOR,
    MAX_STEP_MS,
    ONSET,
    OVER,
    WINDOW_OVER,
    Core,
    Edge,
    Step,
    new_edge,
)

BRIDGED_MS = 1_200_000
SILENCE_MS = BRIDGED_MS + 300_000


@dataclass(frozen=True, slots=True)
class CurfewParams:
    begin_ms: int
    end_ms: int
    limit_ms: int
    short_stop_ms: int
    relay_from_day: int
    relay_to_day: int
    enabled: int


@dataclass(slots=True)
class Run:
    """Moving inside the window, short stops left out."""

    from_ms: int
    driver: int
    start: tuple[int, int]
    start_section: int
    n: int
    last_ms: int = 0
    end: tuple[int, int] = (0, 0)
    end_section: int = 0
    moving_ms: int = 0
    distance_m: float = 0.0
    late: bool = False
    told: bool = False


class NightCurfew:
    """One vehicle."""

    __slots__ = ("longest", "params", "run")

    def __init__(self, params: CurfewParams) -> None:
        self.params = params
        self.run: Run | None = None
        self.longest = (0, 0)  # night, moving of its longest alarm that has ended

    def step(self, x: Step, out: list[Edge]) -> None:
        params = self.params
        if x.first or (self.run is None and not params.enabled):
            return
        day = day_of(x.fix_ms)
        begin_ms, end_ms = day_start_ms(day) + params.begin_ms, day_start_ms(day) + params.end_ms
        bound = params.enabled == 1 and not params.relay_from_day <= day <= params.relay_to_day
        moved, far = has_moved(x)
        run = self.run
        if run is not None:
            pause_ms = (x.previous_fix_ms if moved else x.fix_ms) - run.last_ms
            if not bound or pause_ms > params.short_stop_ms:
                lost = bound and far and x.dt_ms > MAX_STEP_MS and run.last_ms == x.previous_fix_ms
                self.finish(run, x, out, DATA_ENDED if lost else OVER)
        from_ms, to_ms = max(x.previous_fix_ms, begin_ms), min(x.fix_ms, end_ms)
        if bound and moved and from_ms < to_ms:
            self.move(x, out, from_ms, to_ms)
        run = self.run
        if run is not None and x.fix_ms >= end_ms:
            self.finish(run, x, out, WINDOW_OVER if run.last_ms == end_ms else OVER)

    def move(self, x: Step, out: list[Edge], from_ms: int, to_ms: int) -> None:
        run = self.run
        if run is None:
            night = day_of(from_ms)
            if self.longest[0] != night:
                self.longest = (night, 0)
            run = self.run = begun(x, from_ms)
        go_on(run, x, from_ms, to_ms)
        if not run.told and run.moving_ms > max(self.params.limit_ms, self.longest[1]):
            run.told = True
            self.write(run, x, out, ONSET)

    def finish(self, run: Run, x: Step, out: list[Edge], reason: int) -> None:
        if run.told:
            e = self.write(run, x, out, CLEAR)
            e.end_ms = run.last_ms
            e.end_reason = reason
            self.longest = (self.longest[0], run.moving_ms)
        self.run = None

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        run = self.run
        if run is None:
            return NEVER_MS
        due_ms = core.clock_ms + SILENCE_MS
        if x.clock_ms <= due_ms:
            return due_ms
        stands = run.last_ms < core.fix_ms or not moving(core.speed_dkmh, core.acc)
        now, x.clock_ms = x.clock_ms, due_ms
        self.finish(run, x, out, OVER if stands else DATA_ENDED)
        x.clock_ms = now
        return NEVER_MS

    def write(self, run: Run, x: Step, out: list[Edge], edge: int) -> Edge:
        e = new_edge(out, x, "night_curfew", 0, edge, run.from_ms)
        state_figures(e, run, self.params.limit_ms)
        e.grade = MAJOR
        return e


def has_moved(x: Step) -> tuple[bool, bool]:
    """Whether the step counts as moving, and whether it went far (and was not carried)."""
    carried = x.previous_acc == 0 and x.acc == 0 and x.distance_m * 36_000.0 <= 250.0 * x.dt_ms
    far = x.distance_m > 1000.0 and not carried
    if x.dt_ms > MAX_STEP_MS:
        return far and not x.jump and x.dt_ms <= BRIDGED_MS, far
    if x.previous_motion_dkmh < 0:
        return (far and not x.jump) or moving(x.motion_dkmh, x.acc), far
    return (far and not x.jump) or moving(x.previous_motion_dkmh, x.previous_acc), far


def begun(x: Step, from_ms: int) -> Run:
    return Run(from_ms, x.driver, place_at(x, from_ms), x.section_mark, int(from_ms == x.previous_fix_ms))


def go_on(run: Run, x: Step, from_ms: int, to_ms: int) -> None:
    run.moving_ms += to_ms - from_ms
    run.distance_m += x.distance_m * ((to_ms - from_ms) / x.dt_ms)
    run.last_ms = to_ms
    run.end, run.end_section = place_at(x, to_ms), x.section_mark
    run.n += to_ms == x.fix_ms
    run.late = run.late or x.late


def state_figures(e: Edge, run: Run, limit_ms: int) -> None:
    e.driver = run.driver
    e.peak = run.moving_ms / 60_000.0
    e.limit = limit_ms / 60_000.0
    e.distance_m = run.distance_m
    e.start_lon, e.start_lat = (from_e7(value) for value in run.start)
    e.end_lon, e.end_lat = (from_e7(value) for value in run.end)
    e.start_section, e.end_section = run.start_section, run.end_section
    e.n_reports = run.n
    e.late = int(run.late)


def moving(motion_dkmh: int, acc: int) -> bool:
    return motion_dkmh >= 50 and not (acc == 0 and motion_dkmh <= 250)


def place_at(x: Step, at_ms: int) -> tuple[int, int]:
    """On the straight line of the step."""
    share = (at_ms - x.previous_fix_ms) / x.dt_ms
    lon = x.previous_lon_deg + share * (x.lon_deg - x.previous_lon_deg)
    lat = x.previous_lat_deg + share * (x.lat_deg - x.previous_lat_deg)
    return to_e7(lon), to_e7(lat)
