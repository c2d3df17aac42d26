"""Small tables of reports, hand-readable, and their reports.

A table has a header and one report per line, separated by blanks::

    time      speed  km    acc
    08:00:00  90.0   0.00  1
    08:00:30  90.0   0.75  1

``time`` is Beijing time (a date may stand before it, as ``2T08:00:00`` for the third day); ``km`` runs east from
Gaotai along a parallel, ``km_north`` north from it. Other columns: ``vehicle``, ``acc`` (0/1), ``fix`` (0/1),
``driver``, ``backfill`` (0/1), ``received`` (a time, else the report's own), ``recorder``. ``-`` is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from monitor.model.beijing import DAY_MS, parse_iso
from monitor.model.flaw import ReportFlag
from monitor.model.geo import EARTH_RADIUS_M
from monitor.model.report import ReportBatch, empty_rows

ORIGIN_LON_DEG, ORIGIN_LAT_DEG = 99.82, 39.38
FIRST_DAY = "2026-03-02"
VEHICLE = "T1"
_COLUMNS = frozenset(
    ("time", "vehicle", "speed", "km", "km_north", "acc", "fix", "driver", "backfill", "received", "recorder")
)
_KM_PER_DEGREE = EARTH_RADIUS_M / 1000 * np.pi / 180


@dataclass(slots=True)
class _Names:
    seen: dict[str, int] = field(default_factory=dict)

    def index(self, name: str) -> int:
        return -1 if name == "-" else self.seen.setdefault(name, len(self.seen))


def trace_ms(text: str, day: str = FIRST_DAY) -> int:
    """Epoch ms of ``HH:MM:SS`` on the first day, or ``nTHH:MM:SS`` n days later."""
    days, _, clock = text.rpartition("T")
    return parse_iso(f"{day}T{clock}") + (int(days) if days else 0) * DAY_MS


def reports(table: str, day: str = FIRST_DAY) -> ReportBatch:
    """The batch of a table, in its order. Raises ValueError, naming the line."""
    lines = [line.split("#")[0].split() for line in table.strip().splitlines()]
    header, *cells = [line for line in lines if line]
    if not set(header) <= _COLUMNS or "time" not in header:
        raise ValueError(f"columns {sorted(set(header) - _COLUMNS)} are unknown, or there is no column time")
    rows = empty_rows(len(cells))
    vehicles, drivers = _Names(), _Names()
    for number, line in enumerate(cells):
        if len(line) != len(header):
            raise ValueError(f"line {number + 1} of the trace has {len(line)} cells, the header {len(header)}")
        cell = dict(zip(header, line, strict=True))
        row = rows[number]
        row["key"] = vehicles.index(cell.get("vehicle", VEHICLE))
        row["fix_ms"] = trace_ms(cell["time"], day)
        row["recv_ms"] = trace_ms(cell.get("received", cell["time"]), day)
        row["lat_deg"] = ORIGIN_LAT_DEG + float(cell.get("km_north", "0")) / _KM_PER_DEGREE
        east_deg = float(cell.get("km", "0")) / (_KM_PER_DEGREE * np.cos(np.radians(ORIGIN_LAT_DEG)))
        row["lon_deg"] = ORIGIN_LON_DEG + east_deg
        row["speed_dkmh"] = _tenths(cell.get("speed", "-"))
        row["recorder_speed_dkmh"] = _tenths(cell.get("recorder", "-"))
        row["driver"] = drivers.index(cell.get("driver", "-"))
        row["status"], row["flags"] = _state(cell)
    return ReportBatch(tuple(vehicles.seen), rows, tuple(drivers.seen))


def _tenths(text: str) -> int:
    return -1 if text == "-" else round(float(text) * 10)


def _state(cell: dict[str, str]) -> tuple[int, int]:
    """Status word and flags of a line; ACC is taken as on where the table does not say."""
    acc, fix = cell.get("acc", "1"), cell.get("fix", "1") == "1"
    flags = int(ReportFlag.PAYLOAD_RECV) | (int(ReportFlag.POSITIONED) if fix else 0)
    if acc != "-":
        flags |= int(ReportFlag.ACC_KNOWN) | (int(ReportFlag.ACC_ON) if acc == "1" else 0)
    if cell.get("backfill", "0") == "1":
        flags |= int(ReportFlag.BACKFILL)
    return (1 if acc == "1" else 0) | (2 if fix else 0), flags


def steady(
    first: str, last: str, every_s: int, *, speed_kmh: float, from_km: float = 0.0, acc: int = 1, driver: str = "-"
) -> str:
    """Lines ``time speed km acc driver`` of a steady drive or stand from ``first`` to ``last``, both included."""
    start_ms, end_ms = trace_ms(first), trace_ms(last)
    day_ms = trace_ms("00:00:00")
    lines = []
    for at_ms in range(start_ms, end_ms + 1, every_s * 1000):
        of_day, days = (at_ms - day_ms) % DAY_MS // 1000, (at_ms - day_ms) // DAY_MS
        clock = f"{days}T{of_day // 3600:02d}:{of_day // 60 % 60:02d}:{of_day % 60:02d}"
        km = from_km + speed_kmh * (at_ms - start_ms) / 3_600_000
        lines.append(f"{clock} {speed_kmh:.1f} {km:.4f} {acc} {driver}")
    return "\n".join(lines)
