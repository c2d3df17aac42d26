"""One look at what arrived: the pieces of many connections as one buffer, decoded at once, with what becomes of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808 import decode_location_stream
from monitor.codec.jt808.framing import MAX_SEGMENT
from monitor.model.bad_bytes import BadBytes
from monitor.model.journal import JournalRecord
from monitor.model.report import ReportBatch
from monitor.sources.jt808.connection import Connection
from monitor.sources.jt808.inbox import Inbox, Piece
from monitor.sources.jt808.lines import Integers
from monitor.sources.jt808.packets import PacketSet

_DELIMITER = b"\x7e"
_END = 0x7E
PIECE_BYTES = 64 * 1024
"""Of one connection in one round (guess: a peer that sends without pause holds the others up by a few ms)."""


class When(IntEnum):
    """When a frame is answered."""

    NEVER = 0
    NOW = 1
    KEPT = 2  # what was to be kept of its terminal is safe
    JOURNALLED = 3  # its reports or records are safe


@dataclass(slots=True, eq=False)
class Round:
    """Columns by frame; ``connections`` by piece. ``taken``: the frame's reports are for the journal.

    ``also`` are reports on top, with the numbers of their frames: positions inside of answers, and of sub-packaged
    messages that are whole (``whole``, with when to answer), where their last packet stands, with all their packets.
    """

    source: str
    now_ms: int
    now_s: float
    size: int
    connections: list[Connection]
    buffer: bytes
    batch: ReportBatch
    frames: NDArray[np.void]
    piece_of: Integers
    sizes: Integers
    lines: Integers
    results: Integers
    when: NDArray[np.int8]
    taken: NDArray[np.bool_]
    ended: list[Connection]
    outcomes: Counter[str] = field(default_factory=Counter)
    rejects: list[BadBytes] = field(default_factory=list)
    records: list[JournalRecord] = field(default_factory=list)
    also: list[tuple[ReportBatch, int, bytes]] = field(default_factory=list)
    authenticated: list[str] = field(default_factory=list)
    whole: list[tuple[PacketSet, When]] = field(default_factory=list)
    closing: list[tuple[Connection, str]] = field(default_factory=list)

    def answer(self, number: int, result: int, when: When) -> None:
        """The general reply to a frame."""
        self.results[number] = result
        self.when[number] = when

    def awaits(self, when: When) -> bool:
        """Whether a frame, or a message of several packets, is to be answered then."""
        return bool((self.when == when).any()) or any(due is when for _, due in self.whole)

    def segment(self, number: int) -> bytes:
        """The escaped bytes of a frame."""
        frame = self.frames[number]
        return self.buffer[frame["start"] : frame["end"]]

    def connection(self, number: int) -> Connection:
        """Where a frame came from."""
        return self.connections[int(self.piece_of[number])]


def read_round(source: str, pieces: list[Piece], inbox: Inbox, now_ms: int, now_s: float) -> Round:
    """Decode what was taken from the inbox; beginnings of frames stay with their connections."""
    connections, bodies, ended, size = _whole_frames(pieces, inbox)
    # A delimiter between pieces: a frame cut off in one does not swallow the next. And one in front of the first, whose
    # own may have come with the piece before.
    buffer = _DELIMITER.join([b"", *bodies])
    decode = decode_location_stream(buffer, recv_ms=now_ms, final=True)
    frames = decode.frames
    sizes = np.array([len(body) for body in bodies], np.int64)
    piece_of = np.searchsorted(np.cumsum(sizes + 1), frames["start"] - 1, "right")
    piece_lines = np.array([connection.line for connection in connections], np.int64)
    n = len(frames)
    return Round(
        source=source,
        now_ms=now_ms,
        now_s=now_s,
        size=size,
        connections=connections,
        buffer=buffer,
        batch=decode.batch,
        frames=frames,
        piece_of=piece_of,
        sizes=sizes,
        lines=piece_lines[piece_of],
        results=np.zeros(n, np.int64),
        when=np.zeros(n, np.int8),
        taken=np.zeros(n, np.bool_),
        ended=ended,
    )


def _whole_frames(pieces: list[Piece], inbox: Inbox) -> tuple[list[Connection], list[bytes], list[Connection], int]:
    connections: list[Connection] = []
    bodies: list[bytes] = []
    ended: list[Connection] = []
    size = 0
    for connection, data in pieces:
        if data is None:
            if connection.more:
                inbox.end(connection)
            else:
                ended.append(connection)
            continue
        size += len(data)
        if connection.rest:
            data = connection.rest + data
            connection.rest = b""
        if connection.more and len(data) <= PIECE_BYTES:
            connection.more = False
            connection.release()
        if len(data) > PIECE_BYTES:
            cut = data.rfind(_DELIMITER, 0, PIECE_BYTES) + 1 or PIECE_BYTES
            connection.rest = data[cut:]
            data = data[:cut]
            if not connection.more:
                # Not read on before this is worked off: what lies with connections is not counted in the inbox.
                connection.more = True
                connection.hold()
            inbox.again(connection)
        elif data and data[-1] != _END:
            cut = data.rfind(_DELIMITER) + 1
            # Longer than any frame is junk, and is told as such when it is read.
            if len(data) - cut <= MAX_SEGMENT:
                connection.rest = data[cut:]
                data = data[:cut]
        if data:
            connections.append(connection)
            bodies.append(data)
    return connections, bodies, ended, size
