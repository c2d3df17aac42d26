"""One segment file of the journal: its bytes, its writer and its reader.

::

    head    magic "VDMJRNL1" | first offset u64 | schema length u32 | crc32 u32 over the two and the schema | schema
    frame   magic "VDMr" | crc32 u32 over the rest | payload length u32 | type u8 | flags u8 | 0 u16
            | position of its append u64 | offset u64 | clock_ms i64 | payload
    seal    magic "VDMe" | crc32 u32 over the rest | its own position u64 | last offset u64
    (little endian)

A segment that was left in order ends with a seal; one that its process died on has none.

Every frame states at which byte of the file its *append* began; that append was written only after everything before
it was safe on disk. So a frame that does not read is a torn tail when no good frame of a later append and no seal
follows it, and damage otherwise: the first is cut off without loss, the second is an error and never passed over.
"""

from __future__ import annotations

import contextlib
import logging
import mmap
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
_SEAL_MAGIC = b"VDMe"
_SEAL = struct.Struct("<4sIQQ")
_NAME = re.compile(r"(\d{20})-(\d{4})\.vdmj")


WHAT_TO_DO = (
    "restore the journal from a backup; or stop the daemon, look with `monitor journal check`, "
    "and go on without what is lost with `monitor journal cut`"
)


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

    def __init__(self, path: Path, first_offset: int, schema: bytes | None = None) -> None:
        """``schema`` is another version's, for records that are copied as they stand."""
        self.path = path
        self.first_offset = first_offset
        if schema is None:
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

    def seal(self, last_offset: int) -> None:
        """State that nothing follows: from then on what does not read is no torn tail. Raises ``OSError``."""
        write_all(self._descriptor, _seal(self.size, last_offset))
        os.fsync(self._descriptor)
        self.size += _SEAL.size

    def give_up(self) -> None:
        """After a failed write: take away what nobody was told of, as far as the disk lets us, and close."""
        with contextlib.suppress(OSError):
            os.ftruncate(self._descriptor, self.size)
        self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


SEAL_BYTES = _SEAL.size


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
                    raise JournalError(path=str(path), reason=f"has no segment head at byte 0; {WHAT_TO_DO}")
                _, self.first_offset, size, crc = _HEAD.unpack(head)
                schema = file.read(min(size, path.stat().st_size))
        except OSError as error:
            raise JournalError(path=str(path), reason=f"cannot be read: {error.strerror}") from error
        if zlib.crc32(struct.pack("<QI", self.first_offset, size) + schema) != crc:
            raise JournalError(path=str(path), reason=f"the segment head is damaged at byte 0; {WHAT_TO_DO}")
        self._schema = pa.ipc.read_schema(pa.py_buffer(schema))
        self.start = _HEAD.size + size

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
        reason = f"ends before record {last_offset}, which was written; {WHAT_TO_DO}"
        raise JournalError(path=str(self.path), reason=reason)

    def records_to_end(self, from_offset: int) -> Iterator[JournalRecord]:
        """Records from ``from_offset`` up to the end or a torn tail, which is logged."""
        tail = self.tail()
        if tail.torn_bytes:
            log.warning("journal %s: left out %d bytes of a torn tail", self.path, tail.torn_bytes)
        yield from self.records(from_offset, tail.last_offset)

    def first_clock_ms(self) -> int | None:
        """Clock of the first record; None where there is none that reads."""
        first = next(self._frames(0), None)
        return first.clock_ms if isinstance(first, _Frame) else None

    def tail(self) -> SegmentTail:
        """Check every frame and find the end. Raises ``JournalError`` for damage before the tail."""
        offset, clock_ms, end = self.first_offset - 1, 0, self.start
        for frame in self._frames(0):
            if isinstance(frame, _Bad):
                if self._durable_after(frame.position):
                    raise self._damaged(frame, f"record {frame.offset} is lost and good ones follow")
                return SegmentTail(offset, clock_ms, end, self.path.stat().st_size - end)
            offset, clock_ms, end = frame.offset, max(clock_ms, frame.clock_ms), frame.end
        return SegmentTail(offset, clock_ms, end, 0)

    def _damaged(self, bad: _Bad, consequence: str) -> JournalError:
        reason = f"damaged at byte {bad.position} ({bad.reason}); {consequence}; {WHAT_TO_DO}"
        return JournalError(path=str(self.path), reason=reason)

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
            position, expected = self.start, self.first_offset
            file.seek(position)
            while position < size:
                head = file.read(_FRAME.size)
                if _sealed_offset(head[: _SEAL.size], position) is not None:
                    position += _SEAL.size
                    file.seek(position)
                    continue
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
        """Whether a seal follows, or a good frame whose append began after ``position``."""
        data = self.path.read_bytes()
        return sealed_offset(data) is not None or durable_frame(data, position) is not None


@dataclass(frozen=True, slots=True)
class FoundFrame:
    """A frame that reads, wherever it stands. ``append_position``: where the write that it came with began."""

    position: int
    end: int
    offset: int
    append_position: int
    record: Encoded


def find_frame(data: bytes | mmap.mmap, start: int) -> FoundFrame | None:
    """The first frame at or after byte ``start`` whose checksum agrees; None where there is none."""
    found = data.find(_MAGIC, start)
    while found >= 0:
        head = data[found : found + _FRAME.size]
        if len(head) == _FRAME.size:
            _, crc, length, kind, flags, _, append_position, offset, clock_ms = _FRAME.unpack(head)
            end = found + _FRAME.size + length
            if end <= len(data) and zlib.crc32(data[found + _CRC_FROM : end]) == crc:
                payload = bytes(data[found + _FRAME.size : end])
                return FoundFrame(found, end, offset, append_position, Encoded(kind, flags, clock_ms, payload))
        found = data.find(_MAGIC, found + 1)
    return None


def start_of_frames(data: bytes | mmap.mmap) -> int:
    """Where the first frame stands, or should: behind the head, or where a damaged head lets one be found."""
    if len(data) >= _HEAD.size and data[:8] == _HEAD_MAGIC:
        _, first_offset, size, crc = _HEAD.unpack(data[: _HEAD.size])
        rest = struct.pack("<QI", first_offset, size)
        if zlib.crc32(data[_HEAD.size : _HEAD.size + size], zlib.crc32(rest)) == crc:
            return int(_HEAD.size + size)
    return max(data.find(_MAGIC), 0)


def durable_frame(data: bytes | mmap.mmap, position: int) -> FoundFrame | None:
    """The first frame after ``position`` that proves what stood there safe: its append began later."""
    frame = find_frame(data, position + 1)
    while frame is not None and not position < frame.append_position <= frame.position:
        frame = find_frame(data, frame.position + 1)
    return frame


def sealed_offset(data: bytes | mmap.mmap) -> int | None:
    """The last record of a segment that was left in order; None for one that was not."""
    return _sealed_offset(bytes(data[-_SEAL.size :]), len(data) - _SEAL.size)


def schema_bytes(path: Path) -> bytes | None:
    """The schema at the head of a segment; None where the head is damaged."""
    try:
        reader = SegmentReader(path)
    except JournalError:
        return None
    with path.open("rb") as file:
        file.seek(_HEAD.size)
        return file.read(reader.start - _HEAD.size)


def _seal(position: int, last_offset: int) -> bytes:
    rest = struct.pack("<QQ", position, last_offset)
    return _SEAL.pack(_SEAL_MAGIC, zlib.crc32(rest), position, last_offset)


def _sealed_offset(data: bytes, position: int) -> int | None:
    """What a seal that stands at ``position`` says; None where there is none."""
    if len(data) < _SEAL.size or data[:4] != _SEAL_MAGIC:
        return None
    last_offset: int = _SEAL.unpack(data)[3]
    return last_offset if data == _seal(position, last_offset) else None


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
