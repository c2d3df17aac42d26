"""Scenarios for the conformance suite: short stories of a few vehicles, told in segments, with recipes per rule.

A recipe makes a rule likely to speak; a rule without one gets the mixture of all segments, so a new rule is tested from
its first day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from hypothesis import strategies as st

from monitor.model.alarm_bits import AlarmBit, alarm_word
from monitor.model.fleet import Registry, VehicleClass
from monitor.model.map_set import NO_MAPS, MapSet
from monitor.model.report import ReportBatch
from monitor.quality.judgement import judge
from tests.conformance.ground import ground, permitted, roads
from tests.traces import batch_of, registry_of

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Segment:
    """``n`` reports every ``every_s`` seconds at ``speed_kmh``, after ``silence_s`` in which ``silence_m`` are moved.

    ``off_m``: the first ``n_off`` of them are displaced. ``delay_s``: received so much later. ``held``: received
    together, in order, when the segment is over. ``reversed``: the same, last first. ``bad_time``: dated months ahead.
    ``ahead_s``: what their times are ahead, below 0 behind. ``alarm``: the alarm word, -1 unknown.
    ``stuck``: the fix stays while the odometer goes on. ``stated_kmh``: the terminal states this speed instead.
    """

    n: int
    every_s: int = 30
    speed_kmh: float = 0.0
    silence_s: int = 0
    silence_m: float = 0.0
    off_m: float = 0.0
    n_off: int = 0
    fix: bool = True
    speed_known: bool = True
    acc: int = -1
    driver: int = -1
    delay_s: int = 0
    held: bool = False
    reversed: bool = False
    bad_time: bool = False
    ahead_s: int = 0
    alarm: int = 0
    stuck: bool = False
    stated_kmh: float = -1.0


DRIVE = Segment(20, 30, 70.0)
PARK = Segment(10, 120)
NO_SPEED = Segment(15, 60, 50.0, speed_known=False)
FAST = Segment(9, 10, 112.0)
FASTER = Segment(12, 10, 131.0)
DIP = Segment(5, 10, 96.0)
LONG_DRIVE = Segment(125, 60, 60.0, acc=1, driver=0)
FAR = Segment(90, 1_100, 60.0, acc=1, driver=0)
FAR_UNKNOWN = Segment(25, 1_100, 60.0)
OTHER_DRIVER = Segment(100, 60, 60.0, acc=1, driver=1)
SHORT_STOP = Segment(8, 60)
REST = Segment(22, 60)
QUEUE = Segment(2, 30, 8.0)
FERRY = Segment(30, 60, 15.0, acc=0)
TOWED_FAST = Segment(10, 60, 60.0, acc=0)
GAP = Segment(3, 30, 60.0, silence_s=700, silence_m=9_000.0)
LONG_GAP = Segment(3, 30, 60.0, silence_s=2_400, silence_m=25_000.0)
STANDING_GAP = Segment(3, 30, 0.0, silence_s=3_000)
LONG_SILENCE = Segment(3, 60, 0.0, silence_s=17_000, silence_m=40_000.0)
DRIFT_POINT = Segment(6, 30, 0.0, off_m=30_000.0, n_off=1)
TWO_DRIFT_POINTS = Segment(6, 30, 40.0, off_m=30_000.0, n_off=2)
MOVED_AWAY = Segment(6, 30, 0.0, silence_s=30, silence_m=40_000.0)
NO_FIX = Segment(60, 1_800, fix=False)
ABSENT = Segment(3, 60, silence_s=DAY_S + 5_000)
LONG_ABSENT = Segment(3, 60, 20.0, silence_s=8 * DAY_S)
BACKFILL = Segment(40, 30, 60.0, held=True)
BACKFILL_REVERSED = Segment(40, 30, 60.0, held=True, reversed=True)
SLOW_LINE = Segment(20, 30, 80.0, delay_s=400)
LATE_LINE = Segment(6, 60, 105.0, delay_s=5_000)
BAD_TIMES = Segment(4, 600, bad_time=True)
PRESSED = Segment(2, 10, 70.0, alarm=alarm_word(AlarmBit.EMERGENCY))
ANTENNA_CUT = Segment(12, 60, fix=False, alarm=alarm_word(AlarmBit.GNSS_ANTENNA_CUT))
POWER_LOST = Segment(5, 300, acc=0, alarm=alarm_word(AlarmBit.POWER_LOST, AlarmBit.ILLEGAL_DISPLACEMENT))
UNSAID = Segment(4, 30, 60.0, alarm=-1)
WARNED = Segment(6, 10, 90.0, alarm=alarm_word(AlarmBit.SPEEDING))
WARNED_FAST = Segment(9, 10, 112.0, alarm=alarm_word(AlarmBit.SPEEDING))
WARNED_BRIEFLY = Segment(2, 10, 112.0, alarm=alarm_word(AlarmBit.SPEEDING))
WARNED_BLIND = Segment(5, 60, fix=False, alarm=alarm_word(AlarmBit.SPEEDING, AlarmBit.FATIGUE))
TIRED = Segment(125, 60, 60.0, acc=1, driver=0, alarm=alarm_word(AlarmBit.FATIGUE))
TIRED_AT_REST = Segment(22, 60, alarm=alarm_word(AlarmBit.FATIGUE))
CLOCK_AHEAD = Segment(12, 60, 50.0, ahead_s=28_800)
CLOCK_BEHIND = Segment(12, 60, 50.0, ahead_s=-28_800)
CLOCK_ROLLED_OVER = Segment(6, 150, fix=False, ahead_s=-619_315_200)
AN_HOUR_LATE = Segment(12, 60, 50.0, delay_s=3_600)
ACC_CUT = Segment(12, 30, 60.0, acc=0)
ACC_CUT_BRIEFLY = Segment(4, 30, 60.0, acc=0)
CARD_A = Segment(5, 30, 60.0, acc=1, driver=0)
CARD_B = Segment(5, 30, 60.0, acc=1, driver=1)
NO_CARD = Segment(3, 30, 60.0)
CARD_B_ONCE = Segment(1, 30, 60.0, driver=1)
BRIEF_STOP = Segment(2, 30)
AT_NIGHT = Segment(16, 30, 70.0, silence_s=66_000)
"""Some 18 h later: at 02:20 where it comes first, since stories begin at 08:00."""
INTO_THE_NIGHT = Segment(40, 60, 50.0, silence_s=48_600)
"""Until some 22:10 where it comes first."""
HAND_OVER = Segment(5, 60)
THROUGH_THE_NIGHT = Segment(330, 60, 50.0)
MONTH_AWAY = Segment(3, 60, 20.0, silence_s=30 * DAY_S)
LONG_GAP_OF_60_KM = Segment(3, 30, 60.0, silence_s=3_600, silence_m=60_000.0)
STOP_OF_1200_S = Segment(39, 30)
CREEP = Segment(20, 30, 7.0)
FROZEN = Segment(50, 30, 100.0, stuck=True)
FROZEN_BRIEFLY = Segment(24, 30, 100.0, stuck=True)
FROZEN_STANDING = Segment(20, 60, 0.0, stuck=True)
FROZEN_BACKFILL = Segment(20, 60, 90.0, stuck=True, held=True)
PINNED = Segment(30, 30, 60.0, stated_kmh=0.0)
PINNED_BRIEFLY = Segment(12, 30, 60.0, stated_kmh=0.0)
PINNED_HIGH = Segment(15, 60, 90.0, stated_kmh=60.0)
PINNED_BACKFILL = Segment(16, 60, 60.0, stated_kmh=0.0, held=True)
TRACK = Segment(200, 10, 40.0)
TRACK_AGAIN = Segment(200, 10, 40.0, silence_s=4_000, silence_m=-199 * 10 * 40.0 / 3.6)
TRACK_HALF_AGAIN = Segment(100, 10, 40.0, silence_s=4_000, silence_m=-199 * 10 * 40.0 / 3.6)

EVERYTHING = (
    DRIVE,
    PARK,
    NO_SPEED,
    FAST,
    FASTER,
    DIP,
    LONG_DRIVE,
    OTHER_DRIVER,
    SHORT_STOP,
    REST,
    QUEUE,
    FERRY,
    TOWED_FAST,
    GAP,
    LONG_GAP,
    STANDING_GAP,
    LONG_SILENCE,
    DRIFT_POINT,
    TWO_DRIFT_POINTS,
    MOVED_AWAY,
    NO_FIX,
    ABSENT,
    LONG_ABSENT,
    BACKFILL,
    BACKFILL_REVERSED,
    SLOW_LINE,
    LATE_LINE,
    BAD_TIMES,
    PRESSED,
    POWER_LOST,
    WARNED_FAST,
)

RECIPES: dict[str, tuple[Segment, ...]] = {
    "copied_track": (
        TRACK,
        TRACK_AGAIN,
        TRACK_AGAIN,
        TRACK_HALF_AGAIN,
        SHORT_STOP,
        ABSENT,
        DRIFT_POINT,
        MOVED_AWAY,
        BACKFILL,
        LATE_LINE,
    ),
    "acc_contradiction": (
        ACC_CUT,
        ACC_CUT_BRIEFLY,
        ACC_CUT,
        TOWED_FAST,
        FERRY,
        DRIVE,
        LONG_DRIVE,
        SHORT_STOP,
        GAP,
        LONG_GAP,
        DRIFT_POINT,
        TWO_DRIFT_POINTS,
        MOVED_AWAY,
        BACKFILL,
        LATE_LINE,
    ),
    "clock_fault": (
        CLOCK_AHEAD,
        CLOCK_BEHIND,
        CLOCK_ROLLED_OVER,
        CLOCK_BEHIND,
        BAD_TIMES,
        BAD_TIMES,
        AN_HOUR_LATE,
        SLOW_LINE,
        LATE_LINE,
        BACKFILL_REVERSED,
        DRIVE,
        PARK,
        NO_FIX,
        ABSENT,
        LONG_ABSENT,
    ),
    "night_curfew": (
        AT_NIGHT,
        AT_NIGHT,
        AT_NIGHT,
        BRIEF_STOP,
        SHORT_STOP,
        DRIVE,
        DRIVE,
        GAP,
        LONG_GAP,
        STANDING_GAP,
        NO_SPEED,
        LONG_DRIVE,
        FERRY,
        DRIFT_POINT,
        MOVED_AWAY,
        BACKFILL,
        SLOW_LINE,
        LATE_LINE,
    ),
    "cumulative_driving": (
        FAR,
        FAR_UNKNOWN,
        FAR,
        LONG_DRIVE,
        OTHER_DRIVER,
        SHORT_STOP,
        REST,
        QUEUE,
        TOWED_FAST,
        LONG_GAP,
        LONG_SILENCE,
        ABSENT,
        LATE_LINE,
        BACKFILL,
    ),
    "device_alarm": (
        PRESSED,
        ANTENNA_CUT,
        POWER_LOST,
        UNSAID,
        WARNED,
        WARNED_FAST,
        WARNED_BRIEFLY,
        WARNED_BLIND,
        FAST,
        TIRED,
        TIRED_AT_REST,
        LONG_DRIVE,
        REST,
        LONG_SILENCE,
        ABSENT,
        BACKFILL,
        LATE_LINE,
        DRIFT_POINT,
    ),
    "frozen_fix": (
        FROZEN,
        FROZEN_BRIEFLY,
        FROZEN_BRIEFLY,
        FROZEN_STANDING,
        FROZEN_BACKFILL,
        FERRY,
        PARK,
        NO_FIX,
        DRIFT_POINT,
        MOVED_AWAY,
        GAP,
        BACKFILL_REVERSED,
        LATE_LINE,
        ABSENT,
    ),
    "pinned_speed": (
        PINNED,
        PINNED_BRIEFLY,
        PINNED_BRIEFLY,
        PINNED_HIGH,
        PINNED_BACKFILL,
        NO_SPEED,
        PARK,
        FERRY,
        DRIFT_POINT,
        MOVED_AWAY,
        STANDING_GAP,
        BACKFILL_REVERSED,
        LATE_LINE,
        ABSENT,
    ),
    "route_deviation": (
        DRIVE,
        LONG_DRIVE,
        LONG_DRIVE,
        FAST,
        FASTER,
        DIP,
        SHORT_STOP,
        REST,
        NO_SPEED,
        GAP,
        LONG_GAP,
        DRIFT_POINT,
        TWO_DRIFT_POINTS,
        MOVED_AWAY,
        BACKFILL,
        BACKFILL_REVERSED,
        LATE_LINE,
        AT_NIGHT,
        ABSENT,
    ),
    "speeding": (FAST, FASTER, DIP, FAST, DRIVE, GAP, SLOW_LINE, LATE_LINE, BACKFILL, DRIFT_POINT, NO_SPEED),
    "hazmat_hours": (
        AT_NIGHT,
        AT_NIGHT,
        AT_NIGHT,
        INTO_THE_NIGHT,
        INTO_THE_NIGHT,
        THROUGH_THE_NIGHT,
        DRIVE,
        SHORT_STOP,
        STOP_OF_1200_S,
        DRIVE,
        FERRY,
        QUEUE,
        GAP,
        LONG_GAP,
        NO_SPEED,
        SLOW_LINE,
        LATE_LINE,
        BACKFILL,
        DRIFT_POINT,
        TWO_DRIFT_POINTS,
        MOVED_AWAY,
    ),
    "fatigue": (
        LONG_DRIVE,
        LONG_DRIVE,
        LONG_DRIVE,
        OTHER_DRIVER,
        SHORT_STOP,
        REST,
        QUEUE,
        FERRY,
        TOWED_FAST,
        LONG_GAP,
        STANDING_GAP,
        LONG_SILENCE,
        DRIFT_POINT,
        BACKFILL,
    ),
    "driver_conflict": (
        CARD_A,
        CARD_B,
        CARD_A,
        CARD_B_ONCE,
        NO_CARD,
        DRIVE,
        NO_SPEED,
        OTHER_DRIVER,
        SHORT_STOP,
        QUEUE,
        FERRY,
        LONG_GAP,
        BACKFILL,
        LATE_LINE,
        DRIFT_POINT,
        TWO_DRIFT_POINTS,
        MOVED_AWAY,
    ),
    "track_gap": (GAP, LONG_GAP, GAP, BACKFILL, BACKFILL_REVERSED, DRIVE, STANDING_GAP, SLOW_LINE, TWO_DRIFT_POINTS),
    "offline_displacement": (LONG_GAP, LONG_GAP, STANDING_GAP, DRIVE, DRIFT_POINT, MOVED_AWAY, BACKFILL_REVERSED),
    "low_completeness": (
        DRIVE,
        LONG_DRIVE,
        GAP,
        LONG_GAP,
        LONG_GAP_OF_60_KM,
        LONG_GAP_OF_60_KM,
        MONTH_AWAY,
        MONTH_AWAY,
        ABSENT,
        BACKFILL,
        DRIFT_POINT,
        LATE_LINE,
    ),
    "suspended_movement": (
        DRIVE,
        DRIVE,
        PARK,
        CREEP,
        STOP_OF_1200_S,
        SHORT_STOP,
        REST,
        QUEUE,
        FERRY,
        NO_SPEED,
        LONG_DRIVE,
        GAP,
        LONG_GAP,
        STANDING_GAP,
        MOVED_AWAY,
        DRIFT_POINT,
        TWO_DRIFT_POINTS,
        ABSENT,
        BACKFILL,
        LATE_LINE,
        SLOW_LINE,
    ),
    "relay_missing": (
        INTO_THE_NIGHT,
        INTO_THE_NIGHT,
        HAND_OVER,
        BRIEF_STOP,
        THROUGH_THE_NIGHT,
        THROUGH_THE_NIGHT,
        SHORT_STOP,
        REST,
        GAP,
        LONG_GAP,
        STANDING_GAP,
        DRIFT_POINT,
        MOVED_AWAY,
        NO_SPEED,
        BACKFILL,
        SLOW_LINE,
        LATE_LINE,
    ),
    "offline": (PARK, DRIVE, ABSENT, LONG_ABSENT, NO_FIX, BACKFILL, LATE_LINE),
    "never_online": (PARK, ABSENT, LONG_ABSENT, NO_FIX),
    "no_fix": (NO_FIX, NO_FIX, PARK, ABSENT, BACKFILL, LATE_LINE),
    "drift": (DRIFT_POINT, DRIFT_POINT, TWO_DRIFT_POINTS, MOVED_AWAY, PARK, ABSENT, DRIVE),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """Reports in the order received, judged, and the registry; ``until_ms`` is the clock at the end.

    The last registered vehicle never reports; the first is heard of at the very start.
    """

    batch: ReportBatch
    registry: Registry
    until_ms: int
    maps: MapSet = NO_MAPS

    def part(self, chosen: np.typing.NDArray[np.intp] | slice) -> ReportBatch:
        return ReportBatch(self.batch.keys, self.batch.rows[chosen], self.batch.drivers, self.batch.sources)


LAID_UP: tuple[tuple[str, date], ...] = (
    ("suspended_from", date(2026, 2, 20)),
    ("suspended_from", date(2026, 3, 3)),
    ("suspended_to", date(2026, 3, 2)),
    ("suspended_to", date(2026, 3, 4)),
    ("retired_on", date(2026, 3, 1)),
    ("retired_on", date(2026, 3, 2)),
)
"""Registry dates that put a vehicle out of service for all or a part of its story."""

_CLASSES = (VehicleClass.TOUR_COACH, VehicleClass.HAZMAT, VehicleClass.HEAVY_TRUCK)


@st.composite
def scenarios(draw: st.DrawFn, rule: str) -> Scenario:
    """One to three vehicles with up to seven segments each, and up to 9 days of silence at the end."""
    told = st.sampled_from(RECIPES.get(rule, EVERYTHING)) | st.sampled_from(EVERYTHING)
    stories = draw(st.lists(st.lists(told, min_size=1, max_size=7), min_size=1, max_size=3))
    starts_s = [0, *(draw(st.sampled_from((0, 7, 3_000, 41_000))) for _ in stories[1:])]
    after_s = draw(st.sampled_from((0, 100, 650, 5_000, 20_000, DAY_S + 1, 9 * DAY_S)))
    laid_up = {}
    if rule == "suspended_movement":
        laid_up = {vehicle: draw(st.sampled_from(LAID_UP)) for vehicle in range(len(stories))}
    if rule == "relay_missing":
        laid_up = {vehicle: ("relay_from", date(2026, 3, draw(st.sampled_from((1, 3, 4))))) for vehicle in (0, 1)}
    if rule == "low_completeness":
        after_s += draw(st.sampled_from((0, 30 * DAY_S)))
    on_maps = rule in ("relay_missing", "track_gap", "offline_displacement") and draw(st.booleans())
    maps = permitted() if rule == "route_deviation" else ground() if on_maps else NO_MAPS
    if rule in ("speeding", "hazmat_hours") and draw(st.booleans()):
        maps = roads()
    return tell(stories, starts_s, after_s, laid_up, maps=maps)


def tell(
    stories: list[list[Segment]],
    starts_s: list[int],
    after_s: int = 0,
    laid_up: Mapping[int, tuple[str, date]] | None = None,
    *,
    maps: MapSet = NO_MAPS,
) -> Scenario:
    """The reports of some stories, merged by time of receipt. ``laid_up``: a registry date by vehicle; one of a relay
    certificate makes it a line coach."""
    columns: dict[str, list[float]] = {
        name: [] for name in ("fix", "recv", "east", "speed", "vehicle", "driver", "acc", "ok", "alarm", "odometer")
    }
    for vehicle, (story, start_s) in enumerate(zip(stories, starts_s, strict=True)):
        _tell_one(vehicle, story, start_s, columns)
    order = np.argsort(np.asarray(columns["recv"]), kind="stable")
    batch = batch_of(
        np.asarray(columns["fix"])[order].tolist(),
        recv_s=np.asarray(columns["recv"])[order].tolist(),
        east_m=np.asarray(columns["east"])[order].tolist(),
        speed_kmh=np.asarray(columns["speed"])[order].tolist(),
        vehicle=np.asarray(columns["vehicle"], np.int64)[order].tolist(),
        driver=np.asarray(columns["driver"], np.int64)[order].tolist(),
        acc=np.asarray(columns["acc"], np.int64)[order].tolist(),
        positioned=[bool(ok) for ok in np.asarray(columns["ok"])[order]],
        alarm=np.asarray(columns["alarm"], np.int64)[order].tolist(),
        mileage_m=np.asarray(columns["odometer"], np.int64)[order].tolist(),
        n_vehicles=len(stories),
        drivers=tuple(f"driver {name}" for name in "ABCDEFGHIJKLMN"),
    )
    judge(batch.rows, None)
    until_ms = int(batch.rows["recv_ms"].max()) + after_s * 1000
    classes = [_CLASSES[vehicle % 3] for vehicle in range(len(stories) + 1)]
    registry = registry_of(classes)
    if laid_up:
        rows = list(registry.vehicles)
        for vehicle, (name, day) in laid_up.items():
            rows[vehicle] = replace(rows[vehicle], **{name: day})  # type: ignore[arg-type]
            if name == "relay_from":
                rows[vehicle] = replace(rows[vehicle], vehicle_class=VehicleClass.LINE_COACH)
        registry = Registry(tuple(rows))
    return Scenario(batch, registry, until_ms, maps)


def _tell_one(vehicle: int, story: list[Segment], start_s: int, columns: dict[str, list[float]]) -> None:
    at_s, east_m, newest_s = start_s, 50_250.0 * vehicle, start_s
    odometer_m = 0.0
    for segment in story:
        at_s += segment.silence_s
        east_m += segment.silence_m
        first_s = at_s
        times = [first_s + segment.every_s * i for i in range(segment.n)]
        end_s = times[-1] + segment.delay_s
        for i, fix_s in enumerate(times):
            if i:
                odometer_m += segment.speed_kmh * segment.every_s / 3.6
                if not segment.stuck:
                    east_m += segment.speed_kmh * segment.every_s / 3.6
            received_s = end_s if segment.held else fix_s + segment.delay_s
            columns["fix"].append(fix_s + (10_000_000 if segment.bad_time else segment.ahead_s))
            columns["recv"].append(max(received_s, 0 if segment.reversed else newest_s))
            columns["east"].append(east_m + (segment.off_m if i < segment.n_off else 0.0))
            stated_kmh = segment.speed_kmh if segment.stated_kmh < 0 else segment.stated_kmh
            columns["speed"].append(stated_kmh if segment.speed_known else -1.0)
            columns["odometer"].append(odometer_m)
            columns["vehicle"].append(vehicle)
            columns["driver"].append(segment.driver if segment.driver < 0 else 2 * vehicle + segment.driver)
            columns["acc"].append(segment.acc)
            columns["ok"].append(1.0 if segment.fix else 0.0)
            columns["alarm"].append(segment.alarm)
        if segment.reversed:
            for name in columns:
                columns[name][-segment.n :] = columns[name][-segment.n :][::-1]
            columns["recv"][-segment.n :] = [max(end_s, newest_s)] * segment.n
        newest_s = max(newest_s, int(columns["recv"][-1]))
        at_s = times[-1] + segment.every_s
