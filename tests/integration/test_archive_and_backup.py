"""The real daemon's archive, its backup while it runs, and a start from that."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from monitor.app.backup import BackedUpDaemon, back_up
from monitor.app.backup_database import DUMP_FILE, restore_postgres
from monitor.app.backup_files import MANIFEST, BackupManifest, backups, read_manifest
from monitor.app.restore import restore
from monitor.errors import StoreError
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, concatenate
from monitor.store.archive import Archive
from monitor.store.database import open_database
from monitor.store.deletion_store import recorded_deletions
from monitor.store.forward_store import ForwardCursor, forward_cursor, put_forward_cursor
from monitor.store.journal import Journal, read_segment_files
from monitor.store.schema import upgrade
from simulators.mqtt import Target, play
from simulators.run import Simulation, simulate
from simulators.scenario import Scenario
from tests.integration.brokers import Mosquitto
from tests.integration.daemons import DaemonProcess
from tests.unit.store.archives import in_order, told

pytestmark = [pytest.mark.integration, pytest.mark.slow]

_TABLES = "[archive]\nflush_s = 0.3\nflush_rows = 2000\nsmall_files = 4\n"


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    episodes = {"speeding_general": 5.0, "speeding_major": 5.0, "fatigue_day_general": 5.0, "gap_moving": 5.0}
    return simulate(Scenario(vehicles=12, days=2, start="2026-03-02", seed=7, at_least=2, episodes=episodes))


@pytest.fixture
def daemon(mosquitto: Mosquitto, tmp_path: Path, simulation: Simulation) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path / "first", mosquitto.port, tables=_TABLES)
    process.folder.mkdir()
    process.register(simulation.registry, date(2026, 3, 1))
    try:
        process.start()
        yield process
    finally:
        process.kill()


async def _publish(batch: ReportBatch, simulation: Simulation, port: int) -> None:
    target = Target("127.0.0.1", port, "reports/test")
    await play(batch, simulation.registry, target, speed=1_000_000.0, per_message=50)


def _parts(batch: ReportBatch) -> tuple[ReportBatch, ReportBatch]:
    middle = len(batch) * 3 // 4
    first, second = batch.rows[:middle], batch.rows[middle:]
    return (
        ReportBatch(batch.keys, first, batch.drivers, batch.sources),
        ReportBatch(batch.keys, second, batch.drivers, batch.sources),
    )


def _command(*arguments: str) -> str:
    command = [sys.executable, "-c", "from monitor.cli import main; main()", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _archived_all(daemon: DaemonProcess) -> bool:
    seen = daemon.metrics()
    return seen["vdm_archived_offset",] >= seen["vdm_journal_offset",] - 3


def _same_as_journal(state: Path) -> None:
    records = list(read_segment_files([state / "journal"]))
    batch = concatenate([record.batch for record in records if record.batch is not None])
    archive = Archive(state / "archive")
    assert archive.archived_offset == records[-1].offset
    assert sum(archive.rows(day) for day in archive.days()) == len(batch)
    for day in archive.days():
        assert told(archive.read(day)) == in_order(batch, archive.buckets, day)
    settings = [record for record in records if record.type in (RecordType.REGISTRY, RecordType.CONFIG)]
    kept = archive.settings_between(-(1 << 60), 1 << 60)
    assert {one.payload for one in kept if one.type in (RecordType.REGISTRY, RecordType.CONFIG)} == {
        record.payload for record in settings
    }


async def test_a_killed_daemon_archives_every_report_once(daemon: DaemonProcess, simulation: Simulation) -> None:
    first, second = _parts(simulation.batch)
    await _publish(first, simulation, daemon.broker_port)
    await asyncio.to_thread(daemon.wait_for, ("vdm_archived_offset",), 3)
    await asyncio.to_thread(daemon.kill)
    await asyncio.to_thread(daemon.start)
    await _publish(second, simulation, daemon.broker_port)
    await asyncio.to_thread(daemon.wait_for_clock, int(simulation.batch.rows["recv_ms"].max()))
    assert await asyncio.to_thread(daemon.stop) == 0
    _same_as_journal(daemon.state)


async def test_a_backup_of_a_running_daemon_starts_elsewhere_with_the_same_alarms(
    daemon: DaemonProcess, simulation: Simulation, tmp_path: Path
) -> None:
    first, second = _parts(simulation.batch)
    await _publish(first, simulation, daemon.broker_port)
    await asyncio.to_thread(daemon.wait_for_clock, int(first.rows["recv_ms"].max()))
    alarms = await asyncio.to_thread(daemon.alarms)
    assert len(alarms) > 3
    config = str(daemon.folder / "monitor.toml")
    target = tmp_path / "backups"
    pouring = asyncio.create_task(_publish(second, simulation, daemon.broker_port))
    for _ in range(2):
        await asyncio.to_thread(_command, "backup", str(target), "--config", config)
    await pouring
    await asyncio.to_thread(daemon.wait_for_clock, int(simulation.batch.rows["recv_ms"].max()))
    everything = await asyncio.to_thread(daemon.alarms)
    assert await asyncio.to_thread(daemon.stop) == 0

    older, newer = backups(target)
    shared = {file.sha256: file.path for file in read_manifest(older).files}
    linked = [file for file in read_manifest(newer).files if shared.get(file.sha256) == file.path]
    assert any((newer / one.path).stat().st_ino == (older / shared[one.sha256]).stat().st_ino for one in linked)
    assert "port" in (newer / "configuration" / "monitor.toml").read_text("utf-8")

    second_life = DaemonProcess(tmp_path / "second", daemon.broker_port, tables=_TABLES)
    second_life.folder.mkdir()
    _command("restore", str(target), "--state", str(second_life.state))
    try:
        await asyncio.to_thread(second_life.start)
        found = await asyncio.to_thread(second_life.alarms)
        ids = {str(alarm["alarm_id"]) for alarm in found}
        assert {str(alarm["alarm_id"]) for alarm in alarms} <= ids <= {str(alarm["alarm_id"]) for alarm in everything}
        # What came after the backup comes again, as from a sender that was not answered.
        await _publish(second, simulation, daemon.broker_port)
        await asyncio.to_thread(second_life.wait_for_clock, int(simulation.batch.rows["recv_ms"].max()))
        again = await asyncio.to_thread(second_life.alarms)
        assert {str(one["alarm_id"]) for one in again} == {str(one["alarm_id"]) for one in everything}
        assert await asyncio.to_thread(second_life.stop) == 0
    finally:
        second_life.kill()


async def test_retention_by_command_asks_the_running_daemon(daemon: DaemonProcess, simulation: Simulation) -> None:
    config = str(daemon.folder / "monitor.toml")
    vehicle = simulation.registry[0].vehicle_id
    said = _command("hold", "add", vehicle, "--from", "2026-03-02", "--to", "2026-03-02", "--author", "甘",
                    "--reason", "事故", "--config", config, "--lang", "en")  # fmt: skip
    assert "hold 1 is in force" in said
    assert vehicle in _command("hold", "list", "--config", config)
    assert "nothing is too old" in _command("retention", "run", "--config", config, "--lang", "en")
    _command("hold", "release", "1", "--author", "甘", "--reason", "结案", "--config", config)
    assert "结案" in _command("hold", "list", "--all", "--config", config)
    assert _command("retention", "list", "--config", config) == ""


def test_postgresql_is_backed_up_by_its_own_tools(empty_store_url: str, tmp_path: Path) -> None:
    if not empty_store_url.startswith("postgresql"):
        pytest.skip("this is about PostgreSQL; SQLite is backed up above")
    if shutil.which("pg_dump") is None:
        pytest.skip("pg_dump is not installed; on Debian: apt-get install postgresql-client")
    state = tmp_path / "state"
    with Journal(state / "journal") as journal:
        journal.append([JournalRecord(0, RecordType.TICK, 1)])
    upgrade(empty_store_url)
    database = open_database(empty_store_url)
    put_forward_cursor(database, ForwardCursor("province", 1, 1, 1))
    daemon = BackedUpDaemon(state, empty_store_url, tmp_path / "none.toml")
    done = back_up(daemon, tmp_path / "backups", 1_772_000_000_000)
    restore(done.folder, tmp_path / "restored")
    with database.write() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    restore_postgres(tmp_path / "restored" / DUMP_FILE, empty_store_url)
    found = forward_cursor(database, "province")
    assert found is not None
    assert found.journal_offset == 1
    assert recorded_deletions(database) == ()
    with pytest.raises(StoreError, match="has to be empty"):
        restore_postgres(tmp_path / "restored" / DUMP_FILE, empty_store_url)
    database.close()
    assert isinstance(json.loads((done.folder / MANIFEST).read_bytes()), dict)
    assert isinstance(read_manifest(done.folder), BackupManifest)
