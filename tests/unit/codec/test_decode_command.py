"""``monitor decode``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from monitor.cli.decode import decode_command
from tests.unit.codec.samples import BASE, at_minute, batch_body, message

APP = typer.Typer()
APP.command()(decode_command)
GOOD = message(0x0200, BASE + bytes.fromhex("010400003039 03020256"))


def run(*arguments: str, stdin: bytes = b"") -> tuple[int, list[dict[str, Any]], str]:
    result = CliRunner().invoke(APP, list(arguments), input=stdin)
    return result.exit_code, [json.loads(line) for line in result.stdout.splitlines()], result.stderr


def test_a_position_in_hex_gives_header_fields_and_a_report() -> None:
    code, (frame,), _ = run(GOOD.hex())
    assert code == 0
    assert (frame["msg_id"], frame["phone"], frame["version"], frame["serial"]) == ("0x0200", "013912345678", 2013, 1)
    assert frame["error"] is None
    assert frame["body"]["speed_kmh"] == 60.0
    assert frame["body"]["items"][0] == {"id": "0x01", "name": "mileage", "value": "00003039"}
    assert frame["reports"] == [
        {
            "terminal_phone": "13912345678",
            "fix_time": "2026-03-02T12:00:00+08:00",
            "lon": 100.0,
            "lat": 39.46,
            "speed_kmh": 60.0,
            "heading_deg": 90,
            "altitude_m": 1400,
            "mileage_km": 1234.5,
            "recorder_speed_kmh": 59.8,
            "status": 3,
            "alarm_flags": 0,
            "acc_on": True,
            "positioned": True,
            "backfill": 0,
        }
    ]


def test_2019_headers_and_other_messages() -> None:
    code, frames, _ = run((message(0x0002, b"", phone=bytes(9) + b"\x17") + message(0x0100, b"abc")).hex(" "))
    assert code == 0
    assert [frame["version"] for frame in frames] == [2019, 2013]
    assert frames[0]["phone"] == "00000000000000000017"
    assert [frame["body"] for frame in frames] == [{}, {"raw": "616263"}]
    assert [frame["error"] and frame["error"]["reason"] for frame in frames] == [None, "body_too_short"]
    assert (frames[1]["error"]["field"], frames[1]["error"]["offset"]) == ("county", 14)
    assert [frame["reports"] for frame in frames] == [[], []]


def test_batches_are_shown_as_sent_and_reported_in_order() -> None:
    _, (frame,), _ = run(message(0x0704, batch_body(at_minute(9), at_minute(3), kind=1)).hex())
    assert (frame["body"]["count"], frame["body"]["type"]) == (2, 1)
    assert [item["time"][14:16] for item in frame["body"]["items"]] == ["09", "03"]
    assert [report["fix_time"][14:16] for report in frame["reports"]] == ["03", "09"]
    assert [report["backfill"] for report in frame["reports"]] == [1, 1]


def test_bad_frames_say_why_and_exit_zero() -> None:
    flipped = GOOD[:20] + bytes([GOOD[20] ^ 1]) + GOOD[21:]
    code, frames, _ = run((GOOD + flipped + GOOD[:30]).hex())
    assert code == 0
    assert [frame["error"] and frame["error"]["reason"] for frame in frames] == [None, "bad_checksum", "truncated"]
    assert (frames[1]["msg_id"], frames[1]["error"]["field"], frames[1]["error"]["offset"]) == ("0x0200", "check", 50)


def test_a_remark_comes_with_the_reports_that_fit() -> None:
    _, (frame,), _ = run(message(0x0704, batch_body(BASE, b"x")).hex())
    assert frame["error"]["reason"] == "bad_item"
    assert len(frame["reports"]) == 1


def test_packets_are_put_together() -> None:
    body = batch_body(BASE)
    wire = message(0x0704, body[:10], serial=1, part=(2, 1)) + message(0x0704, body[10:], serial=2, part=(2, 2))
    _, frames, _ = run(wire.hex())
    assert frames[0]["body"] == {"total": 2, "index": 1, "raw": body[:10].hex()}
    assert [len(frame["reports"]) for frame in frames] == [0, 1]
    wire = message(0x0200, BASE[:9], serial=1, part=(2, 1)) + message(0x0200, BASE[9:12], serial=2, part=(2, 2))
    assert run(wire.hex())[1][1]["error"]["reason"] == "body_too_short"


@pytest.mark.parametrize("form", ["raw", "hex", "spaced hex with a remark"])
def test_files_hold_raw_frames_or_lines_of_hex(tmp_path: Path, form: str) -> None:
    path = tmp_path / "frames"
    if form == "raw":
        path.write_bytes(GOOD + GOOD)
    elif form == "hex":
        path.write_text(f"{GOOD.hex()}\n\n{GOOD.hex().upper()}\n")
    else:
        path.write_text(f"# two frames\r\n0x{GOOD.hex(' ')}\r\n{GOOD.hex(':')}\r\n")
    code, frames, _ = run(str(path))
    assert (code, len(frames)) == (0, 2)
    assert run("-", stdin=path.read_bytes())[1] == frames
    assert all(frame["error"] is None for frame in frames)


def test_a_line_that_is_no_hex_names_its_place(tmp_path: Path) -> None:
    path = tmp_path / "frames.txt"
    path.write_text(f"{GOOD.hex()}\n7e02xx\n{GOOD.hex()}\n")
    code, frames, _ = run(str(path))
    assert (code, len(frames)) == (0, 3)
    assert frames[1]["error"] == {"reason": "not_hex", "field": "line 2", "offset": 4, "detail": "no bytes in hex"}


@pytest.mark.parametrize(
    ("argument", "content", "said"),
    [
        pytest.param("missing-file", None, "neither a frame in hex nor a file", id="no such file"),
        pytest.param("empty", b"", "no frame in it", id="empty file"),
        pytest.param("delimiters", b"\x7e\x7e", "no frame in it", id="nothing between delimiters"),
        pytest.param("prose", b"good morning", "no frame in it", id="prose"),
    ],
)
def test_nothing_readable_exits_one(tmp_path: Path, argument: str, content: bytes | None, said: str) -> None:
    path = tmp_path / argument
    if content is not None:
        path.write_bytes(content)
    code, _, stderr = run(str(path), "--lang", "en")
    assert code == 1
    assert said in stderr.replace("\n", " ")
    assert run(str(tmp_path), "--lang", "en")[0] == 1


def test_protocols_are_808_and_809() -> None:
    assert run("--protocol", "807", "7e")[0] == 2
