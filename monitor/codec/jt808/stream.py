"""A byte buffer of frames to a batch of reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.batch import ITEMS_AT, read_batch
from monitor.codec.jt808.bcd import PHONE_BYTES
from monitor.codec.jt808.framing import MAX_SEGMENT, unescape
from monitor.codec.jt808.header import LOCATION, decode_header
from monitor.codec.jt808.location import BASE_SIZE, read_location
from monitor.codec.jt808.outcome import FRAME, FrameOutcome
from monitor.codec.jt808.reassembly import Reassembler
from monitor.codec.jt808.segments import (
    LAST_HI,
    MASK,
    N_PHONES,
    STATE_SIZE,
    UNORDERED,
    count_segments,
    find_segments,
    key_of_phone,
    make_room,
    next_delimiter,
    read_segments,
    write_keys,
)
from monitor.model.report import REPORT, TERMINAL_PREFIX, ReportBatch, ReportRows

_SMALLEST_ITEM = 2 + 28
"""A 0x0704 item without additional items: no bytes hold reports more densely."""

_CUT_OFF = (FrameOutcome.BAD_ESCAPE, FrameOutcome.TOO_SHORT, FrameOutcome.BAD_CHECKSUM)
"""What a frame looks like whose end is missing."""


_PREFIX = np.array(list(TERMINAL_PREFIX.encode()), np.uint8)


@dataclass(frozen=True, slots=True)
class LocationDecode:
    """``batch`` keyed by ``terminal:<phone>``; ``frames`` (dtype ``FRAME``) tells what became of each segment.

    ``consumed`` bytes need not be handed in again; the rest is the beginning of a frame. Raw bytes of a frame are
    ``buffer[frame["start"]:frame["end"]]``. Q1 and Q3 are the business of ``monitor.quality``.
    """

    batch: ReportBatch
    frames: NDArray[np.void]
    consumed: int


FIRST_SLOTS = 65_536
"""Of the phone table at most to begin with: a quarter megabyte, which stays in the cache. It grows with the phones."""
CHUNK_BYTES = 128 * 1024
"""Measured: larger pieces leave the second-level cache, smaller ones call too often."""


@dataclass(slots=True)
class _Room:
    """Arrays that the compiled pass writes into."""

    frames: NDArray[np.void]
    rows: ReportRows
    table: NDArray[np.int32]
    phones: NDArray[np.int64]
    state: NDArray[np.int64]


def decode_location_stream(
    buffer: bytes | bytearray | memoryview,
    *,
    recv_ms: int = 0,
    final: bool = False,
    reassembler: Reassembler | None = None,
    now_ms: int = 0,
) -> LocationDecode:
    """Decode every 0x0200 and 0x0704 frame in ``buffer``; never raises for what is in it.

    ``recv_ms`` goes into every row. ``final`` says that nothing will follow: a rest without closing delimiter is then
    decoded if it is sound, and ``truncated`` if not. Without ``reassembler`` packets of sub-packaged messages stay
    ``part``; ``now_ms`` is its clock. Reports of one message are sorted by fix time, messages stay in their order.
    """
    data = np.frombuffer(buffer, np.uint8)
    data.flags.writeable = False  # one type for the compiled functions, whatever was handed in
    room = _room(len(data), count_segments(data))
    n_frames, n_rows, rest = _read_chunks(data, room, recv_ms, final)
    frames = room.frames[:n_frames]
    rows = room.rows[:n_rows]
    if final and len(frames) and frames[-1]["end"] == len(data) and frames[-1]["outcome"] in _CUT_OFF:
        frames[-1]["outcome"] = FrameOutcome.TRUNCATED
        frames[-1]["offset"] = 0
    if reassembler is not None and (parts := int(np.count_nonzero(frames["outcome"] == FrameOutcome.PART))):
        make_room(parts, room.table, room.phones, room.state)
        rows = _reassemble(memoryview(buffer), frames, rows, room, reassembler, recv_ms, now_ms)
    if room.state[UNORDERED]:
        of_frame = np.repeat(np.arange(len(frames)), frames["n_rows"])
        rows = rows[np.lexsort((rows["fix_ms"], of_frame))]
    # Of junk without end only as much is kept as proves it oversize.
    consumed = max(rest, len(data) - MAX_SEGMENT - 1)
    return LocationDecode(ReportBatch(_keys(room), rows), frames, consumed)


def _read_chunks(data: NDArray[np.uint8], room: _Room, recv_ms: int, final: bool) -> tuple[int, int, int]:
    """Decode piece by piece, so that what is searched, unescaped and read stays in the cache.

    Returns how many frames and rows there are, and where the rest after the last delimiter begins.
    """
    scratch = np.empty(min(len(data) + 7 & ~7, CHUNK_BYTES), np.uint8)
    words = scratch.view(np.int64)
    n_frames = n_rows = at = 0
    while at < len(data):
        size = min(len(data) - at, CHUNK_BYTES)
        last = at + size == len(data)
        scratch[:size] = data[at : at + size]
        chunk = scratch[:size]
        n, rest = find_segments(chunk, words[: size >> 3], final and last, room.frames[n_frames:])
        if rest == 0 and not last:
            # No delimiter in a chunk that is longer than any frame.
            end = next_delimiter(data, at + size)
            if end == len(data) and not final:
                break
            room.frames[n_frames : n_frames + 1] = _oversize(at, end, n_rows)
            n_frames += 1
            at = min(end + 1, len(data))
            continue
        make_room(n, room.table, room.phones, room.state)
        frames = room.frames[n_frames : n_frames + n]
        n_rows = read_segments(chunk, frames, room.rows, room.table, room.phones, room.state, recv_ms, n_rows, at)
        n_frames += n
        at += rest
        if last:
            break
    return n_frames, n_rows, at


def _oversize(start: int, end: int, row: int) -> NDArray[np.void]:
    """Summary of junk."""
    frame: NDArray[np.void] = np.zeros(1, FRAME)
    frame["start"], frame["end"], frame["first_row"] = start, end, row
    frame["msg_id"], frame["outcome"] = -1, FrameOutcome.OVERSIZE
    return frame


def _room(size: int, segments: int) -> _Room:
    state = np.zeros(STATE_SIZE, np.int64)
    state[LAST_HI] = -1
    slots = 1 << (2 * segments).bit_length()
    table = np.empty(slots, np.int32)
    table[:FIRST_SLOTS] = -1
    state[MASK] = min(slots, FIRST_SLOTS) - 1
    return _Room(
        frames=np.empty(segments, FRAME),
        rows=np.empty(segments + size // _SMALLEST_ITEM, REPORT),
        table=table,
        phones=np.empty((segments, 2), np.int64),
        state=state,
    )


def _keys(room: _Room) -> tuple[str, ...]:
    """``terminal_key`` of every phone, in order of first sight."""
    phones = room.phones[: room.state[N_PHONES]]
    letters = np.empty(len(phones) * (len(_PREFIX) + 2 * PHONE_BYTES + 1), np.uint8)
    size = write_keys(phones, _PREFIX, letters)
    return tuple(letters[:size].tobytes().decode("ascii").split("\n")[:-1])


def _reassemble(
    buffer: memoryview,
    frames: NDArray[np.void],
    rows: ReportRows,
    room: _Room,
    reassembler: Reassembler,
    recv_ms: int,
    now_ms: int,
) -> ReportRows:
    """Rows with those of completed messages put in where their last packet stands."""
    pieces: list[ReportRows] = []
    taken = 0
    added = 0
    for number in range(len(frames)):
        frame = frames[number]
        first_row = int(frame["first_row"])
        frame["first_row"] = first_row + added
        if frame["outcome"] != FrameOutcome.PART:
            continue
        message = unescape(bytes(buffer[frame["start"] : frame["end"]]))
        header = decode_header(message)
        phone = frame["phone"].tobytes()
        body = reassembler.add(
            phone=phone,
            msg_id=header.msg_id,
            serial=header.serial,
            total=header.total,
            index=header.index,
            body=message[header.size : -1],
            now_ms=now_ms,
        )
        if body is None:
            continue
        source = np.array(np.frombuffer(body, np.uint8))
        whole = np.empty(1 + len(body) // _SMALLEST_ITEM, REPORT)
        hi, lo = int.from_bytes(phone[: PHONE_BYTES - 4], "big"), int.from_bytes(phone[-4:], "big")
        key = key_of_phone(hi, lo, room.table, room.phones, room.state)
        n, outcome = _read_body(source, header.msg_id, whole, key, recv_ms, room.state)
        frame["outcome"] = outcome
        frame["n_rows"] = n
        pieces += [rows[taken:first_row], whole[:n]]
        taken = first_row
        added += n
    pieces.append(rows[taken:])
    return np.concatenate(pieces)


def _read_body(
    body: NDArray[np.uint8], msg_id: int, rows: ReportRows, key: int, recv_ms: int, state: NDArray[np.int64]
) -> tuple[int, int]:
    """Reports of a reassembled body: how many and the outcome."""
    if len(body) < (BASE_SIZE if msg_id == LOCATION else ITEMS_AT):
        return 0, FrameOutcome.BODY_TOO_SHORT
    if msg_id == LOCATION:
        overrun_at = read_location(body, 0, len(body), rows, 0, key, recv_ms, 0, 0)
        return 1, FrameOutcome.ITEMS_OVERRUN if overrun_at >= 0 else FrameOutcome.DECODED
    n, outcome, _, ordered = read_batch(body, 0, len(body), rows, 0, key, recv_ms, 0)
    if not ordered:
        state[UNORDERED] = 1
    return n, outcome
