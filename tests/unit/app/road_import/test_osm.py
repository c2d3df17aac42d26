"""Sections from OpenStreetMap extracts: what tags mean, and what of an extract is not used."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import quoteattr

import pytest

from monitor.app.road_import import RoadImport, import_roads
from monitor.app.road_import.line import RoadFacts, Tally
from monitor.app.road_import.osm_tags import facts_of
from monitor.errors import ConfigError, ReportFileError
from monitor.model.road import Direction, RoadClass, RoadSection, parse_roads

Tags = Mapping[str, str]
Node = tuple[int, float, float] | tuple[int, float, float, Tags]


def extract(
    nodes: Sequence[Node],
    ways: Sequence[tuple[int, Sequence[int], Tags]],
) -> str:
    """An .osm document."""

    def tags(found: Tags) -> str:
        return "".join(f"<tag k={quoteattr(k)} v={quoteattr(v)}/>" for k, v in found.items())

    points = "".join(
        f'<node id="{node[0]}" lon="{node[1]}" lat="{node[2]}">{tags(node[3]) if len(node) > 3 else ""}</node>'
        for node in nodes
    )
    lines = "".join(
        f'<way id="{way}">{"".join(f"""<nd ref="{node}"/>""" for node in refs)}{tags(found)}</way>'
        for way, refs, found in ways
    )
    return f'<?xml version="1.0" encoding="UTF-8"?><osm version="0.6">{points}{lines}</osm>'


# A line of points, 0.01 degree of latitude apart: 1,112 m.
LINE: list[Node] = [(n, 99.5, 39.0 + n / 100.0) for n in range(1, 10)]


def imported(tmp_path: Path, document: str, name: str = "gaotai.osm") -> RoadImport:
    path = tmp_path / name
    path.write_bytes(gzip.compress(document.encode()) if name.endswith(".gz") else document.encode())
    return import_roads(path)


def by_id(found: RoadImport) -> dict[str, RoadSection]:
    return {section.section_id: section for section in found.roads.sections}


def facts(**tags: str) -> RoadFacts:
    ((found, _),) = facts_of("w1", {"highway": "primary", **tags}, Tally())
    return found


@pytest.mark.parametrize(
    ("highway", "road_class"),
    [
        ("motorway", RoadClass.EXPRESSWAY),
        ("motorway_link", RoadClass.EXPRESSWAY),
        ("trunk", RoadClass.FIRST),
        ("primary", RoadClass.SECOND),
        ("secondary_link", RoadClass.THIRD),
        ("tertiary", RoadClass.FOURTH),
        ("unclassified", RoadClass.FOURTH),
        ("residential", RoadClass.URBAN),
        ("road", RoadClass.UNKNOWN),
    ],
)
def test_the_class_comes_from_highway(highway: str, road_class: RoadClass) -> None:
    assert facts(highway=highway).road_class is road_class


@pytest.mark.parametrize(
    ("stated", "limit_kmh"),
    [
        ("80", 80),
        ("80 km/h", 80),
        ("50 mph", 80),
        ("120", 120),
        ("", None),
        ("CN:urban", None),
        ("none", None),
        ("signals", None),
    ],
)
def test_a_limit_is_what_a_sign_says_and_no_default(stated: str, limit_kmh: int | None) -> None:
    tally = Tally()
    ((found, _),) = facts_of("w1", {"highway": "primary", "maxspeed": stated}, tally)
    assert found.limit_kmh == limit_kmh
    assert tally.not_read == []


@pytest.mark.parametrize("stated", ["fast", "0", "130", "60;80", "80 knots"])
def test_a_limit_that_cannot_be_is_told_and_left_open(stated: str) -> None:
    tally = Tally()
    ((found, _),) = facts_of("w1", {"highway": "primary", "maxspeed": stated}, tally)
    assert found.limit_kmh is None
    assert [(remark.line_id, remark.reason, remark.detail) for remark in tally.not_read] == [("w1", "maxspeed", stated)]


@pytest.mark.parametrize(
    ("tags", "one_way", "back"),
    [
        ({}, False, False),
        ({"oneway": "yes"}, True, False),
        ({"oneway": "-1"}, True, True),
        ({"oneway": "no"}, False, False),
        ({"oneway": "True"}, True, False),
        ({"oneway": "reversible"}, False, False),
        ({"highway": "motorway"}, True, False),
        ({"highway": "motorway", "oneway": "no"}, False, False),
        ({"highway": "motorway_link"}, False, False),
        ({"junction": "roundabout"}, True, False),
    ],
)
def test_which_way_traffic_runs(tags: Tags, one_way: bool, back: bool) -> None:
    ((found, turned),) = facts_of("w1", {"highway": "primary", **tags}, Tally())
    assert (found.one_way, turned) == (one_way, back)


def test_limits_that_differ_by_direction_make_two_lines() -> None:
    tags = {"highway": "primary", "maxspeed:forward": "60", "maxspeed:backward": "40", "destination:backward": "酒泉"}
    there, here = facts_of("w1", tags, Tally())
    assert (there[0].limit_kmh, there[0].one_way, there[1]) == (60, True, False)
    assert (here[0].limit_kmh, here[0].one_way, here[0].towards, here[1]) == (40, True, "酒泉", True)


def test_a_road_of_two_numbers_is_called_by_the_first() -> None:
    assert facts(ref="G30;G7").road_no == "G30"


@pytest.mark.parametrize(
    ("tags", "left_out"),
    [
        ({"highway": "footway"}, "highway=footway"),
        ({"highway": "construction"}, "highway=construction"),
        ({"highway": "residential", "access": "private"}, "access=private"),
        ({"highway": "primary", "area": "yes"}, "area=yes"),
        ({"route": "ferry", "motor_vehicle": "no"}, "motor_vehicle=no"),
        ({"building": "yes"}, "no highway"),
    ],
)
def test_what_is_no_road_for_vehicles_is_left_out_and_counted(tags: Tags, left_out: str) -> None:
    tally = Tally()
    assert facts_of("w1", tags, tally) == []
    assert dict(tally.left_out) == {left_out: 1}


def test_motor_vehicles_may_pass_where_others_may_not() -> None:
    assert facts(access="no", motor_vehicle="yes").road_class is RoadClass.SECOND


def test_a_class_that_is_not_known_is_refused_by_name() -> None:
    tally = Tally()
    assert facts_of("w7", {"highway": "primery"}, tally) == []
    (refused,) = tally.refused
    assert (refused.line_id, refused.reason, refused.detail) == ("w7", "class_unknown", "highway=primery")


def test_sections_carry_what_the_tags_say(tmp_path: Path) -> None:
    tags = {
        "highway": "motorway",
        "ref": "g30",
        "name": "连霍高速",
        "maxspeed": "120",
        "lanes": "2",
        "tunnel": "yes",
        "destination": "张掖;兰州",
    }
    ferry = {"route": "ferry", "name": "黑河渡口"}
    found = imported(tmp_path, extract(LINE, [(1, [1, 2], tags), (2, [5, 6], ferry)]))
    road, crossing = by_id(found)["w1"], by_id(found)["w2"]
    assert (road.road_no, road.name, road.limit_kmh, road.road_class) == ("G30", "连霍高速", 120, RoadClass.EXPRESSWAY)
    assert (road.direction, road.towards, road.tunnel, road.ferry) == (Direction.FORWARD, "张掖", True, False)
    assert (crossing.ferry, crossing.road_class, crossing.direction) == (True, RoadClass.UNKNOWN, Direction.BOTH)
    assert list(road.line.coords) == [(99.5, 39.01), (99.5, 39.02)]
    assert found.roads == parse_roads(found.roads.payload, "again")


def test_against_its_way_a_one_way_road_is_drawn_as_it_is_driven(tmp_path: Path) -> None:
    found = imported(tmp_path, extract(LINE, [(1, [1, 2, 3], {"highway": "primary", "oneway": "-1"})]))
    section = by_id(found)["w1"]
    assert section.direction is Direction.FORWARD
    assert section.line.coords[0] == (99.5, 39.03)


def test_many_lanes_on_one_line_widen_the_corridor(tmp_path: Path) -> None:
    ways = [(1, [1, 2], {"highway": "primary", "lanes": "8"}), (2, [4, 5], {"highway": "primary", "lanes": "2"})]
    found = by_id(imported(tmp_path, extract(LINE, ways)))
    assert (found["w1"].corridor_m, found["w2"].corridor_m) == (35.0, 30.0)


def test_an_extract_cut_through_a_way_keeps_what_lies_inside(tmp_path: Path) -> None:
    ways = [(1, [1, 2, 77, 4, 5], {"highway": "primary"}), (2, [88, 6], {"highway": "primary"})]
    found = imported(tmp_path, extract(LINE, ways))
    assert sorted(by_id(found)) == ["w1", "w1-2"]
    assert [(remark.line_id, remark.reason) for remark in found.tally.refused] == [("w2", "nodes_missing")]
    assert [(remark.line_id, remark.reason) for remark in found.tally.not_read] == [("w1", "nodes")]


def test_compressed_extracts_are_read_as_they_are(tmp_path: Path) -> None:
    found = imported(tmp_path, extract(LINE, [(1, [1, 2], {"highway": "primary"})]), "gaotai.osm.gz")
    assert list(by_id(found)) == ["w1"]


def test_milestones_give_posts(tmp_path: Path) -> None:
    nodes: list[Node] = [
        *LINE,
        (101, 99.5001, 39.02, {"highway": "milestone", "ref": "G30", "distance": "2511"}),
        (102, 99.5001, 39.04, {"highway": "milestone", "ref": "G30", "distance": "2513.22"}),
        (103, 99.5001, 39.05, {"highway": "milestone", "distance": "2513"}),
    ]
    found = imported(tmp_path, extract(nodes, [(1, [1, 2, 3, 4, 5], {"highway": "trunk", "ref": "G30"})]))
    section = by_id(found)["w1"]
    assert (section.km_from, section.km_to) == pytest.approx((2509.888, 2514.332), abs=0.01)
    assert [remark.line_id for remark in found.tally.not_read] == ["n103"]
    assert found.posts == 2


@pytest.mark.parametrize(
    ("document", "reason"),
    [("<osm><way", "no XML"), ("<html></html>", "its root is <html>")],
)
def test_what_is_no_extract_is_refused(tmp_path: Path, document: str, reason: str) -> None:
    with pytest.raises(ReportFileError, match=reason):
        imported(tmp_path, document)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportFileError):
        import_roads(tmp_path / "none.osm")


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="names no form"):
        import_roads(tmp_path / "roads.dwg")


def test_an_extract_has_no_columns_to_map(tmp_path: Path) -> None:
    mapping = tmp_path / "m.toml"
    mapping.write_text('[fields]\nname = "NAME"\n')
    with pytest.raises(ConfigError, match="tags, not columns"):
        import_roads(tmp_path / "x.osm", fields=mapping)


def test_only_the_classes_asked_for_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "x.osm"
    ways = [(1, [1, 2], {"highway": "motorway"}), (2, [4, 5], {"highway": "residential"})]
    path.write_text(extract(LINE, ways))
    found = import_roads(path, classes=[RoadClass.EXPRESSWAY])
    assert list(by_id(found)) == ["w1"]
    assert found.tally.left_out == {"class not asked for": 1}


def test_the_binary_form_says_the_same(tmp_path: Path) -> None:
    osmium = pytest.importorskip("osmium", reason="the package osmium is not installed")
    tags = {"highway": "motorway", "ref": "G30", "maxspeed": "120"}
    document = extract(
        [*LINE, (101, 99.5, 39.02, {"highway": "milestone", "ref": "G30", "distance": "2511"})],
        [(1, [1, 2, 3], tags), (2, [3, 4], {"building": "yes"}), (3, [3, 99, 5], tags)],
    )
    plain = tmp_path / "x.osm"
    plain.write_text(document)
    packed = tmp_path / "x.osm.pbf"
    with osmium.SimpleWriter(str(packed)) as writer:
        for found in osmium.FileProcessor(str(plain)):
            writer.add(found)
    one, other = import_roads(plain), import_roads(packed)
    assert one.roads.payload == other.roads.payload
    assert one.tally.refused == other.tally.refused
    assert one.posts == other.posts == 1


def test_the_binary_form_asks_for_the_package_that_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "osmium", None)
    with pytest.raises(ReportFileError, match="Install the package osmium"):
        import_roads(tmp_path / "gansu.osm.pbf")


def test_a_binary_file_that_is_no_extract_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("osmium", reason="the package osmium is not installed")
    path = tmp_path / "gansu.osm.pbf"
    path.write_bytes(b"no extract at all")
    with pytest.raises(ReportFileError, match="no OpenStreetMap extract"):
        import_roads(path)
    with pytest.raises(ReportFileError):
        import_roads(tmp_path / "none.osm.pbf")
