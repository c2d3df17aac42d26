"""Road sections as an office brings them: read, or refused by name with the reason; and places along them."""

from __future__ import annotations

import json
import math
from datetime import date

import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer

from monitor.errors import ConfigError
from monitor.model.geo import wgs84_to_gcj02
from monitor.model.road import (
    CORRIDOR_M,
    NO_ROADS,
    Direction,
    RoadClass,
    RoadFlag,
    RoadSection,
    RoadSet,
    chainage_m,
    km_post,
    parse_roads,
)

LINE = [[99.80, 39.30], [99.81, 39.31], [99.83, 39.31]]


def feature(points: object = LINE, **properties: object) -> dict[str, object]:
    shape = {"type": "LineString", "coordinates": points}
    return {"type": "Feature", "properties": {"section_id": "S1", **properties}, "geometry": shape}


def collection(*features: object, **others: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features, **others}).encode()


def roads(*features: object, **others: object) -> RoadSet:
    return parse_roads(collection(*features, **others), "roads.geojson")


def one(points: object = LINE, **properties: object) -> RoadSection:
    (section,) = roads(feature(points, **properties)).sections
    return section


def test_a_section_has_what_is_stated() -> None:
    stated = {
        "name": "连霍高速",
        "road_no": "g30",
        "road_class": "expressway",
        "limit_kmh": 120,
        "corridor_m": 45,
        "direction": "forward",
        "km_from": 2514.0,
        "km_to": 2517.1,
        "towards": "张掖",
        "towards_back": "酒泉",
        "tunnel": True,
        "ferry": "no",
        "township": "骆驼城镇",
        "surveyed_by": "王工",
        "surveyed_on": "2026-05-31",
    }
    section = one(**stated)
    assert (section.section_id, section.name, section.road_no) == ("S1", "连霍高速", "G30")
    assert (section.road_class, section.limit_kmh, section.corridor_m) == (RoadClass.EXPRESSWAY, 120.0, 45.0)
    assert (section.direction, section.km_from, section.km_to) == (Direction.FORWARD, 2514.0, 2517.1)
    assert (section.towards, section.towards_back, section.township) == ("张掖", "酒泉", "骆驼城镇")
    assert (section.flags, section.surveyed_by, section.surveyed_on) == (RoadFlag.TUNNEL, "王工", date(2026, 5, 31))


def test_what_is_not_stated_is_not_guessed() -> None:
    section = one()
    assert (section.road_class, section.limit_kmh, section.direction) == (RoadClass.UNKNOWN, None, Direction.BOTH)
    assert (section.km_from, section.surveyed_on, section.flags) == (None, None, RoadFlag(0))
    assert one(limit_kmh="", km_from=None, township=None).limit_kmh is None


@pytest.mark.parametrize("road_class", list(RoadClass))
def test_the_corridor_is_that_of_the_class(road_class: RoadClass) -> None:
    assert one(road_class=road_class.word).corridor_m == CORRIDOR_M[road_class]


def test_the_same_bytes_are_the_same_set() -> None:
    data = collection(feature())
    assert parse_roads(data, "a") == parse_roads(data, "b")
    assert hash(parse_roads(data, "a")) == hash(parse_roads(data, "b"))
    assert roads(feature()) != roads(feature(name="x"))
    assert parse_roads(NO_ROADS.payload, "nothing") == NO_ROADS
    assert (len(NO_ROADS), len(roads(feature()))) == (0, 1)


def test_a_loop_crosses_itself_and_is_taken() -> None:
    eight = [[99.80, 39.30], [99.82, 39.32], [99.82, 39.30], [99.80, 39.32]]
    assert not one(eight).line.is_simple


def test_heights_and_a_byte_order_mark_do_no_harm() -> None:
    high = [[99.80, 39.30, 1400.0], [99.81, 39.31]]
    (section,) = parse_roads(b"\xef\xbb\xbf" + collection(feature(high)), "roads").sections
    assert not section.line.has_z


def test_gcj02_is_brought_back_to_wgs84() -> None:
    lon, lat = wgs84_to_gcj02(np.array([p[0] for p in LINE]), np.array([p[1] for p in LINE]))
    found = one(np.stack([lon, lat], axis=1).tolist(), crs="gcj02")
    assert np.allclose(shapely.get_coordinates(found.line), LINE, atol=1e-7)


@pytest.mark.parametrize(
    ("crs", "source"),
    [
        pytest.param("EPSG:4524", "EPSG:4524", id="3-degree zone 36 with the zone in the easting"),
        pytest.param("4545", "EPSG:4545", id="central meridian 108, by its number alone"),
        pytest.param("EPSG:4490", "EPSG:4490", id="degrees of CGCS2000, longitude first"),
    ],
)
def test_projected_cgcs2000_is_easting_first(crs: str, source: str) -> None:
    project = Transformer.from_crs("EPSG:4326", source, always_xy=True)
    (section,) = roads(feature([list(project.transform(lon, lat)) for lon, lat in LINE]), crs=crs).sections
    assert np.allclose(shapely.get_coordinates(section.line), LINE, atol=1e-6)


def test_of_lines_converted_together_each_has_its_own_place_and_its_own_faults() -> None:
    project = Transformer.from_crs("EPSG:4326", "EPSG:4524", always_xy=True)
    metres = [list(project.transform(lon, lat)) for lon, lat in LINE]
    found = roads(
        feature(metres), feature(LINE, section_id="S2", crs="wgs84"), feature(metres[::-1], section_id="S3"), crs="4524"
    )
    for section, expected in zip(found.sections, (LINE, LINE, LINE[::-1]), strict=True):
        assert np.allclose(shapely.get_coordinates(section.line), expected, atol=1e-6)
    with pytest.raises(ConfigError) as caught:
        roads(
            feature(metres),
            feature("x", section_id="S2"),
            feature([[1e12, 1e12], [2e12, 2e12]], section_id="S3"),
            feature(metres[:1] * 2, section_id="S4"),
            {"id": "S5", "geometry": {"type": "Point", "coordinates": metres[0]}},
            crs="EPSG:4524",
        )
    assert [f"{key}: {why[:30]}" for key, why in caught.value.problems] == [
        "section S2: its coordinates cannot be read",
        "section S3: it lies outside of the world w",
        "section S4: its line has no length",
        "section S5: its geometry is Point, a secti",
    ]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        pytest.param(feature([[99.8, 39.3]]), "its coordinates cannot be read", id="one point"),
        pytest.param(feature([]), "its coordinates cannot be read", id="no point"),
        pytest.param(feature("x"), "its coordinates cannot be read", id="no coordinates"),
        pytest.param(feature([[99.8, 39.3], [99.8]]), "its coordinates cannot be read", id="half a point"),
        pytest.param(feature([[99.8, 39.3], [99.8, None]]), "a coordinate is no number", id="null"),
        pytest.param(feature([[99.8, 39.3], [99.8, float("nan")]]), "a coordinate is no number", id="NaN"),
        pytest.param(feature([[99.8, 39.3], [99.8, float("inf")]]), "a coordinate is no number", id="infinite"),
        pytest.param(feature([[99.8, 39.3], [99.8, 39.3]]), "its line has no length", id="no length"),
        pytest.param(feature([[99.8, 39.3], [499.8, 39.3]]), "outside of the world", id="out of the world"),
        pytest.param(
            feature() | {"geometry": {"type": "MultiLineString", "coordinates": [LINE]}},
            "its geometry is MultiLineString, a section is one LineString; write each part as a feature",
            id="several lines",
        ),
        pytest.param(feature() | {"geometry": None}, "its geometry is missing", id="no geometry"),
        pytest.param(feature(road_class="motorway"), "road_class 'motorway' is none of unknown, express", id="class"),
        pytest.param(feature(direction="north"), "direction 'north' is none of both, forward, backward", id="way"),
        pytest.param(feature(limit_kmh=0), "limit_kmh 0 is not above 0 and at most 160", id="limit of nothing"),
        pytest.param(feature(limit_kmh=161), "limit_kmh 161 is not above 0 and at most 160", id="limit too high"),
        pytest.param(feature(limit_kmh="fast"), "limit_kmh 'fast' is no number", id="limit in words"),
        pytest.param(feature(limit_kmh=True), "limit_kmh True is no number", id="limit is yes"),
        pytest.param(feature(corridor_m=0), "corridor_m 0 is not above 0 and at most 200", id="no corridor"),
        pytest.param(feature(corridor_m=201), "corridor_m 201 is not above 0", id="corridor too wide"),
        pytest.param(feature(tunnel="maybe"), "tunnel 'maybe' is neither true nor false", id="flag"),
        pytest.param(feature(km_from=1.0), "it has one kilometre post", id="one post"),
        pytest.param(
            feature(km_from=10, km_to=14), "its posts are 4.000 km apart, its line is 3.127", id="posts too far"
        ),
        pytest.param(feature(km_from=10, km_to=11.9), "its posts are 1.900 km apart", id="posts too near"),
        pytest.param(feature(surveyed_on="last May"), "surveyed_on 'last May' is no date", id="date"),
        pytest.param(feature(crs="EPSG:1"), "crs 'EPSG:1' is neither", id="crs"),
    ],
)
def test_what_is_no_section_is_refused_by_name(wrong: object, says: str) -> None:
    with pytest.raises(ConfigError, match="section S1: .*(" + says.replace("(", r"\(") + ")"):
        roads(wrong)


def test_every_refused_section_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        roads(feature(limit_kmh=-1), feature(section_id="S2"), feature(section_id="S3", direction="?"), {"id": ""})
    assert [key for key, _ in caught.value.problems] == ["section S1", "section S3", "feature 4"]


@pytest.mark.parametrize("km_to", [2517.1, 2510.9], ids=["rising", "falling"])
def test_a_place_between_two_posts_has_a_post_of_its_own(km_to: float) -> None:
    section = one([[99.8, 39.3], [99.8, 39.3279]], km_from=2514.0, km_to=km_to)
    assert km_post(section, 0.0) == 2514.0
    assert km_post(section, section.length_m) == pytest.approx(km_to)
    assert km_post(section, section.length_m / 2) == pytest.approx((2514.0 + km_to) / 2)
    assert km_post(section, 1e6) == km_to
    assert km_post(one(), 10.0) is None


def test_chainage_is_that_of_the_nearest_point() -> None:
    section = one()
    to_bend = Geod(ellps="WGS84").inv(LINE[0][0], LINE[0][1], LINE[1][0], LINE[1][1])[2]
    assert chainage_m(section, LINE[0][0], LINE[0][1]) == 0.0
    assert chainage_m(section, LINE[1][0], LINE[1][1]) == pytest.approx(to_bend, rel=0.004)  # sphere and ellipsoid
    assert chainage_m(section, 99.82, 39.3103) == pytest.approx(
        to_bend + 0.01 * 111_195 * math.cos(math.radians(39.31)), rel=0.004
    )
    assert chainage_m(section, 99.9, 39.31) == pytest.approx(section.length_m)
