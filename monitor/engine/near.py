"""What lies around a report: candidates of road sections, fences and the vehicle's permit, found before the pass.

``Surroundings`` finds them per batch and without memory; the pass chooses among the sections, because that needs the
vehicle's last one. Most reports of a province are near nothing, and cost a look into a grid of bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.model.compiled import compiled

CANDIDATES = 3
"""Sections kept per report: two carriageways and a road beside them."""

SECTION = np.dtype(
    [
        ("from_node", np.int32),  # ends of sections that touch have the same number
        ("to_node", np.int32),
        ("limit_dkmh", np.int16),  # posted; 0 = not known
        ("road_class", np.int8),  # model.road.RoadClass
        ("flags", np.int8),  # model.road.RoadFlag
    ],
    align=True,
)
"""A road section as the pass needs it; the row is its position in the ``RoadSet``."""

NEAR = np.dtype(
    [
        ("section_1", np.int32),  # candidates whose corridor and direction fit, best first; -1 = none
        ("section_2", np.int32),
        ("section_3", np.int32),
        ("cost_1_m", np.float32),  # offset from the line, and more where the heading fits badly
        ("cost_2_m", np.float32),
        ("cost_3_m", np.float32),
        ("along_1", np.int8),  # 1 with the line, -1 against it, 0 unknown (standing)
        ("along_2", np.int8),
        ("along_3", np.int8),
        ("fence", np.int32),  # the fence of the lowest limit; -1 = none has one
        ("fence_limit_dkmh", np.int32),  # 0 = none
        ("fence_kinds", np.int32),  # model.fence.FenceKind bits of all fences around the place
        ("permit", np.int32),  # the permit whose time holds or was next, position in the ``PermitSet``; -1 = none
        ("corridor_m", np.float32),  # distance from the middle of the permit's route
    ],
    align=True,
)
"""One report with something near; ``Surroundings.mark`` fills it."""

SAME_SECTION_M = 25.0
"""How much better another section has to fit than the last one (D: half a corridor)."""
JOINED_SECTION_M = 12.0
"""How much better one has to fit that does not touch the last one than one that does (D)."""


@compiled
def state_nothing_near(x: np.void) -> None:
    """The report is near nothing that is known."""
    x["section"] = -1
    x["along"] = 0
    x["section_limit_dkmh"] = 0
    x["road_class"] = 0
    x["road_flags"] = 0
    x["fence"] = -1
    x["fence_limit_dkmh"] = 0
    x["fence_kinds"] = 0
    x["permit"] = -1
    x["corridor_m"] = 0.0


@compiled
def state_near(x: np.void, last_section: int, near: np.void, sections: NDArray[np.void]) -> None:
    """What is near, with the section that fits best after the last one."""
    x["fence"] = near["fence"]
    x["fence_limit_dkmh"] = near["fence_limit_dkmh"]
    x["fence_kinds"] = near["fence_kinds"]
    x["permit"] = near["permit"]
    x["corridor_m"] = near["corridor_m"]
    section = near["section_1"]
    along = near["along_1"]
    if near["section_2"] >= 0:
        cost = cost_after(section, near["cost_1_m"], last_section, sections)
        other = cost_after(near["section_2"], near["cost_2_m"], last_section, sections)
        if other < cost:
            section, along, cost = near["section_2"], near["along_2"], other
        if near["section_3"] >= 0:
            other = cost_after(near["section_3"], near["cost_3_m"], last_section, sections)
            if other < cost:
                section, along = near["section_3"], near["along_3"]
    x["section"] = section
    x["along"] = along
    if section < 0:
        x["section_limit_dkmh"] = 0
        x["road_class"] = 0
        x["road_flags"] = 0
        return
    chosen = sections[section]
    x["section_limit_dkmh"] = chosen["limit_dkmh"]
    x["road_class"] = chosen["road_class"]
    x["road_flags"] = chosen["flags"]


@compiled
def cost_after(section: int, cost_m: float, last_section: int, sections: NDArray[np.void]) -> float:
    """The cost of a candidate after the last section: staying is cheap, going on where it ends less so."""
    if last_section < 0:
        return float(cost_m)
    if section == last_section:
        return float(cost_m) - SAME_SECTION_M
    a, b = sections[section], sections[last_section]
    joined = (
        a["from_node"] == b["to_node"]
        or a["from_node"] == b["from_node"]
        or a["to_node"] == b["from_node"]
        or a["to_node"] == b["to_node"]
    )
    return float(cost_m) - JOINED_SECTION_M if joined else float(cost_m)
