"""The daemon end to end: reports over MQTT in, alarms over REST and MQTT out."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, cast

import aiomqtt
import httpx
import pytest

from monitor.app.replay import replay_batch
from monitor.model.fleet import Registry
from simulators.mqtt import Target, play
from simulators.run import Simulation, simulate
from simulators.scenario import Scenario
from tests.integration.brokers import Mosquitto
from tests.integration.daemons import DaemonProcess

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_SPEED = 1_000_000.0


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    episodes = {
        "speeding_general": 5.0,
        "speeding_major": 5.0,
        "fatigue_day_general": 5.0,
        "gap_moving": 5.0,
        "incomplete_red": 5.0,
        "absence_lost_1d": 5.0,
    }
    return simulate(Scenario(vehicles=12, days=3, start="2026-03-02", seed=7, at_least=1, episodes=episodes))


@pytest.fixture
def daemon(mosquitto: Mosquitto, tmp_path: Path, simulation: Simulation) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path, mosquitto.port)
    process.register(simulation.registry, date(2026, 3, 1))
    try:
        process.start()
        yield process
    finally:
        process.kill()


def _expected(simulation: Simulation) -> dict[str, dict[str, object]]:
    found = replay_batch(simulation.batch, Registry(simulation.registry), as_received=True)
    return {alarm.alarm_id: dict(alarm.record()) for alarm in found.alarms}


def _by_id(alarms: list[dict[str, object]]) -> dict[str, dict[str, object]]:
    return {str(alarm["alarm_id"]): alarm for alarm in alarms}


async def _published(simulation: Simulation, port: int) -> int:
    target = Target("127.0.0.1", port, "reports/test")
    return await play(simulation.batch, simulation.registry, target, speed=_SPEED, per_message=50)


async def _asked(url: str) -> dict[str, Any]:
    async with httpx.AsyncClient(trust_env=False) as client:
        answer = (await client.get(url)).raise_for_status()
    return cast(dict[str, Any], answer.json())


def _last_ms(simulation: Simulation) -> int:
    return int(simulation.batch.rows["recv_ms"].max())


async def test_reports_over_mqtt_give_the_alarms_of_a_replay(daemon: DaemonProcess, simulation: Simulation) -> None:
    pushed: list[dict[str, object]] = []
    async with aiomqtt.Client("127.0.0.1", daemon.broker_port) as listener:
        await listener.subscribe("vdm/alarms/#", qos=1)
        assert await _published(simulation, daemon.broker_port) == len(simulation.batch)
        await asyncio.to_thread(daemon.wait_for_clock, _last_ms(simulation))
        expected = _expected(simulation)
        alarms = await asyncio.to_thread(daemon.alarms)
        assert len(expected) > 5
        assert _by_id(alarms) == expected
        wanted = {key for key, alarm in expected.items() if not alarm["inhibited_by"] and alarm["rule"] == "speeding"}
        async with asyncio.timeout(20):
            while not wanted <= {str(one["id"]) for one in pushed}:
                message = await anext(aiter(listener.messages))
                assert isinstance(message.payload, bytes)
                pushed.append(json.loads(message.payload))
    assert {one["type"] for one in pushed} == {"alarm"}


async def test_killed_in_the_middle_it_goes_on_as_if_nothing_had_happened(
    daemon: DaemonProcess, simulation: Simulation
) -> None:
    publishing = asyncio.create_task(_published(simulation, daemon.broker_port))
    await asyncio.to_thread(daemon.wait_for, ("vdm_reports_received_total", "main"), len(simulation.batch) / 3)
    await asyncio.to_thread(daemon.kill)
    await publishing
    await asyncio.to_thread(daemon.start)
    await asyncio.to_thread(daemon.wait_for_clock, _last_ms(simulation))
    alarms = await asyncio.to_thread(daemon.alarms)
    assert _by_id(alarms) == _expected(simulation)


async def test_a_stop_drains_and_the_next_start_has_no_tail(daemon: DaemonProcess, simulation: Simulation) -> None:
    await _published(simulation, daemon.broker_port)
    await asyncio.to_thread(daemon.wait_for_clock, _last_ms(simulation))
    assert await asyncio.to_thread(daemon.stop) == 0
    assert "stopped at record" in daemon.log
    await asyncio.to_thread(daemon.start)
    assert "0 records of the journal after it" in daemon.log.rsplit("state: snapshot at record", 1)[1]
    assert _by_id(await asyncio.to_thread(daemon.alarms)) == _expected(simulation)


async def test_summaries_indicators_and_supervision_follow(daemon: DaemonProcess, simulation: Simulation) -> None:
    await _published(simulation, daemon.broker_port)
    await asyncio.to_thread(daemon.wait_for_clock, _last_ms(simulation))
    await asyncio.to_thread(daemon.wait_for, ("vdm_deliveries_total", "delivered", "desk"), 10)
    enterprise = simulation.registry[0].enterprise_id
    summary = await _asked(f"{daemon.api}/enterprises/{enterprise}/summary")
    async with asyncio.timeout(30):
        while summary["day"] is None:  # the reckoning has its own process, and its own pace
            await asyncio.sleep(0.1)
            summary = await _asked(f"{daemon.api}/enterprises/{enterprise}/summary")
    assert summary["enterprise_id"] == enterprise
    assert summary["day"]["vehicles_registered"] > 0
    rows = await _asked(f"{daemon.api}/indicators?scope=vehicle&period=day")
    assert rows["total"] > 0
    assert all(row["provisional"] for row in rows["indicators"])
    retained: list[str] = []
    async with aiomqtt.Client("127.0.0.1", daemon.broker_port) as listener:
        await listener.subscribe("vdm/summaries/#", qos=1)
        async with asyncio.timeout(10):
            message = await anext(aiter(listener.messages))
            retained.append(str(message.topic))
    assert retained[0].startswith("vdm/summaries/")


async def test_what_cannot_be_read_is_counted_and_its_neighbours_are_kept(daemon: DaemonProcess) -> None:
    good = {"vehicle_id": "SIM00001", "fix_time": "2026-03-02T08:00:00+08:00", "lon": 100.0, "lat": 39.0}
    stranger = {**good, "vehicle_id": "somebody else"}
    async with aiomqtt.Client("127.0.0.1", daemon.broker_port) as client:
        for payload in (b"{", json.dumps([good, {"vehicle_id": 7}, stranger]).encode(), b"\xff" * 1000):
            await client.publish("reports/x", payload, qos=1)
    await asyncio.to_thread(daemon.wait_for, ("vdm_messages_received_total", "main"), 3)
    await asyncio.to_thread(daemon.wait_for, ("vdm_committed_offset",), 1)
    seen = await asyncio.to_thread(daemon.metrics)
    assert seen["vdm_reports_received_total", "main"] == 2
    assert sum(value for key, value in seen.items() if key[0] == "vdm_reports_rejected_total") == 3
    assert seen["vdm_vehicles", "unregistered"] == 1
    assert list((daemon.state / "quarantine").iterdir())


def test_the_metrics_please_promtool(daemon: DaemonProcess) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian package prometheus)")
    text = httpx.get(f"{daemon.operations}/metrics", trust_env=False).content
    checked = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True, check=False, timeout=20)
    assert checked.returncode == 0, checked.stderr.decode() + checked.stdout.decode()
    assert not checked.stderr.strip()


async def test_a_second_daemon_in_the_same_folder_is_refused(daemon: DaemonProcess, tmp_path: Path) -> None:
    other = DaemonProcess(tmp_path, daemon.broker_port)
    with pytest.raises(AssertionError, match="is writing here"):
        await asyncio.to_thread(other.start)
    assert other.process is not None
    assert other.process.wait(20) == 1
