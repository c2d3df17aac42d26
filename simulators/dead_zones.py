"""Dead zones and tunnels of the simulated roads, and the files that a monitor is given of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
import shapely

from monitor.model.geo import EARTH_RADIUS_M
from simulators.roads import Circuit, Floats, straight_m

MARGIN_M = 1_000.0
"""At a zone is up to this far from it (decision 33)."""
HALF_WIDTH_M = 50.0
"""A zone reaches this far to either side of the way; a tunnel is the way itself."""
_STEP_M = 5.0
_LINE_STEP_M = 100.0


@dataclass(frozen=True, slots=True)
class DeadZone:
    """A stretch of a circuit without coverage, metres from the depot."""

    circuit: Circuit
    from_m: float
    to_m: float
    tunnel: bool = False

    def away_m(self, lon_deg: float, lat_deg: float) -> float:
        """How far a place is from it; 0 inside."""
        lon, lat = self._line(_STEP_M)
        here_lon, here_lat = np.full(len(lon), lon_deg), np.full(len(lat), lat_deg)
        nearest_m = float(straight_m(here_lon, here_lat, lon, lat).min())
        return nearest_m if self.tunnel else max(0.0, nearest_m - HALF_WIDTH_M)

    def line(self) -> list[tuple[float, float]]:
        """Its way, longitude and latitude."""
        lon, lat = self._line(_LINE_STEP_M)
        return list(zip(lon.tolist(), lat.tolist(), strict=True))

    def _line(self, step_m: float) -> tuple[Floats, Floats]:
        n = max(2, int((self.to_m - self.from_m) / step_m) + 1)
        lon, lat, _ = self.circuit.place(np.linspace(self.from_m, self.to_m, n))
        return lon, lat


def fences_geojson(zones: Sequence[DeadZone]) -> bytes:
    """The zones that are no tunnels, as ``monitor.model.fence`` reads them."""
    features = []
    for number, zone in enumerate(zone for zone in zones if not zone.tunnel):
        line = np.array(zone.line())
        scale = np.radians(1.0) * EARTH_RADIUS_M * np.array([np.cos(np.radians(line[:, 1].mean())), 1.0])
        area = shapely.buffer(shapely.linestrings(line * scale), HALF_WIDTH_M, quad_segs=16)
        ring = (shapely.get_coordinates(shapely.get_exterior_ring(area)) / scale).tolist()
        shape = {"type": "Polygon", "coordinates": [ring]}
        properties = {"kind": "dead_zone"}
        features.append({"type": "Feature", "id": f"Z{number:05d}", "properties": properties, "geometry": shape})
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})


def tunnels_geojson(zones: Sequence[DeadZone]) -> bytes:
    """The tunnels, as ``monitor.model.road`` reads them; neither class nor limit is known."""
    features = []
    for number, zone in enumerate(zone for zone in zones if zone.tunnel):
        properties = {"road_class": "unknown", "tunnel": True}
        shape = {"type": "LineString", "coordinates": zone.line()}
        features.append({"type": "Feature", "id": f"T{number:05d}", "properties": properties, "geometry": shape})
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})
