"""A generated fleet: every vehicle reports once per interval, in another order each time."""

from __future__ import annotations

import numpy as np
import shapely

from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportBatch, empty_rows
from monitor.model.road import RoadSet, line_chainages_m

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


def spread_reports(vehicles: int, rounds: int, seed: int = 1) -> ReportBatch:
    """As ``fleet_reports``, every vehicle somewhere else in a province, on no road that anybody drew."""
    rng = np.random.default_rng(seed)
    batch = fleet_reports(vehicles, rounds, seed=seed)
    rows = batch.rows
    rows["lon_deg"] = rng.uniform(93.0, 107.0, vehicles)[rows["key"]]
    rows["lat_deg"] = rng.uniform(33.0, 41.5, vehicles)[rows["key"]] + (rows["lat_deg"] - 30.0) % 0.5
    rows["heading_deg"] = 0
    return batch


def section_reports(vehicles: int, rounds: int, roads: RoadSet, seed: int = 1) -> ReportBatch:
    """As ``fleet_reports``, every vehicle to and fro on a section of its own, scattered by 10 m, with its heading."""
    rng = np.random.default_rng(seed)
    batch = fleet_reports(vehicles, rounds, seed=seed)
    rows = batch.rows
    lines = [shapely.get_coordinates(section.line) for section in roads.sections]
    lasting_s = (rows["fix_ms"] - START_MS) / 1000.0
    for number, line in enumerate(lines):
        own = np.flatnonzero(rows["key"] % len(lines) == number)
        chainage = line_chainages_m(line)
        once = (rows["key"][own] * 37.0 + lasting_s[own] * 16.0) % (2.0 * chainage[-1])
        at_m = np.minimum(once, 2.0 * chainage[-1] - once)
        step = np.clip(np.searchsorted(chainage, at_m, side="right") - 1, 0, len(line) - 2)
        ahead = np.where(once < chainage[-1], 1.0, -1.0)[:, None] * (line[step + 1] - line[step])
        scatter = rng.normal(0.0, 10.0 / 111_195.0, (len(own), 2))
        rows["lon_deg"][own] = np.interp(at_m, chainage, line[:, 0]) + scatter[:, 0]
        rows["lat_deg"][own] = np.interp(at_m, chainage, line[:, 1]) + scatter[:, 1]
        east = ahead[:, 0] * np.cos(np.radians(rows["lat_deg"][own]))
        rows["heading_deg"][own] = np.degrees(np.arctan2(east, ahead[:, 1])) % 360.0
    return batch


def with_own_texts(batch: ReportBatch, size: int = MICRO_BATCH) -> list[ReportBatch]:
    """Micro-batches that name only their own vehicles, as a decoder hands them over."""
    parts = []
    for begin in range(0, len(batch), size):
        rows = batch.rows[begin : begin + size].copy()
        distinct, index = np.unique(rows["key"], return_inverse=True)
        rows["key"] = index
        parts.append(ReportBatch(tuple(batch.keys[key] for key in distinct.tolist()), rows))
    return parts
