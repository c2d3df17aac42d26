"""Settlement of a day: ``python -m tests.benchmarks.bench_settlement [--vehicles N] [--interval S] [--buckets N]``.

A synthetic archive is made once (``--folder`` keeps it), then one day of it is settled in a process of its own: time
from start to end, and the most memory it had. Tables are not written: their cost goes by alarms, not by reports.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from monitor.app.settlement.days import SettledDays
from monitor.app.settlement.settled_state import SettledFolder, digest
from monitor.model.beijing import DAY_MS, OFFSET_MS, day_of
from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportBatch, empty_rows
from monitor.store.archive import Archive, ArchiveSettings

DAY_START_MS = 1_772_000_000_000 // DAY_MS * DAY_MS - OFFSET_MS
FULL_VEHICLES, FULL_INTERVAL_S = 20_000, 15
CHUNK_S = 600


def day_batch(vehicles: int, from_s: int, to_s: int, interval_s: int, seed: int) -> ReportBatch:
    """Reports in the order received: vehicles drive two thirds of the day, one in a hundred speeds, one in fifty stays
    silent for a while now and then."""
    rng = np.random.default_rng(seed)
    rounds = np.arange(from_s, to_s, interval_s)
    vehicle = np.tile(np.arange(vehicles), len(rounds))
    at_s = np.repeat(rounds, vehicles) + (vehicle * 7919) % interval_s
    hour = (at_s / 3_600 + vehicle % 24) % 24
    moving = (hour < 16) & ((at_s // 900 + vehicle) % 17 != 0)
    speed = np.where(moving, 450 + (vehicle % 40) * 10 + (at_s // 60 + vehicle) % 25 * 4, 0)
    speed[moving & (vehicle % 100 == 0) & ((at_s // 600) % 12 == 0)] = 1_250
    rows = empty_rows(len(vehicle))
    rows["key"] = vehicle
    rows["fix_ms"] = DAY_START_MS + at_s * 1_000
    rows["recv_ms"] = rows["fix_ms"] + rng.integers(500, 3_000, len(rows))
    travelled = (at_s * 0.00018 + vehicle * 0.37) % 4.0
    rows["lat_deg"] = np.round(30.0 + np.where(moving, travelled, travelled - at_s % 900 * 0.00018), 6)
    rows["lon_deg"] = np.round(100.0 + (vehicle % 997) * 0.007 + rng.integers(0, 9, len(rows)) * 1e-6, 6)
    rows["speed_dkmh"] = speed
    rows["heading_deg"] = 0
    rows["source"] = 0
    rows["flags"] = ReportFlag.POSITIONED | ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON
    silent = (vehicle % 50 == 0) & ((at_s // 1_800) % 9 == 0)
    return ReportBatch(tuple(f"甘G{n:06d}" for n in range(vehicles)), rows[~silent], (), ("main",))


def make_archive(folder: Path, vehicles: int, interval_s: int, buckets: int) -> Archive:
    """A day's archive, merged as the night does it."""
    archive = Archive(folder, ArchiveSettings(buckets=buckets))
    if archive.days():
        return archive
    for offset, from_s in enumerate(range(0, 86_400, CHUNK_S), 1):
        archive.take(day_batch(vehicles, from_s, min(from_s + CHUNK_S, 86_400), interval_s, from_s), offset)
        if archive.waiting_rows > 4_000_000:
            archive.flush()
    archive.flush()
    for day in archive.days():
        archive.compact(day)
    return archive


def settle(folder: Path, buckets: int, states: Path) -> None:
    """One day, as the settlement process does it but for the tables."""
    archive = Archive(folder, ArchiveSettings(buckets=buckets))
    day = int(day_of(DAY_START_MS))
    days = SettledDays()
    begun_s = time.perf_counter()
    settled = days.run(archive, day)
    ran_s = time.perf_counter()
    SettledFolder(states).write(days, day, 1)
    digest(days)
    ended_s = time.perf_counter()
    n = int(settled.outcomes.sum())
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{n:,} reports of {len(days.engine.fleet):,} vehicles in {buckets} buckets: {ended_s - begun_s:.1f} s "
        f"({n / (ran_s - begun_s) / 1e6:.2f} million/s; state {ended_s - ran_s:.1f} s), "
        f"{len(settled.alarms):,} alarms, peak {peak_mib:,.0f} MiB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vehicles", type=int, default=FULL_VEHICLES // 20)
    parser.add_argument("--interval", type=int, default=FULL_INTERVAL_S)
    parser.add_argument("--buckets", type=int, default=ArchiveSettings().buckets)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--settle", action="store_true", help="only settle what is there; the measured process")
    stated = parser.parse_args()
    if stated.settle:
        with tempfile.TemporaryDirectory() as states:
            settle(stated.folder, stated.buckets, Path(states))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = stated.folder or Path(name)
        make_archive(folder, stated.vehicles, stated.interval, stated.buckets)
        words = ["--settle", "--folder", str(folder), "--buckets", str(stated.buckets)]
        subprocess.run([sys.executable, "-m", "tests.benchmarks.bench_settlement", *words], check=True)


if __name__ == "__main__":
    main()
