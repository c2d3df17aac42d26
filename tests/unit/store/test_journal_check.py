"""Damage is found wherever it is, is never read as data, and can be cut out without renumbering anything."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from monitor.errors import JournalError
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, empty_rows
from monitor.store.journal import Journal, JournalSettings
from monitor.store.journal_check import Loss, check_journal
from monitor.store.journal_cut import DAMAGED, cut_journal, plan_cut, read_cuts
from monitor.store.journal_segment import SEAL_BYTES, segment_files

N = 12


def _record(number: int) -> JournalRecord:
    if number % 3 == 0:
        return JournalRecord(0, RecordType.CONFIG, number, payload=f"settings {number}".encode())
    rows = empty_rows(2)
    rows["fix_ms"] = number
    return JournalRecord(0, RecordType.REPORTS, number, ReportBatch((f"A{number}",), rows))


def _content(record: JournalRecord) -> tuple[object, ...]:
    rows = b"" if record.batch is None else record.batch.rows.tobytes()
    keys = () if record.batch is None else record.batch.keys
    return record.offset, record.type, record.clock_ms, record.payload, keys, rows


@dataclass(frozen=True)
class _Written:
    folder: Path
    records: list[tuple[object, ...]]

    def copy(self, folder: Path) -> Path:
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        return folder


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> _Written:
    folder = tmp_path_factory.mktemp("journal")
    with Journal(folder, JournalSettings(segment_bytes=1_400)) as journal:
        for number in range(1, N + 1, 2):
            journal.append([_record(number), _record(number + 1)])
        records = [_content(record) for record in journal.read(1)]
    assert len(segment_files(folder)) >= 3
    return _Written(folder, records)


def _places(data: bytes) -> list[int]:
    """Every byte of the first head, first frame and seal, and a comb through the rest."""
    return sorted({*range(0, 24), *range(24, len(data), 11), *range(len(data) - SEAL_BYTES - 4, len(data))})


@pytest.mark.parametrize("number", [0, 1, -1], ids=["the first segment", "one in the middle", "the last"])
def test_a_flip_of_any_byte_is_named_and_never_read_as_data(number: int, written: _Written, tmp_path: Path) -> None:
    name = segment_files(written.folder)[number].name
    whole = (written.folder / name).read_bytes()
    folder = written.copy(tmp_path / "journal")
    for place in _places(whole):
        (folder / name).write_bytes(whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :])
        found = {check.path.name: check for check in check_journal(folder)}
        said = ""
        try:
            with Journal(folder) as journal:
                read = [_content(record) for record in journal.read(1)]
        except JournalError as error:
            said = str(error)
        if said:
            assert not found[name].good, place
            assert "monitor journal" in said
            assert name in said
        else:
            assert read == written.records, place  # a seal: it guards, it holds nothing
            assert found[name].good, place


@pytest.mark.parametrize("number", [0, 1, -1], ids=["the first segment", "one in the middle", "the last"])
def test_what_is_cut_out_leaves_all_else_as_it_was(number: int, written: _Written, tmp_path: Path) -> None:
    name = segment_files(written.folder)[number].name
    whole = (written.folder / name).read_bytes()
    for place in (3, 30, len(whole) // 2, len(whole) - SEAL_BYTES - 5):
        folder = written.copy(tmp_path / "journal")
        (folder / name).write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        planned = plan_cut(folder, N)
        (cut,) = cut_journal(folder, N, now_ms=7, by="tester")
        assert planned.lost == sum(last - first + 1 for first, last in cut.lost) <= 1
        assert (cut.segment, cut.by) == (name, "tester")
        assert read_cuts(folder) == (cut,)
        assert (folder / DAMAGED / name).read_bytes()[place] == whole[place] ^ 1
        assert all(check.good for check in check_journal(folder))
        with Journal(folder) as journal:
            assert journal.last_offset == N
            read = [_content(record) for record in journal.read(1)]
        lost = {offset for first, last in cut.lost for offset in range(first, last + 1)}
        for before, after in zip(written.records, read, strict=True):
            assert after == before or (after[0] in lost and after[1] is RecordType.TICK)
        assert plan_cut(folder, N).lost == 0


def test_a_missing_segment_is_filled(written: _Written, tmp_path: Path) -> None:
    folder = written.copy(tmp_path / "journal")
    gone = segment_files(folder)[1]
    gone.unlink()
    (damaged,) = [check for check in check_journal(folder) if not check.good]
    assert damaged.lost == plan_cut(folder, N).lost > 0
    cut_journal(folder, N, now_ms=7, by="")
    with Journal(folder) as journal:
        assert [record.offset for record in journal.read(1)] == list(range(1, N + 1))


def test_records_that_only_the_database_knows_become_ticks(written: _Written, tmp_path: Path) -> None:
    folder = written.copy(tmp_path / "journal")
    assert plan_cut(folder, N + 5).missing == Loss(N + 1, N + 5, 0)
    cut_journal(folder, N + 5, now_ms=7, by="")
    with Journal(folder) as journal:
        assert (journal.last_offset, journal.last_clock_ms) == (N + 5, N)
        assert journal.append([_record(99)]) == N + 6


def test_a_torn_tail_is_no_damage(written: _Written, tmp_path: Path) -> None:
    folder = written.copy(tmp_path / "journal")
    last = segment_files(folder)[-1]
    last.write_bytes(last.read_bytes()[: -SEAL_BYTES - 3])
    *_, check = check_journal(folder)
    assert check.good
    assert check.torn_bytes > 0
    assert check.last_offset == N - 1


def test_a_segment_left_in_order_has_no_torn_tail_any_more(written: _Written, tmp_path: Path) -> None:
    """The last write was acknowledged, and the seal knows it: what does not read in it is damage."""
    folder = written.copy(tmp_path / "journal")
    last = segment_files(folder)[-1]
    data = bytearray(last.read_bytes())
    data[-SEAL_BYTES - 5] ^= 1
    last.write_bytes(data)
    with pytest.raises(JournalError, match=f"record {N} is lost"):
        Journal(folder)
    data[-1] ^= 1  # without its seal it would be one
    last.write_bytes(data)
    with Journal(folder) as journal:
        assert journal.last_offset == N - 1


def test_nothing_is_cut_while_somebody_writes(written: _Written, tmp_path: Path) -> None:
    folder = written.copy(tmp_path / "journal")
    with Journal(folder), pytest.raises(JournalError, match="is writing here"):
        cut_journal(folder, N, now_ms=7, by="")
