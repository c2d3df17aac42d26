"""Drifting vehicle 漂移 (Q7).

A Beijing day with at least 5 drift points that are at least 0.5 % of the day's reports. A drift point (Q6) is a fix
with an implied speed of more than 160 km/h from the last good one and more than 200 m away, unless three consistent
fixes show that the vehicle is there. Notice; onset and end are the day's; also counts the vehicle as drifting.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.edges import new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import day_start_ms
from monitor.model.compiled import compiled
from monitor.model.edge import EdgeType

_ONSET = int(EdgeType.ONSET)
_CLEAR = int(EdgeType.CLEAR)
_WINDOW_OVER = int(EndReason.WINDOW_OVER)
_NOTICE = int(Grade.NOTICE)


class DriftSettings(RuleSettings):
    """Settings of ``drift``."""

    least_points: int = Field(default=5, ge=1, description="Q7: at least this many drift points in the day (D)")
    least_percent: float = Field(default=0.5, ge=0, description="Q7: and at least this share of the points (D)")


PARAMS = np.dtype([("least_points", np.int64), ("least_percent", np.float64), ("enabled", np.int64)], align=True)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, DriftSettings)
    return (settings.least_points, settings.least_percent, int(settings.enabled))


@compiled
def close_day(
    state: np.void,
    params: np.void,
    core: np.void,
    day: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """A day is over: count the vehicle as drifting, and say so."""
    points = day["drift_points"]
    if points < params["least_points"] or 100.0 * points < params["least_percent"] * day["reports_total"]:
        return
    day["drift_vehicle"] = 1
    if params["enabled"] == 0:
        return
    for edge in (_ONSET, _CLEAR):
        e = new_edge(out, x, code, 0, edge, day_start_ms(day["day"]))
        e["driver"] = -1
        e["peak"] = np.float64(points)
        e["limit"] = np.float64(params["least_points"])
        e["grade"] = _NOTICE
        e["n_reports"] = day["reports_total"]
        e["late"] = 0
        if edge == _CLEAR:
            e["end_ms"] = day_start_ms(day["day"] + 1)
            e["end_reason"] = _WINDOW_OVER


RULE = Rule(
    name="drift",
    title_zh="漂移",
    title_en="Drift",
    unit="drift points",
    settings=DriftSettings,
    params=PARAMS,
    fill=fill,
    close_day=close_day,
    page=__doc__,
)
