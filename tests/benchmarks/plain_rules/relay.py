"""Relay hand-over missing (N2): a certified coach on the road at night that stood at no relay point before."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.curfew import BRIDGED_MS, SILENCE_MS, Run, begun, go_on, has_moved, moving
from tests.benchmarks.plain_rules.curfew import state_figures as figures
from tests.benchmarks.plain_rules.place import NEVER_MS, day_of, day_start_ms, ms_of_day
from tests.benchmarks.plain_rules.records import (
    CERTAIN,
    CLEAR,
    DATA_ENDED,
    GENERAL,
    MAX_STEP_MS,
    ONSET,
    OVER,
    SUSPECTED,
    WINDOW_OVER,
    Core,
    Edge,
    Step,
    new_edge,
)

RELAY = 16
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class RelayParams:
    begin_ms: int
    end_ms: int
    limit_ms: int
    short_stop_ms: int
    relay_from_day: int
    relay_to_day: int
    hand_over_begin_ms: int
    hand_over_end_ms: int
    stop_ms: int
    enabled: int


@dataclass(slots=True)
class Evening:
    """What is known of the hand-over of a night."""

    night: int
    unseen: bool
    stood_ms: int = 0
    relayed: bool = False


class RelayMissing:
    """One vehicle."""

    __slots__ = ("at_point_ms", "evening", "params", "run", "suspected", "told_night")

    def __init__(self, params: RelayParams) -> None:
        self.params = params
        self.run: Run | None = None
        self.evening = Evening(0, unseen=True)
        self.suspected = False
        self.at_point_ms = self.told_night = 0

    def step(self, x: Step, out: list[Edge]) -> None:
        params = self.params
        if not params.enabled and self.run is None:
            return
        if not x.first:
            if params.enabled:
                self.look(x)
            if self.run is not None or params.begin_ms < ms_of_day(x.fix_ms) < params.end_ms + BRIDGED_MS:
                self.drive(x, out)
        if x.fence_kinds & RELAY:
            self.at_point_ms = x.fix_ms

    def look(self, x: Step) -> None:
        params = self.params
        night = day_of(x.fix_ms + DAY_MS - params.hand_over_begin_ms - 1)
        begin_ms = day_start_ms(night - 1) + params.hand_over_begin_ms
        inside_ms = min(x.fix_ms, day_start_ms(night) + params.hand_over_end_ms) - max(x.previous_fix_ms, begin_ms)
        if inside_ms <= 0:
            return
        if self.evening.night != night:
            self.evening = Evening(night, unseen=x.previous_fix_ms > begin_ms)
        evening = self.evening
        moved, far = moved_or_away(x)
        if not x.relay_points:
            evening.relayed = True
        elif not moved and not far:
            if self.at_point_ms == x.previous_fix_ms:
                evening.stood_ms += inside_ms
                evening.relayed = evening.relayed or evening.stood_ms >= params.stop_ms
        else:
            evening.stood_ms = 0
            if x.dt_ms > MAX_STEP_MS and inside_ms >= params.stop_ms:
                evening.unseen = True

    def drive(self, x: Step, out: list[Edge]) -> None:
        params = self.params
        night = day_of(x.fix_ms)
        begin_ms, end_ms = day_start_ms(night) + params.begin_ms, day_start_ms(night) + params.end_ms
        certified = params.relay_from_day <= night <= params.relay_to_day
        bound = params.enabled == 1 and certified and x.relay_points
        moved, far = has_moved(x)
        run = self.run
        if run is not None:
            pause_ms = (x.previous_fix_ms if moved else x.fix_ms) - run.last_ms
            if not bound or pause_ms > params.short_stop_ms:
                lost = bound and far and x.dt_ms > MAX_STEP_MS and run.last_ms == x.previous_fix_ms
                self.finish(run, x, out, DATA_ENDED if lost else OVER)
        from_ms, to_ms = max(x.previous_fix_ms, begin_ms), min(x.fix_ms, end_ms)
        if bound and moved and from_ms < to_ms:
            if self.evening.night != night:
                self.evening = Evening(night, unseen=True)
            if self.run is None and not self.evening.relayed and self.told_night != night:
                self.run = begun(x, from_ms)
            if self.run is not None:
                self.move(self.run, x, out, from_ms, to_ms, night)
        run = self.run
        if run is not None and x.fix_ms >= end_ms:
            self.finish(run, x, out, WINDOW_OVER if run.last_ms == end_ms else OVER)

    def move(self, run: Run, x: Step, out: list[Edge], from_ms: int, to_ms: int, night: int) -> None:
        go_on(run, x, from_ms, to_ms)
        if not run.told and run.moving_ms > self.params.limit_ms:
            run.told = True
            self.told_night = night
            self.suspected = self.evening.unseen
            self.write(run, x, out, ONSET)

    def finish(self, run: Run, x: Step, out: list[Edge], reason: int) -> None:
        if run.told:
            e = self.write(run, x, out, CLEAR)
            e.end_ms = run.last_ms
            e.end_reason = reason
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
        e = new_edge(out, x, "relay_missing", 0, edge, run.from_ms)
        figures(e, run, self.params.limit_ms)
        e.grade = GENERAL
        e.certainty = SUSPECTED if self.suspected else CERTAIN
        return e


def moved_or_away(x: Step) -> tuple[bool, bool]:
    """Whether the step was moving, and whether it was a silence in which the vehicle went far; else it stood."""
    moved, far = has_moved(x)
    return moved, far and x.dt_ms > MAX_STEP_MS
