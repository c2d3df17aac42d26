"""The archiver follows the journal, wherever it is cut off, and says what it missed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitor.app.archiver import Archiver
from monitor.errors import StoreError
from monitor.model.beijing import DAY_MS, day_start_ms
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, concatenate
from monitor.store.archive import Archive, ArchiveSettings
from monitor.store.journal import Journal, JournalSettings
from tests.unit.store.archives import DAY, in_order, reports, told

_SMALL = ArchiveSettings(flush_rows=40, flush_s=1.0, small_files=3)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path / "journal", JournalSettings(segment_bytes=1, reserve_bytes=0)) as opened:
        yield opened


def _filled(journal: Journal, seeds: range, clock_ms: int) -> ReportBatch:
    batches = [reports(seed, 12, days=1) for seed in seeds]
    for batch in batches:
        journal.append([JournalRecord(0, RecordType.REPORTS, clock_ms, batch=batch)])
    return concatenate(batches)


class _Clock:
    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        self.s += 2.0  # later at every look, so that a flush is always due
        return self.s


def _archiver(folder: Path, journal: Journal) -> Archiver:
    return Archiver(Archive(folder / "archive", _SMALL), journal.read, lambda: journal.last_offset, _Clock())


def test_it_begins_behind_what_is_durable(tmp_path: Path, journal: Journal) -> None:
    noon = int(day_start_ms(DAY)) + DAY_MS // 2
    first = _filled(journal, range(5), noon)
    killed = _archiver(tmp_path, journal)
    killed._take_some()
    killed.archive.flush()
    second = _filled(journal, range(5, 9), noon)
    killed._take_some()  # and never flushed
    again = _archiver(tmp_path, journal)
    assert (again.archive.archived_offset, again.backlog) == (5, 4)
    again.catch_up(60.0)
    assert again.backlog == 0
    assert told(again.archive.read(DAY)) == in_order(concatenate([first, second]), again.archive.buckets, DAY)


def test_many_small_files_are_merged_while_the_day_runs_and_the_rest_when_it_is_over(
    tmp_path: Path, journal: Journal
) -> None:
    noon = int(day_start_ms(DAY)) + DAY_MS // 2
    archiver = _archiver(tmp_path, journal)
    seen = []
    for number in range(6):
        _filled(journal, range(number, number + 1), noon)
        archiver._step()
        archiver._step()  # nothing more to take: there is time to merge
        seen.append(archiver.archive.files(DAY))
    assert seen == [1, 2, 3, 1, 2, 3]
    journal.append([JournalRecord(0, RecordType.TICK, noon + DAY_MS)])
    archiver._step()
    archiver._step()
    assert archiver.archive.files(DAY) == 1
    assert archiver.archive.rows(DAY) == 72


def test_records_that_the_journal_no_longer_has_are_counted_and_passed(tmp_path: Path, journal: Journal) -> None:
    noon = int(day_start_ms(DAY)) + DAY_MS // 2
    _filled(journal, range(4), noon)
    journal.drop_before(4)
    archiver = _archiver(tmp_path, journal)
    archiver.catch_up(60.0)
    assert archiver.missed == 3
    assert archiver.archive.rows(DAY) == 12


def test_an_archive_of_another_journal_is_refused(tmp_path: Path, journal: Journal) -> None:
    noon = int(day_start_ms(DAY)) + DAY_MS // 2
    _filled(journal, range(2), noon)
    archive = Archive(tmp_path / "archive", _SMALL)
    archive.take(reports(1, 5), 9)
    archive.flush()
    with pytest.raises(StoreError, match="do not belong together"):
        _archiver(tmp_path, journal).catch_up(60.0)


def test_a_disk_that_is_nearly_full_stops_it_before_the_journal_and_memory_stays_bounded(
    tmp_path: Path, journal: Journal
) -> None:
    _filled(journal, range(12), int(day_start_ms(DAY)))
    trouble = ["the disk is nearly full"]
    archive = Archive(tmp_path / "archive", _SMALL)
    archiver = Archiver(archive, journal.read, lambda: journal.last_offset, _Clock(), lambda _: trouble[0])
    for _ in range(5):
        with pytest.raises(StoreError, match="nearly full"):
            archiver._step()
    assert archive.archived_offset == 0
    trouble[0] = ""
    archiver._step()
    assert archive.rows(DAY) == 144


async def test_what_came_last_is_archived_at_the_stop(tmp_path: Path, journal: Journal) -> None:
    noon = int(day_start_ms(DAY)) + DAY_MS // 2
    archiver = _archiver(tmp_path, journal)
    running = asyncio.create_task(archiver.run(), name="archiver")
    batch = _filled(journal, range(3), noon)
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await archiver.finish(60.0)
    archive = Archive(tmp_path / "archive")
    assert told(archive.read(DAY)) == in_order(batch, archive.buckets, DAY)
