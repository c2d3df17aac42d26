"""Kilometre posts: reading them, and what they make of the lines beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monitor.app.road_import.kilometre_posts import KilometrePost, post_km, read_posts, with_posts
from monitor.app.road_import.line import RoadFacts, RoadLine, Tally
from monitor.errors import ReportFileError
from monitor.model.road import RoadClass

G30 = RoadFacts(RoadClass.EXPRESSWAY, road_no="G30", one_way=True)
KM = 1.0 / 111.195  # degrees of latitude


def line(name: str, *kms: float, facts: RoadFacts = G30, lon: float = 99.5) -> RoadLine:
    """A straight line northwards with vertices at some kilometres; nodes are numbered by place."""
    xy = np.array([(lon, 39.0 + km * KM) for km in kms])
    return RoadLine(name, tuple(round(km * 10) + round((lon - 99.5) * 1e7) for km in kms), xy, facts)


def post(km: float, at: float, lon: float = 99.5, road_no: str = "G30") -> KilometrePost:
    return KilometrePost(road_no, km, lon, 39.0 + at * KM)


def ends(lines: list[RoadLine], *posts: KilometrePost, tally: Tally | None = None) -> list[tuple[float, float] | None]:
    found = with_posts(lines, posts, tally or Tally())
    return [None if one.km_from is None or one.km_to is None else (one.km_from, one.km_to) for one in found]


@pytest.mark.parametrize(
    ("stated", "km"),
    [
        ("K2514+300", 2514.3),
        ("k2514 + 300.5", 2514.3005),
        ("2514.3", 2514.3),
        ("2514", 2514.0),
        ("K2514", 2514.0),
        ("2514 km", 2514.0),
        ("2514公里", 2514.0),
        ("", None),
        ("北", None),
        ("-3", None),
    ],
)
def test_how_posts_are_written(stated: str, km: float | None) -> None:
    assert post_km(stated) == (None if km is None else pytest.approx(km))


def test_an_end_between_two_posts_lies_between_them() -> None:
    assert ends([line("a", 0, 2), line("b", 2, 4)], post(11, 1), post(13, 3)) == [(10.0, 12.0), (12.0, 14.0)]


def test_posts_may_fall_along_the_line() -> None:
    assert ends([line("a", 0, 4)], post(13, 1), post(11, 3)) == [(14.0, 10.0)]


def test_a_section_without_posts_of_its_own_gets_them_from_its_neighbours() -> None:
    found = ends([line("a", 0, 1), line("b", 1, 2), line("c", 2, 3)], post(10.5, 0.5), post(12.5, 2.5))
    assert found == [(10.0, 11.0), (11.0, 12.0), (12.0, 13.0)]


def test_a_post_counts_for_both_carriageways() -> None:
    there, back = line("a", 0, 2), line("b", 2, 0, lon=99.5003)
    assert ends([there, back], post(10.5, 0.5), post(11.5, 1.5)) == [(10.0, 12.0), (12.0, 10.0)]


def test_one_post_says_no_direction() -> None:
    assert ends([line("a", 0, 2)], post(10, 1)) == [None]


def test_posts_of_another_road_or_far_beside_say_nothing() -> None:
    tally = Tally()
    found = ends(
        [line("a", 0, 2)],
        post(10, 0.5, road_no="G7"),
        post(10, 0.5, lon=99.502),
        post(11, 1.5, lon=99.502),
        tally=tally,
    )
    assert found == [None]
    assert [remark.reason for remark in tally.not_read] == ["post", "post", "post"]


def test_posts_that_do_not_agree_with_the_road_between_them_say_nothing() -> None:
    assert ends([line("a", 0, 4)], post(10, 1), post(17, 3)) == [None]


def test_what_a_line_knows_of_itself_stays() -> None:
    one = line("a", 0, 2)
    known = RoadLine(one.line_id, one.nodes, one.xy, one.facts, 100.0, 102.0)
    assert ends([known], post(10.5, 0.5), post(11.5, 1.5)) == [(100.0, 102.0)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_posts_come_in_csv(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "posts.csv"
    path.write_bytes(
        "路线编号,桩号,经度,纬度,备注\ng30,K2514+300,99.5,39.0,好\n,,,,\nG30,北,99.5,39,\nG30,1,x,39\n".encode(encoding)
    )
    tally = Tally()
    assert read_posts(path, tally) == [KilometrePost("G30", 2514.3, 99.5, 39.0)]
    assert [remark.line_id for remark in tally.not_read] == ["posts.csv row 4", "posts.csv row 5"]


def test_posts_in_gcj02_are_moved(tmp_path: Path) -> None:
    path = tmp_path / "posts.csv"
    path.write_text("road_no,km,lon,lat\nG30,1,99.5,39.0\n")
    (found,) = read_posts(path, Tally(), crs="gcj02")
    assert abs(found.lon_deg - 99.5) > 0.001


@pytest.mark.parametrize("text", ["", "road_no,km,lon\nG30,1,2\n"])
def test_a_file_without_the_columns_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "posts.csv"
    path.write_text(text)
    with pytest.raises(ReportFileError, match="has no column"):
        read_posts(path, Tally())
