"""Canonical columns, and files as people bring them: bad in every way, never fatal to their good rows."""

from __future__ import annotations

import gzip
import lzma
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.errors import ReportFileError
from monitor.model.beijing import parse_iso
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import UNKNOWN_ALTITUDE
from monitor.sources import csv_cells, line_blocks
from monitor.sources.bad_rows import FIRST_BAD_LIMIT, FileProblemKind, RejectReason
from monitor.sources.report_files import FileRead, read_reports

NOW_MS = parse_iso("2026-06-01T00:00:00+08:00")
HEAD = "vehicle_id,fix_time,lon,lat,speed_kmh\n"
GOOD = "甘G12345,2026-03-02T22:10:05+08:00,100.5,38.9,61.25\n"


def read_text(tmp_path: Path, text: str | bytes, name: str = "track.csv") -> FileRead:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_reports(path, None, now_ms=NOW_MS)


def numbered(n: int) -> str:
    return "".join(f"v{i % 7},{1_770_000_000 + i},100.{i % 1000:03d},38.5,{i % 90}\n" for i in range(n))


def assert_every_row_is_counted(read: FileRead) -> None:
    assert len(read.batch) + read.rejects.total() + read.rows_filtered == read.rows_total


def test_a_canonical_row_fills_its_fields(tmp_path: Path) -> None:
    read = read_text(
        tmp_path,
        "vehicle_id,fix_time,recv_time,lon,lat,speed_kmh,recorder_speed_kmh,heading_deg,altitude_m,mileage_km,status,"
        "alarm_flags,driver_id,backfill,source\n"
        "甘G12345,2026-03-02T22:10:05.250+08:00,2026-03-02T14:10:09Z,100.5,38.9,61.25,60.94,359.6,-12.5,1234.5678,3,"
        "0x2,D1,1,gw1\n",
    )
    (row,) = read.batch.rows
    assert read.batch.keys == ("甘G12345",)
    assert read.batch.drivers == ("D1",)
    assert read.batch.sources == ("gw1",)
    assert row["fix_ms"] == parse_iso("2026-03-02T22:10:05.250+08:00")
    assert row["recv_ms"] == parse_iso("2026-03-02T22:10:09+08:00")
    assert (row["lon_deg"], row["lat_deg"]) == (100.5, 38.9)
    assert (row["speed_dkmh"], row["recorder_speed_dkmh"]) == (613, 609)
    assert row["heading_deg"] == 0
    assert row["altitude_m"] == -13
    assert row["mileage_m"] == 1_234_568
    assert (row["status"], row["alarm_flags"]) == (3, 2)
    stated = ReportFlag.BACKFILL | ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON | ReportFlag.POSITIONED
    assert row["flags"] == stated | ReportFlag.PAYLOAD_RECV
    assert row["flaws"] == 0


def test_what_a_row_does_not_state_is_unknown_and_taken_as_positioned(tmp_path: Path) -> None:
    (row,) = read_text(tmp_path, "vehicle_id,fix_time,lon,lat\nv,1770000000,100.5,38.9\n").batch.rows
    assert row["fix_ms"] == 1_770_000_000_000
    for field in ("speed_dkmh", "recorder_speed_dkmh", "heading_deg", "mileage_m", "status", "alarm_flags"):
        assert row[field] == -1, field
    assert row["altitude_m"] == UNKNOWN_ALTITUDE
    assert (row["recv_ms"], row["driver"], row["source"]) == (0, -1, -1)
    assert row["flags"] == ReportFlag.POSITIONED


def test_a_terminal_alone_is_known_by_its_phone(tmp_path: Path) -> None:
    read = read_text(
        tmp_path, "vehicle_id,terminal_phone,fix_time,lon,lat\nv,013,1770000000,1,2\n,0139AB,1770000000,1,2\n"
    )
    assert read.batch.keys == ("v", "terminal:139ab")


def test_a_report_without_fix_may_leave_its_position_out(tmp_path: Path) -> None:
    read = read_text(tmp_path, "vehicle_id,fix_time,lon,lat,positioned\nv,1770000000,,,0\nv,1770000001,,,1\n")
    (row,) = read.batch.rows
    assert (row["lon_deg"], row["lat_deg"], row["flags"]) == (0.0, 0.0, 0)
    assert row["flaws"] == Flaw.NO_FIX
    assert read.rejects == {"missing_position": 1}


@pytest.mark.parametrize(
    ("row", "reason", "column"),
    [
        (",1770000000,100.5,38.9,60", RejectReason.MISSING_VEHICLE, "vehicle_id"),
        ("  ,1770000000,100.5,38.9,60", RejectReason.MISSING_VEHICLE, "vehicle_id"),
        ("v,,100.5,38.9,60", RejectReason.MISSING_TIME, "fix_time"),
        ("v,yesterday,100.5,38.9,60", RejectReason.BAD_TIME, "fix_time"),
        ("v,2026-02-30T00:00:00Z,100.5,38.9,60", RejectReason.BAD_TIME, "fix_time"),
        ("v,1e300,100.5,38.9,60", RejectReason.BAD_TIME, "fix_time"),
        ("v,2026-03-02 22:10:05,100.5,38.9,60", RejectReason.TIME_WITHOUT_ZONE, "fix_time"),
        ("v,1770000000,,38.9,60", RejectReason.MISSING_POSITION, "lon"),
        ("v,1770000000,100.5,NaN,60", RejectReason.MISSING_POSITION, "lat"),
        ("v,1770000000,inf,38.9,60", RejectReason.BAD_NUMBER, "lon"),
        ("v,1770000000,100.5,38°54,60", RejectReason.BAD_NUMBER, "lat"),
        ("v,1770000000,100.5,38.9", RejectReason.RAGGED_ROW, ""),
        ("v,1770000000,100.5,38.9,60,7", RejectReason.RAGGED_ROW, ""),
    ],
)
def test_a_bad_row_is_counted_with_its_place_and_its_neighbours_are_kept(
    tmp_path: Path, row: str, reason: RejectReason, column: str
) -> None:
    read = read_text(tmp_path, HEAD + GOOD + row + "\n" + GOOD)
    assert len(read.batch) == 2
    assert read.batch.keys == ("甘G12345",)
    assert read.rejects == {reason.value: 1}
    assert read.first_bad == ((3, column, reason),)
    assert_every_row_is_counted(read)


@pytest.mark.parametrize(
    ("column", "cell", "field", "flaw"),
    [
        ("speed_kmh", "fast", "speed_dkmh", Flaw.SPEED),
        ("speed_kmh", "-inf", "speed_dkmh", Flaw.SPEED),
        ("heading_deg", "NNE", "heading_deg", Flaw.DIRECTION),
        ("altitude_m", "1_000", "altitude_m", Flaw.ALTITUDE),
        ("status", "on", "status", Flaw.STATUS),
        ("status", "1.5", "status", Flaw.STATUS),
        ("alarm_flags", "4294967296", "alarm_flags", Flaw.STATUS),
        ("acc_on", "perhaps", "speed_dkmh", Flaw.STATUS),
        ("mileage_km", "much", "mileage_m", Flaw(0)),
        ("recv_time", "later", "speed_dkmh", Flaw(0)),
    ],
)
def test_an_unreadable_optional_value_becomes_unknown_and_its_row_is_kept(
    tmp_path: Path, column: str, cell: str, field: str, flaw: Flaw
) -> None:
    read = read_text(tmp_path, f"vehicle_id,fix_time,lon,lat,{column}\nv,1770000000,100.5,38.9,{cell}\n")
    (row,) = read.batch.rows
    assert row[field] == (UNKNOWN_ALTITUDE if field == "altitude_m" else -1)
    assert row["flaws"] == flaw
    assert not read.rejects
    assert read.bad_values == {column: 1}
    assert read.first_bad[0][:2] == (2, column)


@pytest.mark.parametrize(
    ("cell", "speed_dkmh"),
    [
        ("6.05e1", 605),
        ("+60", 600),
        (" 60.0 ", 600),
        ("-1", -1),
        ("", -1),
        ("null", -1),
        ("0", 0),
        ("-5", -50),
        ("1e300", 2_000_000_000),
        ("-0.1", -2),
    ],
)
def test_numbers_are_taken_as_people_write_them(tmp_path: Path, cell: str, speed_dkmh: int) -> None:
    (row,) = read_text(tmp_path, f"{HEAD}v,1770000000,100.5,38.9,{cell}\n").batch.rows
    assert row["speed_dkmh"] == speed_dkmh


@pytest.mark.parametrize(
    "text",
    [
        pytest.param((HEAD + GOOD).encode("gb18030"), id="GB18030 cells"),
        pytest.param(b"\xef\xbb\xbf" + (HEAD + GOOD).encode(), id="byte order mark"),
        pytest.param((HEAD + GOOD).replace("\n", "\r\n").encode(), id="CRLF"),
        pytest.param((HEAD + GOOD).replace("\n", "\r").encode(), id="lone CR"),
        pytest.param((HEAD + GOOD).replace(",", ";").encode(), id="semicolons"),
        pytest.param((HEAD + GOOD).replace(",", "\t").encode(), id="tabs"),
        pytest.param((HEAD + GOOD).rstrip("\n").encode(), id="no last line end"),
        pytest.param(("\n" + HEAD + "\n" + GOOD + "\n\n").encode(), id="blank lines"),
        pytest.param((HEAD.replace("lon", " lon ") + GOOD).encode(), id="blanks around a heading"),
        pytest.param(
            '"vehicle_id","fix_time","lon","lat","speed_kmh","备注"\n'.encode() + GOOD.encode()[:-1] + b',"a,b"\n',
            id="quotes and a foreign column",
        ),
        pytest.param(gzip.compress((HEAD + GOOD).encode()), id="gzip by content"),
        pytest.param(lzma.compress((HEAD + GOOD).encode()), id="xz by content"),
    ],
)
def test_one_report_however_the_text_is_dressed(tmp_path: Path, text: bytes) -> None:
    read = read_text(tmp_path, text)
    assert read.batch.keys == ("甘G12345",)
    assert read.batch.rows["speed_dkmh"].tolist() == [613]
    assert (read.rows_total, read.rejects.total(), read.problems) == (1, 0, ())


def test_gb18030_headings_are_read(tmp_path: Path) -> None:
    read = read_text(tmp_path, (HEAD.replace("\n", ",备注\n") + GOOD.replace("\n", ",好\n")).encode("gb18030"))
    assert read.batch.keys == ("甘G12345",)


def test_a_line_in_another_encoding_spoils_only_itself(tmp_path: Path) -> None:
    read = read_text(tmp_path, HEAD.encode() + GOOD.encode() + GOOD.encode("gb18030") + GOOD.encode())
    assert len(read.batch) == 2
    assert read.rejects == {"bad_encoding": 1}
    assert read.first_bad == ((3, "", RejectReason.BAD_ENCODING),)


def test_a_stray_quote_spoils_only_its_line(tmp_path: Path) -> None:
    rows = GOOD + 'v,1770000000,100.5,38.9,"60\n' + GOOD * 30
    read = read_text(tmp_path, HEAD + rows)
    assert len(read.batch) == 32
    assert read.bad_values == {}
    assert_every_row_is_counted(read)
    read = read_text(tmp_path, HEAD + GOOD + '"v,1770000000,100.5,38.9,60\n' + GOOD * 30)
    assert len(read.batch) == 31
    assert read.first_bad == ((3, "", RejectReason.RAGGED_ROW),)


def test_a_line_end_inside_quotes_does_not_end_the_row(tmp_path: Path) -> None:
    read = read_text(tmp_path, HEAD[:-1] + ",note\n" + GOOD[:-1] + ',"two\nlines"\n' + GOOD[:-1] + ",one\n")
    assert len(read.batch) == 2
    assert not read.rejects


def test_row_numbers_stay_right_after_ragged_and_blank_lines(tmp_path: Path) -> None:
    read = read_text(tmp_path, HEAD + GOOD + "\nragged\n" + GOOD + "v,1770000000,east,38.9,60\n")
    assert [(cell.row, cell.reason) for cell in read.first_bad] == [(4, "ragged_row"), (6, "bad_number")]


def test_only_the_first_bad_rows_are_named_but_all_are_counted(tmp_path: Path) -> None:
    read = read_text(tmp_path, HEAD + "x\n" * 1000 + GOOD)
    assert read.rejects == {"ragged_row": 1000}
    assert [cell.row for cell in read.first_bad] == list(range(2, 2 + FIRST_BAD_LIMIT))


def test_the_result_does_not_depend_on_the_block_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = numbered(500) + "v,bad,1,2,3\nragged\n" + numbered(500) + "甘A1,1770000000,100,38,1\n"
    whole = read_text(tmp_path, HEAD + rows)
    for size in (100, 1000, 7777):
        monkeypatch.setattr(line_blocks, "BLOCK_BYTES", size)
        monkeypatch.setattr("monitor.sources.unpacking._READ_BYTES", size)
        read = read_text(tmp_path, HEAD + rows)
        assert np.array_equal(read.batch.rows, whole.batch.rows)
        assert read.batch.keys == whole.batch.keys
        assert (read.rejects, read.first_bad) == (whole.rejects, whole.first_bad)


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gzip", "xz"])
def test_a_file_cut_off_in_its_compression_gives_the_rows_before_the_cut(
    tmp_path: Path, pack: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (HEAD + numbered(20_000)).encode()
    packed = gzip.compress(text) if pack is gzip.compress else lzma.compress(text)
    whole = read_text(tmp_path, packed, "whole.csv")
    read = read_text(tmp_path, packed[: len(packed) * 2 // 3], "cut.csv")
    n = len(read.batch)
    assert 1000 < n < 20_000
    assert np.array_equal(read.batch.rows, whole.batch.rows[:n])
    (problem,) = read.problems
    assert problem.kind is FileProblemKind.TRUNCATED_COMPRESSION
    assert str(tmp_path / "cut.csv") in str(problem)
    assert set(read.rejects) <= {"cut_off"}


def test_damage_in_the_middle_of_the_compression_is_said_and_the_rows_before_are_kept(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress((HEAD + numbered(20_000)).encode()))
    packed[-8:-4] = b"\0\0\0\0"  # the check sum
    read = read_text(tmp_path, bytes(packed))
    assert len(read.batch) == 20_000
    assert [p.kind for p in read.problems] == [FileProblemKind.DAMAGED_COMPRESSION]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"\n\n", "the file is empty", id="blank lines only"),
        pytest.param(gzip.compress(b""), "the file is empty", id="empty inside gzip"),
        pytest.param(lzma.compress(HEAD.encode() * 1000)[:20], "nothing readable in it", id="cut before anything"),
        pytest.param(b"PK\x03\x04" + bytes(100), "a ZIP archive or an Excel workbook", id="Excel workbook"),
        pytest.param(bytes(range(256)) * 40, "no text", id="binary junk"),
        pytest.param((HEAD + GOOD).encode("utf-16"), "UTF-16", id="UTF-16"),
        pytest.param(b"PAR1 and then nothing", "no readable Parquet", id="broken Parquet"),
        pytest.param(
            b"a,b\n1,2\n", "no column vehicle_id or terminal_phone, fix_time, lon, lat; it has a, b", id="foreign"
        ),
        pytest.param(b"a#b#c\n1#2#3\n", "a single column: is the separator right?", id="strange separator"),
        pytest.param(b"v,1770000000,100.5,38.9\n", "looks like data", id="no header"),
        pytest.param((HEAD[:-1] + ",lon\n").encode(), "column 'lon' stands 2 times", id="a heading twice"),
    ],
)
def test_a_file_of_which_nothing_can_be_read_says_why(tmp_path: Path, content: bytes, sentence: str) -> None:
    with pytest.raises(ReportFileError) as caught:
        read_text(tmp_path, content)
    assert str(caught.value).startswith(str(tmp_path / "track.csv"))
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_and_a_missing_file_say_so(tmp_path: Path) -> None:
    with pytest.raises(ReportFileError, match="this is a folder"):
        read_reports(tmp_path, None, now_ms=NOW_MS)
    with pytest.raises(ReportFileError, match="there is no such file"):
        read_reports(tmp_path / "none.csv", None, now_ms=NOW_MS)


def test_a_header_alone_is_an_empty_track_and_says_so(tmp_path: Path) -> None:
    read = read_text(tmp_path, HEAD)
    assert (len(read.batch), read.rows_total) == (0, 0)
    assert [p.kind for p in read.problems] == [FileProblemKind.NO_ROWS]


def test_reports_from_the_future_are_kept_and_said_once(tmp_path: Path) -> None:
    read = read_text(tmp_path, HEAD + GOOD + GOOD.replace("2026", "2036") * 3)
    assert len(read.batch) == 4
    (problem,) = read.problems
    assert problem.kind is FileProblemKind.FUTURE_TIMES
    assert "3 reports" in str(problem)


def test_progress_ends_at_the_size_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", 10_000)
    monkeypatch.setattr("monitor.sources.unpacking._READ_BYTES", 5_000)
    path = tmp_path / "track.csv.xz"
    path.write_bytes(lzma.compress((HEAD + numbered(5_000)).encode()))
    calls: list[tuple[int, int]] = []
    read_reports(path, None, now_ms=NOW_MS, progress=lambda done, total: calls.append((done, total)))
    assert len(calls) > 3
    assert calls == sorted(calls)
    assert calls[-1] == (path.stat().st_size, path.stat().st_size)


def test_a_line_longer_than_the_memory_allows_is_cut_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_blocks, "BLOCK_BYTES", 1_000)
    monkeypatch.setattr(line_blocks, "LONGEST_LINE_BYTES", 2_000)
    monkeypatch.setattr("monitor.sources.unpacking._READ_BYTES", 500)
    read = read_text(tmp_path, HEAD + GOOD + "x" * 10_000 + "\n" + GOOD)
    assert len(read.batch) == 2
    assert set(read.rejects) == {"ragged_row"}


def test_a_file_without_line_ends_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_cells, "_LONGEST_HEADER_BYTES", 1_000)
    with pytest.raises(ReportFileError, match="no text"):
        read_text(tmp_path, "x" * 5_000)


def test_parquet_takes_numbers_texts_and_timestamps(tmp_path: Path) -> None:
    table = pa.table(
        {
            "vehicle_id": pa.array([None, "v"], pa.string()),
            "terminal_phone": pa.array([13900000001.0, None], pa.float64()),
            "fix_time": pa.array([1_770_000_000_123, 1_770_000_001_000], pa.int64()).cast(pa.timestamp("ms", "UTC")),
            "lon": pa.array(["100.5", "100.6"]),
            "lat": pa.array([38.5, 38.6], pa.float32()),
            "speed_kmh": pa.array([60, None], pa.int16()),
            "acc_on": pa.array([True, False]),
            "status": pa.array([3, 1], pa.uint32()),
        }
    )
    path = tmp_path / "track.parquet"
    pq.write_table(table, path)
    read = read_reports(path, None, now_ms=NOW_MS)
    assert read.batch.keys == ("v", "terminal:13900000001") or read.batch.keys == ("terminal:13900000001", "v")
    assert read.batch.rows["fix_ms"].tolist() == [1_770_000_000_123, 1_770_000_001_000]
    assert read.batch.rows["speed_dkmh"].tolist() == [600, -1]
    assert [bool(f & ReportFlag.ACC_ON) for f in read.batch.rows["flags"]] == [True, False]
    assert [bool(f & ReportFlag.POSITIONED) for f in read.batch.rows["flags"]] == [True, False]


@pytest.mark.parametrize(
    ("column", "array"),
    [
        ("lon", pa.array([[1.0]])),
        ("fix_time", pa.array([True])),
        ("vehicle_id", pa.array([{"a": 1}])),
        ("speed_kmh", pa.array([True])),
    ],
)
def test_parquet_of_the_wrong_type_names_column_and_type(
    tmp_path: Path, column: str, array: pa.Array[pa.Scalar[pa.DataType]]
) -> None:
    good: dict[str, pa.Array[pa.Scalar[pa.DataType]]] = {
        "vehicle_id": pa.array(["v"]),
        "fix_time": pa.array([1_770_000_000]),
        "lon": pa.array([100.5]),
        "lat": pa.array([38.5]),
    }
    path = tmp_path / "track.parquet"
    pq.write_table(pa.table({**good, column: array}), path)
    with pytest.raises(ReportFileError, match=f"column '{column}' has the type"):
        read_reports(path, None, now_ms=NOW_MS)


def test_parquet_holding_nan_and_wild_times_counts_them(tmp_path: Path) -> None:
    path = tmp_path / "track.parquet"
    nan = float("nan")
    table = {
        "vehicle_id": ["v"] * 4,
        "fix_time": [1.77e9, nan, 1e300, 1.77e9],
        "lon": [100.5, 100.5, 100.5, nan],
        "lat": [38.5] * 4,
        "speed_kmh": [nan, 1.0, 1.0, 1.0],
    }
    pq.write_table(pa.table(table), path)
    read = read_reports(path, None, now_ms=NOW_MS)
    assert read.batch.rows["speed_dkmh"].tolist() == [-1]
    assert read.rejects == {"missing_time": 1, "bad_time": 1, "missing_position": 1}
    assert [cell.row for cell in read.first_bad] == [2, 3, 4]


def test_a_canonical_file_named_like_a_recorded_track_needs_no_foreign_columns(tmp_path: Path) -> None:
    read = read_text(tmp_path, HEAD + GOOD, "cars_2016_60s.csv")
    assert len(read.batch) == 1
    assert read.mapping == ""
