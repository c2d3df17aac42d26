"""The maps in force: what the office drew or brought, by layer. Each layer is one GeoJSON document."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.model.fence import FenceSet
    from monitor.model.permit import PermitSet
    from monitor.model.place import PlaceSet
    from monitor.model.road import RoadSet


class MapLayer(StrEnum):
    """One kind of map."""

    FENCES = "fences"
    ROADS = "roads"
    PLACES = "places"
    PERMITS = "permits"


@dataclass(frozen=True, slots=True)
class MapSet:
    """Every layer; None where there is none."""

    fences: FenceSet | None = None
    roads: RoadSet | None = None
    places: PlaceSet | None = None
    permits: PermitSet | None = None

    def payload(self, layer: MapLayer) -> bytes:
        """The GeoJSON that a layer came from; empty where there is none."""
        found = getattr(self, layer.value)
        return b"" if found is None or not len(found) else found.payload

    def payloads(self) -> dict[MapLayer, bytes]:
        """The GeoJSON of every layer that is there."""
        return {layer: payload for layer in MapLayer if (payload := self.payload(layer))}


NO_MAPS = MapSet()
EMPTY_MAP = b'{"type":"FeatureCollection","features":[]}'
"""A layer without anything in it."""
