"""Track gaps (T1) and displacement out of sight (T4), and how both wait for backfill."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS, distance_m, from_e7, to_e7
from tests.benchmarks.plain_rules.records import CLEAR, GENERAL, NOTICE, ONSET, RETURNED, Core, Edge, Step, new_edge

NEVER_SPLIT_MS = 2**31 - 1


@dataclass(frozen=True, slots=True)
class TrackGapParams:
    gap_ms: int
    distance_m: float
    general_m: float
    publish_ms: int
    enabled: int
    dead_zone_ends: int
    dead_zone_margin_m: float


@dataclass(frozen=True, slots=True)
class DisplacementParams:
    gap_ms: int
    displacement_m: float
    max_implied_kmh: float
    publish_ms: int
    grade: int
    enabled: int
    dead_zone_ends: int
    dead_zone_margin_m: float


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when the vehicle was seen."""

    at_ms: int
    lon_e7: int
    lat_e7: int
    section: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of time without a report."""

    begin: Place
    end: Place

    @property
    def ms(self) -> int:
        return self.end.at_ms - self.begin.at_ms


@dataclass(slots=True)
class Waiting:
    """A gap that waits for backfill: what is left of it."""

    parts: list[Part]
    due_ms: int
    driver: int
    source: int
    late: bool
    tracked: bool
    displaced: bool
    filled: bool = False


class Gaps:
    """One vehicle."""

    __slots__ = ("displacement", "odometer_m", "track", "waiting")

    def __init__(self, track: TrackGapParams, displacement: DisplacementParams) -> None:
        self.track = track
        self.displacement = displacement
        self.waiting: Waiting | None = None
        self.odometer_m: int | None = None

    def step(self, core: Core, x: Step, out: list[Edge]) -> None:
        tracked, displaced = self._is_track_gap(x), self._is_displacement(x)
        if x.mileage_m >= 0:
            self.odometer_m = min(x.mileage_m, 2**31 - 2)
        if not (tracked or displaced):
            return
        if self.waiting is not None:
            self._publish(self.waiting, x, out)
        waits = [self.track.publish_ms] * tracked + [self.displacement.publish_ms] * displaced
        begin = Place(x.previous_fix_ms, to_e7(x.previous_lon_deg), to_e7(x.previous_lat_deg))
        end = Place(x.fix_ms, to_e7(x.lon_deg), to_e7(x.lat_deg), x.section_mark)
        due_ms = x.clock_ms + min(waits)
        self.waiting = Waiting([Part(begin, end)], due_ms, x.previous_driver, x.source - 1, x.late, tracked, displaced)

    def take_late(self, x: Step) -> None:
        """A report from inside the waiting gap splits the part it lies in; two that are long enough are kept."""
        gap = self.waiting
        if gap is None or x.clock_ms > gap.due_ms:
            return
        seen = Place(x.fix_ms, to_e7(x.lon_deg), to_e7(x.lat_deg), x.section_mark)
        if not gap.parts[0].begin.at_ms < seen.at_ms < gap.parts[-1].end.at_ms:
            return
        gap.filled = True
        part = next((part for part in gap.parts if part.begin.at_ms < seen.at_ms < part.end.at_ms), None)
        if part is None:
            return
        least_ms = min([self.track.gap_ms] * gap.tracked + [self.displacement.gap_ms] * gap.displaced)
        before, behind = Part(part.begin, seen), Part(seen, part.end)
        shorter = before if before.ms < behind.ms else behind
        halves = [before, behind]
        others = [other for other in gap.parts if other is not part]
        can_split = shorter.ms > least_ms and (bool(others) or part.ms <= NEVER_SPLIT_MS)
        if not can_split:
            halves.remove(shorter)
        elif others and others[0].ms < shorter.ms:
            others = []
        elif others:
            halves.remove(shorter)
        gap.parts = sorted(halves + others, key=lambda left: left.begin.at_ms)

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        if self.waiting is None:
            return NEVER_MS
        if x.clock_ms > self.waiting.due_ms:
            self._publish(self.waiting, x, out)
            return NEVER_MS
        return self.waiting.due_ms

    def _is_track_gap(self, x: Step) -> bool:
        params = self.track
        if x.dt_ms <= params.gap_ms or x.distance_m <= params.distance_m:
            return False
        if not params.enabled or x.jump or x.in_grace:
            return False
        driven_m = 0 if self.odometer_m is None or x.mileage_m < 0 else x.mileage_m - self.odometer_m
        return driven_m <= 0 or x.distance_m <= 2 * (driven_m + 1000)

    def _is_displacement(self, x: Step) -> bool:
        params = self.displacement
        if x.dt_ms <= params.gap_ms or not params.enabled or x.in_grace:
            return False
        return x.distance_m > params.displacement_m and x.distance_m * 3600.0 <= params.max_implied_kmh * x.dt_ms

    def _publish(self, gap: Waiting, x: Step, out: list[Edge]) -> None:
        self.waiting = None
        track, displacement = self.track, self.displacement
        for part in gap.parts:
            d = distance_m(
                from_e7(part.begin.lon_e7),
                from_e7(part.begin.lat_e7),
                from_e7(part.end.lon_e7),
                from_e7(part.end.lat_e7),
            )
            displaced = (
                part.ms > displacement.gap_ms
                and d > displacement.displacement_m
                and d * 3600.0 <= displacement.max_implied_kmh * part.ms
            )
            if gap.displaced and (displaced or not gap.filled):
                self._write(
                    "offline_displacement", gap, part, d, displacement.displacement_m, displacement.grade, x, out
                )
            if gap.tracked and (not gap.filled or (part.ms > track.gap_ms and d > track.distance_m)):
                grade = GENERAL if d >= track.general_m else NOTICE
                self._write("track_gap", gap, part, d, track.distance_m, grade, x, out)

    def _write(
        self, rule: str, gap: Waiting, part: Part, d: float, limit_m: float, grade: int, x: Step, out: list[Edge]
    ) -> None:
        for edge in (ONSET, CLEAR):
            e = new_edge(out, x, rule, 0, edge, part.begin.at_ms)
            e.driver = gap.driver
            e.platform = gap.source
            e.at_ms = min(x.clock_ms, gap.due_ms)
            e.peak = d / 1000.0
            e.limit = limit_m / 1000.0
            e.distance_m = d
            e.grade = grade
            e.start_lon, e.start_lat = from_e7(part.begin.lon_e7), from_e7(part.begin.lat_e7)
            e.end_lon, e.end_lat = from_e7(part.end.lon_e7), from_e7(part.end.lat_e7)
            e.end_section = part.end.section
            e.n_reports = 2
            e.late = int(gap.late)
            if edge == CLEAR:
                e.end_ms = part.end.at_ms
                e.end_reason = RETURNED
