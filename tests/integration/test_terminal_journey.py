"""Simulated terminals at the real daemon: they register, drive, are cut off and come back with what they stored.

Nothing is lost and nothing doubled, and the alarms are those of a replay of what the terminals sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from monitor.app.replay import replay_batch
from monitor.codec.jt808.header import Version
from monitor.model.fleet import Registry
from monitor.model.journal import RecordType
from monitor.model.report import UNKNOWN, ReportBatch, ReportRows, concatenate
from monitor.store.journal import Journal
from simulators.jt808.identity import identities
from simulators.jt808.terminal import SimulatedTerminal
from simulators.run import Simulation, simulate
from simulators.scenario import Scenario
from tests.integration.brokers import free_port
from tests.integration.daemons import DaemonProcess

pytestmark = [pytest.mark.integration, pytest.mark.slow]

EPISODES = {"speeding_general": 5.0, "speeding_major": 5.0, "fatigue_day_general": 5.0, "gap_moving": 5.0}
BEHIND_MS = 900_000
"""The drive ended this long ago, so every report is as late in the daemon as in the replay."""
PIECE = 200


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    found = simulate(Scenario(vehicles=8, days=2, start="2026-03-02", seed=11, at_least=1, episodes=EPISODES))
    rows = found.batch.rows
    rows["fix_ms"] += (time.time_ns() // 1_000_000 - BEHIND_MS - int(rows["fix_ms"].max())) // 1000 * 1000
    return found


@pytest.fixture
def daemon(tmp_path: Path, simulation: Simulation) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path, tables=f'[[jt808]]\nname = "terminals"\nport = {free_port()}\n')
    process.register(simulation.registry, date(2025, 1, 1))
    try:
        process.start()
        yield process
    finally:
        process.kill()


async def test_what_a_cut_off_terminal_stored_arrives_once_and_alarms_like_a_replay(
    daemon: DaemonProcess, simulation: Simulation
) -> None:
    keys = simulation.batch.keys
    shares = {Version.V2011: 0.3, Version.V2013: 0.4, Version.V2019: 0.3}
    terminals = [
        SimulatedTerminal(identity, port=_port(daemon))
        for identity in identities(keys, simulation.registry, shares=shares)
    ]
    try:
        async with asyncio.TaskGroup() as group:
            for number, terminal in enumerate(terminals):
                rows = simulation.batch.rows
                group.create_task(_drive(terminal, rows[rows["key"] == number]), name=f"terminal {number}")
    finally:
        for terminal in terminals:
            await terminal.close()
    sent = _sent(terminals)
    assert len(sent) == len(simulation.batch)
    await asyncio.to_thread(daemon.wait_for, ("vdm_reports_received_total", "terminals"), len(sent))
    last_ms = int(sent.rows["recv_ms"].max())
    await asyncio.to_thread(daemon.wait_for_clock, last_ms)
    live = {str(alarm["alarm_id"]): alarm for alarm in await asyncio.to_thread(daemon.alarms)}
    assert await asyncio.to_thread(daemon.stop) == 0
    journalled = _journalled(daemon)
    assert _reports(journalled) == _reports(sent)
    replayed = replay_batch(sent, Registry(simulation.registry), as_received=True).alarms
    assert {alarm.rule for alarm in replayed} >= {"speeding", "fatigue"}
    assert live == {alarm.alarm_id: dict(alarm.record()) for alarm in replayed}


async def _drive(terminal: SimulatedTerminal, rows: ReportRows) -> None:
    """A third live, a third stored while cut off, a third live again; the cut loses answers that were under way."""
    rows = rows.copy()
    rows["key"] = 0
    rows["driver"] = UNKNOWN  # no card in it
    live, under_way, stored = len(rows) // 3, len(rows) // 3 + 20, 2 * len(rows) // 3
    await terminal.connect()
    assert await terminal.register() == 0
    assert await terminal.authenticate() == 0
    await _report(terminal, rows[:live])
    await terminal.report(rows[live:under_way], wait=False)
    terminal.cut()
    await terminal.connect()
    assert await terminal.authenticate() == 0
    await terminal.backfill(rows[under_way:stored])
    await _report(terminal, rows[stored:])
    assert not terminal.stored


async def _report(terminal: SimulatedTerminal, rows: ReportRows) -> None:
    for start in range(0, len(rows), PIECE):
        assert set(await terminal.report(rows[start : start + PIECE])) <= {0}


def _port(daemon: DaemonProcess) -> int:
    return int(daemon.tables.rsplit("port = ", 1)[1])


def _sent(terminals: Sequence[SimulatedTerminal]) -> ReportBatch:
    """What all of them sent, in the order sent."""
    batch = concatenate([terminal.sent() for terminal in terminals])
    order = np.argsort(batch.rows["recv_ms"], kind="stable")
    return ReportBatch(batch.keys, batch.rows[order], batch.drivers, batch.sources)


def _journalled(daemon: DaemonProcess) -> ReportBatch:
    journal = Journal(daemon.state / "journal")
    try:
        found = [record.batch for record in journal.read(0) if record.type is RecordType.REPORTS]
    finally:
        journal.close()
    return concatenate([batch for batch in found if batch is not None])


def _reports(batch: ReportBatch) -> set[tuple[str, int, int, int]]:
    """Every distinct report."""
    rows = batch.rows
    return {
        (batch.keys[row["key"]], int(row["fix_ms"]), round(row["lon_deg"] * 1e6), round(row["lat_deg"] * 1e6))
        for row in rows
    }
