"""What lies around a report: sections by corridor, direction and heading, fences, permits; nearly always nothing."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.engine.near import NEAR, SECTION
from monitor.engine.surroundings import Surroundings
from monitor.model.fence import FenceSet, parse_fences
from monitor.model.fence_kind import FenceKind
from monitor.model.flaw import Flaw
from monitor.model.report import ReportRows, empty_rows
from monitor.model.road import RoadClass, RoadFlag, RoadSet, parse_roads

LON, LAT = 100.0, 39.0
M_PER_LAT = 111_195.08
M_PER_LON = M_PER_LAT * math.cos(math.radians(LAT))
UNKNOWN_HEADING = -1


def at(east_m: float, north_m: float) -> list[float]:
    return [LON + east_m / M_PER_LON, LAT + north_m / M_PER_LAT]


Line = tuple[list[tuple[float, float]], Mapping[str, object]]


def roads(*lines: Line) -> RoadSet:
    """Sections of lines in metres east and north of the place, called S0, S1, ..."""
    features = [
        {
            "id": f"S{number}",
            "properties": properties,
            "geometry": {"type": "LineString", "coordinates": [at(*point) for point in line]},
        }
        for number, (line, properties) in enumerate(lines)
    ]
    return parse_roads(json.dumps({"features": features}).encode(), "roads")


def north(**properties: object) -> Line:
    """A road of 4 km to the north, its corridor 30 m, found within 50 m."""
    return [(0.0, -2_000.0), (0.0, 2_000.0)], {"corridor_m": 30, **properties}


def square(fence_id: str, side_m: float, kind: FenceKind = FenceKind.OTHER, **properties: object) -> dict[str, object]:
    ring = [at(x * side_m, y * side_m) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))]
    shape = {"type": "Polygon", "coordinates": [ring]}
    return {"id": fence_id, "properties": {"kind": kind.value, **properties}, "geometry": shape}


def fences(*features: dict[str, object]) -> FenceSet:
    return parse_fences(json.dumps({"features": features}).encode(), "fences")


def report(east_m: float, north_m: float, heading_deg: int = 0, speed_kmh: float = 60.0) -> ReportRows:
    rows = empty_rows(1)
    rows["lon_deg"], rows["lat_deg"] = at(east_m, north_m)
    rows["heading_deg"] = heading_deg
    rows["speed_dkmh"] = round(speed_kmh * 10)
    return rows


def near(found: Surroundings, rows: ReportRows) -> np.void | None:
    near_of, nears, _, _ = found.mark(rows, np.zeros(len(rows), np.int32))
    return None if near_of[0] < 0 else nears[near_of[0]]


def section(found: Surroundings, rows: ReportRows) -> tuple[int, int]:
    """Best section and the direction along it; (-1, 0) near none."""
    one = near(found, rows)
    return (-1, 0) if one is None else (int(one["section_1"]), int(one["along_1"]))


def test_where_nothing_is_known_nothing_is_near() -> None:
    for found in (Surroundings(), Surroundings(roads(), fences()), Surroundings(roads(north()))):
        assert near(found, report(30_000, 0)) is None
    near_of, nears, sections, _ = Surroundings(roads(north())).mark(empty_rows(0), np.zeros(0, np.int32))
    assert (len(near_of), len(nears), len(sections)) == (0, 0, 1)
    assert (nears.dtype, sections.dtype) == (NEAR, SECTION)


@pytest.mark.parametrize(
    ("east_m", "north_m", "expected"),
    [
        pytest.param(0, 0, 0, id="on the line"),
        pytest.param(49.9, 0, 0, id="within corridor and margin"),
        pytest.param(-49.9, 0, 0, id="on the other side"),
        pytest.param(50.1, 0, -1, id="beyond"),
        pytest.param(0, 2_049, 0, id="just past its end"),
        pytest.param(0, 2_051, -1, id="past its end"),
    ],
)
def test_a_section_is_found_within_its_corridor_and_a_margin(east_m: float, north_m: float, expected: int) -> None:
    assert section(Surroundings(roads(north())), report(east_m, north_m))[0] == expected


@pytest.mark.parametrize("flaw", [Flaw.NO_FIX, Flaw.LONGITUDE, Flaw.LATITUDE])
def test_a_report_without_a_usable_place_is_near_nothing(flaw: Flaw) -> None:
    rows = report(0, 0)
    rows["flaws"] = int(flaw)
    assert near(Surroundings(roads(north())), rows) is None


@pytest.mark.parametrize(
    ("direction", "heading_deg", "speed_kmh", "expected"),
    [
        pytest.param("both", 0, 60, (0, 1), id="two-way, along"),
        pytest.param("both", 180, 60, (0, -1), id="two-way, against"),
        pytest.param("both", 0, 9.9, (0, 0), id="two-way, standing: not known"),
        pytest.param("both", UNKNOWN_HEADING, 60, (0, 0), id="two-way, no heading"),
        pytest.param("both", 90, 60, (-1, 0), id="two-way, across"),
        pytest.param("forward", 0, 60, (0, 1), id="one-way, along"),
        pytest.param("forward", 60, 60, (0, 1), id="one-way, 60 degrees off"),
        pytest.param("forward", 61, 60, (-1, 0), id="one-way, 61 degrees off"),
        pytest.param("forward", 300, 10, (0, 1), id="one-way, 60 degrees off to the left, at 10 km/h"),
        pytest.param("forward", 180, 60, (-1, 0), id="one-way, against"),
        pytest.param("forward", 180, 9.9, (0, 1), id="one-way, standing: the only direction"),
        pytest.param("forward", UNKNOWN_HEADING, 60, (0, 1), id="one-way, no heading"),
        pytest.param("backward", 180, 60, (0, -1), id="one-way against its line"),
        pytest.param("backward", 0, 60, (-1, 0), id="one-way against its line, wrong way"),
        pytest.param("backward", 0, 0, (0, -1), id="one-way against its line, standing"),
    ],
)
def test_the_direction_decides_who_is_on_it(
    direction: str, heading_deg: int, speed_kmh: float, expected: tuple[int, int]
) -> None:
    found = Surroundings(roads(north(direction=direction)))
    assert section(found, report(0, 0, heading_deg, speed_kmh)) == expected


def test_of_roads_that_cross_the_heading_chooses() -> None:
    angled: Line = [(-1_000.0, -1_732.0), (1_000.0, 1_732.0)], {"corridor_m": 30}  # 30 degrees
    found = Surroundings(roads(north(), angled))
    assert section(found, report(5, 5, 0)) == (0, 1)
    assert section(found, report(0, 5, 30)) == (1, 1)
    assert section(found, report(0, 5, 210)) == (1, -1)


def test_the_best_three_come_in_the_order_of_their_fit() -> None:
    lines: list[Line] = [([(x, -500.0), (x, 500.0)], {"corridor_m": 60}) for x in (40.0, -10.0, 25.0, 5.0)]
    one = near(Surroundings(roads(*lines)), report(0, 0))
    assert one is not None
    assert [one[f"section_{k}"] for k in (1, 2, 3)] == [3, 1, 2]
    assert [one[f"cost_{k}_m"] for k in (1, 2, 3)] == pytest.approx([5.0, 10.0, 25.0], abs=0.01)


def test_a_section_competes_once_with_its_best_segment() -> None:
    hairpin: Line = [(0.0, -300.0), (0.0, 0.0), (20.0, 0.0), (20.0, -300.0)], {"direction": "forward"}
    one = near(Surroundings(roads(hairpin)), report(8, -100, 180))
    assert one is not None
    assert (one["section_1"], one["section_2"]) == (0, -1)
    assert one["cost_1_m"] == pytest.approx(12.0, abs=0.01)  # the nearer leg leads the other way


def test_a_bad_heading_costs_half_a_metre_per_degree() -> None:
    one = near(Surroundings(roads(north())), report(3, 0, 20))
    assert one is not None
    assert one["cost_1_m"] == pytest.approx(13.0, abs=0.01)


def test_a_section_states_limit_class_and_flags() -> None:
    stated = {"limit_kmh": 62.5, "road_class": "third", "tunnel": True, "ferry": True}
    _, _, sections, _ = Surroundings(roads(north(**stated), north())).mark(empty_rows(0), np.zeros(0, np.int32))
    assert sections["limit_dkmh"].tolist() == [625, 0]
    assert sections["road_class"].tolist() == [RoadClass.THIRD, RoadClass.UNKNOWN]
    assert sections["flags"].tolist() == [RoadFlag.TUNNEL | RoadFlag.FERRY, 0]


def nodes(*ends: tuple[tuple[float, float], tuple[float, float]]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    sections = Surroundings(roads(*(([begin, end], {}) for begin, end in ends))).sections
    return sections["from_node"], sections["to_node"]


def test_ends_within_30_m_are_one_node() -> None:
    begins, ends = nodes(((0, 0), (0, 1_000)), ((29, 1_000), (0, 2_000)), ((0, 2_031), (0, 3_000)))
    assert ends[0] == begins[1]
    assert ends[1] != begins[2]
    assert len({*begins.tolist(), *ends.tolist()}) == 5


def test_a_chain_of_near_ends_is_one_node() -> None:
    begins, _ = nodes(((50, 0), (900, 0)), ((0, 0), (0, 900)), ((25, 0), (0, -900)))
    assert len(set(begins.tolist())) == 1


def test_a_fence_says_its_kind_and_all_around_a_place_add_up() -> None:
    found = Surroundings(
        None, fences(square("A", 300, FenceKind.DEPOT), square("B", 600, FenceKind.LOADING), square("C", -300))
    )
    inner, outer = near(found, report(100, 100)), near(found, report(400, 100))
    assert inner is not None
    assert outer is not None
    assert inner["fence_kinds"] == FenceKind.DEPOT.mask | FenceKind.LOADING.mask
    assert outer["fence_kinds"] == FenceKind.LOADING.mask
    assert (inner["section_1"], inner["fence"], inner["permit"]) == (-1, -1, -1)
    assert near(found, report(650, 100)) is None


def test_of_several_limits_the_lowest_holds_and_of_equal_ones_the_first() -> None:
    found = Surroundings(
        None,
        fences(
            square("A", 900),
            square("B", 900, limit_kmh=40),
            square("C", 300, limit_kmh=20),
            square("D", 300, limit_kmh=20),
        ),
    )
    inner, outer = near(found, report(100, 100)), near(found, report(400, 100))
    assert inner is not None
    assert outer is not None
    assert (inner["fence"], inner["fence_limit_dkmh"]) == (2, 200)
    assert (outer["fence"], outer["fence_limit_dkmh"]) == (1, 400)


@pytest.mark.parametrize("side_m", [300.0, 40_000.0], ids=["small", "a county"])
def test_the_border_belongs_to_the_fence_and_its_hole_does_not(side_m: float) -> None:
    holed = square("A", side_m)
    shape = holed["geometry"]
    assert isinstance(shape, dict)
    ring = [at(x * side_m, y * side_m) for x, y in ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6), (0.4, 0.4))]
    shape["coordinates"].append(ring)
    found = Surroundings(None, fences(holed))
    for x, y, inside in ((0.0, 0.5, True), (1.0, 0.3, True), (0.3, 0.0, True), (0.4, 0.5, True), (0.5, 0.5, False)):
        assert (near(found, report(x * side_m, y * side_m)) is not None) == inside, (x, y)


def test_a_fence_of_several_parts_is_one() -> None:
    parts = [[[at(x + dx, y) for x, y in ((0, 0), (50, 0), (50, 50), (0, 0))]] for dx in (0, 5_000)]
    found = Surroundings(
        None, fences({"id": "A", "properties": {}, "geometry": {"type": "MultiPolygon", "coordinates": parts}})
    )
    assert near(found, report(40, 20)) is not None
    assert near(found, report(5_040, 20)) is not None
    assert near(found, report(2_500, 20)) is None


def test_sections_and_fences_far_apart_make_the_grid_coarser_not_larger() -> None:
    far = [{"type": "LineString", "coordinates": line} for line in ([[74, 5], [74.01, 5]], [[134.99, 53], [135, 53]])]
    features = [{"id": f"S{k}", "properties": {}, "geometry": shape} for k, shape in enumerate(far)]
    found = Surroundings(parse_roads(json.dumps({"features": features}).encode(), "roads"))
    rows = empty_rows(3)
    rows["lon_deg"], rows["lat_deg"] = (74.005, 134.995, 100.0), (5.0, 53.0, 40.0)
    near_of, nears, _, _ = found.mark(rows, np.zeros(3, np.int32))
    assert nears["section_1"].tolist() == [0, 1]
    assert near_of.tolist() == [0, 1, -1]


def test_what_lies_outside_of_china_is_never_near_and_does_no_harm() -> None:
    shape = {"type": "LineString", "coordinates": [[2.0, 48.0], [2.1, 48.0]]}
    data = json.dumps({"features": [{"id": "S", "properties": {}, "geometry": shape}]}).encode()
    found = Surroundings(parse_roads(data, "roads"))
    rows = empty_rows(1)
    rows["lon_deg"], rows["lat_deg"] = 2.05, 48.0
    assert near(found, rows) is None


DIGEST = """
import hashlib
import numpy as np
from tests.unit.engine.test_surroundings import *
rng = np.random.default_rng(5)
ways = ("both", "forward", "backward") * 4
lines = [([tuple(p) for p in rng.uniform(-2_000, 2_000, (6, 2))], {"direction": way}) for way in ways]
found = Surroundings(roads(*lines), fences(square("A", 900, limit_kmh=30), square("B", -1_500, FenceKind.DEPOT)))
rows = empty_rows(600)
rows["lon_deg"] = LON + rng.uniform(-2_000, 2_000, 600) / M_PER_LON
rows["lat_deg"] = LAT + rng.uniform(-2_000, 2_000, 600) / M_PER_LAT
rows["heading_deg"], rows["speed_dkmh"] = rng.integers(-1, 360, 600), rng.choice([0, 400], 600)
near_of, nears, sections, _ = found.mark(rows, np.zeros(600, np.int32))
print(len(nears), hashlib.sha256(repr((near_of.tolist(), nears.tolist(), sections.tolist())).encode()).hexdigest())
"""


def test_the_answer_is_the_same_without_compilation() -> None:
    def digest(disabled: str) -> str:
        return subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=Path(__file__).parents[3],
            env={**os.environ, "NUMBA_DISABLE_JIT": disabled},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    plain = digest("1")
    assert int(plain.split()[0]) > 200
    assert digest("0") == plain
