"""Reports written and read again are the same reports."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ReportFileError
from monitor.model.flaw import ReportFlag
from monitor.model.report import UNKNOWN, UNKNOWN_ALTITUDE, ReportBatch, empty_rows, terminal_key
from monitor.sources.report_files import read_reports
from monitor.sources.report_writer import ENDINGS, write_reports

IDS = ("甘G12345", "a,b", 'say "x"', "v;1", "007", terminal_key("13900000001"), terminal_key("0ab"))
NOW_MS = 2**60


@st.composite
def batches(draw: st.DrawFn) -> ReportBatch:
    """Batches within the resolution of the columns; texts interned in the order of their first row."""
    n = draw(st.integers(0, 12))
    rows = empty_rows(n)

    def column(values: st.SearchStrategy[int] | st.SearchStrategy[float]) -> list[int] | list[float]:
        return draw(st.lists(values, min_size=n, max_size=n))

    def known_or(unknown: int, low: int, high: int) -> st.SearchStrategy[int]:
        return st.one_of(st.just(unknown), st.integers(low, high))

    times_ms = st.integers(1, 4_000_000_000_000)
    rows["fix_ms"] = column(times_ms)
    rows["recv_ms"] = column(st.one_of(st.just(0), times_ms))
    rows["lon_deg"] = column(st.floats(-180, 180))
    rows["lat_deg"] = column(st.floats(-90, 90))
    rows["speed_dkmh"] = column(known_or(UNKNOWN, 0, 3_000))
    rows["recorder_speed_dkmh"] = column(known_or(UNKNOWN, 0, 3_000))
    rows["heading_deg"] = column(known_or(UNKNOWN, 0, 400))
    rows["altitude_m"] = column(known_or(UNKNOWN_ALTITUDE, -500, 9_000))
    rows["mileage_m"] = column(known_or(UNKNOWN, 0, 10**10))
    rows["status"] = column(known_or(UNKNOWN, 0, 2**32 - 1))
    rows["alarm_flags"] = column(known_or(UNKNOWN, 0, 2**32 - 1))
    acc = st.sampled_from([ReportFlag.ACC_KNOWN, ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON])
    others = st.sampled_from([ReportFlag.POSITIONED, ReportFlag.BACKFILL, ReportFlag(0)])
    rows["flags"] = np.array(column(acc), np.int32) | np.array(column(others), np.int32)
    rows["flags"] |= np.where(rows["recv_ms"] != 0, np.int32(ReportFlag.PAYLOAD_RECV), np.int32(0))
    interned: list[tuple[str, ...]] = []
    for field, texts in (("key", IDS), ("driver", ("", "D1", "D2")), ("source", ("", "gw1", "gw2"))):
        drawn = draw(st.lists(st.sampled_from(texts), min_size=n, max_size=n))
        names = tuple(dict.fromkeys(text for text in drawn if text))
        found = {name: at for at, name in enumerate(names)}
        rows[field] = [found.get(text, UNKNOWN) for text in drawn]
        interned.append(names)
    return ReportBatch(interned[0], rows, interned[1], interned[2])


@settings(max_examples=60)
@given(batches(), st.sampled_from(ENDINGS))
def test_writing_and_reading_is_identity(batch: ReportBatch, ending: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"track{ending}"
        write_reports(batch, path)
        read = read_reports(path, None, now_ms=NOW_MS)
        assert sorted(p.name for p in Path(folder).iterdir()) == [path.name]
    assert not read.rejects
    assert not read.bad_values
    for field in batch.rows.dtype.names or ():
        if field not in ("key", "driver", "source"):
            assert read.batch.rows[field].tolist() == batch.rows[field].tolist(), field
    for field, texts, expected in (
        ("key", read.batch.keys, batch.keys),
        ("driver", read.batch.drivers, batch.drivers),
        ("source", read.batch.sources, batch.sources),
    ):
        assert [texts[i] if i >= 0 else None for i in read.batch.rows[field]] == [
            expected[i] if i >= 0 else None for i in batch.rows[field]
        ]


def one_report(key: str = "v") -> ReportBatch:
    rows = empty_rows(1)
    rows["fix_ms"], rows["lon_deg"], rows["lat_deg"] = 1_770_000_000_000, 100.5, 38.9
    rows["flags"] = ReportFlag.POSITIONED
    return ReportBatch((key,), rows)


def test_columns_of_which_nothing_is_known_are_left_out(tmp_path: Path) -> None:
    write_reports(one_report(), tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_text().splitlines() == [
        '"vehicle_id","fix_time","lon","lat"',
        '"v","2026-02-02T10:40:00+08:00",100.5,38.9',
    ]


def test_the_same_reports_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.csv.gz", "b.csv.gz"):
        write_reports(one_report(), tmp_path / name)
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


@pytest.mark.parametrize(
    ("name", "key", "sentence"),
    [
        ("t.xlsx", "v", "the ending is none of .csv, .csv.gz, .csv.xz, .parquet"),
        ("missing/t.csv", "v", "cannot be written"),
        ("t.csv", "two\nlines", "holds a line end"),
    ],
)
def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path, name: str, key: str, sentence: str) -> None:
    with pytest.raises(ReportFileError, match=sentence):
        write_reports(one_report(key), tmp_path / name)
    assert list(tmp_path.iterdir()) == []
