"""Reports for archive tests, and a disk that dies."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import numpy as np

from monitor.model.beijing import day_start_ms
from monitor.model.report import ReportBatch, ReportRows, empty_rows
from monitor.store.archive import bucket_of
from monitor.store.archive.disk import Disk

DAY = 20_514  # 2026-03-02
Row = tuple[object, ...]

if TYPE_CHECKING:
    from typing_extensions import Buffer


def reports(seed: int, n: int, *, vehicles: int = 5, days: int = 2, first_day: int = DAY) -> ReportBatch:
    """Random reports of a few vehicles over a few days, some of them twice, some without driver or source."""
    rng = np.random.default_rng(seed)
    rows = empty_rows(n)
    rows["fix_ms"] = day_start_ms(first_day) + rng.integers(0, 200, n) * 1_000 + rng.integers(0, days, n) * 86_400_000
    rows["recv_ms"] = rows["fix_ms"] + rng.integers(0, 5_000, n)
    rows["lon_deg"] = np.rint(rng.uniform(73, 135, n) * 1e6) / 1e6
    rows["lat_deg"] = np.rint(rng.uniform(4, 53, n) * 1e6) / 1e6
    rows["speed_dkmh"] = rng.integers(-1, 1_600, n)
    rows["mileage_m"] = rng.integers(-1, 1 << 40, n)
    rows["status"] = rng.integers(-1, 1 << 32, n)
    rows["alarm_flags"] = rng.integers(-1, 4, n)
    rows["heading_deg"] = rng.integers(-1, 360, n)
    rows["altitude_m"] = rng.choice([-32_768, 0, 1_400], n)
    rows["flags"] = rng.integers(0, 64, n)
    rows["flaws"] = rng.choice([0, 1 << 18, 1 << 19], n)
    rows["key"] = rng.integers(0, vehicles, n)
    rows["driver"] = rng.integers(-1, 2, n)
    rows["source"] = rng.integers(-1, 2, n)
    keys = tuple(f"甘G{number:05d}" for number in range(vehicles))
    return ReportBatch(keys, rows, ("张三", "李四"), ("mqtt", "jt808"))


def told(batch: ReportBatch) -> list[Row]:
    """Rows as plain values, texts for indices."""
    return [_told(row, batch) for row in batch.rows.tolist()]


def in_order(batch: ReportBatch, buckets: int, day: int) -> list[Row]:
    """The rows of a day as an archive must tell them, worked out the slow way."""
    rows: ReportRows = batch.rows[(batch.rows["fix_ms"] + 28_800_000) // 86_400_000 == day]
    chosen = told(ReportBatch(batch.keys, rows, batch.drivers, batch.sources))
    return sorted(chosen, key=lambda row: (bucket_of(str(row[7]), buckets), str(row[7]), int(str(row[0]))))


def _told(row: Row, batch: ReportBatch) -> Row:
    values = list(row)
    for position, texts in ((7, batch.keys), (8, batch.drivers), (9, batch.sources)):
        index = int(str(values[position]))
        values[position] = texts[index] if index >= 0 else ""
    return tuple(values)


class PowerCut(BaseException):
    """Nothing catches it, as nothing catches the real one."""


class _MortalFile(io.FileIO):
    """A file that takes no more bytes once it is closed, and does not complain."""

    def write(self, data: Buffer) -> int:
        return memoryview(data).nbytes if self.closed else super().write(data)


class DyingDisk(Disk):
    """Works for so many operations, then loses power: files that were not made safe are cut short."""

    def __init__(self, operations: int) -> None:
        self.left = operations
        self._unsafe: list[tuple[Path, _MortalFile]] = []

    def create(self, path: Path) -> BinaryIO:
        self._work()
        file = _MortalFile(path, "wb")
        self._unsafe.append((path, file))
        return cast(BinaryIO, file)

    def keep(self, file: BinaryIO) -> None:
        self._work()
        self._unsafe = [(path, other) for path, other in self._unsafe if other is not file]

    def keep_folder(self, folder: Path) -> None:
        self._work()

    def rename(self, old: Path, new: Path) -> None:
        self._work()
        super().rename(old, new)

    def remove(self, path: Path) -> None:
        self._work()
        super().remove(path)

    def write_at(self, path: Path, position: int, data: bytes) -> None:
        if self.left <= 0:
            super().write_at(path, position, data[: len(data) // 2])
        self._work()
        super().write_at(path, position, data)

    def _work(self) -> None:
        self.left -= 1
        if self.left < 0:
            for path, file in self._unsafe:
                file.close()
                if path.exists():
                    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            raise PowerCut
