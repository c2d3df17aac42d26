"""The journal: what was received, in order, safe on disk before anybody is told so.

Append-only segments in one folder, one writer. Offsets count records from 1 and never repeat. After a failed write or
fsync a segment is never written again: the batch goes to a new one that starts at the same offset, and readers leave
the old segment where the new one begins. For the same reason every start begins a new segment.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from monitor.errors import JournalError
from monitor.model.journal import JournalRecord
from monitor.store import journal_payload
from monitor.store.durable import fsync_file, fsync_folder, make_folder
from monitor.store.free_space import Reserve
from monitor.store.journal_segment import (
    WHAT_TO_DO,
    Encoded,
    SegmentReader,
    SegmentWriter,
    parse_name,
    segment_files,
    segment_name,
)
from monitor.store.writer_lock import WriterLock

log = logging.getLogger(__name__)

_NOT_RECEIVED = "nothing of this batch counts as received"


class JournalSettings(BaseModel):
    """When a segment is full, and when the disk counts as full. Guesses: segments small enough to drop piecemeal, large
    enough to stay few; a reserve that a database finishes with what it has begun."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    segment_bytes: int = Field(default=64 * 1024 * 1024, ge=1, le=1 << 40, description="a segment is full at this size")
    segment_age_s: float = Field(default=86_400.0, gt=0, description="by the engine clock of the records")
    keep_days: float = Field(
        default=7.0, gt=0, description="segments that nobody needs any more stay so long (a guess), by the engine clock"
    )
    reserve_bytes: int = Field(
        default=256 * 1024 * 1024, ge=0, description="nothing more is accepted when less than this would be left free"
    )


class Journal:
    """The journal of one folder, open for writing. Methods may be called from any thread.

    Raises ``JournalError`` where another process writes, where a closed segment is missing or damaged, and where the
    disk refuses. A torn tail (the last write of a process that died) is cut off with a log line.
    """

    def __init__(self, folder: Path, settings: JournalSettings | None = None) -> None:
        self.folder = folder
        self._settings = settings or JournalSettings()
        self._mutex = threading.Lock()
        self._writer: SegmentWriter | None = None
        self._writer_clock_ms = 0
        self._closed = False
        self.reserve = Reserve(folder, self._settings.reserve_bytes)
        self.last_offset = 0
        self.last_clock_ms = 0
        try:
            make_folder(folder)
            self._lock = WriterLock(folder / "writer.lock")
        except OSError as error:
            raise JournalError(path=str(folder), reason=f"cannot be opened for writing: {error}") from error
        try:
            self._recover()
        except OSError as error:
            self._lock.release()
            raise JournalError(path=str(folder), reason=f"cannot be opened for writing: {error}") from error
        except BaseException:
            self._lock.release()
            raise

    def append(self, records: Sequence[JournalRecord]) -> int:
        """Write the records in one write and one fsync; returns the offset of the last.

        The records' own ``offset`` is not looked at: they get the next ones. When this returns they are on disk; when
        it raises ``JournalError`` (also because the disk's reserve would be touched) nothing may be acknowledged and
        the same records can be appended again.
        """
        encoded = [_encoded(record) for record in records]
        with self._mutex:
            if self._closed:
                raise JournalError(path=str(self.folder), reason="is closed")
            if encoded:
                if lacking := self.reserve.lacking(sum(len(record.payload) for record in encoded)):
                    raise JournalError(path=str(self.folder), reason=f"{lacking}; {_NOT_RECEIVED}")
                self._write(encoded)
                self.last_offset += len(encoded)
                self.last_clock_ms = max(self.last_clock_ms, *(record.clock_ms for record in encoded))
            return self.last_offset

    def read(self, from_offset: int) -> Iterator[JournalRecord]:
        """Records from ``from_offset`` (0: the oldest kept) up to the last one at the time of the call, each checked.

        Raises ``JournalError`` where a record of that range is missing or damaged.
        """
        with self._mutex:
            paths, last_offset = segment_files(self.folder), self.last_offset
        return _read_segments(paths, from_offset, last_offset)

    @property
    def first_offset(self) -> int:
        """The oldest record kept; 1 in an empty journal."""
        with self._mutex:
            paths = segment_files(self.folder)
        return parse_name(paths[0])[0] if paths else 1

    def offset_before(self, clock_ms: int) -> int:
        """Where to begin to read everything from a moment of the engine clock on: the begin of a segment."""
        with self._mutex:
            paths = segment_files(self.folder)
        for path in reversed(paths):
            first_ms = SegmentReader(path).first_clock_ms()
            if first_ms is not None and first_ms < clock_ms:
                return parse_name(path)[0]
        return parse_name(paths[0])[0] if paths else 1

    def drop_before(self, offset: int) -> int:
        """Remove segments whose records all lie before ``offset``; returns how many went."""
        with self._mutex:
            paths = segment_files(self.folder)
            dropped = 0
            for path, following in pairwise(paths):
                if parse_name(following)[0] > offset:
                    break
                path.unlink()
                dropped += 1
            if dropped:
                fsync_folder(self.folder)
            return dropped

    def close(self) -> None:
        """Close the files and let another process write. Idempotent."""
        with self._mutex:
            self._closed = True
            self._seal_segment()
            self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _recover(self) -> None:
        paths = segment_files(self.folder)
        if not paths:
            return
        first_of_last, _ = parse_name(paths[-1])
        self.last_offset = first_of_last - 1
        if _is_unfinished(paths[-1]):
            log.warning("journal %s: removed, the process died before its first record", paths[-1])
            paths.pop().unlink()
            fsync_folder(self.folder)
        else:
            tail = SegmentReader(paths[-1]).tail()
            self.last_offset = tail.last_offset
            self.last_clock_ms = tail.last_clock_ms
            if tail.torn_bytes:
                log.warning(
                    "journal %s: cut off a torn tail, %d bytes at byte %d", paths[-1], tail.torn_bytes, tail.end
                )
                _cut(paths[-1], tail.end)
            # What a process that died had written without waiting for the disk reads well and is not safe yet.
            fsync_file(paths[-1])
        if not self.last_clock_ms:
            # The last segment holds no record; the one with the last offset knows the clock.
            for path in reversed(paths):
                first_offset, _ = parse_name(path)
                if first_offset <= self.last_offset:
                    records = SegmentReader(path).records(first_offset, self.last_offset)
                    self.last_clock_ms = max(record.clock_ms for record in records)
                    break

    def _write(self, encoded: list[Encoded]) -> None:
        first_offset = self.last_offset + 1
        if self._writer is not None and self._is_full(self._writer, encoded[-1].clock_ms):
            self._seal_segment()
        for attempt in (1, 2):
            path = self.folder if self._writer is None else self._writer.path
            try:
                if self._writer is None:
                    self._writer = self._new_segment(first_offset)
                    self._writer_clock_ms = encoded[0].clock_ms
                self._writer.append(first_offset, encoded)
                return
            except OSError as error:
                self._abandon_segment(first_offset)
                if attempt == 2:
                    reason = f"cannot be written ({error}); {_NOT_RECEIVED}"
                    raise JournalError(path=str(path), reason=reason) from error
                log.error("journal %s: %s; going on in a new segment", path, error)

    def _is_full(self, writer: SegmentWriter, clock_ms: int) -> bool:
        age_s = (clock_ms - self._writer_clock_ms) / 1000
        return writer.size >= self._settings.segment_bytes or age_s >= self._settings.segment_age_s

    def _new_segment(self, first_offset: int) -> SegmentWriter:
        names = map(parse_name, segment_files(self.folder))
        generation = 1 + max((taken for first, taken in names if first == first_offset), default=-1)
        return SegmentWriter(self.folder / segment_name(first_offset, generation), first_offset)

    def _abandon_segment(self, next_offset: int) -> None:
        writer, self._writer = self._writer, None
        if writer is None:
            return
        writer.give_up()
        if writer.first_offset == next_offset:
            # It holds nothing that anybody was told of; kept, a full disk would collect one per attempt.
            with contextlib.suppress(OSError):
                writer.path.unlink()

    def _seal_segment(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.seal(self.last_offset)
            except OSError as error:
                # The records before it are safe; without a seal the end of the file is only less sure of itself.
                log.warning("journal %s: left without its seal: %s", writer.path, error)
                writer.give_up()
            writer.close()


def read_segment_files(paths: Sequence[Path], from_offset: int = 0) -> Iterator[JournalRecord]:
    """Records of segment files or of whole journal folders, without being their writer.

    ``from_offset`` 0 is the oldest record kept. A torn tail of the last file is left out with a log line; anything
    else that does not read is a ``JournalError``.
    """
    files = sorted(
        (file for path in paths for file in (segment_files(path) if path.is_dir() else [path])),
        key=parse_name,
    )
    if not files:
        return
    yield from _read_segments(files[:-1], from_offset, parse_name(files[-1])[0] - 1)
    if not _is_unfinished(files[-1]):
        yield from SegmentReader(files[-1]).records_to_end(from_offset)


def _read_segments(paths: list[Path], from_offset: int, last_offset: int) -> Iterator[JournalRecord]:
    firsts = [parse_name(path)[0] for path in paths]
    if not firsts or from_offset > last_offset:
        return
    expected = min(firsts[0], from_offset or firsts[0])
    for number, path in enumerate(paths):
        if firsts[number] != expected:
            reason = f"records {expected} to {firsts[number] - 1} are missing before it; {WHAT_TO_DO}"
            raise JournalError(path=str(path), reason=reason)
        end = firsts[number + 1] - 1 if number + 1 < len(paths) else last_offset
        if end >= max(from_offset, expected):
            yield from SegmentReader(path).records(from_offset, end)
        expected = end + 1


def _encoded(record: JournalRecord) -> Encoded:
    flags, payload = journal_payload.encode(record)
    return Encoded(int(record.type), flags, record.clock_ms, payload)


def _is_unfinished(path: Path) -> bool:
    """A segment whose head never reached the disk; no record was ever written to it."""
    try:
        SegmentReader(path)
    except JournalError:
        data = path.read_bytes()
        return b"VDMr" not in data
    return False


def _cut(path: Path, size: int) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
