"""Fences as the grid keeps them: per coarse cell those that fill it, and pieces of those whose border is in it.

A piece is what of the fence lies in the cell, so that a fence of thousands of corners costs no more than a small one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from monitor.engine.cells import FINE
from monitor.model.compiled import compiled

if TYPE_CHECKING:
    from monitor.model.fence import Fence

OVERLAP_DEG = 1e-6
"""Pieces reach this far beyond their cell, so that rounding at its edge loses nothing."""

PIECE = np.dtype(
    [
        ("west_deg", np.float64),
        ("south_deg", np.float64),
        ("east_deg", np.float64),
        ("north_deg", np.float64),
        ("first_side", np.int32),
        ("last_side", np.int32),  # one behind the last; none at all: the fence fills the cell
        ("fence", np.int32),
        ("limit_dkmh", np.int32),
        ("kinds", np.int32),
    ],
    align=True,
)
"""What of one fence lies in one cell."""


class FencePieces:
    """Pieces of all fences, by coarse cell and in the order of the fences; ``sides`` are rows (x1, y1, x2, y2)."""

    def __init__(self, fences: Sequence[Fence], grid: NDArray[np.void]) -> None:
        self.cells: NDArray[np.int64] = np.zeros(0, np.int64)
        self.pieces: NDArray[np.void] = np.zeros(0, PIECE)
        self.sides: NDArray[np.float64] = np.zeros((0, 4))
        if not fences or not grid[0]["n_x"]:
            return
        cells, pieces, sides = [self.cells], [self.pieces], [self.sides]
        n_sides = 0
        for position, fence in enumerate(fences):
            filled, cut, parts = _parts(fence.polygon, grid[0])
            found = np.zeros(len(filled) + len(cut), PIECE)
            found["fence"] = position
            found["limit_dkmh"] = round((fence.limit_kmh or 0.0) * 10.0)
            found["kinds"] = fence.kind.mask
            for piece, part in zip(found[len(filled) :], parts, strict=True):
                piece["west_deg"], piece["south_deg"], piece["east_deg"], piece["north_deg"] = part.bounds
                sides.append(_sides(part))
                piece["first_side"], n_sides = n_sides, n_sides + len(sides[-1])
                piece["last_side"] = n_sides
            cells += [filled, cut]
            pieces.append(found)
        self.cells = np.concatenate(cells)
        order = np.argsort(self.cells, kind="stable")
        self.cells = self.cells[order]
        self.pieces = np.concatenate(pieces)[order]
        self.sides = np.concatenate(sides)


def _parts(
    polygon: Polygon | MultiPolygon, grid: np.void
) -> tuple[NDArray[np.int64], NDArray[np.int64], list[MultiPolygon]]:
    """Coarse cells that a fence fills; those that its border cuts; and of these what lies in each."""
    none = np.zeros(0, np.int64)
    side = FINE / grid["per_deg"]
    west, south, east, north = polygon.bounds
    first_x = max(int(np.floor((west - OVERLAP_DEG - grid["west_deg"]) / side)), 0)
    first_y = max(int(np.floor((south - OVERLAP_DEG - grid["south_deg"]) / side)), 0)
    last_x = min(int(np.floor((east + OVERLAP_DEG - grid["west_deg"]) / side)), int(grid["n_x"]) - 1)
    last_y = min(int(np.floor((north + OVERLAP_DEG - grid["south_deg"]) / side)), int(grid["n_y"]) - 1)
    if last_x < first_x or last_y < first_y:
        return none, none, []
    columns = np.tile(np.arange(first_x, last_x + 1), last_y - first_y + 1)
    rows = np.repeat(np.arange(first_y, last_y + 1), last_x - first_x + 1)
    left, bottom = grid["west_deg"] + columns * side, grid["south_deg"] + rows * side
    boxes = shapely.box(
        left - OVERLAP_DEG, bottom - OVERLAP_DEG, left + side + OVERLAP_DEG, bottom + side + OVERLAP_DEG
    )
    shapely.prepare(polygon)
    filled = shapely.contains(polygon, boxes)
    cells = rows * int(grid["n_x"]) + columns
    border = np.flatnonzero(~filled)
    border = border[shapely.intersects(polygon, boxes[border])]
    cut, parts = [], []
    for cell, piece in zip(cells[border], shapely.intersection(polygon, boxes[border]), strict=True):
        areas = [part for part in shapely.get_parts(piece) if isinstance(part, Polygon) and part.area > 0.0]
        if areas:
            cut.append(cell)
            parts.append(MultiPolygon(areas))
    return cells[filled], np.array(cut, np.int64), parts


def _sides(polygon: Polygon | MultiPolygon) -> NDArray[np.float64]:
    """All sides of outer and inner rings; which is which does not matter to a ray that counts crossings."""
    rings = shapely.get_rings(shapely.get_parts(polygon))
    points, owner = shapely.get_coordinates(rings, return_index=True)
    kept = owner[1:] == owner[:-1]
    return np.concatenate((points[:-1][kept], points[1:][kept]), axis=1)


@compiled
def is_inside(piece: np.void, sides: NDArray[np.float64], lon_deg: float, lat_deg: float) -> bool:
    """Whether a place of the piece's cell lies in it; the border belongs to it."""
    first, last = piece["first_side"], piece["last_side"]
    if first == last:
        return True
    if (
        lon_deg < piece["west_deg"]
        or lon_deg > piece["east_deg"]
        or lat_deg < piece["south_deg"]
        or lat_deg > piece["north_deg"]
    ):
        return False
    inside = False
    for i in range(first, last):
        x1, y1, x2, y2 = sides[i, 0], sides[i, 1], sides[i, 2], sides[i, 3]
        if min(y1, y2) <= lat_deg and lat_deg <= max(y1, y2):
            cross = (x2 - x1) * (lat_deg - y1) - (y2 - y1) * (lon_deg - x1)
            if cross == 0.0 and min(x1, x2) <= lon_deg and lon_deg <= max(x1, x2):
                return True
            if (y1 > lat_deg) != (y2 > lat_deg) and (cross > 0.0) == (y2 > y1):
                inside = not inside
    return inside
