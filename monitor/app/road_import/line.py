"""Lines of a road source on their way to sections, and what of a source was not used."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from monitor.model.road import RoadClass, line_chainages_m


@dataclass(frozen=True, slots=True)
class RoadFacts:
    """What a source says of a line besides where it runs; lines of equal facts may become one section."""

    road_class: RoadClass
    name: str = ""
    road_no: str = ""
    limit_kmh: int | None = None  # None where the source states none: a default would be an invention
    one_way: bool = False
    lanes: int | None = None
    corridor_m: float | None = None  # None: by class and lanes
    tunnel: bool = False
    ferry: bool = False
    township: str = ""
    towards: str = ""  # where one arrives along the line
    towards_back: str = ""
    surveyed_by: str = ""
    surveyed_on: str = ""

    def reversed(self) -> RoadFacts:
        return replace(self, towards=self.towards_back, towards_back=self.towards)


@dataclass(frozen=True, slots=True)
class RoadLine:
    """One line in WGS-84 degrees; ``nodes`` name its vertices, and lines touch where they share one."""

    line_id: str
    nodes: tuple[int, ...]
    xy: NDArray[np.float64]  # (n, 2), longitude first
    facts: RoadFacts
    km_from: float | None = None  # kilometre post at the first vertex, both or neither
    km_to: float | None = None

    def reversed(self) -> RoadLine:
        """The same road drawn from its other end."""
        return replace(
            self,
            nodes=self.nodes[::-1],
            xy=self.xy[::-1],
            facts=self.facts.reversed(),
            km_from=self.km_to,
            km_to=self.km_from,
        )

    @property
    def along_m(self) -> NDArray[np.float64]:
        """Metres from the first vertex to each, shape (n,)."""
        return line_chainages_m(self.xy)

    @property
    def length_m(self) -> float:
        return float(self.along_m[-1])


class Refusal(StrEnum):
    """Why a line of the source gave no section."""

    NOT_A_LINE = "not_a_line"  # its geometry is no line
    COORDINATES = "coordinates"  # that are no numbers, or outside of the world
    TOO_SHORT = "too_short"  # fewer than two different points
    NODES_MISSING = "nodes_missing"  # the extract was cut without the points of the line
    CLASS_UNKNOWN = "class_unknown"
    DOUBLED = "doubled"  # the same line a second time
    SECTION = "section"  # the road file would refuse it


@dataclass(frozen=True, slots=True)
class Remark:
    """One line that was refused, or one statement of a line that could not be used."""

    line_id: str
    reason: str
    detail: str = ""


@dataclass(slots=True)
class Tally:
    """What of a source was not used: nothing is left out in silence."""

    lines_total: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    """Objects that are meant to be no roads for vehicles, by what they are."""
    refused: list[Remark] = field(default_factory=list)
    not_read: list[Remark] = field(default_factory=list)
    """Statements that were not understood; the line is kept without them."""

    def refuse(self, line_id: str, reason: Refusal, detail: str = "") -> None:
        self.refused.append(Remark(line_id, reason.value, detail))

    def doubt(self, line_id: str, what: str, value: object) -> None:
        self.not_read.append(Remark(line_id, what, str(value)))
