"""A machine's clock that jumps: no absence is made up, nothing is repeated, and a person can say that it is right."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import aiomqtt
import httpx
import pytest
from sqlalchemy import select

from monitor.model.fleet import Vehicle, VehicleClass
from monitor.model.journal import JournalRecord, RecordType
from monitor.store.database import open_database
from monitor.store.journal import read_segment_files
from monitor.store.registry_files import RegistryFile
from monitor.store.registry_store import import_registry
from monitor.store.schema import upgrade
from monitor.store.tables import alarms
from tests.integration.brokers import Mosquitto, free_port

pytestmark = [pytest.mark.integration, pytest.mark.slow]

START_S = 300.0
DAY_S = 90_000  # more than a day, so that a vehicle would count as absent
_CONFIG = """\
state_folder = "{state}"
lang = "en"
[metrics]
port = {port}
[core]
tick_s = 1
heartbeat_s = 1
[[mqtt]]
name = "main"
port = {broker}
[[mqtt.subscriptions]]
topic = "reports/#"
"""


@dataclass
class _Core:
    folder: Path
    broker: int
    port: int
    process: subprocess.Popen[bytes]

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def put_wrong(self, seconds: float) -> None:
        part = self.folder / "offset.part"
        part.write_text(str(seconds))
        part.replace(self.folder / "offset")

    def unready(self) -> dict[str, str]:
        answer = httpx.get(f"http://127.0.0.1:{self.port}/readyz", trust_env=False)
        return {one["part"]: one["reason"] for one in answer.json()["reasons"]}

    def records(self) -> list[JournalRecord]:
        return list(read_segment_files([self.state / "journal"]))

    def ticks(self) -> list[JournalRecord]:
        return [record for record in self.records() if record.type is RecordType.TICK]

    def alarms(self) -> list[str]:
        database = open_database(f"sqlite:///{self.state / 'monitor.db'}")
        try:
            with database.read() as connection:
                return list(connection.execute(select(alarms.c.rule)).scalars())
        finally:
            database.close()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        code = "from monitor.cli import main; main()"
        command = [sys.executable, "-c", code, "clock", *arguments, "--state", str(self.state), "--lang", "en"]
        return subprocess.run(command, capture_output=True, text=True, check=True)


@pytest.fixture
def core(mosquitto: Mosquitto, tmp_path: Path) -> Iterator[_Core]:
    state = tmp_path / "state"
    state.mkdir()
    url = f"sqlite:///{state / 'monitor.db'}"
    upgrade(url)
    database = open_database(url)
    vehicle = Vehicle("A1", "测A1", vehicle_class=VehicleClass.HAZMAT, enterprise_id="E1")
    import_registry(database, RegistryFile((vehicle,), (), 1), date(2026, 1, 1))
    database.close()
    port = free_port()
    config = tmp_path / "monitor.toml"
    config.write_text(_CONFIG.format(state=state, port=port, broker=mosquitto.port), "utf-8")
    (tmp_path / "offset").write_text("0")
    command = [
        sys.executable,
        "-m",
        "tests.integration.clocked_core",
        str(config),
        str(state),
        str(tmp_path / "offset"),
    ]
    with (tmp_path / "core.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=log, start_new_session=True)
    core = _Core(tmp_path, mosquitto.port, port, process)
    try:
        until_s = time.monotonic() + START_S
        while not _answers(core):
            if process.poll() is not None or time.monotonic() > until_s:
                raise AssertionError((tmp_path / "core.log").read_text()[-3000:])
            time.sleep(0.05)
        yield core
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def _answers(core: _Core) -> bool:
    try:
        return not core.unready()
    except httpx.HTTPError:
        return False


async def _until(condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not await asyncio.to_thread(condition):  # noqa: ASYNC110  another process
            await asyncio.sleep(0.05)


async def _report(core: _Core, n: int = 1) -> None:
    async with aiomqtt.Client("127.0.0.1", core.broker) as client:
        for _ in range(n):
            report = {"vehicle_id": "A1", "fix_time": int(time.time()), "lon": 100.0, "lat": 39.0, "speed_kmh": 40}
            await client.publish("reports/x", json.dumps(report), qos=1)


def _n_reports(core: _Core) -> int:
    return sum(len(record.batch) for record in core.records() if record.batch is not None)


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S], ids=["a day forward", "a day back"])
async def test_a_jump_is_told_and_not_followed_until_the_clock_comes_back(jump_s: int, core: _Core) -> None:
    await _report(core)
    await _until(lambda: _n_reports(core) == 1)
    core.put_wrong(jump_s)
    await _until(lambda: "clock" in core.unready())
    reason = core.unready()["clock"]
    assert ("forward" if jump_s > 0 else "back") in reason
    assert "monitor clock accept" in reason
    before = len(core.ticks())
    await _report(core)
    await _until(lambda: _n_reports(core) == 2)
    await asyncio.sleep(3)
    assert len(core.ticks()) <= before + 1  # one may have been under way
    now_ms = time.time() * 1000
    assert all(abs(record.clock_ms - now_ms) < 120_000 for record in core.ticks())
    last = [record for record in core.records() if record.batch is not None][-1].batch
    assert last is not None
    assert abs(int(last.rows["recv_ms"][0]) - now_ms) < 60_000
    assert int(last.rows["flaws"][0]) == 0
    core.put_wrong(0)
    await _until(lambda: not core.unready())
    seen = len(core.ticks())
    await _until(lambda: len(core.ticks()) > seen)
    assert not any(tick.resumed for tick in core.ticks())
    clocks = [record.clock_ms for record in core.records() if record.clock_ms]
    assert clocks == sorted(clocks)
    assert core.alarms() == []


async def test_a_person_says_that_the_clock_is_right(core: _Core) -> None:
    await _report(core)
    await _until(lambda: _n_reports(core) == 1)
    core.put_wrong(DAY_S)
    await _until(lambda: "clock" in core.unready())
    shown = await asyncio.to_thread(core.command, "show")
    assert "went forward" in shown.stdout
    accepted = await asyncio.to_thread(core.command, "accept")
    assert "the clock is followed" in accepted.stdout
    await _until(lambda: not core.unready())
    await _until(lambda: any(tick.resumed for tick in core.ticks()))
    resumed = next(tick for tick in core.ticks() if tick.resumed)
    assert resumed.clock_ms - resumed.paused_ms > DAY_S * 1000 * 0.99
    await asyncio.sleep(2)
    assert core.alarms() == []  # absence holds back after a pause of ours
