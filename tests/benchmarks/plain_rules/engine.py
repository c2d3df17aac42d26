"""Reports in, edges out: contact, order, drift and day counters of each report, then every rule in turn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.engine.fleet_state import FleetState
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.rule import Rule
from monitor.model.day import VEHICLE_DAY
from monitor.model.edge import EDGE
from monitor.model.fleet import Registry
from monitor.model.report import REPORT, ReportBatch
from tests.benchmarks.plain_rules.absence import (
    NeverOnline,
    NeverOnlineParams,
    NoFix,
    NoFixParams,
    Offline,
    OfflineParams,
)
from tests.benchmarks.plain_rules.acc import AccContradiction, AccParams
from tests.benchmarks.plain_rules.around import Around, Map
from tests.benchmarks.plain_rules.clock import ClockFault, ClockParams
from tests.benchmarks.plain_rules.conflict import ConflictParams, DriverConflict
from tests.benchmarks.plain_rules.copied import CopiedParams, CopiedTrack, Window
from tests.benchmarks.plain_rules.cumulative import CumulativeDriving, CumulativeParams
from tests.benchmarks.plain_rules.curfew import CurfewParams, NightCurfew
from tests.benchmarks.plain_rules.days import Completeness, CompletenessParams, DriftParams, drift_day
from tests.benchmarks.plain_rules.device import DeviceAlarm, DeviceParams
from tests.benchmarks.plain_rules.drives import Overlaps
from tests.benchmarks.plain_rules.fatigue import Fatigue, FatigueParams
from tests.benchmarks.plain_rules.gaps import DisplacementParams, Gaps, TrackGapParams
from tests.benchmarks.plain_rules.hazmat_hours import HazmatHours, HazmatHoursParams
from tests.benchmarks.plain_rules.lying import FrozenFix, FrozenParams, PinnedParams, PinnedSpeed
from tests.benchmarks.plain_rules.permits import RouteDeviation, RouteParams
from tests.benchmarks.plain_rules.place import (
    NEVER_MS,
    day_of,
    day_start_ms,
    distance_m,
    from_e7,
    ms_of_day,
    to_e7,
)
from tests.benchmarks.plain_rules.records import MAX_STEP_MS, Core, DayRow, Edge, Held, Span, Step
from tests.benchmarks.plain_rules.relay import RelayMissing, RelayParams
from tests.benchmarks.plain_rules.speeding import Speeding, SpeedingParams
from tests.benchmarks.plain_rules.suspension import SuspendedMovement, SuspensionParams

if TYPE_CHECKING:
    from monitor.engine.surroundings import Surroundings

ACCEPTED, UNTIMED, DUPLICATE, CONFLICT, OUT_OF_ORDER, NO_POSITION, DRIFT, CONFIRMED = range(8)
N_OUTCOMES = 8

LATE_MS = 300_000
GRACE_MS = 1_800_000
EARLIEST_MS = 946_656_000_000
RECEIPT_AHEAD_MS = 30 * 86_400_000
WAKE_MS = 600_000
AGAIN_MS = 300_000
DAY_GRACE_MS = 600_000
DRIFT_KMH = 160.0
DRIFT_M = 200.0
MAX_DERIVED_DKMH = 10_000.0
NIGHT_FROM_MS = 22 * 3_600_000
NIGHT_TO_MS = 6 * 3_600_000

TIME_FLAW, SPEED_FLAW = 1, 8
POSITION_FLAWS = 2 | 4 | 64
COUNTED_FLAWS = (
    (1, "bad_time"),
    (2, "bad_longitude"),
    (4, "bad_latitude"),
    (8, "bad_speed"),
    (16, "bad_altitude"),
    (32, "bad_direction"),
    (64, "no_fix"),
    (128, "bad_status"),
)
UNQUALIFIED_FLAWS = 255 | 1 << 16
BACKFILL, ACC_KNOWN, ACC_ON = 1, 2, 4

_FIELDS = REPORT.names or ()
_MILEAGE, _RECORDER = _FIELDS.index("mileage_m"), _FIELDS.index("recorder_speed_dkmh")
_FIX, _RECV, _LON, _LAT, _DRIVER, _SOURCE, _SPEED, _WORD, _FLAGS, _FLAWS = (
    _FIELDS.index(name)
    for name in (
        "fix_ms",
        "recv_ms",
        "lon_deg",
        "lat_deg",
        "driver",
        "source",
        "speed_dkmh",
        "alarm_flags",
        "flags",
        "flaws",
    )
)
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Output:
    """As the compiled engine's: edges (dtype EDGE), closed days (dtype VEHICLE_DAY), a count per outcome."""

    edges: NDArray[np.void]
    days: NDArray[np.void]
    outcomes: NDArray[np.int64]


class VehicleState:
    """One vehicle: what is known of it, and each rule's state."""

    __slots__ = (
        "acc",
        "clock",
        "completeness",
        "conflict",
        "copied_track",
        "core",
        "cumulative",
        "deadline_ms",
        "device",
        "drift",
        "fatigue",
        "frozen_fix",
        "gaps",
        "hazmat_hours",
        "never_online",
        "night_curfew",
        "no_fix",
        "offline",
        "pinned_speed",
        "relay_missing",
        "route_deviation",
        "speeding",
        "suspended_movement",
    )

    def __init__(self, core: Core, params: np.void, deadline_ms: int) -> None:
        self.core = core
        self.deadline_ms = deadline_ms
        self.acc = AccContradiction(_params(AccParams, params["acc_contradiction"]))
        self.clock = ClockFault(_params(ClockParams, params["clock_fault"]))
        self.conflict = DriverConflict(_params(ConflictParams, params["driver_conflict"]))
        self.copied_track = CopiedTrack(_params(CopiedParams, params["copied_track"]))
        self.cumulative = CumulativeDriving(_params(CumulativeParams, params["cumulative_driving"]))
        self.device = DeviceAlarm(_params(DeviceParams, params["device_alarm"]))
        self.drift = _params(DriftParams, params["drift"])
        self.completeness = Completeness(_params(CompletenessParams, params["low_completeness"]))
        self.fatigue = Fatigue(_params(FatigueParams, params["fatigue"]))
        self.never_online = NeverOnline(_params(NeverOnlineParams, params["never_online"]))
        self.night_curfew = NightCurfew(_params(CurfewParams, params["night_curfew"]))
        self.no_fix = NoFix(_params(NoFixParams, params["no_fix"]))
        self.frozen_fix = FrozenFix(_params(FrozenParams, params["frozen_fix"]))
        self.hazmat_hours = HazmatHours(_params(HazmatHoursParams, params["hazmat_hours"]))
        self.pinned_speed = PinnedSpeed(_params(PinnedParams, params["pinned_speed"]))
        self.offline = Offline(_params(OfflineParams, params["offline"]))
        self.relay_missing = RelayMissing(_params(RelayParams, params["relay_missing"]))
        self.route_deviation = RouteDeviation(_params(RouteParams, params["route_deviation"]))
        self.speeding = Speeding(_params(SpeedingParams, params["speeding"]))
        self.suspended_movement = SuspendedMovement(_params(SuspensionParams, params["suspended_movement"]))
        self.gaps = Gaps(
            _params(TrackGapParams, params["track_gap"]),
            _params(DisplacementParams, params["offline_displacement"]),
        )


def _params(kind: type[P], row: np.void) -> P:
    names = row.dtype.names or ()
    values = (tuple(value.tolist()) if isinstance(value, np.ndarray) else value for value in row.item())
    return kind(**dict(zip(names, values, strict=True)))


class PlainEngine:
    """The live answer. ``fleet`` names vehicles and resolves settings, as for the compiled engine."""

    def __init__(self, rules: tuple[Rule, ...], layers: RuleLayers | None = None) -> None:
        self.rules = rules
        self.fleet = FleetState(rules, ParameterTable(rules, layers))
        self.clock_ms = 0
        self._vehicles: list[VehicleState] = []
        self._x = Step()
        self._edges: list[Edge] = []
        self._overlaps = Overlaps()
        self._days: list[DayRow] = []
        self.windows: list[Window] = []
        """What a judge of copied tracks would read."""
        self._map: Map | None = None

    def apply_surroundings(self, surroundings: Surroundings) -> None:
        """Roads, fences and permits in force."""
        self._map = Map(surroundings)

    def apply_relay_points(self) -> None:
        """There are fences of kind relay among what was brought with ``apply_surroundings``."""
        self._x.relay_points = True

    def apply_registry(self, registry: Registry | None) -> None:
        """The registry, before the first report; each vehicle has one row, in force for good."""
        self.fleet.apply_registry(registry)
        assert not self.fleet.change_days
        self._vehicles = [self._new_vehicle(row, 0) for row in range(len(self.fleet))]

    def take(self, batch: ReportBatch) -> Output:
        """Reports in the order received, one at a time."""
        x = self._x
        if x.first_life_ms == 0:
            for report in batch.rows.tolist():
                if not report[_FLAWS] & TIME_FLAW and report[_RECV] > 0:
                    x.first_life_ms = report[_RECV]
                    break
        rows = self.fleet.rows_of(batch.keys)[batch.rows["key"]].tolist()
        drivers = self.fleet.drivers_of(batch.drivers).tolist()
        sources = self.fleet.sources_of(batch.sources).tolist()
        while len(self._vehicles) < len(self.fleet):
            self._vehicles.append(self._new_vehicle(len(self._vehicles), NEVER_MS))
        outcomes = [0] * N_OUTCOMES
        around = [None] * len(rows) if self._map is None else self._map.look(batch.rows, rows)
        for report, row, near in zip(batch.rows.tolist(), rows, around, strict=True):
            vehicle, driver, source = self._vehicles[row], drivers[report[_DRIVER]], sources[report[_SOURCE]] + 1
            outcomes[self._take(vehicle, row, report, driver, source, near)] += 1
        return self._output(outcomes)

    def tick(self, clock_ms: int, *, resumed: bool = False, paused_ms: int = 0) -> Output:
        """Time has passed."""
        self.clock_ms = max(self.clock_ms, clock_ms)
        if resumed:
            self._x.paused_ms = paused_ms
            self._x.grace_until_ms = self.clock_ms + GRACE_MS
        for row, vehicle in enumerate(self._vehicles):
            if self.clock_ms > vehicle.deadline_ms:
                self._pass_time(vehicle, row, self.clock_ms)
        return self._output([0] * N_OUTCOMES)

    def _new_vehicle(self, row: int, deadline_ms: int) -> VehicleState:
        known = self.fleet.rows[row]["core"]
        core = Core(bool(known["registered"]), Span(*(day_start_ms(day) for day in self.fleet.spans[row].item())))
        return VehicleState(core, self.fleet.params[known["profile"]], deadline_ms)

    def _take(
        self,
        vehicle: VehicleState,
        row: int,
        report: tuple[int | float, ...],
        driver: int,
        source: int,
        around: Around | None,
    ) -> int:
        core = vehicle.core
        x = self._x
        x.source, x.heard_ms = core.source, core.contact_ms
        fix_ms, recv_ms = int(report[_FIX]), int(report[_RECV])
        lon, lat = report[_LON], report[_LAT]
        flags, flaws = int(report[_FLAGS]), int(report[_FLAWS])
        if flaws & TIME_FLAW:
            clock_ms = self.clock_ms
            if clock_ms > vehicle.deadline_ms:
                self._pass_time(vehicle, row, clock_ms)
            if core.reports_total == 0:
                core.day = max(core.day, day_of(clock_ms))
            count_report(core, flaws)
            vehicle.deadline_ms = min(vehicle.deadline_ms, clock_ms + WAKE_MS)
            if recv_ms >= EARLIEST_MS and (clock_ms == 0 or recv_ms <= clock_ms + RECEIPT_AHEAD_MS):
                x.row, x.clock_ms, x.lon_deg, x.lat_deg = row, max(clock_ms, recv_ms), lon, lat
                x.positioned = not flaws & POSITION_FLAWS
                vehicle.clock.receipt(x, recv_ms, fix_ms - recv_ms, self._edges, backfill=flags & BACKFILL != 0)
            return UNTIMED
        clock_ms = self.clock_ms = max(self.clock_ms, recv_ms)
        if clock_ms > vehicle.deadline_ms:
            self._pass_time(vehicle, row, clock_ms)
        order = order_of(core, fix_ms, lon, lat)
        word = int(report[_WORD])
        repeats = order in (DUPLICATE, CONFLICT)
        if repeats and (word <= 0 or fix_ms != core.time_ms or clock_ms - core.contact_ms > AGAIN_MS):
            return order
        late = recv_ms - fix_ms > LATE_MS or flags & BACKFILL != 0
        speed = -1 if flaws & SPEED_FLAW else int(report[_SPEED])
        acc = -1 if not flags & ACC_KNOWN else 1 if flags & ACC_ON else 0
        x.row, x.clock_ms, x.fix_ms, x.late, x.driver = row, clock_ms, fix_ms, late, driver
        x.lon_deg, x.lat_deg, x.speed_dkmh, x.acc = lon, lat, speed, acc
        x.positioned = not flaws & POSITION_FLAWS
        if self._map is not None:
            self._map.state(x, around, core.section, core.rival, core.rival_nats)
        x.stale = order == OUT_OF_ORDER
        edges = self._edges
        if repeats:
            vehicle.device.report(x, word, edges, again=True)
            return order
        core.source = source
        vehicle.never_online.contact(core, x, edges)
        vehicle.no_fix.contact(core, x, edges)
        vehicle.offline.contact(core, x, edges)
        vehicle.clock.receipt(x, recv_ms, fix_ms - recv_ms, edges, backfill=flags & BACKFILL != 0)
        core.contact_ms = clock_ms
        if order == OUT_OF_ORDER:
            if x.positioned:
                vehicle.gaps.take_late(x)
            return order
        day = day_of(fix_ms)
        if day > core.day:
            if core.reports_total > 0 and core.day > 0:
                self._close_day(vehicle)
            core.day = day
        core.recent_ms = [core.time_ms, *core.recent_ms[:2]]
        core.time_ms = fix_ms
        count_report(core, flaws)
        vehicle.deadline_ms = min(vehicle.deadline_ms, clock_ms + WAKE_MS)
        vehicle.device.report(x, word, edges, again=False)
        if not x.positioned:
            return NO_POSITION
        outcome = judge_place(core, x)
        if outcome == DRIFT:
            return DRIFT
        if outcome == CONFIRMED:
            self._take_pending(vehicle)
            if self._map is not None:
                self._map.state(x, around, -1)
        x.mileage_m, x.recorder_dkmh = int(report[_MILEAGE]), int(report[_RECORDER])
        self._step(vehicle, fix_ms, clock_ms, lon, lat, speed, acc, driver)
        return ACCEPTED

    def _take_pending(self, vehicle: VehicleState) -> None:
        """The held-back reports were no drift."""
        core = vehicle.core
        x = self._x
        late = x.late
        if self._map is not None:
            self._map.state(x, None, -1)
        x.mileage_m = x.recorder_dkmh = -1
        x.held = True
        for i, held in enumerate(core.pending):
            if day_of(held.fix_ms) == core.day and core.drift_points > 0:
                core.drift_points -= 1
            x.late = held.late
            x.jump = i == 0
            lon, lat = from_e7(held.lon_e7), from_e7(held.lat_e7)
            self._step(vehicle, held.fix_ms, held.clock_ms, lon, lat, held.speed_dkmh, held.acc, held.driver)
        x.jump = x.held = False
        x.late = late
        core.pending = []

    def _step(
        self,
        vehicle: VehicleState,
        fix_ms: int,
        clock_ms: int,
        lon: float,
        lat: float,
        speed: int,
        acc: int,
        driver: int,
    ) -> None:
        """Work out the step from the newest good fix, give it to the rules, and make it the newest."""
        core = vehicle.core
        x = self._x
        x.fix_ms, x.clock_ms, x.lon_deg, x.lat_deg = fix_ms, clock_ms, lon, lat
        x.speed_dkmh, x.acc, x.driver = speed, acc, driver
        x.previous_acc, x.previous_driver = core.acc, core.driver
        in_day = ms_of_day(fix_ms)
        x.night = in_day >= NIGHT_FROM_MS or in_day < NIGHT_TO_MS
        motion = speed
        x.first = core.fix_ms == 0
        if x.first:
            x.previous_fix_ms, x.previous_clock_ms = fix_ms, clock_ms
            x.previous_lon_deg, x.previous_lat_deg, x.previous_motion_dkmh = lon, lat, -1
            dt_ms = x.dt_ms = 0
            d = x.distance_m = 0.0
        else:
            x.previous_fix_ms, x.previous_clock_ms = core.fix_ms, core.clock_ms
            x.previous_lon_deg, x.previous_lat_deg = core.lon_deg, core.lat_deg
            x.previous_motion_dkmh = core.speed_dkmh
            dt_ms = x.dt_ms = fix_ms - core.fix_ms
            d = x.distance_m = distance_m(core.lon_deg, core.lat_deg, lon, lat)
            if motion < 0 and dt_ms > 0:
                motion = int(min(d * 36_000.0 / dt_ms, MAX_DERIVED_DKMH))
        x.motion_dkmh = motion
        edges = self._edges
        vehicle.gaps.advance(core, x, edges)
        vehicle.acc.step(x, edges)
        vehicle.copied_track.step(x, self.windows)
        vehicle.cumulative.step(core, x, edges)
        vehicle.conflict.step(x, edges)
        vehicle.fatigue.step(core, x, edges)
        vehicle.night_curfew.step(x, edges)
        vehicle.frozen_fix.step(core, x, edges)
        vehicle.hazmat_hours.step(x, edges)
        vehicle.pinned_speed.step(core, x, edges)
        vehicle.relay_missing.step(x, edges)
        vehicle.route_deviation.step(core, x, edges)
        vehicle.speeding.step(core, x, edges)
        vehicle.suspended_movement.step(core, x, edges)
        vehicle.gaps.step(core, x, edges)
        if not x.first:
            if not x.jump and (d > 100.0 or motion >= 50 or x.previous_motion_dkmh >= 50):
                core.mileage_m += d
                if not (dt_ms > 300_000 and d > 2000.0):
                    core.mileage_complete_m += d
            if dt_ms <= MAX_STEP_MS:
                core.steps_ds = [max(1, dt_ms // 100), *core.steps_ds[:4]]
        core.fix_ms, core.clock_ms, core.lon_deg, core.lat_deg = fix_ms, clock_ms, lon, lat
        core.speed_dkmh, core.shown_speed, core.acc = motion, speed >= 0, acc
        core.section = x.section if x.section >= 0 else core.section
        core.rival, core.rival_nats = x.rival, x.rival_nats
        if driver >= 0:
            core.driver = driver

    def _pass_time(self, vehicle: VehicleState, row: int, clock_ms: int) -> None:
        core = vehicle.core
        x = self._x
        edges = self._edges
        x.row, x.clock_ms, x.driver, x.late = row, clock_ms, core.driver, False
        x.source, x.heard_ms = core.source, core.contact_ms
        first = len(edges)
        deadline_ms = min(
            NEVER_MS,
            vehicle.gaps.advance(core, x, edges),
            vehicle.cumulative.advance(core, x, edges),
            vehicle.device.advance(x, edges),
            vehicle.acc.advance(core, x, edges),
            vehicle.conflict.advance(x, edges),
            vehicle.fatigue.advance(core, x, edges),
            vehicle.frozen_fix.advance(core, x, edges),
            vehicle.hazmat_hours.advance(core, x, edges),
            vehicle.pinned_speed.advance(core, x, edges),
            vehicle.night_curfew.advance(core, x, edges),
            vehicle.relay_missing.advance(core, x, edges),
            vehicle.route_deviation.advance(core, x, edges),
            vehicle.completeness.advance(core, x, edges),
            vehicle.speeding.advance(core, x, edges),
            vehicle.suspended_movement.advance(core, x, edges),
        )
        if core.reports_total > 0 and core.day > 0:
            due_ms = day_start_ms(core.day + 1) + DAY_GRACE_MS
            if clock_ms >= due_ms:
                x.clock_ms = due_ms
                self._close_day(vehicle)
                core.day += 1
                x.clock_ms = clock_ms
            else:
                deadline_ms = min(deadline_ms, due_ms - 1)
        vehicle.deadline_ms = min(
            deadline_ms,
            vehicle.clock.advance(x, edges),
            vehicle.never_online.advance(core, x, edges),
            vehicle.offline.advance(core, x, edges),
        )
        edges[first:] = sorted(edges[first:], key=lambda edge: edge.at_ms)

    def _close_day(self, vehicle: VehicleState) -> None:
        core = vehicle.core
        x = self._x
        if core.reports_total > 0:
            day = DayRow(
                x.row,
                core.day,
                core.reports_total,
                core.reports_qualified,
                core.drift_points,
                0,
                core.mileage_m,
                core.mileage_complete_m,
                core.counters,
            )
            drift_day(vehicle.drift, day, x, self._edges)
            vehicle.completeness.close_day(day, x, self._edges)
            self._days.append(day)
        core.reports_total = core.reports_qualified = core.drift_points = 0
        core.mileage_m = core.mileage_complete_m = 0.0
        core.counters = {}

    def _output(self, outcomes: list[int]) -> Output:
        codes = {rule.name: code for code, rule in enumerate(self.rules)}
        drivers = set()
        for number, vehicle in enumerate(self._vehicles):
            for drive in vehicle.fatigue.drives.done:
                self._overlaps.take(number, self.fleet.keys[number], drive)
                drivers.add(drive[0])
            vehicle.fatigue.drives.done.clear()
        self._edges += self._overlaps.find(drivers)
        edges = np.zeros(len(self._edges), EDGE)
        for row, edge in zip(edges, self._edges, strict=True):
            for item in fields(Edge):
                row[item.name] = codes[edge.rule] if item.name == "rule" else getattr(edge, item.name)
        days = np.zeros(len(self._days), VEHICLE_DAY)
        for row, day in zip(days, self._days, strict=True):
            for name, value in _day_values(day):
                row[name] = value
        self._edges.clear()
        self._days.clear()
        return Output(edges, days, np.array(outcomes, np.int64))


def _day_values(day: DayRow) -> Iterator[tuple[str, float]]:
    for item in fields(DayRow):
        if item.name != "counters":
            yield item.name, getattr(day, item.name)
    yield from day.counters.items()


def order_of(core: Core, fix_ms: int, lon: float, lat: float) -> int:
    if fix_ms > core.time_ms or core.time_ms == 0:
        return ACCEPTED
    if fix_ms == core.time_ms:
        moved = fix_ms == core.fix_ms and (lon != core.lon_deg or lat != core.lat_deg)
        return CONFLICT if moved else DUPLICATE
    return DUPLICATE if fix_ms in core.recent_ms else OUT_OF_ORDER


def count_report(core: Core, flaws: int) -> None:
    core.reports_total += 1
    if not flaws & UNQUALIFIED_FLAWS and core.registered:
        core.reports_qualified += 1
        return
    counters = core.counters
    for bit, name in COUNTED_FLAWS:
        if flaws & bit:
            counters[name] = counters.get(name, 0) + 1
    if not core.registered:
        counters["not_registered"] = counters.get("not_registered", 0) + 1


def judge_place(core: Core, x: Step) -> int:
    """ACCEPTED, DRIFT (held back) or CONFIRMED (the third consistent report at a new place)."""
    lon, lat = x.lon_deg, x.lat_deg
    if core.fix_ms == 0 or not is_displaced(core.fix_ms, core.lon_deg, core.lat_deg, x.fix_ms, lon, lat):
        core.pending = []
        return ACCEPTED
    pending = core.pending
    if pending:
        last = pending[-1]
        if is_displaced(last.fix_ms, from_e7(last.lon_e7), from_e7(last.lat_e7), x.fix_ms, lon, lat):
            pending = core.pending = []
    if len(pending) == 2:
        return CONFIRMED
    pending.append(Held(x.fix_ms, x.clock_ms, to_e7(lon), to_e7(lat), x.speed_dkmh, x.driver, x.acc, x.late))
    core.drift_points += 1
    return DRIFT


def is_displaced(from_ms: int, from_lon: float, from_lat: float, to_ms: int, to_lon: float, to_lat: float) -> bool:
    d = distance_m(from_lon, from_lat, to_lon, to_lat)
    return d > DRIFT_M and d * 3600.0 > DRIFT_KMH * (to_ms - from_ms)
