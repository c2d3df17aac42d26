"""Fences 电子围栏: named places with a border, as an office brings them in GeoJSON.

A ``FeatureCollection`` of polygons. Each feature has an ``id`` (or the property ``fence_id``), and may have the
properties ``name``, ``kind`` (``depot``, ``loading``, ``other``) and ``crs``; a ``crs`` beside the features holds for
all that name none. ``crs`` is ``wgs84`` (default), ``gcj02`` or an EPSG code such as ``EPSG:4524``, easting first.
Inside everything is WGS-84. A shape that is invalid is named and refused, never repaired: what a repair would take
for the inside is a guess.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from pyproj.exceptions import ProjError
from shapely.geometry import MultiPolygon, Polygon, shape
from shapely.strtree import STRtree

from monitor.errors import ConfigError
from monitor.model.geo import gcj02_to_wgs84

Shape = Polygon | MultiPolygon

EMPTY_PAYLOAD = b'{"type":"FeatureCollection","features":[]}'


class FenceKind(StrEnum):
    """What a fence surrounds."""

    DEPOT = "depot"  # 停车场, 场站: where vehicles stand over night and are worked on
    LOADING = "loading"  # 装卸区: where the main switch has to be off
    OTHER = "other"


QUIET_KINDS = (FenceKind.DEPOT, FenceKind.LOADING)
"""Where the main switch is meant to be off while a vehicle stands."""


@dataclass(frozen=True, slots=True)
class Fence:
    """One fence; ``polygon`` in WGS-84 degrees, longitude first."""

    fence_id: str
    name: str
    kind: FenceKind
    polygon: Shape


class FenceSet:
    """Fences and where they are. ``payload`` is the GeoJSON they came from: the same bytes give the same set."""

    def __init__(self, fences: Sequence[Fence] = (), payload: bytes = EMPTY_PAYLOAD) -> None:
        self.fences = tuple(fences)
        self.payload = payload
        self._trees: dict[frozenset[str], tuple[STRtree, tuple[Fence, ...]]] = {}

    def __len__(self) -> int:
        return len(self.fences)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FenceSet) and self.payload == other.payload

    def __hash__(self) -> int:
        return hash(self.payload)

    def contains(
        self, lon_deg: NDArray[np.float64], lat_deg: NDArray[np.float64], kinds: Collection[str]
    ) -> NDArray[np.bool_]:
        """Which of some places lie in a fence of ``kinds``; its border belongs to it.

        Measured in an index of 1,000 shapes: under a million places/s, so ask only for those that matter.
        """
        inside = np.zeros(len(lon_deg), np.bool_)
        tree, fences = self._tree(kinds)
        if len(inside) and fences:
            inside[tree.query(shapely.points(lon_deg, lat_deg), predicate="intersects")[0]] = True
        return inside

    def at(self, lon_deg: float, lat_deg: float, kinds: Collection[str]) -> tuple[Fence, ...]:
        """Fences of ``kinds`` around one place, in the order of the file."""
        tree, fences = self._tree(kinds)
        if not fences or not np.isfinite([lon_deg, lat_deg]).all():
            return ()
        return tuple(fences[i] for i in sorted(tree.query(shapely.Point(lon_deg, lat_deg), predicate="intersects")))

    def quiet_at(self, lon_deg: float, lat_deg: float) -> tuple[Fence, ...]:
        """Depots and loading places around one place."""
        return self.at(lon_deg, lat_deg, QUIET_KINDS)

    def quiet(self, lon_deg: NDArray[np.float64], lat_deg: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which of some places lie in a depot or loading place."""
        return self.contains(lon_deg, lat_deg, QUIET_KINDS)

    def _tree(self, kinds: Collection[str]) -> tuple[STRtree, tuple[Fence, ...]]:
        wanted = frozenset(kinds)
        known = self._trees.get(wanted)
        if known is None:
            fences = tuple(fence for fence in self.fences if fence.kind in wanted)
            known = self._trees[wanted] = STRtree([fence.polygon for fence in fences]), fences
        return known


NO_FENCES = FenceSet()


def parse_fences(data: bytes, path: str) -> FenceSet:
    """Fences of GeoJSON text. Raises ConfigError that names every shape that is refused, and why."""
    try:
        stated = json.loads(data)
    except ValueError as error:
        raise ConfigError(path=path, problems=(("file", f"is no JSON: {error}"),)) from error
    if not isinstance(stated, dict) or not isinstance(stated.get("features"), list):
        problem = 'is no GeoJSON FeatureCollection: an object with a list "features" is needed'
        raise ConfigError(path=path, problems=(("file", problem),))
    fences: list[Fence] = []
    problems: list[tuple[str, str]] = []
    seen: set[str] = set()
    common = _crs_name(stated.get("crs")) or "wgs84"
    for number, feature in enumerate(stated["features"], 1):
        try:
            fence = _fence(feature, common)
            if fence.fence_id in seen:
                raise ValueError(f"feature {number} has the id of an earlier one")
        except ValueError as error:
            problems.append((_place(feature, number), str(error)))
            continue
        seen.add(fence.fence_id)
        fences.append(fence)
    if problems:
        raise ConfigError(path=path, problems=tuple(problems))
    return FenceSet(fences, data)


def _fence(feature: object, common_crs: str) -> Fence:
    """Raises ValueError with what is wrong."""
    if not isinstance(feature, dict):
        raise ValueError("is no GeoJSON Feature")
    properties = _properties(feature)
    fence_id = _fence_id(feature)
    if not fence_id:
        raise ValueError('has no id: give "id" or the property "fence_id"')
    kind = str(properties.get("kind") or FenceKind.OTHER.value)
    if kind not in tuple(FenceKind):
        raise ValueError(f"kind {kind!r} is none of {', '.join(FenceKind)}")
    polygon = _to_wgs84(_polygon(feature.get("geometry")), _crs_name(properties.get("crs")) or common_crs)
    return Fence(fence_id, str(properties.get("name") or fence_id), FenceKind(kind), polygon)


def _polygon(geometry: object) -> Shape:
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(geometry, dict) or kind not in ("Polygon", "MultiPolygon"):
        raise ValueError(f"its geometry is {kind or 'missing'}, a fence is a Polygon or MultiPolygon")
    try:
        found = shapely.force_2d(shape(geometry))
    except (ValueError, TypeError, IndexError, KeyError, AttributeError, shapely.errors.ShapelyError) as error:
        raise ValueError(f"its coordinates cannot be read: {error}") from error
    if found.is_empty:
        raise ValueError("its shape is empty")
    if not np.isfinite(shapely.get_coordinates(found)).all():
        raise ValueError("a coordinate is no number")
    if not found.is_valid:
        reason = shapely.is_valid_reason(found)
        raise ValueError(f"its shape is invalid ({reason}); draw it anew, it is not repaired")
    assert isinstance(found, Polygon | MultiPolygon)
    return found


def _to_wgs84(polygon: Shape, crs: str) -> Shape:
    if crs == "wgs84":
        moved = polygon
    elif crs == "gcj02":
        moved = shapely.transform(polygon, _from_gcj02)
    else:
        try:
            degrees = Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
            moved = shapely.transform(polygon, lambda xy: np.stack(degrees.transform(xy[:, 0], xy[:, 1]), axis=1))
        except ProjError as error:
            raise ValueError(f"crs {crs!r} is neither wgs84 nor gcj02 nor a known EPSG code") from error
    xy = shapely.get_coordinates(moved)
    if not np.isfinite(xy).all() or np.any(np.abs(xy) > (180.0, 90.0)):
        raise ValueError(f"it lies outside of the world when its coordinates are taken as {crs}")
    assert isinstance(moved, Polygon | MultiPolygon)
    return moved


def _from_gcj02(xy: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack(gcj02_to_wgs84(xy[:, 0], xy[:, 1]), axis=1)


def _crs_name(stated: object) -> str:
    """``crs`` as text, or as the object of older GeoJSON; empty where none is stated."""
    if isinstance(stated, dict):
        stated = _properties(stated).get("name")
    name = str(stated or "").strip()
    if name.lower() in ("", "wgs84", "gcj02"):
        return name.lower()
    if "CRS84" in name.upper():
        return "wgs84"
    return f"EPSG:{name.rsplit(':', 1)[-1]}"


def _properties(feature: dict[str, object]) -> dict[str, object]:
    found = feature.get("properties")
    return found if isinstance(found, dict) else {}


def _fence_id(feature: dict[str, object]) -> str:
    stated = _properties(feature).get("fence_id", feature.get("id"))
    return "" if stated is None else str(stated).strip()


def _place(feature: object, number: int) -> str:
    fence_id = _fence_id(feature) if isinstance(feature, dict) else ""
    return f"fence {fence_id}" if fence_id else f"feature {number}"
