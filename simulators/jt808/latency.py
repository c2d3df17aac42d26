"""How long answers took: a growing column of seconds."""

from __future__ import annotations

from array import array

import numpy as np


class Latency:
    """Reply times in seconds, one per answer."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds = array("d")

    def __len__(self) -> int:
        return len(self._seconds)

    def add(self, seconds: float) -> None:
        self._seconds.append(seconds)

    def quantile_s(self, share: float) -> float:
        """The value below which ``share`` of them lie; 0 while there is none."""
        if not self._seconds:
            return 0.0
        return float(np.quantile(np.frombuffer(self._seconds, np.float64), share))

    def most_s(self) -> float:
        return max(self._seconds, default=0.0)

    def clear(self) -> None:
        self._seconds = array("d")
