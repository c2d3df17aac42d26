"""Driver conflict: the card was changed while the vehicle moved."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS, from_e7, to_e7
from tests.benchmarks.plain_rules.records import CLEAR, MAJOR, MAX_STEP_MS, ONSET, OVER, Edge, Step, new_edge

MOVING_DKMH = 50
CARRIED_DKMH = 250


@dataclass(frozen=True, slots=True)
class ConflictParams:
    swap_ms: int
    quiet_ms: int
    enabled: int


@dataclass(slots=True)
class Conflict:
    """An alarm that lasts."""

    onset_ms: int
    driver: int
    last_ms: int = 0
    last_clock_ms: int = 0
    place_e7: tuple[int, int] = (0, 0)
    n: int = 0


class DriverConflict:
    """One vehicle."""

    __slots__ = ("conflict", "params", "stopped")

    def __init__(self, params: ConflictParams) -> None:
        self.params = params
        self.conflict: Conflict | None = None
        self.stopped = False

    def step(self, x: Step, out: list[Edge]) -> None:
        if x.previous_driver < 0:
            return
        if x.driver != x.previous_driver:
            self.stopped = self.stopped or self._room_for_a_stop(x)
            if x.driver < 0:
                return
            if not self.stopped and self.params.enabled:
                self._take_sign(x, out)
        self.stopped = False

    def _room_for_a_stop(self, x: Step) -> bool:
        ends = (x.previous_motion_dkmh, x.previous_acc), (x.motion_dkmh, x.acc)
        if any(motion < MOVING_DKMH or (acc == 0 and motion <= CARRIED_DKMH) for motion, acc in ends):
            return True
        if x.jump or x.dt_ms > MAX_STEP_MS:
            return True
        return (x.dt_ms - self.params.swap_ms) * max(motion for motion, _ in ends) >= x.distance_m * 36_000.0

    def _take_sign(self, x: Step, out: list[Edge]) -> None:
        conflict = self.conflict
        if conflict is not None and x.fix_ms - conflict.last_ms > self.params.quiet_ms:
            self._end(conflict, x, out)
            conflict = None
        begins = conflict is None
        if conflict is None:
            conflict = self.conflict = Conflict(x.fix_ms, x.previous_driver)
        conflict.n += 1
        conflict.last_ms, conflict.last_clock_ms = x.fix_ms, x.clock_ms
        conflict.place_e7 = to_e7(x.lon_deg), to_e7(x.lat_deg)
        if begins:
            e = new_edge(out, x, "driver_conflict", 0, ONSET, x.fix_ms)
            e.driver, e.grade, e.n_reports = conflict.driver, MAJOR, 1
            e.start_lon, e.start_lat = x.lon_deg, x.lat_deg

    def _end(self, conflict: Conflict, x: Step, out: list[Edge]) -> None:
        self.conflict = None
        e = new_edge(out, x, "driver_conflict", 0, CLEAR, conflict.onset_ms)
        e.driver, e.grade, e.n_reports = conflict.driver, MAJOR, conflict.n
        e.end_ms, e.end_reason = conflict.last_ms, OVER
        e.end_lon, e.end_lat = (from_e7(value) for value in conflict.place_e7)

    def advance(self, x: Step, out: list[Edge]) -> int:
        if self.conflict is None:
            return NEVER_MS
        due_ms = self.conflict.last_clock_ms + self.params.quiet_ms
        if x.clock_ms <= due_ms:
            return due_ms
        now_ms = x.clock_ms
        x.clock_ms = due_ms
        self._end(self.conflict, x, out)
        x.clock_ms = now_ms
        return NEVER_MS
