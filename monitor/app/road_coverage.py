"""How much of what is driven lies on known road sections, and on sections whose limit is known.

Kilometres are counted between neighbouring reports of recorded tracks, as the rules see them: a report is on a section
where the engine's own search finds one, and half of each step belongs to each of its ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.engine.surroundings import Surroundings
from monitor.model.beijing import day_of
from monitor.model.flaw import POSITION_FLAWS, Flaw
from monitor.model.fleet import Registry, Vehicle
from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.report import TERMINAL_PREFIX, ReportBatch, ReportRows
from monitor.model.road import RoadSet

LONGEST_STEP_MS = 300_000
"""Nobody knows which road was taken in a longer step (T1: a gap from 300 s on)."""
MOVING_KMH = 5.0
"""Slower steps are the wandering of a parked receiver (F6: moving from 5 km/h)."""
FASTEST_KMH = 160.0
"""A faster step leads to or from a drift point (Q6)."""
SAME_STRETCH_DEG = 0.02
"""Stretches whose ends are in the same cells, about 2 km wide, are one on several trips (D)."""

_M_PER_DEGREE = EARTH_RADIUS_M * np.pi / 180.0
_UNUSABLE = int(POSITION_FLAWS | Flaw.TIME)


@dataclass(frozen=True, slots=True)
class Covered:
    """Kilometres of one group: driven, of these on known sections, of these on sections without a limit."""

    key: str
    driven_m: float
    covered_m: float
    unlimited_m: float

    @property
    def share(self) -> float | None:
        """Of the kilometres driven, how much is on known sections; None where nothing was driven."""
        return self.covered_m / self.driven_m if self.driven_m else None


@dataclass(frozen=True, slots=True)
class UncoveredStretch:
    """A stretch off the known sections; the longest of the ``times`` it was driven, with the kilometres of all."""

    length_m: float
    times: int
    total_m: float
    vehicle_id: str
    from_ms: int
    start: tuple[float, float]  # degrees, longitude first
    end: tuple[float, float]


@dataclass(frozen=True, slots=True)
class RoadCoverage:
    """The answer. ``by_class`` and ``by_enterprise`` are empty without a registry; key "" is what it does not know."""

    total: Covered
    by_class: tuple[Covered, ...]
    by_enterprise: tuple[Covered, ...]
    uncovered: tuple[UncoveredStretch, ...]  # longest first
    unseen_m: float  # straight lines of steps too long to know the road


def road_coverage(
    batch: ReportBatch, roads: RoadSet, registry: Registry | None = None, *, longest: int = 20
) -> RoadCoverage:
    """Coverage of tracks that ``quality.judge`` has been over; their order does not matter."""
    rows = batch.rows[(batch.rows["flaws"] & _UNUSABLE) == 0]
    rows = rows[np.lexsort((rows["fix_ms"], rows["key"]))]
    first = np.ones(len(rows), np.bool_)
    first[1:] = (np.diff(rows["key"]) != 0) | (np.diff(rows["fix_ms"]) != 0)
    rows = rows[first]
    on, limited = _on_sections(rows, roads)
    step_m, seen, unseen_m = _steps(rows)
    # Half of each step that counts belongs to each of its ends.
    half_m = np.where(seen, step_m, 0.0) / 2.0
    share_m = np.zeros(len(rows))
    share_m[:-1] += half_m
    share_m[1:] += half_m
    groups = _Groups(rows["key"], share_m, on, limited)
    vehicles = [_vehicle(registry, key, rows, i) for i, key in enumerate(batch.keys)] if registry is not None else []
    return RoadCoverage(
        total=groups.of("", np.ones(len(batch.keys), np.bool_)),
        by_class=groups.by(vehicle.vehicle_class.value if vehicle else "" for vehicle in vehicles),
        by_enterprise=groups.by(vehicle.enterprise_id if vehicle else "" for vehicle in vehicles),
        uncovered=_uncovered(rows, batch.keys, share_m, on, seen)[:longest],
        unseen_m=unseen_m,
    )


def _on_sections(rows: ReportRows, roads: RoadSet) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which reports are on a section, and which on one whose limit is known; the section that fits best decides."""
    near_of, nears, sections, *_ = Surroundings(roads).mark(rows, np.zeros(len(rows), np.int32))
    found = np.full(len(rows), -1, np.int32)
    is_near = near_of >= 0
    found[is_near] = nears["section_1"][near_of[is_near]]
    on = found >= 0
    limited = np.zeros(len(rows), np.bool_)
    limited[on] = sections["limit_dkmh"][found[on]] > 0
    return on, limited


def _steps(rows: ReportRows) -> tuple[NDArray[np.float64], NDArray[np.bool_], float]:
    """Length of each step to the next report, which of them count, and the length of those that are too long to."""
    step_ms = np.diff(rows["fix_ms"])
    lat = rows["lat_deg"]
    east = np.diff(rows["lon_deg"]) * np.cos(np.radians((lat[1:] + lat[:-1]) / 2.0))
    step_m = np.hypot(east, np.diff(lat)) * _M_PER_DEGREE
    kmh = step_m / np.maximum(step_ms, 1) * 3_600.0
    driven = (np.diff(rows["key"]) == 0) & (kmh >= MOVING_KMH) & (kmh <= FASTEST_KMH)
    seen = driven & (step_ms <= LONGEST_STEP_MS)
    return step_m, seen, float(step_m[driven & ~seen].sum())


class _Groups:
    """Kilometres by vehicle, summed over groups of vehicles."""

    def __init__(
        self, keys: NDArray[np.int32], share_m: NDArray[np.float64], on: NDArray[np.bool_], limited: NDArray[np.bool_]
    ) -> None:
        self._n = int(keys.max()) + 1 if len(keys) else 0
        self._sums = [
            np.bincount(keys, weights=np.where(which, share_m, 0.0), minlength=self._n)
            for which in (np.ones(len(keys), np.bool_), on, on & ~limited)
        ]

    def of(self, key: str, members: NDArray[np.bool_]) -> Covered:
        return Covered(key, *(float(found[members[: self._n]].sum()) for found in self._sums))

    def by(self, keys: Iterable[str]) -> tuple[Covered, ...]:
        """Each group that drove, the longest way first."""
        names = np.array(list(keys), np.str_)
        groups = [self.of(str(name), names == name) for name in np.unique(names)]
        return tuple(sorted((group for group in groups if group.driven_m), key=lambda group: -group.driven_m))


def _vehicle(registry: Registry, key: str, rows: ReportRows, index: int) -> Vehicle | None:
    """The registry's row on the day of the vehicle's first report here."""
    its = np.flatnonzero(rows["key"] == index)
    day = int(day_of(int(rows["fix_ms"][its[0]]))) if len(its) else None
    if key.startswith(TERMINAL_PREFIX):
        return registry.by_phone(key.removeprefix(TERMINAL_PREFIX), day)
    return registry.vehicle(key, day)


def _uncovered(
    rows: ReportRows,
    keys: tuple[str, ...],
    share_m: NDArray[np.float64],
    on: NDArray[np.bool_],
    seen: NDArray[np.bool_],
) -> tuple[UncoveredStretch, ...]:
    """Runs of reports off the sections, trips over the same stretch taken together, longest first."""
    off = ~on
    if not off.any():
        return ()
    begins = off.copy()
    begins[1:] &= ~(off[:-1] & seen)
    firsts = np.flatnonzero(begins)
    run_of = np.cumsum(begins) - 1
    lengths = np.bincount(run_of[off], weights=share_m[off], minlength=len(firsts))
    lasts = np.zeros(len(firsts), np.intp)
    lasts[run_of[off]] = np.flatnonzero(off)
    trips: dict[tuple[tuple[int, int], ...], list[int]] = {}
    for run in np.argsort(-lengths, kind="stable"):
        if lengths[run] > 0.0:
            trips.setdefault(_cells(rows, int(firsts[run]), int(lasts[run])), []).append(int(run))
    found: list[UncoveredStretch] = []
    for runs in trips.values():
        a, b = rows[firsts[runs[0]]], rows[lasts[runs[0]]]
        found.append(
            UncoveredStretch(
                length_m=float(lengths[runs[0]]),
                times=len(runs),
                total_m=float(lengths[runs].sum()),
                vehicle_id=keys[a["key"]],
                from_ms=int(a["fix_ms"]),
                start=(float(a["lon_deg"]), float(a["lat_deg"])),
                end=(float(b["lon_deg"]), float(b["lat_deg"])),
            )
        )
    return tuple(found)


def _cells(rows: ReportRows, first: int, last: int) -> tuple[tuple[int, int], ...]:
    """The cells of both ends, in an order that does not depend on the way it was driven."""
    ends = [
        (round(float(rows["lon_deg"][i]) / SAME_STRETCH_DEG), round(float(rows["lat_deg"][i]) / SAME_STRETCH_DEG))
        for i in (first, last)
    ]
    return tuple(sorted(ends))
