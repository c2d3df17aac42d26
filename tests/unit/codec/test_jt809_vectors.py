"""Published 809 frames and bodies: both decoders, the published values and the encoder agree."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from monitor.codec.jt808.messages.position import Location
from monitor.codec.jt809.cipher import Cipher
from monitor.codec.jt809.crc import crc16
from monitor.codec.jt809.frame import encode_frame
from monitor.codec.jt809.framing import escape, segments
from monitor.codec.jt809.gnss import AnyPosition, Position, fix_ms_of, reading_of
from monitor.codec.jt809.header import Version, guessed_version
from monitor.codec.jt809.message import Message, RawMessage
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.codec.jt809.positions import (
    DownCarLocation,
    DownHistoryLocation,
    UpHistoryLocation,
    UpRealLocation,
    positions_of,
)
from monitor.codec.jt809.registry import decode_message, encode_message
from monitor.codec.jt809.stream import decode_position_stream
from monitor.codec.jt809.wrappers import has_plate
from monitor.errors import CodecError
from monitor.model.beijing import BEIJING, from_datetime
from tests import vector_report
from tests.unit.codec.oracle_jt809 import assert_same_as_plain, frame_or_error

VECTORS = Path(__file__).parents[3].parent / "shared" / "wire" / "vectors"
REAL = ("production", "laboratory", "author log", "public log")
"""Origins that are captured, not constructed."""

REFUSED = {
    ("bad CRC", "bad_crc"),
    ("bad CRC", "bad_escape"),
    ("stale comment in the source: ENCRYPT_FLAG=1 but body/key do not belong together", "encrypted"),
}
"""Reason of the vectors' own quarantine, and of ours. The other quarantined frames decode with a remark."""

NOT_CANONICAL = {
    "pads the SIM number behind": (Version.V2019, "UpRegister", "222222222222"),
    "PLATFORM_ID with NUL in front": (Version.V2011, "UpRegister", "1011"),
    "PLATFORM_ID and terminal id in binary": (Version.V2011, "UpRegister", "\ufffd"),
    "terminal id in binary, DATA_LENGTH 41 of 49": (Version.V2011, "UpRegister", "20250701"),
    "0x94xx of 2011 without plate": (Version.V2011, "DownUrgeTodo", ""),
    "0x14xx of 2019 in a frame of 2011": (Version.V2011, "UpWarnInfo", "12345678912"),
    "INFO_LENGTH in UTF-8": (Version.V2019, "UpWarnInfo", "12432"),
    "MSG_LENGTH one too small": (Version.V2011, "UpConnectRequest", "72"),
}
"""Why frames that decode come out of the encoder otherwise: edition, message, and what tells them."""


def _lines(name: str) -> list[dict[str, Any]]:
    path = VECTORS / name
    if not path.exists():
        pytest.skip("the published test vectors are not beside this checkout")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _wire(vector: dict[str, Any]) -> bytes:
    raw = bytes.fromhex(vector["hex"])
    # Some are marked as needing no escapes and hold a bare 5A all the same: they were logged after un-escaping.
    logged = vector["wire_form"].startswith("ALREADY") or vector["wire_form"].startswith("no escapes")
    return b"\x5b" + escape(raw[1:-1]) + b"\x5d" if logged and re.search(rb"[\x5a-\x5e]", raw[1:-1]) else raw


def _version(vector: dict[str, Any]) -> Version:
    return Version.V2019 if vector["header"].startswith("2019") else Version.V2011


def _cipher(vector: dict[str, Any]) -> Cipher | None:
    known = vector.get("decrypt")
    return Cipher(known["M1"], known["IA1"], known["IC1"]) if known else None


def _frames() -> list[dict[str, Any]]:
    return [vector for vector in _lines("jt809_frames.jsonl") if vector.get("role") != "stream"]


def test_every_published_frame_decodes_both_ways_or_gives_the_declared_error() -> None:
    counts: Counter[str] = Counter()
    refused: list[str] = []
    for vector in _frames():
        wire, version, cipher = _wire(vector), _version(vector), _cipher(vector)
        real = any(word in str(vector.get("origin")) for word in REAL)
        assert_same_as_plain(wire, version, cipher)
        frame = frame_or_error(wire, version, cipher)
        if isinstance(frame, CodecError):
            assert (vector.get("quarantine"), frame.reason) in REFUSED, vector["hex"][:80]
            counts["refused"] += 1
            refused.append(f"{frame.reason}: {vector['source'].split(':')[0]}, {vector['msg_id']}")
            continue
        counts["decoded"] += 1
        counts["decoded, from real links"] += real
        counts[f"remark {frame.outcome.reason}"] += frame.outcome.remarked
        assert f"0x{frame.header.msg_id:04X}" == vector["msg_id"].upper().replace("0X", "0x")
        assert frame.header.sn == vector["msg_sn"]
        assert frame.header.access_code == vector["gnss_center_id"]
        assert frame.header.encrypt_key == vector["encrypt_key"]
        assert frame.header.length == vector["msg_length"]
        if not vector.get("quarantine"):
            assert guessed_version(_unescaped(wire)) is version, vector["hex"][:80]
            if "computed" in vector:
                _agree(frame.message, vector["computed"])
            _expected(frame.message, vector["expected"])
    assert counts["decoded"] >= 50
    rows = [("frames", str(len(_frames())))]
    rows += [(name, str(n)) for name, n in sorted(counts.items()) if n]
    rows += [("refused as", reason) for reason in refused]
    vector_report.add("JT/T 809", rows)


def _unescaped(wire: bytes) -> bytes:
    return (
        wire[1:-1]
        .replace(b"\x5a\x01", b"\x5b")
        .replace(b"\x5a\x02", b"\x5a")
        .replace(b"\x5e\x01", b"\x5d")
        .replace(b"\x5e\x02", b"\x5e")
    )


def test_canonical_frames_come_out_of_the_encoder_byte_for_byte() -> None:
    same = 0
    why: Counter[str] = Counter()
    for vector in _frames():
        wire, version, cipher = _wire(vector), _version(vector), _cipher(vector)
        frame = frame_or_error(wire, version, cipher)
        if isinstance(frame, CodecError):
            continue
        try:
            again = encode_frame(
                frame.message,
                version=version,
                access_code=frame.header.access_code,
                sn=frame.header.sn,
                cipher=cipher,
                key=frame.header.encrypt_key,
                version_flag=frame.header.version_flag,
                time_s=frame.header.time_s,
            )
        except CodecError as error:
            again = error.reason.encode()
        if again == wire:
            same += 1
            continue
        reason = _why(frame.message, version)
        assert reason, (vector["hex"][:120], frame)
        why[reason] += 1
    assert same >= 46
    rows = [("frames re-encoded to the same bytes", str(same))]
    vector_report.add("JT/T 809", [*rows, *((f"  otherwise: {reason}", str(n)) for reason, n in sorted(why.items()))])


def _why(message: Message, version: Version) -> str:
    shown = {str(getattr(message, name, "")) for name in ("platform_id", "phone", "plate")} | {"72"}
    for reason, (edition, kind, mark) in NOT_CANONICAL.items():
        if edition is version and kind == type(message).__name__ and mark in shown:
            return reason
    return ""


@pytest.mark.parametrize("version", list(Version))
def test_all_published_frames_in_one_stream_do_not_disturb_each_other(version: Version) -> None:
    wires = [_wire(vector) for vector in _frames() if _version(vector) is version]
    whole = assert_same_as_plain(b"".join(wires), version)
    assert len(whole.frames) == len(wires)
    for vector in _lines("jt809_frames.jsonl"):
        if vector.get("role") == "stream":
            stream = bytes.fromhex(vector["hex"])
            frames = [bytes.fromhex(one) for one in vector["frames_found"]]
            assert [stream[start:end] for start, end in segments(stream)] == frames
            assert len(decode_position_stream(stream, version=Version.V2019).batch) == len(frames)


def test_published_ciphers_and_check_values() -> None:
    seen: Counter[str] = Counter()
    for vector in _lines("crypto_and_escape.jsonl"):
        seen[vector["kind"]] += 1
        if vector["kind"] == "crc16":
            assert crc16(vector["input_ascii"].encode()) == int(vector["crc"], 16)
        elif vector["kind"] == "body_encrypt":
            cipher = Cipher(vector["M1"], vector["IA1"], vector["IC1"])
            cipher_text = bytes.fromhex(vector["cipher"])
            plain = bytes.fromhex(vector["plain"])
            assert cipher.apply(vector["key"], plain) == cipher_text
            assert cipher.apply(vector["key"], cipher_text) == plain
            if "msg_id" in vector:
                assert not isinstance(decode_message(int(vector["msg_id"], 16), plain, Version.V2019), RawMessage)
        elif vector["kind"] == "escape809":
            assert escape(bytes.fromhex(vector["plain"])) == bytes.fromhex(vector["wire"])
    assert seen["body_encrypt"] >= 11


def test_published_bodies_decode_to_the_published_values() -> None:
    counts: Counter[str] = Counter()
    for vector in _lines("jt809_bodies.jsonl"):
        ids = [int(part, 16) for part in re.findall(r"_(0x[0-9A-F]{4})", vector["msg"])]
        # The long list under 0x1001 is the input of one test that decodes everything; its bodies are listed again.
        if not ids or (ids == [0x1001] and vector["hex"][:6] != "0133ef"):
            continue
        if vector["hex"].startswith("557a"):
            continue  # the driving record alone, without the message around it
        version = Version.V2019 if vector["version_hint"] == "2019" else Version.V2011
        data = bytes.fromhex(vector["hex"])
        body = data
        if len(ids) == 2:
            head = bytes(22) if has_plate(ids[0], version) else b""
            body = head + ids[1].to_bytes(2, "big") + len(data).to_bytes(4, "big") + data
        elif ids == [0x1001] and len(data) not in (46, 50):
            continue
        version = Version.V2019 if ids == [0x1001] and len(data) == 50 else version
        message = decode_message(ids[0], body, version)
        counts["raw" if isinstance(message, RawMessage) else "decoded"] += 1
        assert isinstance(message, RawMessage) is (0x17 <= ids[0] >> 8 & 0x7F <= 0x1B), vector["msg"]
        again = encode_message(message, version)
        known = {
            "UpRegister": "pads the SIM number behind",
            "UpTakeTravelReply": "an answer of 2019 without its source",
            "DownWarnExchange": "PLATFORM_ID as a number",
        }
        assert again == body or type(message).__name__ in known, (vector["msg"], vector["hex"])
        counts["re-encoded to the same bytes"] += again == body
        if not isinstance(message, RawMessage):
            _expected(message, vector["expected"])
    assert counts["decoded"] >= 45
    vector_report.add("JT/T 809", [(f"bodies {name}", str(n)) for name, n in sorted(counts.items())])


NAMES = {
    "VehicleNo": "plate",
    "PlateformId": "platform_id",
    "ProducerId": "producer_id",
    "TerminalId": "terminal_id",
    "TerminalModelType": "model",
    "TerminalSimCode": "phone",
    "IMIEId": "imei",
    "UserId": "user_id",
    "Password": "password",
    "DownLinkIP": "down_ip",
    "DownLinkPort": "down_port",
    "VerifyCode": "verify_code",
    "InfoID": "info_id",
    "InfoContent": "content",
    "WarnContent": "content",
    "MsgContent": "content",
    "EwaybillInfo": "content",
    "ObjectID": "object_id",
    "Responder": "responder",
    "ResponderTel": "responder_tel",
    "SourceDataType": "source_type",
    "SourceMsgSn": "source_sn",
    "SourceMsgSN": "source_sn",
    "DriverID": "driver_id",
    "DriverName": "name",
    "Licence": "licence",
    "OrgName": "issuer",
    "CarInfo": "car_info",
    "MonitorTel": "tel",
    "LensID": "lens_id",
    "MsgSequence": "info_id",
    "StartTime": "start_ms",
    "EndTime": "end_ms",
    "WarnTime": "warn_ms",
    "ValidDate": "valid_ms",
    "SupervisionEndTime": "deadline_ms",
    "Supervisor": "supervisor",
    "SupervisorTel": "supervisor_tel",
    "SupervisorEmail": "supervisor_email",
    "SourcePlatformId": "platform_id",
    "DestinationPlatformId": "about_platform_id",
    "DynamicInfoTotal": "count",
}
"""Names of the sources and ours."""

_OF_ANOTHER_EDITION = {
    ("UpPostQueryReply", "info_id"),
    ("UpPlatformInfoReply", "info_id"),
    ("DownPostQuery", "object_id"),
}
"""Values that the source sets and its 2019 (or plain) body does not carry."""


def _expected(message: Message, expected: dict[str, Any]) -> None:
    """Compare what the source asserts, where the name is known and the value a literal."""
    for name, value in expected.items():
        field = NAMES.get(name)
        if field is None or not hasattr(message, field) or (type(message).__name__, field) in _OF_ANOTHER_EDITION:
            continue
        got = getattr(message, field)
        if field.endswith("_ms"):
            form = "%Y-%m-%d %H:%M:%S" if ":" in value else "%Y-%m-%d"
            value = from_datetime(datetime.strptime(value, form).replace(tzinfo=BEIJING))
        assert got == value, (type(message).__name__, name)


def _agree(message: Message, computed: dict[str, Any]) -> None:
    """Compare our own earlier reading of the vector."""
    if isinstance(message, RawMessage):
        return
    if "vehicle_no" in computed:
        assert message.plate == computed["vehicle_no"]  # type: ignore[attr-defined]
        assert message.plate_color == computed["color"]  # type: ignore[attr-defined]
    for name in ("object_type", "object_id", "info_id", "answer_time", "level", "supervisor", "user_id", "password"):
        if name in computed and hasattr(message, name):
            assert getattr(message, name) == computed[name]
    if isinstance(computed.get("info"), str):
        assert message.content == computed["info"]  # type: ignore[attr-defined]
    if not isinstance(message, UpRealLocation | UpHistoryLocation | DownCarLocation | DownHistoryLocation):
        return
    items = computed.get("items", [computed.get("gnss_2011") or computed.get("gnss_2019")])
    for position, item in zip(positions_of(message), items, strict=True):
        _agree_position(position, item)


def _agree_position(position: AnyPosition, item: dict[str, Any]) -> None:
    reading = reading_of(position)
    assert reading is not None
    if "gnss_as_2011" in item:
        item = item["gnss_as_2011"]
    inner = item.get("gnss", item)
    assert round(abs(reading.lon_deg) * 1e6) == inner["lon_raw"]
    assert round(abs(reading.lat_deg) * 1e6) == inner["lat_raw"]
    assert reading.heading_deg == inner["direction"]
    assert reading.altitude_m == inner["altitude"]
    assert reading.alarm_flags == int(inner["alarm"], 16)
    if isinstance(reading, Location):
        assert round(reading.speed_kmh * 10) == inner["speed_raw_0.1kmh"]
        assert reading.status == int(inner["status"], 16)
    else:
        assert isinstance(reading, Position)
        assert (reading.speed_kmh, reading.recorder_speed_kmh) == (inner["vec1"], inner["vec2"])
        assert reading.mileage_km == inner["vec3_mileage"]
        assert reading.status == int(inner["state"], 16)
        moment = datetime.strptime(inner["time"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
        assert fix_ms_of(reading) == from_datetime(moment)


def test_no_outcome_is_without_a_word() -> None:
    assert len({outcome.reason for outcome in FrameOutcome}) == len(FrameOutcome)
    assert all(outcome.field for outcome in FrameOutcome if outcome >= 10)
