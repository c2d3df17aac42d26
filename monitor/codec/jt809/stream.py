"""A byte buffer of frames to a batch of reports."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt809.cipher import Cipher
from monitor.codec.jt809.framing import MAX_SEGMENT
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.outcome import FRAME
from monitor.codec.jt809.plates import LAST, MASK, N_PLATES, STATE_SIZE, UNORDERED, keys_of, make_room
from monitor.codec.jt809.segments import (
    CIPHER,
    FINAL,
    IA1,
    IC1,
    M1,
    NEWER,
    PARAMETERS,
    RECV_MS,
    count_segments,
    read_segments,
)
from monitor.model.report import REPORT, ReportBatch

_SMALLEST_ITEM = 33
"""Bytes of a position at least: 5 and a bare 808 body whose judgements are cut off. None holds reports more densely."""
_AT_ONCE = 4_096
"""Frames between two looks at whether the table of plates has to grow (guess)."""
_FIRST_SLOTS = 16_384
"""Of that table at first: 64 KB, which stay in the cache beside the frames."""


@dataclass(frozen=True, slots=True)
class PositionDecode:
    """``batch`` keyed by ``plate:<colour>:<plate>``; ``frames`` (dtype ``FRAME``) tells what became of each segment.

    A frame with the outcome ``OTHER_MESSAGE`` is for ``decode_frame(buffer[frame["start"]:frame["end"]])``.
    ``shifted`` has an entry per row: coordinates that the sender declares shifted by the map plug-in (ENCRYPT 1).
    ``consumed`` bytes need not be handed in again; the rest is the beginning of a frame. Q1 and Q3 are the business of
    ``monitor.quality``.
    """

    batch: ReportBatch
    frames: NDArray[np.void]
    shifted: NDArray[np.bool_]
    consumed: int


def decode_position_stream(
    buffer: bytes | bytearray | memoryview,
    *,
    version: Version,
    cipher: Cipher | None = None,
    recv_ms: int = 0,
    final: bool = False,
) -> PositionDecode:
    """Decode every 0x1202, 0x1203, 0x9202 and 0x9203 frame in ``buffer``; never raises for what is in it.

    ``recv_ms`` goes into every row. ``final`` says that nothing will follow: a rest is then reported as cut off.
    Reports of one message are sorted by fix time, messages stay in their order; 0x1203 and 0x9203 are backfill.
    """
    data = np.frombuffer(buffer, np.uint8)
    data.flags.writeable = False  # one type for the compiled functions, whatever was handed in
    segments = count_segments(data)
    frames = np.empty(segments, FRAME)
    rows = np.empty(len(data) // _SMALLEST_ITEM, REPORT)
    shifted = np.empty(len(rows), np.bool_)
    plates = np.empty((segments, 3), np.int64)
    slots = 1 << (2 * segments).bit_length()
    table = np.empty(slots, np.int32)
    table[:_FIRST_SLOTS] = -1
    state = np.zeros(STATE_SIZE, np.int64)
    state[LAST] = -1
    state[MASK] = min(slots, _FIRST_SLOTS) - 1
    scratch = np.empty(min(len(data), MAX_SEGMENT), np.uint8)
    begin = n_frames = n_rows = 0
    while n_frames < segments:
        until = min(n_frames + _AT_ONCE, segments)
        make_room(until - n_frames, table, plates, state)
        begin, now, n_rows = read_segments(
            data,
            begin,
            _parameters(version, cipher, recv_ms, final),
            scratch,
            frames[:until],
            rows,
            shifted,
            table,
            plates,
            state,
            n_frames,
            n_rows,
        )
        n_frames = now
        if now < until:
            break
    frames, rows, shifted = frames[:n_frames], rows[:n_rows], shifted[:n_rows]
    if state[UNORDERED]:
        of_frame = np.repeat(np.arange(n_frames), frames["n_rows"])
        order = np.lexsort((rows["fix_ms"], of_frame))
        rows, shifted = rows[order], shifted[order]
    keys, places = keys_of(plates[: state[N_PLATES]])
    if places is not None:
        rows["key"] = places[rows["key"]]
    # Of junk without end only as much is kept as proves it oversize.
    consumed = max(begin, len(data) - MAX_SEGMENT - 1)
    return PositionDecode(ReportBatch(keys, rows), frames, shifted, consumed)


def _parameters(version: Version, cipher: Cipher | None, recv_ms: int, final: bool) -> NDArray[np.int64]:
    parameters = np.zeros(PARAMETERS, np.int64)
    parameters[NEWER] = version is Version.V2019
    parameters[FINAL] = final
    parameters[RECV_MS] = recv_ms
    if cipher is not None:
        parameters[CIPHER] = 1
        parameters[M1], parameters[IA1], parameters[IC1] = cipher.m1, cipher.ia1, cipher.ic1
    return parameters
