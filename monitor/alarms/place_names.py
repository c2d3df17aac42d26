"""Places in words, as an officer speaks: "G30 K2514+300 往张掖方向", else "南华镇东北 3.2 公里".

Of a road section the number and the kilometre post, rounded to 100 m as posts stand; without posts its number or name
and township. The direction is said only where it is known, by the sign of the section mark. Without a section: the
township around the place, else the nearest known place with direction and distance.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Point
from shapely.strtree import STRtree

from monitor.model.edge import section_place
from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.road import RoadSection, RoadSet, chainage_m, km_post

if TYPE_CHECKING:
    from monitor.model.place import PlaceSet

STALE_MARK_M = 500.0
"""A mark whose section is farther away is of other roads than these (D): roads were loaded anew since."""
_M_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180.0
_DIRECTIONS = ("北", "东北", "东", "东南", "南", "西南", "西", "西北")


class PlaceNames:
    """Words for places on these roads and among these places; made once, then about 0.1 ms per place."""

    def __init__(self, roads: RoadSet | None, places: PlaceSet | None) -> None:
        self._sections = roads.sections if roads is not None else ()
        self._places = places if places is not None and len(places) else None
        self._tree = STRtree([section.line for section in self._sections])
        self._widest_m = max((section.corridor_m for section in self._sections), default=0.0)

    def of(self, lon_deg: float, lat_deg: float, section_mark: int = 0) -> str:
        """The place in words; empty where nothing near is known, or the place is no number.

        ``section_mark`` is that of an edge. Where it names none, the nearest section whose corridor holds the place is
        meant, without a direction.
        """
        if not (math.isfinite(lon_deg) and math.isfinite(lat_deg)):
            return ""
        section, along = self._section(lon_deg, lat_deg, section_mark)
        if section is not None and (words := _on_section(section, lon_deg, lat_deg, along)):
            return words
        return self._near_place(lon_deg, lat_deg)

    def _section(self, lon_deg: float, lat_deg: float, mark: int) -> tuple[RoadSection | None, int]:
        """The section, and 1 with its line, -1 against it, 0 unknown."""
        place, along = section_place(mark)
        if 0 <= place < len(self._sections):
            section = self._sections[place]
            if _offsets_m([section], lon_deg, lat_deg)[0] <= STALE_MARK_M:
                return section, along
        return self._nearest_section(lon_deg, lat_deg), 0

    def _nearest_section(self, lon_deg: float, lat_deg: float) -> RoadSection | None:
        dlat = self._widest_m / _M_PER_DEGREE
        dlon = dlat / max(math.cos(math.radians(lat_deg)), 0.01)
        box = shapely.box(lon_deg - dlon, lat_deg - dlat, lon_deg + dlon, lat_deg + dlat)
        near = [self._sections[i] for i in np.sort(self._tree.query(box, predicate="intersects"))]
        if not near:
            return None
        offsets = _offsets_m(near, lon_deg, lat_deg)
        offsets[offsets > [section.corridor_m for section in near]] = math.inf
        best = int(np.argmin(offsets))
        return near[best] if math.isfinite(offsets[best]) else None

    def _near_place(self, lon_deg: float, lat_deg: float) -> str:
        if self._places is None:
            return ""
        if (area := self._places.around(lon_deg, lat_deg)) is not None:
            return f"{area.name}内"
        found = self._places.nearest(lon_deg, lat_deg)
        if found is None:
            return ""
        km = found.distance_m / 1000.0
        if km < 0.05:
            return f"{found.place.name}附近"
        bearing = math.degrees(math.atan2(found.east_m, found.north_m))
        direction = _DIRECTIONS[round(bearing / 45.0) % 8]
        distance = f"{km:.1f}" if km < 9.95 else f"{km:.0f}"
        return f"{found.place.name}{direction} {distance} 公里"


def _on_section(section: RoadSection, lon_deg: float, lat_deg: float, along: int) -> str:
    """The section's own words; empty for one without number, name and township."""
    road = section.road_no or section.name
    km = km_post(section, chainage_m(section, lon_deg, lat_deg)) if road else None
    if km is not None:
        where = f"{road} {post(km)}"
    else:
        where = " ".join(filter(None, (road, f"{section.township}段" if section.township else "")))
    towards = {1: section.towards, -1: section.towards_back}.get(along, "")
    return f"{where} 往{towards}方向" if where and towards else where


def post(km: float) -> str:
    """A kilometre post as it stands at the road, to 100 m: K2514+300."""
    hundreds = math.floor(km * 10.0 + 0.5)
    return f"K{hundreds // 10}+{hundreds % 10}00"


def _offsets_m(sections: Sequence[RoadSection], lon_deg: float, lat_deg: float) -> NDArray[np.float64]:
    """How far a place is from the line of each section, in the plane of the place."""
    scale = (math.cos(math.radians(lat_deg)) * _M_PER_DEGREE, _M_PER_DEGREE)
    lines = shapely.transform([section.line for section in sections], lambda xy: (xy - (lon_deg, lat_deg)) * scale)
    offsets: NDArray[np.float64] = shapely.distance(lines, Point(0.0, 0.0))
    return offsets
