"""Big-endian words out of and into byte arrays, compiled.

A byte is widened to int64 before anything is done with it: Numba would make it uint64 (and float64 next to an int64),
the interpreted run (``NUMBA_DISABLE_JIT=1``) would overflow in uint8.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.model.compiled import compiled, inlined

Bytes = NDArray[np.uint8]


@inlined
def byte_at(source: Bytes, at: int) -> int:
    return int(np.int64(source[np.uint64(at)]))


@inlined
def read_u16(source: Bytes, at: int) -> int:
    return (byte_at(source, at) << 8) | byte_at(source, at + 1)


@inlined
def read_u32(source: Bytes, at: int) -> int:
    return (read_u16(source, at) << 16) | read_u16(source, at + 2)


@compiled
def write_u16(target: Bytes, at: int, value: int) -> None:
    target[at] = (value >> 8) & 0xFF
    target[at + 1] = value & 0xFF


@compiled
def write_u32(target: Bytes, at: int, value: int) -> None:
    target[at] = (value >> 24) & 0xFF
    target[at + 1] = (value >> 16) & 0xFF
    target[at + 2] = (value >> 8) & 0xFF
    target[at + 3] = value & 0xFF
