"""OpenStreetMap tags as road facts.

Tags mean what the wiki of OpenStreetMap says they mean; a missing tag stays missing. ``maxspeed`` words such as
``CN:urban`` name a default of a country and no sign at the road, so they give no limit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from monitor.app.road_import.line import Refusal, RoadFacts, Tally
from monitor.model.road import RoadClass

CLASSES: Mapping[str, RoadClass] = {
    "motorway": RoadClass.EXPRESSWAY,
    "trunk": RoadClass.FIRST,
    "primary": RoadClass.SECOND,
    "secondary": RoadClass.THIRD,
    "tertiary": RoadClass.FOURTH,
    "unclassified": RoadClass.FOURTH,
    "road": RoadClass.UNKNOWN,
    "residential": RoadClass.URBAN,
    "living_street": RoadClass.URBAN,
}
"""``highway`` to technical class (D): OpenStreetMap grades roads by importance, only ``motorway`` is exact."""

_NO_ROADS = frozenset(
    [
        "footway",
        "path",
        "steps",
        "pedestrian",
        "cycleway",
        "bridleway",
        "corridor",
        "track",
        "service",
        "platform",
        "elevator",
        "construction",
        "proposed",
        "planned",
        "razed",
        "abandoned",
        "raceway",
        "busway",
        "bus_guideway",
        "escape",
        "rest_area",
        "services",
        "via_ferrata",
        "no",
    ]
)
"""``highway`` values that coaches and trucks do not travel on, or whose vehicles have no limit worth judging."""
_YES = frozenset({"yes", "true", "1"})
_NO = frozenset({"no", "false", "0", "", "reversible", "alternating"})
_BACK = frozenset({"-1", "reverse"})
_SHUT = frozenset({"no", "private"})

_LIMIT = re.compile(r"(\d+)(?:\s*(km/h|kmh|kph|mph))?")
_NOT_SIGNED = re.compile(r"[A-Z]{2}:.+|none|signals|walk|variable|implicit|default")
_KMH_PER_MPH = 1.609344
HIGHEST_LIMIT_KMH = 120
"""No road of China has a higher limit (regulation art. 78)."""
MOST_LANES = 16
"""More lanes than any carriageway has: a typing error (D)."""


def facts_of(line_id: str, tags: Mapping[str, str], tally: Tally) -> list[tuple[RoadFacts, bool]]:
    """Facts of a way, each with whether its line runs against the way.

    Two of them where the limit differs by direction; none where the way is no road for vehicles, or not known,
    which the tally then says.
    """
    ferry = tags.get("route") == "ferry"
    highway = tags.get("highway", "")
    if ferry:
        road_class = RoadClass.UNKNOWN
    elif not highway:
        tally.left_out["no highway"] += 1
        return []
    elif highway in _NO_ROADS:
        tally.left_out[f"highway={highway}"] += 1
        return []
    else:
        known = CLASSES.get(highway.removesuffix("_link"))
        if known is None:
            tally.refuse(line_id, Refusal.CLASS_UNKNOWN, f"highway={highway}")
            return []
        road_class = known
    if (shut := _shut(tags)) is not None:
        tally.left_out[shut] += 1
        return []
    if tags.get("area") == "yes":
        tally.left_out["area=yes"] += 1
        return []
    one_way, back = _direction(line_id, tags, tally)
    facts = RoadFacts(
        road_class=road_class,
        name=tags.get("name") or tags.get("name:zh", ""),
        road_no=_first(tags.get("ref", "")),
        limit_kmh=_limit(line_id, "maxspeed", tags, tally),
        one_way=one_way,
        lanes=_lanes(line_id, tags, tally),
        tunnel=tags.get("tunnel", "no") not in ("no", "culvert"),
        ferry=ferry,
        towards=_first(tags.get("destination", "")) if one_way else _first(tags.get("destination:forward", "")),
        towards_back="" if one_way else _first(tags.get("destination:backward", "")),
    )
    return _by_direction(line_id, facts, back, tags, tally)


def _by_direction(
    line_id: str, facts: RoadFacts, back: bool, tags: Mapping[str, str], tally: Tally
) -> list[tuple[RoadFacts, bool]]:
    """One line for both directions, or one for each where their limits differ."""
    forward = _limit(line_id, "maxspeed:forward", tags, tally) or facts.limit_kmh
    backward = _limit(line_id, "maxspeed:backward", tags, tally) or facts.limit_kmh
    if facts.one_way:
        return [(replace(facts, limit_kmh=backward if back else forward), back)]
    if forward == backward:
        return [(replace(facts, limit_kmh=forward), False)]
    there = replace(facts, limit_kmh=forward, one_way=True, towards_back="")
    here = replace(facts, limit_kmh=backward, one_way=True, towards=facts.towards_back, towards_back="")
    return [(there, False), (here, True)]


def _shut(tags: Mapping[str, str]) -> str | None:
    """The tag by which vehicles may not pass; the most special tag decides."""
    for key in ("motor_vehicle", "vehicle", "access"):
        if key in tags:
            return f"{key}={tags[key]}" if tags[key] in _SHUT else None
    return None


def _direction(line_id: str, tags: Mapping[str, str], tally: Tally) -> tuple[bool, bool]:
    """Whether traffic runs one way only, and whether that is against the way."""
    stated = tags.get("oneway", "").lower()
    if stated in _YES:
        return True, False
    if stated in _BACK:
        return True, True
    if stated not in _NO:
        tally.doubt(line_id, "oneway", stated)
    implied = not stated and (tags.get("highway") == "motorway" or tags.get("junction") == "roundabout")
    return implied, False


def _limit(line_id: str, key: str, tags: Mapping[str, str], tally: Tally) -> int | None:
    stated = tags.get(key, "").strip()
    if not stated or _NOT_SIGNED.fullmatch(stated):
        return None
    found = _LIMIT.fullmatch(stated)
    if found is not None:
        limit_kmh = round(int(found[1]) * (_KMH_PER_MPH if found[2] == "mph" else 1.0))
        if 0 < limit_kmh <= HIGHEST_LIMIT_KMH:
            return limit_kmh
    tally.doubt(line_id, key, stated)
    return None


def _lanes(line_id: str, tags: Mapping[str, str], tally: Tally) -> int | None:
    stated = tags.get("lanes", "").strip()
    if not stated:
        return None
    if stated.isdecimal() and 0 < int(stated) <= MOST_LANES:
        return int(stated)
    tally.doubt(line_id, "lanes", stated)
    return None


def _first(stated: str) -> str:
    """The first of several values: a road of two numbers is called by the first."""
    return stated.split(";")[0].strip()
