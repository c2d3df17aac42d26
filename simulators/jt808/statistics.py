"""What a fleet of terminals counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from simulators.jt808.latency import Latency


@dataclass(slots=True)
class FleetStatistics:
    """Counts since the start. ``latency`` is from the first sending of a report to its answer, seconds.

    ``frames`` counts frames written, repetitions included; ``reports`` each report once, ``answered`` those reports
    that the platform acknowledged. ``orders`` and ``results`` count by message id and by result code.
    """

    latency: Latency = field(default_factory=Latency)
    frames: int = 0
    reports: int = 0
    answered: int = 0
    repeated: int = 0
    backfilled: int = 0
    heartbeats: int = 0
    cards: int = 0
    connections: int = 0
    reconnects: int = 0
    failed_connections: int = 0
    registered: int = 0
    authenticated: int = 0
    refused: int = 0
    closed_by_platform: int = 0
    bad_frames: int = 0
    orders: Counter[int] = field(default_factory=Counter)
    results: Counter[int] = field(default_factory=Counter)

    @property
    def unanswered(self) -> int:
        """Reports sent at least once and never acknowledged."""
        return self.reports - self.answered

    @property
    def p50_s(self) -> float:
        return self.latency.quantile_s(0.5)

    @property
    def p99_s(self) -> float:
        return self.latency.quantile_s(0.99)
