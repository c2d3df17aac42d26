"""Never online 从未上线.

A registered vehicle from which nothing was ever received, 7 days after it was due: counted from the latest of
``in_service_from``, the day after ``suspended_to`` and the source's first life. General; it ends with the first
contact, or when the vehicle retires. Trailers are never due.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.edges import new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType

DAY_MS = 86_400_000.0
CONTACTED = -1
"""``onset_ms`` of a vehicle that has been heard of."""

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_RETURNED = int(EndReason.CONTACT_RETURNED)
_RETIRED = int(EndReason.VEHICLE_RETIRED)
_GENERAL = int(Grade.GENERAL)


class NeverOnlineSettings(RuleSettings):
    """Settings of ``never_online``."""

    after_days: float = Field(default=7.0, gt=0, description="days after it was due (D)")


PARAMS = np.dtype([("after_ms", np.int64), ("enabled", np.int64)], align=True)
STATE = np.dtype([("onset_ms", np.int64)], align=True)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, NeverOnlineSettings)
    due = facts.vehicle is not None and facts.vehicle_class != "trailer"
    return (round(settings.after_days * DAY_MS), int(settings.enabled and due))


@compiled
def write_edge(
    state: np.void,
    params: np.void,
    x: np.void,
    out: np.void,
    code: int,
    edge: int,
    at_ms: int,
) -> np.void:
    """An edge with the days since the vehicle was due."""
    e = new_edge(out, x, code, 0, edge, state["onset_ms"])
    e["driver"] = -1
    e["at_ms"] = at_ms
    e["peak"] = (at_ms - state["onset_ms"] + params["after_ms"]) / DAY_MS
    e["limit"] = params["after_ms"] / DAY_MS
    e["grade"] = _GENERAL
    e["late"] = 0
    return e


@folded
def contact(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """The first contact ends it for good."""
    if state["onset_ms"] > 0:
        e = write_edge(state, params, x, out, code, _CLEAR, x["clock_ms"])
        e["end_ms"] = x["clock_ms"]
        e["end_reason"] = _RETURNED
    state["onset_ms"] = CONTACTED


@compiled
def advance(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> int:
    """Time passes and nothing was ever heard."""
    if params["enabled"] == 0 or state["onset_ms"] == CONTACTED:
        return NEVER_MS
    now = x["clock_ms"]
    if x["first_life_ms"] == 0:
        return int(now)
    if state["onset_ms"] == 0:
        base_ms = max(x["due_from_ms"], x["first_life_ms"])
        due_ms = base_ms + params["after_ms"]
        if x["suspended_from_ms"] < due_ms and x["suspended_to_ms"] > base_ms:
            due_ms = x["suspended_to_ms"] + params["after_ms"]
        if due_ms >= x["retired_ms"]:
            return NEVER_MS
        if now <= due_ms:
            return int(due_ms)
        if now <= x["grace_until_ms"] and due_ms > x["paused_ms"]:
            return int(x["grace_until_ms"])
        state["onset_ms"] = due_ms
        write_edge(state, params, x, out, code, _ONSET, due_ms)
    if now >= x["retired_ms"]:
        e = write_edge(state, params, x, out, code, _CLEAR, x["retired_ms"])
        e["end_ms"] = x["retired_ms"]
        e["end_reason"] = _RETIRED
        state["onset_ms"] = CONTACTED
        return NEVER_MS
    if x["final"] == 1:
        write_edge(state, params, x, out, code, _UPDATE, now)
    return int(x["retired_ms"]) - 1


RULE = Rule(
    name="never_online",
    title_zh="从未上线",
    title_en="Never online",
    unit="days",
    settings=NeverOnlineSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    contact=contact,
    advance=advance,
    page=__doc__,
)
