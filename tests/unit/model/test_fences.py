"""Fences as an office brings them: read, converted, or refused by name; never repaired."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from pyproj import Transformer

from monitor.errors import ConfigError
from monitor.model.fence import NO_FENCES, FenceSet, parse_fences
from monitor.model.fence_kind import FenceKind
from monitor.model.geo import wgs84_to_gcj02
from monitor.model.geojson import EMPTY_PAYLOAD

GEO = Path(__file__).parents[4] / "shared" / "data" / "geo"
SQUARE = [[99.8, 39.3], [99.9, 39.3], [99.9, 39.4], [99.8, 39.4], [99.8, 39.3]]
BOW_TIE = [[99.8, 39.3], [99.9, 39.4], [99.9, 39.3], [99.8, 39.4], [99.8, 39.3]]


def feature(ring: object = SQUARE, **properties: object) -> dict[str, object]:
    shape = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "properties": {"fence_id": "F1", **properties}, "geometry": shape}


def collection(*features: object, **others: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features, **others}).encode()


def fences(*features: object, **others: object) -> FenceSet:
    return parse_fences(collection(*features, **others), "fences.geojson")


def inside(found: FenceSet, lon: float, lat: float) -> bool:
    return bool(found.contains(np.array([lon]), np.array([lat]), list(FenceKind))[0])


def test_a_fence_has_id_name_kind_and_place() -> None:
    found = fences(feature(name="东场", kind="depot"))
    (fence,) = found.fences
    assert (fence.fence_id, fence.name, fence.kind) == ("F1", "东场", FenceKind.DEPOT)
    assert inside(found, 99.85, 39.35)
    assert not inside(found, 99.85, 39.45)


def test_what_is_not_said_is_other_and_named_by_its_id() -> None:
    (fence,) = fences(feature()).fences
    assert (fence.name, fence.kind) == ("F1", FenceKind.OTHER)


def test_a_fence_may_have_a_limit() -> None:
    assert fences(feature(limit_kmh=40)).fences[0].limit_kmh == 40.0
    assert fences(feature()).fences[0].limit_kmh is None


def test_each_kind_has_a_bit_of_its_own() -> None:
    assert len({kind.mask for kind in FenceKind}) == len(FenceKind)
    assert sum(kind.mask for kind in FenceKind) == 2 ** len(FenceKind) - 1


def test_an_id_may_stand_in_the_feature_itself() -> None:
    plain = feature() | {"id": 7, "properties": None}
    assert [fence.fence_id for fence in fences(plain).fences] == ["7"]


def test_the_border_belongs_to_the_fence() -> None:
    assert inside(fences(feature()), 99.8, 39.35)


def test_a_hole_does_not_belong_to_it() -> None:
    hole = [[99.84, 39.34], [99.86, 39.34], [99.86, 39.36], [99.84, 39.36], [99.84, 39.34]]
    holed = feature()
    holed["geometry"] = {"type": "Polygon", "coordinates": [SQUARE, hole]}
    assert not inside(fences(holed), 99.85, 39.35)
    assert inside(fences(holed), 99.83, 39.35)


def test_only_the_kinds_asked_for_answer() -> None:
    found = fences(feature(kind="depot"), feature(fence_id="F2", kind="other"))
    lon, lat = np.array([99.85, 99.85, 10.0]), np.array([39.35, 39.35, 39.35])
    assert found.contains(lon, lat, (FenceKind.LOADING,)).tolist() == [False] * 3
    assert found.quiet(lon, lat).tolist() == [True, True, False]
    assert [fence.fence_id for fence in found.quiet_at(99.85, 39.35)] == ["F1"]
    assert [fence.fence_id for fence in found.at(99.85, 39.35, list(FenceKind))] == ["F1", "F2"]
    assert found.at(float("nan"), 39.35, list(FenceKind)) == ()


def test_no_places_and_no_fences_are_asked_without_trouble() -> None:
    empty = np.zeros(0)
    assert fences(feature()).contains(empty, empty, list(FenceKind)).tolist() == []
    assert not inside(NO_FENCES, 99.85, 39.35)
    assert parse_fences(EMPTY_PAYLOAD, "nothing") == NO_FENCES


@pytest.mark.parametrize("place", ["collection", "feature"])
def test_gcj02_is_brought_back_to_wgs84(place: str) -> None:
    lon, lat = wgs84_to_gcj02(np.array([p[0] for p in SQUARE]), np.array([p[1] for p in SQUARE]))
    ring = np.stack([lon, lat], axis=1).tolist()
    found = fences(feature(ring, crs="gcj02")) if place == "feature" else fences(feature(ring), crs="GCJ02")
    assert np.allclose(np.array(found.fences[0].polygon.exterior.coords), SQUARE, atol=1e-7)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "crs",
    [
        pytest.param("EPSG:4524", id="a code"),
        pytest.param(
            {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4524"}}, id="as older GeoJSON says"
        ),
    ],
)
def test_projected_cgcs2000_is_easting_first(crs: object) -> None:
    project = Transformer.from_crs("EPSG:4326", "EPSG:4524", always_xy=True)
    ring = [list(project.transform(lon, lat)) for lon, lat in SQUARE]
    found = fences(feature(ring), crs=crs)
    assert np.allclose(np.array(found.fences[0].polygon.exterior.coords), SQUARE, atol=1e-6)  # type: ignore[union-attr]


def test_crs84_of_older_geojson_is_wgs84() -> None:
    stated = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
    assert inside(fences(feature(), crs=stated), 99.85, 39.35)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"\xff\xfe{", "file: is no JSON", id="no JSON"),
        pytest.param(b"[]", "no GeoJSON FeatureCollection", id="no collection"),
        pytest.param(collection(7), "feature 1: is no GeoJSON Feature", id="no feature"),
        pytest.param(collection(feature(fence_id="")), "feature 1: has no id", id="no id"),
        pytest.param(
            collection(feature(), feature()), "fence F1: feature 2 has the id of an earlier one", id="one id twice"
        ),
        pytest.param(
            collection(feature(kind="park")),
            "fence F1: kind 'park' is none of depot, loading, unloading, dead_zone",
            id="kind",
        ),
        pytest.param(collection(feature(limit_kmh=0)), "fence F1: limit_kmh 0 is not above 0", id="no limit"),
        pytest.param(collection(feature(limit_kmh=161)), "fence F1: limit_kmh 161 is not above", id="limit too high"),
        pytest.param(collection(feature(crs="EPSG:1")), "fence F1: crs 'EPSG:1' is neither", id="unknown crs"),
        pytest.param(collection(feature(BOW_TIE)), "fence F1: its shape is invalid (Self-intersection", id="bow tie"),
        pytest.param(collection(feature([])), "fence F1: its shape is empty", id="empty"),
        pytest.param(collection(feature(SQUARE[:2])), "fence F1: its coordinates cannot be read", id="two corners"),
        pytest.param(collection(feature("x")), "fence F1: its coordinates cannot be read", id="no coordinates"),
        pytest.param(
            collection({"id": "P", "geometry": {"type": "Point", "coordinates": [1, 2]}}),
            "fence P: its geometry is Point, a fence is a Polygon or MultiPolygon",
            id="a point",
        ),
        pytest.param(collection({"id": "N"}), "fence N: its geometry is missing", id="no geometry"),
        pytest.param(
            collection(feature([[x * 1e5, y * 1e5] for x, y in SQUARE])),
            "fence F1: it lies outside of the world when its coordinates are taken as wgs84",
            id="metres without a crs",
        ),
    ],
)
def test_what_is_no_fence_is_refused_by_name(data: bytes, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_fences(data, "fences.geojson")
    assert "fences.geojson" in str(caught.value)
    assert says in str(caught.value)


def test_every_refused_shape_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        fences(feature(BOW_TIE), feature(fence_id="F2"), feature(fence_id="F3", kind="?"))
    assert [key for key, _ in caught.value.problems] == ["fence F1", "fence F3"]


def real(name: str) -> dict[str, object]:
    path = GEO / name
    if not path.exists():
        pytest.skip(f"needs {name} of the shared data")
    stated: dict[str, object] = json.loads(gzip.decompress(path.read_bytes()))
    return stated


def test_a_county_that_touches_itself_is_refused() -> None:
    with pytest.raises(ConfigError, match="fence 620724: its shape is invalid"):
        parse_fences(json.dumps(real("gaotai_invalid_polygon.geojson.gz")).encode(), "gaotai")


def test_the_counties_in_gcj02_hold_their_towns() -> None:
    counties = real("zhangye_counties_gcj02.geojson.gz")
    features = counties["features"]
    assert isinstance(features, list)
    for one in features:
        one["id"] = one["properties"]["adcode"]
    found = parse_fences(json.dumps(counties | {"crs": "gcj02"}).encode(), "zhangye")
    around = {fence.fence_id for fence in found.at(99.8165, 39.3763, list(FenceKind))}
    assert "620724" in around
