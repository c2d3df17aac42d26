"""The road file that an import makes: lines as the GeoJSON that ``parse_roads`` reads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

from monitor.app.road_import.line import Refusal, RoadLine, Tally
from monitor.errors import ConfigError
from monitor.model.road import CORRIDOR_M, MAX_CORRIDOR_M, RoadSet, parse_roads

LANE_M = 3.75
"""Width of a lane (JTG D20; 3.5 m on slow roads)."""
BESIDE_M = 20.0
"""Shoulder and drawing error on each side (D), as in the corridors by class."""

_DIGITS = 7
"""Decimals of a degree: about 1 cm."""


def section_file(lines: Sequence[RoadLine], tally: Tally) -> RoadSet:
    """Sections of lines, with the file as their payload; a line that the file's reader refuses is put on the tally."""
    features: dict[str, dict[str, object]] = {}
    ends = _Ends()
    names: Counter[str] = Counter()
    for line in lines:
        names[line.line_id] += 1
        name = line.line_id if names[line.line_id] == 1 else f"{line.line_id}_{names[line.line_id]}"
        while name in features:
            name += "_"
        features[name] = _feature(name, line, ends)
    while True:
        data = _payload(list(features.values()))
        try:
            return parse_roads(data, "import")
        except ConfigError as refused:
            # Each round takes out what was named; a refusal that names no section would never end.
            before = len(features)
            for place, problem in refused.problems:
                name = place.removeprefix("section ")
                if features.pop(name, None) is not None:
                    tally.refuse(name, Refusal.SECTION, problem)
            if len(features) == before:
                raise


class _Ends:
    """Where lines touch, as first seen: sections that touch have to end at the very same place."""

    def __init__(self) -> None:
        self._places: dict[int, tuple[float, float]] = {}

    def place(self, node: int, at: tuple[float, float]) -> tuple[float, float]:
        return self._places.setdefault(node, at)


def _payload(features: Sequence[dict[str, object]]) -> bytes:
    """One feature per line, so that two imports can be compared."""
    body = ",\n".join(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) for feature in features)
    return f'{{"type":"FeatureCollection","crs":"wgs84","features":[\n{body}\n]}}\n'.encode()


def _feature(section_id: str, line: RoadLine, ends: _Ends) -> dict[str, object]:
    facts = line.facts
    places = [(round(float(x), _DIGITS), round(float(y), _DIGITS)) for x, y in line.xy]
    places[0] = ends.place(line.nodes[0], places[0])
    places[-1] = ends.place(line.nodes[-1], places[-1])
    stated: dict[str, object] = {
        "name": facts.name,
        "road_no": facts.road_no,
        "road_class": facts.road_class.word if facts.road_class else "",
        "limit_kmh": facts.limit_kmh,
        "corridor_m": _corridor_m(line),
        "direction": "forward" if facts.one_way else "",
        "km_from": None if line.km_from is None else round(line.km_from, 3),
        "km_to": None if line.km_to is None else round(line.km_to, 3),
        "towards": facts.towards,
        "towards_back": facts.towards_back,
        "tunnel": facts.tunnel or None,
        "ferry": facts.ferry or None,
        "township": facts.township,
        "surveyed_by": facts.surveyed_by,
        "surveyed_on": facts.surveyed_on,
    }
    return {
        "type": "Feature",
        "id": section_id,
        "properties": {name: value for name, value in stated.items() if value not in (None, "")},
        "geometry": {"type": "LineString", "coordinates": places},
    }


def _corridor_m(line: RoadLine) -> float | None:
    """The corridor where it is not that of the class: stated, or many lanes on one line."""
    usual_m = CORRIDOR_M[line.facts.road_class]
    if line.facts.corridor_m is not None:
        return line.facts.corridor_m
    wide_m = (line.facts.lanes or 0) * LANE_M / 2.0 + BESIDE_M
    return round(min(wide_m, MAX_CORRIDOR_M), 1) if wide_m > usual_m else None
