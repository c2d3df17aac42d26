"""Copied tracks: which windows of a vehicle's fixes are kept to be compared with those of others."""

from __future__ import annotations

import math
from dataclasses import dataclass

from tests.benchmarks.plain_rules.lying import on_grid
from tests.benchmarks.plain_rules.place import day_of
from tests.benchmarks.plain_rules.records import Step

FIXES = 8
DAY_MOST = 512
SAME_DEG = 5e-7
LONGEST_LAG_S = 2**24 - 1
RARE = ((45_000, 2), (20_000, 3), (8_000, 4), (4_000, 5), (2_000, 6), (0, 7))
"""Of how many windows one is kept, as a power of two, by the time since the fix before."""


@dataclass(frozen=True, slots=True)
class CopiedParams:
    enabled: int


@dataclass(frozen=True, slots=True)
class Window:
    """Eight fixes in a row; ``content`` says which."""

    row: int
    at_ms: int
    content: int
    lag_s: int


class CopiedTrack:
    """One vehicle's way, of which every digit counts."""

    __slots__ = ("day", "fixes", "kept", "params")

    def __init__(self, params: CopiedParams) -> None:
        self.params = params
        self.fixes: list[int] = []
        self.day = self.kept = 0

    def step(self, x: Step, out: list[Window]) -> None:
        if x.motion_dkmh < 50 or not self.params.enabled:
            return
        lon, lat = x.lon_deg, x.lat_deg
        if not x.first and abs(lon - x.previous_lon_deg) < SAME_DEG and abs(lat - x.previous_lat_deg) < SAME_DEG:
            return
        rough = any(on_grid(lon, per_degree) and on_grid(lat, per_degree) for per_degree in (10_000.0, 6_000.0))
        if x.jump or rough:
            self.fixes = []
            return
        self.fixes = [*self.fixes[1 - FIXES :], digits(lon, lat)]
        bits = next(bits for least_ms, bits in RARE if x.dt_ms >= least_ms)
        if len(self.fixes) < FIXES or (self.fixes[-1] >> 39) % 2**bits:
            return
        if day_of(x.fix_ms) != self.day:
            self.day, self.kept = day_of(x.fix_ms), 0
        self.kept += 1
        if self.kept <= DAY_MOST:
            content = sum(fix << 5 * (FIXES - 1 - place) for place, fix in enumerate(self.fixes)) % 2**39
            lag_s = min(max((x.clock_ms - x.fix_ms) // 1000, 0), LONGEST_LAG_S)
            out.append(Window(x.row, x.fix_ms, content, lag_s))


def digits(lon: float, lat: float) -> int:
    """62 bits of a fix to 1e-6 degrees: a product of both, its halves multiplied together, its top folded in."""
    east, north = math.floor(lon * 1e6 + 0.5) + 180_000_000, math.floor(lat * 1e6 + 0.5) + 90_000_000
    both = 3_144_134_277 * east + 2_654_435_761 * north
    both ^= both // 2**29
    upper, lower = divmod(both, 2**32)
    both = (668_265_263 * lower + upper) % 2**62
    return both ^ both // 2**27
