"""The compiled pass: a byte buffer to report rows and one summary per frame.

Eight bytes at a time: a word with neither 7E nor 7D in it goes into the running XOR and needs no further look (the
XOR of a whole sound segment, check byte included, is zero); only the others are read byte by byte. A segment with
escapes is unescaped where it stands, so the pass works on a copy of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.batch import read_batch
from monitor.codec.jt808.bigendian import Bytes, byte_at, read_u16, read_u32
from monitor.codec.jt808.framing import MAX_SEGMENT, unescape_in_place
from monitor.codec.jt808.location import read_location
from monitor.codec.jt808.outcome import FrameOutcome
from monitor.model.compiled import compiled, inlined
from monitor.model.flaw import Flaw
from monitor.model.report import ReportRows

Integers = NDArray[np.int64]

_MAX_SEGMENT = int(MAX_SEGMENT)
_LENGTH_FLAW = int(Flaw.LENGTH)
_DECODED = int(FrameOutcome.DECODED)
_OTHER_MESSAGE = int(FrameOutcome.OTHER_MESSAGE)
_PART = int(FrameOutcome.PART)
_LENGTH_MISMATCH = int(FrameOutcome.LENGTH_MISMATCH)
_ITEMS_OVERRUN = int(FrameOutcome.ITEMS_OVERRUN)
_EMPTY_BATCH = int(FrameOutcome.EMPTY_BATCH)
_OVERSIZE = int(FrameOutcome.OVERSIZE)
_BAD_ESCAPE = int(FrameOutcome.BAD_ESCAPE)
_TOO_SHORT = int(FrameOutcome.TOO_SHORT)
_BAD_CHECKSUM = int(FrameOutcome.BAD_CHECKSUM)
_ENCRYPTED = int(FrameOutcome.ENCRYPTED)
_BODY_TOO_SHORT = int(FrameOutcome.BODY_TOO_SHORT)
_BAD_PART = int(FrameOutcome.BAD_PART)

# Lanes of one byte: a lane of ``(word ^ NEAR) & TOP6`` is zero only for 7C to 7F.
_NEAR = 0x7C7C7C7C7C7C7C7C
_TOP6 = -0x0303030303030304
_LOW7 = 0x7F7F7F7F7F7F7F7F
_HIGH = -0x7F7F7F7F7F7F7F80

# Cells of the pass's own state.
N_PHONES, UNORDERED, LAST_HI, LAST_LO, LAST_KEY, MASK = 0, 1, 2, 3, 4, 5
STATE_SIZE = 8


@compiled
def count_segments(buffer: Bytes) -> int:
    """How many 7E close a segment that is not empty, and one for a rest."""
    n = 2
    for i in range(1, len(buffer)):
        n += 1 if buffer[i] == 0x7E and buffer[i - 1] != 0x7E else 0
    return n


@compiled
def next_delimiter(buffer: Bytes, at: int) -> int:
    """Where the next 7E stands, or the length of the buffer."""
    while at < len(buffer) and buffer[at] != 0x7E:
        at += 1
    return at


@inlined
def _slot_of(hi: int, lo: int, mask: int) -> int:
    mixed = (lo & 0xFFFF_FFFF) * 0x2C1B_3C6D + (hi & 0xFFFF_FFFF) * 0x297A_2D39
    return (mixed ^ (mixed >> 31)) & mask


@compiled
def make_room(more: int, table: NDArray[np.int32], phones: Integers, state: Integers) -> None:
    """Widen the part of ``table`` in use until it holds ``more`` phones in half of its slots, and enter all anew."""
    mask = int(state[5])
    while 2 * (int(state[0]) + more) > mask + 1 and mask + 1 < len(table):
        mask = 2 * mask + 1
    if mask == state[5]:
        return
    state[5] = mask
    for slot in range(mask + 1):
        table[slot] = -1
    for key in range(int(state[0])):
        slot = _slot_of(int(phones[key, 0]), int(phones[key, 1]), mask)
        while table[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot] = key


@inlined
def key_of_phone(hi: int, lo: int, table: NDArray[np.int32], phones: Integers, state: Integers) -> int:
    """Index of a phone in order of first sight.

    ``table`` is an open hash with slots for twice the phones that can come; of it only as much is used as ``make_room``
    made, for a table that outgrows the cache costs more than the frame.
    """
    if hi == state[2] and lo == state[3]:
        return int(state[4])
    mask = int(state[5])
    slot = _slot_of(hi, lo, mask)
    while True:
        key = int(table[slot])
        if key < 0:
            key = int(state[0])
            table[slot] = key
            phones[key, 0] = hi
            phones[key, 1] = lo
            state[0] = key + 1
            break
        if phones[key, 0] == hi and phones[key, 1] == lo:
            break
        slot = (slot + 1) & mask
    state[2] = hi
    state[3] = lo
    state[4] = key
    return key


@compiled
def write_keys(phones: Integers, prefix: Bytes, letters: Bytes) -> int:
    """A line per phone: ``prefix`` and its hex digits without leading zeros (one zero if all are); bytes written."""
    to = 0
    for row in range(len(phones)):
        for column in range(len(prefix)):
            letters[to + column] = prefix[column]
        to += len(prefix)
        first = to
        high = int(phones[row, 0])
        low = int(phones[row, 1])
        for place in range(19, -1, -1):
            digit = (low >> (4 * place) if place < 8 else high >> (4 * place - 32)) & 15
            if digit or to > first or place == 0:
                letters[to] = digit + (48 if digit < 10 else 87)
                to += 1
        letters[to] = 10
        to += 1
    return to


@compiled
def find_segments(buffer: Bytes, words: Integers, unclosed: bool, frames: NDArray[np.void]) -> tuple[int, int]:
    """Write start, end, XOR (as ``outcome``) and whether there are escapes (as ``n_rows``) of every segment.

    ``words`` are the whole words of ``buffer``; ``unclosed`` takes the rest after the last delimiter as one more
    segment. Returns how many there are and where that rest begins.
    """
    size = len(buffer)
    clean_end = 8 * len(words)
    n = 0
    start = 0
    running = 0
    check = 0
    escaped = 0
    at = 0
    while at < size:
        stop = size
        if at < clean_end:
            word = int(words[at >> 3])
            lanes = (word ^ _NEAR) & _TOP6
            # No lane is zero. (Interpreted, where integers have no width, this may send a clean word the long way.)
            if ((((lanes & _LOW7) + _LOW7) | lanes) & _HIGH) == _HIGH:
                running ^= word
                at += 8
                continue
            stop = at + 8
        for i in range(at, stop):
            byte = byte_at(buffer, i)
            if byte == 0x7E:
                if i > start:
                    folded = running ^ (running >> 32)
                    folded ^= folded >> 16
                    folded ^= folded >> 8
                    frame = frames[n]
                    frame["start"] = start
                    frame["end"] = i
                    frame["outcome"] = (check ^ folded) & 0xFF
                    frame["n_rows"] = escaped
                    n += 1
                start = i + 1
                running = 0
                check = 0
                escaped = 0
            else:
                check ^= byte
                if byte == 0x7D:
                    escaped = 1
        at = stop
    if unclosed and start < size:
        folded = running ^ (running >> 32)
        folded ^= folded >> 16
        folded ^= folded >> 8
        frame = frames[n]
        frame["start"] = start
        frame["end"] = size
        frame["outcome"] = (check ^ folded) & 0xFF
        frame["n_rows"] = escaped
        n += 1
        start = size
    return n, start


@compiled
def read_segments(
    buffer: Bytes,
    frames: NDArray[np.void],
    rows: ReportRows,
    table: NDArray[np.int32],
    phones: Integers,
    state: Integers,
    recv_ms: int,
    row: int,
    base: int,
) -> int:
    """Decode the segments found, unescaping them in place, into ``rows`` from ``row`` on; the first row still free.

    Completes ``frames``; ``base`` is where ``buffer`` stands in the whole, and is added to their places.
    """
    for number in range(len(frames)):
        frame = frames[number]
        start = int(frame["start"])
        size = int(frame["end"]) - start
        frame["start"] = base + start
        frame["end"] = base + start + size
        check = int(frame["outcome"])
        escaped = int(frame["n_rows"]) != 0
        frame["version_bit"] = 0
        frame["msg_id"] = -1
        frame["serial"] = 0
        frame["first_row"] = row
        frame["n_rows"] = 0
        frame["offset"] = 0
        for i in range(10):
            frame["phone"][i] = 0
        if size > _MAX_SEGMENT:
            frame["outcome"] = _OVERSIZE
            continue
        if escaped:
            unescaped = unescape_in_place(buffer, start, start + size)
            if unescaped < 0:
                frame["outcome"] = _BAD_ESCAPE
                frame["offset"] = -1 - unescaped
                continue
            # 7D 01 and 7D 02 have each an XOR that is one off 7D and 7E.
            check ^= (size - unescaped) & 1
            size = unescaped
        if size < 13:
            frame["outcome"] = _TOO_SHORT
            frame["offset"] = size
            continue
        if check != 0:
            frame["outcome"] = _BAD_CHECKSUM
            frame["offset"] = size - 1
            continue
        properties = read_u16(buffer, start + 2)
        newer = (properties & 0x4000) != 0
        parts = (properties & 0x2000) != 0
        phone_end = 15 if newer else 10
        header = phone_end + (6 if parts else 2)
        if size < header + 1:
            frame["outcome"] = _TOO_SHORT
            frame["offset"] = size
            continue
        msg_id = read_u16(buffer, start)
        serial = read_u16(buffer, start + phone_end)
        frame["msg_id"] = msg_id
        frame["serial"] = serial
        frame["version_bit"] = 1 if newer else 0
        if newer:
            for i in range(10):
                frame["phone"][i] = buffer[start + 5 + i]
            hi = (read_u16(buffer, start + 5) << 32) | read_u32(buffer, start + 7)
            lo = read_u32(buffer, start + 11)
        else:
            for i in range(6):
                frame["phone"][4 + i] = buffer[start + 4 + i]
            hi = read_u16(buffer, start + 4)
            lo = read_u32(buffer, start + 6)
        body = size - header - 1
        mismatch = body != (properties & 0x03FF)
        if msg_id != 0x0200 and msg_id != 0x0704:
            frame["outcome"] = _LENGTH_MISMATCH if mismatch else _OTHER_MESSAGE
            frame["offset"] = 2 if mismatch else 0
            continue
        if (properties & 0x1C00) != 0:
            frame["outcome"] = _ENCRYPTED
            frame["offset"] = 2
            continue
        if parts:
            total = read_u16(buffer, start + phone_end + 2)
            index = read_u16(buffer, start + phone_end + 4)
            if index == 0 or index > total or mismatch:
                frame["outcome"] = _BAD_PART
                frame["offset"] = phone_end + 2
                continue
            if total > 1:
                frame["outcome"] = _PART
                continue
        minimum = 28 if msg_id == 0x0200 else 3
        if body < minimum:
            frame["outcome"] = _BODY_TOO_SHORT
            frame["offset"] = header
            continue
        key = key_of_phone(hi, lo, table, phones, state)
        flaws = _LENGTH_FLAW if mismatch else 0
        at = start + header
        end = start + size - 1
        if mismatch and minimum <= (properties & 0x03FF) < body:
            # Bytes past the declared body may be another frame whose delimiter was lost.
            end = at + (properties & 0x03FF)
        if msg_id == 0x0200:
            n = 1
            seen = read_location(buffer, at, end, rows, row, key, recv_ms, 0, flaws)
            outcome = _ITEMS_OVERRUN if seen >= 0 else _DECODED
        else:
            n, outcome, seen, ordered = read_batch(buffer, at, end, rows, row, key, recv_ms, flaws)
            if not ordered:
                state[1] = 1
        offset = seen - start if outcome != _DECODED else 0
        if mismatch and outcome != _EMPTY_BATCH:
            outcome = _LENGTH_MISMATCH
            offset = 2
        row += n
        frame["outcome"] = outcome
        frame["offset"] = offset
        frame["n_rows"] = n
    return row
