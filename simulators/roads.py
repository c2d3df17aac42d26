"""The invented road network and the circuits that vehicles drive on it.

A network is a GeoJSON file of lines with ``from``, ``to``, ``road_class`` and ``speed_kmh`` (typical for a car). A
circuit is the quickest way from a depot to a destination and back, as one closed line measured in metres: a vehicle's
place is then one number.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.errors import ConfigError
from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.resources import config_folder

Floats = NDArray[np.float64]


class RoadClass(StrEnum):
    EXPRESSWAY = "expressway"
    COUNTY_ROAD = "county_road"
    TOWN_STREET = "town_street"


@dataclass(frozen=True, slots=True)
class Road:
    """One road between two nodes; ``lon_deg`` and ``lat_deg`` run from ``start`` to ``finish``."""

    start: str
    finish: str
    road_class: RoadClass
    speed_kmh: float
    lon_deg: Floats
    lat_deg: Floats
    length_m: float


class _Properties(msgspec.Struct):
    road_class: RoadClass
    speed_kmh: float
    start: str = msgspec.field(name="from")
    finish: str = msgspec.field(name="to")


class _Geometry(msgspec.Struct):
    coordinates: list[tuple[float, float]]


class _Feature(msgspec.Struct):
    properties: _Properties
    geometry: _Geometry


class _Collection(msgspec.Struct):
    features: list[_Feature]


def straight_m(lon1: Floats, lat1: Floats, lon2: Floats, lat2: Floats) -> Floats:
    """Great-circle metres between arrays of positions (haversine)."""
    p1, p2 = np.radians(lat1), np.radians(lat2)
    half = np.sin((p2 - p1) / 2) ** 2 + np.cos(p1) * np.cos(p2) * np.sin(np.radians(lon2 - lon1) / 2) ** 2
    metres: Floats = 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(1.0, np.sqrt(half)))
    return metres


def simulator_folder() -> Path:
    """Where the presets and the road network are: beside the checkout, or inside the installed package."""
    return config_folder() / "simulator"


@dataclass(frozen=True, slots=True)
class Circuit:
    """A closed way: out to ``destination`` and back. Vertices ``lon_deg``, ``lat_deg`` at ``at_m`` from the depot."""

    destination: str
    lon_deg: Floats
    lat_deg: Floats
    at_m: Floats
    road_end_m: Floats  # where each road of the way ends
    road_class: tuple[RoadClass, ...]
    road_speed_kmh: tuple[float, ...]

    @property
    def length_m(self) -> float:
        return float(self.at_m[-1])

    def road(self, s_m: float) -> int:
        """Index of the road at ``s_m`` (any number of rounds)."""
        return min(int(np.searchsorted(self.road_end_m, s_m % self.length_m, side="right")), len(self.road_class) - 1)

    def room_m(self, s_m: float) -> float:
        """Metres to the next place where the way turns back (destination or depot)."""
        half = self.length_m / 2
        return half - s_m % half

    def to_class_m(self, s_m: float, road_class: RoadClass) -> float:
        """Metres to the next stretch of a class; 0 when on one, infinite when the circuit has none."""
        if road_class not in self.road_class:
            return float("inf")
        first = self.road(s_m)
        travelled = 0.0
        for step in range(len(self.road_class) + 1):
            index = (first + step) % len(self.road_class)
            if self.road_class[index] is road_class:
                return travelled
            start = s_m % self.length_m if step == 0 else (float(self.road_end_m[index - 1]) if index else 0.0)
            travelled += float(self.road_end_m[index]) - start
        return float("inf")

    def place(self, s_m: Floats) -> tuple[Floats, Floats, Floats]:
        """Longitude, latitude and heading (degrees from north) at each ``s_m``."""
        along = s_m % self.length_m
        lon = np.interp(along, self.at_m, self.lon_deg)
        lat = np.interp(along, self.at_m, self.lat_deg)
        piece = np.clip(np.searchsorted(self.at_m, along, side="right") - 1, 0, len(self.at_m) - 2)
        east = (self.lon_deg[piece + 1] - self.lon_deg[piece]) * np.cos(np.radians(lat))
        north = self.lat_deg[piece + 1] - self.lat_deg[piece]
        return lon, lat, np.degrees(np.arctan2(east, north)) % 360.0


@dataclass(frozen=True, slots=True)
class Network:
    roads: tuple[Road, ...]

    def way(self, start: str, finish: str) -> list[tuple[Road, bool]]:
        """Roads of the quickest way, each with whether it is driven backwards. Raises KeyError when there is none."""
        best = {start: 0.0}
        arrived: dict[str, tuple[str, Road, bool]] = {}
        queue = [(0.0, start)]
        while queue:
            spent, node = heapq.heappop(queue)
            if spent > best[node]:
                continue
            for road in self.roads:
                for here, there, backwards in ((road.start, road.finish, False), (road.finish, road.start, True)):
                    cost = spent + road.length_m / road.speed_kmh
                    if here == node and cost < best.get(there, float("inf")):
                        best[there] = cost
                        arrived[there] = (node, road, backwards)
                        heapq.heappush(queue, (cost, there))
        way: list[tuple[Road, bool]] = []
        while finish != start:
            finish, road, backwards = arrived[finish]
            way.append((road, backwards))
        return way[::-1]

    def circuit(self, start: str, destination: str) -> Circuit:
        """The closed way from ``start`` to ``destination`` and back."""
        out = self.way(start, destination)
        way = out + [(road, not backwards) for road, backwards in reversed(out)]
        lon: list[Floats] = []
        lat: list[Floats] = []
        for road, backwards in way:
            x, y = (road.lon_deg[::-1], road.lat_deg[::-1]) if backwards else (road.lon_deg, road.lat_deg)
            lon.append(x[1:] if lon else x)
            lat.append(y[1:] if lat else y)
        lons, lats = np.concatenate(lon), np.concatenate(lat)
        at_m = np.concatenate([[0.0], np.cumsum(straight_m(lons[:-1], lats[:-1], lons[1:], lats[1:]))])
        return Circuit(
            destination,
            lons,
            lats,
            at_m,
            np.cumsum([road.length_m for road, _ in way]),
            tuple(road.road_class for road, _ in way),
            tuple(road.speed_kmh for road, _ in way),
        )


def read_network(path: Path) -> Network:
    """Network of a GeoJSON file. Raises ConfigError."""
    try:
        collection = msgspec.json.decode(path.read_bytes(), type=_Collection)
    except (OSError, msgspec.MsgspecError) as error:
        raise ConfigError(path=str(path), problems=(("features", str(error)),)) from error
    roads = []
    for feature in collection.features:
        lon, lat = (np.array(axis, np.float64) for axis in zip(*feature.geometry.coordinates, strict=True))
        length_m = float(straight_m(lon[:-1], lat[:-1], lon[1:], lat[1:]).sum())
        stated = feature.properties
        roads.append(Road(stated.start, stated.finish, stated.road_class, stated.speed_kmh, lon, lat, length_m))
    return Network(tuple(roads))


@cache
def gaotai() -> Network:
    """The network that ships with the simulator."""
    return read_network(simulator_folder() / "gaotai_roads.geojson")


@cache
def gaotai_circuit(destination: str) -> Circuit:
    """A circuit from the depot of the shipped network."""
    return gaotai().circuit("depot", destination)
