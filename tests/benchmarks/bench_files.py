"""Reading recorded tracks, against the standard library's csv module over the same file in the same run.

Axis: form of the file. The first line reads a recorded track (argument, or ../shared/data/trucks_2018_1hz.csv.xz where
present) as it is; the others read a made-up track of as many rows written in each form.

    python -m tests.benchmarks.bench_files [TRACK.csv.xz]
"""

from __future__ import annotations

import csv
import gzip
import lzma
import sys
import tempfile
from pathlib import Path
from typing import TextIO

import numpy as np

from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportBatch, empty_rows
from monitor.sources.report_files import read_reports
from monitor.sources.report_writer import ENDINGS, write_reports
from tests.benchmarks.report import Report, best_wall_s

RECORDED = Path(__file__).parents[2].parent / "shared" / "data" / "trucks_2018_1hz.csv.xz"
ROWS = 574_153
NOW_MS = 2**60


def made_up_track(n: int) -> ReportBatch:
    """``n`` reports of six vehicles at 1 s."""
    rng = np.random.default_rng(1)
    rows = empty_rows(n)
    rows["key"] = np.arange(n) * 6 // n
    rows["fix_ms"] = 1_533_081_998_000 + np.arange(n) * 1000
    rows["lon_deg"] = (115.9 + np.cumsum(rng.normal(0, 1e-5, n))).round(6)
    rows["lat_deg"] = (28.6 + np.cumsum(rng.normal(0, 1e-5, n))).round(6)
    rows["speed_dkmh"] = rng.integers(0, 100, n) * 10
    rows["heading_deg"] = rng.integers(0, 360, n)
    rows["mileage_m"] = 5_559_000 + np.arange(n) // 60 * 1000
    rows["flags"] = ReportFlag.POSITIONED | ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON
    return ReportBatch(tuple(f"甘G{i:05d}" for i in range(6)), rows)


def text_of(path: Path) -> TextIO:
    if path.suffix == ".xz":
        return lzma.open(path, "rt", encoding="utf-8", newline="")
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def csv_module(path: Path) -> int:
    with text_of(path) as text:
        return sum(1 for _ in csv.reader(text))


def measure(report: Report, path: Path) -> None:
    n = len(read_reports(path, None, now_ms=NOW_MS).batch)
    ours = best_wall_s(5, lambda: read_reports(path, None, now_ms=NOW_MS))
    report.add(f"{path.name}, {n:,} rows: read and judged", n / ours / 1e6, "million reports/s")
    if path.suffix != ".parquet":
        theirs = best_wall_s(3, lambda: csv_module(path))
        report.add(f"{path.name}: to the csv module's time", ours / theirs, "times")


def main() -> None:
    report = Report("Track files")
    recorded = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDED
    if recorded.is_file():
        measure(report, recorded)
    else:
        report.note(f"{recorded.name} is not on this machine: left out.")
    track = made_up_track(ROWS)
    with tempfile.TemporaryDirectory() as folder:
        for ending in ENDINGS:
            path = Path(folder) / f"made_up{ending}"
            seconds = best_wall_s(1, lambda path=path: write_reports(track, path))  # type: ignore[misc]
            report.add(f"{path.name}: written", ROWS / seconds / 1e6, "million reports/s")
            report.add(f"{path.name}: size", path.stat().st_size / ROWS, "bytes per report")
            measure(report, path)
    report.close("files")


if __name__ == "__main__":
    main()
