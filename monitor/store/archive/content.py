"""A fingerprint of reports that depends on which there are, never on their order or on how they were cut into files.

Each row is hashed by its fields, texts by what they say; the hashes of all rows are added. So fingerprints of parts add
up to that of the whole, and merging files cannot lose or double a row unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.model.report import ReportBatch

_MASK: Final = (1 << 64) - 1
_LOW: Final = 0xFFFF_FFFF
_MULTIPLIER: Final = np.uint64(0x9E37_79B9_7F4A_7C15)  # 2^64 / golden ratio, odd: Fibonacci hashing
_SHIFT: Final = np.uint64(32)
_NUMBERS: Final = ("fix_ms", "recv_ms", "mileage_m", "status", "alarm_flags")
_DEGREES: Final = ("lon_deg", "lat_deg")
_PAIRS: Final = (("speed_dkmh", "recorder_speed_dkmh"), ("heading_deg", "altitude_m"), ("flags", "flaws"))
_AT_ONCE: Final = 1 << 16
"""Rows whose working arrays stay in the processor's cache (measured)."""


class Fingerprints:
    """Fingerprints of parts of one batch."""

    def __init__(self, batch: ReportBatch) -> None:
        self._rows = batch.rows
        self._texts = [(name, _hashes(names)) for name, names in _texts(batch)]

    def of(self, begin: int, end: int) -> int:
        """The sum of the hashes of rows ``begin`` to before ``end``, modulo 2^64; 0 without rows."""
        total = 0
        for first in range(begin, end, _AT_ONCE):
            rows = self._rows[first : min(first + _AT_ONCE, end)]
            found = np.zeros(len(rows), np.uint64)
            for name in _NUMBERS:
                _mix(found, rows[name].astype(np.uint64))
            for name in _DEGREES:
                _mix(found, np.ascontiguousarray(rows[name] + 0.0).view(np.uint64))
            for high, low in _PAIRS:
                paired = rows[high].astype(np.int64) << np.int64(32) | rows[low].astype(np.int64) & np.int64(_LOW)
                _mix(found, paired.view(np.uint64))
            for name, hashes in self._texts:
                _mix(found, hashes[rows[name]])
            total += int(found.sum(dtype=np.uint64))
        return total & _MASK


def fingerprint(batch: ReportBatch) -> int:
    """The fingerprint of a whole batch."""
    return Fingerprints(batch).of(0, len(batch))


def _texts(batch: ReportBatch) -> tuple[tuple[str, Sequence[str]], ...]:
    return (("key", batch.keys), ("driver", batch.drivers), ("source", batch.sources))


def _mix(found: NDArray[np.uint64], values: NDArray[np.uint64]) -> None:
    found ^= values
    found *= _MULTIPLIER
    found ^= found >> _SHIFT


def _hashes(names: Sequence[str]) -> NDArray[np.uint64]:
    """One hash per text; the last, index -1, is that of no text at all."""
    data = b"".join(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=8).digest() for name in names)
    return np.concatenate([np.frombuffer(data, np.uint64), np.zeros(1, np.uint64)])
