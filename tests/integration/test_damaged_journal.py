"""A flipped bit stops the daemon with a sentence that says what to do, and what it says works."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import aiomqtt
import pytest

from monitor.model.beijing import parse_iso
from monitor.model.fleet import Vehicle
from monitor.store.journal import read_segment_files
from monitor.store.journal_segment import segment_files
from tests.integration.brokers import Mosquitto
from tests.integration.daemons import DaemonProcess

pytestmark = [pytest.mark.integration, pytest.mark.slow]

START_MS = parse_iso("2026-03-02T10:00:00")
N = 20


async def _publish(daemon: DaemonProcess, first: int, last: int) -> None:
    async with aiomqtt.Client("127.0.0.1", daemon.broker_port) as client:
        for number in range(first, last):
            seconds = START_MS // 1000 + 10 * number
            report = {"vehicle_id": "A1", "fix_time": seconds, "recv_time": seconds, "lon": 100.0, "lat": 39.0}
            await client.publish("reports/x", json.dumps(report), qos=1)


def _monitor(daemon: DaemonProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from monitor.cli import main; main()"
    config = ["--config", str(daemon.folder / "monitor.toml"), "--lang", "en"]
    command = [sys.executable, "-c", code, *arguments, *config]
    return subprocess.run(command, capture_output=True, text=True, check=False)


async def test_a_flipped_bit_is_named_and_can_be_cut_out(mosquitto: Mosquitto, tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path, mosquitto.port, clock="payload", snapshot_records=5_000)
    daemon.register((Vehicle("A1", "测A1"),), date(2026, 1, 1))
    try:
        await asyncio.to_thread(daemon.start)
        for number in range(N):
            await _publish(daemon, number, number + 1)
            await asyncio.to_thread(daemon.wait_for, ("vdm_reports_received_total", "main"), number + 1)
        assert (await asyncio.to_thread(_monitor, daemon, "journal", "check")).returncode == 0
        await asyncio.to_thread(daemon.kill)
        path = segment_files(daemon.state / "journal")[-1]
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 4
        path.write_bytes(data)

        refused = await asyncio.to_thread(_monitor, daemon, "run")
        assert refused.returncode == 1
        assert f"{path.name}: damaged at byte" in refused.stderr
        assert "restore the journal from a backup" in refused.stderr
        assert "monitor journal check" in refused.stderr

        checked = await asyncio.to_thread(_monitor, daemon, "journal", "check")
        assert checked.returncode == 1
        assert "damaged at byte" in checked.stdout
        planned = await asyncio.to_thread(_monitor, daemon, "journal", "cut")
        assert "1 records would be given up" in planned.stdout
        assert path.read_bytes() == data
        done = await asyncio.to_thread(_monitor, daemon, "journal", "cut", "--yes")
        assert done.returncode == 0, done.stderr
        assert "cut out" in done.stdout

        await asyncio.to_thread(daemon.start)
        await _publish(daemon, N, N + 1)
        await asyncio.to_thread(daemon.wait_for, ("vdm_reports_received_total", "main"), 1)
        assert daemon.stop() == 0
        records = list(read_segment_files([daemon.state / "journal"]))
        assert [record.offset for record in records] == list(range(1, len(records) + 1))
        assert sum(len(record.batch) for record in records if record.batch is not None) == N
        checked = await asyncio.to_thread(_monitor, daemon, "journal", "check")
        assert checked.returncode == 0
        assert "1 records were cut out before" in checked.stdout
    finally:
        daemon.kill()
