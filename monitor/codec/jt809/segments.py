"""The compiled pass: a byte buffer to report rows and one summary per segment.

One look at each byte finds delimiters, resolves escapes (a frame of 2011 always has one: its length is 5A) and copies
the message into a scratch array, where CRC, decryption and reading are done.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.bcd import read_time_ms
from monitor.codec.jt808.bigendian import Bytes, byte_at, read_u16, read_u32
from monitor.codec.jt808.location import read_location
from monitor.codec.jt809.binary_time import read_binary_time_ms
from monitor.codec.jt809.cipher import decipher
from monitor.codec.jt809.crc import crc_of
from monitor.codec.jt809.framing import MAX_SEGMENT
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.codec.jt809.plates import Integers, key_of_plate
from monitor.model.compiled import compiled, inlined
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import ReportRows

Bits = NDArray[np.bool_]

_MAX_SEGMENT = int(MAX_SEGMENT)
_TIME = int(Flaw.TIME)
_LENGTH = int(Flaw.LENGTH)
_BACKFILL = int(ReportFlag.BACKFILL)
_ACC_KNOWN = int(ReportFlag.ACC_KNOWN)
_ACC_ON = int(ReportFlag.ACC_ON)
_POSITIONED = int(ReportFlag.POSITIONED)
_DECODED = int(FrameOutcome.DECODED)
_OTHER_MESSAGE = int(FrameOutcome.OTHER_MESSAGE)
_LENGTH_MISMATCH = int(FrameOutcome.LENGTH_MISMATCH)
_COUNT_MISMATCH = int(FrameOutcome.COUNT_MISMATCH)
_ITEMS_OVERRUN = int(FrameOutcome.ITEMS_OVERRUN)
_TRAILING_BYTES = int(FrameOutcome.TRAILING_BYTES)
_NO_POSITION = int(FrameOutcome.NO_POSITION)
_OTHER_LAYOUT = int(FrameOutcome.OTHER_LAYOUT)
_CONTENT_CUT = int(FrameOutcome.CONTENT_CUT)
_LONE_ESCAPE = int(FrameOutcome.LONE_ESCAPE)
_OVERSIZE = int(FrameOutcome.OVERSIZE)
_NO_START = int(FrameOutcome.NO_START)
_TRUNCATED = int(FrameOutcome.TRUNCATED)
_BAD_ESCAPE = int(FrameOutcome.BAD_ESCAPE)
_TOO_SHORT = int(FrameOutcome.TOO_SHORT)
_BAD_CRC = int(FrameOutcome.BAD_CRC)
_ENCRYPTED = int(FrameOutcome.ENCRYPTED)
_BODY_TOO_SHORT = int(FrameOutcome.BODY_TOO_SHORT)

# Cells of the parameters: how to read.
NEWER, FINAL, CIPHER, M1, IA1, IC1, RECV_MS = 0, 1, 2, 3, 4, 5, 6
PARAMETERS = 7


@compiled
def count_segments(buffer: Bytes) -> int:
    """How many segments there are at most."""
    n = 1
    for i in range(len(buffer)):
        n += 1 if buffer[i] == 0x5B or buffer[i] == 0x5D else 0
    return n


@inlined
def read_plain(
    source: Bytes, at: int, rows: ReportRows, row: int, key: int, recv_ms: int, flags: int, flaws: int
) -> None:
    """Write the 35 bytes of 2011 (without ENCRYPT) at ``at`` to ``rows[row]``."""
    fix_ms = read_binary_time_ms(source, at)
    lon_deg = read_u32(source, at + 7) / 1e6
    lat_deg = read_u32(source, at + 11) / 1e6
    altitude_m = read_u16(source, at + 25)
    status = read_u32(source, at + 27)
    flags |= _ACC_KNOWN
    if status & 1:
        flags |= _ACC_ON
    if status & 2:
        flags |= _POSITIONED
    if status & 4:
        lat_deg = -lat_deg
    if status & 8:
        lon_deg = -lon_deg
    if altitude_m >= 0x8000:
        altitude_m -= 0x10000
    if fix_ms == 0:
        flaws |= _TIME
    report = rows[row]
    report["fix_ms"] = fix_ms
    report["recv_ms"] = recv_ms
    report["lon_deg"] = lon_deg
    report["lat_deg"] = lat_deg
    report["mileage_m"] = read_u32(source, at + 19) * 1_000
    report["status"] = status
    report["alarm_flags"] = read_u32(source, at + 31)
    report["key"] = key
    report["driver"] = -1
    report["source"] = -1
    report["speed_dkmh"] = read_u16(source, at + 15) * 10
    report["recorder_speed_dkmh"] = read_u16(source, at + 17) * 10
    report["heading_deg"] = read_u16(source, at + 23)
    report["altitude_m"] = altitude_m
    report["flags"] = flags
    report["flaws"] = flaws


@inlined
def is_plain_inside(source: Bytes, at: int, size: int) -> bool:
    """Whether ``size`` bytes said to be an 808 body are 35 of 2011, or 36 with ENCRYPT."""
    if size != 35 and size != 36:
        return False
    return read_time_ms(source, at + 22) == 0 and read_binary_time_ms(source, at + size - 35) != 0


@compiled
def read_data(
    source: Bytes,
    at: int,
    end: int,
    single: bool,
    newer: bool,
    mismatch: bool,
    rows: ReportRows,
    shifted: Bits,
    row: int,
    key: int,
    recv_ms: int,
    state: Integers,
) -> tuple[int, int, int]:
    """Write the positions of one message, whose data are ``source[at:end]``, from ``rows[row]`` on.

    Returns how many, the outcome, and where it was seen. ``positions.read_positions`` is the same in plain words.
    """
    flags = 0 if single else _BACKFILL
    flaws = _LENGTH if mismatch else 0
    count = 1 if single else (byte_at(source, at) if at < end else -1)
    item = at if single else at + 1
    items = 0
    written = 0
    older = False
    cut = False
    overrun = False
    last_ms = -1
    while items < count:
        left = end - item
        inner = 0  # where the 808 body stands, and its size; or where the 35 bytes of 2011 stand, and 0
        size = 0
        following = 0
        if not newer:
            if left < 36:
                break
            inner = item + 1
            following = item + 36
        else:
            if left < 5:
                break
            size = read_u32(source, item + 1)
            if size + 50 <= left:
                inner = item + 5
                following = inner + size + 45
                if size < 28:
                    inner = -1
                elif is_plain_inside(source, inner, size):
                    inner += size - 35
                    size = 0
            elif left >= 36 and read_binary_time_ms(source, item + 1) != 0:
                inner = item + 1
                size = 0
                following = item + 36
                older = True
            elif size >= 28 and 5 + size <= left:
                inner = item + 5
                following = end
                cut = True
                if is_plain_inside(source, inner, size):
                    inner += size - 35
                    size = 0
            else:
                break
        items += 1
        if inner >= 0:
            place = row + written
            if size == 0:
                read_plain(source, inner, rows, place, key, recv_ms, flags, flaws)
            else:
                if size == 29:
                    size = 28
                if read_location(source, inner, inner + size, rows, place, key, recv_ms, flags, flaws) >= 0:
                    overrun = True
            shifted[place] = byte_at(source, item) == 1
            fix_ms = int(rows[place]["fix_ms"])
            if fix_ms < last_ms:
                state[3] = 1
            last_ms = fix_ms
            written += 1
        item = following
    if items == 0 and count != 0:
        return 0, _BODY_TOO_SHORT, at
    if written == 0:
        return 0, _NO_POSITION, at
    if mismatch:
        return written, _LENGTH_MISMATCH, at - 4
    if items != count:
        return written, _COUNT_MISMATCH, at
    if older:
        return written, _OTHER_LAYOUT, at
    if cut:
        return written, _CONTENT_CUT, at
    if item < end:
        return written, _TRAILING_BYTES, item
    if overrun:
        return written, _ITEMS_OVERRUN, at
    return written, _DECODED, 0


@compiled
def read_segments(
    buffer: Bytes,
    begin: int,
    parameters: Integers,
    scratch: Bytes,
    frames: NDArray[np.void],
    rows: ReportRows,
    shifted: Bits,
    table: NDArray[np.int32],
    plates: Integers,
    state: Integers,
    n: int,
    row: int,
) -> tuple[int, int, int]:
    """Decode segments from ``begin`` on until ``frames`` is full or no more are whole.

    Returns where the next segment begins, and how many frames and rows there are now.
    """
    newer = parameters[0] != 0
    final = parameters[1] != 0
    header = 30 if newer else 22
    limit = len(scratch)
    size = len(buffer)
    at = begin
    inside = False
    while n < len(frames):
        to = 0
        lone = -1
        if inside:
            while at < size:
                byte = byte_at(buffer, at)
                if byte >= 0x5A and byte <= 0x5E and byte != 0x5C:
                    if byte == 0x5B or byte == 0x5D:
                        break
                    follower = byte_at(buffer, at + 1) if at + 1 < size else 0
                    if follower == 1 or follower == 2:
                        byte = 0x5C - follower if byte == 0x5A else 0x5C + follower
                        at += 1
                    elif lone < 0:
                        lone = at - begin
                if to < limit:
                    scratch[to] = byte
                to += 1
                at += 1
        else:
            while at < size and buffer[at] != 0x5B and buffer[at] != 0x5D:
                at += 1
        if at >= size and (not final or begin >= size):
            break
        closing = at < size and buffer[at] == 0x5D
        end = at + 1 if closing else at
        if end == begin:
            # A 5B right where a segment may begin.
            inside = True
            at += 1
            continue
        frame = frames[n]
        n += 1
        frame["start"] = begin
        frame["end"] = end
        frame["sn"] = 0
        frame["access_code"] = 0
        frame["msg_id"] = -1
        frame["sub_type"] = -1
        frame["offset"] = 0
        frame["first_row"] = row
        frame["n_rows"] = 0
        was_inside = inside
        length = end - begin
        begin = end
        inside = at < size and not closing
        at += 1
        if length > _MAX_SEGMENT:
            frame["outcome"] = _OVERSIZE
            continue
        if not was_inside:
            frame["outcome"] = _NO_START
            continue
        if not closing:
            frame["outcome"] = _TRUNCATED
            frame["offset"] = length
            continue
        if to < header + 2:
            frame["outcome"] = _TOO_SHORT
            frame["offset"] = 1 + to
            continue
        stop = to - 2
        if crc_of(scratch, 0, stop) != read_u16(scratch, stop):
            frame["outcome"] = _BAD_CRC if lone < 0 else _BAD_ESCAPE
            frame["offset"] = stop + 1 if lone < 0 else lone
            continue
        msg_id = read_u16(scratch, 8)
        frame["msg_id"] = msg_id
        frame["sn"] = read_u32(scratch, 4)
        frame["access_code"] = read_u32(scratch, 10)
        frame["outcome"] = _OTHER_MESSAGE
        if byte_at(scratch, 17) == 1:
            if parameters[2] == 0:
                frame["outcome"] = _ENCRYPTED
                frame["offset"] = 18
                continue
            if msg_id == 0x1200 or msg_id == 0x9200:
                key = read_u32(scratch, 18)
                decipher(scratch, header, stop, key, int(parameters[3]), int(parameters[4]), int(parameters[5]))
        if (msg_id != 0x1200 and msg_id != 0x9200) or stop < header + 28:
            continue
        sub_type = read_u16(scratch, header + 22)
        if sub_type != msg_id + 2 and sub_type != msg_id + 3:
            continue
        frame["sub_type"] = sub_type
        data = header + 28
        mismatch = read_u32(scratch, 0) != to + 2
        wrong = read_u32(scratch, data - 4) != stop - data
        vehicle = key_of_plate(scratch, header, table, plates, state)
        n_rows, outcome, seen = read_data(
            scratch,
            data,
            stop,
            sub_type == msg_id + 2,
            newer,
            mismatch or wrong,
            rows,
            shifted,
            row,
            vehicle,
            int(parameters[6]),
            state,
        )
        offset = seen + 1 if outcome != _DECODED else 0
        if mismatch and outcome != _NO_POSITION and outcome != _BODY_TOO_SHORT:
            outcome = _LENGTH_MISMATCH
            offset = 1
        if lone >= 0 and outcome == _DECODED:
            outcome = _LONE_ESCAPE
            offset = lone
        frame["outcome"] = outcome
        frame["offset"] = offset
        frame["n_rows"] = n_rows
        row += n_rows
    return begin, n, row
