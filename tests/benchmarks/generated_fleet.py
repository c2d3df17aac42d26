"""A generated fleet: every vehicle reports once per interval, in another order each time."""

from __future__ import annotations

import numpy as np

from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportBatch, empty_rows

START_MS = 1_772_000_000_000
INTERVAL_MS = 30_000
MICRO_BATCH = 2_000


def fleet_reports(vehicles: int, rounds: int, interval_ms: int = INTERVAL_MS, seed: int = 1) -> ReportBatch:
    """``rounds`` reports of each vehicle, in the order received; vehicles in random order within a round.

    Speeds differ by vehicle and vary in time; one vehicle in a hundred speeds, and everybody stands for a fifth of the
    time.
    """
    rng = np.random.default_rng(seed)
    vehicle = np.concatenate([rng.permutation(vehicles) for _ in range(rounds)])
    round_ = np.repeat(np.arange(rounds), vehicles)
    rows = empty_rows(vehicles * rounds)
    rows["key"] = vehicle
    rows["recv_ms"] = START_MS + (np.arange(len(rows)) * interval_ms) // vehicles
    under_way_ms = 500 + rng.integers(0, interval_ms // 15, len(rows))
    rows["fix_ms"] = np.maximum(rows["recv_ms"] - under_way_ms, START_MS - 10_000)
    speed = 400 + (vehicle % 50) * 10 + (round_ % 20) * 8
    speed[vehicle % 100 == 0] = 1_300
    speed[round_ % 100 > 80] = 0
    rows["speed_dkmh"] = speed
    rows["lat_deg"] = 30 + (vehicle % 1_000) * 0.001 + round_ * (0.002 * interval_ms / INTERVAL_MS)
    rows["lon_deg"] = 100 + (vehicle // 1_000) * 0.01
    rows["flags"] = ReportFlag.POSITIONED | ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON
    return ReportBatch(tuple(f"甘G{number:06d}" for number in range(vehicles)), rows)


def with_own_texts(batch: ReportBatch, size: int = MICRO_BATCH) -> list[ReportBatch]:
    """Micro-batches that name only their own vehicles, as a decoder hands them over."""
    parts = []
    for begin in range(0, len(batch), size):
        rows = batch.rows[begin : begin + size].copy()
        distinct, index = np.unique(rows["key"], return_inverse=True)
        rows["key"] = index
        parts.append(ReportBatch(tuple(batch.keys[key] for key in distinct.tolist()), rows))
    return parts
