"""When one driver's card drives two vehicles at once: a comparison of the stretches of driving of the whole fleet.

Stretches come when they are over, those of different vehicles in any order, so the newest days of them are kept and
each is compared with what is known of its driver in other vehicles. An overlap belongs to the stretch that began later
(at equal times to the greater vehicle key) and lasts as long as any other one covers it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.engine.state import STRETCH, StretchKind
from monitor.model.beijing import DAY_MS

KEPT_MS = 3 * DAY_MS
"""How long a stretch is remembered (D): a vehicle that falls silent on the way is told of within hours."""
_NONE = np.zeros(0, STRETCH)
_HEAD = repr(STRETCH.descr).encode() + b"\n"

OVERLAP = np.dtype(
    [
        ("row", np.int32),  # fleet row of the vehicle that began to move later
        ("driver", np.int32),
        ("from_ms", np.int64),
        ("to_ms", np.int64),
        ("known_ms", np.int64),  # when both stretches were over
    ]
)
"""One driver in two moving vehicles."""


class DriverOverlaps:
    """Stretches of driving of known drivers, of the newest days."""

    def __init__(self) -> None:
        self._parts: list[NDArray[np.void]] = []
        self._vehicle_of = np.zeros(0, np.int32)  # by driver: the one vehicle driven; -1 none, -2 several
        self._kept_from_ms = 0

    def take(self, stretches: NDArray[np.void], keys: Sequence[str], least_ms: int, clock_ms: int) -> NDArray[np.void]:
        """Overlaps (dtype OVERLAP) of more than ``least_ms`` that these stretches (dtype STRETCH) bring to light.

        ``keys`` are the vehicle keys by fleet row.
        """
        driven = (stretches["kind"] == StretchKind.DRIVE) & (stretches["driver"] >= 0)
        new = stretches[driven & (stretches["to_ms"] - stretches["from_ms"] > least_ms)]
        if not len(new):
            return np.zeros(0, OVERLAP)
        self._let_go(clock_ms)
        self._parts.append(new)
        drivers = self._of_several(new)
        if not len(drivers):
            return np.zeros(0, OVERLAP)
        every = np.concatenate(self._parts)
        self._parts = [every]
        is_new = np.arange(len(every)) >= len(every) - len(new)
        found: list[tuple[int, int, int, int, int]] = []
        for driver in drivers.tolist():
            of_driver = every["driver"] == driver
            found += _overlaps(every[of_driver], is_new[of_driver], keys, least_ms)
        return np.array(sorted(found, key=lambda one: (one[4], keys[one[0]], one[2])), OVERLAP)

    def snapshot(self) -> bytes:
        """Every stretch kept, as bytes; ``restore`` takes them."""
        return _HEAD + np.concatenate([_NONE, *self._parts]).tobytes()

    def restore(self, data: bytes) -> None:
        """Take over a snapshot; what another version laid out otherwise is let go."""
        self.__init__()  # type: ignore[misc]
        if data.startswith(_HEAD):
            self._parts = [np.frombuffer(data[len(_HEAD) :], STRETCH)]
            self._of_several(self._parts[0])

    def _of_several(self, new: NDArray[np.void]) -> NDArray[np.int32]:
        """Which drivers of these stretches have driven more than one vehicle, with them."""
        known = len(self._vehicle_of)
        drivers, rows = new["driver"], new["row"]
        if (most := int(drivers.max(initial=-1))) >= known:
            more = np.full(max(1024, 2 * known, most + 1) - known, -1, np.int32)
            self._vehicle_of = np.concatenate([self._vehicle_of, more])
        first = self._vehicle_of[drivers] == -1
        self._vehicle_of[drivers[first]] = rows[first]
        self._vehicle_of[drivers[self._vehicle_of[drivers] != rows]] = -2
        return np.unique(drivers[self._vehicle_of[drivers] == -2])

    def _let_go(self, clock_ms: int) -> None:
        """Once a day, what is too old."""
        if clock_ms - KEPT_MS < self._kept_from_ms + DAY_MS:
            return
        self._kept_from_ms = clock_ms - KEPT_MS
        every = np.concatenate([_NONE, *self._parts])
        self._parts = [every[every["to_ms"] > self._kept_from_ms]]
        self._vehicle_of[:] = -1
        self._of_several(self._parts[0])


def _overlaps(
    of_driver: NDArray[np.void], is_new: NDArray[np.bool_], keys: Sequence[str], least_ms: int
) -> list[tuple[int, int, int, int, int]]:
    """Overlaps of one driver's stretches as OVERLAP values, without those that were known before the new ones came."""
    order = np.argsort(of_driver["from_ms"], kind="stable")
    from_ms, to_ms = of_driver["from_ms"][order], of_driver["to_ms"][order]
    covered_to_ms = np.maximum.accumulate(to_ms)
    covered = np.append(False, covered_to_ms[:-1] - from_ms[1:] > least_ms)
    found = []
    for place in order[np.isin(from_ms, from_ms[covered])]:
        mine = of_driver[place]
        row, begun_ms, over_ms = int(mine["row"]), int(mine["from_ms"]), int(mine["to_ms"])
        others = of_driver["row"] != row
        others &= of_driver["from_ms"] <= begun_ms
        others &= np.minimum(of_driver["to_ms"], over_ms) - begun_ms > least_ms
        for other in np.flatnonzero(others & (of_driver["from_ms"] == begun_ms)):
            others[other] = keys[of_driver["row"][other]] < keys[row]
        if not others.any() or (not is_new[place] and (others & ~is_new).any()):
            continue
        until_ms = int(of_driver["to_ms"][others].max())
        found.append((row, int(mine["driver"]), begun_ms, min(over_ms, until_ms), max(over_ms, until_ms)))
    return found
