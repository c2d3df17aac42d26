"""What ``monitor decode`` tells of 808 messages."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import msgspec
import pytest

from monitor.codec.jt808 import Version, encode_frames, number_parameter, text_parameter
from monitor.codec.jt808.described import DecodedFrame, describe
from monitor.codec.jt808.items import Item
from monitor.codec.jt808.messages import (
    Circle,
    ConfirmAlarm,
    DriverCard,
    Location,
    LocationBatch,
    MediaData,
    Message,
    Period,
    PlatformReply,
    Point,
    PositionReply,
    QueryParameters,
    Register,
    SetCircles,
    SetParameters,
    SpeedLimit,
    Text,
    TimeReply,
    Track,
    VehicleControlReply,
)
from monitor.codec.jt808.messages.frames import encode_body_frames
from monitor.model.beijing import BEIJING
from tests.unit.codec.samples import PHONE, message

NOON = datetime(2026, 3, 2, 12, tzinfo=BEIJING)
HERE = Location(status=3, lat_deg=39.46, lon_deg=100.0, speed_kmh=60.0, heading_deg=90, time=NOON)


def told(sent: Message, version: Version = Version.V2013) -> DecodedFrame:
    """The only frame of a message, described."""
    wire, _ = encode_frames(sent, phone=PHONE, version=version, serial=7)
    (frame,) = describe(wire)
    assert frame.error is None
    return frame


def body(sent: Message, version: Version = Version.V2013) -> dict[str, object]:
    """Its body as JSON has it."""
    plain: dict[str, object] = msgspec.to_builtins(told(sent, version).body)
    return plain


@pytest.mark.parametrize(
    ("sent", "version", "fields"),
    [
        pytest.param(
            PlatformReply(7, 0x0200, 4),
            Version.V2013,
            {"reply_serial": 7, "reply_id": "0x0200", "result": 4},
            id="a reply names the message it answers in hex",
        ),
        pytest.param(
            TimeReply(NOON),
            Version.V2019,
            {"time": "2026-03-02T12:00:00+08:00"},
            id="the only UTC time is told in Beijing time too",
        ),
        pytest.param(
            SetParameters((number_parameter(0x0055, 80), text_parameter(0x0083, "川A12345"))),
            Version.V2013,
            {
                "parameters": [
                    {"id": "0x0055", "value": 80, "name": "max_speed", "raw": "00000050", "unit": "km/h"},
                    {"id": "0x0083", "value": "川A12345", "name": "plate", "raw": "b4a8413132333435"},
                ]
            },
            id="parameters by name, value and unit",
        ),
        pytest.param(QueryParameters((0x55,)), Version.V2013, {"ids": ["0x0055"]}, id="parameter ids in hex"),
        pytest.param(
            ConfirmAlarm(9, 1 | 1 << 28),
            Version.V2013,
            {"alarm_serial": 9, "alarm_flags": 268435457, "alarm_bits": ["emergency", "illegal_displacement"]},
            id="alarm bits by name",
        ),
        pytest.param(
            Text(0b1101, 0, "超速"),
            Version.V2013,
            {"flags": 13, "kind": 0, "text": "超速", "flag_bits": ["urgent", "display", "speak"]},
            id="text flags of 2013",
        ),
        pytest.param(
            Text(0b1110, 1, "超速"),
            Version.V2019,
            {"flags": 14, "kind": 1, "text": "超速", "flag_bits": ["urgent", "display", "speak"]},
            id="text flags of 2019, where two bits are one number",
        ),
        pytest.param(Track(0), Version.V2013, {"interval_s": 0, "validity_s": 0}, id="tracking ended"),
        pytest.param(
            DriverCard(1, NOON, 0, "张三", "510100", "成都", date(2030, 1, 31), "5101"),
            Version.V2019,
            {
                "status": 1,
                "time": "2026-03-02T12:00:00+08:00",
                "result": 0,
                "name": "张三",
                "qualification": "510100",
                "issuer": "成都",
                "valid_to": "2030-01-31",
                "licence": "5101",
                "edition": 2019,
            },
            id="a driver's card",
        ),
    ],
)
def test_a_body_is_told_by_name(sent: Message, version: Version, fields: dict[str, object]) -> None:
    assert body(sent, version) == fields


def test_areas_are_told_with_their_bits_period_and_limit() -> None:
    speed = SpeedLimit(60, 10, 40)
    period = Period(NOON.time(), (NOON + timedelta(hours=2)).time())
    circle = Circle(1522, 0, Point(-33.5, 100.25), 200, period, speed, "厂区")
    assert body(SetCircles((circle,)), Version.V2019) == {
        "circles": [
            {
                "area_id": 1522,
                "attributes": 67,
                "center": {"lat_deg": -33.5, "lon_deg": 100.25},
                "radius_m": 200,
                "period": {"start": "12:00:00", "end": "14:00:00"},
                "speed": {"max_kmh": 60, "duration_s": 10, "night_kmh": 40},
                "name": "厂区",
                "attribute_bits": ["period", "speed_limit", "south"],
            }
        ],
        "setting": 0,
    }


def test_positions_name_their_bits_and_items_by_edition() -> None:
    items = (Item(0x01, bytes([0, 0, 0x30, 0x39])), Item(0x12, b"\1\0\0\0\x09\1"), Item(0x12, b"\4\0\0\0\x0a\0"))
    sent = Location(alarm_flags=1 << 20 | 1 << 15, status=1 << 22 | 3, time=NOON, items=items)
    old, new = body(sent), body(sent, Version.V2019)
    assert (old["alarm_bits"], new["alarm_bits"]) == (["area"], ["illegal_driving", "area"])
    assert (old["status_bits"], new["status_bits"]) == (["acc_on", "positioned"], ["acc_on", "positioned", "moving"])
    assert old["additional"] == {
        "mileage_km": 1234.5,
        "area_or_route": [
            {"kind": "circle", "area_id": 9, "left": True},
            {"kind": "route", "area_id": 10, "left": False},
        ],
    }


@pytest.mark.parametrize(
    "sent",
    [HERE, PositionReply(3, HERE), VehicleControlReply(3, HERE), MediaData(1, 0, 0, 0, 1, HERE, b"jpeg")],
    ids=lambda sent: type(sent).__name__,
)
def test_every_message_with_a_position_gives_a_report(sent: Message) -> None:
    (report,) = told(sent).reports
    assert (report.lat, report.lon, report.speed_kmh, report.fix_time) == (39.46, 100.0, 60.0, NOON.isoformat())
    assert (report.terminal_phone, report.backfill, report.acc_on) == ("13912345678", 0, True)


def test_the_edition_of_a_registration_is_that_of_its_body() -> None:
    sent = Register(51, 100, "70111", "M7", "0000007", 2, "川A12345")
    versions = [told(sent, version).version for version in Version]
    assert versions == [2011, 2013, 2019]


def test_a_long_message_is_told_at_its_last_packet() -> None:
    batch = LocationBatch(1, (HERE,) * 60)
    wire, used = encode_frames(batch, phone=PHONE, version=Version.V2019, serial=0xFFFF)
    frames = list(describe(wire))
    assert [frame.serial for frame in frames] == [0xFFFF, 0]
    assert (used, [len(frame.reports) for frame in frames]) == (2, [0, 60])
    wire, _ = encode_body_frames(
        0x8300, b"\x04" + b"a" * 30, phone=PHONE, version=Version.V2013, serial=1, packet_bytes=9
    )
    *_, last = describe(wire)
    assert msgspec.to_builtins(last.body)["text"] == "a" * 30


def test_a_packet_that_is_none_and_an_encrypted_body_stay_raw() -> None:
    (none,) = describe(message(0x0801, b"abc", part=(2, 3)))
    assert none.error is not None
    assert (none.error.reason, none.error.offset) == ("bad_part", 12)
    (secret,) = describe(message(0x0001, b"abc", bits=0x0400))
    assert secret.error is not None
    assert (secret.error.reason, msgspec.to_builtins(secret.body)) == ("encrypted", {"raw": "616263"})


def test_what_stands_behind_the_last_field_is_shown() -> None:
    (frame,) = describe(message(0x0002, b"\x64\x1f\x01"))
    assert (frame.error, msgspec.to_builtins(frame.body)) == (None, {"tail": "641f01"})
