"""A grid in two steps over what is known of a province: bits of coarse cells, and fine cells where a bit is set.

Nearly every report of a province is near nothing, so one bit in a few hundred KiB answers for it. A coarse cell with
something in it is a *block* of fine cells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from monitor.model.compiled import compiled, inlined

COARSE_DEG = 0.01
"""Side of a coarse cell (about 1 km); doubled until there are at most ``MAX_CELLS``."""
MAX_CELLS = 1 << 22
"""So that the bits fit into a core's second cache, and the table of blocks into 16 MiB."""
FINE = 4
"""Fine cells along the side of a block: about 280 m, some five times the reach of a road."""
FINE_SHIFT = 2
FINE_CELLS = FINE * FINE

WEST_DEG, SOUTH_DEG, EAST_DEG, NORTH_DEG = 73.55, 3.85, 135.0833, 53.55
"""No report beyond has a usable position (Q1)."""

OFFSET_DEG = 0.00037
"""Puts the borders of cells off the round numbers that borders of fences are drawn on."""

GRID = np.dtype(
    [
        ("west_deg", np.float64),
        ("south_deg", np.float64),
        ("per_deg", np.float64),  # fine cells per degree
        ("n_x", np.int64),  # coarse cells
        ("n_y", np.int64),
    ],
    align=True,
)


def grid_around(bounds: Iterable[tuple[float, float, float, float]]) -> NDArray[np.void]:
    """One GRID record around boxes (west, south, east, north, degrees); without cells where there are no boxes."""
    grid = np.zeros(1, GRID)
    grid["per_deg"] = FINE / COARSE_DEG
    boxes = np.array(list(bounds), np.float64).reshape(-1, 4)
    if not len(boxes):
        return grid
    west = max(boxes[:, 0].min(), WEST_DEG) - OFFSET_DEG
    south = max(boxes[:, 1].min(), SOUTH_DEG) - OFFSET_DEG
    east, north = min(boxes[:, 2].max(), EAST_DEG), min(boxes[:, 3].max(), NORTH_DEG)
    if east < west or north < south:
        return grid
    side = COARSE_DEG
    while math.ceil((east - west) / side + 1) * math.ceil((north - south) / side + 1) > MAX_CELLS:
        side *= 2.0
    grid["west_deg"], grid["south_deg"], grid["per_deg"] = west, south, FINE / side
    grid["n_x"] = math.floor((east - west) / side) + 1
    grid["n_y"] = math.floor((north - south) / side) + 1
    return grid


@inlined
def fine_x(grid: np.void, lon_deg: float) -> int:
    """Column of fine cells; below 0 or beyond the grid where the place is."""
    column: int = math.floor((lon_deg - grid["west_deg"]) * grid["per_deg"])
    return column


@inlined
def fine_y(grid: np.void, lat_deg: float) -> int:
    """Row of fine cells."""
    row: int = math.floor((lat_deg - grid["south_deg"]) * grid["per_deg"])
    return row


@compiled
def find_occupied(
    lon_deg: NDArray[np.float64],
    lat_deg: NDArray[np.float64],
    flaws: NDArray[np.int32],
    bad: int,
    grids: NDArray[np.void],
    bits: NDArray[np.uint8],
    found: NDArray[np.int32],
    near_of: NDArray[np.int32],
) -> int:
    """Put the positions of reports in occupied coarse cells into ``found``; returns how many.

    ``near_of`` becomes -1. ``found`` has room for all of them.
    """
    grid = grids[0]
    west, south, per_deg = grid["west_deg"], grid["south_deg"], grid["per_deg"]
    n_x = grid["n_x"]
    wide, high = float(n_x * FINE), float(grid["n_y"] * FINE)
    n = 0
    for i in range(len(lon_deg)):
        near_of[i] = -1
        x = (lon_deg[i] - west) * per_deg
        y = (lat_deg[i] - south) * per_deg
        if x >= 0.0 and x < wide and y >= 0.0 and y < high and flaws[i] & bad == 0:
            cell = (int(y) >> FINE_SHIFT) * n_x + (int(x) >> FINE_SHIFT)
            # Written always and counted if it holds: a branch here would be mistaken too often.
            found[n] = i
            n += (bits[cell >> 3] >> (cell & 7)) & 1
    return n


def packed(blocks: NDArray[np.int32]) -> NDArray[np.uint8]:
    """A bit per coarse cell: set where it has a block."""
    return np.packbits(blocks >= 0, bitorder="little")
