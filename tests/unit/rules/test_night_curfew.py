"""Night curfew at its boundaries: when it is raised live, whom it binds, which settings are refused."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from monitor.app.pipeline import Pipeline, StepResult
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.rule import VehicleFacts
from monitor.errors import ConfigError
from monitor.model.alarm import EndReason, Grade, Transition
from monitor.model.beijing import parse_iso
from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from monitor.rules.night_curfew import RULE, STATE
from tests.traces import START_MS, batch_of

RULES = load_rules()
NIGHT_MS = parse_iso("2026-03-03T02:00:00+08:00")
NIGHT_S = (NIGHT_MS - START_MS) / 1000


def coach(**fields: object) -> Vehicle:
    stated = {"vehicle_class": VehicleClass.LINE_COACH} | fields
    return Vehicle("V0", "甘G00000", PlateColor.YELLOW, enterprise_id="E1", **stated)  # type: ignore[arg-type]


def pipeline(*vehicles: Vehicle) -> Pipeline:
    made = Pipeline(Engine(RULES))
    made.engine.apply_registry(Registry(vehicles or (coach(),)))
    return made


def drive(from_s: float, to_s: float, speed_kmh: float = 60.0) -> JournalRecord:
    """Reports every 30 s, seconds after 02:00."""
    fix_s = np.arange(from_s, to_s + 1, 30.0) + NIGHT_S
    batch = batch_of(fix_s.tolist(), east_m=(fix_s * speed_kmh / 3.6).tolist(), speed_kmh=speed_kmh)
    judge(batch.rows, None)
    return JournalRecord(1, RecordType.REPORTS, 0, batch)


def tick(at_s: float) -> JournalRecord:
    return JournalRecord(2, RecordType.TICK, NIGHT_MS + round(at_s * 1000))


def said(step: StepResult) -> list[tuple[Transition, float, float | None]]:
    """Transition, moment (s after 02:00) and value of each change of an alarm of this rule."""
    return [
        (one.transition, (one.at_ms - NIGHT_MS) / 1000, one.alarm.peak)
        for one in step.changes
        if one.alarm.rule == "night_curfew"
    ]


def test_it_is_raised_with_the_report_that_takes_the_run_past_5_minutes() -> None:
    live = pipeline()
    assert said(live.take(drive(-3_600, 300))) == []
    assert said(live.take(drive(330, 330))) == [(Transition.RAISED, 330.0, 5.5)]
    assert said(live.take(drive(360, 1_800))) == []


def test_the_report_past_5_o_clock_clears_it_at_5_o_clock() -> None:
    live = pipeline()
    live.take(drive(9_000, 10_785))
    cleared = [one.alarm for one in live.take(drive(10_815, 10_815)).changes if one.alarm.rule == "night_curfew"]
    assert [(one.end_ms, one.end_reason, one.grade) for one in cleared] == [
        (NIGHT_MS + 10_800_000, EndReason.WINDOW_OVER, Grade.MAJOR)
    ]
    assert cleared[0].peak == 30.0


def test_silence_of_25_minutes_ends_it_and_carries_that_moment() -> None:
    live = pipeline()
    live.take(drive(600, 1_200))
    assert said(live.take(tick(1_200 + 1_500))) == []
    assert said(live.take(tick(1_200 + 4_000))) == [(Transition.CLEARED, 2_700.0, 10.0)]


def test_another_registry_row_in_force_lets_go_of_it() -> None:
    live = pipeline()
    live.take(drive(600, 1_200))
    live.engine.apply_registry(Registry((coach(curfew_exempt=True),)))
    assert [one[0] for one in said(live.take(drive(1_230, 1_230)))] == [Transition.CLEARED]
    assert said(live.take(drive(1_260, 3_600))) == []


@pytest.mark.parametrize(
    ("fields", "bound"),
    [
        pytest.param({}, True, id="a line coach"),
        pytest.param({"vehicle_class": VehicleClass.TOUR_COACH}, True, id="a tour coach"),
        pytest.param({"vehicle_class": VehicleClass.CHARTER_COACH}, True, id="a charter coach"),
        pytest.param({"vehicle_class": VehicleClass.HAZMAT}, False, id="hazmat"),
        pytest.param({"vehicle_class": VehicleClass.HEAVY_TRUCK}, False, id="a truck"),
        pytest.param({"curfew_exempt": True}, False, id="named exempt"),
        pytest.param({"line_km": 200.0}, False, id="a line of 200 km"),
        pytest.param({"line_km": 200.1}, True, id="a line of 200.1 km"),
        pytest.param({"line_km": 0.0}, True, id="a line of 0 km is one nobody has stated"),
        pytest.param({"relay_to": date(2026, 3, 2)}, True, id="a certificate that ended the day before"),
        pytest.param({"relay_to": date(2026, 3, 3)}, False, id="a certificate until that day"),
        pytest.param({"relay_from": date(2026, 3, 3)}, False, id="a certificate from that day"),
        pytest.param({"relay_from": date(2026, 3, 4)}, True, id="a certificate from the day after"),
        pytest.param({"valid_to": date(2026, 3, 3)}, True, id="a row in force until that day"),
    ],
)
def test_whom_it_binds(fields: dict[str, object], bound: bool) -> None:
    assert bool(said(pipeline(coach(**fields)).take(drive(600, 1_200)))) == bound


def test_the_certificate_is_the_one_of_the_registry_row_in_force_that_day() -> None:
    first = coach(relay_from=date(2026, 1, 1), valid_to=date(2026, 3, 2))
    second = coach(valid_from=date(2026, 3, 3))
    assert said(pipeline(first, second).take(drive(600, 1_200)))
    covered = coach(relay_from=date(2026, 1, 1), valid_from=date(2026, 3, 3))
    assert not said(pipeline(coach(valid_to=date(2026, 3, 2)), covered).take(drive(600, 1_200)))


def test_vehicles_that_differ_in_line_and_certificate_have_parameters_of_their_own() -> None:
    table = ParameterTable([RULE])
    stated = (coach(), coach(line_km=150.0), coach(relay_from=date(2026, 3, 1)), coach(relay_to=date(2026, 3, 9)))
    assert len({table.profile_of(vehicle) for vehicle in stated}) == len(stated)


def test_a_vehicle_that_is_not_bound_has_no_certificate_either() -> None:
    facts = [
        VehicleFacts(coach(vehicle_class=VehicleClass.HAZMAT, relay_from=first), registered=True)
        for first in (None, date(2026, 3, 1))
    ]
    assert len({RULE.fill(RULE.settings(), one) for one in facts}) == 1


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        pytest.param({"begin_s": 18_000, "end_s": 7_200}, "begin before", id="a window that ends before it begins"),
        pytest.param({"end_s": 86_400}, "82800", id="a window until midnight"),
        pytest.param({"classes": ("bus",)}, "bus", id="a class that does not exist"),
        pytest.param({"short_stop_s": 1_201}, "1200", id="a stop as long as a rest"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ParameterTable([RULE], RuleLayers(rules={"night_curfew": settings}))
    assert word in str(refused.value)


def test_it_keeps_few_bytes_per_vehicle() -> None:
    assert STATE.itemsize <= 72
