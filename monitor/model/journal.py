"""Journal records: the only input of the engine.

The engine is a pure function of these records in offset order. Their bytes are the business of ``store.journal``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from monitor.model.report import ReportBatch


class RecordType(IntEnum):
    """Record types; numbers are on disk and never reused."""

    REPORTS = 1
    TICK = 2
    REGISTRY = 3
    CONFIG = 4
    FENCES = 5  # GeoJSON of the fences in force
    WAYBILL = 6  # model.waybill
    LINK = 7  # model.exchange.LinkEvent
    ROADS = 8  # GeoJSON of the road sections in force
    PLACES = 9  # GeoJSON of the places in force
    PERMITS = 10  # GeoJSON of the permits in force
    DRIVERS = 11  # the driver register in force
    SETTLED = 12  # model.settled: vehicles whose settled state takes the place of the live one


@dataclass(frozen=True, slots=True)
class JournalRecord:
    """One record. ``clock_ms`` is the engine clock it carries (running maximum of receive times).

    ``batch`` only for REPORTS; ``resumed`` only for TICK: the first tick after a pause of ours, which began at
    ``paused_ms``; ``payload`` (JSON) for all others.
    """

    offset: int
    type: RecordType
    clock_ms: int
    batch: ReportBatch | None = None
    resumed: bool = False
    paused_ms: int = 0
    payload: bytes = b""
