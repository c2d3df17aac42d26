"""Low track completeness 轨迹完整率低 (T2).

Complete mileage divided by total mileage of a Beijing day, in percent; only from 20 km in the day. Below 90 % yellow
(general), below 70 % red (major). Onset and end are the day's.
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
_GENERAL = int(Grade.GENERAL)
_MAJOR = int(Grade.MAJOR)


class LowCompletenessSettings(RuleSettings):
    """Settings of ``low_completeness``."""

    yellow_percent: float = Field(default=90.0, gt=0, le=100, description="T2 general below this (D)")
    red_percent: float = Field(default=70.0, gt=0, le=100, description="T2 major below this (A)")
    least_m: float = Field(default=20_000, ge=0, description="T2 only from this mileage in the day (D)")


PARAMS = np.dtype(
    [
        ("yellow_percent", np.float64),
        ("red_percent", np.float64),
        ("least_m", np.float64),
        ("enabled", np.int64),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, LowCompletenessSettings)
    return (settings.yellow_percent, settings.red_percent, settings.least_m, int(settings.enabled))


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
    """A day is over: judge its rate."""
    total = day["mileage_m"]
    if params["enabled"] == 0 or total < params["least_m"] or total <= 0.0:
        return
    rate = 100.0 * day["mileage_complete_m"] / total
    if rate >= params["yellow_percent"]:
        return
    for edge in (_ONSET, _CLEAR):
        e = new_edge(out, x, code, 0, edge, day_start_ms(day["day"]))
        e["driver"] = -1
        e["peak"] = rate
        e["mean"] = rate
        e["limit"] = params["yellow_percent"]
        e["distance_m"] = total
        e["grade"] = _MAJOR if rate < params["red_percent"] else _GENERAL
        e["n_reports"] = day["reports_total"]
        e["late"] = 0
        if edge == _CLEAR:
            e["end_ms"] = day_start_ms(day["day"] + 1)
            e["end_reason"] = _WINDOW_OVER


RULE = Rule(
    name="low_completeness",
    title_zh="轨迹完整率低",
    title_en="Low track completeness",
    unit="%",
    kinds=("day",),
    settings=LowCompletenessSettings,
    params=PARAMS,
    fill=fill,
    close_day=close_day,
    page=__doc__,
)
