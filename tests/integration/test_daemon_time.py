"""The daemon by its own clock: ticks, pauses, registry changes while it runs, and what a stop leaves behind."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import aiomqtt
import httpx
import pytest

from monitor.model.fleet import Vehicle, VehicleClass
from monitor.model.journal import RecordType
from monitor.store.database import open_database
from monitor.store.journal import read_segment_files
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry
from tests.integration.brokers import Mosquitto
from tests.integration.daemons import DaemonProcess

pytestmark = [pytest.mark.integration, pytest.mark.slow]


@pytest.fixture
def daemon(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path, mosquitto.port, clock="arrival")
    process.register((Vehicle("A1", "测A1", vehicle_class=VehicleClass.HAZMAT, enterprise_id="E1"),), date(2026, 1, 1))
    try:
        process.start()
        yield process
    finally:
        process.kill()


def _report(vehicle_id: str) -> bytes:
    report = {"vehicle_id": vehicle_id, "fix_time": int(time.time()), "lon": 100.0, "lat": 39.0, "speed_kmh": 40}
    return json.dumps(report).encode()


async def _publish(daemon: DaemonProcess, *payloads: bytes) -> None:
    async with aiomqtt.Client("127.0.0.1", daemon.broker_port) as client:
        for payload in payloads:
            await client.publish("reports/x", payload, qos=1)


async def test_time_passes_without_reports(daemon: DaemonProcess) -> None:
    before = await asyncio.to_thread(daemon.metrics)
    await asyncio.to_thread(daemon.wait_for, ("vdm_committed_offset",), before["vdm_committed_offset",] + 1)
    assert daemon.stop() == 0
    ticks = [record for record in read_segment_files([daemon.state / "journal"]) if record.type is RecordType.TICK]
    assert ticks
    assert not any(tick.resumed for tick in ticks)
    assert abs(ticks[-1].clock_ms - time.time() * 1000) < 60_000


async def test_a_registry_imported_meanwhile_takes_effect(daemon: DaemonProcess) -> None:
    await _publish(daemon, _report("B2"))
    await asyncio.to_thread(daemon.wait_for, ("vdm_vehicles", "unregistered"), 1)
    database = open_database(f"sqlite:///{daemon.state / 'monitor.db'}")
    vehicle = Vehicle("B2", "测B2", vehicle_class=VehicleClass.HAZMAT, enterprise_id="E1")
    import_registry(database, RegistryFile((vehicle,), (), 1), date(2026, 1, 1), imported_ms=1)
    database.close()
    await asyncio.to_thread(daemon.wait_for, ("vdm_vehicles", "moving"), 1)
    seen = await asyncio.to_thread(daemon.metrics)
    assert seen["vdm_vehicles", "unregistered"] == 0


async def test_a_broker_that_goes_away_makes_it_unready_and_not_dead(
    daemon: DaemonProcess, mosquitto: Mosquitto
) -> None:
    await asyncio.to_thread(mosquitto.stop)
    async with httpx.AsyncClient(base_url=daemon.operations, trust_env=False) as client:
        async with asyncio.timeout(20):
            while (answer := await client.get("/readyz")).is_success:  # noqa: ASYNC110  another process
                await asyncio.sleep(0.05)
        assert answer.json()["reasons"][0]["part"] == "source main"
        assert (await client.get("/healthz")).is_success
        await asyncio.to_thread(mosquitto.start)
        async with asyncio.timeout(20):
            while not (await client.get("/readyz")).is_success:  # noqa: ASYNC110  another process
                await asyncio.sleep(0.05)


async def test_what_was_sent_while_it_was_away_arrives(daemon: DaemonProcess) -> None:
    await asyncio.to_thread(daemon.stop)
    await _publish(daemon, *(_report("A1") for _ in range(5)))
    await asyncio.to_thread(daemon.start)
    await asyncio.to_thread(daemon.wait_for, ("vdm_reports_received_total", "main"), 5)
