"""Days settled by the real daemon: late data put right, also when it is killed meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from monitor.app.replay import replay_batch
from monitor.model.alarm import Alarm
from monitor.model.beijing import day_number, day_start_ms
from monitor.model.fleet import Registry
from monitor.model.report import ReportBatch
from simulators.mqtt import Target, play
from simulators.run import Simulation, simulate
from simulators.scenario import Scenario
from tests.conformance.settled_tables import OF_FIX_TIME
from tests.integration.brokers import Mosquitto
from tests.integration.daemons import DaemonProcess

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FIRST, LAST = "2026-03-02", "2026-03-03"
_TABLES = "[archive]\nflush_s = 0.5\n"
_COMPARED = (
    "rule",
    "kind",
    "grade",
    "vehicle_id",
    "onset",
    "end",
    "peak",
    "limit",
    "distance_m",
    "n_reports",
    "certainty",
)


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    episodes = {"speeding_general": 6.0, "speeding_major": 6.0, "fatigue_day_general": 5.0, "gap_moving": 5.0}
    return simulate(Scenario(vehicles=8, days=2, start=FIRST, seed=11, at_least=2, episodes=episodes))


@pytest.fixture
def daemon(mosquitto: Mosquitto, tmp_path: Path, simulation: Simulation) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path, mosquitto.port, tables=_TABLES)
    process.register(simulation.registry, date(2026, 3, 1))
    try:
        process.start()
        yield process
    finally:
        process.kill()


def out_of_order(batch: ReportBatch) -> ReportBatch:
    """A tenth of the reports received three hours late, and one that ends the last day."""
    rows = batch.rows.copy()
    late = np.random.default_rng(5).random(len(rows)) < 0.1
    rows["recv_ms"][late] += 3 * 3_600_000
    rows = rows[np.argsort(rows["recv_ms"], kind="stable")]
    last = rows[-1:].copy()
    last["fix_ms"] = last["recv_ms"] = int(day_start_ms(day_number(date.fromisoformat(LAST)) + 1)) + 4 * 3_600_000
    return replace(batch, rows=np.concatenate([rows, last]))


def expected(batch: ReportBatch, simulation: Simulation) -> list[Alarm]:
    until_ms = int(day_start_ms(day_number(date.fromisoformat(LAST)) + 1))
    rows = batch.rows[batch.rows["fix_ms"] < until_ms]
    found = replay_batch(replace(batch, rows=rows), Registry(simulation.registry), until_ms=until_ms)
    return [alarm for alarm in found.alarms if alarm.rule in OF_FIX_TIME and alarm.end_ms is not None]


def settled(daemon: DaemonProcess) -> list[dict[str, object]]:
    return [
        alarm
        for alarm in daemon.alarms()
        if alarm["rule"] in OF_FIX_TIME
        and alarm["state"] not in ("withdrawn", "merged", "active")
        and str(alarm["onset"]) < "2026-03-04"
    ]


def told(record: Mapping[str, object]) -> tuple[str, ...]:
    return tuple(repr(record[name]) for name in _COMPARED)


def command() -> list[str]:
    return [sys.executable, "-c", "from monitor.cli import main; main()", "settle", FIRST, "--to", LAST, "--lang", "en"]


def settle(daemon: DaemonProcess) -> str:
    done = subprocess.run(
        [*command(), "--config", str(daemon.folder / "monitor.toml")],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr + daemon.log[-3000:]
    return done.stdout


async def test_the_daemon_settles_days_whatever_happens_meanwhile(
    daemon: DaemonProcess, simulation: Simulation
) -> None:
    batch = out_of_order(simulation.batch)
    target = Target("127.0.0.1", daemon.broker_port, "reports/test")
    await play(batch, simulation.registry, target, speed=1_000_000.0, per_message=50)
    await asyncio.to_thread(daemon.wait_for_clock, int(batch.rows["recv_ms"].max()))
    for after_s in (0.5, 2.5):
        config = ["--config", str(daemon.folder / "monitor.toml")]
        quiet = asyncio.subprocess.DEVNULL
        asking = await asyncio.create_subprocess_exec(*command(), *config, stdout=quiet, stderr=quiet)
        await asyncio.sleep(after_s + 1.0)
        await asyncio.to_thread(daemon.kill)
        with contextlib.suppress(ProcessLookupError):
            asking.kill()
        await asking.wait()
        await asyncio.to_thread(daemon.start)
    await asyncio.to_thread(settle, daemon)
    await asyncio.to_thread(settle, daemon)  # what went through the live engine is confirmed
    found = settled(daemon)
    wanted = [alarm.record() for alarm in expected(batch, simulation)]
    assert sorted(map(told, found)) == sorted(told(one) for one in wanted)
    assert not any(alarm["provisional"] for alarm in found)
    again = await asyncio.to_thread(settle, daemon)
    assert again.count("no corrections") == 2
    assert settled(daemon) == found
    begun = time.monotonic()
    await asyncio.to_thread(daemon.kill)
    await asyncio.to_thread(daemon.start)
    assert settled(daemon) == found, time.monotonic() - begun
