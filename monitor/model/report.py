"""Position reports as columns.

One structured array row per report; texts (vehicle keys, drivers, sources) are interned per batch and referred to by
index, so that everything below the decoders works on numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

UNKNOWN = -1
"""Sentinel of speed, recorder speed, heading, mileage, status and alarm word."""
UNKNOWN_ALTITUDE = -32_768

REPORT = np.dtype(
    [
        ("fix_ms", np.int64),  # UTC epoch ms of the fix; 0 = unknown
        ("recv_ms", np.int64),  # UTC epoch ms of receipt; 0 = unknown (files without one)
        ("lon_deg", np.float64),  # WGS-84; NaN never occurs (unknown = 0 with Flaw.NO_FIX)
        ("lat_deg", np.float64),
        ("mileage_m", np.int64),  # odometer, metres; -1 unknown
        ("status", np.int64),  # JT/T 808 status word; -1 unknown
        ("alarm_flags", np.int64),  # JT/T 808 alarm word; -1 unknown
        ("key", np.int32),  # index into ReportBatch.keys
        ("driver", np.int32),  # index into ReportBatch.drivers; -1 unknown
        ("source", np.int32),  # index into ReportBatch.sources; -1 unknown
        ("speed_dkmh", np.int32),  # 0.1 km/h, whole; -1 unknown
        ("recorder_speed_dkmh", np.int32),  # 0.1 km/h; -1 unknown
        ("heading_deg", np.int32),  # clockwise from north; -1 unknown
        ("altitude_m", np.int32),  # UNKNOWN_ALTITUDE if unknown
        ("flags", np.int32),  # ReportFlag
        ("flaws", np.int32),  # Flaw
    ],
    align=True,
)

TERMINAL_PREFIX = "terminal:"
"""Key of a report whose vehicle is known only by its terminal's phone number."""

PLATE_PREFIX = "plate:"
"""Key of a report whose vehicle is known by its plate (JT/T 809)."""

ReportRows = NDArray[np.void]


def terminal_key(phone: str) -> str:
    """``terminal:<phone>``; a phone is hex digits without leading zeros, lower case."""
    return TERMINAL_PREFIX + (phone.strip().lower().lstrip("0") or "0")


def plate_key(color: str, plate: str) -> str:
    """``plate:<colour word>:<plate>``; the same plate may exist in two colours, so both belong to the key."""
    return f"{PLATE_PREFIX}{color}:{plate}"


def empty_rows(n: int) -> ReportRows:
    """``n`` rows with every optional field unknown."""
    rows = np.zeros(n, REPORT)
    for name in (
        "mileage_m",
        "status",
        "alarm_flags",
        "driver",
        "source",
        "speed_dkmh",
        "recorder_speed_dkmh",
        "heading_deg",
    ):
        rows[name] = UNKNOWN
    rows["altitude_m"] = UNKNOWN_ALTITUDE
    return rows


@dataclass(frozen=True, slots=True)
class ReportBatch:
    """Reports in the order received, with the texts that their indices mean.

    ``keys`` are distinct vehicle ids or ``terminal:<phone>``; ``rows`` has dtype ``REPORT``.
    """

    keys: tuple[str, ...]
    rows: ReportRows
    drivers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)


def concatenate(batches: list[ReportBatch]) -> ReportBatch:
    """One batch of several, texts interned once, order kept."""
    if len(batches) == 1:
        return batches[0]
    keys: dict[str, int] = {}
    drivers: dict[str, int] = {}
    sources: dict[str, int] = {}
    parts: list[ReportRows] = []
    for batch in batches:
        rows = batch.rows.copy()
        for column, names, interned in (
            ("key", batch.keys, keys),
            ("driver", batch.drivers, drivers),
            ("source", batch.sources, sources),
        ):
            table = np.array([interned.setdefault(name, len(interned)) for name in names] + [-1], np.int32)
            rows[column] = table[rows[column]]
        parts.append(rows)
    merged = np.concatenate(parts) if parts else np.zeros(0, REPORT)
    return ReportBatch(tuple(keys), merged, tuple(drivers), tuple(sources))
