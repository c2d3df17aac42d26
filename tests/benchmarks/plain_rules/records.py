"""What the plain rules speak of: a step, what is known of a vehicle, an edge, the settings of each rule."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

ONSET, UPDATE, CLEAR, PREWARNING, WITHDRAW = 1, 2, 3, 4, 5
OVER, DATA_ENDED, RETURNED, WINDOW_OVER, RETIRED = 1, 2, 3, 4, 5
NOTICE, GENERAL, MAJOR, SERIOUS = 0, 1, 2, 3
CERTAIN, SUSPECTED = 0, 1

MAX_STEP_MS = 180_000
MIN_STEP_MS = 60_000

UNDIRECTED = 1 << 24


@dataclass(frozen=True, slots=True)
class PermitFacts:
    """A permit, and where a report is on its route in metres."""

    position: int
    from_ms: int
    to_ms: int
    hours_s: tuple[int, int]
    limit_dkmh: int
    corridor_m: float
    length_m: float
    off_m: float
    left_m: float
    end: tuple[float, float]

    def holds(self, fix_ms: int) -> bool:
        return self.from_ms <= fix_ms < self.to_ms

    def allows(self, fix_ms: int) -> bool:
        """The time of day."""
        begin, end = self.hours_s
        if begin < 0:
            return True
        second = (fix_ms // 1000 + 28_800) % 86_400
        return begin <= second < end if begin < end else second >= begin or second < end

    @property
    def outside(self) -> bool:
        return self.corridor_m > 0 and self.off_m > self.corridor_m


@dataclass(slots=True)
class Step:
    """One report against the last good fix of its vehicle, or time passing."""

    row: int = 0
    heard_ms: int = 0
    source: int = 0
    fix_ms: int = 0
    clock_ms: int = 0
    previous_fix_ms: int = 0
    previous_clock_ms: int = 0
    dt_ms: int = 0
    distance_m: float = 0.0
    lon_deg: float = 0.0
    lat_deg: float = 0.0
    previous_lon_deg: float = 0.0
    previous_lat_deg: float = 0.0
    speed_dkmh: int = -1
    mileage_m: int = -1
    recorder_dkmh: int = -1
    motion_dkmh: int = -1
    previous_motion_dkmh: int = -1
    acc: int = -1
    previous_acc: int = -1
    driver: int = -1
    previous_driver: int = -1
    night: bool = False
    first: bool = False
    jump: bool = False
    late: bool = False
    stale: bool = False
    positioned: bool = False
    first_life_ms: int = 0
    paused_ms: int = 0
    grace_until_ms: int = 0
    section: int = -1
    rival: int = -1
    rival_nats: float = 0.0
    along: int = 0
    section_limit_dkmh: int = 0
    road_class: int = 0
    road_flags: int = 0
    fence: int = -1
    fence_limit_dkmh: int = 0
    fence_kinds: int = 0
    relay_points: bool = False
    permit: int = -1
    permit_limit_dkmh: int = 0
    facts: PermitFacts | None = None
    held: bool = False

    @property
    def section_mark(self) -> int:
        if self.section >= 0 and self.along == 0:
            return 1 + self.section + UNDIRECTED
        return -(1 + self.section) if self.along < 0 else 1 + self.section

    @property
    def in_grace(self) -> bool:
        return self.clock_ms <= self.grace_until_ms and self.previous_clock_ms <= self.paused_ms


@dataclass(slots=True)
class Held:
    """A displaced report that may turn out to be no drift."""

    fix_ms: int
    clock_ms: int
    lon_e7: int
    lat_e7: int
    speed_dkmh: int
    driver: int
    acc: int
    late: bool


@dataclass(slots=True)
class Span:
    """Registry dates of one vehicle, epoch ms."""

    due_from_ms: int
    suspended_from_ms: int
    suspended_to_ms: int
    retired_ms: int


@dataclass(slots=True)
class Core:
    """What every rule may know of a vehicle: newest fix, recent steps, counters of the day."""

    registered: bool
    span: Span
    time_ms: int = 0
    fix_ms: int = 0
    clock_ms: int = 0
    contact_ms: int = 0
    source: int = 0
    lon_deg: float = 0.0
    lat_deg: float = 0.0
    speed_dkmh: int = -1
    shown_speed: bool = False
    acc: int = -1
    driver: int = -1
    section: int = -1
    rival: int = -1
    rival_nats: float = 0.0
    recent_ms: list[int] = field(default_factory=lambda: [0, 0, 0])
    steps_ds: list[int] = field(default_factory=list)
    pending: list[Held] = field(default_factory=list)
    day: int = 0
    counters: dict[str, int] = field(default_factory=dict)
    reports_total: int = 0
    reports_qualified: int = 0
    drift_points: int = 0
    mileage_m: float = 0.0
    mileage_complete_m: float = 0.0

    @property
    def longest_step_ms(self) -> int:
        """max(60 s, 1.5 x the median of the last steps), at most 180 s."""
        if not self.steps_ds:
            return MAX_STEP_MS
        steps = sorted(self.steps_ds)
        return min(max(steps[len(steps) // 2] * 150, MIN_STEP_MS), MAX_STEP_MS)


@dataclass(slots=True)
class DayRow:
    """A closed day."""

    row: int
    day: int
    reports_total: int
    reports_qualified: int
    drift_points: int
    drift_vehicle: int
    mileage_m: float
    mileage_complete_m: float
    counters: dict[str, int]


@dataclass(slots=True)
class Edge:
    """What a rule says when a condition begins, changes or ends; fields as in ``monitor.model.edge.EDGE``."""

    row: int
    driver: int
    onset_ms: int
    at_ms: int
    rule: str
    kind: int
    edge: int
    late: int
    heard_ms: int = 0
    platform: int = -1
    end_ms: int = 0
    peak: float = math.nan
    mean: float = math.nan
    limit: float = math.nan
    distance_m: float = math.nan
    start_lon: float = math.nan
    start_lat: float = math.nan
    end_lon: float = math.nan
    end_lat: float = math.nan
    n_reports: int = 0
    grade: int = 0
    certainty: int = 0
    limit_source: int = 0
    end_reason: int = 0
    suspected_serious: int = 0
    night_only: int = 0
    start_section: int = 0
    end_section: int = 0
    fence: int = 0
    permit: int = -1


def new_edge(out: list[Edge], x: Step, rule: str, kind: int, edge: int, onset_ms: int) -> Edge:
    made = Edge(x.row, x.driver, onset_ms, x.clock_ms, rule, kind, edge, int(x.late), x.heard_ms, x.source - 1)
    out.append(made)
    return made
