"""One block of received frames on disk: which report lies where, and the bytes.

Layout, little-endian: ``HEADER`` (magic, sizes, CRC-32 of everything behind it, first and last receive time), the meta
as MessagePack (source, form, vehicle keys), a row per report, the bytes. Bytes that hold no report are left out.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.model.evidence import FrameForm

HEADER = struct.Struct("<4sIIIIqq")
_MAGIC = b"VDF1"
_ROW = np.dtype(
    [
        ("fix_ms", "<i8"),
        ("recv_ms", "<i8"),
        ("key", "<i4"),  # index into the keys of the block
        ("begin", "<u4"),  # in the bytes of the block
        ("size", "<u4"),
    ]
)


class _Meta(msgspec.Struct, frozen=True):
    source: str
    form: FrameForm
    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ReceivedFrames:
    """Reports of one intake (columns by report), and where the frame of each lies in ``buffer``."""

    source: str
    form: FrameForm
    keys: tuple[str, ...]
    key: NDArray[np.int32]
    fix_ms: NDArray[np.int64]
    recv_ms: NDArray[np.int64]
    buffer: bytes
    begin: NDArray[np.int64]
    end: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class KeptFrame:
    """The bytes of a report as they came."""

    source: str
    form: FrameForm
    recv_ms: int
    data: bytes


@dataclass(frozen=True, slots=True)
class BlockSpan:
    """Where a block stands in its file, and between which receive times its reports lie."""

    at: int
    size: int
    first_ms: int
    last_ms: int


def encoded_block(frames: ReceivedFrames) -> tuple[bytes, int, int]:
    """A block, and its first and last receive time. There is at least one report."""
    pieces, begin = _packed(frames)
    rows = np.empty(len(begin), _ROW)
    rows["fix_ms"], rows["recv_ms"], rows["key"] = frames.fix_ms, frames.recv_ms, frames.key
    rows["begin"], rows["size"] = begin, frames.end - frames.begin
    meta = msgspec.msgpack.encode(_Meta(frames.source, frames.form, frames.keys))
    body = b"".join((meta, rows.tobytes(), *pieces))
    first_ms, last_ms = int(frames.recv_ms.min()), int(frames.recv_ms.max())
    n_bytes = len(body) - len(meta) - rows.nbytes
    header = HEADER.pack(_MAGIC, len(meta), len(rows), n_bytes, zlib.crc32(body), first_ms, last_ms)
    return header + body, first_ms, last_ms


def _packed(frames: ReceivedFrames) -> tuple[list[bytes], NDArray[np.int64]]:
    """The parts of the buffer that hold reports, and where each report's frame begins in them."""
    order = np.argsort(frames.begin, kind="stable")
    begin, end = frames.begin[order], np.maximum.accumulate(frames.end[order])
    breaks = np.flatnonzero(begin[1:] > end[:-1]) + 1
    first = np.concatenate(([0], breaks))
    run_begin, run_end = begin[first], end[np.concatenate((breaks, [len(end)])) - 1]
    run_at = np.cumsum(run_end - run_begin) - (run_end - run_begin)
    found = np.empty_like(begin)
    found[order] = begin - np.repeat(run_begin - run_at, np.diff(first, append=len(begin)))
    return [frames.buffer[a:b] for a, b in zip(run_begin.tolist(), run_end.tolist(), strict=True)], found


def blocks_of(data: memoryview) -> Iterator[BlockSpan]:
    """The blocks of a file by their headers, up to a torn one."""
    at = 0
    while at + HEADER.size <= len(data):
        magic, n_meta, n_rows, n_bytes, _, first_ms, last_ms = HEADER.unpack_from(data, at)
        size = HEADER.size + n_meta + n_rows * _ROW.itemsize + n_bytes
        if magic != _MAGIC or at + size > len(data):
            return
        yield BlockSpan(at, size, first_ms, last_ms)
        at += size


class Block:
    """A block as read back. Raises ``ValueError`` where it is damaged."""

    def __init__(self, data: bytes) -> None:
        if len(data) < HEADER.size:
            raise ValueError("it is cut off")
        magic, n_meta, n_rows, n_bytes, check, _, _ = HEADER.unpack_from(data)
        size = HEADER.size + n_meta + n_rows * _ROW.itemsize + n_bytes
        if magic != _MAGIC or size != len(data) or zlib.crc32(memoryview(data)[HEADER.size :]) != check:
            raise ValueError("its bytes are not those written")
        meta = msgspec.msgpack.decode(data[HEADER.size : HEADER.size + n_meta], type=_Meta)
        self._source, self._form = meta.source, meta.form
        self._number_of = {key: number for number, key in enumerate(meta.keys)}
        self._rows: NDArray[np.void] = np.frombuffer(data, _ROW, n_rows, HEADER.size + n_meta)
        self._bytes = memoryview(data)[size - n_bytes :]
        self.size = size

    def find(self, keys: frozenset[str], fix_ms: int, from_ms: int, to_ms: int) -> Iterator[KeptFrame]:
        """Frames of reports under one of the keys with this fix time, received between two moments (both included)."""
        numbers = [self._number_of[key] for key in keys if key in self._number_of]
        if not numbers:
            return
        rows = self._rows
        hits = np.flatnonzero((rows["fix_ms"] == fix_ms) & (rows["recv_ms"] >= from_ms) & (rows["recv_ms"] <= to_ms))
        for hit in hits[np.isin(rows["key"][hits], numbers)].tolist():
            row = rows[hit]
            begin = int(row["begin"])
            data = bytes(self._bytes[begin : begin + int(row["size"])])
            yield KeptFrame(self._source, self._form, int(row["recv_ms"]), data)
