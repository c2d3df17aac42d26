"""GeoJSON as offices bring it: what the files of roads, fences, places and permits have in common.

A ``FeatureCollection``. Each feature has an ``id`` (or a property named after what it is, as ``fence_id``) and may
have the property ``crs``; a ``crs`` beside the features holds for all that name none. ``crs`` is ``wgs84`` (default),
``gcj02`` or an EPSG code such as ``EPSG:4524``, easting first. Inside everything is WGS-84 degrees, longitude first.
A shape that is invalid is named and refused, never repaired: what a repair would make of it is a guess.

Readers raise ``ValueError`` with what is wrong; ``parse_features`` gathers them into one ``ConfigError``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import msgspec
import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.exceptions import ProjError
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, shape
from shapely.geometry.base import BaseGeometry

from monitor.errors import ConfigError
from monitor.model.geo import gcj02_to_wgs84

Shape = Polygon | MultiPolygon
T = TypeVar("T")
G = TypeVar("G", Polygon, MultiPolygon, Polygon | MultiPolygon, LineString, Point)

EMPTY_PAYLOAD = b'{"type":"FeatureCollection","features":[]}'


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature as it stands in the file; ``noun`` is what it shall be, as a refusal calls it."""

    noun: str
    feature_id: str
    properties: Mapping[str, object]
    geometry: object
    crs: str
    points: NDArray[np.float64] | None = None
    """Points of a line in WGS-84, where they were converted together with others; else ``geometry`` is read."""

    def text(self, name: str) -> str:
        """A property as text without blanks around it; empty where it is missing."""
        stated = self.properties.get(name)
        return "" if stated is None else str(stated).strip()

    def number(self, name: str) -> float | None:
        """A property as a finite number; None where it is missing or empty."""
        stated = self.properties.get(name)
        if stated is None or stated == "":
            return None
        try:
            value = math.nan if isinstance(stated, bool) else float(str(stated))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ValueError(f"{name} {stated!r} is no number")
        return value

    def flag(self, name: str) -> bool:
        """A property that says yes or no; no where it is missing."""
        stated = self.properties.get(name)
        known = _FLAGS.get(str(stated).strip().lower())
        if known is None:
            raise ValueError(f"{name} {stated!r} is neither true nor false")
        return known

    def polygon(self) -> Shape:
        """Its valid Polygon or MultiPolygon, in WGS-84."""
        kind, geometry = self._kind()
        if kind not in ("Polygon", "MultiPolygon"):
            raise ValueError(f"its geometry is {kind}, a {self.noun} is a Polygon or MultiPolygon")
        found = _read(geometry)
        assert isinstance(found, Polygon | MultiPolygon)
        if not found.is_valid:
            reason = shapely.is_valid_reason(found)
            raise ValueError(f"its shape is invalid ({reason}); draw it anew, it is not repaired")
        return to_wgs84(found, self.crs)

    def line(self) -> LineString:
        """Its LineString of some length, in WGS-84. It may cross itself, as a loop does."""
        kind, geometry = self._kind()
        if kind != "LineString":
            more = "; write each part as a feature of its own" if kind == "MultiLineString" else ""
            raise ValueError(f"its geometry is {kind}, a {self.noun} is one LineString{more}")
        if self.points is not None:
            found = within_world(_line_of(self.points), self.crs)
        else:
            found = to_wgs84(_line_of(_points(geometry)), self.crs)
        if found.length == 0.0:
            raise ValueError("its line has no length")
        return found

    def point(self) -> Point:
        """Its Point, in WGS-84."""
        kind, geometry = self._kind()
        if kind != "Point":
            raise ValueError(f"its geometry is {kind}, a {self.noun} is a Point")
        found = _read(geometry)
        assert isinstance(found, Point)
        return to_wgs84(found, self.crs)

    def _kind(self) -> tuple[str, object]:
        kind = self.geometry.get("type") if isinstance(self.geometry, dict) else None
        return str(kind or "missing"), self.geometry


_FLAGS = {"none": False, "": False, "false": False, "no": False, "0": False, "true": True, "yes": True, "1": True}


def parse_features(data: bytes, path: str, noun: str, make: Callable[[Feature], T]) -> list[T]:
    """What ``make`` makes of each feature; the id is the property ``<noun>_id``, else the feature's ``id``.

    Raises ConfigError that names every feature refused, and why: ``make`` says so with a ValueError.
    """
    features, common = _read_collection(data, path)
    common_crs = crs_name(common) or "wgs84"
    if common_crs != "wgs84":
        features = list(features)
    lines = _lines_in_wgs84(features, common_crs) if isinstance(features, list) else {}
    made: list[T] = []
    problems: list[tuple[str, str]] = []
    seen: set[str] = set()
    for number, one in enumerate(features, 1):
        feature_id = _id(one, noun)
        try:
            if not isinstance(one, dict):
                raise ValueError("is no GeoJSON Feature")
            if not feature_id:
                raise ValueError(f'has no id: give "id" or the property "{noun}_id"')
            properties = _properties(one)
            crs = crs_name(properties.get("crs")) or common_crs
            result = make(Feature(noun, feature_id, properties, one.get("geometry"), crs, lines.get(number)))
            if feature_id in seen:
                raise ValueError(f"feature {number} has the id of an earlier one")
        except ValueError as error:
            problems.append((f"{noun} {feature_id}" if feature_id else f"feature {number}", str(error)))
            continue
        seen.add(feature_id)
        made.append(result)
    if problems:
        raise ConfigError(path=path, problems=tuple(problems))
    return made


class _Collection(msgspec.Struct):
    """A collection whose features are still text: read one by one they neither pile up nor hold other threads back."""

    features: list[msgspec.Raw]
    crs: object = None


def _read_collection(data: bytes, path: str) -> tuple[Iterable[object], object]:
    """The features and the ``crs`` of GeoJSON text.

    The quick reader first; the other knows byte order marks and numbers that are none, and says what is wrong.
    """
    try:
        quick = msgspec.json.decode(data, type=_Collection)
    except msgspec.DecodeError:
        pass
    else:
        return map(_read_feature, quick.features), quick.crs
    try:
        stated = json.loads(data)
    except ValueError as error:
        raise ConfigError(path=path, problems=(("file", f"is no JSON: {error}"),)) from error
    if not isinstance(stated, dict) or not isinstance(stated.get("features"), list):
        problem = 'is no GeoJSON FeatureCollection: an object with a list "features" is needed'
        raise ConfigError(path=path, problems=(("file", problem),))
    return stated["features"], stated.get("crs")


def _read_feature(text: msgspec.Raw) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        stated: object = json.loads(bytes(text))  # a number beyond all bounds
        return stated


def _lines_in_wgs84(features: Sequence[object], crs: str) -> dict[int, NDArray[np.float64]]:
    """Points of the lines by number of the feature, converted all at once: one by one takes ten times as long.

    Lines that cannot be read or state a ``crs`` of their own are left out, to be read and refused by themselves.
    """
    read: dict[int, NDArray[np.float64]] = {}
    for number, one in enumerate(features, 1):
        geometry = one.get("geometry") if isinstance(one, dict) else None
        if not isinstance(one, dict) or not isinstance(geometry, dict) or geometry.get("type") != "LineString":
            continue
        if not _properties(one).get("crs"):
            with suppress(ValueError):
                read[number] = _points(geometry)
    if not read:
        return read
    try:
        moved = _points_in_wgs84(np.concatenate(list(read.values())), crs)
    except ValueError:
        return {}
    ends = np.cumsum([len(points) for points in read.values()])
    return dict(zip(read, np.split(moved, ends[:-1]), strict=True))


def crs_name(stated: object) -> str:
    """``crs`` as text, or as the object of older GeoJSON; empty where none is stated."""
    if isinstance(stated, dict):
        stated = _properties(stated).get("name")
    name = str(stated or "").strip()
    if name.lower() in ("", "wgs84", "gcj02"):
        return name.lower()
    if "CRS84" in name.upper():
        return "wgs84"
    return f"EPSG:{name.rsplit(':', 1)[-1]}"


def to_wgs84(geometry: G, crs: str) -> G:
    """A geometry whose coordinates are in ``crs`` (as ``crs_name`` returns it). Raises ValueError."""
    if crs != "wgs84":
        geometry = shapely.transform(geometry, lambda points: _points_in_wgs84(points, crs))
    return within_world(geometry, crs)


def within_world(geometry: G, crs: str) -> G:
    """The geometry, in degrees that were stated in ``crs``. Raises ValueError where it lies outside of the world."""
    west, south, east, north = geometry.bounds
    # Bounds pass over a coordinate that is no number, which a projection may make of a far one.
    finite = crs == "wgs84" or bool(np.isfinite(shapely.get_coordinates(geometry)).all())
    if not (finite and west >= -180.0 and east <= 180.0 and south >= -90.0 and north <= 90.0):
        raise ValueError(f"it lies outside of the world when its coordinates are taken as {crs}")
    return geometry


def _points_in_wgs84(points: NDArray[np.float64], crs: str) -> NDArray[np.float64]:
    """Points of another ``crs``, shape (n, 2), easting or longitude first. Raises ValueError where it is not known."""
    if crs == "gcj02":
        return np.stack(gcj02_to_wgs84(points[:, 0], points[:, 1]), axis=1)
    try:
        return np.stack(_degrees_of(crs).transform(points[:, 0], points[:, 1]), axis=1)
    except ProjError as error:
        raise ValueError(f"crs {crs!r} is neither wgs84 nor gcj02 nor a known EPSG code") from error


_UNREADABLE = (ValueError, TypeError, IndexError, KeyError, AttributeError, shapely.errors.ShapelyError)


def _read(geometry: object) -> BaseGeometry:
    """A geometry without heights whose coordinates are numbers. Raises ValueError."""
    try:
        assert isinstance(geometry, dict)
        found = shapely.force_2d(shape(geometry))
    except _UNREADABLE as error:
        raise ValueError(f"its coordinates cannot be read: {error}") from error
    assert isinstance(found, BaseGeometry)
    if found.is_empty:
        raise ValueError("its shape is empty")
    if not np.isfinite(shapely.get_coordinates(found)).all():
        raise ValueError("a coordinate is no number")
    return found


def _points(geometry: object) -> NDArray[np.float64]:
    """Points of a line without heights, shape (n, 2). Raises ValueError.

    A third of the time of ``shape``: there are thousands of roads.
    """
    assert isinstance(geometry, dict)
    try:
        points = np.array([point[:2] for point in geometry["coordinates"]], np.float64)
    except _UNREADABLE as error:
        raise ValueError(f"its coordinates cannot be read: {error}") from error
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 2:
        raise ValueError("its coordinates cannot be read: a line is a list of at least two points")
    if not np.isfinite(points).all():
        raise ValueError("a coordinate is no number")
    return points


def _line_of(points: NDArray[np.float64]) -> LineString:
    line = shapely.linestrings(points)
    assert isinstance(line, LineString)
    return line


@lru_cache(maxsize=32)
def _degrees_of(crs: str) -> Transformer:
    return Transformer.from_crs(crs, "EPSG:4326", always_xy=True)


def _properties(feature: Mapping[str, object]) -> Mapping[str, object]:
    found = feature.get("properties")
    return found if isinstance(found, dict) else {}


def _id(feature: object, noun: str) -> str:
    if not isinstance(feature, dict):
        return ""
    stated = _properties(feature).get(f"{noun}_id", feature.get("id"))
    return "" if stated is None else str(stated).strip()
