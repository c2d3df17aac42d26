"""The index of roads and fences against a plain answer by shapely and pyproj, for random maps and places."""

from __future__ import annotations

import json
import math
import os
from itertools import pairwise

import numpy as np
import pyproj
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString, Point

from monitor.engine.near import CANDIDATES
from monitor.engine.road_cells import FIX_MARGIN_M
from monitor.engine.surroundings import DRIVING_DKMH, FITTING_DEG, HEADING_COST_M, Surroundings
from monitor.model.fence import FenceSet, parse_fences
from monitor.model.fence_kind import FenceKind
from monitor.model.report import ReportRows, empty_rows
from monitor.model.road import Direction, RoadSet, parse_roads

LON, LAT = 100.0, 39.0
REACH_DEG = 0.03
N_PLACES = 40
EXAMPLES = 20 if os.environ.get("NUMBA_DISABLE_JIT") == "1" else 80

lon = st.floats(LON, LON + REACH_DEG).map(lambda x: round(x, 6))
lat = st.floats(LAT, LAT + REACH_DEG).map(lambda x: round(x, 6))
point = st.tuples(lon, lat)
ways = {Direction.FORWARD: 1, Direction.BACKWARD: -1, Direction.BOTH: 0}


@st.composite
def road_sets(draw: st.DrawFn) -> RoadSet:
    features = []
    for number in range(draw(st.integers(0, 8))):
        line = draw(st.lists(point, min_size=2, max_size=6, unique=True))
        properties = {
            "corridor_m": draw(st.sampled_from([5, 30, 120])),
            "direction": draw(st.sampled_from(list(Direction))).value,
        }
        shape = {"type": "LineString", "coordinates": line}
        features.append({"id": f"S{number}", "properties": properties, "geometry": shape})
    return parse_roads(json.dumps({"features": features}).encode(), "roads")


@st.composite
def fence_sets(draw: st.DrawFn) -> FenceSet:
    features = []
    for number in range(draw(st.integers(0, 6))):
        corners = draw(st.lists(point, min_size=3, max_size=12, unique=True))
        hull = shapely.convex_hull(shapely.multipoints(corners))
        hole = shapely.buffer(Point(draw(point)), draw(st.sampled_from([0.0005, 0.003])))
        polygon = hull.difference(hole)
        if polygon.area < 1e-9:
            continue
        properties = {
            "kind": draw(st.sampled_from(list(FenceKind))).value,
            "limit_kmh": draw(st.sampled_from([None, 20, 40])),
        }
        features.append({"id": f"F{number}", "properties": properties, "geometry": polygon.__geo_interface__})
    return parse_fences(json.dumps({"features": features}).encode(), "fences")


@st.composite
def places(draw: st.DrawFn, roads: RoadSet) -> ReportRows:
    """Places anywhere, and more of them around lines."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows = empty_rows(N_PLACES)
    rows["lon_deg"] = rng.uniform(LON - 0.003, LON + REACH_DEG + 0.003, N_PLACES)
    rows["lat_deg"] = rng.uniform(LAT - 0.003, LAT + REACH_DEG + 0.003, N_PLACES)
    for i, section in zip(range(N_PLACES // 2), roads.sections * N_PLACES, strict=False):
        on = section.line.interpolate(rng.uniform(), normalized=True)
        rows["lon_deg"][i] = on.x + rng.normal(0.0, 3e-4)
        rows["lat_deg"][i] = on.y + rng.normal(0.0, 3e-4)
    rows["heading_deg"] = rng.integers(-1, 360, N_PLACES)
    rows["speed_dkmh"] = rng.choice([-1, 0, DRIVING_DKMH - 1, DRIVING_DKMH, 800], N_PLACES)
    return rows


def plain_fits(roads: RoadSet, row: np.void) -> dict[int, tuple[float, int, float]]:
    """Per section that fits: cost, along, and how far the answer is from another one (m), by an exact local frame."""
    frame = pyproj.Proj(proj="eqc", lat_ts=row["lat_deg"], lat_0=row["lat_deg"], lon_0=row["lon_deg"], R=6_371_008.8)
    fits: dict[int, tuple[float, int, float]] = {}
    heading = int(row["heading_deg"]) if row["speed_dkmh"] >= DRIVING_DKMH else -1
    for number, section in enumerate(roads.sections):
        reach_m = section.corridor_m + FIX_MARGIN_M
        points = shapely.get_coordinates(section.line)
        best: tuple[float, int] | None = None
        slack = math.inf
        for begin, end in pairwise(points):
            local = LineString([frame(*begin), frame(*end)])
            offset_m = local.distance(Point(0.0, 0.0))
            slack = min(slack, abs(offset_m - reach_m))
            if offset_m > reach_m:
                continue
            way = ways[section.direction]
            cost_m = offset_m
            if heading >= 0:
                (x1, y1), (x2, y2) = local.coords
                off = abs((heading - math.degrees(math.atan2(x2 - x1, y2 - y1)) + 180.0) % 360.0 - 180.0)
                heads = 1 if off <= 90.0 else -1
                off = min(off, 180.0 - off)
                slack = min(slack, abs(off - FITTING_DEG))
                if off > FITTING_DEG or way == -heads:
                    continue
                way, cost_m = heads, cost_m + HEADING_COST_M * off
            if best is None or cost_m < best[0]:
                best = cost_m, way
        if best is not None or slack < 0.1:
            fits[number] = (*(best or (math.inf, 0)), slack)
    return fits


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_sections_are_those_that_a_plain_measurement_finds(data: st.DataObject) -> None:
    roads = data.draw(road_sets())
    rows = data.draw(places(roads))
    near_of, nears, _, _ = Surroundings(roads).mark(rows, np.zeros(len(rows), np.int32))
    for i in range(len(rows)):
        fits = plain_fits(roads, rows[i])
        if any(slack < 0.1 for _, _, slack in fits.values()):
            continue  # on the very edge of a corridor, or of what heading fits
        expected = sorted((cost, number, along) for number, (cost, along, _) in fits.items())[:CANDIDATES]
        found = []
        if near_of[i] >= 0:
            near = nears[near_of[i]]
            found = [
                (float(near[f"cost_{k}_m"]), int(near[f"section_{k}"]), int(near[f"along_{k}"]))
                for k in range(1, CANDIDATES + 1)
                if near[f"section_{k}"] >= 0
            ]
        assert len(found) == len(expected)
        for (cost, number, along), (plain_cost, plain_number, plain_along) in zip(found, expected, strict=True):
            assert abs(cost - plain_cost) < 0.05
            if number == plain_number and all(
                abs(plain_cost - other) > 0.1 for _, (other, _, _) in fits.items() if other != plain_cost
            ):
                assert along == plain_along


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data())
def test_fences_are_those_that_a_plain_test_finds(data: st.DataObject) -> None:
    fences = data.draw(fence_sets())
    rows = data.draw(places(RoadSet()))
    near_of, nears, _, _ = Surroundings(None, fences).mark(rows, np.zeros(len(rows), np.int32))
    for i, row in enumerate(rows):
        place = Point(row["lon_deg"], row["lat_deg"])
        around = [(number, fence) for number, fence in enumerate(fences.fences) if fence.polygon.intersects(place)]
        assert (near_of[i] >= 0) == bool(around)
        if not around:
            continue
        near = nears[near_of[i]]
        kinds = 0
        for _, fence in around:
            kinds |= fence.kind.mask
        assert near["fence_kinds"] == kinds
        limits = [(fence.limit_kmh, number) for number, fence in around if fence.limit_kmh is not None]
        assert near["fence_limit_dkmh"] == (min(limits)[0] * 10 if limits else 0)
        assert near["fence"] == (min(limits)[1] if limits else -1)


@settings(max_examples=EXAMPLES // 4, deadline=None)
@given(st.data())
def test_the_answer_does_not_depend_on_the_batch(data: st.DataObject) -> None:
    roads, fences = data.draw(road_sets()), data.draw(fence_sets())
    rows = data.draw(places(roads))
    found = Surroundings(roads, fences)
    near_of, nears, _, _ = found.mark(rows, np.zeros(len(rows), np.int32))
    for i in range(len(rows)):
        alone_of, alone, _, _ = found.mark(rows[i : i + 1], np.zeros(1, np.int32))
        assert (alone_of[0] >= 0) == (near_of[i] >= 0)
        if near_of[i] >= 0:
            assert alone[0].tolist() == nears[near_of[i]].tolist()
