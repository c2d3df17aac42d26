"""What lies around a report, chosen among the candidates that the index of the compiled engine found."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from monitor.model.report import ReportRows
from tests.benchmarks.plain_rules.records import PermitFacts, Step

if TYPE_CHECKING:
    from monitor.engine.surroundings import Surroundings

SPREAD_M = 15.0
NATS_TO_A_STRANGER, NATS_TO_A_NEIGHBOUR, NATS_TO_GO_ON = 7.0, 3.0, 0.5
FADING = 0.7


@dataclass(frozen=True, slots=True)
class Around:
    """Sections as (position, cost, along), best first; the fence and the permit of the lowest limit."""

    sections: tuple[tuple[int, float, int], ...]
    fence: int
    fence_limit_dkmh: int
    fence_kinds: int
    permit: int
    permit_span_ms: tuple[int, int]
    permit_limit_dkmh: int
    facts: PermitFacts | None


class Map:
    """Road sections, and what the index says of each report of a batch."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self.sections = [Section(*(int(row[item.name]) for item in fields(Section))) for row in surroundings.sections]

    def look(self, reports: ReportRows, rows: list[int]) -> list[Around | None]:
        near_of, nears, _, permits = self._surroundings.mark(reports, np.array(rows, np.int32))
        found = []
        for near in nears:
            places = [
                (int(near[f"section_{i}"]), float(near[f"cost_{i}_m"]), int(near[f"along_{i}"])) for i in (1, 2, 3)
            ]
            sections = tuple(place for place in places if place[0] >= 0)
            permit = int(near["permit"])
            row = permits[permit] if permit >= 0 else np.zeros(1, permits.dtype)[0]
            found.append(
                Around(
                    sections,
                    int(near["fence"]),
                    int(near["fence_limit_dkmh"]),
                    int(near["fence_kinds"]),
                    permit,
                    (int(row["from_ms"]), int(row["to_ms"])),
                    int(row["limit_dkmh"]),
                    _facts(permit, row, near) if permit >= 0 else None,
                )
            )
        return [found[i] if i >= 0 else None for i in near_of.tolist()]

    def state(self, x: Step, around: Around | None, last_section: int, rival: int = -1, nats: float = 0.0) -> None:
        """Put down what is near, with the section that fits best after the last one and its rival (-1: none)."""
        x.section, x.along, x.section_limit_dkmh, x.road_class, x.road_flags = -1, 0, 0, 0, 0
        x.fence, x.fence_limit_dkmh, x.fence_kinds, x.permit, x.permit_limit_dkmh = -1, 0, 0, -1, 0
        x.rival, x.rival_nats, x.facts = -1, 0.0, None
        if around is None:
            return
        x.fence, x.fence_limit_dkmh, x.permit = around.fence, around.fence_limit_dkmh, around.permit
        x.fence_kinds, x.facts = around.fence_kinds, around.facts
        if around.permit_span_ms[0] <= x.fix_ms < around.permit_span_ms[1]:
            x.permit_limit_dkmh = around.permit_limit_dkmh
        if around.sections:
            x.section = self._chosen(x, around.sections, last_section, rival, nats)
            x.along = next(along for position, _, along in around.sections if position == x.section)
            section = self.sections[x.section]
            x.section_limit_dkmh, x.road_class, x.road_flags = section.limit_dkmh, section.road_class, section.flags

    def _chosen(self, x: Step, places: tuple[tuple[int, float, int], ...], last: int, rival: int, nats: float) -> int:
        if len(places) == 1:
            return places[0][0]
        against = {position: (cost_m / SPREAD_M) ** 2 / 2 for position, cost_m, _ in places}
        held = against.pop(last, None)
        gains = {
            position: (held or 0.0) - its + (FADING * nats if position == rival else 0.0)
            for position, its in against.items()
        }
        ahead = {
            position: gain - (self._needed(last, position) if last >= 0 else 0.0) for position, gain in gains.items()
        }
        best, *others = sorted(ahead, key=lambda position: -ahead[position])
        if held is None:
            doubt = self._needed(best, others[0]) - (ahead[best] - ahead[others[0]])
            if doubt > 0.0:
                x.rival, x.rival_nats = others[0], float(np.float32(doubt))
            return best
        if ahead[best] > 0.0:
            return best
        if gains[best] > 0.0:
            x.rival, x.rival_nats = best, float(np.float32(gains[best]))
        return last

    def _needed(self, last: int, other: int) -> float:
        here, there = self.sections[last], self.sections[other]
        if not {here.from_node, here.to_node} & {there.from_node, there.to_node}:
            return NATS_TO_A_STRANGER
        return NATS_TO_GO_ON if here.road == there.road != 0 else NATS_TO_A_NEIGHBOUR


def _facts(position: int, permit: np.void, near: np.void) -> PermitFacts:
    return PermitFacts(
        position,
        int(permit["from_ms"]),
        int(permit["to_ms"]),
        (int(permit["hours_from_s"]), int(permit["hours_to_s"])),
        int(permit["limit_dkmh"]),
        float(permit["corridor_m"]),
        float(permit["length_m"]),
        float(near["corridor_m"]),
        float(near["left_m"]),
        (float(permit["end_lon_deg"]), float(permit["end_lat_deg"])),
    )


@dataclass(frozen=True, slots=True)
class Section:
    from_node: int
    to_node: int
    road: int
    limit_dkmh: int
    road_class: int
    flags: int
