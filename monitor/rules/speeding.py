"""Speeding 超速 (S1-S6).

A run of reports over the effective limit; it goes on from one report over to the next over a step of at most
max(60 s, 1.5 x the vehicle's own report interval), never more than 180 s. An alarm when it lasts more than 30 s and
has at least two reports; merging comes before the duration test. Over means over: at the limit is not speeding.

The effective limit is the lowest of class cap (S2), enterprise limit and vehicle limit, times 0.8 at night for coaches
(S3); it is judged report by report. Grade, suspected serious speeding and night-only are measured against the limit
without the night factor (S4, S5). A speed over 160 km/h is out of range and neither continues nor ends a run; a peak
over 140 km/h needs three reports whose shown and implied speeds agree within 20 km/h (S6).
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from monitor.engine.edges import MIN_STEP_MS, longest_step_ms, new_edge
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade, LimitSource
from monitor.model.beijing import NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import from_e7, to_e7

SILENCE_MS = 780_000
"""Live, a run is closed after this silence: the longest step of a run and ten minutes for reports under way (D)."""
MAX_SPEED_DKMH = 1600
"""Q1: speed 0-160 km/h."""

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_NOTICE = int(Grade.NOTICE)
_GENERAL = int(Grade.GENERAL)
_MAJOR = int(Grade.MAJOR)
_SERIOUS = int(Grade.SERIOUS)


class SpeedingSettings(RuleSettings):
    """Settings of ``speeding``."""

    cap_kmh: dict[str, float] = Field(
        default={
            "tour_coach": 100.0,
            "charter_coach": 100.0,
            "line_coach": 100.0,
            "hazmat": 80.0,
            "heavy_truck": 100.0,
            "trailer": 100.0,
            "other": 120.0,
        },
        description="S2 class cap where the road is unknown: regulation art. 78; hazmat measures art. 46 (L)",
    )
    enterprise_limit_kmh: float | None = Field(
        default=None, gt=0, description="limit set by the enterprise (L art. 24)"
    )
    night_percent: dict[str, int] = Field(
        default={"tour_coach": 80, "charter_coach": 80, "line_coach": 80},
        description="S3 night factor in percent by class: order art. 24 (L)",
    )
    hold_s: float = Field(default=30.0, ge=0, description="S1: longer than this (A, assessment note 3)")
    tolerance_kmh: float = Field(default=0.0, ge=0, description="absolute tolerance (D)")
    tolerance_percent: float = Field(default=0.0, ge=0, description="tolerance in percent of the limit (D)")
    serious_percent: int = Field(default=20, gt=0, description="S5 road unknown: excess over the cap (D from L bands)")
    serious_hold_s: float = Field(default=60.0, ge=0, description="S5: held at least this long (D)")
    noise_peak_kmh: float = Field(default=140.0, gt=0, description="S6: a higher peak needs agreeing reports (V)")
    noise_agree_kmh: float = Field(default=20.0, gt=0, description="S6: shown against implied speed (D)")


PARAMS = np.dtype(
    [
        ("limit_dkmh", np.int64),
        ("night_dkmh", np.int64),
        ("threshold_dkmh", np.int64),
        ("night_threshold_dkmh", np.int64),
        ("serious_dkmh", np.int64),
        ("hold_ms", np.int64),
        ("serious_hold_ms", np.int64),
        ("noise_peak_dkmh", np.int64),
        ("noise_agree_dkmh", np.int64),
        ("source", np.int64),
        ("enabled", np.int64),
    ],
    align=True,
)

STATE = np.dtype(
    [
        ("onset_ms", np.int64),  # first report over; 0 = no run
        ("last_ms", np.int64),  # last report over
        ("serious_ms", np.int64),  # first of an unbroken row of reports in the serious band; 0 = none
        ("distance_m", np.float64),  # onset to last report over
        ("beyond_m", np.float64),  # driven since the last report over
        ("start_lon_e7", np.int32),
        ("start_lat_e7", np.int32),
        ("end_lon_e7", np.int32),
        ("end_lat_e7", np.int32),
        ("sum_dkmh", np.int32),
        ("n", np.int32),
        ("n_agree", np.int32),
        ("driver", np.int32),
        ("peak_dkmh", np.int16),
        ("peak_limit_dkmh", np.int16),
        ("published", np.int8),
        ("grade", np.int8),
        ("suspected_serious", np.int8),
        ("dipped", np.int8),  # a report at or under the limit came after the last one over
        ("late", np.int8),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, SpeedingSettings)
    limit = settings.cap_kmh.get(facts.vehicle_class, 120.0)
    source = LimitSource.CLASS_CAP
    if settings.enterprise_limit_kmh is not None and settings.enterprise_limit_kmh < limit:
        limit, source = settings.enterprise_limit_kmh, LimitSource.ENTERPRISE
    vehicle = facts.vehicle
    if vehicle is not None and vehicle.max_speed_kmh is not None and 0 < vehicle.max_speed_kmh < limit:
        limit, source = vehicle.max_speed_kmh, LimitSource.VEHICLE
    limit_dkmh = round(limit * 10)
    night_dkmh = limit_dkmh * settings.night_percent.get(facts.vehicle_class, 100) // 100

    def threshold(value_dkmh: int) -> int:
        return int(value_dkmh + settings.tolerance_kmh * 10 + value_dkmh * settings.tolerance_percent / 100)

    return (
        limit_dkmh,
        night_dkmh,
        threshold(limit_dkmh),
        threshold(night_dkmh),
        -(-limit_dkmh * (100 + settings.serious_percent) // 100),
        round(settings.hold_s * 1000),
        round(settings.serious_hold_s * 1000),
        round(settings.noise_peak_kmh * 10),
        round(settings.noise_agree_kmh * 10),
        int(source),
        int(settings.enabled),
    )


@compiled
def grade_of(peak_dkmh: int, limit_dkmh: int) -> int:
    """S4, road unknown or not an expressway: <10 % notice, <20 % general, <50 % major, else serious."""
    excess = (peak_dkmh - limit_dkmh) * 100
    if excess < 10 * limit_dkmh:
        return _NOTICE
    if excess < 20 * limit_dkmh:
        return _GENERAL
    if excess < 50 * limit_dkmh:
        return _MAJOR
    return _SERIOUS


@compiled
def write_edge(state: np.void, params: np.void, x: np.void, out: np.void, code: int, edge: int) -> np.void:
    """An edge with the run's figures."""
    e = new_edge(out, x, code, 0, edge, state["onset_ms"])
    e["driver"] = state["driver"]
    e["peak"] = state["peak_dkmh"] / 10.0
    e["mean"] = state["sum_dkmh"] / (10.0 * state["n"])
    e["limit"] = state["peak_limit_dkmh"] / 10.0
    e["distance_m"] = state["distance_m"]
    e["start_lon"] = from_e7(state["start_lon_e7"])
    e["start_lat"] = from_e7(state["start_lat_e7"])
    e["end_lon"] = from_e7(state["end_lon_e7"])
    e["end_lat"] = from_e7(state["end_lat_e7"])
    e["n_reports"] = state["n"]
    e["grade"] = state["grade"]
    e["limit_source"] = params["source"]
    e["suspected_serious"] = state["suspected_serious"]
    e["night_only"] = 1 if state["peak_dkmh"] <= params["limit_dkmh"] else 0
    e["late"] = state["late"]
    return e


@compiled
def end_run(
    state: np.void,
    params: np.void,
    x: np.void,
    out: np.void,
    code: int,
    reason: int,
) -> None:
    """The run ended at its last report over."""
    if state["published"] == 1:
        e = write_edge(state, params, x, out, code, _CLEAR)
        e["end_ms"] = state["last_ms"]
        e["end_reason"] = reason
    state["onset_ms"] = 0
    state["published"] = 0


@compiled
def begin_run(state: np.void, x: np.void) -> None:
    """The first report over."""
    state["onset_ms"] = x["fix_ms"]
    state["last_ms"] = x["fix_ms"]
    state["serious_ms"] = 0
    state["sum_dkmh"] = 0
    state["distance_m"] = 0.0
    state["beyond_m"] = 0.0
    state["start_lon_e7"] = to_e7(x["lon_deg"])
    state["start_lat_e7"] = to_e7(x["lat_deg"])
    state["peak_dkmh"] = 0
    state["peak_limit_dkmh"] = 0
    state["n"] = 0
    state["n_agree"] = 0
    state["driver"] = x["driver"]
    state["published"] = 0
    state["grade"] = 0
    state["suspected_serious"] = 0
    state["late"] = 0


@folded
def step(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> None:
    """One accepted report."""
    speed = x["speed_dkmh"]
    running = state["onset_ms"] != 0
    night = x["night"] == 1
    threshold = params["night_threshold_dkmh"] if night else params["threshold_dkmh"]
    if not running and speed <= threshold:
        return
    if running:
        since = x["fix_ms"] - state["last_ms"]
        silent = x["clock_ms"] - x["previous_clock_ms"] > SILENCE_MS
        if silent or (since > MIN_STEP_MS and since > longest_step_ms(core)):
            broken = state["dipped"] == 0 and (silent or x["dt_ms"] == since)
            end_run(state, params, x, out, code, _DATA_ENDED if broken else _OVER)
            running = False
        else:
            state["beyond_m"] += x["distance_m"]
    if speed < 0 or speed > MAX_SPEED_DKMH:
        return
    if speed <= threshold:
        if running:
            state["dipped"] = 1
            state["serious_ms"] = 0
        return
    if params["enabled"] == 0:
        return
    if not running:
        begin_run(state, x)
    take_over(state, params, x, out, code, speed, night)


@compiled
def take_over(
    state: np.void,
    params: np.void,
    x: np.void,
    out: np.void,
    code: int,
    speed: int,
    night: bool,
) -> None:
    """Add a report over the limit to the run and publish what that changes.

    Once published, a speed that S6 does not believe counts as the peak so far.
    """
    state["n"] += 1
    state["last_ms"] = x["fix_ms"]
    state["distance_m"] += state["beyond_m"]
    state["beyond_m"] = 0.0
    state["end_lon_e7"] = to_e7(x["lon_deg"])
    state["end_lat_e7"] = to_e7(x["lat_deg"])
    state["dipped"] = 0
    if x["late"] == 1:
        state["late"] = 1
    if x["dt_ms"] > 0:
        implied = x["distance_m"] * 36_000.0 / x["dt_ms"]
        if abs(implied - speed) <= params["noise_agree_dkmh"]:
            state["n_agree"] += 1
    if state["published"] == 1 and speed > params["noise_peak_dkmh"] and state["n_agree"] < 3:
        speed = min(speed, int(state["peak_dkmh"]))
    state["sum_dkmh"] += speed
    changed = False
    if speed > state["peak_dkmh"]:
        state["peak_dkmh"] = speed
        state["peak_limit_dkmh"] = params["night_dkmh"] if night else params["limit_dkmh"]
        grade = grade_of(speed, params["limit_dkmh"])
        if grade > state["grade"]:
            state["grade"] = grade
            changed = True
    if speed >= params["serious_dkmh"]:
        if state["serious_ms"] == 0:
            state["serious_ms"] = x["fix_ms"]
        if state["suspected_serious"] == 0 and x["fix_ms"] - state["serious_ms"] >= params["serious_hold_ms"]:
            state["suspected_serious"] = 1
            changed = True
    else:
        state["serious_ms"] = 0
    if state["published"] == 0:
        believed = state["peak_dkmh"] <= params["noise_peak_dkmh"] or state["n_agree"] >= 3
        if believed and state["n"] >= 2 and state["last_ms"] - state["onset_ms"] > params["hold_ms"]:
            state["published"] = 1
            write_edge(state, params, x, out, code, _ONSET)
    elif changed:
        write_edge(state, params, x, out, code, _UPDATE)


@compiled
def advance(
    state: np.void,
    params: np.void,
    core: np.void,
    x: np.void,
    out: np.void,
    code: int,
) -> int:
    """Silence closes a run at its last report over; at the very end a run that dipped is over."""
    if state["onset_ms"] == 0:
        return NEVER_MS
    due = core["clock_ms"] + SILENCE_MS
    if x["clock_ms"] > due and (x["settled"] == 0 or x["final"] == 1):
        now = x["clock_ms"]
        x["clock_ms"] = due
        end_run(state, params, x, out, code, _OVER if state["dipped"] == 1 else _DATA_ENDED)
        x["clock_ms"] = now
        return NEVER_MS
    if x["final"] == 1:
        if state["dipped"] == 1:
            end_run(state, params, x, out, code, _OVER)
            return NEVER_MS
        if state["published"] == 1:
            write_edge(state, params, x, out, code, _UPDATE)
    return int(due)


RULE = Rule(
    name="speeding",
    title_zh="超速",
    title_en="Speeding",
    unit="km/h",
    settings=SpeedingSettings,
    params=PARAMS,
    fill=fill,
    state=STATE,
    step=step,
    advance=advance,
    page=__doc__,
)
