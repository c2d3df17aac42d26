"""One segment file of the journal: its bytes, its writer and its reader.

::

    head    magic "VDMJRNL1" | first offset u64 | schema length u32 | crc32 u32 over the two and the schema | schema
    frame   magic "VDMr" | crc32 u32 over the rest | payload length u32 | type u8 | flags u8 | 0 u16
            | position of its append u64 | offset u64 | clock_ms i64 | payload
    (little endian)

Every frame states at which byte of the file its *append* began; that append was written only after everything before
it was safe on disk. So a frame that does not read is a torn tail when no good frame of a later append follows it, and
damage otherwise: the first is cut off without loss, the second is an error and never passed over.
"""

from __future__ import annotations

import logging
import os
import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from monitor.errors import JournalError
from monitor.model.journal import JournalRecord
from monitor.store import journal_payload
from monitor.store.durable import fsync_folder, write_all

log = logging.getLogger(__name__)

_HEAD_MAGIC = b"VDMJRNL1"
_HEAD = struct.Struct("<8sQII")
_MAGIC = b"VDMr"
_FRAME = struct.Struct("<4sIIBBHQQq")
_CRC_FROM = 8  # the checksum covers the frame from here on
_NAME = re.compile(r"(\d{20})-(\d{4})\.vdmj")


@dataclass(frozen=True, slots=True)
class Encoded:
    """A record ready to be framed: everything but its offset and place."""

    type: int
    flags: int
    clock_ms: int
    payload: bytes


def segment_name(first_offset: int, generation: int) -> str:
    """``generation`` tells segments apart that start at one offset because the earlier one could not be written."""
    return f"{first_offset:020d}-{generation:04d}.vdmj"


def segment_files(folder: Path) -> list[Path]:
    """Segments of a journal folder in order of offset; other files are not looked at."""
    return sorted((path for path in folder.iterdir() if _NAME.fullmatch(path.name)), key=lambda path: path.name)


def parse_name(path: Path) -> tuple[int, int]:
    """First offset and generation of a segment's name. Raises ``JournalError``."""
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise JournalError(path=str(path), reason="is no journal segment: its name has another form")
    return int(match[1]), int(match[2])


class SegmentWriter:
    """A new segment file. Once a write or an fsync has failed it must not be used again."""

    def __init__(self, path: Path, first_offset: int) -> None:
        self.path = path
        self.first_offset = first_offset
        schema = journal_payload.SCHEMA.serialize().to_pybytes()
        rest = struct.pack("<QI", first_offset, len(schema)) + schema
        head = _HEAD.pack(_HEAD_MAGIC, first_offset, len(schema), zlib.crc32(rest)) + schema
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        try:
            write_all(self._descriptor, head)
            os.fsync(self._descriptor)
            fsync_folder(path.parent)
        except OSError:
            self.close()
            path.unlink(missing_ok=True)
            raise
        self.size = len(head)

    def append(self, first_offset: int, records: Sequence[Encoded]) -> None:
        """Write all records at once and wait for the disk. Raises ``OSError``."""
        data = b"".join(
            piece
            for offset, record in enumerate(records, first_offset)
            for piece in (_frame_head(record, self.size, offset), record.payload)
        )
        write_all(self._descriptor, data)
        os.fsync(self._descriptor)
        self.size += len(data)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


@dataclass(frozen=True, slots=True)
class SegmentTail:
    """How a segment ends: last good record (``last_offset`` is one below the first where it has none)."""

    last_offset: int
    last_clock_ms: int
    end: int  # byte position after the last good record
    torn_bytes: int


class SegmentReader:
    """Reads one segment. ``first_offset`` and the schema come from its head; raises ``JournalError``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as file:
                head = file.read(_HEAD.size)
                if len(head) < _HEAD.size or head[:8] != _HEAD_MAGIC:
                    raise JournalError(path=str(path), reason="has no segment head at byte 0")
                _, self.first_offset, size, crc = _HEAD.unpack(head)
                schema = file.read(min(size, path.stat().st_size))
        except OSError as error:
            raise JournalError(path=str(path), reason=f"cannot be read: {error.strerror}") from error
        if zlib.crc32(struct.pack("<QI", self.first_offset, size) + schema) != crc:
            raise JournalError(path=str(path), reason="the segment head is damaged at byte 0")
        self._schema = pa.ipc.read_schema(pa.py_buffer(schema))
        self._start = _HEAD.size + size

    def records(self, from_offset: int, last_offset: int) -> Iterator[JournalRecord]:
        """Records ``from_offset`` to ``last_offset``; all of them must be there."""
        if last_offset < self.first_offset:
            return
        for frame in self._frames(from_offset):
            if isinstance(frame, _Bad):
                raise self._damaged(frame, f"records {frame.offset} to {last_offset} cannot be read from there")
            if frame.offset >= from_offset:
                yield self._record(frame)
            if frame.offset >= last_offset:
                return
        reason = f"ends before record {last_offset}, which was written; restore the file"
        raise JournalError(path=str(self.path), reason=reason)

    def records_to_end(self, from_offset: int) -> Iterator[JournalRecord]:
        """Records from ``from_offset`` up to the end or a torn tail, which is logged."""
        tail = self.tail()
        if tail.torn_bytes:
            log.warning("journal %s: left out %d bytes of a torn tail", self.path, tail.torn_bytes)
        yield from self.records(from_offset, tail.last_offset)

    def tail(self) -> SegmentTail:
        """Check every frame and find the end. Raises ``JournalError`` for damage before the tail."""
        offset, clock_ms, end = self.first_offset - 1, 0, self._start
        for frame in self._frames(0):
            if isinstance(frame, _Bad):
                if self._durable_after(frame.position):
                    raise self._damaged(frame, f"record {frame.offset} is lost and good ones follow; restore the file")
                return SegmentTail(offset, clock_ms, end, self.path.stat().st_size - end)
            offset, clock_ms, end = frame.offset, max(clock_ms, frame.clock_ms), frame.end
        return SegmentTail(offset, clock_ms, end, 0)

    def _damaged(self, bad: _Bad, consequence: str) -> JournalError:
        return JournalError(path=str(self.path), reason=f"damaged at byte {bad.position} ({bad.reason}); {consequence}")

    def _record(self, frame: _Frame) -> JournalRecord:
        try:
            return journal_payload.decode(
                frame.type,
                frame.flags,
                frame.payload,
                offset=frame.offset,
                clock_ms=frame.clock_ms,
                schema=self._schema,
            )
        except (ValueError, struct.error, OSError) as error:
            reason = f"record {frame.offset} at byte {frame.position} has another format: {error}"
            raise JournalError(path=str(self.path), reason=reason) from error

    def _frames(self, check_from: int) -> Iterator[_Frame | _Bad]:
        """Good frames in order, then at most one ``_Bad``. Payloads below offset ``check_from`` are skipped unread."""
        with self.path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            position, expected = self._start, self.first_offset
            file.seek(position)
            while position < size:
                head = file.read(_FRAME.size)
                if len(head) < _FRAME.size or head[:4] != _MAGIC:
                    yield _Bad(position, expected, "no frame begins here")
                    return
                _, crc, length, kind, flags, _, _, offset, clock_ms = _FRAME.unpack(head)
                end = position + _FRAME.size + length
                if end > size:
                    yield _Bad(position, expected, "the frame is longer than the file")
                    return
                if offset < check_from:
                    payload = b""
                    file.seek(end)
                else:
                    payload = file.read(length)
                    if zlib.crc32(payload, zlib.crc32(head[_CRC_FROM:])) != crc:
                        yield _Bad(position, expected, "the checksum differs")
                        return
                if offset != expected:
                    yield _Bad(position, expected, f"holds record {offset} instead of {expected}")
                    return
                yield _Frame(position, end, kind, flags, offset, clock_ms, payload)
                position, expected = end, expected + 1

    def _durable_after(self, position: int) -> bool:
        """Whether a good frame follows whose append began after ``position``."""
        data = self.path.read_bytes()
        found = data.find(_MAGIC, position + 1)
        while found >= 0:
            head = data[found : found + _FRAME.size]
            if len(head) == _FRAME.size:
                _, crc, length, _, _, _, append_position, _, _ = _FRAME.unpack(head)
                end = found + _FRAME.size + length
                if position < append_position <= found and zlib.crc32(data[found + _CRC_FROM : end]) == crc:
                    return True
            found = data.find(_MAGIC, found + 1)
        return False


@dataclass(frozen=True, slots=True)
class _Frame:
    position: int
    end: int
    type: int
    flags: int
    offset: int
    clock_ms: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class _Bad:
    position: int
    offset: int  # of the record that should stand here
    reason: str


def _frame_head(record: Encoded, append_position: int, offset: int) -> bytes:
    head = _FRAME.pack(
        _MAGIC, 0, len(record.payload), record.type, record.flags, 0, append_position, offset, record.clock_ms
    )
    crc = zlib.crc32(record.payload, zlib.crc32(head[_CRC_FROM:]))
    return head[:4] + crc.to_bytes(4, "little") + head[_CRC_FROM:]
