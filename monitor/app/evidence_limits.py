"""Where an alarm's limit comes from: the road section and who saw its sign, the fence, the permit."""

from __future__ import annotations

from typing import TypedDict

import numpy as np

from monitor.model.alarm import Alarm, LimitSource
from monitor.model.edge import section_place
from monitor.model.evidence import LimitFacts
from monitor.model.map_set import MapSet


class _SectionFacts(TypedDict, total=False):
    section_id: str
    section_name: str
    road_class: str
    posted_kmh: float | None
    surveyed_by: str
    surveyed_on: str


class _AreaFacts(TypedDict, total=False):
    fence_id: str
    fence_name: str
    permit_id: str


def limit_facts(alarm: Alarm, edge: np.void, unit: str, maps: MapSet) -> LimitFacts | None:
    """What is known of the limit and of the place where it holds; None where there is neither."""
    section, area = _section(edge, maps), _area(edge, maps)
    if alarm.limit is None and not section and not area:
        return None
    return LimitFacts(
        value=alarm.limit,
        unit=unit,
        source=alarm.limit_source.word if alarm.limit_source is not LimitSource.NONE else "",
        **section,
        **area,
    )


def _section(edge: np.void, maps: MapSet) -> _SectionFacts:
    """Of the road section where the alarm began."""
    place, _ = section_place(int(edge["start_section"]))
    if place < 0 or maps.roads is None or place >= len(maps.roads):
        return {}
    section = maps.roads.sections[place]
    return {
        "section_id": section.section_id,
        "section_name": " ".join(part for part in (section.road_no, section.name) if part),
        "road_class": section.road_class.word,
        "posted_kmh": section.limit_kmh,
        "surveyed_by": section.surveyed_by,
        "surveyed_on": "" if section.surveyed_on is None else section.surveyed_on.isoformat(),
    }


def _area(edge: np.void, maps: MapSet) -> _AreaFacts:
    """Of the fence and the permit that the alarm or its limit comes from."""
    found: _AreaFacts = {}
    fence, permit = int(edge["fence"]) - 1, int(edge["permit"])
    if maps.fences is not None and 0 <= fence < len(maps.fences):
        found["fence_id"] = maps.fences.fences[fence].fence_id
        found["fence_name"] = maps.fences.fences[fence].name
    if maps.permits is not None and 0 <= permit < len(maps.permits):
        found["permit_id"] = maps.permits.permits[permit].permit_id
    return found
