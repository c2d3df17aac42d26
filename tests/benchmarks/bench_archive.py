"""The archive: written as the day goes, merged, read whole, by bucket and by vehicle.

Axis: reports of the day, of 20,000 vehicles. Rates are by CPU time of one thread, because the machine is shared; what
waits for the disk is told as time.

    python -m tests.benchmarks.bench_archive
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportBatch, empty_rows
from monitor.store.archive import Archive, ArchiveSettings
from monitor.store.archive.columns import arrow_table, schema
from monitor.store.archive.disk import Disk
from monitor.store.archive.part import PartWriter
from tests.benchmarks.generated_fleet import with_own_texts
from tests.benchmarks.report import Report

VEHICLES = 20_000
STEP_MS = 15_000
DAY = 20_514


def day_of_reports(vehicles: int, rounds: int, seed: int = 1) -> ReportBatch:
    """Reports every 15 s in the order received: two fifths of the vehicles drive with wandering headings, the others
    stand; places to 10^-6 degrees, odometers to 100 m, receipt half a second to two seconds after the fix."""
    rng = np.random.default_rng(seed)
    vehicle = np.concatenate([rng.permutation(vehicles) for _ in range(rounds)])
    turn = np.repeat(np.arange(rounds), vehicles)
    rows = empty_rows(len(vehicle))
    rows["key"] = vehicle
    rows["source"] = 0
    rows["fix_ms"] = DAY * 86_400_000 - 28_800_000 + turn * STEP_MS + (vehicle * 7_919 % STEP_MS) // 1_000 * 1_000
    rows["recv_ms"] = rows["fix_ms"] + 500 + rng.integers(0, 1_500, len(rows))
    drives = (np.arange(rounds)[:, None] // 240 + np.arange(vehicles)) % 5 < 2
    speed = np.where(drives, 400 + rng.integers(-60, 60, drives.shape) + np.arange(vehicles) % 300, 0)
    heading = np.cumsum(rng.normal(0, 15, drives.shape) * drives, axis=0)
    metres = speed / 36 * STEP_MS / 1_000
    lon = 99 + rng.random(vehicles) + np.cumsum(metres * np.sin(np.radians(heading)), axis=0) / 86_000
    lat = 39 + rng.random(vehicles) + np.cumsum(metres * np.cos(np.radians(heading)), axis=0) / 111_195
    rows["speed_dkmh"] = speed[turn, vehicle]
    rows["heading_deg"] = heading[turn, vehicle] % 360
    rows["lon_deg"] = np.rint(lon[turn, vehicle] * 1e6) / 1e6
    rows["lat_deg"] = np.rint(lat[turn, vehicle] * 1e6) / 1e6
    rows["mileage_m"] = np.cumsum(metres, axis=0)[turn, vehicle] // 100 * 100 + vehicle * 1_000
    rows["altitude_m"] = 1_400 + (rows["lat_deg"] * 1_000 % 50).astype(int)
    rows["status"] = np.where(drives[turn, vehicle], 3, 2)
    rows["alarm_flags"] = 0
    rows["flags"] = ReportFlag.POSITIONED | ReportFlag.ACC_KNOWN
    return ReportBatch(tuple(f"甘G{number:05d}" for number in range(vehicles)), rows, (), ("mqtt",))


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds and seconds."""
    cpu, began = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - began


def fill(archive: Archive, pieces: list[ReportBatch]) -> None:
    for offset, piece in enumerate(pieces, 1):
        archive.take(piece, offset)
        if archive.waiting_rows >= archive.settings.flush_rows:
            archive.flush()
    archive.flush()


def write(writer: PartWriter, batch: ReportBatch) -> None:
    writer.add(DAY, 3, batch)
    writer.close()


def run(report: Report, rounds: int, folder: Path) -> None:
    batch = day_of_reports(VEHICLES, rounds)
    n = len(batch)
    what = f"{n / 1e6:.1f} million reports"
    pieces = [ReportBatch(one.keys, one.rows, (), ("mqtt",)) for one in with_own_texts(batch)]
    archive = Archive(folder / "archive", ArchiveSettings())
    cpu, _ = timed(lambda: fill(archive, pieces))
    report.add(f"{what}: taken, sorted and flushed", n / cpu / 1e6, "million reports per CPU-second")
    files = archive.files(DAY)
    cpu, wall = timed(lambda: archive.compact(DAY))
    report.add(f"{what}: {files} files merged", n / cpu / 1e6, "million reports per CPU-second")
    report.add(f"{what}: merging", wall, "s")
    size = sum(path.stat().st_size for path in (folder / "archive" / "parts").iterdir())
    report.add(f"{what}: size", size / n, "bytes per report", "10")

    buckets = [min(timed(partial(archive.read, DAY, bucket))[0] for _ in range(2)) for bucket in range(16)]
    report.add(f"{what}: read bucket by bucket", n / sum(buckets) / 1e6, "million reports per CPU-second", "7.3")
    report.add(f"{what}: read, one bucket", buckets[0], "s")
    key = f"甘G{17:05d}"
    report.add(f"{what}: read, one vehicle", timed(lambda: archive.read(DAY, keys=[key]))[1] * 1e3, "ms")
    ordered = archive.read(DAY, 3)
    writer = PartWriter(Disk(), folder / "alone.parquet", 16, 6, archive.settings.level, 1_000_000)
    cpu, _ = timed(lambda: write(writer, ordered))
    report.add(f"{what}: Parquet alone, written", len(ordered) / cpu / 1e6, "million reports per CPU-second", "5.6")
    cpu, _ = timed(lambda: arrow_table(ordered, schema(6)))
    report.add(f"{what}: of that, rows to columns", len(ordered) / cpu / 1e6, "million reports per CPU-second")


def most_memory_mib() -> float:
    """The most that this process ever held, counted from its own program on."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def memory(folder: Path) -> None:
    """In a process of its own: before and after a merge of the whole day."""
    archive = Archive(folder / "archive", ArchiveSettings(row_group_rows=500_000))
    before = most_memory_mib()
    archive.keep_only(DAY, lambda batch: batch.rows["fix_ms"] != 0)
    print(most_memory_mib(), before)


def main() -> None:
    if len(sys.argv) == 2:
        memory(Path(sys.argv[1]))
        return
    report = Report("Archive")
    for rounds in (50, 250):
        # Not in the temporary folder: where that is in memory, an fsync costs nothing.
        with tempfile.TemporaryDirectory(prefix="bench-archive-", dir=Path.cwd()) as name:
            run(report, rounds, Path(name))
            command = [sys.executable, "-m", "tests.benchmarks.bench_archive", name]
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
            what = f"{VEHICLES * rounds / 1e6:.1f} million reports"
            report.add(f"{what}: memory of a process that merges the day", float(said[0]), "MiB")
            report.add(f"{what}: of that, before it began", float(said[1]), "MiB")
    report.close("archive")


if __name__ == "__main__":
    main()
