"""The archive equals its input, however that was cut, flushed, merged, or cut off by a crash."""

from __future__ import annotations

import tempfile
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.store.archive import Archive, ArchiveSettings
from tests.unit.store.archives import DAY, DyingDisk, PowerCut, in_order, reports, told

_DAYS = (DAY, DAY + 1)


def _pieces(batch: ReportBatch, cuts: list[int]) -> list[ReportBatch]:
    edges = [0, *sorted(cut % (len(batch) + 1) for cut in cuts), len(batch)]
    return [
        ReportBatch(batch.keys, batch.rows[begin:end], batch.drivers, batch.sources) for begin, end in pairwise(edges)
    ]


def _same(archive: Archive, batch: ReportBatch) -> None:
    for day in _DAYS:
        assert told(archive.read(day)) == in_order(batch, archive.buckets, day)
        by_bucket = [row for bucket in range(archive.buckets) for row in told(archive.read(day, bucket))]
        assert by_bucket == in_order(batch, archive.buckets, day)


_actions = st.lists(st.sampled_from(["flush", "compact", "open", ""]), max_size=12)


@given(
    seed=st.integers(0, 1 << 20),
    n=st.integers(0, 120),
    cuts=st.lists(st.integers(0, 200), max_size=11),
    actions=_actions,
    buckets=st.sampled_from([1, 3, 16]),
)
@settings(max_examples=30, deadline=None)
def test_an_archive_is_its_input_in_order_under_any_cutting(
    seed: int, n: int, cuts: list[int], actions: list[str], buckets: int
) -> None:
    batch = reports(seed, n)
    wanted = ArchiveSettings(buckets=buckets)
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder), wanted)
        pieces = _pieces(batch, cuts)
        for number, piece in enumerate(pieces):
            archive.take(piece, number + 1)
            action = actions[number] if number < len(actions) else ""
            if action:
                archive.flush()
            if action == "compact":
                for day in _DAYS:
                    archive.compact(day)
            if action == "open":
                archive = Archive(Path(folder), wanted)
        archive.flush()
        assert archive.archived_offset == len(pieces)
        _same(archive, batch)
        versions = [archive.version(day) for day in _DAYS]
        for day in _DAYS:
            archive.compact(day)
            assert archive.files(day) <= 1
        _same(Archive(Path(folder), wanted), batch)
        assert [archive.version(day) for day in _DAYS] == versions
        with tempfile.TemporaryDirectory() as other:
            whole = Archive(Path(other), wanted)
            whole.take(batch, 1)
            whole.flush()
            assert [whole.version(day) for day in _DAYS] == versions


def _records(batch: ReportBatch, cuts: list[int]) -> list[JournalRecord]:
    records: list[JournalRecord] = []
    for number, piece in enumerate(_pieces(batch, cuts)):
        records.append(JournalRecord(0, RecordType.REPORTS, number, batch=piece))
        records.append(JournalRecord(0, RecordType.CONFIG, number, payload=b"settings %d" % (number // 2)))
        records.append(JournalRecord(0, RecordType.WAYBILL, number, payload=b"waybill %d" % number))
    return [JournalRecord(n, r.type, r.clock_ms, r.batch, payload=r.payload) for n, r in enumerate(records, 1)]


def _follow(archive: Archive, records: list[JournalRecord], every: int) -> None:
    """As the daemon does: take up where the archive ends, flush now and then, merge, forget what is superseded."""
    archive.tidy()
    for record in records[archive.archived_offset :]:
        if record.batch is not None:
            archive.take(record.batch, record.offset)
        else:
            archive.take_settings(record)
        if record.offset % every == 0:
            archive.flush()
        if record.offset % (2 * every) == 0:
            archive.compact(DAY)
    archive.flush()
    for day in archive.days():
        archive.compact(day)


@given(
    seed=st.integers(0, 1 << 20),
    n=st.integers(1, 60),
    cuts=st.lists(st.integers(0, 100), min_size=1, max_size=6),
    every=st.integers(1, 5),
    deaths=st.lists(st.integers(0, 60), min_size=1, max_size=6),
)
@settings(max_examples=40, deadline=None)
def test_a_crash_at_any_file_operation_loses_nothing_and_doubles_nothing(
    seed: int, n: int, cuts: list[int], every: int, deaths: list[int]
) -> None:
    batch = reports(seed, n)
    records = _records(batch, cuts)
    wanted = ArchiveSettings(buckets=3)
    with tempfile.TemporaryDirectory() as folder:
        for operations in deaths:
            try:
                _follow(Archive(Path(folder), wanted, DyingDisk(operations)), records, every)
            except PowerCut:
                continue
        archive = Archive(Path(folder), wanted)
        _follow(archive, records, every)
        _same(archive, batch)
        assert archive.archived_offset == len(records)
        named = {path for path, _, _ in archive.manifest_files(archive._current())}
        archive.tidy()
        assert {path for name in ("parts", "settings", "events") for path in (Path(folder) / name).iterdir()} == named
        payloads = [record.payload for record in archive.settings_between(-1, 1 << 40)]
        assert payloads == list(dict.fromkeys(r.payload for r in records if r.type is RecordType.CONFIG))
        events = [event.payload for event in archive.events_between(0, 1 << 40)]
        assert events == [r.payload for r in records if r.type is RecordType.WAYBILL]


@given(seed=st.integers(0, 1 << 20), flushes=st.integers(1, 4), operations=st.integers(0, 40))
@settings(max_examples=20, deadline=None)
def test_a_day_reduced_to_held_vehicles_keeps_all_of_them_and_nobody_else(
    seed: int, flushes: int, operations: int
) -> None:
    batch = reports(seed, 80)
    held = batch.keys[1]
    wanted = ArchiveSettings(buckets=3)
    with tempfile.TemporaryDirectory() as folder:
        archive = Archive(Path(folder), wanted)
        for number, piece in enumerate(_pieces(batch, [number * 20 for number in range(1, flushes)])):
            archive.take(piece, number + 1)
            archive.flush()
        for disk in (DyingDisk(operations), None):
            try:
                dying = Archive(Path(folder), wanted, disk)
                dying.keep_only(DAY, lambda part: part.rows["key"] == list(part.keys).index(held))
            except (PowerCut, ValueError):
                continue
        archive.tidy()
        expected = [row for row in in_order(batch, 3, DAY) if row[7] == held]
        assert told(archive.read(DAY)) == expected
        assert told(archive.read(DAY + 1)) == in_order(batch, 3, DAY + 1)
        assert told(archive.read(DAY, keys=[held])) == expected
