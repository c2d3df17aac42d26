"""What lies around reports: road sections, fences and the vehicle's permit, for a whole batch and without memory.

A grid of bits passes over the reports that are near nothing; for the others the segments of one fine cell and the
pieces of fences of one coarse cell are looked at. Of the sections whose corridor holds the place and whose direction
fits the heading, the best three go into the pass, which knows the vehicle's last one (``monitor.engine.near``).
"""

from __future__ import annotations

import math
from copy import copy
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.engine.cells import (
    FINE,
    FINE_CELLS,
    FINE_SHIFT,
    find_occupied,
    fine_x,
    fine_y,
    grid_around,
    packed,
)
from monitor.engine.fence_cells import FencePieces, is_inside
from monitor.engine.near import NEAR, PERMIT
from monitor.engine.prefetch import prefetch_row
from monitor.engine.road_cells import M_PER_DEGREE, covered_cells, section_rows, segments_of
from monitor.model.compiled import compiled, folded
from monitor.model.flaw import POSITION_FLAWS
from monitor.model.report import ReportRows

if TYPE_CHECKING:
    from monitor.engine.permit_marks import PermitMarks
    from monitor.model.fence import FenceSet
    from monitor.model.road import RoadSet

DRIVING_DKMH = 100
"""From 10 km/h on a heading is one of travel (D); slower ones of a GNSS receiver wander."""
FITTING_DEG = 60.0
"""A heading further off a line's direction is that of another road (D: a hairpin drawn with few points)."""
HEADING_COST_M = 0.5
"""A heading off by a degree counts as this much offset (D: 20 degrees, a road that crosses, as 10 m)."""
AHEAD = 8
"""How many reports ahead segments are asked for (measured: 4 to 16 are alike)."""
NO_FIT_M = 1e9
"""Cost of what does not fit."""

_POSITION = int(POSITION_FLAWS)
_NO_PERMITS = np.zeros(0, PERMIT)

Marks = tuple[NDArray[np.int32], NDArray[np.void], NDArray[np.void], NDArray[np.void]]


class Surroundings:
    """Roads, fences and permits in force; built once, asked per batch. Asking changes nothing."""

    def __init__(
        self,
        roads: RoadSet | None = None,
        fences: FenceSet | None = None,
        permits: PermitMarks | None = None,
    ) -> None:
        sections = roads.sections if roads is not None else ()
        shapes = fences.fences if fences is not None else ()
        self.sections = section_rows(sections)
        self.permits = permits
        segments = segments_of(sections)
        boxes = [section.line.bounds for section in sections] + [fence.polygon.bounds for fence in shapes]
        # A kilometre more: the reach of a road beyond its line.
        self._grid = grid_around((w - 0.01, s - 0.01, e + 0.01, n + 0.01) for w, s, e, n in boxes)
        columns, rows, owners = covered_cells(segments, self._grid)
        pieces = FencePieces(shapes, self._grid)
        self._pieces, self._sides = pieces.pieces, pieces.sides

        n_x = int(self._grid[0]["n_x"])
        cells = (rows.astype(np.int64) >> FINE_SHIFT) * n_x + (columns >> FINE_SHIFT)
        self._blocks = np.full(n_x * int(self._grid[0]["n_y"]), -1, np.int32)
        self._blocks[cells] = 0
        self._blocks[pieces.cells] = 0
        occupied = np.flatnonzero(self._blocks >= 0)
        self._blocks[occupied] = np.arange(len(occupied))
        self._bits = packed(self._blocks)

        fine = (rows & (FINE - 1)) * FINE + (columns & (FINE - 1))
        keys = self._blocks[cells] * FINE_CELLS + fine
        self._first_segment = _first_of(keys, len(occupied) * FINE_CELLS)
        # A copy for each cell: one place in memory to wait for instead of two.
        self._segments = segments[owners[np.argsort(keys, kind="stable")]]
        self._first_piece = _first_of(self._blocks[pieces.cells], len(occupied))

    def mark(self, reports: ReportRows, row_of: NDArray[np.int32]) -> Marks:
        """Per report the position of its NEAR row, or -1; the NEAR rows; the SECTION rows; and the PERMIT rows."""
        near_of = np.empty(len(reports), np.int32)
        found = np.empty(len(reports), np.int32)
        n = find_occupied(
            reports["lon_deg"],
            reports["lat_deg"],
            reports["flaws"],
            _POSITION,
            self._grid,
            self._bits,
            found,
            near_of,
        )
        nears = np.empty(n, NEAR)
        n = look_around(
            reports,
            found[:n],
            self._grid,
            self._blocks,
            self._first_segment,
            self._segments,
            self._first_piece,
            self._pieces,
            self._sides,
            near_of,
            nears,
        )
        nears = nears[:n]
        if self.permits is None:
            return near_of, nears, self.sections, _NO_PERMITS
        nears = _with_permits(near_of, nears, *self.permits.mark(reports, row_of))
        return near_of, nears, self.sections, self.permits.rows

    def with_permits(self, permits: PermitMarks | None) -> Surroundings:
        """The same roads and fences with other permits."""
        other = copy(self)
        other.permits = permits
        return other


def nothing_near(n: int) -> NDArray[np.void]:
    """NEAR rows of places near nothing."""
    nears = np.zeros(n, NEAR)
    for name in ("section_1", "section_2", "section_3", "fence", "permit"):
        nears[name] = -1
    return nears


def _with_permits(
    near_of: NDArray[np.int32],
    nears: NDArray[np.void],
    positions: NDArray[np.intp],
    permits: NDArray[np.int32],
    corridor_m: NDArray[np.float32],
    left_m: NDArray[np.float32],
) -> NDArray[np.void]:
    """NEAR rows with the permits in them; reports that were near nothing get one."""
    if not len(positions):
        return nears
    alone = positions[near_of[positions] < 0]
    near_of[alone] = len(nears) + np.arange(len(alone), dtype=np.int32)
    nears = np.concatenate((nears, nothing_near(len(alone))))
    nears["permit"][near_of[positions]] = permits
    nears["corridor_m"][near_of[positions]] = corridor_m
    nears["left_m"][near_of[positions]] = left_m
    return nears


def _first_of(keys: NDArray[np.int32], n: int) -> NDArray[np.int32]:
    """Where the entries of each of ``n`` keys begin once they are sorted by key, and at the end their number."""
    first = np.zeros(n + 1, np.int32)
    np.cumsum(np.bincount(keys, minlength=n), out=first[1:])
    return first


@compiled
def look_around(
    reports: NDArray[np.void],
    found: NDArray[np.int32],
    grids: NDArray[np.void],
    blocks: NDArray[np.int32],
    first_segment: NDArray[np.int32],
    segments: NDArray[np.void],
    first_piece: NDArray[np.int32],
    pieces: NDArray[np.void],
    sides: NDArray[np.float64],
    near_of: NDArray[np.int32],
    nears: NDArray[np.void],
) -> int:
    """Fill a NEAR row for each report in ``found`` that is near something; returns how many are."""
    grid = grids[0]
    n_x = grid["n_x"]
    block_of = np.empty(len(found), np.int32)
    cell_of = np.empty(len(found), np.int64)
    n_segments = np.empty(len(found), np.int32)
    # Reports lie anywhere, so every table is cold. Short loops let the processor wait for many of them at once.
    for k in range(len(found)):
        report = reports[found[k]]
        x, y = fine_x(grid, report["lon_deg"]), fine_y(grid, report["lat_deg"])
        block = blocks[(y >> FINE_SHIFT) * n_x + (x >> FINE_SHIFT)]
        block_of[k] = block
        cell_of[k] = block * FINE_CELLS + (y & (FINE - 1)) * FINE + (x & (FINE - 1))
    for k in range(len(found)):
        cell = cell_of[k]
        cell_of[k] = first_segment[cell]
        n_segments[k] = first_segment[cell + 1] - first_segment[cell]
    n = 0
    for k in range(len(found)):
        if k + AHEAD < len(found):
            prefetch_row(segments, cell_of[k + AHEAD])
        i = found[k]
        report = reports[i]
        lon, lat = report["lon_deg"], report["lat_deg"]
        near = nears[n]
        clear_near(near)
        block = block_of[k]
        first, last = cell_of[k], cell_of[k] + n_segments[k]
        if first < last:
            heading = float(report["heading_deg"])
            if report["speed_dkmh"] < DRIVING_DKMH or heading < 0.0 or heading >= 360.0:
                heading = -1.0
            scale = math.cos(math.radians(lat)) * M_PER_DEGREE
            section, best_m, way = -1, NO_FIT_M, 0
            for j in range(first, last):
                segment = segments[j]
                if segment["section"] != section:
                    if best_m < NO_FIT_M:
                        insert(near, section, best_m, way)
                    section, best_m, way = segment["section"], NO_FIT_M, 0
                cost_m, along = fit_of(segment, lon, lat, scale, heading)
                if cost_m < best_m:
                    best_m, way = cost_m, along
            if best_m < NO_FIT_M:
                insert(near, section, best_m, way)
        for j in range(first_piece[block], first_piece[block + 1]):
            piece = pieces[j]
            if is_inside(piece, sides, lon, lat):
                near["fence_kinds"] |= piece["kinds"]
                limit = piece["limit_dkmh"]
                if limit > 0 and (near["fence"] < 0 or limit < near["fence_limit_dkmh"]):
                    near["fence"] = piece["fence"]
                    near["fence_limit_dkmh"] = limit
        if near["section_1"] >= 0 or near["fence_kinds"] != 0:
            near_of[i] = n
            n += 1
    return n


@compiled
def clear_near(near: np.void) -> None:
    """As near nothing."""
    near["section_1"] = -1
    near["section_2"] = -1
    near["section_3"] = -1
    near["cost_1_m"] = 0.0
    near["cost_2_m"] = 0.0
    near["cost_3_m"] = 0.0
    near["along_1"] = 0
    near["along_2"] = 0
    near["along_3"] = 0
    near["fence"] = -1
    near["fence_limit_dkmh"] = 0
    near["fence_kinds"] = 0
    near["permit"] = -1
    near["corridor_m"] = 0.0
    near["left_m"] = 0.0


@folded
def fit_of(segment: np.void, lon_deg: float, lat_deg: float, scale_x: float, heading_deg: float) -> tuple[float, int]:
    """Cost of a segment in metres, and whether the vehicle runs along it; ``NO_FIT_M`` where it does not fit.

    It fits if the place is within its reach, and the heading (-1: not known) within 60 degrees of an allowed direction.
    """
    dx, dy = segment["dlon_deg"] * scale_x, segment["dlat_deg"] * M_PER_DEGREE
    px, py = (lon_deg - segment["lon_deg"]) * scale_x, (lat_deg - segment["lat_deg"]) * M_PER_DEGREE
    share = min(max((px * dx + py * dy) / (dx * dx + dy * dy), 0.0), 1.0)
    px -= share * dx
    py -= share * dy
    squared = px * px + py * py
    reach_m = float(segment["reach_m"])
    if squared > reach_m * reach_m:
        return NO_FIT_M, 0
    way = int(segment["way"])
    if heading_deg < 0.0:
        return math.sqrt(squared), way
    off = abs(heading_deg - float(segment["bearing_deg"]))
    if off > 180.0:
        off = 360.0 - off
    along = 1
    if off > 90.0:
        along = -1
        off = 180.0 - off
    if off > FITTING_DEG or way == -along:
        return NO_FIT_M, 0
    return math.sqrt(squared) + HEADING_COST_M * off, along


@compiled
def insert(near: np.void, section: int, cost_m: float, along: int) -> None:
    """Take a section among the best three. They come in the order of the set, so of equal ones the first stays."""
    if near["section_3"] >= 0 and cost_m >= float(near["cost_3_m"]):
        return
    if near["section_2"] >= 0 and cost_m >= float(near["cost_2_m"]):
        near["section_3"], near["cost_3_m"], near["along_3"] = section, cost_m, along
        return
    near["section_3"], near["cost_3_m"], near["along_3"] = near["section_2"], near["cost_2_m"], near["along_2"]
    if near["section_1"] >= 0 and cost_m >= float(near["cost_1_m"]):
        near["section_2"], near["cost_2_m"], near["along_2"] = section, cost_m, along
        return
    near["section_2"], near["cost_2_m"], near["along_2"] = near["section_1"], near["cost_1_m"], near["along_1"]
    near["section_1"], near["cost_1_m"], near["along_1"] = section, cost_m, along
