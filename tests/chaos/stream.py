"""What is fed: a simulated fleet's last days, cut into pieces, each vehicle over one of three ways.

Fix times end in the night before today, so that every day can be settled; receive time is our own clock. A vehicle
keeps its way: its reports then reach the journal in the order of their fixes, whoever dies on the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from monitor.model.beijing import date_of, day_of, day_start_ms
from monitor.model.fleet import Vehicle
from monitor.model.report import UNKNOWN, ReportBatch, ReportRows
from simulators.payload import PayloadCodec, PayloadWriter
from simulators.run import simulate
from simulators.scenario import Scenario

PER_MESSAGE = 40
LATE_HOURS = (8, 14)
"""Hours of the last day of which some reports come late."""
EPISODES = {
    "speeding_general": 8.0,
    "speeding_major": 8.0,
    "fatigue_day_general": 5.0,
    "fatigue_night_general": 3.0,
    "cumulative_day": 3.0,
    "curfew_run": 4.0,
    "device_emergency": 3.0,
    "drift_day": 3.0,
    "gap_moving": 8.0,
    "gap_displacement": 4.0,
    "incomplete_red": 5.0,
    "pinned_speed": 3.0,
}


class Way(StrEnum):
    """How a vehicle's reports come."""

    MQTT = "mqtt"
    REDIS = "redis"
    JT808 = "jt808"


@dataclass(frozen=True, slots=True)
class Stream:
    """``batch`` is in the order sent; ``pieces`` are the begins and ends of its pieces."""

    registry: tuple[Vehicle, ...]
    batch: ReportBatch
    ways: tuple[Way, ...]  # of each key
    pieces: tuple[tuple[int, int], ...]

    @property
    def days(self) -> tuple[date, date]:
        """First and last day that are over."""
        fix_ms = self.batch.rows["fix_ms"]
        return date_of(day_of(int(fix_ms.min()))), date_of(day_of(int(fix_ms.max())) - 1)

    def payloads(self, piece: int, way: Way) -> list[bytes]:
        """The messages of one piece that go this way."""
        begin, end = self.pieces[piece]
        rows = self.batch.rows[begin:end]
        own = np.array([one is way for one in self.ways])
        rows = rows[own[rows["key"]]]
        writer = PayloadWriter(self.batch, PayloadCodec.JSON, {})
        return [writer.payload(rows[at : at + PER_MESSAGE]) for at in range(0, len(rows), PER_MESSAGE)]

    def reports(self) -> set[tuple[str, int]]:
        """Vehicle and fix second of every report."""
        keys = self.batch.keys
        return {(keys[row["key"]], int(row["fix_ms"]) // 1000) for row in self.batch.rows}


def stream(vehicles: int, days: int, pieces: int, today: int, seed: int = 7) -> Stream:
    """A fleet's ``days`` days before the Beijing day ``today``, in pieces of equally many reports."""
    start = date_of(today) - timedelta(days=days)
    scenario = Scenario(
        vehicles=vehicles,
        days=days,
        start=start.isoformat(),
        seed=seed,
        at_least=2,
        episodes=EPISODES,
        driver_cards=0.0,
    )
    made = simulate(scenario)
    rows = made.batch.rows[made.batch.rows["fix_ms"] > 0]
    # In the order of fixes, so that no report is late in its own vehicle whatever piece it is in.
    rows = rows[np.argsort(rows["fix_ms"], kind="stable")].copy()
    rows["driver"] = rows["source"] = UNKNOWN
    order = tuple(Way)
    ways = tuple(order[number % len(order)] for number in range(len(made.batch.keys)))
    late = _held_back(rows, ways, today - 1)
    rows = np.concatenate([rows[~late], rows[late]])
    bounds = [len(rows) * number // pieces for number in range(pieces + 1)]
    return Stream(made.registry, ReportBatch(made.batch.keys, rows), ways, tuple(pairwise(bounds)))


def _held_back(rows: ReportRows, ways: tuple[Way, ...], day: int) -> NDArray[np.bool_]:
    """Reports that come a day late, at the very end: of every second MQTT vehicle every other one of some hours.

    What is left shows no gap, so that the live answer does not depend on how long a gap was waited for.
    """
    second_mqtt = np.array([way is Way.MQTT and number % 2 == 0 for number, way in enumerate(ways)])
    hour = (rows["fix_ms"] - int(day_start_ms(day))) // 3_600_000
    own = np.flatnonzero(second_mqtt[rows["key"]] & (hour >= LATE_HOURS[0]) & (hour < LATE_HOURS[1]))
    late = np.zeros(len(rows), np.bool_)
    for key in np.unique(rows["key"][own]).tolist():
        late[own[rows["key"][own] == key][1::2]] = True
    return late
