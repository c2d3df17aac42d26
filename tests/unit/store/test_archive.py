"""The archive: days, buckets, late data, settings, damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from monitor.errors import StoreError
from monitor.model.beijing import day_start_ms
from monitor.model.flaw import Flaw
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, empty_rows
from monitor.store.archive import Archive, ArchiveSettings, bucket_of
from monitor.store.archive.content import fingerprint
from monitor.store.archive.disk import Disk
from monitor.store.archive.intake import NO_DAY
from tests.unit.store.archives import DAY, in_order, reports, told


def _archive(folder: Path, batch: ReportBatch, **settings: int) -> Archive:
    archive = Archive(folder, ArchiveSettings(**settings))
    archive.take(batch, 1)
    archive.flush()
    return archive


def _one(**fields: object) -> ReportBatch:
    rows = empty_rows(1)
    for name, value in fields.items():
        rows[name] = value
    return ReportBatch(("甘G00001",), rows)


def test_a_report_belongs_to_the_day_of_its_fix_or_where_that_is_unusable_of_its_receipt(tmp_path: Path) -> None:
    noon = int(day_start_ms(DAY)) + 43_200_000
    archive = Archive(tmp_path)
    archive.take(_one(fix_ms=day_start_ms(DAY) - 1, recv_ms=noon), 1)
    archive.take(_one(fix_ms=noon + 10**9, recv_ms=noon, flaws=int(Flaw.TIME)), 2)
    archive.take(_one(fix_ms=0, recv_ms=0, flaws=int(Flaw.TIME)), 3)
    archive.take(_one(fix_ms=1 << 61, recv_ms=noon), 4)
    archive.flush()
    assert archive.days() == (NO_DAY, DAY - 1, DAY)
    assert archive.rows(DAY) == 2


def test_a_bucket_of_a_merged_day_is_read_without_touching_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = reports(1, 70_000, vehicles=200, days=1)
    archive = _archive(tmp_path, batch, buckets=4)
    archive.compact(DAY)
    asked: list[int] = []
    read = pq.ParquetFile.read_row_group

    def noted(self: pq.ParquetFile, group: int, use_threads: bool = True) -> object:
        asked.append(group)
        return read(self, group, use_threads=use_threads)

    monkeypatch.setattr(pq.ParquetFile, "read_row_group", noted)
    found = archive.read(DAY, bucket=2)
    assert asked == [2]
    assert {bucket_of(key, 4) for key in found.keys} == {2}
    archive.read(DAY, keys=[found.keys[0]])
    assert asked == [2, 2]


def test_another_number_of_buckets_reads_what_was_written_with_the_old_one(tmp_path: Path) -> None:
    batch = reports(2, 300, vehicles=40, days=1)
    _archive(tmp_path, batch, buckets=4).compact(DAY)
    archive = Archive(tmp_path, ArchiveSettings(buckets=7))
    for _ in range(2):
        rows = [row for bucket in range(7) for row in told(archive.read(DAY, bucket))]
        assert rows == in_order(batch, 7, DAY)
        assert told(archive.read(DAY)) == in_order(batch, 7, DAY)
        archive.compact(DAY)


def test_reading_vehicles_gives_their_rows_alone(tmp_path: Path) -> None:
    batch = reports(3, 200, vehicles=20, days=1)
    archive = _archive(tmp_path, batch)
    wanted = {batch.keys[3], batch.keys[11], "甘G99999"}
    found = archive.read(DAY, keys=wanted)
    assert told(found) == [row for row in in_order(batch, archive.buckets, DAY) if row[7] in wanted]
    assert set(found.keys) <= wanted
    assert len(archive.read(DAY, keys=[])) == 0
    assert len(archive.read(DAY + 5)) == 0


@pytest.mark.parametrize("lon_deg", [99.123456, 99.1234567, 99.123456789012345, 4_294.967295, 1e300, -0.0])
def test_any_coordinate_comes_back_exactly(tmp_path: Path, lon_deg: float) -> None:
    fix_ms = day_start_ms(DAY)
    batch = _one(fix_ms=fix_ms, recv_ms=fix_ms, lon_deg=lon_deg, lat_deg=39.5)
    assert _archive(tmp_path, batch).read(DAY).rows["lon_deg"][0] == lon_deg


def test_late_data_changes_the_version_and_merging_does_not(tmp_path: Path) -> None:
    archive = _archive(tmp_path, reports(4, 50, days=1))
    before = archive.version(DAY)
    archive.take(reports(5, 1, days=1), 2)
    archive.flush()
    late = archive.version(DAY)
    assert late != before
    assert archive.files(DAY) == 2
    assert archive.compact(DAY)
    assert not archive.compact(DAY)
    assert (archive.version(DAY), archive.files(DAY)) == (late, 1)
    assert archive.version(DAY + 1) == ""


def test_records_taken_before_are_left_out(tmp_path: Path) -> None:
    batch = reports(6, 20, days=1)
    archive = _archive(tmp_path, batch)
    archive.take(batch, 1)
    archive.flush()
    assert archive.rows(DAY) == 20


def test_a_reader_sees_what_another_object_wrote(tmp_path: Path) -> None:
    reader = Archive(tmp_path)
    batch = reports(7, 60, days=1)
    writer = _archive(tmp_path, batch)
    assert told(reader.read(DAY)) == in_order(batch, reader.buckets, DAY)
    writer.take(batch, 2)
    writer.flush()
    Archive(tmp_path).compact(DAY)
    assert reader.rows(DAY) == len(reader.read(DAY)) == 120


def test_two_that_take_are_found_out(tmp_path: Path) -> None:
    first, second = Archive(tmp_path), Archive(tmp_path)
    for archive in (first, second):
        archive.take(reports(8, 5), 1)
    second.take(reports(8, 5), 2)
    first.flush()
    first.take(reports(8, 5), 2)
    first.take(reports(8, 5), 3)
    second._seen = (None, second._seen[1])
    first.flush()
    second.flush()  # its records are there already
    assert first.archived_offset == 3


class _FullDisk(Disk):
    full = True

    def rename(self, old: Path, new: Path) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        super().rename(old, new)


def test_a_flush_that_failed_is_tried_again_whole(tmp_path: Path) -> None:
    disk = _FullDisk()
    archive = Archive(tmp_path, disk=disk)
    batch = reports(9, 30, days=1)
    archive.take(batch, 1)
    with pytest.raises(StoreError, match="Free disk space"):
        archive.flush()
    assert archive.archived_offset == 0
    disk.full = False
    archive.flush()
    assert told(archive.read(DAY)) == in_order(batch, archive.buckets, DAY)


def test_a_changed_file_is_damage_and_is_never_merged_into_a_new_one(tmp_path: Path) -> None:
    archive = _archive(tmp_path, reports(10, 400, days=1))
    archive.take(reports(11, 5, days=1), 2)
    archive.flush()
    path = min((tmp_path / "parts").iterdir())
    other = Archive(tmp_path / "other")
    other.take(reports(12, 400, days=1), 1)
    other.flush()
    path.write_bytes(min((tmp_path / "other" / "parts").iterdir()).read_bytes())
    with pytest.raises(StoreError, match="changed from outside"):
        archive.compact(DAY)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StoreError, match="from a backup"):
        archive.read(DAY)
    path.unlink()
    with pytest.raises(StoreError, match="is missing"):
        archive.read(DAY)


def test_a_damaged_manifest_is_never_taken_for_an_empty_archive(tmp_path: Path) -> None:
    _archive(tmp_path, reports(13, 5))
    path = tmp_path / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'"rows":', b'"rowz":', 1))
    with pytest.raises(StoreError, match="checksum"):
        Archive(tmp_path)


def test_a_dropped_day_leaves_no_file_behind_that_held_it(tmp_path: Path) -> None:
    batch = reports(14, 100, days=3)
    archive = _archive(tmp_path, batch)
    shared = next((tmp_path / "parts").iterdir())
    assert archive.drop(DAY) == len(in_order(batch, archive.buckets, DAY))
    assert not shared.exists()
    for path in (tmp_path / "parts").iterdir():
        assert DAY not in (pq.read_table(path)["fix_ms"].to_numpy() + 28_800_000) // 86_400_000
    assert told(archive.read(DAY + 1)) == in_order(batch, archive.buckets, DAY + 1)


def _setting(offset: int, kind: RecordType, clock_ms: int, payload: bytes) -> JournalRecord:
    return JournalRecord(offset, kind, clock_ms, payload=payload)


def test_settings_are_kept_once_and_told_as_they_were_in_force(tmp_path: Path) -> None:
    archive = Archive(tmp_path)
    records = [
        _setting(1, RecordType.CONFIG, 0, b"a"),
        _setting(2, RecordType.ROADS, 5, b"roads"),
        _setting(3, RecordType.CONFIG, 10, b"b"),
        _setting(4, RecordType.CONFIG, 15, b"b"),
        JournalRecord(5, RecordType.TICK, 17),
        _setting(6, RecordType.CONFIG, 20, b"a"),
        JournalRecord(7, RecordType.TICK, 30, resumed=True, paused_ms=20),
        _setting(8, RecordType.SETTLED, 31, b"state"),
    ]
    for record in records:
        archive.take_settings(record)
    archive.flush()
    archive = Archive(tmp_path)
    assert archive.archived_offset == 8
    assert len(list((tmp_path / "settings").iterdir())) == 3
    told_between = [(one.offset, one.payload) for one in archive.settings_between(12, 20)]
    assert told_between == [(2, b"roads"), (3, b"b"), (6, b"a")]
    assert [(one.offset, one.paused_ms) for one in archive.events_between(0, 30)] == [(7, 20)]
    assert archive.forget_settings(12, 86_400_000) == (1, 1)
    assert [one.offset for one in archive.settings_between(12, 20)] == [2, 3, 6]
    assert archive.events_between(0, 30) == ()


def test_a_fingerprint_sees_every_field_and_no_order() -> None:
    batch = reports(15, 40)
    turned = ReportBatch(batch.keys, batch.rows[::-1].copy(), batch.drivers, batch.sources)
    assert fingerprint(turned) == fingerprint(batch)
    for name in batch.rows.dtype.names or ():
        rows = batch.rows.copy()
        rows[name][7] = (rows[name][7] + 1) % 2 if name in ("key", "driver", "source") else rows[name][7] + 1
        assert fingerprint(ReportBatch(batch.keys, rows, batch.drivers, batch.sources)) != fingerprint(batch), name


def test_a_file_of_a_later_schema_is_refused_with_a_sentence(tmp_path: Path) -> None:
    archive = _archive(tmp_path, reports(16, 5, days=1))
    path = next((tmp_path / "parts").iterdir())
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({b"vdm.schema": b"99"}), path)
    with pytest.raises(StoreError, match="schema version 99"):
        archive.read(DAY)


def test_a_file_of_version_1_reads_for_as_long_as_it_is_kept(tmp_path: Path) -> None:
    """Laid out here by hand as version 1 was: what reads it may change, this must not."""
    import pyarrow as pa

    batch = reports(17, 30, days=1)
    archive = _archive(tmp_path, batch)
    text = pa.dictionary(pa.int32(), pa.string())
    rows = archive.read(DAY)
    plain = {name: rows.rows[name] for name in rows.rows.dtype.names or ()}
    columns: dict[str, pa.Array] = {}  # type: ignore[type-arg]
    for name, names in (("key", rows.keys), ("driver", rows.drivers), ("source", rows.sources)):
        indices = plain.pop(name)
        columns[name] = pa.array([names[one] if one >= 0 else None for one in indices.tolist()]).cast(text)
    for name in ("lon_deg", "lat_deg"):
        columns[name] = pa.array(np.rint(plain.pop(name) * 1e6).astype(np.int64))
    del plain["altitude_m"]  # as a column that a later version adds
    columns |= {name: pa.array(np.ascontiguousarray(values)) for name, values in plain.items()}
    table = pa.table(columns).replace_schema_metadata({b"vdm.schema": b"1", b"vdm.degrees": b"6"})
    pq.write_table(table, next((tmp_path / "parts").iterdir()), compression="zstd")
    found = archive.read(DAY)
    expected = rows.rows.copy()
    expected["altitude_m"] = -32_768
    assert told(found) == told(ReportBatch(rows.keys, expected, rows.drivers, rows.sources))
