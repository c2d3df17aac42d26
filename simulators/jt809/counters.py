"""Sequence numbers 报文序列号: one counter per platform in 2011, one per sub-business type in 2019."""

from __future__ import annotations

from monitor.codec.jt809 import Version

_MODULUS = 1 << 32


class Counters:
    """Numbers of what goes out, from 0."""

    def __init__(self, version: Version) -> None:
        self._one = version is Version.V2011
        self._next: dict[int, int] = {}

    def take(self, kind: int, n: int = 1) -> int:
        """The first of ``n`` numbers for a sub type (or message id where it has none)."""
        counter = 0 if self._one else kind
        first = self._next.get(counter, 0)
        self._next[counter] = (first + n) % _MODULUS
        return first

    def last(self) -> dict[int, int]:
        """The last number used of each kind (2019)."""
        return {kind: (following - 1) % _MODULUS for kind, following in self._next.items() if kind}
