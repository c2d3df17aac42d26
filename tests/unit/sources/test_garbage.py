"""Whatever bytes a file holds: it is read with every row counted, or refused with the one declared error."""

from __future__ import annotations

import gzip
import lzma
import random
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ReportFileError
from monitor.sources.report_files import FileRead, read_reports

HEAD = b"vehicle_id,fix_time,lon,lat,speed_kmh,status,acc_on,recv_time\n"
ROW = "甘G12345,2026-03-02T22:10:05+08:00,100.5,38.9,61.2,3,1,1772460605\n".encode()
CELLS = [
    "v",
    "",
    "1",
    "-1",
    "1e400",
    "nan",
    "2026-03-02T22:10:05Z",
    "1772460605",
    '"',
    "\x00",
    "½",
    "\r",
    "0x3",
    "true",
]


def read_bytes(content: bytes) -> FileRead | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "track.csv"
        path.write_bytes(content)
        refusal = ""
        try:
            read = read_reports(path, None, now_ms=2**60)
        except ReportFileError as error:
            refusal = str(error)
    if refusal:
        assert refusal.startswith(str(path))
        assert len(refusal.splitlines()) == 1
        return None
    assert len(read.batch) + read.rejects.total() + read.rows_filtered == read.rows_total
    rows = read.batch.rows
    assert np.isfinite(rows["lon_deg"]).all()
    assert np.isfinite(rows["lat_deg"]).all()
    assert (rows["key"] >= 0).all()
    return read


@settings(max_examples=150)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    read_bytes(content)
    read_bytes(HEAD + content)
    read_bytes(gzip.compress(b"")[:10] + content)


@settings(max_examples=150)
@given(st.lists(st.lists(st.sampled_from(CELLS), min_size=7, max_size=9), max_size=12))
def test_any_cells_spoil_only_their_own_row(table: list[list[str]]) -> None:
    read = read_bytes(HEAD + ROW + "".join(",".join(cells) + "\n" for cells in table).encode() + ROW)
    assert read is not None
    assert read.batch.rows["fix_ms"][0] == 1_772_460_605_000
    assert read.batch.keys[0] == "甘G12345"


@settings(max_examples=100)
@given(st.integers(0, 10**9), st.sampled_from(["plain", "gzip", "xz"]))
def test_flipped_and_missing_bytes_never_escape_as_another_error(seed: int, packing: str) -> None:
    drawn = random.Random(seed)
    text = HEAD + ROW * 50
    content = bytearray(
        text if packing == "plain" else gzip.compress(text) if packing == "gzip" else lzma.compress(text)
    )
    for _ in range(drawn.randint(0, 4)):
        content[drawn.randrange(len(content))] = drawn.randrange(256)
    read_bytes(bytes(content[: drawn.randint(1, len(content))]))
