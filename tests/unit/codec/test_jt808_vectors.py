"""Published frames: the compiled pass, the plain decoder and the published values agree."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from monitor.codec.jt808.framing import checksum, escape, segments
from monitor.codec.jt808.outcome import FrameOutcome
from monitor.codec.jt808.stream import decode_location_stream
from monitor.errors import CodecError
from monitor.model.report import terminal_key
from tests.unit.codec.oracle import assert_same_as_plain, frame_or_error

VECTORS = Path(__file__).parents[3].parent / "shared" / "wire" / "vectors"
LOCATIONS = ("0x0200", "0x0704")


def _lines(name: str) -> list[dict[str, Any]]:
    path = VECTORS / name
    if not path.exists():
        pytest.skip("the published test vectors are not beside this checkout")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _wire(vector: dict[str, Any]) -> bytes:
    frame = bytes.fromhex(vector["hex"])
    # A few are marked as escaped and were logged after un-escaping all the same: they hold 7D A0 or 7D 8B.
    if vector.get("wire_form", "").startswith("ALREADY") or re.search(rb"\x7d[^\x01\x02]", frame[1:-1]):
        return b"\x7e" + escape(frame[1:-1]) + b"\x7e"
    return frame


def test_every_published_buffer_decodes_as_the_plain_decoder_says() -> None:
    for vector in _lines("jt808_frames.jsonl"):
        assert_same_as_plain(_wire(vector))


def test_all_published_frames_in_one_stream_do_not_disturb_each_other() -> None:
    assert_same_as_plain(b"".join(_wire(vector) for vector in _lines("jt808_frames.jsonl")))


def test_sound_position_frames_give_the_published_values() -> None:
    seen = 0
    for vector in _lines("jt808_frames.jsonl"):
        if vector.get("msg_id") not in LOCATIONS or vector.get("quarantine"):
            continue
        decoded = decode_location_stream(_wire(vector))
        computed = vector["computed"]
        items = computed["items"] if vector["msg_id"] == "0x0704" else [computed]
        expected = sorted(items, key=lambda item: item["time_bcd"])
        assert len(decoded.frames) == 1, vector["hex"]
        frame = decoded.frames[0]
        assert frame["n_rows"] == len(items)
        assert not FrameOutcome(frame["outcome"]).rejected
        assert frame["phone"].tobytes().hex().endswith(vector["phone"])
        assert decoded.batch.keys == (terminal_key(vector["phone"]),)
        assert frame["serial"] == vector["serial"]
        assert bool(frame["version_bit"]) == vector["version_bit"]
        for row, item in zip(decoded.batch.rows, expected, strict=True):
            status = int(item["status"], 16)
            assert row["status"] == status
            assert row["alarm_flags"] == int(item["alarm"], 16)
            assert abs(row["lat_deg"]) == item["lat_raw"] / 1e6
            assert abs(row["lon_deg"]) == item["lon_raw"] / 1e6
            assert row["speed_dkmh"] == item["speed_raw_0.1kmh"]
            assert row["heading_deg"] == item["direction"]
            assert int(row["altitude_m"]) & 0xFFFF == item["altitude"]
            mileage = [text[3:] for text in item["items"] if text.startswith("01:") and len(text) == 11]
            if mileage:
                assert row["mileage_m"] == int(mileage[-1], 16) * 100
        seen += 1
    assert seen >= 80


def test_quarantined_position_frames_say_why() -> None:
    for vector in _lines("jt808_frames.jsonl"):
        if vector.get("msg_id") not in LOCATIONS or not vector.get("quarantine"):
            continue
        outcome = FrameOutcome(decode_location_stream(_wire(vector)).frames[0]["outcome"])
        wanted = FrameOutcome.LENGTH_MISMATCH if vector["checksum_ok"] else FrameOutcome.BAD_CHECKSUM
        assert outcome is wanted, vector["hex"]


def test_published_escape_pairs() -> None:
    for vector in _lines("crypto_and_escape.jsonl"):
        if vector["kind"] == "escape808":
            assert escape(bytes.fromhex(vector["plain"])) == bytes.fromhex(vector["wire"])


def test_published_bodies_framed_by_us_agree_with_the_plain_decoder() -> None:
    seen = 0
    for vector in _lines("jt808_bodies.jsonl"):
        if vector.get("msg") not in ("JT808_0x0200", "JT808_0x0704"):
            continue
        body = bytes.fromhex(vector["hex"])
        msg_id = int(vector["msg"][-4:], 16)
        message = (
            msg_id.to_bytes(2, "big") + len(body).to_bytes(2, "big") + bytes.fromhex("013912345678") + b"\0\1" + body
        )
        if len(body) > 1023:
            continue
        assert_same_as_plain(b"\x7e" + escape(message + bytes([checksum(message)])) + b"\x7e")
        seen += 1
    assert seen > 10


def test_plain_frames_name_the_reason_of_every_bad_one() -> None:
    reasons = {outcome.reason for outcome in FrameOutcome if outcome.rejected}
    for vector in _lines("jt808_frames.jsonl"):
        wire = _wire(vector)
        for start, end, _ in segments(wire):
            frame = frame_or_error(wire[start:end])
            if isinstance(frame, CodecError):
                assert frame.reason in reasons
            else:
                assert isinstance(frame.body, bytes) or frame.header.location
