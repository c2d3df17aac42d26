"""What came in is acknowledged when it is safe: not before, and once."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from monitor.app import reception as module
from monitor.app.core_settings import CoreSettings
from monitor.app.metrics import Metrics
from monitor.app.reception import Reception
from monitor.app.work import Work
from monitor.errors import OperationError
from monitor.model.journal import JournalRecord, RecordType
from monitor.quality import QualitySettings
from monitor.sources.intake import Feed, Intake, RawMessage
from monitor.store.journal import Journal, JournalSettings
from monitor.store.quarantine import Quarantine

NOW_MS = 1_772_000_000_000
FEED = Feed("main", "platform")


@dataclass
class _Disk:
    """Failures of ``os.fsync`` and ``os.write`` at will."""

    error: int = 0
    fsync: Callable[[int], None] = os.fsync
    write: Callable[[int, bytes], int] = os.write

    def __post_init__(self) -> None:
        self.fsync, self.write = os.fsync, os.write

    def failing_fsync(self, descriptor: int) -> None:
        if self.error == errno.EIO:
            raise OSError(self.error, os.strerror(self.error))
        self.fsync(descriptor)

    def failing_write(self, descriptor: int, data: bytes) -> int:
        if self.error in (errno.ENOSPC, errno.EROFS):
            raise OSError(self.error, os.strerror(self.error))
        return self.write(descriptor, data)


@dataclass
class _Bench:
    reception: Reception
    journal: Journal
    quarantine: Quarantine
    queue: asyncio.Queue[Work]
    metrics: Metrics
    acked: list[str] = field(default_factory=list)

    def intake(self, name: str, *payloads: bytes) -> Intake:
        data = payloads or (_report(name),)
        messages = [RawMessage(payload, "reports/x", NOW_MS) for payload in data]
        return Intake(FEED, messages, lambda: self.acked.append(name))

    def keys(self) -> list[str]:
        """Vehicles in the journal, a name per report."""
        batches = [record.batch for record in self.journal.read(1) if record.batch is not None]
        return [batch.keys[row["key"]] for batch in batches for row in batch.rows]

    def failures(self) -> float:
        return self.metrics.registry.get_sample_value("vdm_write_failures_total", {"stage": "journal"}) or 0.0


def _report(vehicle_id: str) -> bytes:
    report = {"vehicle_id": vehicle_id, "fix_time": NOW_MS // 1000, "lon": 100.0, "lat": 39.0, "speed_kmh": 40}
    return json.dumps(report).encode()


@asynccontextmanager
async def _bench(folder: Path, settings: JournalSettings | None = None) -> AsyncIterator[_Bench]:
    queue: asyncio.Queue[Work] = asyncio.Queue()
    metrics = Metrics(["main"], [], [])
    with Journal(folder / "journal", settings) as journal:
        quarantine = Quarantine(folder / "quarantine")
        core = CoreSettings()
        reception = Reception(journal, quarantine, queue, metrics, lambda: NOW_MS, core, QualitySettings())
        running = asyncio.create_task(reception.run())
        try:
            yield _Bench(reception, journal, quarantine, queue, metrics)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running
            quarantine.close()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> _Disk:
    disk = _Disk()
    monkeypatch.setattr(os, "fsync", disk.failing_fsync)
    monkeypatch.setattr(os, "write", disk.failing_write)
    monkeypatch.setattr(module, "_RETRY_FIRST_S", 0.001)
    monkeypatch.setattr(module, "_RETRY_MOST_S", 0.002)
    return disk


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  threads under way
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(errno.ENOSPC, id="the disk is full"),
        pytest.param(errno.EROFS, id="the disk is read-only"),
        pytest.param(errno.EIO, id="fsync fails"),
    ],
)
async def test_while_the_disk_refuses_nothing_is_acknowledged_and_afterwards_all_of_it_once(
    error: int, disk: _Disk, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with _bench(tmp_path) as bench:
        await bench.reception.deliver(bench.intake("A0"))
        disk.error = error
        waiting = [asyncio.create_task(bench.reception.deliver(bench.intake(f"A{n}"))) for n in (1, 2, 3)]
        await _until(lambda: bench.failures() >= 5)
        assert bench.acked == ["A0"]
        assert os.strerror(error) in bench.reception.failure
        assert not bench.reception.idle
        disk.error = 0
        await asyncio.gather(*waiting)
        assert bench.reception.failure == ""
        assert bench.acked == ["A0", "A1", "A2", "A3"]
        assert bench.keys() == ["A0", "A1", "A2", "A3"]
        assert [record.offset for record in bench.journal.read(1)] == list(range(1, bench.journal.last_offset + 1))
        taken = [bench.queue.get_nowait().record.offset for _ in range(bench.queue.qsize())]
        assert taken == list(range(1, bench.journal.last_offset + 1))
    told = [record for record in caplog.records if record.name == module.__name__]
    assert [one.levelno for one in told] == [logging.ERROR, logging.WARNING]


async def test_bad_bytes_are_kept_once_however_often_the_journal_is_tried(disk: _Disk, tmp_path: Path) -> None:
    async with _bench(tmp_path) as bench:
        await bench.reception.deliver(bench.intake("A0"))
        kept = bench.quarantine.keep

        def keep_then_fail(items: object) -> None:
            kept(items)  # type: ignore[arg-type]
            disk.error = errno.ENOSPC

        bench.quarantine.keep = keep_then_fail  # type: ignore[method-assign]
        waiting = asyncio.create_task(bench.reception.deliver(bench.intake("A1", b"no report", _report("A1"))))
        await _until(lambda: bench.failures() >= 3)
        assert bench.acked == ["A0"]
        disk.error = 0
        await waiting
        assert len(list(bench.quarantine.entries())) == 1
        assert bench.keys() == ["A0", "A1"]


async def test_bad_bytes_are_on_disk_before_they_are_acknowledged(disk: _Disk, tmp_path: Path) -> None:
    async with _bench(tmp_path) as bench:
        disk.error = errno.ENOSPC
        waiting = asyncio.create_task(bench.reception.deliver(bench.intake("bad", b"no report")))
        await _until(lambda: bench.failures() >= 2)
        assert bench.acked == []
        assert not list(bench.quarantine.entries())
        disk.error = 0
        await waiting
        assert bench.acked == ["bad"]
        assert [entry.data for entry in bench.quarantine.entries()] == [b"no report"]


async def test_records_of_our_own_are_refused_at_once_and_hold_nobody_up(disk: _Disk, tmp_path: Path) -> None:
    async with _bench(tmp_path) as bench:
        disk.error = errno.ENOSPC
        tick = JournalRecord(0, RecordType.TICK, NOW_MS)
        with pytest.raises(OperationError, match="No space left"):
            await bench.reception.submit(tick)
        waiting = asyncio.create_task(bench.reception.deliver(bench.intake("A1")))
        await _until(lambda: bench.failures() >= 3)
        with pytest.raises(OperationError, match="No space left"):
            await bench.reception.submit(tick)
        disk.error = 0
        await waiting
        await bench.reception.submit(tick)
        assert [record.type for record in bench.journal.read(1)] == [RecordType.REPORTS, RecordType.TICK]


async def test_a_refused_record_of_our_own_is_also_how_room_is_found_again(disk: _Disk, tmp_path: Path) -> None:
    async with _bench(tmp_path) as bench:
        tick = JournalRecord(0, RecordType.TICK, NOW_MS)
        disk.error = errno.ENOSPC
        with pytest.raises(OperationError):
            await bench.reception.submit(tick)
        assert bench.reception.failure
        disk.error = 0
        await bench.reception.submit(tick)
        assert bench.reception.failure == ""


async def test_it_stops_before_the_disk_is_full(disk: _Disk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with _bench(tmp_path, JournalSettings(reserve_bytes=8_000_000)) as bench:
        free = [9_000_000]
        monkeypatch.setattr(bench.journal.reserve, "free_bytes", lambda: free[0])
        await bench.reception.deliver(bench.intake("A0"))
        free[0] = 7_900_000
        waiting = asyncio.create_task(bench.reception.deliver(bench.intake("A1")))
        await _until(lambda: bench.failures() >= 2)
        assert "nearly full" in bench.reception.failure
        free[0] = 8_500_000  # not enough to begin again: it would come and go
        tries = bench.failures()
        await _until(lambda: bench.failures() >= tries + 2)
        free[0] = 9_100_000
        await waiting
        assert bench.keys() == ["A0", "A1"]
