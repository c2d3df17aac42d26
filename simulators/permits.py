"""Permits that the simulated office has issued, and the file that a monitor is given of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from monitor.model.beijing import iso
from monitor.model.fleet import VehicleClass

_KINDS = {VehicleClass.HAZMAT: "hazmat", VehicleClass.HEAVY_TRUCK: "oversize"}


@dataclass(frozen=True, slots=True)
class IssuedPermit:
    """One permit of one vehicle. ``line``: longitude and latitude of the route's points, from its begin to its end."""

    vehicle_id: str
    vehicle_class: VehicleClass
    valid_from_ms: int
    valid_to_ms: int
    line: tuple[tuple[float, float], ...]
    corridor_m: float = 200.0
    limit_kmh: float | None = None
    hours: tuple[str, str] | None = None


def permits_geojson(permits: Sequence[IssuedPermit]) -> bytes:
    """The file, as ``monitor.model.permit`` reads it."""
    features = []
    for number, permit in enumerate(permits, 1):
        properties: dict[str, object] = {
            "kind": _KINDS.get(permit.vehicle_class, "charter"),
            "vehicle_id": permit.vehicle_id,
            "valid_from": iso(permit.valid_from_ms),
            "valid_to": iso(permit.valid_to_ms),
            "corridor_m": permit.corridor_m,
            "issued_by": "simulator",
        }
        if permit.limit_kmh is not None:
            properties["limit_kmh"] = permit.limit_kmh
        if permit.hours is not None:
            properties["hours_from"], properties["hours_to"] = permit.hours
        shape = {"type": "LineString", "coordinates": permit.line}
        features.append({"type": "Feature", "id": f"P{number:05d}", "properties": properties, "geometry": shape})
    return msgspec.json.encode({"type": "FeatureCollection", "features": features})
