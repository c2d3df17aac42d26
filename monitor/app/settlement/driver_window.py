"""What sums of a driver over several vehicles need: the driving of the last days, and the alarms of single vehicles.

A sum reaches back seven days, and an alarm may be revised on the day after it began. So the rule's alarms are worked
out anew at the end of every day, from what this window holds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.alarms.book import AlarmBook
from monitor.engine.driver_totals import RULE, with_driver_totals
from monitor.engine.engine import Engine
from monitor.engine.state import STRETCH, StretchKind
from monitor.model.alarm import Alarm, AlarmState
from monitor.model.beijing import DAY_MS
from monitor.model.edge import EDGE, EdgeType

KEPT_MS = 9 * DAY_MS
"""A week before an alarm that may have begun on the day before, and that day."""


class DriverWindow:
    """Stretches of driving by known drivers, the newest moment known of each vehicle, and the rule's edges."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._code = next((code for code, rule in enumerate(engine.rules) if rule.name == RULE), -1)
        self._parts: list[NDArray[np.void]] = []
        self._last_ms = np.zeros(0, np.int64)
        self._edges: list[NDArray[np.void]] = []

    def take(self, edges: NDArray[np.void], stretches: NDArray[np.void]) -> NDArray[np.void]:
        """Note what a pass found; returns the edges of all other rules."""
        self._note(stretches)
        own = edges["rule"] == self._code
        if own.any():
            self._edges.append(edges[own])
            others: NDArray[np.void] = edges[~own]
            return others
        return edges

    def owns(self, edges: NDArray[np.void]) -> NDArray[np.bool_]:
        """Which edges are the rule's."""
        return np.asarray(edges["rule"] == self._code)

    def alarms(self, edges: NDArray[np.void], stretches: NDArray[np.void], day_end_ms: int) -> tuple[Alarm, ...]:
        """The rule's alarms that may be of the day that ends, as they stand with these besides what was noted."""
        window = DriverWindow(self._engine)
        window._parts, window._last_ms = list(self._parts), self._last_ms.copy()
        window._edges = list(self._edges)
        window.take(edges, stretches)
        known = window._joined_edges()
        found = with_driver_totals(known, window._stretches(), self._engine, day_end_ms)
        book = AlarmBook(self._engine.rules, self._engine.fleet, provisional=False)
        states = {change.alarm.alarm_id: change.alarm for change in book.apply(found).changes}
        since_ms = day_end_ms - 2 * DAY_MS
        return tuple(
            alarm
            for alarm in states.values()
            if alarm.state is AlarmState.ACTIVE or max(alarm.onset_ms, alarm.end_ms or 0) >= since_ms
        )

    def lasting(self) -> tuple[Alarm, ...]:
        """Alarms of single vehicles that last, as far as was noted."""
        book = AlarmBook(self._engine.rules, self._engine.fleet, provisional=False)
        book.apply(self._joined_edges())
        return book.open_alarms

    def prune(self, day_end_ms: int) -> None:
        """Forget what no later day asks for."""
        since_ms = day_end_ms - KEPT_MS
        driven = self._joined_driven()
        driven = driven[driven["to_ms"] > since_ms]
        self._parts = [driven] if len(driven) else []
        edges = self._joined_edges()
        if len(edges):
            over = edges["edge"] == EdgeType.CLEAR
            gone = {_episode(edge) for edge in edges[over] if edge["end_ms"] <= since_ms}
            stays = np.array([_episode(edge) not in gone for edge in edges], np.bool_)
            self._edges = [edges[stays]]

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The state, for a file."""
        return {
            "driven": _bytes(self._joined_driven()),
            "last_ms": self._last_ms,
            "driver_edges": _bytes(self._joined_edges()),
        }

    def restore(self, driven: NDArray[np.void], last_ms: NDArray[np.int64], edges: NDArray[np.void]) -> None:
        """Take over a state."""
        self._parts = [driven] if len(driven) else []
        self._last_ms = last_ms.copy()
        self._edges = [edges] if len(edges) else []

    def _note(self, stretches: NDArray[np.void]) -> None:
        if not len(stretches):
            return
        most = int(stretches["row"].max()) + 1
        if most > len(self._last_ms):
            more = max(most, 2 * len(self._last_ms), 1024) - len(self._last_ms)
            self._last_ms = np.concatenate([self._last_ms, np.zeros(more, np.int64)])
        np.maximum.at(self._last_ms, stretches["row"], stretches["to_ms"])
        driven = stretches[(stretches["kind"] == StretchKind.DRIVE) & (stretches["driver"] >= 0)]
        if len(driven):
            self._parts.append(driven)

    def _joined_driven(self) -> NDArray[np.void]:
        return np.concatenate(self._parts) if self._parts else np.zeros(0, STRETCH)

    def _joined_edges(self) -> NDArray[np.void]:
        return np.concatenate(self._edges) if self._edges else np.zeros(0, EDGE)

    def _stretches(self) -> NDArray[np.void]:
        """The driving, and one stretch per vehicle that tells its newest moment."""
        driven = self._joined_driven()
        rows = np.unique(driven["row"])
        newest = np.zeros(len(rows), STRETCH)
        newest["row"] = rows
        newest["driver"] = -1
        newest["kind"] = StretchKind.STOP
        newest["from_ms"] = newest["to_ms"] = self._last_ms[rows]
        return np.concatenate([driven, newest])


def edges_from(data: NDArray[np.generic]) -> NDArray[np.void]:
    """Edges from the bytes of ``arrays``."""
    return np.frombuffer(data.tobytes(), EDGE).copy()


def stretches_from(data: NDArray[np.generic]) -> NDArray[np.void]:
    """Stretches from the bytes of ``arrays``."""
    return np.frombuffer(data.tobytes(), STRETCH).copy()


def _bytes(rows: NDArray[np.void]) -> NDArray[np.uint8]:
    return np.frombuffer(np.ascontiguousarray(rows).tobytes(), np.uint8)


def _episode(edge: np.void) -> tuple[int, int, int]:
    return int(edge["row"]), int(edge["kind"]), int(edge["onset_ms"])
