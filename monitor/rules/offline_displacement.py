"""Offline displacement 离线位移 (T4).

Between two good fixes more than 1,200 s apart the vehicle moved more than 2 km (hazmat 1 km), at an implied speed of at
most 102 km/h (1.7 km per minute; faster is drift). One alarm per gap, from the last fix before to the first after;
general, hazmat major. It inhibits the ``track_gap`` of the same gap.

One that begins and ends at the same known dead zone (a fence of kind ``dead_zone``, a tunnel) is counted and kept, and
pushed to nobody; ``push_dead_zones`` pushes it.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.dead_zone import DEAD_ZONE_FIELDS, DeadZoneSettings
from monitor.engine.edges import in_grace, new_edge, section_mark
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.compiled import folded
from monitor.model.edge import EdgeType

_ONSET = int(EdgeType.ONSET)
_CLEAR = int(EdgeType.CLEAR)
_RETURNED = int(EndReason.CONTACT_RETURNED)
_GENERAL = int(Grade.GENERAL)
_MAJOR = int(Grade.MAJOR)


class OfflineDisplacementSettings(DeadZoneSettings):
    """Settings of ``offline_displacement``."""

    gap_s: float = Field(default=1200, gt=0, description="longer than this (V)")
    displacement_m: dict[str, float] = Field(
        default={"hazmat": 1000.0}, description="further than this by class, 2,000 m for classes not named (V)"
    )
    max_implied_kmh: float = Field(default=102.0, gt=0, description="faster is drift: 1.7 km per minute (V)")


PARAMS = np.dtype(
    [
        ("gap_ms", np.int64),
        ("displacement_m", np.float64),
        ("max_implied_kmh", np.float64),
        ("grade", np.int64),
        ("enabled", np.int64),
        *DEAD_ZONE_FIELDS,
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, OfflineDisplacementSettings)
    return (
        round(settings.gap_s * 1000),
        settings.displacement_m.get(facts.vehicle_class, 2000.0),
        settings.max_implied_kmh,
        _MAJOR if facts.vehicle_class == "hazmat" else _GENERAL,
        int(settings.enabled),
        *settings.dead_zone_values(),
    )


@folded
def step(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """One accepted report: was the step to it a displacement out of sight?"""
    dt_ms = x["dt_ms"]
    if dt_ms <= params["gap_ms"] or params["enabled"] == 0:
        return
    d = x["distance_m"]
    if d <= params["displacement_m"] or d * 3600.0 > params["max_implied_kmh"] * dt_ms or in_grace(x):
        return
    for edge in (_ONSET, _CLEAR):
        e = new_edge(out, x, code, 0, edge, x["previous_fix_ms"])
        e["driver"] = x["previous_driver"]
        e["peak"] = d / 1000.0
        e["limit"] = params["displacement_m"] / 1000.0
        e["distance_m"] = d
        e["grade"] = params["grade"]
        e["start_lon"] = x["previous_lon_deg"]
        e["start_lat"] = x["previous_lat_deg"]
        e["end_lon"] = x["lon_deg"]
        e["end_lat"] = x["lat_deg"]
        e["end_section"] = section_mark(x)
        e["n_reports"] = 2
        if edge == _CLEAR:
            e["end_ms"] = x["fix_ms"]
            e["end_reason"] = _RETURNED


RULE = Rule(
    name="offline_displacement",
    title_zh="离线位移",
    title_en="Offline displacement",
    unit="km",
    settings=OfflineDisplacementSettings,
    params=PARAMS,
    fill=fill,
    step=step,
    page=__doc__,
)
