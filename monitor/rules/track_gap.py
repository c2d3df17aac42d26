"""Track gap 轨迹中断 (T1).

Between two good fixes more than 300 s apart the vehicle moved more than 2 km in a straight line. Notice; general from
20 km. From the last fix before to the first after. Standing gaps are none.

A gap that begins and ends at the same known dead zone (a fence of kind ``dead_zone``, a tunnel) is counted and kept,
and pushed to nobody; ``push_dead_zones`` pushes it. Its kilometres are incomplete mileage all the same.

No straight line is longer than the road: a gap of more than twice what the odometer grew by, and of its last kilometre,
is a place that lies (a coordinate printed wrong) and is none. An odometer that stands still, or none, says nothing.

Live it is published 10 minutes after contact returns, so that backfill can fill it first: older reports that fall into
it make it shorter, or two of it, and each is judged by itself. Another gap within the 10 minutes publishes the first.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.dead_zone import DEAD_ZONE_FIELDS, DeadZoneSettings
from monitor.engine.edges import in_grace
from monitor.engine.held_gap import GapFlag, is_left, want_gap, want_part, write_gap
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import Grade
from monitor.model.compiled import compiled, folded

_USE = int(GapFlag.TRACK_GAP)
_NOTICE = int(Grade.NOTICE)
_GENERAL = int(Grade.GENERAL)

ODOMETER_STEP_M = 1000.0
"""Odometers may be whole kilometres (measured: trucks of 2018)."""
ODOMETER_SHARE = 2.0
"""An odometer may show too little by half of the way (a guess: worn tyres and wrong pulse counts are far below)."""


class TrackGapSettings(DeadZoneSettings):
    """Settings of ``track_gap``."""

    gap_s: float = Field(default=300, gt=0, description="T1: longer than this (D)")
    distance_m: float = Field(default=2000, ge=0, description="T1: further than this (D)")
    general_m: float = Field(default=20_000, gt=0, description="grade general from this (D)")
    publish_after_s: float = Field(default=600, ge=0, le=600, description="wait for backfill, live (D)")


PARAMS = np.dtype(
    [
        ("gap_ms", np.int64),
        ("distance_m", np.float64),
        ("general_m", np.float64),
        ("publish_ms", np.int64),
        ("enabled", np.int64),
        *DEAD_ZONE_FIELDS,
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, TrackGapSettings)
    return (
        round(settings.gap_s * 1000),
        settings.distance_m,
        settings.general_m,
        round(settings.publish_after_s * 1000),
        int(settings.enabled),
        *settings.dead_zone_values(),
    )


@folded
def is_beyond_the_road(distance: float, driven_m: int) -> bool:
    """Whether a straight line is longer than what an odometer that moves has counted."""
    return driven_m > 0 and distance > ODOMETER_SHARE * (driven_m + ODOMETER_STEP_M)


@folded
def step(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """One accepted report: is there a gap before it?"""
    if x["dt_ms"] <= params["gap_ms"] or x["distance_m"] <= params["distance_m"]:
        return
    if params["enabled"] == 0 or x["jump"] == 1 or in_grace(x):
        return
    before = core["odometer_m"]
    if before > 0 and x["mileage_m"] >= 0 and is_beyond_the_road(x["distance_m"], x["mileage_m"] + 1 - before):
        return
    want_gap(x, _USE, params["publish_ms"])


@compiled
def late(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """A report from inside the gap that waits."""
    want_part(core, x, _USE, params["gap_ms"])


@compiled
def gap(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """Backfill had its time."""
    if x["gap_flags"] & _USE == 0 or not is_left(x, params["gap_ms"], params["distance_m"]):
        return
    grade = _GENERAL if x["gap_distance_m"] >= params["general_m"] else _NOTICE
    write_gap(x, out, code, params["distance_m"], grade)


RULE = Rule(
    name="track_gap",
    title_zh="轨迹中断",
    title_en="Track gap",
    unit="km",
    settings=TrackGapSettings,
    params=PARAMS,
    fill=fill,
    step=step,
    late=late,
    gap=gap,
    page=__doc__,
)
