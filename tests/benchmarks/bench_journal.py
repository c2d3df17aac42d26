"""Journal throughput: reports a second in batches, each batch with its fsync.

Axis: reports per batch.

    python -m tests.benchmarks.bench_journal
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, empty_rows
from monitor.store.journal import Journal
from tests.benchmarks.report import Report

KEYS = tuple(f"甘G{number:05d}" for number in range(20_000))


def records(batch_size: int, n: int) -> list[JournalRecord]:
    rng = np.random.default_rng(1)
    made = []
    for number in range(n):
        rows = empty_rows(batch_size)
        rows["fix_ms"] = 1_700_000_000_000 + number * 1_000 + rng.integers(0, 1_000, batch_size)
        rows["recv_ms"] = rows["fix_ms"] + 300
        rows["lon_deg"] = 99.8 + rng.random(batch_size).round(6)
        rows["lat_deg"] = 39.4 + rng.random(batch_size).round(6)
        rows["speed_dkmh"] = rng.integers(0, 1_000, batch_size)
        rows["heading_deg"] = rng.integers(0, 360, batch_size)
        rows["mileage_m"] = rng.integers(0, 400_000_000, batch_size)
        rows["status"] = 3
        rows["alarm_flags"] = 0
        rows["key"] = np.arange(batch_size)
        rows["source"] = 0
        start = number * batch_size % len(KEYS)
        batch = ReportBatch((KEYS * 2)[start : start + batch_size], rows, (), ("mqtt",))
        made.append(JournalRecord(0, RecordType.REPORTS, 1_700_000_000_000 + number, batch=batch))
    return made


def run(report: Report, batch_size: int, n: int) -> None:
    made = records(batch_size, n)
    # Not in the temporary folder: where that is in memory, an fsync costs nothing.
    scratch = tempfile.TemporaryDirectory(prefix="bench-journal-", dir=Path.cwd())
    with scratch as folder, Journal(Path(folder)) as journal:
        journal.append(made[:1])
        began = time.perf_counter()
        cpu = time.process_time()
        for record in made:
            journal.append([record])
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        size = sum(path.stat().st_size for path in Path(folder).glob("*.vdmj"))
        began = time.perf_counter()
        read = sum(len(record.batch) for record in journal.read(2) if record.batch is not None)
        read_s = time.perf_counter() - began
    total = batch_size * n
    what = f"batches of {batch_size:,}"
    report.add(f"{what}: written, each with its fsync", total / took / 1e6, "million reports/s")
    report.add(f"{what}: one batch", took / n * 1e3, "ms")
    report.add(f"{what}: written, by CPU time", total / cpu / 1e6, "million reports per CPU-second")
    report.add(f"{what}: read", read / read_s / 1e6, "million reports/s")
    report.add(f"{what}: size", size / total, "bytes per report")


def main() -> None:
    report = Report("Journal")
    for batch_size in (1, 100, 2_000, 20_000):
        run(report, batch_size, max(20, min(1_000, 1_000_000 // batch_size)))
    report.close("journal")


if __name__ == "__main__":
    main()
