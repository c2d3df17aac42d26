"""From the terminal's socket to the alarm's evidence: the very bytes sent, over the API and at the command line."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from pathlib import Path

import httpx
import msgspec
import pytest

from monitor.cli import run
from monitor.codec.jt808 import Location, LocationBatch, encode_frames
from monitor.codec.jt808.messages.registration import Authenticate
from monitor.model.beijing import BEIJING, parse_iso
from monitor.model.evidence import AlarmEvidence, Around, Evidence, FrameForm
from monitor.model.fleet import PlateColor, Vehicle, VehicleClass
from tests.integration.brokers import free_port
from tests.integration.daemons import DaemonProcess
from tests.integration.test_jt808_server import PHONE, Client

pytestmark = [pytest.mark.integration, pytest.mark.slow]

VEHICLE = Vehicle("V0", "甘G12345", PlateColor.YELLOW, VehicleClass.HEAVY_TRUCK, "E1", terminal_phone=PHONE.lstrip("0"))
STEP_S = 10


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path, tables=f'[[jt808]]\nname = "terminals"\nport = {free_port()}\n')
    process.register((VEHICLE,), date(2025, 1, 1))
    try:
        process.start()
        yield process
    finally:
        process.kill()


async def test_an_alarm_carries_the_frames_it_was_found_in(
    daemon: DaemonProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    speeds = [60.0] * 30 + [120.0] * 18 + [60.0] * 30
    begin_s = int(time.time()) - STEP_S * len(speeds)
    drive = [_location(n, begin_s, speeds) for n in range(len(speeds))]
    terminal = await _terminal(daemon)
    sent: dict[int, bytes] = {}
    for n in range(46):
        sent[n] = _frame(terminal, drive[n])
        assert await terminal.result(drive[n]) == 0
    raised = (await asyncio.to_thread(_evidence, daemon, Around.BEGIN)).evidence[0]
    _shows_what_was_sent(raised, sent, begin_s)
    assert parse_iso(raised.clocks.onset) // 1000 in {parse_iso(frame.fix) // 1000 for frame in raised.frames}
    code = terminal.code
    await terminal.close()

    daemon.kill()
    daemon.start()
    terminal = await _terminal(daemon, code)
    for n in (46, 47):
        sent[n] = _frame(terminal, drive[n])
        assert await terminal.result(drive[n]) == 0
    backfill = LocationBatch(kind=1, locations=tuple(drive[48:60]))
    sent |= dict.fromkeys(range(48, 60), _frame(terminal, backfill))
    assert await terminal.result(backfill) == 0
    found = await asyncio.to_thread(_evidence, daemon, Around.END)
    await terminal.close()
    cleared = found.evidence[-1]
    _shows_what_was_sent(cleared, sent, begin_s)
    numbers = {(parse_iso(frame.fix) // 1000 - begin_s) // STEP_S for frame in cleared.frames}
    assert 47 in numbers
    assert numbers & set(range(46)), "frames of before the kill are kept"
    assert numbers & set(range(48, 60)), "a backfill is shown whole"
    for path in (daemon.state / "frames").iterdir():
        assert code.encode() not in path.read_bytes()
    _is_explained(daemon, found, capsys)


async def _terminal(daemon: DaemonProcess, code: str = "") -> Client:
    terminal = await Client(int(daemon.tables.rsplit("port = ", 1)[1])).open()
    if not code:
        return await terminal.log_in()
    terminal.code = code
    assert await terminal.result(Authenticate(auth_code=code)) == 0
    return terminal


def _location(n: int, begin_s: int, speeds: Sequence[float]) -> Location:
    lon_deg = 100.0 + sum(speeds[:n]) / 3.6 * STEP_S / 86_400
    fix = datetime.fromtimestamp(begin_s + STEP_S * n, BEIJING)
    return Location(status=3, lat_deg=39.0, lon_deg=round(lon_deg, 6), speed_kmh=speeds[n], time=fix)


def _frame(terminal: Client, message: Location | LocationBatch) -> bytes:
    """What the terminal is about to send."""
    return encode_frames(message, phone=terminal.phone, version=terminal.version, serial=terminal.serial)[0]


def _evidence(daemon: DaemonProcess, around: Around) -> AlarmEvidence:
    """Of the only speeding alarm, as soon as there is a piece around that moment."""
    until_s = time.monotonic() + 30
    while time.monotonic() < until_s:
        for alarm in daemon.alarms():
            if alarm["rule"] == "speeding":
                answer = httpx.get(f"{daemon.api}/alarms/{alarm['alarm_id']}/evidence", trust_env=False)
                found = msgspec.json.decode(answer.raise_for_status().content, type=AlarmEvidence)
                if any(piece.around is around for piece in found.evidence):
                    return found
        time.sleep(0.05)
    raise AssertionError(f"no evidence around the {around.value}:\n{daemon.log[-3000:]}")


def _shows_what_was_sent(piece: Evidence, sent: dict[int, bytes], begin_s: int) -> None:
    assert 3 <= len(piece.frames) <= 6
    assert piece.frames_gone == 0
    for frame in piece.frames:
        number = (parse_iso(frame.fix) // 1000 - begin_s) // STEP_S
        assert bytes.fromhex(frame.hex) == sent[number]
        assert (frame.source, frame.form, frame.size) == ("terminals", FrameForm.JT808, len(sent[number]))
        assert not frame.truncated


def _is_explained(daemon: DaemonProcess, found: AlarmEvidence, capsys: pytest.CaptureFixture[str]) -> None:
    """The page has the bytes, and ``monitor decode`` reads the report out of them."""
    config = str(daemon.folder / "monitor.toml")
    page = ["explain", str(found.alarm["alarm_id"]), "--config", config, "--lang", "en"]
    capsys.readouterr()
    assert run(page) == 0
    short = capsys.readouterr().out
    assert run([*page, "--raw"]) == 0
    whole = capsys.readouterr().out
    for piece in found.evidence:
        shown = {one.fix: one for one in piece.reports}
        for frame in piece.frames:
            assert frame.hex not in short
            assert frame.hex in whole.split()
            assert run(["decode", frame.hex]) == 0
            reports = msgspec.json.decode(capsys.readouterr().out)["reports"]
            told = {parse_iso(report["fix_time"]): report["speed_kmh"] for report in reports}
            assert told[parse_iso(frame.fix)] == shown[frame.fix].speed_kmh
