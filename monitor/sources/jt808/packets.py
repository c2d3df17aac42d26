"""Sub-packaged messages 分包, until they are whole: which packets are there, which to ask for, which to answer.

A set is known by connection, phone, message id and the serial of its first packet (packets have consecutive serials).
No packet is answered before the whole message is safe; one that comes again afterwards is answered again. No I/O, and
the clock is handed in.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.replies import OK
from monitor.sources.jt808.connection import Connection

MAX_PACKETS = 1_024
"""Guess: about a megabyte, far more than terminals hold."""
_SETS_PER_CONNECTION = 32
"""Guess: what one connection may have begun and not ended."""
_MAX_BYTES = 64 * 1024 * 1024
"""Guess: what all sets together may hold."""
_REMEMBERED_S = 120.0
"""Guess: how long the packets of a whole message may come again."""
_MOST_REMEMBERED = 200_000
"""Guess: packets of whole messages that are remembered, of all connections; about 30 MB."""
_PACKET_BYTES = 600
"""What a packet takes in memory beside its bytes (measured); else empty packets would count as nothing."""

SetKey = tuple[int, bytes, int, int]
"""Line of the connection, phone, message id, first serial."""


class Addition(StrEnum):
    """What a packet did to its set."""

    WAITING = "waiting"  # others are missing
    COMPLETE = "complete"
    UNDER_WAY = "under_way"  # of a message that is whole and not safe yet
    SAFE = "safe"  # of a message that is safe: to be answered again
    TOO_MANY = "too_many"  # of more packets than are taken


@dataclass(slots=True, eq=False)
class PacketSet:
    """Packets of one message. ``frames`` are their rows of dtype ``FRAME``, ``segments`` their escaped bytes."""

    key: SetKey
    connection: Connection
    total: int
    due_s: float
    asked: int = 0
    result: int = OK
    frames: dict[int, NDArray[np.void]] = field(default_factory=dict)
    segments: dict[int, bytes] = field(default_factory=dict)
    size: int = 0

    @property
    def missing(self) -> tuple[int, ...]:
        return tuple(index for index in range(1, self.total + 1) if index not in self.segments)

    @property
    def answered(self) -> NDArray[np.void]:
        """Frames to answer, in order of their packets."""
        return np.concatenate([self.frames[index] for index in sorted(self.frames)])


@dataclass(slots=True)
class _Whole:
    """A message that was whole: checksums of its packets, for those that come again. ``result`` once it is safe."""

    checks: dict[int, int]
    until_s: float
    result: int | None = None


class PacketSets:
    """Sets of all connections, bounded in number and bytes."""

    __slots__ = ("_bytes", "_of_connection", "_remembered", "_sets", "_wait_s", "_whole")

    def __init__(self, wait_s: float) -> None:
        self._wait_s = wait_s
        self._sets: dict[SetKey, PacketSet] = {}
        self._whole: dict[SetKey, _Whole] = {}
        self._of_connection: dict[int, int] = {}
        self._bytes = 0
        self._remembered = 0  # packets in _whole

    def __len__(self) -> int:
        return len(self._sets)

    def add(
        self,
        connection: Connection,
        frame: NDArray[np.void],
        *,
        total: int,
        index: int,
        segment: bytes,
        now_s: float,
    ) -> tuple[Addition, PacketSet | None, list[PacketSet]]:
        """Take a packet: what it did, its set if that is complete, and sets given up to make room.

        ``frame`` is one row (shape (1,)) of dtype ``FRAME``; it may be kept.
        """
        key = _key(connection, frame, index)
        check = zlib.crc32(segment)
        whole = self._whole.get(key)
        if whole is not None:
            if now_s < whole.until_s and whole.checks.get(index) == check:
                return (Addition.UNDER_WAY if whole.result is None else Addition.SAFE), None, []
            self.forget(key)
        if total > MAX_PACKETS:
            return Addition.TOO_MANY, None, []
        given_up: list[PacketSet] = []
        known = self._sets.get(key)
        if known is not None and known.total != total:
            given_up.append(self._take(key))
            known = None
        if known is None:
            known = self._sets[key] = PacketSet(key, connection, total, now_s + self._wait_s)
            self._of_connection[connection.line] = self._of_connection.get(connection.line, 0) + 1
        old = known.segments.get(index, b"")
        known.segments[index] = segment
        known.frames[index] = frame
        added = len(segment) - len(old) if old else len(segment) + _PACKET_BYTES
        known.size += added
        self._bytes += added
        if len(known.segments) == total:
            self._take(key)
            checks = {number: zlib.crc32(part) for number, part in known.segments.items()}
            self._whole[key] = _Whole(checks, now_s + _REMEMBERED_S)
            self._remembered += len(checks)
            while self._remembered > _MOST_REMEMBERED:
                self.forget(next(iter(self._whole)))
            return Addition.COMPLETE, known, given_up
        if self._of_connection[connection.line] > _SETS_PER_CONNECTION:
            oldest = next(other for other in self._sets if other[0] == connection.line)
            given_up.append(self._take(oldest))
        while self._bytes > _MAX_BYTES:
            given_up.append(self._take(next(iter(self._sets))))
        return Addition.WAITING, None, given_up

    def safe(self, key: SetKey, result: int) -> None:
        """The message is where it is to be, and its packets are answered so."""
        if key in self._whole:
            self._whole[key].result = result

    def result(self, connection: Connection, frame: NDArray[np.void], index: int) -> int:
        """What the packets of a safe message were answered with."""
        whole = self._whole.get(_key(connection, frame, index))
        return OK if whole is None or whole.result is None else whole.result

    def forget(self, key: SetKey) -> None:
        """The message could not be kept: its packets count as new when they come again."""
        whole = self._whole.pop(key, None)
        if whole is not None:
            self._remembered -= len(whole.checks)

    def due(self, now_s: float, most: int) -> Iterator[tuple[PacketSet, bool]]:
        """Sets that waited long enough: True while missing packets are to be asked for, False when it is over.

        Asked ``most`` times, each time with as long to wait.
        """
        for key in [key for key, known in self._sets.items() if known.due_s <= now_s]:
            known = self._sets[key]
            if known.asked < most:
                known.asked += 1
                known.due_s = now_s + self._wait_s
                yield known, True
            else:
                yield self._take(key), False
        for key in [key for key, whole in self._whole.items() if whole.until_s <= now_s]:
            self.forget(key)

    def leave(self, line: int) -> int:
        """A connection is gone: how many sets it left behind.

        Whole messages stay remembered: the same packet of the same phone on this line is the same, whoever brings it.
        """
        if line not in self._of_connection:
            return 0
        left = [key for key in self._sets if key[0] == line]
        for key in left:
            self._take(key)
        return len(left)

    def _take(self, key: SetKey) -> PacketSet:
        known = self._sets.pop(key)
        self._bytes -= known.size
        line = key[0]
        self._of_connection[line] -= 1
        if not self._of_connection[line]:
            del self._of_connection[line]
        return known


def _key(connection: Connection, frame: NDArray[np.void], index: int) -> SetKey:
    serial, msg_id = int(frame["serial"][0]), int(frame["msg_id"][0])
    return connection.line, frame["phone"].tobytes(), msg_id, (serial - index + 1) & 0xFFFF
