"""Which vehicle a position message of ours was about: orders of 2019 (0x9401) name only its sequence number."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WRAP = 1 << 32
"""Sequence numbers are 32 bits wide."""


@dataclass(frozen=True, slots=True)
class _Run:
    first_sn: int
    keys: NDArray[np.int32]
    plates: Sequence[str]
    colors: Sequence[int]


class SentPositions:
    """The last ``most`` live positions of one link, in memory; after a restart it knows only newer ones."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._runs: deque[_Run] = deque()
        self._n = 0

    def __len__(self) -> int:
        return self._n

    def add(self, last_sn: int, keys: NDArray[np.int32], plates: Sequence[str], colors: Sequence[int]) -> None:
        """Positions sent one per message under numbers that end with ``last_sn``; row n is ``plates[keys[n]]``."""
        if not len(keys) or not self._most:
            return
        self._runs.append(_Run((last_sn - len(keys) + 1) % _WRAP, keys.astype(np.int32), plates, colors))
        self._n += len(keys)
        while self._n > self._most and len(self._runs) > 1:
            self._n -= len(self._runs.popleft().keys)

    def vehicle(self, sn: int) -> tuple[str, int] | None:
        """Plate and colour code of the message; None if it is not remembered. The newest of equal numbers."""
        for run in reversed(self._runs):
            index = (sn - run.first_sn) % _WRAP
            if index < len(run.keys):
                key = int(run.keys[index])
                return run.plates[key], run.colors[key]
        return None
