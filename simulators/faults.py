"""What happens to reports on their way to us: noise, loss, doubling, delay. The truth does not change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.model.beijing import day_of
from monitor.model.flaw import ReportFlag
from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.report import ReportRows
from simulators.scenario import Faults

_M_PER_DEGREE = EARTH_RADIUS_M * np.pi / 180
_BURST_MS = 600_000
_LONGEST_STEP_MS = 330_000


@dataclass(frozen=True, slots=True)
class Fixes:
    """Places by their fix time, in order of it."""

    fix_ms: NDArray[np.int64]
    lon_deg: NDArray[np.float64]
    lat_deg: NDArray[np.float64]


def spoiled(
    rows: ReportRows,
    faults: Faults,
    rng: np.random.Generator,
    *,
    days: int,
    interval_s: int,
    counted_days: tuple[int, ...] = (),
    copied: Fixes | None = None,
) -> ReportRows:
    """One vehicle's reports (dtype ``REPORT``, true time order) after noise, drift bursts, loss, copies and delays.

    ``counted_days`` has the Beijing days whose truth hangs on the number of displaced fixes; drift bursts spare them.
    ``copied`` are places that it states as its own, with their noise.
    """
    rows = noisy(rows, faults, rng, days=days, counted_days=counted_days)
    if copied is not None and len(copied.fix_ms):
        place = np.minimum(np.searchsorted(copied.fix_ms, rows["fix_ms"]), len(copied.fix_ms) - 1)
        same = copied.fix_ms[place] == rows["fix_ms"]
        rows["lon_deg"][same] = copied.lon_deg[place[same]]
        rows["lat_deg"][same] = copied.lat_deg[place[same]]
    if faults.loss > 0:
        rows = rows[rng.random(len(rows)) >= faults.loss]
    for _ in range(int(rng.binomial(days, faults.loss_burst))):
        if len(rows):
            from_ms = int(rows["fix_ms"][int(rng.integers(len(rows)))])
            rows = rows[(rows["fix_ms"] < from_ms) | (rows["fix_ms"] >= from_ms + _BURST_MS)]
    for _ in range(int(rng.binomial(days, faults.backfill))):
        _uncovered(rows, rng)
    if faults.disorder > 0:
        late = rng.random(len(rows)) < faults.disorder
        rows["recv_ms"][late] += (rng.uniform(1, 10, int(late.sum())) * interval_s * 1000).astype(np.int64)
    return np.concatenate([rows, _copies(rows, faults.duplicate, rng), _conflicts(rows, faults.conflict, rng)])


def noisy(
    rows: ReportRows, faults: Faults, rng: np.random.Generator, *, days: int, counted_days: tuple[int, ...] = ()
) -> ReportRows:
    """One vehicle's reports after noise and drift bursts: the first that ``spoiled`` does, with the same chances."""
    rows = rows.copy()
    _noise(rows, faults.noise_m, rng)
    spared = set(counted_days)
    for _ in range(int(rng.binomial(days, faults.drift_burst))):
        _drift_burst(rows, spared, rng)
    return rows


def _noise(rows: ReportRows, noise_m: float, rng: np.random.Generator) -> None:
    """Gaussian noise of the place; a fix that is none (0, 0) stays one. A standing terminal holds its place.

    A fix that is repeated while the vehicle goes on is no new one, and has no noise of its own.
    """
    fixed = rows["lat_deg"] != 0.0
    if noise_m <= 0:
        return
    moved = rows["speed_dkmh"] > 0
    east, north = rng.normal(0, noise_m, len(rows)), rng.normal(0, noise_m, len(rows))
    again = np.zeros(len(rows), bool)
    again[1:] = moved[1:] & moved[:-1] & (np.diff(rows["lon_deg"]) == 0) & (np.diff(rows["lat_deg"]) == 0)
    first = np.maximum.accumulate(np.where(again, 0, np.arange(len(rows))))
    east, north = east[first], north[first]
    scale = np.where(moved, 1.0, 0.3) * fixed / _M_PER_DEGREE
    rows["lat_deg"] = np.round(rows["lat_deg"] + north * scale, 6)
    rows["lon_deg"] = np.round(rows["lon_deg"] + east * scale / np.cos(np.radians(rows["lat_deg"])), 6)


def _drift_burst(rows: ReportRows, spared: set[int], rng: np.random.Generator) -> None:
    """Two single fixes some way apart, each 17–33 km off: too few to make a drift day, so one burst a day.

    Next to a silence, or to reports without a fix, a displaced fix is no impossible step, and would be a place like
    any other.
    """
    if len(rows) < 20:
        return
    at = int(rng.integers(5, len(rows) - 12))
    day = day_of(int(rows["fix_ms"][at]))
    around = rows[at - 2 : at + 9]
    if day in spared or np.abs(np.diff(around["fix_ms"])).max() > _LONGEST_STEP_MS or (around["lat_deg"] == 0.0).any():
        return
    spared.add(day)
    for index in (at, at + 6):
        if rows["lat_deg"][index] != 0.0:
            bearing, off_deg = float(rng.uniform(0, 2 * np.pi)), float(rng.uniform(0.2, 0.3))
            rows["lon_deg"][index] += off_deg * np.sin(bearing)
            rows["lat_deg"][index] += off_deg * np.cos(bearing)


def _uncovered(rows: ReportRows, rng: np.random.Generator) -> None:
    """A spell whose reports come together, flagged, some seconds after the first one after it.

    None before a silence, which would grow by it.
    """
    if not len(rows):
        return
    from_ms = int(rows["recv_ms"][int(rng.integers(len(rows)))])
    to_ms = from_ms + round(1000 * float(rng.uniform(300, 2_400)))
    inside = (rows["recv_ms"] >= from_ms) & (rows["recv_ms"] < to_ms)
    later = rows["recv_ms"][rows["recv_ms"] >= to_ms]
    if len(later) and int(later.min()) - to_ms <= _LONGEST_STEP_MS:
        rows["recv_ms"][inside] = int(later.min()) + rng.integers(5_000, 100_000)
        rows["flags"][inside] |= int(ReportFlag.BACKFILL)


def _copies(rows: ReportRows, share: float, rng: np.random.Generator) -> ReportRows:
    """Reports sent twice, the copy 0.2–20 s later."""
    chosen: ReportRows = rows[rng.random(len(rows)) < share].copy()
    chosen["recv_ms"] += rng.integers(200, 20_000, len(chosen))
    return chosen


def _conflicts(rows: ReportRows, share: float, rng: np.random.Generator) -> ReportRows:
    """Copies whose speed differs by 1 km/h: the first one counts."""
    chosen = _copies(rows, share, rng)
    chosen["speed_dkmh"] = np.maximum(0, chosen["speed_dkmh"] - 10)
    return chosen
