"""Terminals that are online but lie: a fix that stays while the vehicle goes on, a speed that stays while it moves."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.place import NEVER_MS, distance_m, from_e7, to_e7
from tests.benchmarks.plain_rules.records import (
    CLEAR,
    DATA_ENDED,
    MAJOR,
    MAX_STEP_MS,
    MIN_STEP_MS,
    ONSET,
    OVER,
    Core,
    Edge,
    Step,
    new_edge,
)

FASTEST_KMH = 160.0


@dataclass(frozen=True, slots=True)
class FrozenParams:
    least_kmh: float
    least_ms: int
    least_m: float
    silence_ms: int
    least_reports: int
    enabled: int


@dataclass(frozen=True, slots=True)
class PinnedParams:
    least_kmh: float
    beyond_kmh: float
    least_ms: int
    least_m: float
    silence_ms: int
    least_reports: int
    enabled: int


@dataclass(slots=True)
class Window:
    begin_ms: int
    lon_deg: float
    lat_deg: float
    odometer_m: int = -1
    spoken_m: float = 0.0


@dataclass(slots=True)
class Signs:
    """What is together so far; the first sign decides the onset."""

    first_ms: int
    start: tuple[float, float]
    last_ms: int = 0
    end: tuple[float, float] = (0.0, 0.0)
    length_ms: int = 0
    way_m: float = 0.0
    n: int = 0
    is_open: bool = False

    def add(self, window: Window, x: Step, way_m: float, n: int) -> None:
        self.last_ms = x.fix_ms
        self.end = (x.lon_deg, x.lat_deg)
        self.length_ms += x.fix_ms - window.begin_ms
        self.way_m += way_m
        self.n = n


class Liar:
    """What both rules share: a window, the signs, silence."""

    __slots__ = ("n", "signs", "silence_ms", "window")
    name = ""

    def __init__(self, silence_ms: int) -> None:
        self.silence_ms = silence_ms
        self.window: Window | None = None
        self.signs: Signs | None = None
        self.n = 0

    @property
    def idle(self) -> bool:
        return self.window is None and self.signs is None

    def begin_window(self, fix_ms: int, lon: float, lat: float, odometer_m: int = -1) -> None:
        self.window = Window(fix_ms, lon, lat, odometer_m)
        if self.signs is None:
            self.n = 1

    def end(self, x: Step, out: list[Edge], reason: int) -> None:
        if self.signs is not None and self.signs.is_open:
            e = self.write(x, out, CLEAR)
            e.end_ms = self.signs.last_ms
            e.end_reason = reason
            e.end_lon, e.end_lat = self.signs.end
        self.window = self.signs = None
        self.n = 0

    def write(self, x: Step, out: list[Edge], edge: int) -> Edge:
        assert self.signs is not None
        e = new_edge(out, x, self.name, 0, edge, self.signs.first_ms)
        e.grade = MAJOR
        e.distance_m = self.signs.way_m
        e.n_reports = self.signs.n
        e.start_lon, e.start_lat = self.signs.start
        return e

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        if self.signs is None:
            return NEVER_MS
        due_ms = self.due_ms(x, core.clock_ms)
        if x.clock_ms <= due_ms:
            return due_ms
        now, x.clock_ms = x.clock_ms, due_ms
        self.end(x, out, DATA_ENDED)
        x.clock_ms = now
        return NEVER_MS

    def due_ms(self, x: Step, last_clock_ms: int) -> int:
        due_ms = last_clock_ms + self.silence_ms
        return max(due_ms, x.grace_until_ms) if due_ms > x.paused_ms else due_ms

    def end_if_silent(self, x: Step, out: list[Edge]) -> None:
        if self.signs is not None and x.clock_ms > self.due_ms(x, x.previous_clock_ms):
            self.end(x, out, DATA_ENDED)


class FrozenFix(Liar):
    """One vehicle whose fix may stay the same."""

    __slots__ = ("params", "recorder_dkmh", "speed_dkmh")
    name = "frozen_fix"

    def __init__(self, params: FrozenParams) -> None:
        super().__init__(params.silence_ms)
        self.params = params
        self.speed_dkmh = self.recorder_dkmh = -1

    def step(self, core: Core, x: Step, out: list[Edge]) -> None:
        same = abs(x.lon_deg - x.previous_lon_deg) < 5e-7 and abs(x.lat_deg - x.previous_lat_deg) < 5e-7
        if self.idle and not same:
            return
        self.end_if_silent(x, out)
        if not same:
            if self.signs is not None:
                self.signs.end = (core.lon_deg, core.lat_deg)
            self.end(x, out, OVER)
        elif not self.params.enabled or is_coarse(x.lon_deg, x.lat_deg):
            self.end(x, out, DATA_ENDED)
        elif not x.first:
            self.repeat(core, x, out)

    def repeat(self, core: Core, x: Step, out: list[Edge]) -> None:
        self.n += 1
        if x.acc == 0:
            self.window = None
            return
        stated = [(self.speed_dkmh, x.speed_dkmh), (self.recorder_dkmh, x.recorder_dkmh)]
        self.speed_dkmh, self.recorder_dkmh = x.speed_dkmh, x.recorder_dkmh
        window = self.window
        if window is not None:
            window.spoken_m += max(0 if a == b or a < 0 or b < 0 else min(a, b) for a, b in stated) * x.dt_ms / 36_000.0
            length_ms = x.fix_ms - window.begin_ms
            if length_ms < MIN_STEP_MS:
                return
            if length_ms <= MAX_STEP_MS:
                self.judge(window, length_ms, core, x, out)
        self.begin_window(x.fix_ms, x.lon_deg, x.lat_deg, x.mileage_m)

    def judge(self, window: Window, length_ms: int, core: Core, x: Step, out: list[Edge]) -> None:
        params = self.params
        most_m = FASTEST_KMH * length_ms / 3_600.0
        grown_m = x.mileage_m - window.odometer_m if min(x.mileage_m, window.odometer_m) >= 0 else 0
        way_m = max(way if way <= most_m else 0.0 for way in (0.0, float(grown_m), window.spoken_m))
        if way_m * 3_600.0 < params.least_kmh * length_ms:
            return
        if self.signs is None:
            self.signs = Signs(window.begin_ms, (core.lon_deg, core.lat_deg))
        signs = self.signs
        signs.start = (core.lon_deg, core.lat_deg)
        signs.add(window, x, way_m, self.n)
        if (
            not signs.is_open
            and signs.length_ms >= params.least_ms
            and signs.way_m >= params.least_m
            and signs.n >= params.least_reports
        ):
            signs.is_open = True
            self.write(x, out, ONSET)


class PinnedSpeed(Liar):
    """One vehicle whose stated speed may stay the same."""

    __slots__ = ("params", "speed_dkmh")
    name = "pinned_speed"

    def __init__(self, params: PinnedParams) -> None:
        super().__init__(params.silence_ms)
        self.params = params
        self.speed_dkmh = -1

    def step(self, core: Core, x: Step, out: list[Edge]) -> None:
        self.end_if_silent(x, out)
        speed = x.speed_dkmh
        if speed < 0:
            return
        if self.idle:
            repeats = core.shown_speed and speed == core.speed_dkmh
            if not repeats or x.acc == 0 or not self.params.enabled:
                return
            self.speed_dkmh, self.n = speed, 0
            if not x.jump and x.previous_acc != 0 and not is_coarse(x.previous_lon_deg, x.previous_lat_deg):
                self.begin_window(x.previous_fix_ms, x.previous_lon_deg, x.previous_lat_deg)
        elif speed != self.speed_dkmh:
            self.end(x, out, OVER)
            return
        elif not self.params.enabled:
            self.end(x, out, DATA_ENDED)
            return
        self.repeat(x, out)

    def repeat(self, x: Step, out: list[Edge]) -> None:
        self.n += 1
        if x.acc == 0 or x.jump or is_coarse(x.lon_deg, x.lat_deg):
            self.window = None
            return
        window = self.window
        if window is not None:
            length_ms = x.fix_ms - window.begin_ms
            if length_ms < MIN_STEP_MS:
                return
            if length_ms <= MAX_STEP_MS:
                self.judge(window, length_ms, x, out)
        self.begin_window(x.fix_ms, x.lon_deg, x.lat_deg)

    def judge(self, window: Window, length_ms: int, x: Step, out: list[Edge]) -> None:
        params = self.params
        start = (kept(window.lon_deg), kept(window.lat_deg))
        way_m = distance_m(*start, x.lon_deg, x.lat_deg)
        if way_m * 3_600.0 < max(params.least_kmh, self.speed_dkmh / 10.0 + params.beyond_kmh) * length_ms:
            return
        if self.signs is None:
            self.signs = Signs(window.begin_ms, start)
        signs = self.signs
        signs.add(window, x, way_m, self.n)
        signs.end = (kept(x.lon_deg), kept(x.lat_deg))
        if (
            not signs.is_open
            and signs.length_ms >= params.least_ms
            and signs.n >= params.least_reports
            and distance_m(*signs.start, x.lon_deg, x.lat_deg) >= params.least_m
        ):
            signs.is_open = True
            self.write(x, out, ONSET)


def kept(degrees: float) -> float:
    """As the compiled rule keeps it: whole 1e-7 degrees."""
    return from_e7(to_e7(degrees))


def is_coarse(lon: float, lat: float) -> bool:
    """On the grid of 0.001 degrees, or of whole minutes."""
    return any(all(on_grid(angle, per_degree) for angle in (lon, lat)) for per_degree in (1000.0, 60.0))


def on_grid(degrees: float, per_degree: float) -> bool:
    return abs(degrees - float(int(degrees * per_degree + 0.5)) / per_degree) < 6e-7
