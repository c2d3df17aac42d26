"""Which alarm is which episode: one to one, by vehicle, rule, kind and at least half overlap in time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

INSTANT_MS = 120_000
"""Two moments this close are the same; also how near an instantaneous alarm must be to an episode."""


@dataclass(frozen=True, slots=True)
class Interval:
    """What matching looks at of an alarm or a truth row; ``end_ms`` None lasts to the end of the data."""

    vehicle_id: str
    rule: str
    kind: str
    onset_ms: int
    end_ms: int | None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.vehicle_id, self.rule, self.kind


def agreement(a: Interval, b: Interval, horizon_ms: int) -> float:
    """How well two intervals agree: 0 for not at all, else the overlap over the shorter, 0.5–1.

    Where the shorter is an instant, agreement falls with the distance between them instead.
    """
    a_end = horizon_ms if a.end_ms is None else a.end_ms
    b_end = horizon_ms if b.end_ms is None else b.end_ms
    shorter = min(a_end - a.onset_ms, b_end - b.onset_ms)
    if shorter <= 0:
        apart = max(0, max(a.onset_ms, b.onset_ms) - min(a_end, b_end))
        return 1.0 - 0.5 * apart / INSTANT_MS if apart <= INSTANT_MS else 0.0
    share = (min(a_end, b_end) - max(a.onset_ms, b.onset_ms)) / shorter
    return share if share >= 0.5 else 0.0


def touches(a: Interval, b: Interval) -> bool:
    """Whether two intervals of one vehicle, rule and kind overlap or come within two minutes of each other."""
    if a.key != b.key:
        return False
    first, second = (a, b) if a.onset_ms <= b.onset_ms else (b, a)
    return first.end_ms is None or second.onset_ms - first.end_ms <= INSTANT_MS


def matched(left: Sequence[Interval], right: Sequence[Interval]) -> list[tuple[int, int]]:
    """Pairs of indices, as many as can be had one to one; better agreement is tried first.

    An augmenting-path matching within each (vehicle, rule, kind), so the number of pairs does not depend on order.
    """
    ends = [item.end_ms for item in (*left, *right) if item.end_ms is not None]
    horizon_ms = max([*ends, *(item.onset_ms for item in (*left, *right))], default=0)
    by_key: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for index, item in enumerate(right):
        by_key[item.key].append(index)
    holder: dict[int, int] = {}
    wishes: dict[int, list[int]] = {}
    for index, item in enumerate(left):
        scored = [(agreement(item, right[other], horizon_ms), other) for other in by_key.get(item.key, ())]
        wishes[index] = [other for score, other in sorted(scored, key=lambda s: (-s[0], s[1])) if score > 0]
    for index in range(len(left)):
        _place(index, wishes, holder, set())
    return sorted((index, other) for other, index in holder.items())


def _place(index: int, wishes: dict[int, list[int]], holder: dict[int, int], asked: set[int]) -> bool:
    for other in wishes[index]:
        if other in asked:
            continue
        asked.add(other)
        if other not in holder or _place(holder[other], wishes, holder, asked):
            holder[other] = index
            return True
    return False
