"""Track gaps (T1) and displacement out of sight (T4)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS, distance_m, from_e7, to_e7
from tests.benchmarks.plain_rules.records import CLEAR, GENERAL, NOTICE, ONSET, RETURNED, Core, Edge, Step, new_edge


@dataclass(frozen=True, slots=True)
class TrackGapParams:
    gap_ms: int
    distance_m: float
    general_m: float
    publish_ms: int
    enabled: int
    dead_zone_ends: int
    dead_zone_margin_m: float


@dataclass(slots=True)
class Gap:
    """A gap that waits for backfill."""

    from_ms: int
    to_ms: int
    due_ms: int
    from_lon_e7: int
    from_lat_e7: int
    to_lon_e7: int
    to_lat_e7: int
    driver: int
    late: bool
    to_section: int
    filled: bool = False


class TrackGap:
    """One vehicle."""

    __slots__ = ("gap", "odometer_m", "params")

    def __init__(self, params: TrackGapParams) -> None:
        self.params = params
        self.gap: Gap | None = None
        self.odometer_m: int | None = None

    def step(self, core: Core, x: Step, out: list[Edge]) -> None:
        params = self.params
        if self.gap is not None and x.clock_ms > self.gap.due_ms:
            self.publish(self.gap, x, out)
        driven_m = 0 if self.odometer_m is None or x.mileage_m < 0 else x.mileage_m - self.odometer_m
        if x.mileage_m >= 0:
            self.odometer_m = x.mileage_m
        if x.dt_ms <= params.gap_ms or x.distance_m <= params.distance_m:
            return
        if not params.enabled or x.jump or x.in_grace:
            return
        if driven_m > 0 and x.distance_m > 2 * (driven_m + 1000):
            return
        if self.gap is not None:
            self.publish(self.gap, x, out)
        self.gap = Gap(
            x.previous_fix_ms,
            x.fix_ms,
            x.clock_ms + params.publish_ms,
            to_e7(x.previous_lon_deg),
            to_e7(x.previous_lat_deg),
            to_e7(x.lon_deg),
            to_e7(x.lat_deg),
            x.previous_driver,
            x.late,
            x.section_mark,
        )

    def take_late(self, x: Step) -> None:
        """A report from inside the waiting gap leaves the larger of the two parts."""
        gap = self.gap
        if gap is None or x.clock_ms > gap.due_ms or not gap.from_ms < x.fix_ms < gap.to_ms:
            return
        gap.filled = True
        if x.fix_ms - gap.from_ms < gap.to_ms - x.fix_ms:
            gap.from_ms, gap.from_lon_e7, gap.from_lat_e7 = x.fix_ms, to_e7(x.lon_deg), to_e7(x.lat_deg)
        else:
            gap.to_ms, gap.to_lon_e7, gap.to_lat_e7 = x.fix_ms, to_e7(x.lon_deg), to_e7(x.lat_deg)
            gap.to_section = x.section_mark

    def publish(self, gap: Gap, x: Step, out: list[Edge]) -> None:
        params = self.params
        self.gap = None
        start = from_e7(gap.from_lon_e7), from_e7(gap.from_lat_e7)
        end = from_e7(gap.to_lon_e7), from_e7(gap.to_lat_e7)
        d = distance_m(*start, *end)
        if gap.filled and not (gap.to_ms - gap.from_ms > params.gap_ms and d > params.distance_m):
            return
        for edge in (ONSET, CLEAR):
            e = new_edge(out, x, "track_gap", 0, edge, gap.from_ms)
            e.driver = gap.driver
            e.at_ms = min(x.clock_ms, gap.due_ms)
            e.peak = d / 1000.0
            e.limit = params.distance_m / 1000.0
            e.distance_m = d
            e.grade = GENERAL if d >= params.general_m else NOTICE
            e.start_lon, e.start_lat = start
            e.end_lon, e.end_lat = end
            e.end_section = gap.to_section
            e.n_reports = 2
            e.late = int(gap.late)
            if edge == CLEAR:
                e.end_ms = gap.to_ms
                e.end_reason = RETURNED

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        if self.gap is None:
            return NEVER_MS
        if x.clock_ms > self.gap.due_ms:
            self.publish(self.gap, x, out)
            return NEVER_MS
        return self.gap.due_ms


@dataclass(frozen=True, slots=True)
class DisplacementParams:
    gap_ms: int
    displacement_m: float
    max_implied_kmh: float
    grade: int
    enabled: int
    dead_zone_ends: int
    dead_zone_margin_m: float


def displacement_step(params: DisplacementParams, x: Step, out: list[Edge]) -> None:
    """Was the step a displacement out of sight?"""
    dt_ms = x.dt_ms
    if dt_ms <= params.gap_ms or not params.enabled:
        return
    d = x.distance_m
    if d <= params.displacement_m or d * 3600.0 > params.max_implied_kmh * dt_ms or x.in_grace:
        return
    for edge in (ONSET, CLEAR):
        e = new_edge(out, x, "offline_displacement", 0, edge, x.previous_fix_ms)
        e.driver = x.previous_driver
        e.peak = d / 1000.0
        e.limit = params.displacement_m / 1000.0
        e.distance_m = d
        e.grade = params.grade
        e.start_lon, e.start_lat = x.previous_lon_deg, x.previous_lat_deg
        e.end_lon, e.end_lat = x.lon_deg, x.lat_deg
        e.end_section = x.section_mark
        e.n_reports = 2
        if edge == CLEAR:
            e.end_ms = x.fix_ms
            e.end_reason = RETURNED
