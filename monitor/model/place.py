"""Places 地名: townships, villages, toll stations and what else an officer names where no road is known.

GeoJSON of points or polygons (``monitor.model.geojson``). Each feature has an ``id`` or the property ``place_id``, a
``name``, and may have a ``kind``. A polygon is the place's area; a point is where its signs count from.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Point, Polygon
from shapely.strtree import STRtree

from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.geojson import EMPTY_PAYLOAD, Feature, parse_features

FARTHEST_M = 50_000.0
"""A place farther away says nothing of where somebody is (D)."""
BAND_DEG = 0.25
"""Degrees of longitude are taken as equally long within such a band of latitude: an error of 0.2 % at 40 degrees."""
_M_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180.0


class PlaceKind(StrEnum):
    """What a place is."""

    TOWNSHIP = "township"  # 乡, 镇, 街道
    VILLAGE = "village"  # 村
    TOLL = "toll"  # 收费站
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Place:
    """One place; ``shape`` in WGS-84 degrees, longitude first."""

    place_id: str
    name: str
    kind: PlaceKind
    shape: Point | Polygon | MultiPolygon


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest place, seen from it: metres east and north of its point, or of its border's nearest point."""

    place: Place
    east_m: float
    north_m: float

    @property
    def distance_m(self) -> float:
        return math.hypot(self.east_m, self.north_m)


class PlaceSet:
    """Places and where they are. ``payload`` is the GeoJSON they came from: the same bytes give the same set."""

    def __init__(self, places: Sequence[Place] = (), payload: bytes = EMPTY_PAYLOAD) -> None:
        self.places = tuple(places)
        self.payload = payload
        self._areas: _Areas | None = None  # made when first asked: most runs never name a place
        self._bands: dict[int, tuple[NDArray[np.object_], STRtree]] = {}

    def __len__(self) -> int:
        return len(self.places)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PlaceSet) and self.payload == other.payload

    def __hash__(self) -> int:
        return hash(self.payload)

    def around(self, lon_deg: float, lat_deg: float) -> Place | None:
        """The smallest area around a place; its border belongs to it."""
        if self._areas is None:
            self._areas = _Areas([place for place in self.places if not isinstance(place.shape, Point)])
        return self._areas.smallest(Point(lon_deg, lat_deg))

    def nearest(self, lon_deg: float, lat_deg: float) -> Nearest | None:
        """The nearest place within ``FARTHEST_M``; the first in the file of several equally near."""
        band = math.floor(lat_deg / BAND_DEG)
        shapes, tree = self._band(band)
        here = Point(lon_deg * _lon_m(band), lat_deg * _M_PER_DEGREE)
        found = tree.query_nearest(here, max_distance=FARTHEST_M)
        if not len(found):
            return None
        index = int(found.min())
        x, y = shapely.get_coordinates(shapely.shortest_line(shapes[index], here))[0]
        east_m = (lon_deg - float(x) / _lon_m(band)) * math.cos(math.radians(lat_deg)) * _M_PER_DEGREE
        return Nearest(self.places[index], east_m, lat_deg * _M_PER_DEGREE - float(y))

    def _band(self, band: int) -> tuple[NDArray[np.object_], STRtree]:
        """All shapes in the metres of one band of latitude, and their tree."""
        known = self._bands.get(band)
        if known is None:
            scale = (_lon_m(band), _M_PER_DEGREE)
            shapes = shapely.transform(np.array([place.shape for place in self.places], object), lambda xy: xy * scale)
            known = self._bands[band] = shapes, STRtree(shapes)
        return known


class _Areas:
    """Places that have an area, made ready to be asked one by one."""

    def __init__(self, places: Sequence[Place]) -> None:
        self._places = places
        self._shapes = np.array([place.shape for place in places], object)
        shapely.prepare(self._shapes)
        self._sizes = shapely.area(self._shapes)
        self._tree = STRtree(self._shapes)

    def smallest(self, here: Point) -> Place | None:
        near = np.sort(self._tree.query(here))
        inside = near[shapely.intersects(self._shapes[near], here)]
        return self._places[int(inside[np.argmin(self._sizes[inside])])] if len(inside) else None


def _lon_m(band: int) -> float:
    """Metres of a degree of longitude in the middle of a band."""
    return max(math.cos(math.radians((band + 0.5) * BAND_DEG)), 0.01) * _M_PER_DEGREE


NO_PLACES = PlaceSet()


def parse_places(data: bytes, path: str) -> PlaceSet:
    """Places of GeoJSON text. Raises ConfigError that names every shape that is refused, and why."""
    return PlaceSet(parse_features(data, path, "place", _place), data)


def _place(feature: Feature) -> Place:
    """Raises ValueError with what is wrong."""
    name = feature.text("name")
    if not name:
        raise ValueError("has no name")
    kind = feature.text("kind").lower() or PlaceKind.OTHER.value
    if kind not in tuple(PlaceKind):
        raise ValueError(f"kind {kind!r} is none of {', '.join(PlaceKind)}")
    return Place(feature.feature_id, name, PlaceKind(kind), _shape(feature))


def _shape(feature: Feature) -> Point | Polygon | MultiPolygon:
    drawn = feature.geometry.get("type") if isinstance(feature.geometry, dict) else None
    if drawn in ("Polygon", "MultiPolygon"):
        return feature.polygon()
    if drawn == "Point":
        return feature.point()
    raise ValueError(f"its geometry is {drawn or 'missing'}, a place is a Point, Polygon or MultiPolygon")
