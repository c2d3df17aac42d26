"""No fix 不定位 (O4).

In contact, but no valid fix for more than 24 h. Notice; onset 24 h after the last valid fix (after an absence of more
than 24 h: after contact came back), end with the next valid fix. It is judged when the vehicle is heard of: a silent
vehicle is ``offline``, not without fix.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.edges import new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.compiled import folded
from monitor.model.edge import EdgeType

HOUR_MS = 3_600_000.0

_ONSET = int(EdgeType.ONSET)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_NOTICE = int(Grade.NOTICE)


class NoFixSettings(RuleSettings):
    """Settings of ``no_fix``."""

    after_s: float = Field(default=86_400, gt=0, description="O4: longer than this without a valid fix (V)")


PARAMS = np.dtype([("after_ms", np.int64), ("enabled", np.int64)], align=True)
STATE = np.dtype(
    [
        ("base_ms", np.int64),  # last valid fix, or first contact without one
        ("onset_ms", np.int64),  # 0 = no alarm
        ("n", np.int32),  # contacts without fix since then
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, NoFixSettings)
    return (round(settings.after_s * 1000), int(settings.enabled and facts.registered))


@folded
def contact(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """The vehicle was heard of, with or without a fix; one that is older than the newest report is no fix now."""
    now = x["clock_ms"]
    if x["positioned"] == 1 and x["stale"] == 0:
        if state["onset_ms"] != 0:
            e = new_edge(out, x, code, 0, _CLEAR, state["onset_ms"])
            e["peak"] = (now - state["base_ms"]) / HOUR_MS
            e["limit"] = params["after_ms"] / HOUR_MS
            e["grade"] = _NOTICE
            e["end_lon"] = x["lon_deg"]
            e["end_lat"] = x["lat_deg"]
            e["n_reports"] = state["n"]
            e["end_ms"] = now
            e["end_reason"] = _OVER
            e["late"] = 0
            state["onset_ms"] = 0
        state["base_ms"] = now
        state["n"] = 0
    else:
        if state["base_ms"] == 0 or (state["onset_ms"] == 0 and now - core["contact_ms"] > params["after_ms"]):
            state["base_ms"] = now
            state["n"] = 0
        if x["stale"] == 1:
            return
        state["n"] += 1
        if params["enabled"] == 1 and state["onset_ms"] == 0 and now - state["base_ms"] > params["after_ms"]:
            state["onset_ms"] = state["base_ms"] + params["after_ms"]
            e = new_edge(out, x, code, 0, _ONSET, state["onset_ms"])
            e["peak"] = (now - state["base_ms"]) / HOUR_MS
            e["limit"] = params["after_ms"] / HOUR_MS
            e["grade"] = _NOTICE
            e["n_reports"] = state["n"]
            e["late"] = 0


RULE = Rule(
    name="no_fix",
    title_zh="不定位",
    title_en="No fix",
    unit="h",
    settings=NoFixSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("base_ms", "onset_ms", "n"),
    contact=contact,
    page=__doc__,
)
