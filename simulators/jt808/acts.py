"""The bytes of misbehaviour."""

from __future__ import annotations

import random

from monitor.codec.jt808.framing import escape, unescape
from simulators.jt808.misbehaviour import Misbehaviour

LONGEST_SOUND = 2 * (21 + 1023 + 1)
"""Escaped bytes of the longest frame there can be."""
TROUBLED = 3
"""Trouble comes with every third report; a guess."""


def garbage(rng: random.Random, size: int = 40) -> bytes:
    """Random bytes that end with a delimiter, so that they spoil nothing behind them."""
    return b"\x7e" + rng.randbytes(size) + b"\x7e"


def bad_check(frame: bytes) -> bytes:
    """The frame with a wrong check byte."""
    message = bytearray(unescape(frame[1:-1]))
    message[-1] ^= 0x55
    return b"\x7e" + escape(bytes(message)) + b"\x7e"


def oversize(rng: random.Random, size: int = 4 * LONGEST_SOUND) -> bytes:
    """One segment longer than any frame, closed by a delimiter."""
    return b"\x7e" + rng.randbytes(size).replace(b"\x7e", b"\x00") + b"\x7e"


def report_frames(kinds: frozenset[Misbehaviour], number: int, frame: bytes, rng: random.Random) -> list[bytes]:
    """A report's frame and what a terminal puts beside it: trouble before every third one, or every one doubled."""
    if Misbehaviour.DUPLICATES in kinds:
        return [frame, frame]
    if number % TROUBLED:
        return [frame]
    before: list[bytes] = []
    if Misbehaviour.GARBAGE in kinds:
        before.append(garbage(rng))
    if Misbehaviour.BAD_CHECK in kinds:
        before.append(bad_check(frame))
    if Misbehaviour.OVERSIZE in kinds:
        before.append(oversize(rng))
    return [*before, frame]


def half(frame: bytes) -> bytes:
    """The first half of a frame."""
    return frame[: len(frame) // 2]
