"""Fences 电子围栏: named places with a border, as an office brings them in GeoJSON.

Polygons (``monitor.model.geojson``). Each feature has an ``id`` or the property ``fence_id``, and may have the
properties ``name``, ``kind`` (a word of ``FenceKind``) and ``limit_kmh``, a limit that holds inside.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.strtree import STRtree

from monitor.model.fence_kind import QUIET_KINDS, FenceKind
from monitor.model.geojson import EMPTY_PAYLOAD, Feature, Shape, parse_features

MAX_LIMIT_KMH = 160.0
"""No sign says more, and no report's speed may be higher (Q1)."""


@dataclass(frozen=True, slots=True)
class Fence:
    """One fence; ``polygon`` in WGS-84 degrees, longitude first."""

    fence_id: str
    name: str
    kind: FenceKind
    polygon: Shape
    limit_kmh: float | None = None


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
    return FenceSet(parse_features(data, path, "fence", _fence), data)


def _fence(feature: Feature) -> Fence:
    """Raises ValueError with what is wrong."""
    kind = feature.text("kind") or FenceKind.OTHER.value
    if kind not in tuple(FenceKind):
        raise ValueError(f"kind {kind!r} is none of {', '.join(FenceKind)}")
    limit_kmh = feature.number("limit_kmh")
    if limit_kmh is not None and not 0.0 < limit_kmh <= MAX_LIMIT_KMH:
        raise ValueError(f"limit_kmh {limit_kmh:g} is not above 0 and at most {MAX_LIMIT_KMH:g}")
    name = feature.text("name") or feature.feature_id
    return Fence(feature.feature_id, name, FenceKind(kind), feature.polygon(), limit_kmh)
