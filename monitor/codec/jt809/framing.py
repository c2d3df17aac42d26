"""Framing: ``5B | header | body | CRC | 5D``; in between 5B, 5A, 5D, 5E go out as 5A 01, 5A 02, 5E 01, 5E 02.

The stream falls into segments that together are all its bytes: a frame from 5B to 5D, a frame that the next 5B cuts
off, and junk that no 5B begins. So a lost delimiter costs one frame and no more, and lengths are not trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitor.codec.jt808.bigendian import Bytes, byte_at
from monitor.codec.jt809.crc import crc16
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.errors import CodecError
from monitor.model.compiled import compiled

BEGIN, END = 0x5B, 0x5D
MAX_SEGMENT = 1 << 20
"""Wire bytes of a frame at most (guess; the largest seen is a photo of 23 KB). What is longer is junk."""

_DELIMITER = re.compile(rb"[\x5b\x5d]")
_MARK = re.compile(rb"[\x5a\x5e]")


def escape(message: bytes) -> bytes:
    """The bytes between the delimiters."""
    return (
        message.replace(b"\x5a", b"\x5a\x02")
        .replace(b"\x5b", b"\x5a\x01")
        .replace(b"\x5e", b"\x5e\x02")
        .replace(b"\x5d", b"\x5e\x01")
    )


def unescape(escaped: bytes) -> tuple[bytes, int]:
    """The reverse, and where a 5A or 5E stands that neither 01 nor 02 follows (counted from the 5B before; -1 if none).

    Such a byte is taken as itself: there are senders that escape only 5B and 5D, and the CRC tells.
    """
    message = bytearray()
    at = 0
    lone_at = -1
    for mark in _MARK.finditer(escaped):
        place = mark.start()
        follower = escaped[place + 1] if place + 1 < len(escaped) else 0
        if follower not in (1, 2):
            lone_at = 1 + place if lone_at < 0 else lone_at
            continue
        message += escaped[at:place]
        message.append(0x5C - follower if escaped[place] == 0x5A else 0x5C + follower)
        at = place + 2
    return bytes(message + escaped[at:]), lone_at


def frame(message: bytes) -> bytes:
    """A whole frame of header and body."""
    return b"\x5b" + escape(message + crc16(message).to_bytes(2, "big")) + b"\x5d"


def segments(buffer: bytes, *, final: bool = False) -> Iterator[tuple[int, int]]:
    """Start and end of every segment that is complete, with ``final`` also of the rest."""
    begin = 0
    for delimiter in _DELIMITER.finditer(buffer):
        place = delimiter.start()
        closing = buffer[place] == END
        end = place + 1 if closing else place
        if end > begin:
            yield begin, end
        begin = end
    if final and begin < len(buffer):
        yield begin, len(buffer)


def split_frames(buffer: bytes) -> tuple[list[bytes], int]:
    """Segments for ``decode_frame`` and how many bytes need not be handed in again.

    Junk and frames cut off are among them, for ``decode_frame`` to refuse and the caller to count.
    """
    found = list(segments(buffer))
    consumed = found[-1][1] if found else 0
    # Of junk without end only as much is kept as proves it oversize.
    return [buffer[start:end] for start, end in found], max(consumed, len(buffer) - MAX_SEGMENT - 1)


def message_of(segment: bytes) -> tuple[bytes, int]:
    """Header, body and CRC of a segment, unescaped, and ``unescape``'s place of a lone mark.

    CodecError with the reason of a ``FrameOutcome``.
    """
    if len(segment) > MAX_SEGMENT:
        raise _refused(FrameOutcome.OVERSIZE, 0, f"{len(segment)} bytes, at most {MAX_SEGMENT}")
    if segment[:1] != b"\x5b":
        raise _refused(FrameOutcome.NO_START, 0, "no 5B at the beginning")
    if segment[-1] != END:
        raise _refused(FrameOutcome.TRUNCATED, len(segment), "no 5D at the end")
    inner = segment[1:-1]
    raw = _DELIMITER.search(inner)
    if raw is not None:
        raise _refused(FrameOutcome.BAD_ESCAPE, 1 + raw.start(), "5B or 5D inside: logged after unescaping?")
    return unescape(inner)


def check_crc(message: bytes, lone_at: int) -> None:
    """CodecError ``bad_crc``, or ``bad_escape`` if there was a lone mark."""
    found, declared = crc16(message[:-2]), int.from_bytes(message[-2:], "big")
    if found == declared:
        return
    if lone_at >= 0:
        raise _refused(FrameOutcome.BAD_ESCAPE, lone_at, "5A or 5E without 01 or 02, and the CRC is wrong")
    raise _refused(FrameOutcome.BAD_CRC, len(message) - 1, f"CRC is {declared:04X}, bytes give {found:04X}")


def _refused(outcome: FrameOutcome, offset: int, detail: str) -> CodecError:
    return CodecError(reason=outcome.reason, field=outcome.field, offset=offset, detail=detail)


@compiled
def escape_into(source: Bytes, size: int, target: Bytes, at: int) -> int:
    """Write 5B, the escaped bytes and 5D; the position behind them."""
    target[at] = 0x5B
    at += 1
    for i in range(size):
        byte = byte_at(source, i)
        if byte < 0x5A or byte > 0x5E or byte == 0x5C:
            target[at] = byte
            at += 1
        else:
            target[at] = 0x5A if byte < 0x5C else 0x5E
            target[at + 1] = 0x5C - byte if byte < 0x5C else byte - 0x5C
            at += 2
    target[at] = 0x5D
    return at + 1
