"""Speeding 超速 (S1-S6).

A run of reports over the effective limit; it goes on from one report over to the next over a step of at most
max(60 s, 1.5 x the vehicle's own report interval), never more than 180 s. An alarm when it lasts more than 30 s and
has at least two reports; merging comes before the duration test. Over means over: at the limit is not speeding.

The effective limit is the lowest of the section's posted limit, the limit of a fence, the class cap (S2), the
enterprise's, the vehicle's and the permit's limit, times 0.8 at night for coaches (S3). It is judged report by report:
a run goes on over the border of a section or of the night. Of equal limits the first named is the source. On an
unknown road (道路未知: source ``class_cap`` and no section) hazmat has 80 km/h, on a known one other than an expressway
60. A limit that nobody has surveyed is no missing sign: caps by road class for unsigned roads are a setting, empty by
default. On a ferry nobody speeds.

Each report is graded against its limit without the night factor (S4): under 10 % notice, under 20 % general, from 20 %
serious on an expressway or urban expressway and major elsewhere, from 50 % serious. The alarm has the grade of its
gravest report; ``peak``, ``limit`` and ``limit_source`` are that report's: of the worst grade, and in it furthest over
in percent. On one limit that is the highest speed. Suspected serious (S5): at least 60 s of reports in a row, each 20 %
over on an expressway, 50 % on another road or over the limit of a place or permit, 20 % over the cap where the road is
unknown. Night-only: no report is over without the night factor.

A speed over 160 km/h is out of range and neither continues nor ends a run. Nor does a GNSS speed that two witnesses
contradict: the recorder's differs by more than 20 km/h, and the way since the last report agrees with the recorder's
and not with it. With ``speed_source = "recorder"`` the recorder's speed is judged wherever one is stated. A speed over
140 km/h, or one where a limit under 40 km/h is posted, needs three reports whose shown and implied speeds agree within
20 km/h (S6); until then it raises no alarm and makes one that lasts no graver.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from monitor.engine.edges import MAX_STEP_MS, MIN_STEP_MS, longest_step_ms, new_edge, section_mark
from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.model.alarm import EndReason, Grade, LimitSource
from monitor.model.beijing import NEVER_MS
from monitor.model.compiled import compiled, folded
from monitor.model.edge import EdgeType
from monitor.model.geo import from_e7, to_e7
from monitor.model.road import RoadClass, RoadFlag

SILENCE_MS = 780_000
"""Live, a run is closed after this silence: the longest step of a run and ten minutes for reports under way (D)."""
MAX_SPEED_DKMH = 1600
"""Q1: speed 0-160 km/h."""
NO_LIMIT_DKMH = 20_000
"""More than any limit."""

_ONSET = int(EdgeType.ONSET)
_UPDATE = int(EdgeType.UPDATE)
_CLEAR = int(EdgeType.CLEAR)
_OVER = int(EndReason.CONDITION_OVER)
_DATA_ENDED = int(EndReason.DATA_ENDED)
_NOTICE = int(Grade.NOTICE)
_GENERAL = int(Grade.GENERAL)
_MAJOR = int(Grade.MAJOR)
_SERIOUS = int(Grade.SERIOUS)
_SECTION = int(LimitSource.SECTION)
_FENCE = int(LimitSource.FENCE)
_CLASS_CAP = int(LimitSource.CLASS_CAP)
_ENTERPRISE = int(LimitSource.ENTERPRISE)
_VEHICLE = int(LimitSource.VEHICLE)
_PERMIT = int(LimitSource.PERMIT)
_UNKNOWN_ROAD = int(RoadClass.UNKNOWN)
_EXPRESSWAY = int(RoadClass.EXPRESSWAY)
_FIRST = int(RoadClass.FIRST)
_SECOND = int(RoadClass.SECOND)
_THIRD = int(RoadClass.THIRD)
_FOURTH = int(RoadClass.FOURTH)
_URBAN_EXPRESS = int(RoadClass.URBAN_EXPRESS)
_FERRY = int(RoadFlag.FERRY)


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
        description="S2 cap by vehicle class on expressways and where the road is unknown: regulation art. 78; "
        "hazmat measures art. 46 (L)",
    )
    other_road_cap_kmh: dict[str, float] = Field(
        default={"hazmat": 60.0},
        description="S2 cap by vehicle class on known roads that are no expressway; for classes not named it is that "
        "of cap_kmh: hazmat measures art. 46 (L)",
    )
    unsigned_cap_kmh: dict[str, float] = Field(
        default={},
        description="cap by road class where no limit of the section is known, e.g. third = 70, urban = 50 for one "
        "lane each way, 40 and 30 without a centre line: regulation art. 45 (L); empty, since not surveyed is not "
        "unsigned (D)",
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
    serious_expressway_percent: int = Field(
        default=20, gt=0, description="S5 expressway or urban expressway: excess over the limit (D from L bands)"
    )
    serious_other_road_percent: int = Field(
        default=50, gt=0, description="S5 another road: excess over the limit (D from L bands)"
    )
    serious_hold_s: float = Field(default=60.0, ge=0, description="S5: held at least this long (D)")
    noise_limit_kmh: float = Field(
        default=40.0, ge=0, description="S6: where a lower limit is posted, agreeing reports are needed (V)"
    )
    noise_peak_kmh: float = Field(default=140.0, gt=0, description="S6: a higher peak needs agreeing reports (V)")
    noise_agree_kmh: float = Field(default=20.0, gt=0, description="S6: shown against implied speed (D)")
    speed_source: Literal["gnss", "recorder"] = Field(
        default="gnss", description="which stated speed is judged; recorder: where one is stated, else GNSS (D)"
    )
    recorder_apart_kmh: float = Field(
        default=20.0,
        gt=0,
        description="GNSS speed is left out where it is further than this from recorder and implied speed, and these "
        "two are not (D)",
    )

    @field_validator("unsigned_cap_kmh")
    @classmethod
    def _known(cls, caps: dict[str, float]) -> dict[str, float]:
        known = [road_class.word for road_class in RoadClass if road_class is not RoadClass.UNKNOWN]
        unknown = [name for name in caps if name not in known]
        if unknown:
            raise ValueError(f"no such road class: {', '.join(unknown)}; known are {', '.join(known)}")
        return caps


PARAMS = np.dtype(
    [
        ("cap_dkmh", np.int64),  # road unknown, and expressways whose limit is known
        ("other_cap_dkmh", np.int64),  # other roads whose limit is known
        ("expressway_dkmh", np.int64),  # from here: roads whose limit is not known
        ("first_dkmh", np.int64),
        ("second_dkmh", np.int64),
        ("third_dkmh", np.int64),
        ("fourth_dkmh", np.int64),
        ("urban_express_dkmh", np.int64),
        ("urban_dkmh", np.int64),
        ("enterprise_dkmh", np.int64),
        ("vehicle_dkmh", np.int64),
        ("night_percent", np.int64),
        ("tolerance_dkmh", np.float64),
        ("tolerance_percent", np.float64),
        ("threshold_dkmh", np.int64),  # road unknown, no fence, no permit
        ("night_threshold_dkmh", np.int64),
        ("serious_percent", np.int64),
        ("serious_expressway_percent", np.int64),
        ("serious_other_road_percent", np.int64),
        ("hold_ms", np.int64),
        ("serious_hold_ms", np.int64),
        ("noise_limit_dkmh", np.int64),
        ("noise_peak_dkmh", np.int64),
        ("noise_agree_dkmh", np.int64),
        ("recorder_apart_dkmh", np.int64),
        ("by_recorder", np.int64),
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
        ("start_section", np.int32),  # as edges carry it
        ("end_section", np.int32),
        ("limit_from", np.int32),  # position of the fence or permit that the gravest report's limit comes from
        ("sum_dkmh", np.int32),
        ("n", np.int32),
        ("n_agree", np.int32),
        ("driver", np.int32),
        ("peak_dkmh", np.int16),  # of the gravest report, as the three below
        ("peak_day_dkmh", np.int16),  # its limit without the night factor
        ("peak_limit_dkmh", np.int16),
        ("source", np.int8),
        ("grade", np.int8),
        ("published", np.int8),
        ("suspected_serious", np.int8),
        ("dipped", np.int8),  # a report at or under the limit came after the last one over
        ("doubtful", np.int8),  # S6: some report counts only beside three that agree
        ("late", np.int8),
    ],
    align=True,
)


def fill(settings: RuleSettings, facts: VehicleFacts) -> tuple[Value, ...]:
    assert isinstance(settings, SpeedingSettings)
    vehicle = facts.vehicle
    cap_kmh = settings.cap_kmh.get(facts.vehicle_class, 120.0)
    other_cap_kmh = settings.other_road_cap_kmh.get(facts.vehicle_class, cap_kmh)
    unsigned = []
    for road_class in RoadClass:
        if road_class is not RoadClass.UNKNOWN:
            cap = cap_kmh if road_class is RoadClass.EXPRESSWAY else other_cap_kmh
            unsigned.append(_dkmh(min(cap, settings.unsigned_cap_kmh.get(road_class.word, cap))))
    vehicle_dkmh = NO_LIMIT_DKMH
    if vehicle is not None and vehicle.max_speed_kmh is not None and vehicle.max_speed_kmh > 0:
        vehicle_dkmh = _dkmh(vehicle.max_speed_kmh)
    enterprise_dkmh = NO_LIMIT_DKMH if settings.enterprise_limit_kmh is None else _dkmh(settings.enterprise_limit_kmh)
    night_percent = settings.night_percent.get(facts.vehicle_class, 100)
    limit_dkmh = min(_dkmh(cap_kmh), enterprise_dkmh, vehicle_dkmh)

    def threshold(value_dkmh: int) -> int:
        return int(value_dkmh + settings.tolerance_kmh * 10 + value_dkmh * settings.tolerance_percent / 100)

    return (
        _dkmh(cap_kmh),
        _dkmh(other_cap_kmh),
        *unsigned,
        enterprise_dkmh,
        vehicle_dkmh,
        night_percent,
        settings.tolerance_kmh * 10,
        settings.tolerance_percent,
        threshold(limit_dkmh),
        threshold(limit_dkmh * night_percent // 100),
        settings.serious_percent,
        settings.serious_expressway_percent,
        settings.serious_other_road_percent,
        round(settings.hold_s * 1000),
        round(settings.serious_hold_s * 1000),
        round(settings.noise_limit_kmh * 10),
        round(settings.noise_peak_kmh * 10),
        round(settings.noise_agree_kmh * 10),
        round(settings.recorder_apart_kmh * 10),
        int(settings.speed_source == "recorder"),
        int(settings.enabled),
    )


def _dkmh(limit_kmh: float) -> int:
    return min(round(limit_kmh * 10), NO_LIMIT_DKMH)


@compiled
def class_cap(params: np.void, x: np.void) -> int:
    """S2: the cap by class of vehicle and road."""
    road_class = x["road_class"]
    if x["section_limit_dkmh"] > 0:
        by_law = road_class in (_UNKNOWN_ROAD, _EXPRESSWAY)
        return int(params["cap_dkmh"] if by_law else params["other_cap_dkmh"])
    if road_class == _UNKNOWN_ROAD:
        return int(params["cap_dkmh"])
    if road_class == _EXPRESSWAY:
        return int(params["expressway_dkmh"])
    if road_class == _FIRST:
        return int(params["first_dkmh"])
    if road_class == _SECOND:
        return int(params["second_dkmh"])
    if road_class == _THIRD:
        return int(params["third_dkmh"])
    if road_class == _FOURTH:
        return int(params["fourth_dkmh"])
    if road_class == _URBAN_EXPRESS:
        return int(params["urban_express_dkmh"])
    return int(params["urban_dkmh"])


@compiled
def lowest_limit(params: np.void, x: np.void) -> tuple[int, int]:
    """Effective limit without the night factor, and where it comes from; of equal ones the first in this order."""
    limit = NO_LIMIT_DKMH
    source = 0
    if x["section_limit_dkmh"] > 0:
        limit, source = int(x["section_limit_dkmh"]), _SECTION
    if 0 < x["fence_limit_dkmh"] < limit:
        limit, source = int(x["fence_limit_dkmh"]), _FENCE
    cap = class_cap(params, x)
    if cap < limit:
        limit, source = cap, _CLASS_CAP
    if params["enterprise_dkmh"] < limit:
        limit, source = int(params["enterprise_dkmh"]), _ENTERPRISE
    if params["vehicle_dkmh"] < limit:
        limit, source = int(params["vehicle_dkmh"]), _VEHICLE
    if 0 < x["permit_limit_dkmh"] < limit:
        limit, source = int(x["permit_limit_dkmh"]), _PERMIT
    return limit, source


@compiled
def at_this_hour(params: np.void, x: np.void, limit_dkmh: int) -> int:
    """S3: the limit with the night factor."""
    return int(limit_dkmh * params["night_percent"] // 100 if x["night"] == 1 else limit_dkmh)


@compiled
def threshold_here(params: np.void, x: np.void) -> int:
    """What a speed must be over on a known road, in a fence with a limit or under a permit with one."""
    if x["road_flags"] & _FERRY != 0:
        return MAX_SPEED_DKMH
    limit = at_this_hour(params, x, lowest_limit(params, x)[0])
    return int(limit + params["tolerance_dkmh"] + limit * params["tolerance_percent"] / 100.0)


@compiled
def is_contradicted(params: np.void, x: np.void, speed: int) -> bool:
    """Whether the recorder and the way driven agree on another speed."""
    recorder, apart = x["recorder_dkmh"], params["recorder_apart_dkmh"]
    if recorder < 0 or recorder > MAX_SPEED_DKMH or abs(recorder - speed) <= apart:
        return False
    if x["dt_ms"] <= 0 or x["dt_ms"] > MAX_STEP_MS:
        return False
    implied = x["distance_m"] * 36_000.0 / x["dt_ms"]
    return bool(abs(implied - recorder) <= apart and abs(implied - speed) > apart)


@compiled
def grade_of(speed_dkmh: int, limit_dkmh: int, expressway: bool) -> int:
    """S4: <10 % notice, <20 % general, <50 % major (on an expressway serious), else serious."""
    excess = (speed_dkmh - limit_dkmh) * 100
    if excess < 10 * limit_dkmh:
        return _NOTICE
    if excess < 20 * limit_dkmh:
        return _GENERAL
    if excess < 50 * limit_dkmh and not expressway:
        return _MAJOR
    return _SERIOUS


@compiled
def write_edge(state: np.void, x: np.void, out: np.void, code: int, edge: int) -> np.void:
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
    e["start_section"] = state["start_section"]
    e["end_section"] = state["end_section"]
    if state["source"] == _FENCE:
        e["fence"] = state["limit_from"] + 1
    elif state["source"] == _PERMIT:
        e["permit"] = state["limit_from"]
    e["n_reports"] = state["n"]
    e["grade"] = state["grade"]
    e["limit_source"] = state["source"]
    e["suspected_serious"] = state["suspected_serious"]
    e["night_only"] = 1 if state["peak_dkmh"] <= state["peak_day_dkmh"] else 0
    e["late"] = state["late"]
    return e


@compiled
def end_run(state: np.void, x: np.void, out: np.void, code: int, reason: int) -> None:
    """The run ended at its last report over."""
    if state["published"] == 1:
        e = write_edge(state, x, out, code, _CLEAR)
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
    state["start_section"] = section_mark(x)
    state["limit_from"] = 0
    state["peak_dkmh"] = 0
    state["peak_day_dkmh"] = 1
    state["peak_limit_dkmh"] = 0
    state["source"] = 0
    state["n"] = 0
    state["n_agree"] = 0
    state["driver"] = x["driver"]
    state["published"] = 0
    state["grade"] = 0
    state["suspected_serious"] = 0
    state["doubtful"] = 0
    state["late"] = 0


@folded
def step(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> None:
    """One accepted report."""
    speed = x["speed_dkmh"]
    if params["by_recorder"] == 1 and x["recorder_dkmh"] >= 0:
        speed = x["recorder_dkmh"]
    running = state["onset_ms"] != 0
    if x["section"] < 0 and x["fence_limit_dkmh"] == 0 and x["permit_limit_dkmh"] == 0:
        threshold = params["night_threshold_dkmh"] if x["night"] == 1 else params["threshold_dkmh"]
    else:
        threshold = threshold_here(params, x)
    if not running and speed <= threshold:
        return
    if running:
        since = x["fix_ms"] - state["last_ms"]
        silent = x["clock_ms"] - x["previous_clock_ms"] > SILENCE_MS
        if silent or (since > MIN_STEP_MS and since > longest_step_ms(core)):
            broken = state["dipped"] == 0 and (silent or x["dt_ms"] == since)
            end_run(state, x, out, code, _DATA_ENDED if broken else _OVER)
            running = False
        else:
            state["beyond_m"] += x["distance_m"]
    if speed < 0 or speed > MAX_SPEED_DKMH or is_contradicted(params, x, speed):
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
    take_over(state, params, x, out, code, speed)


@compiled
def take_over(state: np.void, params: np.void, x: np.void, out: np.void, code: int, speed: int) -> None:
    """Add a report over the limit to the run and publish what that changes.

    Once published, a report that S6 does not believe counts as the gravest so far.
    """
    state["n"] += 1
    state["last_ms"] = x["fix_ms"]
    state["distance_m"] += state["beyond_m"]
    state["beyond_m"] = 0.0
    state["end_lon_e7"] = to_e7(x["lon_deg"])
    state["end_lat_e7"] = to_e7(x["lat_deg"])
    state["end_section"] = section_mark(x)
    state["dipped"] = 0
    if x["late"] == 1:
        state["late"] = 1
    if x["dt_ms"] > 0:
        implied = x["distance_m"] * 36_000.0 / x["dt_ms"]
        if abs(implied - speed) <= params["noise_agree_dkmh"]:
            state["n_agree"] += 1
    low = params["noise_limit_dkmh"]
    if speed > params["noise_peak_dkmh"] or 0 < x["section_limit_dkmh"] < low or 0 < x["fence_limit_dkmh"] < low:
        if state["published"] == 1 and state["n_agree"] < 3:
            state["sum_dkmh"] += min(speed, int(state["peak_dkmh"]))
            return
        state["doubtful"] = 1
    state["sum_dkmh"] += speed
    changed = weigh(state, params, x, speed)
    if state["published"] == 0:
        believed = state["doubtful"] == 0 or state["n_agree"] >= 3
        if believed and state["n"] >= 2 and state["last_ms"] - state["onset_ms"] > params["hold_ms"]:
            state["published"] = 1
            write_edge(state, x, out, code, _ONSET)
    elif changed:
        write_edge(state, x, out, code, _UPDATE)


@compiled
def weigh(state: np.void, params: np.void, x: np.void, speed: int) -> bool:
    """How grave the run is with this report; whether that has changed what an alarm says."""
    limit, source = lowest_limit(params, x)
    expressway = x["road_class"] in (_EXPRESSWAY, _URBAN_EXPRESS)
    changed = False
    grade = grade_of(speed, limit, expressway)
    if grade > state["grade"] or (
        grade == state["grade"] and speed * np.int64(state["peak_day_dkmh"]) > limit * np.int64(state["peak_dkmh"])
    ):
        changed = grade > state["grade"]
        state["grade"] = grade
        state["peak_dkmh"] = speed
        state["peak_day_dkmh"] = limit
        state["peak_limit_dkmh"] = at_this_hour(params, x, limit)
        state["source"] = source
        state["limit_from"] = x["permit"] if source == _PERMIT else x["fence"]
    if expressway:
        percent = params["serious_expressway_percent"]
    elif x["road_class"] == _UNKNOWN_ROAD and source not in (_SECTION, _FENCE, _PERMIT):
        percent = params["serious_percent"]
    else:
        percent = params["serious_other_road_percent"]
    if speed * 100 < limit * (100 + percent):
        state["serious_ms"] = 0
        return changed
    if state["serious_ms"] == 0:
        state["serious_ms"] = x["fix_ms"]
    if state["suspected_serious"] == 0 and x["fix_ms"] - state["serious_ms"] >= params["serious_hold_ms"]:
        state["suspected_serious"] = 1
        changed = True
    return changed


@compiled
def advance(state: np.void, params: np.void, core: np.void, x: np.void, out: np.void, code: int) -> int:
    """Silence closes a run at its last report over; at the very end a run that dipped is over."""
    if state["onset_ms"] == 0:
        return NEVER_MS
    due = core["clock_ms"] + SILENCE_MS
    if x["clock_ms"] > due and (x["settled"] == 0 or x["final"] == 1):
        now = x["clock_ms"]
        x["clock_ms"] = due
        end_run(state, x, out, code, _OVER if state["dipped"] == 1 else _DATA_ENDED)
        x["clock_ms"] = now
        return NEVER_MS
    if x["final"] == 1:
        if state["dipped"] == 1:
            end_run(state, x, out, code, _OVER)
            return NEVER_MS
        if state["published"] == 1:
            write_edge(state, x, out, code, _UPDATE)
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
    hot=("onset_ms",),
    step=step,
    advance=advance,
    page=__doc__,
)
