"""Driving with ACC off."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS, from_e7, to_e7
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    DATA_ENDED,
    GENERAL,
    MAX_STEP_MS,
    ONSET,
    OVER,
    Core,
    Edge,
    Step,
    new_edge,
)

SILENCE_MS = 1_200_000
STILL_M = 1000.0
MOVING_DKMH, CARRIED_DKMH = 50, 250


@dataclass(frozen=True, slots=True)
class AccParams:
    carried_dkmh: int
    hold_ms: int
    signs: int
    enabled: int


class AccContradiction:
    """One vehicle."""

    __slots__ = (
        "begun_ms",
        "distance_m",
        "end_e7",
        "last_ms",
        "late",
        "n",
        "params",
        "peak_dkmh",
        "raised",
        "start_e7",
    )

    def __init__(self, params: AccParams) -> None:
        self.params = params
        self.begun_ms = self.last_ms = self.n = self.peak_dkmh = 0
        self.distance_m = 0.0
        self.start_e7 = self.end_e7 = (0, 0)
        self.late = self.raised = False

    def step(self, x: Step, out: list[Edge]) -> None:
        if x.first:
            return
        if not self.is_sign(x):
            if self.begun_ms:
                self.end(x, out, OVER if x.dt_ms <= MAX_STEP_MS else DATA_ENDED)
            return
        if not self.begun_ms:
            self.begun_ms = x.previous_fix_ms
            self.start_e7 = to_e7(x.previous_lon_deg), to_e7(x.previous_lat_deg)
            self.distance_m, self.n, self.peak_dkmh, self.late = 0.0, 0, 0, False
        self.n += 1
        self.last_ms = x.fix_ms
        self.end_e7 = to_e7(x.lon_deg), to_e7(x.lat_deg)
        self.distance_m += x.distance_m
        self.peak_dkmh = max(self.peak_dkmh, x.previous_motion_dkmh)
        self.late = self.late or bool(x.late)
        if not self.raised and x.fix_ms - self.begun_ms > self.params.hold_ms and self.n >= self.params.signs:
            self.raised = True
            self.write(x, out, ONSET)
        if x.acc != 0 or x.motion_dkmh <= self.params.carried_dkmh:
            self.end(x, out, OVER)

    def is_sign(self, x: Step) -> bool:
        if not self.params.enabled or x.jump or x.previous_acc != 0:
            return False
        if x.previous_motion_dkmh <= self.params.carried_dkmh:
            return False
        place_dkmh = x.distance_m * 36_000.0
        if x.dt_ms > MAX_STEP_MS:
            near = x.distance_m <= STILL_M or place_dkmh <= CARRIED_DKMH * float(x.dt_ms)
            return x.dt_ms <= SILENCE_MS and x.acc == 0 and not near
        return place_dkmh >= MOVING_DKMH * float(x.dt_ms)

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        if not self.begun_ms:
            return NEVER_MS
        due_ms = core.clock_ms + SILENCE_MS
        if x.clock_ms <= due_ms:
            return due_ms
        now, x.clock_ms = x.clock_ms, due_ms
        self.end(x, out, DATA_ENDED)
        x.clock_ms = now
        return NEVER_MS

    def end(self, x: Step, out: list[Edge], reason: int) -> None:
        if self.raised:
            e = self.write(x, out, CLEAR)
            e.end_ms, e.end_reason = self.last_ms, reason
            e.end_lon, e.end_lat = from_e7(self.end_e7[0]), from_e7(self.end_e7[1])
        self.begun_ms, self.raised = 0, False

    def write(self, x: Step, out: list[Edge], edge: int) -> Edge:
        e = new_edge(out, x, "acc_contradiction", 0, edge, self.begun_ms)
        e.peak, e.limit = self.peak_dkmh / 10, self.params.carried_dkmh / 10
        e.grade = GENERAL
        e.distance_m = self.distance_m
        e.n_reports = self.n
        e.start_lon, e.start_lat = from_e7(self.start_e7[0]), from_e7(self.start_e7[1])
        e.late = int(self.late)
        return e
