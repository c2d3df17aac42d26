"""Which permit a report falls under, and how far it is from that permit's route.

Few vehicles have permits, so their reports are picked out first. A permit counts while it holds, and for a day before
and after, so that a trip begun too early or going on too long is seen. Of several the one counts that holds; of several
that hold the one whose corridor the vehicle is in, else one without a route, else the nearest; of equal ones the latest
to begin, or last in the file. Of those that do not hold the one counts whose corridor the vehicle is in.
"""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray

from monitor.engine.near import PERMIT
from monitor.model.beijing import DAY_MS, day_of
from monitor.model.compiled import compiled
from monitor.model.flaw import POSITION_FLAWS, Flaw
from monitor.model.geo import EARTH_RADIUS_M, distance_m
from monitor.model.report import ReportRows

if TYPE_CHECKING:
    from monitor.engine.fleet_state import FleetState
    from monitor.model.fleet import Registry
    from monitor.model.permit import PermitSet

AROUND_MS = DAY_MS
"""How long before and after its time a permit is still the one that a trip is measured by (D)."""
NO_ROUTE_M = 0.0
"""Distance from a route that the permit does not name."""
FAR_RANK = 1e8
"""Further than any place on earth, in metres."""
NO_RANK = 1e30

_M_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180.0
_UNPLACED = int(POSITION_FLAWS | Flaw.TIME)


class PermitMarks:
    """The permits of a set, by fleet row. A vehicle that the fleet does not know yet is found once it does."""

    def __init__(self, permits: PermitSet, fleet: FleetState) -> None:
        self._permits = permits
        self._fleet = fleet
        self.rows = np.zeros(len(permits), PERMIT)
        lines: list[NDArray[np.float64]] = []
        for row, permit in zip(self.rows, permits.permits, strict=True):
            hours = (-1, -1) if permit.hours_from_s is None else (permit.hours_from_s, permit.hours_to_s or 0)
            row["from_ms"], row["to_ms"] = permit.valid_from_ms, permit.valid_to_ms
            row["corridor_m"] = 0.0 if permit.route is None else permit.corridor_m
            row["limit_dkmh"] = 0 if permit.limit_kmh is None else round(permit.limit_kmh * 10)
            row["hours_from_s"], row["hours_to_s"] = hours
            line = np.zeros((0, 2)) if permit.route is None else shapely.get_coordinates(permit.route)
            left = left_of(line)
            if len(line):
                row["length_m"] = left[0]
                row["end_lon_deg"], row["end_lat_deg"] = line[-1]
            lines.append(np.column_stack((line, left)))
        self._first_point = np.concatenate(([0], np.cumsum([len(line) for line in lines]))).astype(np.int64)
        self._points = np.ascontiguousarray(np.concatenate(lines)) if lines else np.zeros((0, 3))
        self._known: tuple[int, Registry | None] | None = None
        self._first = np.zeros(1, np.int32)
        self._order = np.zeros(0, np.int32)

    def mark(
        self, reports: ReportRows, row_of: NDArray[np.int32]
    ) -> tuple[NDArray[np.intp], NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """For the reports that fall under a permit, each once: positions in ``reports``, the permit's position in the
        ``PermitSet``, metres from the middle of its route, and metres left to the route's end."""
        self._look_up()
        asked = np.flatnonzero(self._first[row_of + 1] > self._first[row_of])
        if len(asked):
            asked = asked[reports["flaws"][asked] & _UNPLACED == 0]
        found = np.empty(len(asked), np.int32)
        corridor_m = np.empty(len(asked), np.float32)
        left_m = np.empty(len(asked), np.float32)
        measure(
            reports, row_of, asked, self._first, self._order, self.rows, self._first_point, self._points,
            found, corridor_m, left_m,
        )  # fmt: skip
        kept = found >= 0
        return asked[kept], found[kept], corridor_m[kept], left_m[kept]

    def _look_up(self) -> None:
        """Permits by fleet row, after a change of the fleet or the registry."""
        fleet = self._fleet
        now = len(fleet), fleet.registry
        if self._known is not None and self._known[0] == now[0] and self._known[1] is now[1]:
            return
        rows = np.full(len(self._permits), -1, np.int64)
        known = {key: row for row, key in enumerate(fleet.keys)}
        for at, permit in enumerate(self._permits.permits):
            key = permit.vehicle_id
            if not key and fleet.registry is not None:
                begins_on = int(day_of(permit.valid_from_ms))
                vehicle = fleet.registry.by_plate(permit.plate_color.value, permit.plate, begins_on)
                key = vehicle.vehicle_id if vehicle is not None else ""
            rows[at] = known.get(key, -1)
        order = np.lexsort((np.arange(len(rows)), self.rows["from_ms"], rows))
        self._order = order[rows[order] >= 0].astype(np.int32)
        self._first = np.searchsorted(rows[self._order], np.arange(len(fleet) + 1)).astype(np.int32)
        self._known = now


def left_of(line: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres along a line from each of its points (degrees, shape (n, 2)) to its last."""
    steps = [distance_m(a[0], a[1], b[0], b[1]) for a, b in pairwise(line)]
    return np.concatenate((np.cumsum(steps[::-1])[::-1], np.zeros(1))) if len(line) else np.zeros(0)


@compiled
def measure(
    reports: NDArray[np.void],
    row_of: NDArray[np.int32],
    asked: NDArray[np.intp],
    first: NDArray[np.int32],
    order: NDArray[np.int32],
    permits: NDArray[np.void],
    first_point: NDArray[np.int64],
    points: NDArray[np.float64],
    found: NDArray[np.int32],
    corridor_m: NDArray[np.float32],
    left_m: NDArray[np.float32],
) -> None:
    """Fill ``found``, ``corridor_m`` and ``left_m`` for the reports asked for; ``found`` is -1 under no permit."""
    for k in range(len(asked)):
        report = reports[asked[k]]
        row = row_of[asked[k]]
        best, best_rank, best_away, best_left = -1, NO_RANK, 0.0, 0.0
        for at in range(first[row + 1] - 1, first[row] - 1, -1):
            index = order[at]
            permit = permits[index]
            fix_ms = report["fix_ms"]
            if not permit["from_ms"] - AROUND_MS <= fix_ms < permit["to_ms"] + AROUND_MS:
                continue
            away, left = route_of(
                points, first_point[index], first_point[index + 1], report["lon_deg"], report["lat_deg"]
            )
            rank = rank_of(permit, fix_ms, away)
            if rank < best_rank:
                best, best_rank, best_away, best_left = index, rank, away, left
        found[k] = best
        corridor_m[k] = best_away
        left_m[k] = best_left


@compiled
def rank_of(permit: np.void, fix_ms: int, away_m: float) -> float:
    """Which of several permits counts: the lowest. See the top of the file."""
    holds = permit["from_ms"] <= fix_ms < permit["to_ms"]
    beyond_m = away_m - permit["corridor_m"]
    if permit["corridor_m"] == 0.0:
        return -1.0 if holds else 3.0 * FAR_RANK
    if beyond_m <= 0.0:
        return -2.0 if holds else FAR_RANK if fix_ms >= permit["to_ms"] else 2.0 * FAR_RANK
    return float(beyond_m) if holds else 4.0 * FAR_RANK + beyond_m


@compiled
def route_of(points: NDArray[np.float64], begin: int, end: int, lon: float, lat: float) -> tuple[float, float]:
    """Metres from a place to a line, and from there along it to its end; zeros for a line without points.

    ``points``: longitude, latitude, metres to the end. Where the line comes by twice, the first time counts.
    """
    if end - begin < 2:
        return NO_ROUTE_M, 0.0
    scale = math.cos(math.radians(lat)) * _M_PER_DEGREE
    best = 1e30
    left = 0.0
    for i in range(begin, end - 1):
        ax, ay = (points[i, 0] - lon) * scale, (points[i, 1] - lat) * _M_PER_DEGREE
        dx, dy = (points[i + 1, 0] - points[i, 0]) * scale, (points[i + 1, 1] - points[i, 1]) * _M_PER_DEGREE
        length_2 = dx * dx + dy * dy
        share = 0.0 if length_2 == 0.0 else min(max(-(ax * dx + ay * dy) / length_2, 0.0), 1.0)
        px, py = ax + share * dx, ay + share * dy
        away = px * px + py * py
        if away < best:
            best = away
            left = points[i, 2] + share * (points[i + 1, 2] - points[i, 2])
    return math.sqrt(best), left
