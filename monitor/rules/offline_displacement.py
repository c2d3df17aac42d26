"""Offline displacement 离线位移 (T4).

Between two good fixes more than 1,200 s apart the vehicle moved more than 2 km (hazmat 1 km), at an implied speed of at
most 102 km/h (1.7 km per minute; faster is drift). One alarm per gap, from the last fix before to the first after;
general, hazmat major. It inhibits the ``track_gap`` of the same gap.

Live it is published 10 minutes after contact returns, together with that ``track_gap``, so that backfill can fill it
first: older reports that fall into it make it shorter, or two of it, and each is judged by itself. Of two waits that
are set differently the shorter holds for both. Another gap within the 10 minutes publishes the first.

One that begins and ends at the same known dead zone (a fence of kind ``dead_zone``, a tunnel) is counted and kept, and
pushed to nobody; ``push_dead_zones`` pushes it.
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

_USE = int(GapFlag.DISPLACEMENT)
_FILLED = int(GapFlag.FILLED)
_GENERAL = int(Grade.GENERAL)
_MAJOR = int(Grade.MAJOR)


class OfflineDisplacementSettings(DeadZoneSettings):
    """Settings of ``offline_displacement``."""

    gap_s: float = Field(default=1200, gt=0, description="longer than this (V)")
    displacement_m: dict[str, float] = Field(
        default={"hazmat": 1000.0}, description="further than this by class, 2,000 m for classes not named (V)"
    )
    max_implied_kmh: float = Field(default=102.0, gt=0, description="faster is drift: 1.7 km per minute (V)")
    publish_after_s: float = Field(default=600, ge=0, le=600, description="wait for backfill, live (D)")


PARAMS = np.dtype(
    [
        ("gap_ms", np.int64),
        ("displacement_m", np.float64),
        ("max_implied_kmh", np.float64),
        ("publish_ms", np.int64),
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
        round(settings.publish_after_s * 1000),
        _MAJOR if facts.vehicle_class == "hazmat" else _GENERAL,
        int(settings.enabled),
        *settings.dead_zone_values(),
    )


@folded
def is_too_fast(distance: float, span_ms: int, most_kmh: float) -> bool:
    """Whether a vehicle would have had to drive faster than any does."""
    return distance * 3600.0 > most_kmh * span_ms


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
    if d <= params["displacement_m"] or is_too_fast(d, dt_ms, params["max_implied_kmh"]) or in_grace(x):
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
    if x["gap_flags"] & _USE == 0 or not is_left(x, params["gap_ms"], params["displacement_m"]):
        return
    if x["gap_flags"] & _FILLED != 0 and is_too_fast(
        x["gap_distance_m"], x["gap_to_ms"] - x["gap_from_ms"], params["max_implied_kmh"]
    ):
        return
    write_gap(x, out, code, params["displacement_m"], params["grade"])


RULE = Rule(
    name="offline_displacement",
    title_zh="离线位移",
    title_en="Offline displacement",
    unit="km",
    settings=OfflineDisplacementSettings,
    params=PARAMS,
    fill=fill,
    step=step,
    late=late,
    gap=gap,
    page=__doc__,
)
