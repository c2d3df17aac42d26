"""What one driver drove in several vehicles, added up over all of a settled run (F3, F4; readings: at settlement).

Only driving with his card in counts, in vehicles that ``cumulative_driving`` applies to; what he drives in one vehicle
alone stays with that rule, which sees one vehicle at a time. A sum over several begins an alarm where the rule's own
has not begun before it, and takes the place of one that begins while it lasts. Times two cards overlap count once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.engine.driving import LONG_SILENCE_MS
from monitor.engine.judge import edge_rows
from monitor.engine.state import StretchKind
from monitor.model.alarm import Certainty, EndReason, Grade
from monitor.model.beijing import DAY_MS
from monitor.model.edge import EdgeType

if TYPE_CHECKING:
    from monitor.engine.engine import Engine

RULE = "cumulative_driving"
WINDOWS = (("day_24h", DAY_MS), ("week", 7 * DAY_MS))
"""Kinds in the rule's order, and how far back each sum reaches."""
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class DrivenSpans:
    """One driver's driving in time order, without overlaps; each column (n,)."""

    row: NDArray[np.int64]
    from_ms: NDArray[np.int64]
    to_ms: NDArray[np.int64]
    distance_m: NDArray[np.float64]
    driven_ms: NDArray[np.int64]  # up to the end of each

    def sum_before(self, at_ms: int) -> int:
        """Driving up to a moment."""
        place = int(np.searchsorted(self.to_ms, at_ms))
        total = int(self.driven_ms[place - 1]) if place else 0
        return total + max(0, at_ms - int(self.from_ms[place])) if place < len(self.to_ms) else total

    def sum_within(self, window_ms: int, at_ms: int) -> int:
        """Driving of the window that ends at a moment."""
        return self.sum_before(at_ms) - self.sum_before(at_ms - window_ms)

    def in_others(self, row: int, window_ms: int, at_ms: int) -> bool:
        """Whether any of that was in another vehicle than one."""
        touched = (self.to_ms > at_ms - window_ms) & (self.from_ms < at_ms)
        return bool((self.row[touched] != row).any())


@dataclass(frozen=True, slots=True)
class Total:
    """A sum over vehicles that passed its limit. ``end_ms`` 0 while it lasts."""

    kind: int
    row: int
    driver: int
    onset_ms: int
    end_ms: int
    until_ms: int  # the last driving of it
    reason: EndReason
    peak_ms: int
    limit_ms: int
    distance_m: float
    major: bool


def with_driver_totals(
    edges: NDArray[np.void], stretches: NDArray[np.void], engine: Engine, clock_ms: int
) -> NDArray[np.void]:
    """The edges of a settled run (dtype EDGE), with those of drivers who drove several vehicles.

    ``stretches`` are all of the run (dtype STRETCH), those that last at its end among them; ``clock_ms`` its end.
    """
    codes = [code for code, rule in enumerate(engine.rules) if rule.name == RULE]
    driven = stretches[(stretches["kind"] == StretchKind.DRIVE) & (stretches["driver"] >= 0)]
    if not codes or not len(driven):
        return edges
    fleet = engine.fleet
    params = fleet.params[fleet.rows["core"]["profile"][: len(fleet)]][RULE]
    driven = driven[params["enabled"][driven["row"]] == 1]
    pairs = np.unique(np.stack([driven["driver"], driven["row"]]), axis=1)
    drivers, vehicles = np.unique(pairs[0], return_counts=True)
    last_ms = np.zeros(len(fleet), np.int64)
    np.maximum.at(last_ms, stretches["row"], stretches["to_ms"])
    for driver in drivers[vehicles > 1].tolist():
        spans = _spans(driven[driven["driver"] == driver])
        for kind in range(len(WINDOWS)):
            for total in _totals(spans, kind, driver, params, last_ms, clock_ms):
                edges = _put_in(edges, total, codes[0], clock_ms)
    return edges


def _spans(driven: NDArray[np.void]) -> DrivenSpans:
    ordered = driven[np.lexsort((driven["row"], driven["from_ms"]))]
    covered_to_ms = np.append(0, np.maximum.accumulate(ordered["to_ms"])[:-1])
    from_ms = np.maximum(ordered["from_ms"], covered_to_ms)
    left = ordered["to_ms"] > from_ms
    ordered, from_ms = ordered[left], from_ms[left]
    return DrivenSpans(
        row=ordered["row"].astype(np.int64),
        from_ms=from_ms,
        to_ms=ordered["to_ms"].copy(),
        distance_m=ordered["distance_m"] * (ordered["to_ms"] - from_ms) / (ordered["to_ms"] - ordered["from_ms"]),
        driven_ms=np.cumsum(ordered["to_ms"] - from_ms),
    )


def _totals(
    spans: DrivenSpans,
    kind: int,
    driver: int,
    params: NDArray[np.void],
    last_ms: NDArray[np.int64],
    clock_ms: int,
) -> list[Total]:
    """Sums of one window that passed their limit, run by run: a run is driving without a rest."""
    name, window_ms = WINDOWS[kind]
    rest_ms = int(params["rest_ms"][spans.row].max())
    ends = np.append(np.flatnonzero(spans.from_ms[1:] - spans.to_ms[:-1] >= rest_ms) + 1, len(spans.row))
    found = []
    begin = 0
    for end in ends.tolist():
        for place in range(begin, end):
            row, from_ms, to_ms = int(spans.row[place]), int(spans.from_ms[place]), int(spans.to_ms[place])
            limit_ms = int(params[name]["limit_s"][row]) * 1000
            if spans.sum_within(window_ms, to_ms) <= limit_ms:
                continue
            onset_ms = _moment_ms(spans, window_ms, limit_ms, from_ms, to_ms)
            if not spans.in_others(row, window_ms, max(onset_ms, from_ms + 1)):
                continue
            until_ms = int(spans.to_ms[end - 1])
            peak_ms = max(spans.sum_within(window_ms, int(at_ms)) for at_ms in spans.to_ms[place:end])
            rests = end < len(spans.row) or last_ms[spans.row[end - 1]] - until_ms >= rest_ms
            over = rests or clock_ms - last_ms[spans.row[end - 1]] > LONG_SILENCE_MS
            share = (to_ms - onset_ms) / (to_ms - from_ms)
            found.append(
                Total(
                    kind=kind,
                    row=row,
                    driver=driver,
                    onset_ms=onset_ms,
                    end_ms=until_ms if over else 0,
                    until_ms=until_ms,
                    reason=EndReason.CONDITION_OVER if rests else EndReason.DATA_ENDED,
                    peak_ms=peak_ms,
                    limit_ms=limit_ms,
                    distance_m=float(spans.distance_m[place] * share + spans.distance_m[place + 1 : end].sum()),
                    major=peak_ms >= int(params[name]["major_s"][row]) * 1000,
                )
            )
            break
        begin = end
    return found


def _moment_ms(spans: DrivenSpans, window_ms: int, limit_ms: int, from_ms: int, to_ms: int) -> int:
    """When the limit is passed by driving at whose end it is: the sum never falls meanwhile."""
    low, high = from_ms, to_ms
    while low < high:
        middle = (low + high) // 2
        if spans.sum_within(window_ms, middle) > limit_ms:
            high = middle
        else:
            low = middle + 1
    return max(from_ms, low - 1)


def _put_in(edges: NDArray[np.void], total: Total, code: int, clock_ms: int) -> NDArray[np.void]:
    """A sum among the edges, unless an alarm of the rule's own covers its begin; own ones that begin later go."""
    own = (edges["rule"] == code) & (edges["kind"] == total.kind) & (edges["driver"] == total.driver)
    own &= edges["row"] >= 0
    before = own & (edges["onset_ms"] <= total.onset_ms)
    for row, onset_ms in np.unique(edges[before][["row", "onset_ms"]]):
        ends = edges["end_ms"][before & (edges["row"] == row) & (edges["onset_ms"] == onset_ms)]
        if not ends.any() or ends.max() >= total.onset_ms:
            return edges
    replaced = own & (edges["onset_ms"] > total.onset_ms) & (edges["onset_ms"] <= total.until_ms)
    told = edge_rows(2 if total.end_ms else 1, code, min(clock_ms, total.onset_ms))
    told["row"] = total.row
    told["driver"] = total.driver
    told["kind"] = total.kind
    told["onset_ms"] = total.onset_ms
    told["end_ms"] = total.end_ms
    told["peak"] = total.peak_ms / _HOUR_MS
    told["limit"] = total.limit_ms / _HOUR_MS
    told["distance_m"] = total.distance_m
    told["grade"] = Grade.MAJOR if total.major else Grade.GENERAL
    told["certainty"] = Certainty.CERTAIN
    told["edge"][0] = EdgeType.ONSET
    if total.end_ms:
        told["edge"][1] = EdgeType.CLEAR
        told["end_reason"][1] = total.reason
        told["at_ms"][1] = min(clock_ms, total.end_ms)
    return np.concatenate([edges[~replaced], told])
