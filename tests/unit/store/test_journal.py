"""The journal gives back what was written, whatever happened in between."""

from __future__ import annotations

import logging
import os
import tempfile
import threading
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from monitor.errors import JournalError
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, empty_rows
from monitor.store.journal import Journal, JournalSettings, read_segment_files
from monitor.store.journal_segment import SEAL_BYTES, segment_files

SMALL = JournalSettings(segment_bytes=4096)


def batch(n: int, seed: int = 0) -> ReportBatch:
    rng = np.random.default_rng(seed)
    rows = empty_rows(n)
    rows["fix_ms"] = 1_700_000_000_000 + rng.integers(0, 60_000, n)
    rows["lon_deg"] = 99 + rng.random(n)
    rows["key"] = rng.integers(0, 3, n)
    rows["speed_dkmh"] = rng.integers(0, 1_000, n)
    return ReportBatch(("甘G12345", "terminal:13900000001", "unused", "x"), rows, ("driver",), ("mqtt",))


def reports(n: int = 5, clock_ms: int = 1_000, seed: int = 0) -> JournalRecord:
    return JournalRecord(0, RecordType.REPORTS, clock_ms, batch=batch(n, seed))


def tick(clock_ms: int) -> JournalRecord:
    return JournalRecord(0, RecordType.TICK, clock_ms)


def died(path: Path) -> None:
    """As a process leaves a segment that is killed: without the seal."""
    path.write_bytes(path.read_bytes()[:-SEAL_BYTES])


def clocks(folder: Path) -> list[int]:
    return [record.clock_ms for record in read_segment_files([folder])]


def test_every_type_of_record_comes_back_as_written(tmp_path: Path) -> None:
    written = [
        reports(3, 10),
        reports(2_000, 20, seed=1),
        reports(0, 20),
        JournalRecord(0, RecordType.TICK, 30, resumed=True, paused_ms=25),
        JournalRecord(0, RecordType.TICK, 30),
        JournalRecord(0, RecordType.REGISTRY, 40, payload=b"{}" * 4_000),
        JournalRecord(0, RecordType.CONFIG, 50, payload=b""),
    ]
    with Journal(tmp_path) as journal:
        assert journal.append(written[:2]) == 2
        assert journal.append(written[2:]) == 7
        assert (journal.last_offset, journal.last_clock_ms) == (7, 50)
        read = list(journal.read(1))
    assert [record.offset for record in read] == [1, 2, 3, 4, 5, 6, 7]
    for before, after in zip(written, read, strict=True):
        assert (after.type, after.clock_ms, after.resumed, after.paused_ms, after.payload) == (
            before.type,
            before.clock_ms,
            before.resumed,
            before.paused_ms,
            before.payload,
        )
        if before.batch is None:
            assert after.batch is None
        else:
            assert after.batch is not None
            assert (after.batch.keys, after.batch.drivers, after.batch.sources) == (
                before.batch.keys,
                before.batch.drivers,
                before.batch.sources,
            )
            assert after.batch.rows.tobytes() == before.batch.rows.tobytes()


def test_reading_begins_at_the_offset_asked_for_in_any_segment(tmp_path: Path) -> None:
    with Journal(tmp_path, SMALL) as journal:
        for number in range(40):
            journal.append([reports(20, number)])
        assert len(segment_files(tmp_path)) > 3
        for start in range(1, 42):
            assert [record.offset for record in journal.read(start)] == list(range(start, 41))


def test_a_restart_goes_on_counting(tmp_path: Path) -> None:
    for clock_ms in (1, 2, 3):
        with Journal(tmp_path) as journal:
            assert journal.last_offset == clock_ms - 1
            assert journal.last_clock_ms == clock_ms - 1
            journal.append([tick(clock_ms)])
    assert clocks(tmp_path) == [1, 2, 3]


def test_a_segment_rolls_by_the_age_of_its_records(tmp_path: Path) -> None:
    with Journal(tmp_path, JournalSettings(segment_age_s=60)) as journal:
        for clock_ms in (0, 59_999, 60_000, 119_999, 120_000):
            journal.append([tick(clock_ms)])
    assert [path.name[:20].lstrip("0") for path in segment_files(tmp_path)] == ["1", "3", "5"]


def test_a_second_writer_is_told_who_writes(tmp_path: Path) -> None:
    with Journal(tmp_path), pytest.raises(JournalError, match=f"process {os.getpid()} is writing here"):
        Journal(tmp_path)
    Journal(tmp_path).close()


def test_segments_before_an_offset_can_be_dropped_and_then_are_missed(tmp_path: Path) -> None:
    with Journal(tmp_path, SMALL) as journal:
        for number in range(40):
            journal.append([reports(20, number)])
        assert journal.drop_before(20) > 0
        assert [record.offset for record in journal.read(20)] == list(range(20, 41))
        with pytest.raises(JournalError, match="are missing before it"):
            list(journal.read(1))
        assert next(journal.read(0)).offset > 1


def test_a_missing_segment_is_named(tmp_path: Path) -> None:
    with Journal(tmp_path, SMALL) as journal:
        for number in range(40):
            journal.append([reports(20, number)])
        segment_files(tmp_path)[1].unlink()
        with pytest.raises(JournalError):
            list(journal.read(1))


def test_readers_and_the_writer_work_in_threads_at_once(tmp_path: Path) -> None:
    with Journal(tmp_path, SMALL) as journal:

        def write() -> None:
            for number in range(60):
                journal.append([reports(20, number), tick(number)])

        writer = threading.Thread(target=write)
        writer.start()
        while writer.is_alive():
            offsets = [record.offset for record in journal.read(1)]
            assert offsets == list(range(1, len(offsets) + 1))
        writer.join()
        assert len(list(journal.read(1))) == 120


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 10_000), tail=st.binary(max_size=64))
def test_a_torn_tail_loses_only_what_was_torn(cut: int, tail: bytes) -> None:
    """Cut the file anywhere after the first append and add garbage: whole records before the cut are all there."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Journal(folder) as journal:
            journal.append([reports(5, 1)])
            (path,) = segment_files(folder)
            first_end = path.stat().st_size
            journal.append([reports(50, 2), tick(3), reports(50, 4)])
        whole = path.read_bytes()
        keep = first_end + cut % (len(whole) - first_end)
        path.write_bytes(whole[:keep] + tail)
        before = clocks(folder)
        with Journal(folder) as journal:
            assert before[0] == 1
            assert before == [1, 2, 3, 4][: len(before)]
            assert journal.last_offset == len(before)
            journal.append([tick(9)])
        assert clocks(folder) == [*before, 9]


def test_cutting_off_a_torn_tail_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with Journal(tmp_path) as journal:
        journal.append([tick(1)])
    (path,) = segment_files(tmp_path)
    died(path)
    size = path.stat().st_size
    path.write_bytes(path.read_bytes() + b"VDMr torn")
    with caplog.at_level(logging.WARNING), Journal(tmp_path) as journal:
        assert journal.last_offset == 1
    assert f"9 bytes at byte {size}" in caplog.text
    assert path.stat().st_size == size


@settings(max_examples=80, deadline=None)
@given(where=st.integers(0, 1 << 30), bit=st.integers(0, 7))
@example(where=-24, bit=0)
@example(where=-25, bit=0)
def test_a_flipped_bit_is_never_read_as_data(where: int, bit: int) -> None:
    """In a closed segment: an error naming the file, never other records than were written."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Journal(folder) as journal:
            for clock_ms in range(1, 5):
                journal.append([reports(30, clock_ms, seed=clock_ms)])
        with Journal(folder) as journal:
            journal.append([tick(5)])
            path = segment_files(folder)[0]
            data = bytearray(path.read_bytes())
            place = where % len(data)
            data[place] ^= 1 << bit
            path.write_bytes(data)
            if place >= len(data) - SEAL_BYTES:
                # Behind the last record: nothing of what is read hangs on it.
                assert [record.offset for record in journal.read(1)] == [1, 2, 3, 4, 5]
                return
            with pytest.raises(JournalError, match=f"{path.name}.*byte"):
                list(journal.read(1))


def test_damage_before_acknowledged_records_of_the_last_segment_is_not_taken_for_a_torn_tail(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append([reports(30, 1)])
        (path,) = segment_files(tmp_path)
        second = path.stat().st_size
        journal.append([reports(30, 2)])
        journal.append([reports(30, 3)])
    data = bytearray(path.read_bytes())
    data[second + 100] ^= 1
    path.write_bytes(data)
    with pytest.raises(JournalError, match=f"damaged at byte {second} .*record 2 is lost and good ones follow"):
        Journal(tmp_path)


def test_a_hole_inside_the_last_append_is_a_torn_tail(tmp_path: Path) -> None:
    """Pages of one write may reach the disk in any order; nobody was told of any of them."""
    with Journal(tmp_path) as journal:
        journal.append([reports(30, 1)])
        (path,) = segment_files(tmp_path)
        second = path.stat().st_size
        journal.append([reports(30, 2), reports(30, 3)])
    died(path)
    data = bytearray(path.read_bytes())
    data[second + 50 : second + 60] = bytes(10)
    path.write_bytes(data)
    with Journal(tmp_path) as journal:
        assert journal.last_offset == 1


def test_a_segment_that_died_before_its_head_was_written_is_removed(tmp_path: Path) -> None:
    with Journal(tmp_path) as journal:
        journal.append([tick(1)])
    for content in (b"", b"VDMJ", b"\0" * 700):
        (tmp_path / "00000000000000000002-0000.vdmj").write_bytes(content)
        with Journal(tmp_path) as journal:
            assert (journal.last_offset, journal.last_clock_ms) == (1, 1)
        assert len(segment_files(tmp_path)) == 1


class FailingDisk:
    """``os.fsync`` that fails on the given calls, after the bytes were written."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, failing: set[int]) -> None:
        self._fsync = os.fsync
        self._failing = failing
        self.calls = 0
        monkeypatch.setattr(os, "fsync", self)

    def __call__(self, descriptor: int) -> None:
        self.calls += 1
        if self.calls in self._failing:
            raise OSError(5, "Input/output error")
        self._fsync(descriptor)


def test_after_a_failed_fsync_the_batch_goes_to_a_new_segment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path) as journal:
        journal.append([tick(1)])
        (left,) = segment_files(tmp_path)
        FailingDisk(monkeypatch, {1})
        assert journal.append([tick(2), tick(3)]) == 3
        size = left.stat().st_size
        journal.append([tick(4)])
        assert left.stat().st_size == size
        assert [record.clock_ms for record in journal.read(1)] == [1, 2, 3, 4]
    assert len(segment_files(tmp_path)) == 2
    assert clocks(tmp_path) == [1, 2, 3, 4]


def test_a_disk_that_keeps_failing_is_said_and_nothing_counts_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Journal(tmp_path) as journal:
        journal.append([tick(1)])
        with monkeypatch.context() as patched:
            FailingDisk(patched, set(range(1, 100)))
            for _ in range(3):
                with pytest.raises(JournalError, match="nothing of this batch counts as received"):
                    journal.append([tick(2)])
            assert journal.last_offset == 1
        assert len(segment_files(tmp_path)) == 1
        assert journal.append([tick(7)]) == 2
        assert [record.clock_ms for record in journal.read(1)] == [1, 7]


def test_a_name_that_is_no_text_stops_nothing(tmp_path: Path) -> None:
    rows = empty_rows(1)
    odd = JournalRecord(0, RecordType.REPORTS, 1, batch=ReportBatch(("a\ud800",), rows))
    with Journal(tmp_path) as journal:
        journal.append([odd])
        (record,) = journal.read(1)
    assert record.batch is not None
    assert record.batch.keys == ("a?",)


def test_a_closed_journal_refuses(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="is closed"):
        journal.append([tick(1)])


def test_what_nobody_was_told_of_is_gone_after_a_restart_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page cache still holds what the disk refused; read back, it would count as safe and is not."""
    with Journal(tmp_path) as journal:
        journal.append([tick(1)])
        with monkeypatch.context() as patched:
            FailingDisk(patched, set(range(1, 100)))
            with pytest.raises(JournalError):
                journal.append([tick(2)])
    assert clocks(tmp_path) == [1]


def test_a_start_makes_safe_what_a_dead_process_only_wrote(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal(tmp_path) as journal:
        journal.append([tick(1)])
    died(segment_files(tmp_path)[-1])
    FailingDisk(monkeypatch, {1})
    with pytest.raises(JournalError, match="cannot be opened for writing"):
        Journal(tmp_path)
    Journal(tmp_path).close()


def test_new_names_are_made_safe_with_their_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    with Journal(tmp_path / "state" / "journal") as journal:
        journal.append([tick(1)])
    assert {tmp_path.stat().st_ino, (tmp_path / "state").stat().st_ino, journal.folder.stat().st_ino} <= set(synced)
