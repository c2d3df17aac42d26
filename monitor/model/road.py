"""Road sections 路段: lines with a corridor, a direction, a limit and what an officer calls them.

GeoJSON of lines (``monitor.model.geojson``). Each feature has an ``id`` or the property ``section_id``; its other
properties are the fields of ``RoadSection`` by name, all of them optional. ``road_class`` is a word of ``RoadClass``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, IntFlag, StrEnum

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.geojson import EMPTY_PAYLOAD, Feature, parse_features


class RoadClass(IntEnum):
    """Class of a road; ``UNKNOWN`` where the vehicle is on no known section."""

    UNKNOWN = 0
    EXPRESSWAY = 1  # 高速公路
    FIRST = 2  # 一级公路
    SECOND = 3  # 二级公路
    THIRD = 4  # 三级公路
    FOURTH = 5  # 四级公路
    URBAN_EXPRESS = 6  # 城市快速路
    URBAN = 7  # 城市道路

    @property
    def word(self) -> str:
        return self.name.lower()


class RoadFlag(IntFlag):
    """What a section is besides a road."""

    TUNNEL = 1
    FERRY = 2


class Direction(StrEnum):
    """Which way traffic runs on a section."""

    BOTH = "both"
    FORWARD = "forward"  # only along the line
    BACKWARD = "backward"  # only against the line


CORRIDOR_M = {
    RoadClass.UNKNOWN: 30.0,
    RoadClass.EXPRESSWAY: 40.0,
    RoadClass.FIRST: 35.0,
    RoadClass.SECOND: 30.0,
    RoadClass.THIRD: 25.0,
    RoadClass.FOURTH: 25.0,
    RoadClass.URBAN_EXPRESS: 40.0,
    RoadClass.URBAN: 30.0,
}
"""Corridor on each side of the line where none is stated (D: half of the road's bed, and 20 m of drawing error)."""

MAX_CORRIDOR_M = 200.0
"""A wider corridor is a unit mistaken (D)."""
MAX_LIMIT_KMH = 160.0
"""No sign says more, and no report's speed may be higher (Q1)."""
POST_SHARE = 0.2
"""Kilometre posts may disagree with the line by this much of it (D) ..."""
POST_SLACK_M = 100.0
"""... and by a tenth of a kilometre, as posts are written."""

_M_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180.0
_CLASSES = {road_class.word: road_class for road_class in RoadClass}


@dataclass(frozen=True, slots=True)
class RoadSection:
    """One section; ``line`` in WGS-84 degrees, longitude first, begins where ``km_from`` stands."""

    section_id: str
    line: LineString
    name: str = ""
    road_no: str = ""  # G30
    road_class: RoadClass = RoadClass.UNKNOWN
    limit_kmh: float | None = None  # posted; None = not known
    corridor_m: float = CORRIDOR_M[RoadClass.UNKNOWN]  # on each side of the line
    direction: Direction = Direction.BOTH
    km_from: float | None = None  # kilometre posts; they may fall along the line
    km_to: float | None = None
    towards: str = ""  # where the line leads, as the signs say: 张掖
    towards_back: str = ""  # where the other direction leads
    tunnel: bool = False
    ferry: bool = False
    township: str = ""
    surveyed_by: str = ""  # who saw the sign of the limit
    surveyed_on: date | None = None

    @property
    def flags(self) -> RoadFlag:
        return RoadFlag(RoadFlag.TUNNEL * self.tunnel | RoadFlag.FERRY * self.ferry)

    @property
    def length_m(self) -> float:
        return float(line_chainages_m(shapely.get_coordinates(self.line))[-1])


class RoadSet:
    """Road sections. ``payload`` is the GeoJSON they came from: the same bytes give the same set.

    A section's position in ``sections`` is how alarms and state refer to it.
    """

    def __init__(self, sections: Sequence[RoadSection] = (), payload: bytes = EMPTY_PAYLOAD) -> None:
        self.sections = tuple(sections)
        self.payload = payload

    def __len__(self) -> int:
        return len(self.sections)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RoadSet) and self.payload == other.payload

    def __hash__(self) -> int:
        return hash(self.payload)


NO_ROADS = RoadSet()


def parse_roads(data: bytes, path: str) -> RoadSet:
    """Sections of GeoJSON text. Raises ConfigError that names every section that is refused, and why."""
    return RoadSet(parse_features(data, path, "section", _section), data)


def chainage_m(section: RoadSection, lon_deg: float, lat_deg: float) -> float:
    """How far along the section its point nearest to a place lies, metres from the begin of its line."""
    points = shapely.get_coordinates(section.line)
    scale = np.array([math.cos(math.radians(lat_deg)) * _M_PER_DEGREE, _M_PER_DEGREE])
    local = (points - (lon_deg, lat_deg)) * scale
    begin, step = local[:-1], np.diff(local, axis=0)
    squared = np.einsum("ij,ij->i", step, step)
    share = -np.einsum("ij,ij->i", begin, step) / np.where(squared > 0.0, squared, 1.0)
    share = np.clip(share, 0.0, 1.0)
    nearest = begin + share[:, None] * step
    best = int(np.argmin(np.einsum("ij,ij->i", nearest, nearest)))
    chainages = line_chainages_m(points)
    return float(chainages[best] + share[best] * (chainages[best + 1] - chainages[best]))


def km_post(section: RoadSection, chainage_m: float) -> float | None:
    """The kilometre post at a place along the section, between its two posts; None where they are not known."""
    if section.km_from is None or section.km_to is None:
        return None
    share = min(max(chainage_m / section.length_m, 0.0), 1.0)
    return section.km_from + share * (section.km_to - section.km_from)


def line_chainages_m(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres from the first of some points (degrees, shape (n, 2)) to each, along the straight lines between them."""
    steps = np.diff(points, axis=0)
    middle_rad = np.radians((points[:-1, 1] + points[1:, 1]) / 2.0)
    lengths = np.hypot(steps[:, 0] * np.cos(middle_rad), steps[:, 1]) * _M_PER_DEGREE
    return np.concatenate((np.zeros(1), np.cumsum(lengths)))


def _section(feature: Feature) -> RoadSection:
    """Raises ValueError with what is wrong."""
    line = feature.line()
    word = feature.text("road_class").lower() or RoadClass.UNKNOWN.word
    if word not in _CLASSES:
        raise ValueError(f"road_class {word!r} is none of {', '.join(_CLASSES)}")
    road_class = _CLASSES[word]
    direction = feature.text("direction").lower() or Direction.BOTH.value
    if direction not in tuple(Direction):
        raise ValueError(f"direction {direction!r} is none of {', '.join(Direction)}")
    limit_kmh = feature.number("limit_kmh")
    if limit_kmh is not None and not 0.0 < limit_kmh <= MAX_LIMIT_KMH:
        raise ValueError(f"limit_kmh {limit_kmh:g} is not above 0 and at most {MAX_LIMIT_KMH:g}")
    corridor_m = feature.number("corridor_m")
    if corridor_m is not None and not 0.0 < corridor_m <= MAX_CORRIDOR_M:
        raise ValueError(f"corridor_m {corridor_m:g} is not above 0 and at most {MAX_CORRIDOR_M:g}")
    section = RoadSection(
        section_id=feature.feature_id,
        line=line,
        name=feature.text("name"),
        road_no=feature.text("road_no").upper(),
        road_class=road_class,
        limit_kmh=limit_kmh,
        corridor_m=CORRIDOR_M[road_class] if corridor_m is None else corridor_m,
        direction=Direction(direction),
        km_from=feature.number("km_from"),
        km_to=feature.number("km_to"),
        towards=feature.text("towards"),
        towards_back=feature.text("towards_back"),
        tunnel=feature.flag("tunnel"),
        ferry=feature.flag("ferry"),
        township=feature.text("township"),
        surveyed_by=feature.text("surveyed_by"),
        surveyed_on=_date(feature, "surveyed_on"),
    )
    _check_posts(section)
    return section


def _check_posts(section: RoadSection) -> None:
    """Raises ValueError where the kilometre posts cannot be those of the line."""
    if section.km_from is None and section.km_to is None:
        return
    if section.km_from is None or section.km_to is None:
        raise ValueError("it has one kilometre post; give both km_from and km_to, or none")
    posted_m = abs(section.km_to - section.km_from) * 1000.0
    length_m = section.length_m
    if abs(posted_m - length_m) > POST_SHARE * length_m + POST_SLACK_M:
        raise ValueError(f"its posts are {posted_m / 1000.0:.3f} km apart, its line is {length_m / 1000.0:.3f} km long")


def _date(feature: Feature, name: str) -> date | None:
    stated = feature.text(name)
    if not stated:
        return None
    try:
        return date.fromisoformat(stated)
    except ValueError:
        raise ValueError(f"{name} {stated!r} is no date such as 2026-05-31") from None
