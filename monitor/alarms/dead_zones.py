"""Known dead zones 盲区 and tunnels: gaps that begin and end at one are kept and counted, and pushed to nobody.

A zone is a fence of kind ``dead_zone``, or a road section that is a tunnel. The last report before a zone is sent up to
a report interval ahead of it, so a margin belongs to it; the rule that tells of the gap says how wide it is.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Protocol

import shapely
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry
from shapely.strtree import STRtree

from monitor.model.alarm import Alarm
from monitor.model.fence_kind import FenceKind
from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.map_set import MapSet

GAP_RULES = frozenset({"track_gap", "offline_displacement"})
"""Rules whose alarms a zone can explain; each has ``monitor.engine.dead_zone.DEAD_ZONE_FIELDS``."""
_M_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180.0
_HERE = Point(0.0, 0.0)


class Parameters(Protocol):
    """What a rule goes by for one vehicle."""

    def parameter(self, row: int, rule: str, name: str) -> float:
        """One value of a fleet row's parameters."""


class DeadZones:
    """The zones of some maps: fences first, in the order of the maps."""

    def __init__(self, maps: MapSet) -> None:
        fences = maps.fences.fences if maps.fences is not None else ()
        sections = maps.roads.sections if maps.roads is not None else ()
        zones: list[tuple[str, BaseGeometry]] = [
            (f"dead_zone:{fence.fence_id}", fence.polygon) for fence in fences if fence.kind == FenceKind.DEAD_ZONE
        ]
        zones += [(f"tunnel:{section.section_id}", section.line) for section in sections if section.tunnel]
        self._names = tuple(name for name, _ in zones)
        self._shapes = tuple(shape for _, shape in zones)
        self._tree = STRtree(self._shapes)

    def at(self, lon_deg: float, lat_deg: float, margin_m: float) -> tuple[str, ...]:
        """Zones around a place or within ``margin_m`` of it, in order."""
        if not self._names or not (math.isfinite(lon_deg) and math.isfinite(lat_deg)):
            return ()
        m_per_degree_east = _M_PER_DEGREE * max(math.cos(math.radians(lat_deg)), 0.01)
        # A hundredth more: a degree of longitude is shorter at the far side of the box.
        dlon, dlat = 1.01 * margin_m / m_per_degree_east, 1.01 * margin_m / _M_PER_DEGREE
        box = shapely.box(lon_deg - dlon, lat_deg - dlat, lon_deg + dlon, lat_deg + dlat)
        found: list[str] = []
        for index in sorted(self._tree.query(box, predicate="intersects").tolist()):
            local = shapely.transform(
                self._shapes[index], lambda xy: (xy - (lon_deg, lat_deg)) * (m_per_degree_east, _M_PER_DEGREE)
            )
            if shapely.distance(local, _HERE) <= margin_m:
                found.append(self._names[index])
        return tuple(found)

    def judge(self, alarm: Alarm, row: int, parameters: Parameters) -> Alarm:
        """The alarm, inhibited by the zone that explains its gap where one does, and nothing else does already."""
        if not self._names or alarm.rule not in GAP_RULES or alarm.inhibited_by:
            return alarm
        ends = int(parameters.parameter(row, alarm.rule, "dead_zone_ends"))
        places = (alarm.start_lon, alarm.start_lat, alarm.end_lon, alarm.end_lat)
        if ends == 0 or None in places:
            return alarm
        margin_m = parameters.parameter(row, alarm.rule, "dead_zone_margin_m")
        start_lon, start_lat, end_lon, end_lat = (place for place in places if place is not None)
        before = self.at(start_lon, start_lat, margin_m)
        after = self.at(end_lon, end_lat, margin_m)
        explained = [name for name in before if name in after] if ends > 1 else [*before, *after]
        return replace(alarm, inhibited_by=explained[0]) if explained else alarm
