"""Scenarios for the conformance suite: short stories of a few vehicles, told in segments, with recipes per rule.

A recipe makes a rule likely to speak; a rule without one gets the mixture of all segments, so a new rule is tested from
its first day.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from monitor.model.alarm_bits import AlarmBit, alarm_word
from monitor.model.fleet import Registry, VehicleClass
from monitor.model.report import ReportBatch
from monitor.quality.judgement import judge
from tests.traces import batch_of, registry_of

DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Segment:
    """``n`` reports every ``every_s`` seconds at ``speed_kmh``, after ``silence_s`` in which ``silence_m`` are moved.

    ``off_m``: the first ``n_off`` of them are displaced. ``delay_s``: received so much later. ``held``: received
    together, in order, when the segment is over. ``reversed``: the same, last first. ``bad_time``: dated months ahead.
    ``alarm``: the alarm word, -1 unknown.
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
    alarm: int = 0


DRIVE = Segment(20, 30, 70.0)
PARK = Segment(10, 120)
NO_SPEED = Segment(15, 60, 50.0, speed_known=False)
FAST = Segment(9, 10, 112.0)
FASTER = Segment(12, 10, 131.0)
DIP = Segment(5, 10, 96.0)
LONG_DRIVE = Segment(125, 60, 60.0, acc=1, driver=0)
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
    "speeding": (FAST, FASTER, DIP, FAST, DRIVE, GAP, SLOW_LINE, LATE_LINE, BACKFILL, DRIFT_POINT, NO_SPEED),
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
    "track_gap": (GAP, LONG_GAP, GAP, BACKFILL, BACKFILL_REVERSED, DRIVE, STANDING_GAP, SLOW_LINE, TWO_DRIFT_POINTS),
    "offline_displacement": (LONG_GAP, LONG_GAP, STANDING_GAP, DRIVE, DRIFT_POINT, MOVED_AWAY, BACKFILL_REVERSED),
    "low_completeness": (DRIVE, GAP, LONG_GAP, ABSENT, BACKFILL, DRIFT_POINT, LATE_LINE),
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

    def part(self, chosen: np.typing.NDArray[np.intp] | slice) -> ReportBatch:
        return ReportBatch(self.batch.keys, self.batch.rows[chosen], self.batch.drivers, self.batch.sources)


_CLASSES = (VehicleClass.TOUR_COACH, VehicleClass.HAZMAT, VehicleClass.HEAVY_TRUCK)


@st.composite
def scenarios(draw: st.DrawFn, rule: str) -> Scenario:
    """One to three vehicles with up to seven segments each, and up to 9 days of silence at the end."""
    told = st.sampled_from(RECIPES.get(rule, EVERYTHING)) | st.sampled_from(EVERYTHING)
    stories = draw(st.lists(st.lists(told, min_size=1, max_size=7), min_size=1, max_size=3))
    starts_s = [0, *(draw(st.sampled_from((0, 7, 3_000, 41_000))) for _ in stories[1:])]
    after_s = draw(st.sampled_from((0, 100, 650, 5_000, 20_000, DAY_S + 1, 9 * DAY_S)))
    return tell(stories, starts_s, after_s)


def tell(stories: list[list[Segment]], starts_s: list[int], after_s: int = 0) -> Scenario:
    """The reports of some stories, merged by time of receipt."""
    columns: dict[str, list[float]] = {
        name: [] for name in ("fix", "recv", "east", "speed", "vehicle", "driver", "acc", "ok", "alarm")
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
        n_vehicles=len(stories),
        drivers=tuple(f"driver {name}" for name in "ABCDEF"),
    )
    judge(batch.rows, None)
    until_ms = int(batch.rows["recv_ms"].max()) + after_s * 1000
    classes = [_CLASSES[vehicle % 3] for vehicle in range(len(stories) + 1)]
    return Scenario(batch, registry_of(classes), until_ms)


def _tell_one(vehicle: int, story: list[Segment], start_s: int, columns: dict[str, list[float]]) -> None:
    at_s, east_m, newest_s = start_s, 50_000.0 * vehicle, start_s
    for segment in story:
        at_s += segment.silence_s
        east_m += segment.silence_m
        first_s = at_s
        times = [first_s + segment.every_s * i for i in range(segment.n)]
        end_s = times[-1] + segment.delay_s
        for i, fix_s in enumerate(times):
            if i:
                east_m += segment.speed_kmh * segment.every_s / 3.6
            received_s = end_s if segment.held else fix_s + segment.delay_s
            columns["fix"].append(fix_s + (10_000_000 if segment.bad_time else 0))
            columns["recv"].append(max(received_s, 0 if segment.reversed else newest_s))
            columns["east"].append(east_m + (segment.off_m if i < segment.n_off else 0.0))
            columns["speed"].append(segment.speed_kmh if segment.speed_known else -1.0)
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
