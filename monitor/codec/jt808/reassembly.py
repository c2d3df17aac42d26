"""Sub-packaged messages put together again.

A set is known by terminal, message id and the serial of its first packet (serial - index + 1): packets have
consecutive serials. Keys made of the total instead collide when two messages of a terminal overlap.
"""

from __future__ import annotations

from dataclasses import dataclass, field

EXPIRY_MS = 60_000
"""Practice: an incomplete set is given up after 30 to 60 s."""
MAX_PARTS = 1_024
"""Guess: about 1 MB of positions in one message, far more than terminals hold."""
MAX_BYTES = 64 * 1024 * 1024
"""Guess: what all incomplete sets together may hold."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """A set that never became complete, for counting and for asking again."""

    phone: bytes
    msg_id: int
    first_serial: int
    total: int
    missing: tuple[int, ...]


@dataclass(slots=True)
class _Set:
    total: int
    since_ms: int
    parts: dict[int, bytes] = field(default_factory=dict)
    size: int = 0


_Key = tuple[bytes, int, int]


class Reassembler:
    """Incomplete sets of all terminals, bounded in bytes and parts; the clock is handed in."""

    __slots__ = ("_abandoned", "_bytes", "_expiry_ms", "_max_bytes", "_max_parts", "_sets")

    def __init__(self, *, expiry_ms: int = EXPIRY_MS, max_parts: int = MAX_PARTS, max_bytes: int = MAX_BYTES) -> None:
        self._sets: dict[_Key, _Set] = {}
        self._abandoned: list[Abandoned] = []
        self._bytes = 0
        self._expiry_ms = expiry_ms
        self._max_parts = max_parts
        self._max_bytes = max_bytes

    def __len__(self) -> int:
        return len(self._sets)

    def add(
        self, *, phone: bytes, msg_id: int, serial: int, total: int, index: int, body: bytes, now_ms: int
    ) -> bytes | None:
        """Take a packet (index from 1); the whole body once all packets are there.

        A packet that is there already is ignored. A set of another total under the same key replaces the old one.
        """
        first_serial = (serial - index + 1) & 0xFFFF
        key = (phone, msg_id, first_serial)
        self._expire(now_ms)
        if total > self._max_parts:
            self._abandoned.append(Abandoned(phone, msg_id, first_serial, total, ()))
            return None
        parts = self._sets.get(key)
        if parts is not None and parts.total != total:
            self._abandon(key)
            parts = None
        if parts is None:
            parts = self._sets[key] = _Set(total, now_ms)
        if index not in parts.parts:
            parts.parts[index] = body
            parts.size += len(body)
            self._bytes += len(body)
        if len(parts.parts) == total:
            del self._sets[key]
            self._bytes -= parts.size
            return b"".join(parts.parts[i] for i in range(1, total + 1))
        while self._bytes > self._max_bytes:
            self._abandon(next(iter(self._sets)))
        return None

    def abandoned(self, now_ms: int) -> tuple[Abandoned, ...]:
        """Sets given up since the last call, by age or for want of room; each is told once."""
        self._expire(now_ms)
        told = tuple(self._abandoned)
        self._abandoned.clear()
        return told

    def _expire(self, now_ms: int) -> None:
        # Sets stand in order of their first packet, so only the front can be old.
        while self._sets:
            key, oldest = next(iter(self._sets.items()))
            if now_ms - oldest.since_ms < self._expiry_ms:
                return
            self._abandon(key)

    def _abandon(self, key: _Key) -> None:
        parts = self._sets.pop(key)
        self._bytes -= parts.size
        missing = tuple(i for i in range(1, parts.total + 1) if i not in parts.parts)
        self._abandoned.append(Abandoned(*key, parts.total, missing))
