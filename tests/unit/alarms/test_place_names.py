"""Place names: how an officer says where something was."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alarms.place_names import PlaceNames, post
from monitor.model.edge import EdgeType
from monitor.model.map_set import MapSet
from monitor.model.place import PlaceSet, parse_places
from monitor.model.road import RoadSet, parse_roads
from tests.unit.alarms.test_book import NOWHERE, OVER, Fleet, book, edges


def roads(*sections: dict[str, object]) -> RoadSet:
    """Sections by their properties; ``line`` is a list of places."""
    features = [
        {
            "type": "Feature",
            "id": f"S{number}",
            "properties": {name: value for name, value in stated.items() if name != "line"},
            "geometry": {"type": "LineString", "coordinates": stated["line"]},
        }
        for number, stated in enumerate(sections, 1)
    ]
    return parse_roads(json.dumps({"type": "FeatureCollection", "features": features}).encode(), "roads.geojson")


def places(**points: tuple[float, float] | list[list[list[float]]]) -> PlaceSet:
    features = [
        {
            "type": "Feature",
            "id": name,
            "properties": {"name": name},
            "geometry": {"type": "Point" if isinstance(at, tuple) else "Polygon", "coordinates": at},
        }
        for name, at in points.items()
    ]
    return parse_places(json.dumps({"type": "FeatureCollection", "features": features}).encode(), "places.geojson")


# 0.1 degree of latitude is 11.12 km.
G30: dict[str, object] = {
    "road_no": "G30",
    "name": "连霍高速",
    "road_class": "expressway",
    "km_from": 2510.0,
    "km_to": 2521.12,
    "towards": "张掖",
    "towards_back": "酒泉",
    "line": [[99.5, 39.0], [99.5, 39.1]],
}
X213: dict[str, object] = {
    "road_no": "X213",
    "township": "南华镇",
    "towards": "高台",
    "line": [[99.6, 39.0], [99.6, 39.1]],
}


@pytest.mark.parametrize(
    ("mark", "words"),
    [(1, "G30 K2514+300 往张掖方向"), (-1, "G30 K2514+300 往酒泉方向"), (0, "G30 K2514+300")],
    ids=["with the line", "against it", "direction unknown"],
)
def test_a_road_with_posts_is_said_by_number_post_and_direction(mark: int, words: str) -> None:
    assert PlaceNames(roads(G30), None).of(99.5001, 39.0387, mark) == words


@pytest.mark.parametrize(
    ("km", "words"),
    [(2514.3, "K2514+300"), (2514.349, "K2514+300"), (2514.351, "K2514+400"), (2514.96, "K2515+000"), (0.0, "K0+000")],
)
def test_a_post_is_rounded_to_100_m(km: float, words: str) -> None:
    assert post(km) == words


def test_posts_may_fall_along_the_line() -> None:
    falling = {**G30, "km_from": 2521.12, "km_to": 2510.0}
    assert PlaceNames(roads(falling), None).of(99.5, 39.0387, 1) == "G30 K2516+800 往张掖方向"


@pytest.mark.parametrize(
    ("stated", "mark", "words"),
    [
        (X213, 1, "X213 南华镇段 往高台方向"),
        (X213, -1, "X213 南华镇段"),
        ({"name": "解放路", "line": X213["line"]}, 1, "解放路"),
        ({"name": "解放路", "km_from": 0, "km_to": 11.12, "line": X213["line"]}, 1, "解放路 K4+300"),
        ({"township": "南华镇", "line": X213["line"]}, 1, "南华镇段"),
        ({"line": X213["line"]}, 1, ""),
    ],
    ids=["number and township", "no sign back", "name", "name and posts", "township", "nothing to say"],
)
def test_a_section_without_posts_is_said_by_what_it_has(stated: dict[str, object], mark: int, words: str) -> None:
    assert PlaceNames(roads(stated), None).of(99.6, 39.0387, mark) == words


def test_without_a_mark_the_nearest_section_whose_corridor_holds_the_place_is_meant() -> None:
    county = {"road_no": "X1", "corridor_m": 100, "line": [[99.5005, 39.0], [99.5005, 39.1]]}
    names = PlaceNames(roads(G30, county), None)
    assert names.of(99.5002, 39.0387).startswith("G30")  # 17 m and 26 m
    assert names.of(99.5003, 39.0387) == "X1"  # 26 m and 17 m
    assert names.of(99.4994, 39.0387) == "X1"  # 52 m from the expressway of 40, 95 m from the road of 100
    assert names.of(99.4990, 39.0387) == ""


def test_a_mark_of_other_roads_than_these_is_not_believed() -> None:
    names = PlaceNames(roads(G30, X213), places(南华镇=(99.6, 39.2)))
    assert names.of(99.5, 39.0387, 2) == "G30 K2514+300"
    assert names.of(99.5, 39.0387, 99) == "G30 K2514+300"
    assert names.of(99.5, 39.0387, -2) == "G30 K2514+300"


@pytest.mark.parametrize(
    ("east_km", "north_km", "words"),
    [
        (0.0, 3.2, "南华镇北 3.2 公里"),
        (2.3, 2.3, "南华镇东北 3.3 公里"),
        (3.2, 0.0, "南华镇东 3.2 公里"),
        (2.3, -2.3, "南华镇东南 3.3 公里"),
        (0.0, -3.2, "南华镇南 3.2 公里"),
        (-2.3, -2.3, "南华镇西南 3.3 公里"),
        (-3.2, 0.0, "南华镇西 3.2 公里"),
        (-2.3, 2.3, "南华镇西北 3.3 公里"),
        (0.0, 9.94, "南华镇北 9.9 公里"),
        (0.0, 9.96, "南华镇北 10 公里"),
        (0.0, 23.6, "南华镇北 24 公里"),
        (0.0, 0.04, "南华镇附近"),
        (0.0, 51.0, ""),
    ],
)
def test_off_the_roads_it_is_the_nearest_place_with_direction_and_distance(
    east_km: float, north_km: float, words: str
) -> None:
    lat = 39.4 + north_km / 111.195
    lon = 99.5 + east_km / 111.195 / math.cos(math.radians(lat))
    assert PlaceNames(roads(G30), places(南华镇=(99.5, 39.4))).of(lon, lat) == words


def test_inside_of_an_area_it_is_the_area() -> None:
    area = [[[99.0, 39.0], [99.1, 39.0], [99.1, 39.1], [99.0, 39.1], [99.0, 39.0]]]
    assert PlaceNames(None, places(南华镇=area, 小村=(99.05, 39.05))).of(99.05, 39.05) == "南华镇内"


def test_a_place_that_is_no_number_has_no_name() -> None:
    assert PlaceNames(roads(G30), places(南华镇=(99.5, 39.4))).of(math.nan, math.nan, 1) == ""


def test_without_maps_there_are_no_names() -> None:
    assert PlaceNames(None, None).of(99.5, 39.0) == ""


START = {"start_lon": 99.5, "start_lat": 39.0387, "start_section": 1}
END = {"end_lon": 99.5, "end_lat": 39.0746, "end_section": 1}


def test_an_alarm_says_where_it_began_and_when_it_is_over_where_it_ended() -> None:
    taken = book(Fleet(maps=MapSet(roads=roads(G30)))).apply(
        edges(
            ("speeding", EdgeType.ONSET, 0, {**START, "end_lon": 99.5, "end_lat": 39.05}),
            ("speeding", EdgeType.CLEAR, 0, {**START, **END, **OVER}),
        )
    )
    assert [(change.alarm.start_place, change.alarm.end_place) for change in taken.changes] == [
        ("G30 K2514+300 往张掖方向", ""),
        ("G30 K2514+300 往张掖方向", "G30 K2518+300 往张掖方向"),
    ]


def test_where_an_alarm_began_stays_as_it_was_said_when_maps_change() -> None:
    fleet = Fleet(maps=MapSet(roads=roads(G30)))
    alarms = book(fleet)
    alarms.apply(edges(("speeding", EdgeType.ONSET, 0, dict(START))))
    fleet.maps = MapSet(places=places(南华镇=(99.5, 39.0)))
    (last,) = alarms.apply(edges(("speeding", EdgeType.CLEAR, 0, {**START, **END, **OVER}))).changes
    assert (last.alarm.start_place, last.alarm.end_place) == ("G30 K2514+300 往张掖方向", "南华镇北 8.3 公里")


def test_a_place_that_becomes_known_later_is_said_then() -> None:
    taken = book(Fleet(maps=MapSet(roads=roads(G30)))).apply(
        edges(
            ("offline", EdgeType.ONSET, 0, dict(NOWHERE)),
            ("offline", EdgeType.UPDATE, 0, dict(START)),
            ("offline", EdgeType.UPDATE, 0, {**START, "start_lat": 39.05}),
        )
    )
    assert [change.alarm.start_place for change in taken.changes] == ["", *["G30 K2514+300 往张掖方向"] * 2]


def test_without_maps_alarms_have_no_places() -> None:
    (raised,) = book().apply(edges(("speeding", EdgeType.ONSET, 0, dict(START)))).changes
    assert raised.alarm.start_place == ""


@given(lon=st.floats(-180, 180), lat=st.floats(-90, 90), mark=st.integers(-3, 3))
def test_any_place_of_the_world_is_said_or_left_open(lon: float, lat: float, mark: int) -> None:
    """A mark never makes up a road: what it names lies within reach."""
    said = KNOWN.of(lon, lat, mark)
    if said.startswith(("G30", "X213")):
        assert abs(lat - 39.05) < 0.06
        assert 99.49 < lon < 99.61


KNOWN = PlaceNames(roads(G30, X213), places(南华镇=(99.5, 39.4), 合黎镇=(99.9, 39.6)))
