"""Driver conflict 驾驶员冲突: the driver's card was changed while the vehicle moved.

A sign is a report that names another driver than the last one named, with no stop between at which they could have
changed seats: the report before it and it itself move (5 km/h, and not carried with ACC off), as do all reports without
a card in between, every step is at most 180 s, and none leaves ``swap_s`` for a stand (its time, less its straight
distance at the faster of its two speeds). A card change at a stop is no sign; nor is taking the same card out and in,
nor putting in a card where none was known, nor a change across silence or a jump.

Onset is the first sign, end the last; signs no more than ``quiet_s`` apart are one alarm, so two cards that take turns
are one. ``driver_id`` is the driver from whom the card was changed, whose driving clock runs on; ``n_reports`` counts
the signs. Major.

One driver in two moving vehicles is an alarm too: a stretch of driving of one vehicle overlaps one of another, with the
same card in, for more than ``overlap_s``. It is the alarm of the vehicle that began to move later, from then on to the
last moment of the overlap, and comes when both stretches are over. Driving after a stop with no card in since is
nobody's, and stops are no driving, however short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from monitor.engine.driver_overlaps import DriverOverlaps
from monitor.engine.driving import is_moving
from monitor.engine.edges import MAX_STEP_MS, new_edge
from monitor.engine.judge import Judge, edge_rows
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import from_e7, to_e7

if TYPE_CHECKING:
    from monitor.engine.fleet_state import FleetState

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_MAJOR = int(Grade.MAJOR)


class DriverConflictSettings(RuleSettings):
    """Settings of ``driver_conflict``."""

    swap_s: float = Field(
        default=60, gt=0, description="shorter than this nobody stops, changes seats and drives off again (D)"
    )
    quiet_s: float = Field(
        default=600, ge=600, description="an alarm is over when no sign has come for longer than this (D)"
    )
    overlap_s: float = Field(
        default=300, ge=0, description="one driver in two moving vehicles: for longer than this (D)"
    )


PARAMS = np.dtype([("swap_ms", np.int64), ("quiet_ms", np.int64), ("enabled", np.int64)], align=True)
STATE = np.dtype(
    [
        ("onset_ms", np.int64),  # first sign; 0 = no alarm
        ("last_ms", np.int64),  # last sign
        ("last_clock_ms", np.int64),  # engine clock at the last sign
        ("end_lon_e7", np.int32),  # place of the last sign
        ("end_lat_e7", np.int32),
        ("driver", np.int32),  # index of the driver before the first sign
        ("n", np.int32),  # signs
        ("stopped", np.int8),  # they may have changed seats since a driver was last named
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, DriverConflictSettings)
    return (round(settings.swap_s * 1000), round(settings.quiet_s * 1000), int(settings.enabled))


@compiled
def without_a_stop(x: np.void, swap_ms: int) -> bool:
    """Whether nobody can have changed seats within the step."""
    if x["dt_ms"] > MAX_STEP_MS or x["jump"] == 1:
        return False
    if not is_moving(x["previous_motion_dkmh"], x["previous_acc"]) or not is_moving(x["motion_dkmh"], x["acc"]):
        return False
    fastest_dkmh = max(x["previous_motion_dkmh"], x["motion_dkmh"])
    return bool((x["dt_ms"] - swap_ms) * fastest_dkmh < x["distance_m"] * 36_000.0)


@compiled
def write_edge(state: np.void, x: np.void, out: np.void, code: int, edge: int) -> np.void:
    """An edge with the alarm's figures."""
    e = new_edge(out, x, code, 0, edge, state["onset_ms"])
    e["driver"] = state["driver"]
    e["grade"] = _MAJOR
    e["n_reports"] = state["n"]
    e["end_lon"] = from_e7(state["end_lon_e7"])
    e["end_lat"] = from_e7(state["end_lat_e7"])
    return e


@compiled
def end(state: np.void, x: np.void, out: np.void, code: int) -> None:
    """No sign has come for long: the alarm ended with its last."""
    e = write_edge(state, x, out, code, _CLEAR)
    e["end_ms"] = state["last_ms"]
    e["end_reason"] = _OVER
    state["onset_ms"] = 0


@compiled
def take_sign(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """The card was changed on the move."""
    if state["onset_ms"] != 0 and x["fix_ms"] - state["last_ms"] > params["quiet_ms"]:
        end(state, x, out, code)
    begins = state["onset_ms"] == 0
    if begins:
        state["onset_ms"] = x["fix_ms"]
        state["driver"] = x["previous_driver"]
        state["n"] = 0
    state["n"] += 1
    state["last_ms"] = x["fix_ms"]
    state["last_clock_ms"] = x["clock_ms"]
    state["end_lon_e7"] = to_e7(x["lon_deg"])
    state["end_lat_e7"] = to_e7(x["lat_deg"])
    if begins:
        e = write_edge(state, x, out, code, _ONSET)
        e["start_lon"] = x["lon_deg"]
        e["start_lat"] = x["lat_deg"]
        e["end_lon"] = np.nan
        e["end_lat"] = np.nan


@compiled
def take_other(state: np.void, params: np.void, x: np.void, out: np.void, code: int) -> None:
    """A report that does not name the driver last named, but another or none."""
    if state["stopped"] == 0 and not without_a_stop(x, params["swap_ms"]):
        state["stopped"] = 1
    if x["driver"] < 0:
        return
    if state["stopped"] == 0 and params["enabled"] == 1:
        take_sign(state, params, x, out, code)
    state["stopped"] = 0


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report: does it name another driver than the last one named?"""
    known = x["previous_driver"]
    if known < 0:
        return
    if x["driver"] != known:
        take_other(state, params, x, out, code)
    elif state["stopped"] != 0:
        state["stopped"] = 0


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Time without a sign ends the alarm."""
    if state["onset_ms"] == 0:
        return NEVER_MS
    due: int = state["last_clock_ms"] + params["quiet_ms"]
    if x["clock_ms"] > due:
        now = x["clock_ms"]
        x["clock_ms"] = due
        end(state, x, out, code)
        x["clock_ms"] = now
        return NEVER_MS
    if x["final"] == 1:
        write_edge(state, x, out, code, _UPDATE)
    return due


class OverlapJudge(Judge):
    """One driver in two moving vehicles, over the whole fleet."""

    def __init__(self, code: int, settings: RuleSettings) -> None:
        super().__init__(code, settings)
        self._overlaps = DriverOverlaps()

    def take(
        self, signs: NDArray[np.void], stretches: NDArray[np.void], fleet: FleetState, clock_ms: int
    ) -> NDArray[np.void]:
        """An overlap is over when it is found: onset and clear at once, as of the moment it could be known."""
        assert isinstance(self.settings, DriverConflictSettings)
        least_ms = round(self.settings.overlap_s * 1000)
        found = self._overlaps.take(stretches, fleet.keys, least_ms, clock_ms)
        if not self.settings.enabled:
            found = found[:0]
        edges = edge_rows(2 * len(found), self.code, 0)
        edges["edge"] = np.tile([_ONSET, _CLEAR], len(found))
        twice = np.repeat(found, 2)
        edges["row"] = twice["row"]
        edges["driver"] = twice["driver"]
        edges["onset_ms"] = twice["from_ms"]
        edges["end_ms"] = twice["to_ms"]
        edges["at_ms"] = twice["known_ms"]
        edges["grade"] = _MAJOR
        edges["end_reason"][1::2] = _OVER
        return edges

    def snapshot(self) -> bytes:
        return self._overlaps.snapshot()

    def restore(self, data: bytes) -> None:
        self._overlaps.restore(data)


RULE = Rule(
    name="driver_conflict",
    title_zh="驾驶员冲突",
    title_en="Driver conflict",
    unit="–",
    settings=DriverConflictSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    step=step,
    advance=advance,
    judge=OverlapJudge,
    page=__doc__,
)
