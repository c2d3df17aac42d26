"""Places: what a file of them may say, and which of them is around or near."""

from __future__ import annotations

import json

import pytest

from monitor.errors import ConfigError
from monitor.model.place import NO_PLACES, PlaceKind, PlaceSet, parse_places

SQUARE = [[[99.0, 39.0], [99.1, 39.0], [99.1, 39.1], [99.0, 39.1], [99.0, 39.0]]]
YARD = [[[99.04, 39.04], [99.06, 39.04], [99.06, 39.06], [99.04, 39.06], [99.04, 39.04]]]


def feature(place_id: str | None, geometry: object, **properties: object) -> dict[str, object]:
    found: dict[str, object] = {"type": "Feature", "properties": properties, "geometry": geometry}
    return found if place_id is None else {**found, "id": place_id}


def point(lon: float, lat: float) -> dict[str, object]:
    return {"type": "Point", "coordinates": [lon, lat]}


def area(rings: object) -> dict[str, object]:
    return {"type": "Polygon", "coordinates": rings}


def places(*features: object, **others: object) -> PlaceSet:
    stated = {"type": "FeatureCollection", "features": features, **others}
    return parse_places(json.dumps(stated).encode(), "places.geojson")


def test_a_place_is_a_point_or_an_area_with_a_name() -> None:
    found = places(
        feature("1", point(99.5, 39.4), name="南华镇", kind="township"), feature("2", area(SQUARE), name="黑泉")
    )
    assert [(place.place_id, place.name, place.kind) for place in found.places] == [
        ("1", "南华镇", PlaceKind.TOWNSHIP),
        ("2", "黑泉", PlaceKind.OTHER),
    ]


def test_coordinates_come_to_wgs84() -> None:
    found = places(feature("1", point(99.5, 39.4), name="南华镇"), crs="gcj02")
    assert found.places[0].shape.distance(places(feature("1", point(99.5, 39.4), name="x")).places[0].shape) > 0.001


def test_every_refused_shape_is_named() -> None:
    bow = [[[99.0, 39.0], [99.1, 39.1], [99.1, 39.0], [99.0, 39.1], [99.0, 39.0]]]
    with pytest.raises(ConfigError) as refused:
        places(
            feature("A", point(99.0, 39.0)),
            feature("B", point(99.0, 39.0), name="x", kind="hamlet"),
            feature("C", {"type": "LineString", "coordinates": [[99.0, 39.0], [99.1, 39.0]]}, name="x"),
            feature("D", area(bow), name="x"),
            feature(None, point(99.0, 39.0), name="x"),
            feature("F", point(199.0, 39.0), name="x"),
            feature("G", None, name="x"),
            feature("OK", point(99.0, 39.0), name="x"),
            feature("OK", point(99.0, 39.0), name="x"),
        )
    said = dict(refused.value.problems)
    assert list(said) == ["place A", "place B", "place C", "place D", "feature 5", "place F", "place G", "place OK"]
    assert "has no name" in said["place A"]
    assert "kind 'hamlet' is none of township, village, toll, other" in said["place B"]
    assert "LineString, a place is a Point" in said["place C"]
    assert "Self-intersection" in said["place D"]
    assert "missing" in said["place G"]


def test_the_smallest_area_is_around_and_its_border_belongs_to_it() -> None:
    found = places(feature("1", area(SQUARE), name="镇"), feature("2", area(YARD), name="村"))
    around = [found.around(*at) for at in ((99.05, 39.05), (99.01, 39.01), (99.1, 39.05), (99.2, 39.05))]
    assert [place.name if place else None for place in around] == ["村", "镇", "镇", None]


def test_a_point_is_around_nothing() -> None:
    assert places(feature("1", point(99.0, 39.0), name="x")).around(99.0, 39.0) is None


def test_the_nearest_is_nearest_in_metres_not_in_degrees() -> None:
    found = places(feature("N", point(99.0, 39.018), name="北"), feature("E", point(99.022, 39.0), name="东"))
    near = found.nearest(99.0, 39.0)
    assert near is not None
    assert near.place.name == "东"
    assert near.distance_m == pytest.approx(1_901, abs=3)
    assert (near.east_m, near.north_m) == pytest.approx((-1_901, 0.0), abs=3)


def test_an_area_is_near_by_its_border() -> None:
    near = places(feature("1", area(SQUARE), name="镇")).nearest(99.05, 39.2)
    assert near is not None
    assert near.north_m == pytest.approx(11_120, abs=5)


def test_a_nearer_place_in_a_wider_box_is_not_missed() -> None:
    """The corner of a box is farther away than its sides: what the first box holds may not be the nearest."""
    corner = feature("C", point(99.0339, 39.0262), name="角")  # 2.92 km east and north: 4.1 km away
    side = feature("S", point(99.0, 39.028), name="边")  # 3.1 km north: outside of the first box
    near = places(corner, side).nearest(99.0, 39.0)
    assert near is not None
    assert near.place.name == "边"


def test_a_place_beyond_50_km_is_none() -> None:
    assert places(feature("1", point(99.0, 39.44), name="x")).nearest(99.0, 39.0) is not None
    assert places(feature("1", point(99.0, 39.46), name="x")).nearest(99.0, 39.0) is None


def test_without_places_nothing_is_near() -> None:
    assert NO_PLACES.nearest(99.0, 39.0) is None
    assert NO_PLACES.around(99.0, 39.0) is None
    assert len(NO_PLACES) == 0


def test_the_same_bytes_are_the_same_set() -> None:
    one, other = (places(feature("1", point(99.0, 39.0), name="x")) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one != NO_PLACES
