"""A terminal whose time is wrong by hours or is nonsense, judged by receipt."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS, from_e7, to_e7
from tests.benchmarks.plain_rules.records import CLEAR, DATA_ENDED, GENERAL, ONSET, OVER, Edge, Step, new_edge

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class ClockParams:
    least_ms: int
    oldest_ms: int
    near_ms: int
    hold_ms: int
    silence_ms: int
    signs: int
    enabled: int


@dataclass(frozen=True, slots=True)
class Sign:
    recv_ms: int
    offset_ms: int
    place: tuple[int, int]


class ClockFault:
    """One vehicle."""

    __slots__ = ("first", "last_fix_ms", "last_ms", "n", "params", "raised")

    def __init__(self, params: ClockParams) -> None:
        self.params = params
        self.first: Sign | None = None
        self.last_ms = self.last_fix_ms = self.n = 0
        self.raised = False

    def receipt(self, x: Step, recv_ms: int, offset_ms: int, out: list[Edge], *, backfill: bool) -> None:
        p = self.params
        if backfill or not p.enabled:
            return
        if self.first and recv_ms > self.due_ms(x):
            self.end(x, out, self.due_ms(x), DATA_ENDED)
        if abs(offset_ms) < p.least_ms:
            self.end(x, out, x.clock_ms, OVER)
            return
        nonsense = self.is_nonsense(offset_ms)
        behind_hour_ms = -offset_ms % HOUR_MS
        if not nonsense and min(behind_hour_ms, HOUR_MS - behind_hour_ms) > p.near_ms:
            return
        fix_ms = recv_ms + offset_ms
        if self.first and not nonsense and fix_ms == self.last_fix_ms:
            return
        if self.first and not self.raised:
            agrees = nonsense or abs(offset_ms - self.first.offset_ms) <= p.near_ms
            if nonsense != self.is_nonsense(self.first.offset_ms) or not agrees:
                self.first = None
        if self.first is None:
            self.first = Sign(recv_ms, offset_ms, (to_e7(x.lon_deg), to_e7(x.lat_deg)) if x.positioned else (0, 0))
            self.last_ms, self.n = recv_ms, 0
        self.n += 1
        self.last_ms, self.last_fix_ms = max(self.last_ms, recv_ms), fix_ms
        if not self.raised and self.n >= p.signs and self.last_ms - self.first.recv_ms >= p.hold_ms:
            self.raised = True
            self.write(x, out, self.first, ONSET)

    def advance(self, x: Step, out: list[Edge]) -> int:
        if not self.raised:
            return NEVER_MS
        due_ms = self.due_ms(x)
        if x.clock_ms <= due_ms:
            return due_ms
        self.end(x, out, due_ms, DATA_ENDED)
        return NEVER_MS

    def is_nonsense(self, offset_ms: int) -> bool:
        return offset_ms >= self.params.least_ms or offset_ms < -self.params.oldest_ms

    def due_ms(self, x: Step) -> int:
        due_ms = self.last_ms + self.params.silence_ms
        return max(due_ms, x.grace_until_ms) if due_ms > x.paused_ms else due_ms

    def end(self, x: Step, out: list[Edge], at_ms: int, reason: int) -> None:
        if self.raised and self.first:
            e = self.write(x, out, self.first, CLEAR)
            e.at_ms, e.end_ms, e.end_reason = at_ms, self.last_ms, reason
        self.first, self.raised = None, False

    def write(self, x: Step, out: list[Edge], first: Sign, edge: int) -> Edge:
        e = new_edge(out, x, "clock_fault", 0, edge, first.recv_ms)
        e.driver, e.late = -1, 0
        e.peak = first.offset_ms / HOUR_MS
        e.grade = GENERAL
        e.n_reports = self.n
        if first.place != (0, 0):
            e.start_lon, e.start_lat = from_e7(first.place[0]), from_e7(first.place[1])
        return e
