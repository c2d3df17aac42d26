"""Reports built in code, for laws and unit tests: columns given as sequences, positions in metres east of a place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from monitor.model.beijing import parse_iso
from monitor.model.flaw import ReportFlag
from monitor.model.fleet import PlateColor, Registry, Vehicle, VehicleClass
from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.report import ReportBatch, empty_rows

ORIGIN_LON_DEG, LAT_DEG = 100.0, 39.0
M_PER_DEGREE_EAST = float(EARTH_RADIUS_M * np.pi / 180 * np.cos(np.radians(LAT_DEG)))
M_PER_DEGREE_NORTH = float(EARTH_RADIUS_M * np.pi / 180)
START_MS = parse_iso("2026-03-02T08:00:00+08:00")


def batch_of(
    fix_s: Sequence[float],
    *,
    east_m: Sequence[float] | float = 0.0,
    north_m: Sequence[float] | float = 0.0,
    speed_kmh: Sequence[float] | float = 0.0,
    recv_s: Sequence[float] | None = None,
    vehicle: Sequence[int] | int = 0,
    driver: Sequence[int] | int = -1,
    acc: Sequence[int] | int = -1,
    positioned: Sequence[bool] | bool = True,
    alarm: Sequence[int] | int = -1,
    mileage_m: Sequence[int] | int = -1,
    n_vehicles: int = 1,
    drivers: tuple[str, ...] = (),
) -> ReportBatch:
    """Reports at ``START_MS + fix_s``; ``recv_s`` None is the fix time; speed below 0 is unknown; acc -1/0/1;
    ``alarm`` is the alarm word, -1 unknown."""
    rows = empty_rows(len(fix_s))
    rows["fix_ms"] = START_MS + np.round(np.asarray(fix_s, np.float64) * 1000).astype(np.int64)
    received = fix_s if recv_s is None else recv_s
    rows["recv_ms"] = START_MS + np.round(np.asarray(received, np.float64) * 1000).astype(np.int64)
    rows["lon_deg"] = ORIGIN_LON_DEG + np.asarray(east_m, np.float64) / M_PER_DEGREE_EAST
    rows["lat_deg"] = LAT_DEG + np.asarray(north_m, np.float64) / M_PER_DEGREE_NORTH
    rows["speed_dkmh"] = np.maximum(-1, np.round(np.asarray(speed_kmh, np.float64) * 10)).astype(np.int32)
    rows["key"] = vehicle
    rows["driver"] = driver
    rows["alarm_flags"] = alarm
    rows["mileage_m"] = mileage_m
    acc_column = np.asarray(acc)
    flags = np.where(acc_column >= 0, int(ReportFlag.ACC_KNOWN), 0) | np.where(
        acc_column == 1, int(ReportFlag.ACC_ON), 0
    )
    rows["flags"] = flags | np.where(np.asarray(positioned), int(ReportFlag.POSITIONED), 0)
    return ReportBatch(tuple(f"V{i}" for i in range(n_vehicles)), rows, drivers)


def place(east_m: float, north_m: float) -> tuple[float, float]:
    """Longitude and latitude in degrees of a place that ``batch_of`` states in metres."""
    return ORIGIN_LON_DEG + east_m / M_PER_DEGREE_EAST, LAT_DEG + north_m / M_PER_DEGREE_NORTH


def registry_of(classes: Sequence[VehicleClass]) -> Registry:
    """Vehicles ``V0``, ``V1``, … of one enterprise."""
    return Registry(
        tuple(
            Vehicle(f"V{i}", f"甘G{i:05d}", PlateColor.YELLOW, vehicle_class, "E1")
            for i, vehicle_class in enumerate(classes)
        )
    )
