"""The columnar 809 decoder: what peers really send, case by case."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.codec.jt809.cipher import Cipher
from monitor.codec.jt809.encode import encode_positions
from monitor.codec.jt809.frame import decode_frame
from monitor.codec.jt809.framing import MAX_SEGMENT, frame, split_frames
from monitor.codec.jt809.gnss import CarriedPosition, Position
from monitor.codec.jt809.header import HEADER_SIZE, Version
from monitor.codec.jt809.outcome import FRAME, FrameOutcome
from monitor.codec.jt809.positions import UpRealLocation
from monitor.codec.jt809.stream import PositionDecode, decode_position_stream
from monitor.errors import CodecError
from monitor.model.flaw import Flaw, ReportFlag
from tests.unit.codec.oracle_jt809 import assert_same_as_plain
from tests.unit.codec.samples import BASE, NOON_MS, location_row

OLD, NEW = Version.V2011, Version.V2019
PLATE = "甘A12345".encode("gb18030").ljust(21, b"\0") + b"\x02"
PLAIN = bytes.fromhex("00 0203 07ea 0c0000 05f5e100 025a1ca0 003c 003b 000004d2 005a 0578 00000003 00000000")
"""2011: noon of 2026-03-02, 100.0 E, 39.46 N, 60 km/h, recorder 59, 1234 km, heading 90, 1400 m."""


def carried(gnss: bytes = BASE, *, encrypt: int = 0, size: int | None = None, tail: bytes = bytes(45)) -> bytes:
    """A position of 2019; ``size`` overrides the length said."""
    return bytes([encrypt]) + (len(gnss) if size is None else size).to_bytes(4, "big") + gnss + tail


def several(*items: bytes, count: int | None = None) -> bytes:
    return bytes([len(items) if count is None else count]) + b"".join(items)


def wire(
    data: bytes,
    version: Version,
    *,
    sub_type: int = 0x1202,
    plate: bytes = PLATE,
    length: int | None = None,
    total: int | None = None,
    msg_id: int | None = None,
) -> bytes:
    """A frame; ``length`` and ``total`` override DATA_LENGTH and MSG_LENGTH."""
    body = plate + sub_type.to_bytes(2, "big") + (len(data) if length is None else length).to_bytes(4, "big") + data
    size = HEADER_SIZE[version] + len(body) + 4
    head = (size if total is None else total).to_bytes(4, "big") + (7).to_bytes(4, "big")
    head += (sub_type & 0xFF00 if msg_id is None else msg_id).to_bytes(2, "big") + (620_000).to_bytes(4, "big")
    head += b"\x01\x02\x0f\x00" + bytes(4) + (bytes(4) + (1_772_424_000).to_bytes(4, "big") if version is NEW else b"")
    return frame(head + body)


def only(decoded: PositionDecode) -> FrameOutcome:
    assert len(decoded.frames) == 1
    return FrameOutcome(decoded.frames[0]["outcome"])


@pytest.mark.parametrize(("version", "data"), [(OLD, PLAIN), (NEW, carried())], ids=["2011", "2019"])
def test_a_position_becomes_a_row(version: Version, data: bytes) -> None:
    decoded = assert_same_as_plain(wire(data, version), version)
    assert only(decoded) is FrameOutcome.DECODED
    assert decoded.batch.keys == ("plate:yellow:甘A12345",)
    (row,) = decoded.batch.rows
    assert (row["fix_ms"], row["lon_deg"], row["lat_deg"]) == (NOON_MS, 100.0, 39.46)
    assert (row["speed_dkmh"], row["heading_deg"], row["altitude_m"]) == (600, 90, 1_400)
    assert (row["mileage_m"], row["recorder_speed_dkmh"]) == ((1_234_000, 590) if version is OLD else (-1, -1))
    frame_row = decoded.frames[0]
    assert (frame_row["msg_id"], frame_row["sub_type"], frame_row["sn"]) == (0x1200, 0x1202, 7)
    assert frame_row["access_code"] == 620_000


CASES = [
    pytest.param(NEW, carried(BASE + b"\xff"), 0x1202, FrameOutcome.DECODED, 1, id="28 bytes and a stray one"),
    pytest.param(NEW, carried(PLAIN[1:]), 0x1202, FrameOutcome.DECODED, 1, id="35 bytes of 2011 inside of 2019"),
    pytest.param(NEW, carried(PLAIN), 0x1202, FrameOutcome.DECODED, 1, id="36 bytes of 2011 inside of 2019"),
    pytest.param(NEW, PLAIN, 0x1202, FrameOutcome.OTHER_LAYOUT, 1, id="2011 in a frame of 2019"),
    pytest.param(NEW, several(PLAIN, PLAIN), 0x1203, FrameOutcome.OTHER_LAYOUT, 2, id="several of 2011 in 2019"),
    pytest.param(NEW, carried(tail=b""), 0x1202, FrameOutcome.CONTENT_CUT, 1, id="without judgements"),
    pytest.param(NEW, carried(b""), 0x1202, FrameOutcome.NO_POSITION, 0, id="an empty 808 body"),
    pytest.param(NEW, carried(BASE + b"\x01\x09\0"), 0x1202, FrameOutcome.ITEMS_OVERRUN, 1, id="items overrun"),
    pytest.param(NEW, carried(size=9_999), 0x1202, FrameOutcome.BODY_TOO_SHORT, 0, id="a length past the end"),
    pytest.param(NEW, carried() + b"junk", 0x1202, FrameOutcome.TRAILING_BYTES, 1, id="junk behind, 2019"),
    pytest.param(OLD, PLAIN + b"\0\0", 0x1202, FrameOutcome.TRAILING_BYTES, 1, id="two bytes behind, 2011"),
    pytest.param(OLD, PLAIN[:35], 0x1202, FrameOutcome.BODY_TOO_SHORT, 0, id="a byte short"),
    pytest.param(OLD, several(PLAIN, PLAIN, count=3), 0x1203, FrameOutcome.COUNT_MISMATCH, 2, id="count too large"),
    pytest.param(OLD, several(PLAIN, PLAIN, count=1), 0x9203, FrameOutcome.TRAILING_BYTES, 1, id="count too small"),
    pytest.param(OLD, several(), 0x1203, FrameOutcome.NO_POSITION, 0, id="none of none"),
    pytest.param(OLD, several(count=2), 0x1203, FrameOutcome.BODY_TOO_SHORT, 0, id="none of two"),
    pytest.param(OLD, b"", 0x1203, FrameOutcome.BODY_TOO_SHORT, 0, id="no count"),
    pytest.param(OLD, PLAIN, 0x9202, FrameOutcome.DECODED, 1, id="exchanged by the upper platform"),
    pytest.param(OLD, PLAIN, 0x1201, FrameOutcome.OTHER_MESSAGE, 0, id="registration, for the plain decoder"),
    pytest.param(OLD, PLAIN, 0x1402, FrameOutcome.OTHER_MESSAGE, 0, id="an alarm, for the plain decoder"),
]


@pytest.mark.parametrize(("version", "data", "sub_type", "outcome", "rows"), CASES)
def test_what_peers_send(version: Version, data: bytes, sub_type: int, outcome: FrameOutcome, rows: int) -> None:
    decoded = assert_same_as_plain(wire(data, version, sub_type=sub_type), version)
    assert only(decoded) is outcome
    assert len(decoded.batch) == rows
    for row in decoded.batch.rows:
        assert (row["fix_ms"], row["lon_deg"], row["lat_deg"]) == (NOON_MS, 100.0, 39.46)
        assert bool(row["flags"] & ReportFlag.BACKFILL) is (sub_type & 0xFF == 3)


@pytest.mark.parametrize("wrong", [{"length": 90}, {"total": 91}], ids=["DATA_LENGTH", "MSG_LENGTH"])
def test_a_wrong_length_is_a_flaw_and_no_loss(wrong: dict[str, int]) -> None:
    decoded = assert_same_as_plain(wire(PLAIN, OLD, **wrong), OLD)  # type: ignore[arg-type]
    assert only(decoded) is FrameOutcome.LENGTH_MISMATCH
    assert decoded.batch.rows["flaws"].tolist() == [int(Flaw.LENGTH)]


def test_a_date_that_is_none_is_a_flaw() -> None:
    for bad in ("1f02 07ea", "0203 26ea", "0003 07ea", "0200 07ea", "020d 07ea", "1d02 07eb"):
        data = PLAIN[:1] + bytes.fromhex(bad) + PLAIN[5:]
        (row,) = assert_same_as_plain(wire(data, OLD), OLD).batch.rows
        assert (row["fix_ms"], row["flaws"]) == (0, int(Flaw.TIME)), bad
    leap = PLAIN[:1] + bytes.fromhex("1d02 07ec") + PLAIN[5:]
    assert assert_same_as_plain(wire(leap, OLD), OLD).batch.rows[0]["fix_ms"] > 0


def test_spellings_of_a_plate_are_one_vehicle_and_colours_are_not() -> None:
    def of(plate: bytes, color: int) -> bytes:
        return plate.ljust(21, b"\0")[:21] + bytes([color])

    stream = b"".join(
        wire(PLAIN, OLD, plate=plate)
        for plate in (
            of("甘A12345".encode("gb18030"), 2),
            of("甘a-12345".encode("gb18030"), 2),
            of("甘A12345".encode("gb18030") + b"\0junk", 2),
            of("甘A12345".encode("gb18030"), 91),
            of("甘A12345".encode("gb18030"), 94),
            of(b"", 0),
            of(b"\xc8\xff\x81", 1),
            of(b"A\n1", 1),
            of("超长车牌号码一二三四".encode("gb18030"), 77),
        )
    )
    decoded = assert_same_as_plain(stream, OLD)
    assert decoded.batch.rows["key"].tolist() == [0, 0, 0, 0, 1, 2, 3, 4, 5]
    assert decoded.batch.keys[:3] == ("plate:yellow:甘A12345", "plate:green:甘A12345", "plate:other:")


def test_shifted_coordinates_are_told_per_row() -> None:
    data = several(carried(encrypt=1), carried(), carried(encrypt=2))
    assert assert_same_as_plain(wire(data, NEW, sub_type=0x1203), NEW).shifted.tolist() == [True, False, False]


def test_reports_of_a_message_are_sorted_and_messages_are_not() -> None:
    def at(minute: int) -> bytes:
        return PLAIN[:6] + bytes([minute]) + PLAIN[7:]

    stream = wire(several(at(9), at(3), at(5)), OLD, sub_type=0x1203) + wire(at(1), OLD)
    decoded = assert_same_as_plain(stream, OLD)
    assert ((decoded.batch.rows["fix_ms"] - NOON_MS) // 60_000).tolist() == [3, 5, 9, 1]


def test_delimiters_lost_cost_one_frame() -> None:
    good = wire(PLAIN, OLD)
    stream = good + good[:-1] + good + b"noise" + good[1:] + good
    decoded = assert_same_as_plain(stream, OLD)
    outcomes = [FrameOutcome(value).reason for value in decoded.frames["outcome"]]
    assert outcomes == ["decoded", "truncated", "decoded", "no_start", "decoded"]


def test_frames_that_hold_a_lone_mark_are_proved_by_their_crc() -> None:
    sound = wire(PLAIN, OLD)
    lone = sound.replace(b"\x5a\x02", b"\x5a", 1)  # the length of every 0x1202 of 2011
    decoded = assert_same_as_plain(lone, OLD)
    assert only(decoded) is FrameOutcome.LONE_ESCAPE
    assert len(decoded.batch) == 1
    spoilt = lone[:-8] + bytes([lone[-8] ^ 1]) + lone[-7:]
    assert only(assert_same_as_plain(spoilt, OLD)) is FrameOutcome.BAD_ESCAPE


def test_the_rest_of_a_frame_is_kept_until_it_is_whole() -> None:
    good = wire(PLAIN, OLD)
    for cut in range(len(good)):
        first = decode_position_stream(good[:cut], version=OLD)
        assert (first.consumed, len(first.frames)) == (0, 0)
    decoded = decode_position_stream(good + good[:40], version=OLD)
    assert (decoded.consumed, len(decoded.frames)) == (len(good), 1)
    last = decode_position_stream(good[:40], version=OLD, final=True)
    assert FrameOutcome(last.frames[0]["outcome"]) is FrameOutcome.TRUNCATED


def test_junk_without_end_is_not_kept_for_ever() -> None:
    junk = b"\x5b" + b"x" * (MAX_SEGMENT + 10)
    decoded = decode_position_stream(junk, version=OLD)
    assert (len(decoded.frames), len(junk) - decoded.consumed) == (0, MAX_SEGMENT + 1)
    assert split_frames(junk)[1] == decoded.consumed
    rest = junk[decoded.consumed :]
    whole = assert_same_as_plain(rest + wire(PLAIN, OLD), OLD)
    assert whole.frames["outcome"].tolist() == [FrameOutcome.OVERSIZE, FrameOutcome.DECODED]


def test_encrypted_frames_need_their_parameters() -> None:
    cipher = Cipher(56_107_078, 37_382_110, 50_361_430)
    for version in Version:
        stream = encode_positions(
            location_row(), ("甘A12345",), (2,), version=version, access_code=1, first_sn=0, cipher=cipher, key=15_241
        )
        assert only(assert_same_as_plain(stream, version, cipher)) is FrameOutcome.DECODED
        assert only(assert_same_as_plain(stream, version)) is FrameOutcome.ENCRYPTED
    assert "56107078" not in repr(cipher)


def test_more_plates_than_the_first_table_holds() -> None:
    rows = location_row(n=10_000)
    rows["key"] = np.arange(10_000)
    plates = tuple(f"甘A{i:05d}" for i in range(10_000))
    stream = encode_positions(rows, plates, (1,) * 10_000, version=OLD, access_code=1, first_sn=0)
    decoded = decode_position_stream(stream + stream, version=OLD)
    assert decoded.batch.keys == tuple(f"plate:blue:{plate}" for plate in plates)
    assert decoded.batch.rows["key"].tolist() == [*range(10_000)] * 2


def test_backfill_goes_out_in_fives_per_vehicle_and_in_order() -> None:
    rows = location_row(n=14)
    rows["key"] = [1, 0] * 7
    rows["fix_ms"] = NOON_MS + np.arange(14)[::-1] * 1_000
    stream = encode_positions(
        rows, ("甘A1", "甘A2"), (1, 2), version=NEW, access_code=1, first_sn=5, backfill=True, down=True
    )
    decoded = assert_same_as_plain(stream, NEW)
    assert decoded.frames["sub_type"].tolist() == [0x9203] * 4
    assert decoded.frames["sn"].tolist() == [5, 6, 7, 8]
    assert decoded.frames["n_rows"].tolist() == [5, 2, 5, 2]
    assert decoded.batch.keys == ("plate:yellow:甘A2", "plate:blue:甘A1")
    for key in (0, 1):
        assert np.all(np.diff(decoded.batch.rows["fix_ms"][decoded.batch.rows["key"] == key]) > 0)


def test_alarms_judged_by_the_platform_ride_along() -> None:
    stream = encode_positions(
        location_row(),
        ("甘A1",),
        (2,),
        version=NEW,
        access_code=1,
        first_sn=0,
        platform_id="62000000001",
        platform_alarms=np.array([2]),
    )
    message = decode_frame(stream, NEW).message
    assert isinstance(message, UpRealLocation)
    assert isinstance(message.position, CarriedPosition)
    first, second, third = message.position.judgements
    assert (first.platform_id, first.alarm_flags) == ("62000000001", 2)
    assert (second.platform_id, third.alarm_flags) == ("", 0)


def test_what_the_wire_cannot_hold_is_refused_or_clamped() -> None:
    rows = location_row()
    for plates, colors, platform, reason in (
        (("车" * 11,), (2,), "", "too_long"),
        (("甘A1",), (300,), "", "out_of_range"),
        (("甘A1",), (2,), "123456789012", "too_long"),
    ):
        with pytest.raises(CodecError) as refused:
            encode_positions(rows, plates, colors, version=NEW, access_code=1, first_sn=0, platform_id=platform)
        assert refused.value.reason == reason
    rows["speed_dkmh"], rows["mileage_m"], rows["fix_ms"] = -1, -1, 0
    message = decode_frame(encode_positions(rows, ("甘A1",), (2,), version=OLD, access_code=1, first_sn=0), OLD).message
    assert isinstance(message, UpRealLocation)
    assert isinstance(message.position, Position)
    assert (message.position.speed_kmh, message.position.mileage_km, message.position.fix_ms) == (0, 0, 0)
    assert encode_positions(rows[:0], (), (), version=OLD, access_code=1, first_sn=0) == b""


def test_summaries_have_a_field_for_everything_a_quarantine_needs() -> None:
    assert {"start", "end", "msg_id", "sub_type", "sn", "outcome", "offset"} <= set(FRAME.names or ())
