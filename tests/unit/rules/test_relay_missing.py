"""Relay hand-over: what no single track shows – maps that come and go, settings, the bit it shares with fences."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest

from monitor.app.map_layers import ground_of, maps_of
from monitor.app.pipeline import Pipeline
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.errors import ConfigError
from monitor.model.alarm import Alarm, Certainty, Grade
from monitor.model.beijing import parse_iso
from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.map_set import EMPTY_MAP, NO_MAPS, MapLayer
from monitor.quality.judgement import judge
from monitor.rules import load_rules
from monitor.rules.relay_missing import RULE, STATE
from tests.traces import LAT_DEG, ORIGIN_LON_DEG, START_MS, batch_of

RULES = load_rules()
MIDNIGHT_S = (parse_iso("2026-03-03T00:00:00+08:00") - START_MS) / 1000
COACH = Vehicle(
    "V0", "甘G00000", PlateColor.YELLOW, VehicleClass.LINE_COACH, "E1", relay_from=date(2026, 3, 1), line_km=310.0
)


def far_point() -> bytes:
    """A relay point that nobody comes to."""
    west, south = ORIGIN_LON_DEG - 1.0, LAT_DEG
    ring = [[west, south], [west + 0.01, south], [west + 0.01, south + 0.01], [west, south]]
    feature = {
        "type": "Feature",
        "id": "R1",
        "properties": {"kind": "relay"},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }
    return json.dumps({"type": "FeatureCollection", "features": [feature]}).encode()


def pipeline(fences: bytes | None, *vehicles: Vehicle) -> Pipeline:
    made = Pipeline(Engine(RULES))
    made.engine.apply_registry(Registry(vehicles or (COACH,)))
    maps = maps_of({MapLayer.FENCES: fences}) if fences is not None else NO_MAPS
    made.engine.apply_maps(maps, ground_of(maps))
    return made


def drive(live: Pipeline, from_h: float, to_h: float) -> list[Alarm]:
    """Reports every 30 s at 60 km/h, hours after midnight; the rule's alarms that came of it."""
    fix_s = np.arange(from_h * 3600, to_h * 3600 + 1, 30.0) + MIDNIGHT_S
    batch = batch_of(fix_s.tolist(), east_m=(fix_s / 3.6 * 60 - 1_000_000).tolist(), speed_kmh=60.0)
    judge(batch.rows, None)
    step = live.take(JournalRecord(1, RecordType.REPORTS, 0, batch))
    return [one.alarm for one in step.changes if one.alarm.rule == RULE.name]


def test_without_any_relay_point_nothing_is_said() -> None:
    assert not drive(pipeline(None), -3, 3)
    assert not drive(pipeline(EMPTY_MAP), -3, 3)


def test_it_is_raised_with_the_report_that_takes_the_run_past_5_minutes() -> None:
    live = pipeline(far_point())
    assert not drive(live, -3, 2 + 300 / 3600)
    (raised,) = drive(live, 2 + 330 / 3600, 2 + 330 / 3600)
    assert (raised.peak, raised.grade, raised.certainty) == (5.5, Grade.GENERAL, Certainty.CERTAIN)


def test_points_that_come_into_force_in_the_course_of_the_evening_judge_the_next_night() -> None:
    live = pipeline(None)
    drive(live, -3, 1)
    live.take(JournalRecord(2, RecordType.FENCES, 0, payload=far_point()))
    assert not drive(live, 1 + 30 / 3600, 3)
    assert drive(live, 21, 27)


def test_points_that_are_taken_away_let_go_of_it() -> None:
    live = pipeline(far_point())
    drive(live, -3, 2.5)
    live.take(JournalRecord(2, RecordType.FENCES, 0, payload=EMPTY_MAP))
    (cleared,) = drive(live, 2.5 + 30 / 3600, 3)
    assert cleared.end_ms == parse_iso("2026-03-03T02:30:00+08:00")


def test_a_certificate_of_another_registry_row_of_that_day_counts() -> None:
    before = Vehicle("V0", vehicle_class=VehicleClass.LINE_COACH, enterprise_id="E1", valid_to=date(2026, 3, 2))
    after = Vehicle(
        "V0",
        vehicle_class=VehicleClass.LINE_COACH,
        enterprise_id="E1",
        relay_from=date(2026, 3, 1),
        valid_from=date(2026, 3, 3),
    )
    raised, *_ = drive(pipeline(far_point(), before, after), -3, 3)
    assert raised.certainty is Certainty.SUSPECTED  # before midnight nobody had to look


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        pytest.param({"hand_over_end_s": 7_201}, "must be over", id="a hand-over inside the window"),
        pytest.param({"hand_over_begin_s": 86_400}, "86400", id="a hand-over from midnight"),
        pytest.param({"stop_s": 0}, "greater than 0", id="no stop at all"),
        pytest.param({"classes": ("bus",)}, "bus", id="a class that does not exist"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ParameterTable([RULE], RuleLayers(rules={"relay_missing": settings}))
    assert word in str(refused.value)


def test_it_keeps_few_bytes_per_vehicle() -> None:
    assert STATE.itemsize <= 88
