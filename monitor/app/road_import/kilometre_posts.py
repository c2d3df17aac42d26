"""Kilometre posts 里程桩: where they stand, and what they make of the lines beside them.

A post says what the road is at one place; a section needs the kilometre at both of its ends. So distances are measured
along the lines of the same number from the posts around each end, and an end gets its kilometre where two posts agree
with the distance between them.
"""

from __future__ import annotations

import csv
import heapq
import io
import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import shapely
from shapely.geometry import LineString, Point
from shapely.strtree import STRtree

from monitor.app.road_import.line import RoadLine, Tally
from monitor.app.road_import.words import read_text
from monitor.errors import ReportFileError
from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.geojson import to_wgs84

BESIDE_M = 60.0
"""A post belongs to the lines of its road within this distance (D): both carriageways and the drawing error."""
SEARCH_M = 20_000.0
"""Posts farther along the road than this say nothing of an end (D): routes are broken and renumbered on the way."""
AGREE_SHARE = 0.1
"""Posts and measured distance may differ by this much of it (D) ..."""
AGREE_M = 100.0
"""... and by a tenth of a kilometre, as posts are written."""

_POST = re.compile(r"[Kk]?\s*(\d+)\s*\+\s*(\d{1,3}(?:\.\d+)?)")
_KM = re.compile(r"[Kk]?\s*(\d+(?:\.\d+)?)\s*(?:km|公里|千米)?")
_HEADINGS: Mapping[str, tuple[str, ...]] = {
    "road_no": ("road_no", "ref", "路线编号", "路线编码", "线路编号", "路线代码"),
    "km": ("km", "post", "桩号", "里程桩号", "里程桩", "公里桩"),
    "lon": ("lon", "lon_deg", "longitude", "经度"),
    "lat": ("lat", "lat_deg", "latitude", "纬度"),
}
_M_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180.0


@dataclass(frozen=True, slots=True)
class KilometrePost:
    """One post of a road, in WGS-84 degrees."""

    road_no: str
    km: float
    lon_deg: float
    lat_deg: float


def post_km(stated: str) -> float | None:
    """Kilometres of "K2514+300" or "2514.3"; None for anything else."""
    text = stated.strip()
    if (found := _POST.fullmatch(text)) is not None:
        return int(found[1]) + float(found[2]) / 1000.0
    return float(found[1]) if (found := _KM.fullmatch(text)) is not None else None


def read_posts(path: Path, tally: Tally, *, encoding: str = "", crs: str = "wgs84") -> list[KilometrePost]:
    """Posts of a CSV file with the columns road_no, km, lon, lat (or 路线编号, 桩号, 经度, 纬度).

    Raises ReportFileError for a file without them; a row that is no post is put on the tally.
    """
    rows = list(csv.reader(io.StringIO(read_text(path, encoding))))
    headings = [heading.strip().lower() for heading in rows[0]] if rows else []
    columns: dict[str, int] = {}
    for name, known in _HEADINGS.items():
        at = next((headings.index(heading) for heading in known if heading in headings), None)
        if at is None:
            reason = f"has no column {name} (or {', '.join(known[1:])})"
            raise ReportFileError(
                path=str(path), reason=reason, advice="Kilometre posts need road_no, km, lon and lat."
            )
        columns[name] = at
    posts: list[KilometrePost] = []
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        try:
            road_no, km, lon, lat = (row[columns[name]].strip() for name in ("road_no", "km", "lon", "lat"))
            value = post_km(km)
            if value is None or not road_no:
                raise ValueError
            at_point = to_wgs84(Point(float(lon), float(lat)), crs)
            posts.append(KilometrePost(road_no.upper(), value, at_point.x, at_point.y))
        except (ValueError, IndexError):
            tally.doubt(f"{path.name} row {number}", "post", ",".join(row))
    return posts


def with_posts(lines: Sequence[RoadLine], posts: Sequence[KilometrePost], tally: Tally) -> list[RoadLine]:
    """Lines with the kilometres at their ends where posts tell them; those that have theirs keep them."""
    found = list(lines)
    by_road: dict[str, list[KilometrePost]] = defaultdict(list)
    for post in posts:
        by_road[post.road_no].append(post)
    of_road: dict[str, list[int]] = defaultdict(list)
    for index, line in enumerate(lines):
        of_road[line.facts.road_no.upper()].append(index)
    for road_no, its_posts in by_road.items():
        road = _Road([lines[i] for i in of_road[road_no]])
        reached = _distances(road, its_posts, tally)
        for index in of_road[road_no]:
            line = lines[index]
            if line.km_from is not None:
                continue
            km_from, km_to = (_km_at(reached.get(node, [])) for node in (line.nodes[0], line.nodes[-1]))
            if km_from is None or km_to is None:
                continue
            if not _agree(abs(km_to - km_from) * 1000.0, line.length_m):
                tally.doubt(line.line_id, "posts", f"{km_from:.3f} to {km_to:.3f} km on {line.length_m:.0f} m")
                continue
            found[index] = replace(line, km_from=round(km_from, 3), km_to=round(km_to, 3))
    return found


class _Road:
    """The lines of one number as a net of ends and lengths."""

    def __init__(self, lines: Sequence[RoadLine]) -> None:
        self.lines = lines
        self.lengths_m = [line.length_m for line in lines]
        self.drawn = [LineString(line.xy) for line in lines]
        self.tree = STRtree(self.drawn)
        self.neighbours: dict[int, list[tuple[int, float]]] = defaultdict(list)
        for line, length_m in zip(lines, self.lengths_m, strict=True):
            self.neighbours[line.nodes[0]].append((line.nodes[-1], length_m))
            self.neighbours[line.nodes[-1]].append((line.nodes[0], length_m))

    def beside(self, post: KilometrePost) -> Iterator[tuple[RoadLine, float, float]]:
        """Lines that the post stands at, with metres from it to their two ends."""
        scale = (math.cos(math.radians(post.lat_deg)) * _M_PER_DEGREE, _M_PER_DEGREE)
        dlon, dlat = BESIDE_M / scale[0], BESIDE_M / scale[1]
        lon, lat = post.lon_deg, post.lat_deg
        here = Point(0.0, 0.0)
        for index in np.sort(self.tree.query(shapely.box(lon - dlon, lat - dlat, lon + dlon, lat + dlat))):
            flat = shapely.transform(self.drawn[index], lambda xy: (xy - (lon, lat)) * scale)
            if shapely.distance(flat, here) <= BESIDE_M:
                share = float(shapely.line_locate_point(flat, here, normalized=True))
                length_m = self.lengths_m[index]
                yield self.lines[index], share * length_m, (1.0 - share) * length_m


def _distances(road: _Road, posts: Sequence[KilometrePost], tally: Tally) -> dict[int, list[tuple[float, float]]]:
    """For each end the posts that are reached from it along the road: (metres, kilometre), nearest first."""
    reached: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for post in posts:
        ends: dict[int, float] = {}
        for line, back_m, on_m in road.beside(post):
            for node, far_m in ((line.nodes[0], back_m), (line.nodes[-1], on_m)):
                ends[node] = min(far_m, ends.get(node, math.inf))
        if not ends:
            tally.doubt(f"{post.road_no} K{post.km:g}", "post", f"no line of {post.road_no} within {BESIDE_M:.0f} m")
            continue
        queue = [(far_m, node) for node, far_m in ends.items()]
        heapq.heapify(queue)
        done: set[int] = set()
        while queue:
            far_m, node = heapq.heappop(queue)
            if node in done or far_m > SEARCH_M:
                continue
            done.add(node)
            reached[node].append((far_m, post.km))
            for other, length_m in road.neighbours[node]:
                if other not in done:
                    heapq.heappush(queue, (far_m + length_m, other))
    for found in reached.values():
        found.sort()
    return reached


def _km_at(around: Sequence[tuple[float, float]]) -> float | None:
    """The kilometre of an end from the posts around it: between two of them, else beyond the nearest."""
    for position, (far_m, km) in enumerate(around):
        for other_m, other_km in around[position + 1 :]:
            apart_m = abs(other_km - km) * 1000.0
            if apart_m == 0.0:
                continue
            if _agree(apart_m, far_m + other_m):
                return km + (other_km - km) * far_m / (far_m + other_m)
            if _agree(apart_m, other_m - far_m):
                return max(km + math.copysign(far_m / 1000.0, km - other_km), 0.0)
    return None


def _agree(posted_m: float, measured_m: float) -> bool:
    return abs(posted_m - measured_m) <= AGREE_SHARE * measured_m + AGREE_M
