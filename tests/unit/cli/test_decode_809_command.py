"""``monitor decode`` of JT/T 809 frames."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from monitor.cli.decode import decode_command, told_protocol
from monitor.codec.jt809 import Cipher, DownPostQuery, UpConnectRequest, Version, encode_frame, encode_positions
from tests.unit.codec.samples import BASE, location_row, message

APP = typer.Typer()
APP.command()(decode_command)
SECRET = Cipher(56_107_078, 37_382_110, 50_361_430)
GOOD_808 = message(0x0200, BASE)
INQUIRY = encode_frame(
    DownPostQuery(object_id="620000", answer_time=10, info_id=5, content="在岗吗"),
    version=Version.V2019,
    access_code=620_000,
    sn=7,
    time_s=1_772_424_000,
)


def run(*arguments: str, stdin: bytes = b"") -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(APP, list(arguments), input=stdin)
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def positions(version: Version, *, backfill: bool = False, cipher: Cipher | None = None) -> bytes:
    return encode_positions(
        location_row(),
        ("甘A-12345",),
        (2,),
        version=version,
        access_code=620_000,
        first_sn=9,
        time_s=1_772_424_000,
        backfill=backfill,
        cipher=cipher,
        key=15_241,
    )


@pytest.mark.parametrize("version", list(Version))
def test_a_position_gives_header_fields_and_a_report(version: Version) -> None:
    code, (frame,), _ = run("--protocol", "809", positions(version, backfill=True).hex())
    assert code == 0
    assert (frame["msg_id"], frame["sub_type"], frame["version"], frame["serial"]) == (
        "0x1200",
        "0x1203",
        int(version),
        9,
    )
    assert (frame["phone"], frame["access_code"], frame["error"]) == (None, 620_000, None)
    assert (frame["plate"], frame["plate_color"]) == ("甘A-12345", 2)
    whole = version is Version.V2011
    assert frame["reports"] == [
        {
            "vehicle_id": "plate:yellow:甘A12345",
            "fix_time": "2026-03-02T12:00:00+08:00",
            "lon": 100.0,
            "lat": 39.46,
            "speed_kmh": 60.0,
            "heading_deg": 90,
            "altitude_m": 1400,
            "mileage_km": 1234.0 if whole else 1234.5,
            "recorder_speed_kmh": 60.0 if whole else 59.8,
            "status": 3,
            "alarm_flags": 0,
            "acc_on": True,
            "positioned": True,
            "backfill": 1,
        }
    ]
    (body,) = frame["body"]["positions"]
    if whole:
        assert (body["fix_time"], body["speed_kmh"]) == ("2026-03-02T12:00:00+08:00", 60)
    else:
        assert body["location"]["items"][0] == {"id": "0x01", "name": "mileage", "value": "00003039"}
        assert len(body["judgements"]) == 3


def test_messages_between_platforms_are_shown_field_by_field() -> None:
    _, (frame,), _ = run(INQUIRY.hex())
    assert (frame["sub_type"], frame["plate"], frame["reports"]) == ("0x9301", None, [])
    assert frame["body"] == {
        "object_type": 1,
        "object_id": "620000",
        "answer_time": 10,
        "info_id": 5,
        "content": "在岗吗",
    }


def test_the_protocol_is_told_by_the_first_delimiter(tmp_path: Path) -> None:
    assert [frame["msg_id"] for frame in run(INQUIRY.hex())[1]] == ["0x9300"]
    assert [frame["msg_id"] for frame in run(GOOD_808.hex())[1]] == ["0x0200"]
    path = tmp_path / "frames"
    for content in (
        INQUIRY + INQUIRY,
        f"# two frames\r\n0x{INQUIRY.hex(' ')}\r\n\r\n{INQUIRY.hex(':')}\n".encode(),
    ):
        path.write_bytes(content)
        code, frames, _ = run(str(path))
        assert (code, [frame["msg_id"] for frame in frames]) == (0, ["0x9300", "0x9300"])
        assert run("-", stdin=content)[1] == frames
    assert told_protocol(b"") == told_protocol(b"nothing") == "808"


def test_bad_frames_say_why_and_exit_zero() -> None:
    flipped = INQUIRY[:40] + bytes([INQUIRY[40] ^ 0x80]) + INQUIRY[41:]
    code, frames, _ = run((INQUIRY + flipped + b"noise" + INQUIRY[:30]).hex())
    assert code == 0
    reasons = [frame["error"] and frame["error"]["reason"] for frame in frames]
    assert reasons == [None, "bad_crc", "no_start", "truncated"]
    assert (frames[1]["msg_id"], frames[1]["serial"], frames[1]["error"]["field"]) == ("0x9300", 7, "crc")


def test_encrypted_frames_need_their_parameters() -> None:
    wire = positions(Version.V2019, cipher=SECRET).hex()
    code, (frame,), _ = run(wire)
    assert (code, frame["error"]["reason"], frame["body"]) == (0, "encrypted", None)
    _, (frame,), _ = run("--cipher", "56107078,37382110,50361430", wire)
    assert frame["error"] is None
    assert len(frame["reports"]) == 1
    for bad in ("1,2", "1,2,x", "1,2,4294967296"):
        code, frames, stderr = run("--cipher", bad, "--lang", "en", wire)
        assert (code, frames) == (2, [])
        assert "three whole numbers" in " ".join(stderr.split())


def test_log_ins_show_their_edition() -> None:
    login = UpConnectRequest(user_id=1, password="12345678", down_ip="10.0.0.1", down_port=809)
    for version in Version:
        _, (frame,), _ = run(encode_frame(login, version=version, access_code=1, sn=0).hex())
        assert (frame["version"], frame["body"]["down_ip"]) == (int(version), "10.0.0.1")


def test_a_line_that_is_no_hex_names_its_place(tmp_path: Path) -> None:
    path = tmp_path / "frames.txt"
    path.write_text(f"{INQUIRY.hex()}\n5b02xx\n", encoding="utf-8")
    code, frames, _ = run(str(path))
    assert code == 0
    assert frames[1]["error"] == {"reason": "not_hex", "field": "line 2", "offset": 4, "detail": "no bytes in hex"}
    path.write_text("good morning")
    assert run("--protocol", "809", str(path), "--lang", "en")[0] == 1
