"""The disk is full: senders keep what we cannot, everybody is told, and it goes on by itself when there is room."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import aiomqtt
import httpx
import pytest

from monitor.model.beijing import parse_iso
from monitor.model.fleet import Vehicle, VehicleClass
from monitor.store.database import open_database
from monitor.store.journal import read_segment_files
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry
from monitor.store.schema import upgrade
from tests.integration.brokers import Mosquitto
from tests.integration.daemons import DaemonProcess
from tests.integration.small_disk import SmallDisk, mounted

pytestmark = [pytest.mark.integration, pytest.mark.slow]

START_MS = parse_iso("2026-03-02T10:00:00")
STEP_MS = 10_000
N = 240
RESERVE = 8 * 1024 * 1024
VEHICLE = Vehicle("A1", "测A1", vehicle_class=VehicleClass.HAZMAT, enterprise_id="E1")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    with mounted(tmp_path / "small", 48) as disk:
        yield disk


def _daemon(disk: SmallDisk, folder: Path, broker: Mosquitto, tables: str = "", top: str = "") -> DaemonProcess:
    folder.mkdir(exist_ok=True)
    if not top:
        (folder / "state").symlink_to(disk.folder)
    process = DaemonProcess(folder, broker.port, clock="payload", tables=tables, top=top, snapshot_records=5_000)
    if not top:
        process.register((VEHICLE,), date(2026, 1, 1))
    return process


def _payload(number: int) -> bytes:
    """Driving at 60, and twice for five minutes at 110 where 80 is allowed."""
    fix_ms = START_MS + number * STEP_MS
    fast = 30 <= number % 120 < 60
    report = {
        "vehicle_id": "A1",
        "fix_time": fix_ms // 1000,
        "recv_time": fix_ms // 1000 + 1,
        "lon": 100.0 + number * 0.0003,
        "lat": 39.0,
        "speed_kmh": 110 if fast else 60,
    }
    return json.dumps(report).encode()


async def _publish(daemon: DaemonProcess, first: int, last: int) -> None:
    async with aiomqtt.Client("127.0.0.1", daemon.broker_port) as client:
        for number in range(first, last):
            await client.publish("reports/x", _payload(number), qos=1)


async def _until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)


def _unready(daemon: DaemonProcess) -> dict[str, str]:
    answer = httpx.get(f"{daemon.operations}/readyz", trust_env=False)
    found = {one["part"]: one["reason"] for one in answer.json()["reasons"]}
    assert answer.status_code == (503 if found else 200)
    return found


def _reports(daemon: DaemonProcess) -> list[int]:
    """Fix times in the journal."""
    batches = [record.batch for record in read_segment_files([daemon.state / "journal"]) if record.batch is not None]
    return [fix_ms for batch in batches for fix_ms in batch.rows["fix_ms"].tolist()]


def _all_there(daemon: DaemonProcess) -> None:
    daemon.wait_for(("vdm_reports_received_total", "main"), N)
    daemon.wait_for_clock(START_MS + (N - 1) * STEP_MS + 1_000)
    assert _reports(daemon) == [START_MS + number * STEP_MS for number in range(N)]
    found = [alarm for alarm in daemon.alarms() if alarm["rule"] == "speeding"]
    assert len(found) == 2
    assert {alarm["state"] for alarm in found} == {"cleared"}


@pytest.mark.parametrize(
    ("reserve", "said"),
    [
        pytest.param(RESERVE, "nearly full", id="as far as the reserve"),
        pytest.param(0, "No space left on device", id="to the last byte"),
    ],
)
async def test_nothing_is_acknowledged_until_there_is_room_and_nothing_is_lost_or_doubled(
    reserve: int, said: str, disk: SmallDisk, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    daemon = _daemon(disk, tmp_path / "daemon", mosquitto, f"[journal]\nreserve_bytes = {reserve}\n")
    try:
        await asyncio.to_thread(daemon.start)
        await _publish(daemon, 0, 40)
        await asyncio.to_thread(daemon.wait_for, ("vdm_reports_received_total", "main"), 40)
        await asyncio.to_thread(disk.fill, max(reserve - 65_536, 0))
        await _publish(daemon, 40, 160)
        await _until(lambda: said in _unready(daemon).get("journal", ""))
        stopped = await asyncio.to_thread(daemon.metrics)
        assert stopped["vdm_intake_stopped",] == 1
        assert stopped["vdm_reports_received_total", "main"] <= 160
        await _publish(daemon, 160, N)
        await asyncio.sleep(2)
        assert daemon.log.count("nothing is acknowledged until it works again") == 1
        refused = await _refused_by_rest(daemon)
        assert refused.status_code == 503, refused.text
        await asyncio.to_thread(disk.make_room)
        await _until(lambda: not _unready(daemon))
        await asyncio.to_thread(_all_there, daemon)
        assert daemon.log.count("the journal takes records again") == 1
        assert (await asyncio.to_thread(daemon.metrics))["vdm_intake_stopped",] == 0
        assert daemon.stop() == 0
    finally:
        daemon.kill()


async def _refused_by_rest(daemon: DaemonProcess) -> httpx.Response:
    """A command that needs a record of its own in the journal."""
    fence = {
        "type": "Feature",
        "id": "F1",
        "properties": {"id": "F1", "name": "场站", "kind": "depot"},
        "geometry": {
            "type": "Polygon",
            "coordinates": [[[100.0, 39.0], [100.1, 39.0], [100.1, 39.1], [100.0, 39.1], [100.0, 39.0]]],
        },
    }
    fences = {"type": "FeatureCollection", "features": [fence]}
    async with httpx.AsyncClient(trust_env=False, timeout=30) as client:
        return await client.put(f"{daemon.api}/maps/fences", json=fences)


async def test_a_full_disk_of_the_database_holds_its_step_back_and_the_journal_goes_on(
    disk: SmallDisk, mosquitto: Mosquitto, tmp_path: Path
) -> None:
    url = f"sqlite:///{disk.folder / 'other.db'}"
    upgrade(url)
    database = open_database(url)
    import_registry(database, RegistryFile((VEHICLE,), (), 1), date(2026, 1, 1))
    database.close()
    daemon = _daemon(disk, tmp_path / "daemon", mosquitto, top=f'database_url = "{url}"\n')
    try:
        await asyncio.to_thread(daemon.start)
        await _publish(daemon, 0, 20)
        await asyncio.to_thread(daemon.wait_for, ("vdm_reports_received_total", "main"), 20)
        await asyncio.to_thread(disk.fill)
        await _publish(daemon, 20, N)
        await _until(lambda: "full" in _unready(daemon).get("store", ""), 60)
        await asyncio.to_thread(daemon.wait_for, ("vdm_reports_received_total", "main"), N)
        before = await asyncio.to_thread(daemon.metrics)
        assert before["vdm_committed_offset",] < before["vdm_journal_offset",]
        await asyncio.to_thread(disk.make_room)
        await _until(lambda: not _unready(daemon))
        await asyncio.to_thread(_all_there, daemon)
        assert daemon.stop() == 0
    finally:
        daemon.kill()
