"""A real road graph of 4,009 edges: what of it becomes sections."""

from __future__ import annotations

import gzip
from collections import Counter
from pathlib import Path

import pytest

from monitor.app.road_import import RoadImport, import_roads
from monitor.model.road import Direction, RoadClass

SAMPLE = Path(__file__).parents[5] / "shared" / "data" / "geo" / "roads_sample.geojson.gz"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> RoadImport:
    if not SAMPLE.exists():
        pytest.skip("the real road graph is not here")
    path = tmp_path_factory.mktemp("roads") / "roads.geojson"
    path.write_bytes(gzip.decompress(SAMPLE.read_bytes()))
    return import_roads(path)


def test_every_edge_is_a_line_refused_or_left_out(found: RoadImport) -> None:
    tally = found.tally
    assert tally.lines_total == 4009
    reasons = Counter(remark.reason for remark in tally.refused)
    assert set(reasons) == {"doubled", "class_unknown"}
    assert found.lines + sum(tally.left_out.values()) + reasons["class_unknown"] == 4009
    assert tally.left_out["highway=footway"] == 726


def test_no_limit_is_invented(found: RoadImport) -> None:
    limits = Counter(section.limit_kmh for section in found.roads.sections)
    assert set(limits) == {None, 30, 40}
    assert 0 < limits[30] + limits[40] <= 28


def test_each_two_way_road_is_there_once(found: RoadImport) -> None:
    drawn = Counter(
        min(tuple(section.line.coords), tuple(section.line.coords)[::-1])
        for section in found.roads.sections
        if section.direction is Direction.BOTH
    )
    assert max(drawn.values()) == 1


def test_motorways_run_one_way(found: RoadImport) -> None:
    expressways = [section for section in found.roads.sections if section.road_class is RoadClass.EXPRESSWAY]
    assert expressways
    assert {section.direction for section in expressways} == {Direction.FORWARD}
