"""Never online 从未上线.

A registered vehicle from which nothing was ever received, 7 days after it was due: counted from the latest of
``in_service_from``, the day after ``suspended_to`` and the source's first life. General; it ends with the first
contact, when a registered stop begins, or when the vehicle retires; a stop that is registered afterwards takes it back.
Trailers are never due. In the spans of ``calendar``, as ``offline`` has one, the days stand still.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.calendar import CALENDAR_FIELDS, Calendar, calendar_values, counted_between, due_after
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
_WITHDRAW = int(EdgeType.WITHDRAW)
_OVER = int(EndReason.CONDITION_OVER)
_RETURNED = int(EndReason.CONTACT_RETURNED)
_RETIRED = int(EndReason.VEHICLE_RETIRED)
_GENERAL = int(Grade.GENERAL)


class NeverOnlineSettings(RuleSettings):
    """Settings of ``never_online``."""

    after_days: float = Field(default=7.0, gt=0, description="days after it was due (D)")
    calendar: Calendar = Field(
        default=(),
        description="holidays and slack seasons in which days do not count, each "
        '{from = "02-16", to = "02-23", classes = ["charter_coach"]}: inclusive, with a year or for every year (D)',
    )


PARAMS = np.dtype([("after_ms", np.int64), ("enabled", np.int64), *CALENDAR_FIELDS], align=True)
STATE = np.dtype(
    [
        ("onset_ms", np.int64),  # 0 = no alarm
        ("from_ms", np.int64),  # days count from then on: a registered stop has ended an alarm
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, NeverOnlineSettings)
    due = facts.vehicle is not None and facts.vehicle_class != "trailer"
    return (
        round(settings.after_days * DAY_MS),
        int(settings.enabled and due),
        *calendar_values(settings.calendar, facts.vehicle_class),
    )


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
    e["peak"] = (params["after_ms"] + counted_between(params, state["onset_ms"], at_ms)) / DAY_MS
    e["limit"] = params["after_ms"] / DAY_MS
    e["grade"] = _GENERAL
    e["late"] = 0
    return e


@compiled
def end(
    state: np.void,
    params: np.void,
    x: np.void,
    out: np.void,
    code: int,
    edge: int,
    at_ms: int,
    reason: int,
) -> None:
    """The alarm is over; one that is taken back ends where it began."""
    e = write_edge(state, params, x, out, code, edge, at_ms)
    e["end_ms"] = state["onset_ms"] if edge == _WITHDRAW else at_ms
    e["end_reason"] = reason
    state["onset_ms"] = 0


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
        end(state, params, x, out, code, _CLEAR, x["clock_ms"], _RETURNED)
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
    if state["onset_ms"] != 0 and x["suspended_from_ms"] <= state["onset_ms"] < x["suspended_to_ms"]:
        end(state, params, x, out, code, _WITHDRAW, now, _OVER)
    while True:
        onset_ms = state["onset_ms"]
        if onset_ms == 0:
            base_ms = max(x["due_from_ms"], x["first_life_ms"], state["from_ms"])
            onset_ms = due_after(params, base_ms, params["after_ms"])
            if x["suspended_from_ms"] <= onset_ms and x["suspended_to_ms"] > base_ms:
                onset_ms = due_after(params, x["suspended_to_ms"], params["after_ms"])
            if onset_ms >= x["retired_ms"]:
                return NEVER_MS
            if now <= onset_ms:
                return int(onset_ms)
            if now <= x["grace_until_ms"] and onset_ms > x["paused_ms"]:
                return int(x["grace_until_ms"])
            state["onset_ms"] = onset_ms
            write_edge(state, params, x, out, code, _ONSET, onset_ms)
        stop_ms = x["retired_ms"]
        if onset_ms < x["suspended_from_ms"] < stop_ms:
            stop_ms = x["suspended_from_ms"]
        if now < stop_ms:
            if x["final"] == 1:
                write_edge(state, params, x, out, code, _UPDATE, now)
            return int(stop_ms) - 1
        if stop_ms == x["retired_ms"]:
            end(state, params, x, out, code, _CLEAR, stop_ms, _RETIRED)
            state["onset_ms"] = CONTACTED
            return NEVER_MS
        end(state, params, x, out, code, _CLEAR, stop_ms, _OVER)
        state["from_ms"] = stop_ms


RULE = Rule(
    name="never_online",
    title_zh="从未上线",
    title_en="Never online",
    unit="days",
    settings=NeverOnlineSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    hot=("onset_ms",),
    contact=contact,
    advance=advance,
    page=__doc__,
)
