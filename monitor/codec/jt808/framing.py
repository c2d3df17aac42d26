"""Framing: ``7E | header | body | check | 7E``, with 7E sent as ``7D 02`` and 7D as ``7D 01`` in between.

A stream is split at every 7E; each delimiter may end one frame and begin the next, and empty segments between adjacent
ones mean nothing. So a lost delimiter costs the two frames it stood between and no more.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from operator import xor

from monitor.codec.jt808.bigendian import Bytes, byte_at
from monitor.codec.jt808.outcome import FrameOutcome
from monitor.errors import CodecError
from monitor.model.compiled import compiled

DELIMITER = 0x7E
MAX_MESSAGE = 21 + 1023 + 1
"""Header of a sub-packaged 2019 frame, largest body that ten bits declare, check byte."""
MAX_SEGMENT = 2 * MAX_MESSAGE
"""A segment longer than a message with every byte escaped is junk."""


def escape(message: bytes) -> bytes:
    """The bytes between the delimiters for an unescaped message with its check byte."""
    return message.replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")


def unescape(segment: bytes) -> bytes:
    """The message in a segment; CodecError ``bad_escape`` at a 7D that 01 or 02 does not follow."""
    escaped = segment.find(b"\x7d")
    if escaped < 0:
        return segment
    message = bytearray()
    at = 0
    while escaped >= 0:
        follower = segment[escaped + 1] if escaped + 1 < len(segment) else -1
        if follower not in (1, 2):
            raise CodecError(
                reason=FrameOutcome.BAD_ESCAPE.reason, field="escape", offset=escaped, detail="7D without 01 or 02"
            )
        message += segment[at:escaped]
        message.append(0x7C + follower)
        at = escaped + 2
        escaped = segment.find(b"\x7d", at)
    return bytes(message + segment[at:])


def checksum(message: bytes) -> int:
    """XOR of all bytes (header to end of body)."""
    return reduce(xor, message, 0)


def frame(message: bytes) -> bytes:
    """A whole frame of an unescaped message that has no check byte yet."""
    return b"\x7e" + escape(message + bytes([checksum(message)])) + b"\x7e"


def segments(buffer: bytes) -> Iterator[tuple[int, int, bool]]:
    """Start, end and whether a delimiter closes it, of every non-empty segment."""
    start = 0
    while True:
        end = buffer.find(b"\x7e", start)
        closed = end >= 0
        if not closed:
            end = len(buffer)
        if end > start:
            yield start, end, closed
        if not closed:
            return
        start = end + 1


@compiled
def unescape_in_place(buffer: Bytes, start: int, end: int) -> int:
    """Length of the message, now at ``start``, or -1 - (offset of the illegal escape) with the bytes spoilt."""
    to = start
    at = start
    while at < end:
        byte = byte_at(buffer, at)
        if byte == 0x7D:
            follower = byte_at(buffer, at + 1) if at + 1 < end else 0
            if follower != 1 and follower != 2:
                return -1 - (at - start)
            byte = 0x7C + follower
            at += 1
        buffer[to] = byte
        at += 1
        to += 1
    return to - start


@compiled
def escape_into(source: Bytes, size: int, target: Bytes, at: int) -> int:
    """Write ``7E``, the escaped bytes and ``7E``; the position behind them."""
    target[at] = 0x7E
    at += 1
    for i in range(size):
        byte = byte_at(source, i)
        if byte == 0x7E or byte == 0x7D:
            target[at] = 0x7D
            target[at + 1] = byte - 0x7C
            at += 2
        else:
            target[at] = byte
            at += 1
    target[at] = 0x7E
    return at + 1
