"""Permits against the registry and the days driven: what is found, and what is in order."""

from __future__ import annotations

import json
from datetime import date

import numpy as np
import pytest

from monitor.model.beijing import day_number
from monitor.model.day import VEHICLE_DAY
from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass
from monitor.model.permit import parse_permits
from monitor.supervision.permit_review import review_permits

FIRST = day_number(date(2026, 5, 1))
TRUCK = Vehicle(
    "T1", "甘G00001", PlateColor.YELLOW, VehicleClass.HEAVY_TRUCK, "E1", gross_mass_kg=49_000, max_speed_kmh=None
)
COACH = Vehicle("C1", "甘G00002", PlateColor.YELLOW, VehicleClass.CHARTER_COACH, "E2")
# About 100 km to the east.
ROUTE = {"type": "LineString", "coordinates": [[100.0, 39.0], [101.157, 39.0]]}


def permit(permit_id: str = "P1", geometry: object = ROUTE, **properties: object) -> dict[str, object]:
    stated = {"vehicle_id": "T1", "valid_from": "2026-05-02", "valid_to": "2026-05-03"} | properties
    return {"type": "Feature", "id": permit_id, "properties": stated, "geometry": geometry}


def found(permits: list[dict[str, object]], driven: dict[tuple[str, int], float]) -> list[tuple[str, str, str]]:
    """Kind, permit and day of each finding in the first ten days of May; ``driven``: km by vehicle and day of May."""
    payload = json.dumps({"type": "FeatureCollection", "features": permits}).encode()
    ids = ("T1", "C1")
    days = np.zeros(len(driven), VEHICLE_DAY)
    for row, ((vehicle_id, day), km) in zip(days, driven.items(), strict=True):
        row["row"], row["day"], row["mileage_m"] = ids.index(vehicle_id), FIRST + day - 1, km * 1000
    registry = Registry((TRUCK, COACH))
    findings = review_permits(parse_permits(payload, "test"), registry, ids, days, FIRST, FIRST + 9)
    return [(one.kind.value, one.permit_id, one.day) for one in findings]


def test_a_permit_that_fits_and_was_used_is_in_order() -> None:
    assert found([permit(mass_kg=49_000)], {("T1", 2): 30, ("T1", 3): 30}) == []


def test_a_permit_for_less_mass_than_registered_is_too_small() -> None:
    assert found([permit(mass_kg=48_999)], {("T1", 2): 60}) == [("small_permit", "P1", "2026-05-02")]


@pytest.mark.parametrize(
    ("driven", "expected"),
    [
        ({}, [("no_trip", "P1", "2026-05-02")]),
        ({("T1", 1): 400, ("T1", 4): 400}, [("no_trip", "P1", "2026-05-02")]),
        ({("T1", 2): 25, ("T1", 3): 24}, [("no_trip", "P1", "2026-05-02")]),
        ({("T1", 2): 26, ("T1", 3): 25}, []),
    ],
    ids=["never driven", "driven before and after", "less than half of the route", "half of the route"],
)
def test_a_permit_without_a_trip(driven: dict[tuple[str, int], float], expected: list[tuple[str, str, str]]) -> None:
    assert found([permit()], driven) == expected


def test_a_permit_that_still_holds_is_not_judged_by_its_trip() -> None:
    assert found([permit(valid_to="2026-05-20")], {}) == []


def test_a_charter_coach_on_a_day_without_a_trip_sheet() -> None:
    sheet = permit("S1", None, vehicle_id="C1", kind="charter", valid_from="2026-05-02", valid_to="2026-05-02")
    driven = {("C1", 2): 80.0, ("C1", 3): 80.0, ("C1", 4): 4.9}
    assert found([sheet], driven) == [("no_permit", "", "2026-05-03")]


def test_where_no_trip_sheets_are_kept_none_is_missing() -> None:
    assert found([permit()], {("T1", 2): 60, ("C1", 3): 80}) == []


def test_a_permit_for_another_class_or_for_nobody() -> None:
    other = permit("A", None, vehicle_id="C1", kind="hazmat")
    nobody = permit("B", None, vehicle_id="", plate="甘G99999", plate_color="yellow")
    driven = {("C1", 2): 9.0}
    assert found([other, nobody], driven) == [
        ("wrong_class", "A", "2026-05-02"),
        ("unknown_vehicle", "B", "2026-05-02"),
    ]


def test_a_plate_finds_its_vehicle() -> None:
    named = permit(vehicle_id="", plate="甘g·00001", plate_color="yellow", mass_kg=40_000)
    assert found([named], {("T1", 2): 60}) == [("small_permit", "P1", "2026-05-02")]
