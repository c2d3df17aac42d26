"""Offline (O1-O3), never online, no fix (O4): rules of contact, in receive order."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS, distance_m, from_e7, to_e7
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    GENERAL,
    NOTICE,
    ONSET,
    OVER,
    RETIRED,
    RETURNED,
    UPDATE,
    WITHDRAW,
    Core,
    Edge,
    Step,
    new_edge,
)
from tests.benchmarks.plain_rules.seasons import Seasons

HOUR_MS = 3_600_000.0
DAY_MS = 86_400_000.0
PARKED, LOST = 0, 1
STILL_DKMH = 50


@dataclass(frozen=True, slots=True)
class OfflineParams(Seasons):
    tiers_ms: tuple[int, ...]
    enabled: int
    n_spans: int
    span_from: tuple[int, ...]
    span_to: tuple[int, ...]


class Offline:
    """One vehicle."""

    __slots__ = ("contact_ms", "driver", "kind", "lat_e7", "lon_e7", "motion_dkmh", "onset_ms", "params", "tier")

    def __init__(self, params: OfflineParams) -> None:
        self.params = params
        self.contact_ms = self.onset_ms = 0
        self.lon_e7 = self.lat_e7 = 0
        self.driver = self.motion_dkmh = 0
        self.tier = self.kind = 0

    def contact(self, core: Core, x: Step, out: list[Edge]) -> None:
        now = x.clock_ms
        if self.onset_ms:
            self.clear(x, out, now, RETURNED)
        if x.positioned and not x.stale:
            motion = x.speed_dkmh
            if motion < 0 and self.contact_ms and now > self.contact_ms:
                away = distance_m(from_e7(self.lon_e7), from_e7(self.lat_e7), x.lon_deg, x.lat_deg)
                motion = int(min(away * 36_000.0 / (now - self.contact_ms), 10_000.0))
            self.motion_dkmh = motion
            self.lon_e7 = to_e7(x.lon_deg)
            self.lat_e7 = to_e7(x.lat_deg)
        if not x.stale:
            self.driver = x.driver
        self.contact_ms = now

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        if not self.params.enabled or not self.contact_ms:
            return NEVER_MS
        params = self.params
        tiers_ms = params.tiers_ms
        span = core.span
        now = x.clock_ms
        if self.tier and span.suspended_from_ms <= self.onset_ms < span.suspended_to_ms:
            e = self.write(x, out, WITHDRAW, now)
            e.end_ms = self.onset_ms
            e.end_reason = OVER
            self.onset_ms = self.tier = 0
        while True:
            if self.tier == 0:
                base_ms = max(self.contact_ms, span.due_from_ms)
                onset_ms = params.due_ms(base_ms, tiers_ms[0])
                if span.suspended_from_ms <= onset_ms and span.suspended_to_ms > base_ms:
                    onset_ms = params.due_ms(span.suspended_to_ms, tiers_ms[0])
            else:
                onset_ms = self.onset_ms
            stop_ms, reason = span.retired_ms, RETIRED
            if onset_ms < span.suspended_from_ms < stop_ms:
                stop_ms, reason = span.suspended_from_ms, OVER
            while self.tier < len(tiers_ms):
                due_ms = params.due_ms(onset_ms, tiers_ms[self.tier] - tiers_ms[0])
                if due_ms >= stop_ms:
                    break
                if now <= due_ms:
                    return due_ms
                if now <= x.grace_until_ms and due_ms > x.paused_ms:
                    return x.grace_until_ms
                self.tier += 1
                if self.tier == 1:
                    self.onset_ms = onset_ms
                    self.kind = PARKED if self.motion_dkmh < STILL_DKMH else LOST
                    self.write(x, out, ONSET, due_ms)
                else:
                    self.write(x, out, UPDATE, due_ms)
            if not self.onset_ms:
                return NEVER_MS
            if now < stop_ms:
                return stop_ms - 1
            self.clear(x, out, stop_ms, reason)
            if reason == RETIRED:
                self.contact_ms = 0
                return NEVER_MS
            self.contact_ms = stop_ms

    def clear(self, x: Step, out: list[Edge], at_ms: int, reason: int) -> None:
        if self.onset_ms:
            e = self.write(x, out, CLEAR, at_ms)
            e.end_ms = at_ms
            e.end_reason = reason
        self.onset_ms = 0
        self.tier = 0

    def write(self, x: Step, out: list[Edge], edge: int, at_ms: int) -> Edge:
        e = new_edge(out, x, "offline", self.kind, edge, self.onset_ms)
        e.driver = self.driver
        e.at_ms = at_ms
        e.peak = (self.params.tiers_ms[0] + self.params.counted_ms(self.onset_ms, at_ms)) / DAY_MS
        e.limit = self.params.tiers_ms[0] / DAY_MS
        if self.lon_e7 or self.lat_e7:
            e.start_lon = from_e7(self.lon_e7)
            e.start_lat = from_e7(self.lat_e7)
        e.grade = max(0, self.tier - 1)
        e.late = 0
        return e


@dataclass(frozen=True, slots=True)
class NeverOnlineParams(Seasons):
    after_ms: int
    enabled: int
    n_spans: int
    span_from: tuple[int, ...]
    span_to: tuple[int, ...]


class NeverOnline:
    """One vehicle."""

    __slots__ = ("contacted", "from_ms", "onset_ms", "params")

    def __init__(self, params: NeverOnlineParams) -> None:
        self.params = params
        self.onset_ms = self.from_ms = 0
        self.contacted = False

    def contact(self, core: Core, x: Step, out: list[Edge]) -> None:
        if self.onset_ms:
            self.end(x, out, CLEAR, x.clock_ms, RETURNED)
        self.contacted = True

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        if not self.params.enabled or self.contacted:
            return NEVER_MS
        span = core.span
        now = x.clock_ms
        if not x.first_life_ms:
            return now
        params = self.params
        if span.suspended_from_ms <= self.onset_ms < span.suspended_to_ms and self.onset_ms:
            self.end(x, out, WITHDRAW, now, OVER)
        while True:
            if not self.onset_ms:
                base_ms = max(span.due_from_ms, x.first_life_ms, self.from_ms)
                due_ms = params.due_ms(base_ms, params.after_ms)
                if span.suspended_from_ms <= due_ms and span.suspended_to_ms > base_ms:
                    due_ms = params.due_ms(span.suspended_to_ms, params.after_ms)
                if due_ms >= span.retired_ms:
                    return NEVER_MS
                if now <= due_ms:
                    return due_ms
                if now <= x.grace_until_ms and due_ms > x.paused_ms:
                    return x.grace_until_ms
                self.onset_ms = due_ms
                self.write(x, out, ONSET, due_ms)
            stops = self.onset_ms < span.suspended_from_ms < span.retired_ms
            stop_ms = span.suspended_from_ms if stops else span.retired_ms
            if now < stop_ms:
                return stop_ms - 1
            self.end(x, out, CLEAR, stop_ms, OVER if stops else RETIRED)
            if not stops:
                self.contacted = True
                return NEVER_MS
            self.from_ms = stop_ms

    def end(self, x: Step, out: list[Edge], edge: int, at_ms: int, reason: int) -> None:
        e = self.write(x, out, edge, at_ms)
        e.end_ms = self.onset_ms if edge == WITHDRAW else at_ms
        e.end_reason = reason
        self.onset_ms = 0

    def write(self, x: Step, out: list[Edge], edge: int, at_ms: int) -> Edge:
        e = new_edge(out, x, "never_online", 0, edge, self.onset_ms)
        e.driver = -1
        e.at_ms = at_ms
        e.peak = (self.params.after_ms + self.params.counted_ms(self.onset_ms, at_ms)) / DAY_MS
        e.limit = self.params.after_ms / DAY_MS
        e.grade = GENERAL
        e.late = 0
        return e


@dataclass(frozen=True, slots=True)
class NoFixParams:
    after_ms: int
    enabled: int


class NoFix:
    """One vehicle."""

    __slots__ = ("base_ms", "n", "onset_ms", "params")

    def __init__(self, params: NoFixParams) -> None:
        self.params = params
        self.base_ms = self.onset_ms = self.n = 0

    def contact(self, core: Core, x: Step, out: list[Edge]) -> None:
        now = x.clock_ms
        after_ms = self.params.after_ms
        if x.positioned and not x.stale:
            if self.onset_ms:
                e = self.write(x, out, CLEAR)
                e.end_lon, e.end_lat = x.lon_deg, x.lat_deg
                e.end_ms = now
                e.end_reason = OVER
                self.onset_ms = 0
            self.base_ms = now
            self.n = 0
            return
        if not self.base_ms or (not self.onset_ms and now - core.contact_ms > after_ms):
            self.base_ms = now
            self.n = 0
        if x.stale:
            return
        self.n += 1
        if self.params.enabled and not self.onset_ms and now - self.base_ms > after_ms:
            self.onset_ms = self.base_ms + after_ms
            self.write(x, out, ONSET)

    def write(self, x: Step, out: list[Edge], edge: int) -> Edge:
        e = new_edge(out, x, "no_fix", 0, edge, self.onset_ms)
        e.peak = (x.clock_ms - self.base_ms) / HOUR_MS
        e.limit = self.params.after_ms / HOUR_MS
        e.grade = NOTICE
        e.n_reports = self.n
        e.late = 0
        return e
