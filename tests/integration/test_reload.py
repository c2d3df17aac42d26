"""Settings and maps of the real daemon changed while it runs, by signal, by command and through the API."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import httpx
import pytest

from tests.integration.brokers import Mosquitto
from tests.integration.daemons import DaemonProcess

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_WAIT_S = 20.0


@pytest.fixture
def daemon(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path, mosquitto.port, clock="payload")
    try:
        process.start()
        yield process
    finally:
        process.kill()


def _change(daemon: DaemonProcess, tables: str) -> None:
    """Other rule settings in the daemon's configuration file."""
    path = daemon.folder / "monitor.toml"
    kept = path.read_text("utf-8").partition("# changed\n")[0]
    path.write_text(f"{kept}# changed\n{tables}", "utf-8")


async def _says(daemon: DaemonProcess, words: str) -> None:
    async with asyncio.timeout(_WAIT_S):
        while words not in daemon.log:  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)


def _command(daemon: DaemonProcess) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from monitor.cli import main; main()", "reload", "--lang", "en"]
    config = ["--config", str(daemon.folder / "monitor.toml")]
    return subprocess.run([*command, *config], capture_output=True, text=True, timeout=60)


def _section(number: int, points: int = 20) -> dict[str, object]:
    line = [[98.0 + 0.02 * (number % 100) + 0.001 * n, 38.0 + 0.02 * (number // 100)] for n in range(points)]
    return {
        "type": "Feature",
        "id": f"R{number}",
        "properties": {"road_class": "second", "limit_kmh": 60},
        "geometry": {"type": "LineString", "coordinates": line},
    }


def _speeding(daemon: DaemonProcess) -> list[dict[str, object]]:
    return [one for one in daemon.alarms() if one["rule"] == "speeding"]


async def _drive(daemon: DaemonProcess, vehicle: str, speed_kmh: float, begin_s: int) -> None:
    """Two minutes along the first section, a report every 10 s."""
    async with aiomqtt.Client("127.0.0.1", daemon.broker_port) as client:
        for at in range(0, 121, 10):
            report = {
                "vehicle_id": vehicle,
                "fix_time": begin_s + at,
                "lon": 98.0 + at * speed_kmh / 3.6 / 87_800,
                "lat": 38.0,
                "speed_kmh": speed_kmh,
                "heading_deg": 90,
            }
            await client.publish("reports/x", json.dumps(report).encode(), qos=1)


async def test_a_signal_a_command_and_a_bad_file(daemon: DaemonProcess) -> None:
    begin_s = int(time.time()) - 3_600
    assert daemon.process is not None
    _change(daemon, "[rules.speeding]\nhold_s = 300\n")
    os.kill(daemon.process.pid, signal.SIGHUP)
    await _says(daemon, "in force from now on: rules")
    _change(daemon, "[rules.speeding]\nhold_s = 300\nholds = 1\n")
    refused = await asyncio.to_thread(_command, daemon)
    assert refused.returncode != 0
    assert "rules.speeding.holds" in refused.stderr
    os.kill(daemon.process.pid, signal.SIGHUP)
    await _says(daemon, "the settings stay as they were")
    await _drive(daemon, "A1", 130.0, begin_s)
    await asyncio.to_thread(daemon.wait_for, ("vdm_vehicles", "moving"), 1)
    assert await asyncio.to_thread(_speeding, daemon) == []
    _change(daemon, "")
    done = await asyncio.to_thread(_command, daemon)
    assert "in force now: rules" in done.stdout
    await _drive(daemon, "A1", 130.0, begin_s + 600)
    async with asyncio.timeout(_WAIT_S):
        while not await asyncio.to_thread(_speeding, daemon):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.1)


async def test_a_road_drawn_through_the_api_sets_the_limit_also_after_a_restart(daemon: DaemonProcess) -> None:
    begin_s = int(time.time()) - 3_600
    roads = {"type": "FeatureCollection", "features": [_section(0, 60)]}
    async with httpx.AsyncClient(base_url=daemon.api, trust_env=False, timeout=30) as client:
        made = await client.put("/maps/roads", json=roads)
        assert (made.status_code, made.json()["features"]) == (200, 1)
        bad = _section(1) | {"geometry": {"type": "LineString", "coordinates": [[98.0, 38.0], [98.0, 38.0]]}}
        refused = await client.put("/maps/roads/features/R1", json=bad)
        assert refused.status_code == 422
        assert "R1" in refused.json()["message"]
        assert (await client.get("/maps/roads")).json() == roads
    await _drive(daemon, "A1", 75.0, begin_s)
    async with asyncio.timeout(_WAIT_S):
        while not (found := await asyncio.to_thread(_speeding, daemon)):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.1)
    assert (found[0]["limit"], found[0]["limit_source"]) == (60.0, "section")
    assert await asyncio.to_thread(daemon.stop) == 0
    await asyncio.to_thread(daemon.start)
    async with httpx.AsyncClient(base_url=daemon.api, trust_env=False) as client:
        listed = {one["layer"]: one["features"] for one in (await client.get("/maps")).json()["maps"]}
    assert listed == {"fences": 0, "roads": 1, "places": 0, "permits": 0}


async def test_ten_thousand_sections_come_into_force_while_reports_flow(daemon: DaemonProcess) -> None:
    roads = {"type": "FeatureCollection", "features": [_section(n) for n in range(10_000)]}
    taken: list[float] = []
    done = asyncio.Event()

    async def send() -> None:
        async with aiomqtt.Client("127.0.0.1", daemon.broker_port) as client:
            at = 0
            while not done.is_set():
                begun_s = time.monotonic()
                report = {"vehicle_id": "A1", "fix_time": int(time.time()) - 3_600 + at, "lon": 98.0, "lat": 38.0}
                await client.publish("reports/x", json.dumps(report).encode(), qos=1)
                taken.append(time.monotonic() - begun_s)
                at += 1
                await asyncio.sleep(0.01)

    async with httpx.AsyncClient(base_url=daemon.api, trust_env=False, timeout=60) as client:
        sending = asyncio.create_task(send())
        made = await client.put("/maps/roads", content=json.dumps(roads), headers={"Content-Type": "application/json"})
        done.set()
        await sending
    assert made.json()["features"] == 10_000
    assert taken
