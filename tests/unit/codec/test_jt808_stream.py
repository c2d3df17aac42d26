"""Framing, outcomes and columns of the compiled 808 decoder."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.codec.jt808 import stream
from monitor.codec.jt808.framing import MAX_SEGMENT, escape, frame, unescape
from monitor.codec.jt808.outcome import FrameOutcome
from monitor.codec.jt808.reassembly import Reassembler
from monitor.codec.jt808.stream import decode_location_stream
from monitor.errors import CodecError
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import terminal_key
from tests.unit.codec.oracle import assert_same_as_plain
from tests.unit.codec.samples import BASE, NOON_MS, PHONE_FIELD, at_minute, batch_body, message

GOOD = message(0x0200, BASE)


def outcomes(buffer: bytes, *, final: bool = False) -> list[str]:
    decoded = decode_location_stream(buffer, final=final)
    return [FrameOutcome(value).reason for value in decoded.frames["outcome"]]


def test_a_position_report_becomes_one_row_of_columns() -> None:
    decoded = decode_location_stream(message(0x0200, BASE + bytes.fromhex("010400003039 03020256")), recv_ms=99)
    assert decoded.batch.keys == ("terminal:13912345678",)
    row = decoded.batch.rows[0]
    assert (row["fix_ms"], row["recv_ms"]) == (NOON_MS, 99)
    assert (row["lon_deg"], row["lat_deg"]) == (100.0, 39.46)
    assert (row["speed_dkmh"], row["recorder_speed_dkmh"]) == (600, 598)
    assert (row["mileage_m"], row["altitude_m"], row["heading_deg"]) == (1_234_500, 1_400, 90)
    assert (row["status"], row["alarm_flags"], row["driver"], row["source"]) == (3, 0, -1, -1)
    assert row["flags"] == ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON | ReportFlag.POSITIONED
    assert row["flaws"] == 0


@pytest.mark.parametrize(
    ("status", "lat", "lon", "flags"),
    [
        pytest.param(0b0000, 39.46, 100.0, ReportFlag.ACC_KNOWN, id="parked, ACC off, not positioned"),
        pytest.param(0b0110, -39.46, 100.0, ReportFlag.ACC_KNOWN | ReportFlag.POSITIONED, id="southern hemisphere"),
        pytest.param(0b1010, 39.46, -100.0, ReportFlag.ACC_KNOWN | ReportFlag.POSITIONED, id="western hemisphere"),
    ],
)
def test_the_status_word_gives_hemispheres_and_flags(status: int, lat: float, lon: float, flags: ReportFlag) -> None:
    row = decode_location_stream(message(0x0200, BASE[:4] + status.to_bytes(4, "big") + BASE[8:])).batch.rows[0]
    assert (row["lat_deg"], row["lon_deg"], row["flags"]) == (lat, lon, flags)


def test_altitude_above_8000_hex_is_below_sea_level() -> None:
    row = decode_location_stream(message(0x0200, BASE[:16] + b"\xff\x9c" + BASE[18:])).batch.rows[0]
    assert row["altitude_m"] == -100


@pytest.mark.parametrize(
    ("field", "valid"),
    [
        pytest.param("000000000000", False, id="all zeros, no fix yet"),
        pytest.param("260229120000", False, id="29 February of a common year"),
        pytest.param("280229120000", True, id="29 February of a leap year"),
        pytest.param("260431120000", False, id="31 April"),
        pytest.param("261301120000", False, id="month 13"),
        pytest.param("260301240000", False, id="hour 24"),
        pytest.param("260301126000", False, id="minute 60"),
        pytest.param("26030112000a", False, id="a nibble that is no digit"),
        pytest.param("2603011200a0", False, id="a high nibble that is no digit"),
        pytest.param("991231235959", True, id="last second of 2099"),
        pytest.param("000101000000", True, id="first second of 2000"),
    ],
)
def test_a_time_that_is_none_is_flagged(field: str, valid: bool) -> None:
    decoded = assert_same_as_plain(message(0x0200, BASE[:22] + bytes.fromhex(field)))
    row = decoded.batch.rows[0]
    assert bool(row["flaws"] & Flaw.TIME) is not valid
    assert bool(row["fix_ms"] != 0) is valid


def test_the_check_byte_may_need_the_escape() -> None:
    # A real frame: the XOR of the message is 7D.
    assert outcomes(bytes.fromhex("7e000200009782900021470 29e7d017e".replace(" ", ""))) == ["other_message"]


def test_delimiters_may_be_adjacent_or_shared() -> None:
    assert outcomes(GOOD + GOOD) == ["decoded", "decoded"]
    assert outcomes(GOOD[:-1] + GOOD) == ["decoded", "decoded"]
    assert outcomes(b"\x7e\x7e\x7e" + GOOD + b"\x7e\x7e") == ["decoded"]


def test_a_lost_delimiter_costs_two_frames_and_no_more() -> None:
    # Two equal frames run together XOR to zero, so it is the declared length that tells.
    other = message(0x0200, at_minute(7), serial=2)
    assert outcomes(GOOD + GOOD[:-1] + other[1:] + GOOD) == ["decoded", "length_mismatch", "decoded"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(b"\x7e" + b"\x00" * (MAX_SEGMENT + 1) + b"\x7e", "oversize", id="junk longer than any frame"),
        pytest.param(GOOD[:20] + b"\x7d\x55" + GOOD[22:], "bad_escape", id="7D that escapes nothing"),
        pytest.param(b"\x7e" + b"\x01" * 12 + b"\x7e", "too_short", id="shorter than a header"),
        pytest.param(frame(bytes.fromhex("02006000") + b"\x01" * 10), "too_short", id="shorter than its own header"),
        pytest.param(GOOD[:15] + bytes([GOOD[15] ^ 1]) + GOOD[16:], "bad_checksum", id="one bit wrong"),
        pytest.param(message(0x0200, BASE, bits=0x0400), "encrypted", id="RSA bit set"),
        pytest.param(message(0x0200, BASE[:27]), "body_too_short", id="position without its last byte"),
        pytest.param(message(0x0704, b"\0\1"), "body_too_short", id="batch without its kind"),
        pytest.param(message(0x0704, batch_body()), "empty_batch", id="batch of nothing"),
        pytest.param(message(0x0704, batch_body(b"\0" * 27)), "empty_batch", id="batch of one short item"),
        pytest.param(message(0x0704, b"", part=(2, 3)), "bad_part", id="packet 3 of 2"),
        pytest.param(message(0x0704, b"", part=(2, 0)), "bad_part", id="packet 0"),
        pytest.param(message(0x0704, b"abc", part=(2, 1), length=9), "bad_part", id="packet of wrong length"),
    ],
)
def test_a_bad_frame_gives_its_reason_and_stops_no_other(bad: bytes, reason: str) -> None:
    decoded = assert_same_as_plain(GOOD + bad + GOOD)
    assert [FrameOutcome(value).reason for value in decoded.frames["outcome"]] == ["decoded", reason, "decoded"]
    assert len(decoded.batch) == 2
    assert FrameOutcome(decoded.frames["outcome"][1]).rejected


@pytest.mark.parametrize(
    ("remarked", "reason", "n", "flaw"),
    [
        pytest.param(message(0x0200, BASE, length=40), "length_mismatch", 1, Flaw.LENGTH, id="declared too long"),
        pytest.param(message(0x0200, BASE + b"\x01\x04\0"), "items_overrun", 1, Flaw.LENGTH, id="item past the end"),
        pytest.param(message(0x0200, BASE + b"\x01"), "items_overrun", 1, Flaw.LENGTH, id="item without length"),
        pytest.param(message(0x0704, batch_body(BASE, b"abc", BASE)), "bad_item", 2, Flaw(0), id="short batch item"),
        pytest.param(message(0x0704, batch_body(BASE, count=9)), "count_mismatch", 1, Flaw(0), id="too high"),
        pytest.param(message(0x0704, batch_body(BASE, BASE, count=1)), "count_mismatch", 2, Flaw(0), id="too low"),
        pytest.param(message(0x0704, batch_body(BASE) + b"\0\xffab"), "bad_item", 1, Flaw(0), id="item too long"),
        pytest.param(message(0x0704, batch_body(BASE) + b"\0"), "bad_item", 1, Flaw(0), id="one byte too many"),
    ],
)
def test_what_fits_is_decoded_and_remarked(remarked: bytes, reason: str, n: int, flaw: Flaw) -> None:
    decoded = assert_same_as_plain(remarked)
    outcome = FrameOutcome(decoded.frames["outcome"][0])
    assert (outcome.reason, outcome.remarked) == (reason, True)
    assert len(decoded.batch) == n
    assert all(decoded.batch.rows["flaws"] == flaw)


def test_zero_padding_after_the_items_is_no_flaw() -> None:
    decoded = assert_same_as_plain(message(0x0200, BASE + bytes.fromhex("010400003039") + b"\0" * 20))
    assert decoded.frames["outcome"][0] == FrameOutcome.DECODED
    assert decoded.batch.rows["mileage_m"][0] == 1_234_500


def test_items_of_unexpected_length_or_without_value_are_left_alone() -> None:
    for items in ("01020001 030400000001", "0104ffffffff 0302ffff"):
        row = decode_location_stream(message(0x0200, BASE + bytes.fromhex(items))).batch.rows[0]
        assert (row["mileage_m"], row["recorder_speed_dkmh"]) == (-1, -1)


def test_batch_items_are_sorted_by_fix_time_and_backfill_is_marked() -> None:
    body = batch_body(at_minute(30), at_minute(10), at_minute(20), kind=1)
    decoded = assert_same_as_plain(GOOD + message(0x0704, body) + GOOD)
    minutes = (decoded.batch.rows["fix_ms"] - NOON_MS) // 60_000
    assert minutes.tolist() == [0, 10, 20, 30, 0]
    backfill = decoded.batch.rows["flags"] & ReportFlag.BACKFILL != 0
    assert backfill.tolist() == [False, True, True, True, False]
    assert decoded.frames["first_row"].tolist() == [0, 1, 4]


def test_phones_are_interned_over_header_versions() -> None:
    old, new = PHONE_FIELD, b"\0\0\0\0" + PHONE_FIELD
    imei = bytes.fromhex("4f07788ef87d")
    wire = b"".join(message(0x0200, BASE, phone=phone) for phone in (old, imei, new, imei, bytes(6)))
    decoded = assert_same_as_plain(wire)
    assert decoded.batch.keys == ("terminal:13912345678", "terminal:4f07788ef87d", "terminal:0")
    assert decoded.batch.rows["key"].tolist() == [0, 1, 0, 1, 2]
    assert decoded.frames["version_bit"].tolist() == [0, 0, 1, 0, 0]


def test_twenty_digit_phones_keep_all_their_digits() -> None:
    decoded = assert_same_as_plain(message(0x0200, BASE, phone=bytes.fromhex("98765432109876543210")))
    assert decoded.batch.keys == ("terminal:98765432109876543210",)


def test_the_tail_is_left_for_the_next_read() -> None:
    decoded = decode_location_stream(GOOD + GOOD[:30])
    assert (len(decoded.batch), decoded.consumed) == (1, len(GOOD) + 1)
    assert decode_location_stream(GOOD).consumed == len(GOOD)


def test_a_final_tail_is_decoded_if_sound_and_truncated_if_not() -> None:
    assert outcomes(GOOD[:-1], final=True) == ["decoded"]
    assert outcomes(GOOD + GOOD[:30], final=True) == ["decoded", "truncated"]


def test_junk_without_end_is_not_kept_for_ever() -> None:
    buffer = b""
    for _ in range(50):
        buffer += b"\x01" * 1_000
        decoded = decode_location_stream(buffer)
        assert len(decoded.frames) == 0
        buffer = buffer[decoded.consumed :]
    assert len(buffer) == MAX_SEGMENT + 1
    assert outcomes(buffer + b"\x7e" + GOOD) == ["oversize", "decoded"]


def test_raw_bytes_of_a_frame_are_found_by_its_summary() -> None:
    buffer = memoryview(b"xx" + GOOD)[2:]
    summary = decode_location_stream(buffer).frames[0]
    assert b"\x7e" + bytes(buffer[summary["start"] : summary["end"]]) + b"\x7e" == GOOD


def packets(body: bytes, size: int, serial: int = 5) -> list[bytes]:
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    return [message(0x0704, piece, serial=serial + at, part=(len(pieces), at + 1)) for at, piece in enumerate(pieces)]


def test_a_sub_packaged_batch_is_put_together_where_its_last_packet_stands() -> None:
    body = batch_body(at_minute(20), at_minute(10), kind=1)
    first, second, third = packets(body, 25)
    wire = GOOD + third + first + message(0x0200, at_minute(59)) + second + GOOD
    decoded = decode_location_stream(wire, reassembler=Reassembler(), now_ms=0)
    minutes = ((decoded.batch.rows["fix_ms"] - NOON_MS) // 60_000).tolist()
    assert minutes == [0, 59, 10, 20, 0]
    assert decoded.frames["n_rows"].tolist() == [1, 0, 0, 1, 2, 1]
    assert decoded.frames["first_row"].tolist() == [0, 1, 1, 1, 2, 4]
    assert decoded.batch.rows["key"].tolist() == [0] * 5


def test_packets_may_come_in_different_reads() -> None:
    reassembler = Reassembler()
    first, second = packets(batch_body(BASE), 20)
    assert len(decode_location_stream(first, reassembler=reassembler).batch) == 0
    decoded = decode_location_stream(second, reassembler=reassembler)
    assert (len(decoded.batch), decoded.batch.keys) == (1, ("terminal:13912345678",))


def test_without_a_reassembler_packets_stay_packets() -> None:
    assert outcomes(b"".join(packets(batch_body(BASE), 20))) == ["part", "part"]


def test_a_message_that_declares_one_packet_needs_no_other() -> None:
    assert outcomes(message(0x0704, batch_body(BASE), part=(1, 1))) == ["decoded"]


def test_a_whole_message_that_is_none_is_refused_at_its_last_packet() -> None:
    for msg_id, body in ((0x0200, b"abcd"), (0x0704, b"\0\1\0\0\2ab"), (0x0200, BASE + b"\x01")):
        halves = body[: len(body) // 2], body[len(body) // 2 :]
        wire = b"".join(message(msg_id, half, serial=at, part=(2, at)) for at, half in enumerate(halves, 1))
        decoded = decode_location_stream(wire, reassembler=Reassembler())
        last = FrameOutcome(decoded.frames["outcome"][1])
        assert last.reason == {4: "body_too_short", 7: "empty_batch", 29: "items_overrun"}[len(body)]


def test_an_illegal_escape_raises_the_declared_error_with_its_place() -> None:
    with pytest.raises(CodecError) as caught:
        unescape(b"ab\x7d")
    assert (caught.value.reason, caught.value.offset) == ("bad_escape", 2)
    assert unescape(escape(bytes(range(256)))) == bytes(range(256))


def test_nothing_gives_nothing() -> None:
    decoded = decode_location_stream(b"")
    assert (len(decoded.batch), len(decoded.frames), decoded.consumed) == (0, 0, 0)
    assert decoded.batch.keys == ()
    assert decoded.batch.rows.dtype == np.dtype(decoded.batch.rows.dtype)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of a few frames and a phone table of four slots, so that both limits are met."""
    monkeypatch.setattr(stream, "CHUNK_BYTES", 4_096)
    monkeypatch.setattr(stream, "FIRST_SLOTS", 4)


@pytest.mark.usefixtures("small_pieces")
def test_large_buffers_are_read_in_pieces_without_a_seam() -> None:
    frames = [message(0x0200, at_minute(n % 60), phone=(n % 97).to_bytes(6, "big"), serial=n) for n in range(500)]
    decoded = assert_same_as_plain(b"".join(frames))
    assert len(decoded.batch) == 500
    assert decoded.batch.rows["key"].tolist() == [n % 97 for n in range(500)]
    assert decoded.batch.keys == tuple(terminal_key(f"{n:x}") for n in range(97))


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize("n", [4_000, 4_094, 4_095, 4_096, 4_097, 8_192, 20_000])
def test_junk_over_several_pieces_is_one_frame(n: int) -> None:
    junk = b"\x01" * n
    for buffer in (GOOD + junk + GOOD, junk + GOOD, GOOD + junk, junk, b"\x7e" + junk + b"\x7e"):
        assert_same_as_plain(buffer)
    decoded = decode_location_stream(GOOD + junk)
    assert (len(decoded.frames), decoded.consumed) == (1, len(GOOD) + n - MAX_SEGMENT - 1)
