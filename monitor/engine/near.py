"""What lies around a report: candidates of road sections, fences and the vehicle's permit, found before the pass.

``Surroundings`` finds them per batch and without memory; the pass chooses among the sections, because that needs the
vehicle's last one. Most reports of a province are near nothing, and cost a look into a grid of bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.model.alarm_bits import AlarmBit
from monitor.model.compiled import compiled
from monitor.model.fence_kind import QUIET_MASK
from monitor.model.geo import distance_m

CANDIDATES = 3
"""Sections kept per report: two carriageways and a road beside them."""

SECTION = np.dtype(
    [
        ("from_node", np.int32),  # ends of sections that touch have the same number
        ("to_node", np.int32),
        ("road", np.int32),  # the same for sections of one road number; 0 = it has none
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
        ("left_m", np.float32),  # along the route to its end
    ],
    align=True,
)
"""One report with something near; ``Surroundings.mark`` fills it."""

PERMIT = np.dtype(
    [
        ("from_ms", np.int64),
        ("to_ms", np.int64),  # exclusive
        ("corridor_m", np.float64),  # 0 = the permit names no route
        ("length_m", np.float64),  # of the route
        ("end_lon_deg", np.float64),  # of the route
        ("end_lat_deg", np.float64),
        ("limit_dkmh", np.int32),  # 0 = none
        ("hours_from_s", np.int32),  # seconds of the Beijing day; -1 = all day
        ("hours_to_s", np.int32),
    ],
    align=True,
)
"""A permit as the pass needs it; the row is its position in the ``PermitSet``."""

SPREAD_M = 15.0
"""Standard deviation of a fix across the road (JT/T 794 allows a terminal 15 m)."""
STRANGE_NATS = 7.0
"""Evidence for going over to a section that does not touch the last one (D: odds of a thousand to one, which a fix in
the middle of the other road makes up at 55 m apart, two fixes at 40 m)."""
JOINED_NATS = 3.0
"""Evidence for turning off to a section that touches the last one (D: odds of twenty to one)."""
CONTINUED_NATS = 0.5
"""Evidence for going on to one that touches it and has its road number: on the expressway past a slip road (D)."""

FADING = 0.7
"""What is left of a rival's gain at the next fix (D: errors of maps and receivers last, so ten fixes that are all 15 m
off on one side prove no more than three)."""

_POWER_LOST = AlarmBit.POWER_LOST.mask
_QUIET = QUIET_MASK


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
    x["permit_limit_dkmh"] = 0
    x["rival"] = -1
    x["rival_nats"] = 0.0


@compiled
def state_near(
    x: np.void,
    last_section: int,
    rival: int,
    rival_nats: float,
    near: np.void,
    sections: NDArray[np.void],
    permits: NDArray[np.void],
) -> None:
    """What is near, with the section that fits best after the last one and its rival so far (-1: none)."""
    x["fence"] = near["fence"]
    x["fence_limit_dkmh"] = near["fence_limit_dkmh"]
    x["fence_kinds"] = near["fence_kinds"]
    x["permit"] = near["permit"]
    x["permit_limit_dkmh"] = 0
    if near["permit"] >= 0:
        permit = permits[near["permit"]]
        x["permit_from_ms"] = permit["from_ms"]
        x["permit_to_ms"] = permit["to_ms"]
        x["permit_hours_from_s"] = permit["hours_from_s"]
        x["permit_hours_to_s"] = permit["hours_to_s"]
        x["permit_corridor_m"] = permit["corridor_m"]
        x["route_off_m"] = near["corridor_m"]
        x["route_left_m"] = near["left_m"]
        x["route_length_m"] = permit["length_m"]
        x["route_end_m"] = distance_m(x["lon_deg"], x["lat_deg"], permit["end_lon_deg"], permit["end_lat_deg"])
        if permit["from_ms"] <= x["fix_ms"] < permit["to_ms"]:
            x["permit_limit_dkmh"] = permit["limit_dkmh"]
    state_section(x, last_section, rival, rival_nats, near, sections)


@compiled
def state_section(
    x: np.void,
    last_section: int,
    rival: int,
    rival_nats: float,
    near: np.void,
    sections: NDArray[np.void],
) -> None:
    """The section that fits best after the last one.

    Each fix speaks for a section by how near its line is (half the square of offset over spread, in nats). Another
    section than the last has to have the better of it by some nats, and what a rival gains adds up over fixes, fading:
    two roads 25 m apart are told apart by several fixes where one tells nothing. The last one that no longer fits, by
    offset or by heading, is out at once.
    """
    section, along = near["section_1"], near["along_1"]
    x["rival"] = -1
    x["rival_nats"] = 0.0
    if near["section_2"] >= 0:
        kept, kept_nats, kept_along = False, 0.0, 0
        for place in range(CANDIDATES):
            other, nats, other_along = candidate(near, place)
            if other >= 0 and other == last_section:
                kept, kept_nats, kept_along = True, nats, other_along
        best, best_nats, best_ahead, best_along = -1, 0.0, 0.0, 0
        second, second_ahead = -1, 0.0
        for place in range(CANDIDATES):
            other, nats, other_along = candidate(near, place)
            if other < 0 or other == last_section:
                continue
            gained = kept_nats - nats + (FADING * rival_nats if other == rival else 0.0)
            ahead = gained
            if last_section >= 0:
                ahead -= nats_needed(sections[last_section], sections[other])
            if best < 0 or ahead > best_ahead:
                second, second_ahead = best, best_ahead
                best, best_nats, best_ahead, best_along = other, gained, ahead, other_along
            elif second < 0 or ahead > second_ahead:
                second, second_ahead = other, ahead
        if not kept or best_ahead > 0.0:
            section, along = best, best_along
        else:
            section, along = last_section, kept_along
        if not kept and second >= 0:
            # Chosen for want of better: the next best is behind by what it is now, not by what a change takes.
            behind = nats_needed(sections[best], sections[second]) - (best_ahead - second_ahead)
            if behind > 0.0:
                x["rival"] = second
                x["rival_nats"] = behind
        elif kept and best_ahead <= 0.0 and best_nats > 0.0:
            x["rival"] = best
            x["rival_nats"] = best_nats
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
def candidate(near: np.void, place: int) -> tuple[int, float, int]:
    """A candidate (-1: none), what speaks against it in nats, and its ``along``."""
    if place == 0:
        section, cost_m, along = near["section_1"], near["cost_1_m"], near["along_1"]
    elif place == 1:
        section, cost_m, along = near["section_2"], near["cost_2_m"], near["along_2"]
    else:
        section, cost_m, along = near["section_3"], near["cost_3_m"], near["along_3"]
    spreads = float(cost_m) / SPREAD_M
    return int(section), 0.5 * spreads * spreads, int(along)


@compiled
def nats_needed(last: np.void, other: np.void) -> float:
    """Evidence for going over from one section to another."""
    if (
        last["to_node"] != other["from_node"]
        and last["from_node"] != other["to_node"]
        and last["to_node"] != other["to_node"]
        and last["from_node"] != other["from_node"]
    ):
        return STRANGE_NATS
    return CONTINUED_NATS if last["road"] == other["road"] and last["road"] != 0 else JOINED_NATS


@compiled
def is_fenced(x: np.void) -> int:
    """1 if the report says that power is cut, not that ACC is on, and lies in a depot or loading fence; else 0."""
    if x["fence_kinds"] & _QUIET == 0 or x["acc"] == 1:
        return 0
    return 1 if x["alarm_word"] > 0 and x["alarm_word"] & _POWER_LOST != 0 else 0
