"""Additional items by name and unit."""

from __future__ import annotations

import msgspec
import pytest

from monitor.codec.jt808.active_safety import Profile
from monitor.codec.jt808.additional import Additional, read_additional
from monitor.codec.jt808.items import Item

TIME = "260302120000"
PLACE = "32" + "0064" + "025a1ca0" + "05f5e100" + TIME + "0003"
SU_LABEL = "30303030303037" + TIME + "01" + "02" + "00"
YUE_LABEL = "303030303037".ljust(60, "0") + TIME + "01" + "02" + "0000"


def told(*items: tuple[int, str]) -> dict[str, object]:
    """What is known of items given in hex, without what is not there."""
    found = read_additional(Item(item_id, bytes.fromhex(value)) for item_id, value in items)
    nothing = Additional()
    values = {name: getattr(found, name) for name in found.__struct_fields__}
    return {name: value for name, value in values.items() if value != getattr(nothing, name)}


def plain(value: object) -> object:
    """As JSON has it."""
    return msgspec.json.decode(msgspec.json.encode(value))


@pytest.mark.parametrize(
    ("item_id", "value", "name", "meaning"),
    [
        pytest.param(0x01, "00003039", "mileage_km", 1234.5, id="mileage in tenths"),
        pytest.param(0x02, "0037", "fuel_l", 5.5, id="fuel in tenths"),
        pytest.param(0x02, "82ee", "fuel_percent", 75.0, id="fuel as a percentage"),
        pytest.param(0x03, "0256", "recorder_speed_kmh", 59.8, id="recorder speed"),
        pytest.param(0x04, "0001", "manual_confirmation_event", 1, id="event to confirm"),
        pytest.param(
            0x05, "37" * 2 + "ff" * 28, "tyre_pressure_raw", (0x37, 0x37, *[None] * 28), id="tyres, invalid ones"
        ),
        pytest.param(0x06, "0014", "carriage_temperature_c", 20, id="warm"),
        pytest.param(0x06, "8005", "carriage_temperature_c", -5, id="cold by sign and magnitude"),
        pytest.param(0x06, "fffb", "carriage_temperature_c", -5, id="cold by two's complement"),
        pytest.param(0x14, "00000005", "video_alarms", ("signal_lost", "storage_fault"), id="video alarms"),
        pytest.param(0x14, "00000000", "video_alarms", (), id="no video alarm is told too"),
        pytest.param(0x15, "0000000c", "video_signal_lost", (3, 4), id="channels count from 1"),
        pytest.param(0x16, "80000001", "video_occluded", (1, 32), id="channels occluded"),
        pytest.param(0x17, "1001", "storage_fault", (0, 12), id="main and backup storage"),
        pytest.param(0x25, "00000014", "vehicle_signals", ("right_turn", "brake"), id="signals by name"),
        pytest.param(0x25, "80000000", "vehicle_signals", ("bit_31",), id="a signal without name"),
        pytest.param(0x2A, "0003", "io_status", ("deep_sleep", "sleep"), id="sleep"),
        pytest.param(0x2B, "00010002", "analogue", (2, 1), id="the low word is the first input"),
        pytest.param(0x30, "1f", "signal_strength", 31, id="signal"),
        pytest.param(0x31, "0c", "satellites", 12, id="satellites"),
    ],
)
def test_an_item_has_a_name_and_a_unit(item_id: int, value: str, name: str, meaning: object) -> None:
    assert told((item_id, value)) == {name: meaning}
    assert told((item_id, value + "00")) == {}


def test_unknown_numbers_are_not_told() -> None:
    assert told((0x01, "ffffffff"), (0x02, "ffff"), (0x03, "ffff")) == {}
    assert told((0x01, "00000001"), (0x01, "00000002")) == {"mileage_km": 0.2}


def test_places_repeat() -> None:
    found = read_additional(
        Item(item_id, bytes.fromhex(value))
        for item_id, value in ((0x11, "00"), (0x11, "0400000009"), (0x12, "010000000900"), (0x12, "420000000a01"))
    )
    assert plain(found.speeding_detail) == [
        {"kind": "none", "area_id": None},
        {"kind": "route", "area_id": 9},
    ]
    assert plain(found.area_or_route) == [
        {"kind": "circle", "area_id": 9, "left": False},
        {"kind": "unknown", "area_id": 10, "left": True},
    ]
    found = read_additional([Item(0x13, bytes.fromhex("00000007012c01")), Item(0x18, b"\0\1\x58")])
    assert plain(found.segment_time) == [{"segment_id": 7, "driving_time_s": 300, "too_long": True}]
    assert plain(found.abnormal_driving) == {"behaviour": 1, "fatigue_level": 88}
    assert plain(read_additional([Item(0x18, b"\0\1")]).abnormal_driving) == {"behaviour": 1, "fatigue_level": None}


@pytest.mark.parametrize(("label", "profile"), [(SU_LABEL, Profile.SU), (YUE_LABEL, Profile.YUE)], ids=["苏标", "粤标"])
def test_active_safety_items_are_told_apart_by_their_length(label: str, profile: Profile) -> None:
    found = read_additional(
        Item(item_id, bytes.fromhex(value))
        for item_id, value in (
            (0x64, "00000001" + "010102" + "3c0a010203" + PLACE + label),
            (0x65, "00000002" + "010402" + "07" + "00" * 4 + PLACE + label),
            (0x66, "00000003" + "02" + PLACE + label + "01" + "0004" + "0002" + "00c8" + "ffec" + "0050"),
            (0x67, "00000004" + "0103" + PLACE + label),
        )
    )
    (front,), (driver,), (tyres,), (spot,) = found.adas, found.driver_state, found.tyre_monitor, found.blind_spot
    assert (front.profile, front.name, front.level, front.front_speed_kmh) == (profile, "forward_collision", 2, 60)
    assert driver.name == ("distraction" if profile is Profile.SU else "eyes_off_road")
    assert (spot.kind, spot.name) == (3, "right_rear")
    (tyre,) = tyres.tyres
    assert (tyre.position, tyre.alarms, tyre.pressure_kpa, tyre.temperature_c, tyre.battery_percent) == (
        4,
        2,
        200,
        -20,
        80,
    )
    for alarm in (front, driver, tyres, spot):
        assert (alarm.place.speed_kmh, alarm.place.lat_deg, alarm.place.altitude_m) == (50, 39.46, 100)
        assert (alarm.label.number, alarm.label.attachments) == (1, 2)
        assert alarm.label.terminal_id.endswith("7")


def test_a_tyre_takes_nine_or_ten_bytes_by_the_length_of_the_item() -> None:
    head = "00000003" + "02" + PLACE + SU_LABEL + "01"
    for position in ("04", "0004"):
        (tyres,) = read_additional([Item(0x66, bytes.fromhex(head + position + "0002" * 4))]).tyre_monitor
        assert tyres.tyres[0].position == 4


@pytest.mark.parametrize("item_id", [0x64, 0x65, 0x66, 0x67])
def test_a_vendor_that_uses_the_id_for_something_else_breaks_nothing(item_id: int) -> None:
    for size in (0, 1, 4, 40, 46, 48, 64, 72):
        assert told((item_id, "00" * size)) == {}
