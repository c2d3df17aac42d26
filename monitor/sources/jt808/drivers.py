"""Who drives what: the qualification numbers on the cards in the terminals, as numbers for the columns."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.sources.jt808.lines import NO_DRIVER


class Drivers:
    """Numbers of driver ids; they grow with the drivers seen, which a fleet has few of."""

    __slots__ = ("_ids", "_numbers")

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, driver_id: str) -> int:
        """``NO_DRIVER`` for an empty one."""
        if not driver_id:
            return NO_DRIVER
        number = self._numbers.setdefault(driver_id, len(self._ids))
        if number == len(self._ids):
            self._ids.append(driver_id)
        return number

    def of_batch(self, numbers: NDArray[np.int32]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Indices into the texts of these alone, and the texts; both for a ``ReportBatch``."""
        if not len(numbers) or numbers.max() < 0:
            return numbers, ()
        used = np.unique(numbers[numbers >= 0])
        indices = np.where(numbers >= 0, np.searchsorted(used, numbers), NO_DRIVER).astype(np.int32)
        return indices, tuple(self._ids[number] for number in used)
