"""Sequence numbers 报文序列号 of what we send, and the frames themselves while somebody may ask for them again.

2011 has one counter per platform, 2019 one per sub-business type; both start at 0 and wrap at 2^32. They outlive a
connection, not the process.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_WRAP: Final = 1 << 32


class SequenceNumbers:
    """The counters of one link. ``one_counter`` as 2011 has it."""

    def __init__(self, *, one_counter: bool) -> None:
        self._one_counter = one_counter
        self._next: dict[int, int] = {}
        self._used_ms: dict[int, int] = {}

    def next(self, sub_type: int) -> int:
        """The number that the next message of this type gets."""
        return self._next.get(self._counter(sub_type), 0)

    def used(self, sub_type: int, n: int, now_ms: int) -> None:
        """``n`` messages of this type were sent, with numbers from ``next`` on."""
        counter = self._counter(sub_type)
        self._next[counter] = (self._next.get(counter, 0) + n) % _WRAP
        self._used_ms[counter] = now_ms

    def last(self) -> tuple[tuple[int, int, int], ...]:
        """Type, last number and when (epoch ms) of every counter used so far; for 0x1103 and 0x9103."""
        return tuple(
            (counter, (following - 1) % _WRAP, self._used_ms[counter])
            for counter, following in sorted(self._next.items())
        )

    def _counter(self, sub_type: int) -> int:
        return 0 if self._one_counter else sub_type


@dataclass(frozen=True, slots=True)
class _Sent:
    sub_type: int
    first_sn: int
    n: int
    time_s: int
    data: bytes  # n whole frames


class SentFrames:
    """The latest frames sent, bounded by ``most_bytes``; the oldest go first."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._bytes = 0
        self._kept: deque[_Sent] = deque()

    def keep(self, sub_type: int, first_sn: int, n: int, time_s: int, data: bytes) -> None:
        """``data`` holds ``n`` frames with numbers in a row."""
        if len(data) > self._most_bytes:
            return
        self._kept.append(_Sent(sub_type, first_sn, n, time_s, data))
        self._bytes += len(data)
        while self._bytes > self._most_bytes:
            self._bytes -= len(self._kept.popleft().data)

    def numbered(self, sub_type: int, first_sn: int, last_sn: int) -> Iterator[bytes]:
        """Frames of this type whose number lies in the range (which may wrap), in the order sent."""
        span = (last_sn - first_sn) % _WRAP
        for sent in self._kept:
            if sent.sub_type != sub_type:
                continue
            if (sent.first_sn - first_sn) % _WRAP <= span and (sent.first_sn + sent.n - 1 - first_sn) % _WRAP <= span:
                yield sent.data
                continue
            for number, frame in enumerate(split_frames(sent.data)):
                if (sent.first_sn + number - first_sn) % _WRAP <= span:
                    yield frame

    def since(self, sub_type: int, time_s: int) -> Iterator[bytes]:
        """Frames of this type sent at ``time_s`` (epoch seconds) or later."""
        for sent in self._kept:
            if sent.sub_type == sub_type and sent.time_s >= time_s:
                yield sent.data


def split_frames(data: bytes) -> Iterator[bytes]:
    """The frames of bytes that we encoded ourselves: 5D ends each and occurs nowhere else."""
    at = 0
    while (end := data.find(b"\x5d", at)) >= 0:
        yield data[at : end + 1]
        at = end + 1


class ReceivedNumbers:
    """Watches the numbers of a peer (2019) for gaps."""

    def __init__(self) -> None:
        self._last: dict[int, int] = {}

    def start(self) -> None:
        """A new log-in: the peer may have started again at 0."""
        self._last.clear()

    def see(self, sub_type: int, numbers: NDArray[np.int64]) -> list[tuple[int, int]]:
        """Messages of one type in the order received; returns first and last number of what was jumped over.

        A number that is not above all before it is a resend.
        """
        if not len(numbers):
            return []
        last = self._last.get(sub_type, int(numbers[0]) - 1)
        ahead = (numbers - last + _WRAP // 2) % _WRAP - _WRAP // 2
        highest = np.maximum.accumulate(np.concatenate(([0], ahead)))
        self._last[sub_type] = (last + int(highest[-1])) % _WRAP
        leaps = np.flatnonzero(np.diff(highest) > 1)
        return [
            ((last + int(highest[n]) + 1) % _WRAP, (last + int(highest[n + 1]) - 1) % _WRAP) for n in leaps.tolist()
        ]
