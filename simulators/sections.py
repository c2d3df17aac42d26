"""What is known of the invented roads: the sections file beside the network, and where a circuit runs on them.

A monitor that is given ``gaotai_sections.geojson`` knows the expressways, the county roads away from their ends, and
two roads beside others that nobody of the fleet drives on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import shapely

from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.road import RoadSection, RoadSet, parse_roads
from simulators.roads import gaotai_circuit, simulator_folder

ON_M = (0.0, 10.0)
"""The vehicle is on a road when its way is this far from the line."""
BESIDE_M = (20.0, 45.0)
"""... and beside it when that far."""
_STEP_M = 50.0
_MID_LAT_DEG = 39.2


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a circuit on one section, metres from the depot; it may be driven in either direction."""

    from_m: float
    to_m: float
    section: RoadSection


@cache
def gaotai_sections() -> RoadSet:
    """The sections that ship with the simulator."""
    path = simulator_folder() / "gaotai_sections.geojson"
    return parse_roads(path.read_bytes(), str(path))


@cache
def stretches(destination: str, off_m: tuple[float, float] = ON_M) -> tuple[Stretch, ...]:
    """Pieces of the circuit to ``destination`` whose distance from a section's line is within ``off_m``."""
    circuit = gaotai_circuit(destination)
    at_m = np.arange(0.0, circuit.length_m, _STEP_M)
    lon, lat, _ = circuit.place(at_m)
    scale = np.radians(1.0) * EARTH_RADIUS_M * np.array([np.cos(np.radians(_MID_LAT_DEG)), 1.0])
    places = shapely.points(np.stack([lon, lat], axis=1) * scale)
    found: list[Stretch] = []
    for section in gaotai_sections().sections:
        line = shapely.linestrings(shapely.get_coordinates(section.line) * scale)
        away_m = shapely.distance(places, line)
        within = (away_m >= off_m[0]) & (away_m <= off_m[1])
        edges = np.flatnonzero(np.diff(np.concatenate([[False], within, [False]]).astype(np.int8)))
        found += [
            Stretch(float(at_m[begin]), float(at_m[end - 1]), section)
            for begin, end in edges.reshape(-1, 2)
            if end - begin > 1
        ]
    return tuple(sorted(found, key=lambda stretch: stretch.from_m))
