"""What lies around reports: road sections and fences found for whole batches, on one core.

Axes: where the reports are (spread over a province; all on or beside a section), the index of this project against
shapely's tree of shapes asked the simpler question which sections are within reach; and getting 10,000 sections ready.

    python -m tests.benchmarks.bench_surroundings
"""

from __future__ import annotations

import json

import numpy as np
import shapely
from shapely.strtree import STRtree

from monitor.engine.road_cells import FIX_MARGIN_M, M_PER_DEGREE
from monitor.engine.surroundings import Surroundings
from monitor.model.fence import FenceSet, parse_fences
from monitor.model.report import ReportRows, empty_rows
from monitor.model.road import RoadSet, parse_roads
from tests.benchmarks.report import Report, best_cpu_s

WEST, SOUTH, EAST, NORTH = 93.0, 33.0, 107.0, 42.0  # about Gansu
N_SECTIONS, N_FENCES, N_POINTS = 1_000, 300, 20
STEP_DEG = 0.003  # 300 m between the points of a line: sections of 6 km
BATCH = 10_000
N_REPORTS = 200_000
REPEATS = 7
SPREAD_TARGET_NS, NEAR_TARGET_NS, READY_TARGET_S = 60, 300, 1.5


def road_bytes(n: int, seed: int = 1) -> bytes:
    """GeoJSON of winding sections anywhere in the province."""
    rng = np.random.default_rng(seed)
    features = []
    for number in range(n):
        bearing = rng.uniform(0.0, 2.0 * np.pi) + np.cumsum(rng.normal(0.0, 0.15, N_POINTS))
        steps = np.stack((np.sin(bearing), np.cos(bearing)), axis=1) * STEP_DEG
        line = (rng.uniform((WEST, SOUTH), (EAST, NORTH)) + np.cumsum(steps, axis=0)).round(6)
        properties = {
            "road_class": ("expressway", "second", "third")[number % 3],
            "road_no": f"G{number % 50}",
            "limit_kmh": (120, 80, 60)[number % 3],
            "direction": ("forward", "both", "both")[number % 3],
        }
        shape = {"type": "LineString", "coordinates": line.tolist()}
        features.append({"id": str(number), "properties": properties, "geometry": shape})
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def province_fences(n: int, seed: int = 2) -> FenceSet:
    """Depots of about 500 m with a dozen corners."""
    rng = np.random.default_rng(seed)
    turn = np.linspace(0.0, 2.0 * np.pi, 12, endpoint=False)
    features = []
    for number in range(n):
        middle = rng.uniform((WEST, SOUTH), (EAST, NORTH))
        ring = (middle + 0.0025 * np.stack((np.cos(turn), np.sin(turn)), axis=1)).tolist()
        shape = {"type": "Polygon", "coordinates": [[*ring, ring[0]]]}
        features.append({"id": str(number), "properties": {"kind": "depot"}, "geometry": shape})
    return parse_fences(json.dumps({"features": features}).encode(), "fences")


def spread(n: int) -> ReportRows:
    """Reports anywhere in the province."""
    rng = np.random.default_rng(3)
    rows = empty_rows(n)
    rows["lon_deg"], rows["lat_deg"] = rng.uniform(WEST, EAST, n), rng.uniform(SOUTH, NORTH, n)
    rows["heading_deg"], rows["speed_dkmh"] = rng.integers(0, 360, n), 800
    return rows


def driving(n: int, roads: RoadSet) -> ReportRows:
    """Reports on sections taken at random, 15 m off along each axis, heading along the line."""
    rng = np.random.default_rng(4)
    points = np.array([shapely.get_coordinates(section.line) for section in roads.sections])
    section, leg, share = (
        rng.integers(0, len(points), n),
        rng.integers(0, N_POINTS - 1, n),
        rng.uniform(0.0, 1.0, (n, 1)),
    )
    begin, end = points[section, leg], points[section, leg + 1]
    places = begin + share * (end - begin) + rng.normal(0.0, 15.0 / M_PER_DEGREE, (n, 2))
    ahead = end - begin
    rows = empty_rows(n)
    rows["lon_deg"], rows["lat_deg"] = places.T
    rows["heading_deg"] = np.degrees(np.arctan2(ahead[:, 0] * 0.79, ahead[:, 1])).astype(int) % 360
    rows["speed_dkmh"] = 800
    return rows


def ns_per_report(found: Surroundings, rows: ReportRows) -> float:
    """CPU time of ``mark`` in batches of 10,000."""
    row_of = np.zeros(BATCH, np.int32)

    def run() -> None:
        for begin in range(0, len(rows), BATCH):
            found.mark(rows[begin : begin + BATCH], row_of)

    run()
    return best_cpu_s(REPEATS, run) / len(rows) * 1e9


def tree_ns_per_report(roads: RoadSet, rows: ReportRows) -> float:
    """The same places against shapely's tree: which sections are within reach, and nothing else."""
    tree = STRtree([section.line for section in roads.sections])
    reach = max(section.corridor_m for section in roads.sections) + FIX_MARGIN_M

    def run() -> None:
        tree.query(shapely.points(rows["lon_deg"], rows["lat_deg"]), predicate="dwithin", distance=reach / M_PER_DEGREE)

    return best_cpu_s(1, run) / len(rows) * 1e9


def main() -> None:
    report = Report("Road sections and fences around reports")
    roads, fences = parse_roads(road_bytes(N_SECTIONS), "roads"), province_fences(N_FENCES)
    found = Surroundings(roads, fences)
    on_roads = driving(N_REPORTS, roads)
    near_of = found.mark(on_roads, np.zeros(N_REPORTS, np.int32))[0]
    named = f"{N_SECTIONS:,} sections and {N_FENCES} fences"
    spread_ns = ns_per_report(found, spread(N_REPORTS))
    near_ns = ns_per_report(found, on_roads)
    report.add(f"{named}, reports spread over a province", spread_ns, "ns per report", f"< {SPREAD_TARGET_NS}")
    report.add(f"{named}, all on or near a section", near_ns, "ns per report", f"< {NEAR_TARGET_NS}")
    report.add("  of them near something", float((near_of >= 0).mean()) * 100.0, "%")
    sample = slice(0, N_REPORTS // 10)
    tree = tree_ns_per_report(roads, on_roads[sample]), tree_ns_per_report(roads, spread(N_REPORTS)[sample])
    report.add("  times faster than a tree of shapes, all on or near a section", tree[0] / near_ns, "x")
    report.add("  times faster than a tree of shapes, spread", tree[1] / spread_ns, "x")
    data = road_bytes(10 * N_SECTIONS, seed=5)
    many = parse_roads(data, "roads")
    parse_s = best_cpu_s(3, lambda: parse_roads(data, "roads"))
    build_s = best_cpu_s(3, lambda: Surroundings(many, fences))
    report.add("10,000 sections of 20 points, read", parse_s, "s")
    report.add("10,000 sections and 300 fences, index built", build_s, "s")
    report.add("10,000 sections ready, both", parse_s + build_s, "s", f"< {READY_TARGET_S}")
    report.close("surroundings")


if __name__ == "__main__":
    main()
