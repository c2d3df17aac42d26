"""The maps of scenarios: relay points and dead zones as strips across the way, one after another; permits; roads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache

from monitor.app.map_layers import maps_of
from monitor.model.map_set import MapLayer, MapSet
from monitor.model.permit import PermitSet, parse_permits
from tests.traces import LAT_DEG, M_PER_DEGREE_EAST, ORIGIN_LON_DEG, place

FAR_M = 1_200_000
RELAY_EVERY_M, RELAY_M = 4_000, 2_500
DEAD_ZONE_EVERY_M, DEAD_ZONE_M = 40_000, 26_000
WEAVE_M = 22_000
ROADS_EVERY_M = 12_000
ROADS: tuple[tuple[float, float, dict[str, object]], ...] = (
    (0, 5_000, {"road_class": "expressway", "limit_kmh": 100}),
    (5_000, 7_000, {"road_class": "second", "limit_kmh": 80}),
    (8_000, 9_000, {"road_class": "fourth", "limit_kmh": 30}),
    (9_000, 10_500, {"road_class": "third"}),
    (10_500, 11_500, {"road_class": "urban", "limit_kmh": 40, "ferry": True}),
)
"""Sections of every 12 km of the way, metres from their begin."""


@cache
def ground() -> MapSet:
    """Fences: a relay point every 4 km, a dead zone every 40 km."""
    strips = [("relay", at_m, RELAY_M) for at_m in range(0, FAR_M, RELAY_EVERY_M)]
    strips += [("dead_zone", at_m, DEAD_ZONE_M) for at_m in range(0, FAR_M, DEAD_ZONE_EVERY_M)]
    features: list[dict[str, object]] = []
    for number, (kind, at_m, length_m) in enumerate(strips):
        west, east = (ORIGIN_LON_DEG + metres / M_PER_DEGREE_EAST for metres in (at_m, at_m + length_m))
        south, north = LAT_DEG - 0.005, LAT_DEG + 0.005
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        shape = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "id": f"F{number}", "properties": {"kind": kind}, "geometry": shape})
    return maps_of({MapLayer.FENCES: _collection(features)})


@cache
def permitted() -> MapSet:
    """The same with permits for the first vehicles: routes that keep leaving the way, one without a route, hours."""
    return replace(ground(), permits=_permits())


@cache
def roads() -> MapSet:
    """Sections of every class along the way with unknown road between them, a road beside them, and fences of 60."""
    features: list[dict[str, object]] = []
    for at_m in range(0, FAR_M, ROADS_EVERY_M):
        stated = [(*piece, 0.0) for piece in ROADS] + [(3_000, 7_000, {"road_class": "third", "limit_kmh": 60}, 20.0)]
        for from_m, to_m, properties, north_m in stated:
            line = [place(at_m + from_m, north_m), place(at_m + to_m, north_m)]
            shape: dict[str, object] = {"type": "LineString", "coordinates": line}
            features.append({"type": "Feature", "id": f"R{len(features)}", "properties": properties, "geometry": shape})
    fences: list[dict[str, object]] = []
    for at_m in range(0, FAR_M, 30_000):
        corners = ((0, -500), (4_000, -500), (4_000, 500), (0, 500), (0, -500))
        shape = {"type": "Polygon", "coordinates": [[place(at_m + east_m, north_m) for east_m, north_m in corners]]}
        fences.append({"type": "Feature", "id": f"L{at_m}", "properties": {"limit_kmh": 60}, "geometry": shape})
    return maps_of({MapLayer.ROADS: _collection(features), MapLayer.FENCES: _collection(fences)})


def _permits() -> PermitSet:
    always: dict[str, object] = {"valid_from": "2026-01-01", "valid_to": "2026-12-31"}
    stated: list[tuple[int, int, dict[str, object]]] = [
        (0, 0, always | {"limit_kmh": 105, "hours_from": "06:00", "hours_to": "12:30"}),
        (1, 50_250, always | {"limit_kmh": 50, "corridor_m": 400}),
        (2, -1, {"valid_from": "2026-03-01", "valid_to": "2026-03-02", "limit_kmh": 55, "hours_to": "09:00"}),
        (4, 201_000, {"valid_from": "2026-03-02T08:30:00+08:00", "valid_to": "2026-03-02"}),
        (4, 201_000, {"valid_from": "2026-03-03", "valid_to": "2026-03-05"}),
        (6, 290_000, always),
    ]
    features: list[dict[str, object]] = []
    for number, (vehicle, from_m, properties) in enumerate(stated):
        if "hours_to" in properties:
            properties = {"hours_from": "00:00"} | properties
        shape = None if from_m < 0 else {"type": "LineString", "coordinates": _weaving(from_m)}
        properties = properties | {"vehicle_id": f"V{vehicle}"}
        features.append({"type": "Feature", "id": f"P{number}", "properties": properties, "geometry": shape})
    return parse_permits(_collection(features), "permits of scenarios")


def _weaving(from_m: int) -> list[tuple[float, float]]:
    """A route of 300 km to the east: 12 km on the way, 9 km beside it, and so on."""
    line: list[tuple[float, float]] = []
    for at_m in range(from_m, from_m + 300_000, WEAVE_M):
        line += [place(at_m, 0.0), place(at_m + 12_000, 0.0), place(at_m + 12_500, 900.0), place(at_m + 21_500, 900.0)]
    return line


def _collection(features: Sequence[dict[str, object]]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()
