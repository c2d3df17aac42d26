"""Road sections as the grid keeps them: straight segments by fine cell, and ends that touch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.strtree import STRtree

from monitor.engine.cells import FINE, fine_x, fine_y
from monitor.engine.near import SECTION
from monitor.model.compiled import compiled
from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.road import Direction

if TYPE_CHECKING:
    from monitor.model.road import RoadSection

FIX_MARGIN_M = 20.0
"""Beyond its corridor a section is still found (D: the narrowest corridor and this are three times the 15 m that
JT/T 794 allows a terminal)."""
TOUCH_M = 30.0
"""Ends no further apart are one node (D: a junction drawn from two sides)."""

M_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180.0
MIN_COS = 0.01

SEGMENT = np.dtype(
    [
        ("lon_deg", np.float64),  # where it begins
        ("lat_deg", np.float64),
        ("dlon_deg", np.float64),
        ("dlat_deg", np.float64),
        ("bearing_deg", np.float32),  # of its direction, 0 to 360
        ("reach_m", np.float32),  # corridor and margin
        ("section", np.int32),
        ("way", np.int32),  # 1 only along, -1 only against, 0 both
    ],
    align=True,
)
"""A straight piece of a section's line."""

_WAY = {Direction.FORWARD: 1, Direction.BACKWARD: -1, Direction.BOTH: 0}


def section_rows(sections: Sequence[RoadSection]) -> NDArray[np.void]:
    """SECTION rows for the pass, in the order of the set."""
    rows = np.zeros(len(sections), SECTION)
    rows["limit_dkmh"] = [round((section.limit_kmh or 0.0) * 10.0) for section in sections]
    rows["road_class"] = [section.road_class for section in sections]
    rows["flags"] = [section.flags for section in sections]
    numbers = {"": 0}
    rows["road"] = [numbers.setdefault(section.road_no, len(numbers)) for section in sections]
    nodes = end_nodes(sections)
    rows["from_node"], rows["to_node"] = nodes[: len(sections)], nodes[len(sections) :]
    return rows


def end_nodes(sections: Sequence[RoadSection]) -> NDArray[np.int32]:
    """Numbers of the begins, then of the ends of sections' lines: those that touch have the same, also in a chain."""
    if not sections:
        return np.zeros(0, np.int32)
    points, owner = shapely.get_coordinates([section.line for section in sections], return_index=True)
    first = np.flatnonzero(np.r_[True, owner[1:] != owner[:-1]])
    last = np.r_[first[1:] - 1, len(points) - 1]
    ends = np.concatenate((points[first], points[last]))
    cos_lat = np.maximum(np.cos(np.radians(ends[:, 1])), MIN_COS)
    places = np.asarray(shapely.points(ends))
    around_deg = 1.01 * TOUCH_M / (M_PER_DEGREE * float(cos_lat.min()))
    one, other = STRtree(places).query(places, predicate="dwithin", distance=around_deg)
    apart = (ends[one] - ends[other]) * M_PER_DEGREE
    touching = np.hypot(apart[:, 0] * cos_lat[one], apart[:, 1]) <= TOUCH_M
    one, other = one[touching], other[touching]
    nodes = np.arange(len(ends), dtype=np.int32)
    while True:
        lower = nodes.copy()
        np.minimum.at(lower, one, nodes[other])
        np.minimum.at(lower, other, nodes[one])
        if np.array_equal(lower, nodes):
            return nodes
        nodes = lower


def segments_of(sections: Sequence[RoadSection]) -> NDArray[np.void]:
    """SEGMENT rows of all lines; points that repeat make none."""
    if not sections:
        return np.zeros(0, SEGMENT)
    points, owner = shapely.get_coordinates([section.line for section in sections], return_index=True)
    step = np.diff(points, axis=0)
    kept = (owner[1:] == owner[:-1]) & np.any(step != 0.0, axis=1)
    begin, step, owner = points[:-1][kept], step[kept], owner[:-1][kept]
    segments = np.zeros(len(begin), SEGMENT)
    segments["lon_deg"], segments["lat_deg"] = begin.T
    segments["dlon_deg"], segments["dlat_deg"] = step.T
    cos_lat = np.cos(np.radians(begin[:, 1] + step[:, 1] / 2.0))
    segments["bearing_deg"] = np.degrees(np.arctan2(step[:, 0] * cos_lat, step[:, 1])) % 360.0
    segments["reach_m"] = np.array([section.corridor_m + FIX_MARGIN_M for section in sections])[owner]
    segments["section"] = owner
    segments["way"] = np.array([_WAY[section.direction] for section in sections])[owner]
    return segments


def covered_cells(
    segments: NDArray[np.void], grid: NDArray[np.void]
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]:
    """Fine cells within reach of each segment, and a few more: columns, rows, and positions of segments."""
    none = np.zeros(0, np.int32)
    n = cover(segments, grid, none, none, none)
    columns, rows, owners = np.empty(n, np.int32), np.empty(n, np.int32), np.empty(n, np.int32)
    cover(segments, grid, columns, rows, owners)
    return columns, rows, owners


@compiled
def cover(
    segments: NDArray[np.void],
    grids: NDArray[np.void],
    columns: NDArray[np.int32],
    rows: NDArray[np.int32],
    owners: NDArray[np.int32],
) -> int:
    """Write the cells that segments reach, as far as there is room; returns how many there are.

    Row by row: the part of the segment within reach of the row, and the columns within reach of that part.
    """
    if len(segments) == 0:
        return 0
    grid = grids[0]
    wide, high = grid["n_x"] * FINE, grid["n_y"] * FINE
    side_deg = 1.0 / grid["per_deg"]
    n = 0
    for i in range(len(segments)):
        segment = segments[i]
        lon, lat, dlon, dlat = segment["lon_deg"], segment["lat_deg"], segment["dlon_deg"], segment["dlat_deg"]
        # A thousandth more: the distance is taken in the frame of a report, not of the segment.
        reach_y = segment["reach_m"] * 1.001 / M_PER_DEGREE + 1e-9
        north = max(lat, lat + dlat) + reach_y
        south = min(lat, lat + dlat) - reach_y
        furthest = math.radians(max(abs(north), abs(south)))
        reach_x = reach_y / max(math.cos(furthest), MIN_COS)
        for y in range(max(fine_y(grid, south), 0), min(fine_y(grid, north), high - 1) + 1):
            below = grid["south_deg"] + y * side_deg - reach_y - lat
            above = below + side_deg + 2.0 * reach_y
            begin, end = 0.0, 1.0
            if dlat != 0.0:
                one, other = below / dlat, above / dlat
                begin = min(max(min(one, other), 0.0), 1.0)
                end = min(max(max(one, other), 0.0), 1.0)
            west = lon + min(begin * dlon, end * dlon) - reach_x
            east = lon + max(begin * dlon, end * dlon) + reach_x
            for x in range(max(fine_x(grid, west), 0), min(fine_x(grid, east), wide - 1) + 1):
                if n < len(owners):
                    columns[n], rows[n], owners[n] = x, y, i
                n += 1
    return n
