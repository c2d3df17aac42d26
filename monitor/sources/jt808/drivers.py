"""Who drives what: the qualification numbers on the cards in the terminals, as numbers for the columns.

A terminal may name any driver it likes, so those that no terminal has in it any more are forgotten now and then.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.sources.jt808.lines import NO_DRIVER

_FORGOTTEN_AT = 100_000
"""Guess: drivers known, beyond four per line, before it is looked which of them are still needed."""


class Drivers:
    """Numbers of driver ids. ``forget`` gives new ones to those that stay."""

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

    def forget(self, rows: NDArray[np.void]) -> None:
        """Of too many keep those that ``rows`` (dtype ``LINE``) name, whose numbers there are changed."""
        if len(self._ids) < _FORGOTTEN_AT + 4 * len(rows):
            return
        columns = ("driver", "driver_before")
        used = np.unique(np.concatenate([rows[column] for column in columns]))
        used = used[used >= 0]
        renumbered = np.full(len(self._ids) + 1, NO_DRIVER, np.int32)  # the last for NO_DRIVER itself
        renumbered[used] = np.arange(len(used))
        for column in columns:
            rows[column] = renumbered[rows[column]]
        self._ids = [self._ids[number] for number in used.tolist()]
        self._numbers = {driver_id: number for number, driver_id in enumerate(self._ids)}

    def of_batch(self, numbers: NDArray[np.int32]) -> tuple[NDArray[np.int32], tuple[str, ...]]:
        """Indices into the texts of these alone, and the texts; both for a ``ReportBatch``."""
        if not len(numbers) or numbers.max() < 0:
            return numbers, ()
        used = np.unique(numbers[numbers >= 0])
        indices = np.where(numbers >= 0, np.searchsorted(used, numbers), NO_DRIVER).astype(np.int32)
        return indices, tuple(self._ids[number] for number in used)
