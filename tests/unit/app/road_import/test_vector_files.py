"""Sections from a bureau's shapefile and from GeoJSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pytest
import shapefile  # type: ignore[import-untyped]  # annotated, but not marked as such
from pyproj import CRS, Transformer

from monitor.app.road_import import RoadImport, import_roads
from monitor.errors import ConfigError, ReportFileError
from monitor.model.road import Direction, RoadClass, RoadSection

MAPPING = """
[fields]
id = "路段编号"
name = "路线名称"
road_no = "路线编号"
road_class = "技术等级"
limit_kmh = "限速"
one_way = "单双向"
lanes = "车道数"
km_from = "起点桩号"
km_to = "止点桩号"
township = "所在乡镇"
surveyed_on = "采集日期"
[classes]
"21" = "second"
[constants]
surveyed_by = "高台县交通运输局"
"""
COLUMNS = (
    ("路段编号", "C", 20, 0),
    ("路线名称", "C", 40, 0),
    ("路线编号", "C", 12, 0),
    ("技术等级", "C", 12, 0),
    ("限速", "N", 4, 0),
    ("单双向", "C", 8, 0),
    ("车道数", "N", 2, 0),
    ("起点桩号", "N", 10, 3),
    ("止点桩号", "N", 10, 3),
    ("所在乡镇", "C", 20, 0),
    ("采集日期", "D", 8, 0),
)
Place = tuple[float, float]
ROW = ("1", "连霍高速", "g30", "高速公路", 100, "单向", 2, 2510.0, 2511.1, "南华镇", date(2026, 5, 31))
NORTH: Sequence[Place] = ((99.5, 39.0), (99.5, 39.01))


def a_shapefile(
    folder: Path,
    *rows: tuple[Sequence[object], Sequence[Sequence[Place]]],
    crs: str = "EPSG:4490",
    encoding: str = "gb18030",
) -> Path:
    path = folder / "gaotai.shp"
    with shapefile.Writer(str(path), shapeType=shapefile.POLYLINE, encoding=encoding) as writer:
        for name, *form in COLUMNS:
            writer.field(name[:3] if encoding == "utf-8" else name, *form)  # ten bytes are all that a name has
        for row, parts in rows:
            writer.line([[list(place) for place in part] for part in parts])
            writer.record(*row)
    path.with_suffix(".cpg").unlink(missing_ok=True)
    if crs:
        path.with_suffix(".prj").write_text(CRS.from_user_input(crs).to_wkt("WKT1_ESRI"))
    return path


def mapped(folder: Path, path: Path, text: str = MAPPING, encoding: str = "") -> RoadImport:
    mapping = folder / "fields.toml"
    mapping.write_text(text, "utf-8")
    return import_roads(path, fields=mapping, encoding=encoding)


def by_id(found: RoadImport) -> dict[str, RoadSection]:
    return {section.section_id: section for section in found.roads.sections}


def test_a_bureaus_columns_become_a_section(tmp_path: Path) -> None:
    found = mapped(tmp_path, a_shapefile(tmp_path, (ROW, [NORTH])))
    section = by_id(found)["1"]
    assert (section.name, section.road_no, section.road_class) == ("连霍高速", "G30", RoadClass.EXPRESSWAY)
    assert (section.limit_kmh, section.direction, section.township) == (100, Direction.FORWARD, "南华镇")
    assert (section.km_from, section.km_to) == (2510.0, 2511.1)
    assert (section.surveyed_by, section.surveyed_on) == ("高台县交通运输局", date(2026, 5, 31))
    assert found.tally.refused == found.tally.not_read == []


def test_the_attributes_may_be_utf8(tmp_path: Path) -> None:
    mapping = MAPPING
    for name, *_ in COLUMNS:
        mapping = mapping.replace(f'"{name}"', f'"{name[:3]}"')
    found = mapped(tmp_path, a_shapefile(tmp_path, (ROW, [NORTH]), encoding="utf-8"), mapping)
    assert by_id(found)["1"].name == "连霍高速"


def test_an_encoding_that_is_stated_is_taken_at_its_word(tmp_path: Path) -> None:
    path = a_shapefile(tmp_path, (ROW, [NORTH]))
    with pytest.raises(ReportFileError, match="State its encoding"):
        mapped(tmp_path, path, encoding="utf-8")
    with pytest.raises(ConfigError, match="no encoding"):
        mapped(tmp_path, path, encoding="gbq")


def test_projected_coordinates_come_to_degrees(tmp_path: Path) -> None:
    to_metres = Transformer.from_crs("EPSG:4326", "EPSG:4524", always_xy=True)
    drawn = [to_metres.transform(*place) for place in NORTH]
    found = mapped(tmp_path, a_shapefile(tmp_path, (ROW, [drawn]), crs="EPSG:4524"))
    for there, expected in zip(by_id(found)["1"].line.coords, NORTH, strict=True):
        assert there == pytest.approx(expected, abs=1e-6)


def test_without_a_projection_nothing_is_guessed(tmp_path: Path) -> None:
    path = a_shapefile(tmp_path, (ROW, [NORTH]), crs="")
    with pytest.raises(ConfigError, match=r"no \.prj"):
        mapped(tmp_path, path)
    found = mapped(tmp_path, path, 'crs = "gcj02"\n' + MAPPING)
    assert by_id(found)["1"].line.coords[0] != NORTH[0]


def test_a_road_against_its_line_is_turned_with_its_posts(tmp_path: Path) -> None:
    row = (*ROW[:5], "反向", *ROW[6:])
    section = by_id(mapped(tmp_path, a_shapefile(tmp_path, (row, [NORTH]))))["1"]
    assert (section.direction, section.km_from, section.km_to) == (Direction.FORWARD, 2511.1, 2510.0)
    assert section.line.coords[0] == NORTH[1]


def test_words_and_codes_of_classes(tmp_path: Path) -> None:
    rows = [
        ((str(n), "", f"X{n}", word, *ROW[4:]), [[(99.5 + n / 10, 39.0), (99.5 + n / 10, 39.01)]])
        for n, word in enumerate(["二级", "21", "", "四级公路", "土路"])
    ]
    found = mapped(tmp_path, a_shapefile(tmp_path, *rows))
    assert [section.road_class for section in found.roads.sections] == [
        RoadClass.SECOND,
        RoadClass.SECOND,
        RoadClass.UNKNOWN,
        RoadClass.FOURTH,
    ]
    assert [(remark.line_id, remark.detail) for remark in found.tally.refused] == [("4", "技术等级=土路")]


def test_what_cannot_be_read_is_told_and_left_open(tmp_path: Path) -> None:
    row = ("7", "", "X1", "二级", 900, "也许", 0, 1.0, 9.0, "", None)
    found = mapped(tmp_path, a_shapefile(tmp_path, (row, [NORTH])))
    assert [(remark.reason, remark.detail) for remark in found.tally.not_read] == [
        ("one_way", "也许"),
        ("limit_kmh", "900"),
        ("posts", "1 to 9 km on 1112 m"),
    ]
    assert found.tally.refused == []
    section = by_id(found)["7"]
    assert (section.limit_kmh, section.direction, section.km_from) == (None, Direction.BOTH, None)


def test_the_parts_of_a_line_are_sections_of_their_own(tmp_path: Path) -> None:
    far = [(99.7, 39.0), (99.7, 39.01)]
    found = by_id(mapped(tmp_path, a_shapefile(tmp_path, (ROW, [NORTH, far]))))
    assert list(found) == ["1", "1-2"]
    assert found["1"].km_from is None  # nobody knows at which part the posts stand


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[fields]\nnmae = "x"\n', "fields.nmae: is none of"),
        ('[fields]\nname = "名"\n', "fields.name: gaotai.shp has no column 名"),
        ('[fields]\nname = "路线名称"\n[classes]\n"1" = "highway"\n', "'highway' is no road class"),
        ("[colours]\nx = 1\n", "colours: is none of"),
        ("[fields]\n", "names no column"),
        ("fields = 3\n", "is no table"),
        ("[fields\n", "is no TOML"),
    ],
)
def test_a_wrong_mapping_is_refused_with_its_key(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        mapped(tmp_path, a_shapefile(tmp_path, (ROW, [NORTH])), text)


def test_a_file_without_known_columns_asks_for_a_mapping(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="say with --fields"):
        import_roads(a_shapefile(tmp_path, (ROW, [NORTH])))


def test_a_shapefile_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gaotai.shp"
    path.write_bytes(b"not a shapefile")
    path.with_suffix(".prj").write_text(CRS.from_epsg(4490).to_wkt())
    with pytest.raises(ReportFileError, match="no shapefile"):
        import_roads(path)


def a_geojson(folder: Path, *features: object, **others: object) -> Path:
    path = folder / "roads.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **others}, ensure_ascii=False))
    return path


def feature(properties: Mapping[str, object], *places: Sequence[object], kind: str = "LineString") -> dict[str, object]:
    return {"type": "Feature", "properties": properties, "geometry": {"type": kind, "coordinates": places}}


def test_geojson_with_tags_is_read_as_openstreetmap(tmp_path: Path) -> None:
    tags = {"osmid": "12", "highway": "secondary", "maxspeed": "40", "oneway": "True", "name": "景田路"}
    found = import_roads(a_geojson(tmp_path, feature(tags, *NORTH), feature({"highway": "footway"}, *NORTH)))
    section = by_id(found)["w12"]
    assert (section.limit_kmh, section.direction, section.name) == (40, Direction.FORWARD, "景田路")
    assert found.tally.left_out == {"highway=footway": 1}


def test_the_two_directions_of_a_graph_are_one_road(tmp_path: Path) -> None:
    tags = {"osmid": "12", "highway": "secondary"}
    found = import_roads(a_geojson(tmp_path, feature(tags, *NORTH), feature(tags, *NORTH[::-1])))
    assert len(found.roads) == 1
    assert [remark.reason for remark in found.tally.refused] == ["doubled"]


def test_pieces_of_one_way_have_ids_of_their_own(tmp_path: Path) -> None:
    tags = {"osmid": "12", "highway": "secondary"}
    far = [(99.6, 39.0), (99.6, 39.01)]
    assert list(by_id(import_roads(a_geojson(tmp_path, feature(tags, *NORTH), feature(tags, *far))))) == [
        "w12",
        "w12_2",
    ]


def test_an_own_road_file_comes_out_as_it_went_in(tmp_path: Path) -> None:
    own = {"section_id": "A", "road_no": "G30", "limit_kmh": 100, "direction": "backward", "towards_back": "酒泉"}
    section = by_id(import_roads(a_geojson(tmp_path, feature(own, *NORTH))))["A"]
    assert (section.direction, section.towards, section.line.coords[0]) == (Direction.FORWARD, "酒泉", NORTH[1])


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (feature({"name": "x"}, *[[99.5, 39.0]], kind="Point"), "not_a_line"),
        (feature({"name": "x"}, [99.5, 39.0], [99.5, 39.0]), "too_short"),
        (feature({"name": "x"}, [99.5, 39.0]), "too_short"),
        (feature({"name": "x"}, [99.5, 39.0], ["a", 39.1]), "coordinates"),
        (feature({"name": "x"}, [99.5, 39.0], [399.5, 39.1]), "coordinates"),
        ({"type": "Feature", "properties": {"name": "x"}, "geometry": None}, "not_a_line"),
        (7, "not_a_line"),
    ],
)
def test_a_line_that_is_none_is_refused_and_its_neighbour_kept(tmp_path: Path, bad: object, reason: str) -> None:
    found = import_roads(a_geojson(tmp_path, feature({"name": "好路"}, *NORTH), bad))
    assert [section.name for section in found.roads.sections] == ["好路"]
    assert [remark.reason for remark in found.tally.refused] == [reason]


def test_gcj02_is_said_in_the_file(tmp_path: Path) -> None:
    found = import_roads(a_geojson(tmp_path, feature({"name": "x"}, *NORTH), crs="gcj02"))
    assert found.roads.sections[0].line.coords[0] != NORTH[0]


@pytest.mark.parametrize("text", ["{", "[]", '{"features": 3}'])
def test_what_is_no_geojson_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ReportFileError):
        import_roads(path)
