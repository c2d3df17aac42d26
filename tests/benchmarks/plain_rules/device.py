"""Alarms of the terminal itself: one per bit of the alarm word. Without fences; power cut is always an alarm here."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    DATA_ENDED,
    MAJOR,
    NOTICE,
    ONSET,
    OVER,
    SERIOUS,
    Edge,
    Step,
    new_edge,
)

GRADES = {0: SERIOUS, 5: MAJOR, 6: MAJOR, 8: MAJOR}


@dataclass(frozen=True, slots=True)
class DeviceParams:
    judged: int
    silence_ms: int


class DeviceAlarm:
    """One vehicle."""

    __slots__ = ("last_clock_ms", "last_ms", "onset_ms", "params")

    def __init__(self, params: DeviceParams) -> None:
        self.params = params
        self.onset_ms: dict[int, int] = {}  # by bit
        self.last_ms = self.last_clock_ms = 0

    def report(self, x: Step, word: int, out: list[Edge], *, again: bool) -> None:
        if word < 0 or not (word & self.params.judged or self.onset_ms):
            return
        said = {bit for bit in range(32) if word & self.params.judged & 1 << bit}
        if not again:
            if self.onset_ms and x.clock_ms > self.due_ms(x):
                self.end_all(x, out)
            for bit in sorted(self.onset_ms.keys() - said):
                e = self.end(x, out, bit, x.fix_ms, OVER)
                if x.positioned:
                    e.end_lon, e.end_lat = x.lon_deg, x.lat_deg
        risen = said - self.onset_ms.keys()
        for bit in sorted(risen):
            self.onset_ms[bit] = x.fix_ms // 1000 * 1000
            e = self.write(x, out, bit, ONSET)
            if x.positioned:
                e.start_lon, e.start_lat = x.lon_deg, x.lat_deg
        if not again or risen:
            self.last_ms, self.last_clock_ms = x.fix_ms, x.clock_ms

    def advance(self, x: Step, out: list[Edge]) -> int:
        if not self.onset_ms:
            return NEVER_MS
        due_ms = self.due_ms(x)
        if x.clock_ms <= due_ms:
            return due_ms
        now, x.clock_ms = x.clock_ms, due_ms
        self.end_all(x, out)
        x.clock_ms = now
        return NEVER_MS

    def due_ms(self, x: Step) -> int:
        due_ms = self.last_clock_ms + self.params.silence_ms
        return max(due_ms, x.grace_until_ms) if due_ms > x.paused_ms else due_ms

    def end_all(self, x: Step, out: list[Edge]) -> None:
        for bit in sorted(self.onset_ms):
            self.end(x, out, bit, self.last_ms, DATA_ENDED)

    def end(self, x: Step, out: list[Edge], bit: int, end_ms: int, reason: int) -> Edge:
        e = self.write(x, out, bit, CLEAR)
        e.end_ms = max(end_ms, e.onset_ms)
        e.end_reason = reason
        del self.onset_ms[bit]
        return e

    def write(self, x: Step, out: list[Edge], bit: int, edge: int) -> Edge:
        e = new_edge(out, x, "device_alarm", bit, edge, self.onset_ms[bit])
        e.grade = GRADES.get(bit, NOTICE)
        e.n_reports = 1
        return e
