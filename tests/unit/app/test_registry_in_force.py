"""Plate, terminal, enterprise and class hold for a span: the registry in force at each report decides."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from monitor.app.replay import replay_batch
from monitor.model.beijing import parse_iso
from monitor.model.flaw import ReportFlag
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.report import ReportBatch, empty_rows

HANDED_OVER = Registry(
    (
        Vehicle("A", plate="甘G1", vehicle_class=VehicleClass.HAZMAT, terminal_phone="138", valid_to=date(2026, 3, 9)),
        Vehicle("A", plate="甘G2", vehicle_class=VehicleClass.HEAVY_TRUCK, valid_from=date(2026, 3, 10)),
        Vehicle("B", vehicle_class=VehicleClass.LINE_COACH, terminal_phone="138", valid_from=date(2026, 3, 10)),
    ),
    1,
)


def driving(day: str, speed_kmh: float) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    rows = empty_rows(6)
    rows["fix_ms"] = parse_iso(f"{day}T10:00:00+08:00") + np.arange(6) * 20_000
    rows["speed_dkmh"] = round(speed_kmh * 10)
    rows["lon_deg"] = 100.0
    rows["lat_deg"] = 39.0 + np.arange(6) * 0.005
    rows["flags"] = int(ReportFlag.POSITIONED)
    rows["key"] = 0
    return rows


@pytest.mark.parametrize("as_received", [False, True])
def test_a_terminal_handed_over_reports_for_the_vehicle_that_had_it(as_received: bool) -> None:
    rows = np.concatenate([driving("2026-03-02", 95.0), driving("2026-03-12", 105.0)])
    answer = replay_batch(ReportBatch(("terminal:138",), rows), HANDED_OVER, as_received=as_received)
    found = [
        (alarm.vehicle_id, alarm.plate, alarm.vehicle_class) for alarm in answer.alarms if alarm.rule == "speeding"
    ]
    assert found == [("A", "甘G1", "hazmat"), ("B", "", "line_coach")]


@pytest.mark.parametrize("as_received", [False, True])
def test_a_new_class_brings_its_limit_from_its_first_day(as_received: bool) -> None:
    rows = np.concatenate([driving(f"2026-03-{day:02d}", 95.0) for day in (8, 9, 10, 11)])
    answer = replay_batch(ReportBatch(("A",), rows), HANDED_OVER, as_received=as_received)
    found = [alarm.onset_ms for alarm in answer.alarms if alarm.rule == "speeding"]
    assert found == [parse_iso("2026-03-08T10:00:00+08:00"), parse_iso("2026-03-09T10:00:00+08:00")]


def test_a_vehicle_is_not_due_before_the_registry_knows_it() -> None:
    rows = np.concatenate([driving("2026-03-02", 50.0), driving("2026-03-16", 50.0)])
    answer = replay_batch(ReportBatch(("A",), rows), HANDED_OVER)
    assert [alarm.vehicle_id for alarm in answer.alarms if alarm.rule == "never_online"] == []
