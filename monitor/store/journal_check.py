"""Is every record of a journal there? Reads each segment from end to end and names what does not read.

It needs no writer's lock: beside a running daemon the last segment may end in what is being written just now.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import JournalError
from monitor.store.journal_payload import PayloadFlag
from monitor.store.journal_segment import (
    SEAL_BYTES,
    FoundFrame,
    durable_frame,
    find_frame,
    parse_name,
    schema_bytes,
    sealed_offset,
    segment_files,
    start_of_frames,
)


@dataclass(frozen=True, slots=True)
class Loss:
    """Records ``first`` to ``last`` do not read; the first of them should stand at byte ``position``."""

    first: int
    last: int
    position: int


@dataclass(frozen=True, slots=True)
class SegmentCheck:
    """One segment. ``torn_bytes``: the last write of a process that died, of which nobody was told.

    ``cut_out`` counts records that were lost before and stand as ticks. ``superseded``: a write to it failed and
    another begins at the same record, so it is not read.
    """

    path: Path
    size: int
    first_offset: int
    last_offset: int
    first_clock_ms: int
    last_clock_ms: int
    losses: tuple[Loss, ...]
    cut_out: int
    torn_bytes: int
    head_damaged: bool
    superseded: bool = False

    @property
    def good(self) -> bool:
        """Whether everything that was acknowledged reads."""
        return not (self.losses or self.head_damaged)

    @property
    def lost(self) -> int:
        """Records that do not read."""
        return sum(loss.last - loss.first + 1 for loss in self.losses)


def check_journal(folder: Path) -> Iterator[SegmentCheck]:
    """Every segment of a journal folder, in order. Raises ``JournalError`` where the folder cannot be read."""
    try:
        paths = segment_files(folder)
    except OSError as error:
        raise JournalError(path=str(folder), reason=f"cannot be read: {error.strerror}") from error
    firsts = [parse_name(path)[0] for path in paths]
    for number, path in enumerate(paths):
        last = firsts[number + 1] - 1 if number + 1 < len(paths) else None
        yield _check(path, firsts[number], last)


def whole_frames(data: bytes | mmap.mmap, first_offset: int, last_offset: int | None) -> Iterator[FoundFrame]:
    """Frames that read, of rising offset from ``first_offset``; up to ``last_offset`` where the segment is closed.

    In the last segment what follows a gap counts only where it proves that the gap was safe on disk.
    """
    if last_offset is None:
        last_offset = sealed_offset(data)
    position, expected = start_of_frames(data), first_offset
    frame = find_frame(data, position)
    while frame is not None and (last_offset is None or frame.offset <= last_offset):
        if frame.offset > expected and last_offset is None and durable_frame(data, position) is None:
            return
        if frame.offset >= expected:
            yield frame
            position, expected = frame.end, frame.offset + 1
        frame = find_frame(data, frame.end)


def _check(path: Path, first_offset: int, last_offset: int | None) -> SegmentCheck:
    try:
        size = path.stat().st_size
        if last_offset is not None and last_offset < first_offset:
            return SegmentCheck(path, size, first_offset, last_offset, 0, 0, (), 0, 0, False, superseded=True)
        with path.open("rb") as file:
            if not size:
                return _judged(path, b"", first_offset, last_offset)
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _judged(path, data, first_offset, last_offset)
    except OSError as error:
        raise JournalError(path=str(path), reason=f"cannot be read: {error.strerror}") from error


def _judged(path: Path, data: bytes | mmap.mmap, first_offset: int, last_offset: int | None) -> SegmentCheck:
    losses: list[Loss] = []
    clocks: list[int] = []
    cut_out = 0
    position, expected = start_of_frames(data), first_offset
    for frame in whole_frames(data, first_offset, last_offset):
        if frame.offset > expected:
            losses.append(Loss(expected, frame.offset - 1, position))
        cut_out += bool(frame.record.flags & PayloadFlag.LOST)
        clocks.append(frame.record.clock_ms)
        position, expected = frame.end, frame.offset + 1
    sealed = sealed_offset(data)
    written = last_offset if last_offset is not None else sealed if sealed is not None else expected - 1
    if expected <= written:
        losses.append(Loss(expected, written, position))
    torn = len(data) - position - (SEAL_BYTES if sealed is not None else 0)
    started = bool(clocks or losses)
    return SegmentCheck(
        path=path,
        size=len(data),
        first_offset=first_offset,
        last_offset=max(written, expected - 1),
        first_clock_ms=clocks[0] if clocks else 0,
        last_clock_ms=max(clocks, default=0),
        losses=tuple(losses),
        cut_out=cut_out,
        torn_bytes=max(torn, 0) if last_offset is None and sealed is None else 0,
        head_damaged=started and schema_bytes(path) is None,
    )
