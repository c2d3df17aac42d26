"""Plates: one spelling, and a vehicle found by plate and colour."""

from __future__ import annotations

from datetime import date

import pytest

from monitor.engine.fleet_state import FleetState
from monitor.engine.parameters import ParameterTable
from monitor.model.beijing import day_number
from monitor.model.fleet import PlateColor, Registry, Vehicle
from monitor.model.plate import CODE_OF_COLOR, color_of_code, folded_plate
from monitor.model.report import plate_key
from monitor.rules import load_rules

YELLOW = Vehicle("V1", plate="甘G12345", plate_color=PlateColor.YELLOW)
BLUE = Vehicle("V2", plate="甘G12345", plate_color=PlateColor.BLUE)
ALONE = Vehicle("V3", plate="甘G00001", plate_color=PlateColor.GREEN)


@pytest.mark.parametrize("text", ["甘ｇ·12345", "甘G-12345", " 甘g12345\x00"])
def test_a_plate_has_one_spelling(text: str) -> None:
    assert folded_plate(text) == "甘G12345"


def test_a_colour_survives_the_way_over_its_code() -> None:
    assert all(color_of_code(code) is color for color, code in CODE_OF_COLOR.items())


def test_the_same_plate_in_two_colours_is_two_vehicles() -> None:
    registry = Registry((YELLOW, BLUE))
    assert registry.by_plate("yellow", "甘G12345") is YELLOW
    assert registry.by_plate("blue", "甘G12345") is BLUE
    assert registry.by_plate("green", "甘G12345") is None


def test_a_plate_of_one_colour_is_found_by_a_mistaken_colour() -> None:
    assert Registry((YELLOW, ALONE)).by_plate("yellow_green", "甘G00001") is ALONE


def test_a_plate_that_moves_to_another_vehicle_means_the_one_of_the_day() -> None:
    before = Vehicle("V1", plate="甘G1", plate_color=PlateColor.YELLOW, valid_to=date(2026, 3, 1))
    after = Vehicle("V2", plate="甘G1", plate_color=PlateColor.YELLOW, valid_from=date(2026, 3, 2))
    registry = Registry((before, after))
    assert registry.by_plate("yellow", "甘G1", day_number(date(2026, 3, 1))) is before
    assert registry.by_plate("yellow", "甘G1", day_number(date(2026, 3, 2))) is after
    assert day_number(date(2026, 3, 2)) in registry.change_days()


def test_reports_by_plate_reach_the_row_of_their_vehicle() -> None:
    rules = load_rules()
    fleet = FleetState(rules, ParameterTable(rules))
    fleet.apply_registry(Registry((YELLOW, ALONE)))
    by_id, by_plate = fleet.rows_of(("V3", plate_key("green", "甘G00001")))
    assert by_id == by_plate
    (unknown,) = fleet.rows_of((plate_key("blue", "甘A1"),))
    assert fleet.keys[unknown] == "plate:blue:甘A1"
