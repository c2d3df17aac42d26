"""Going on without lost records, on purpose: what reads is copied to a new segment, what is lost becomes ticks.

A tick at the clock of the record before it changes nothing, and it keeps the numbers of all other records: the
database, snapshots and whoever else remembers an offset still agree with the journal. The damaged segment is kept in
``damaged/``, and every cut is a line of ``cuts.jsonl``.
"""

from __future__ import annotations

import hashlib
import logging
import mmap
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from monitor.errors import JournalError
from monitor.model.journal import JournalRecord, RecordType
from monitor.store import journal_payload
from monitor.store.durable import fsync_folder, make_folder, write_all
from monitor.store.journal_check import Loss, SegmentCheck, check_journal, whole_frames
from monitor.store.journal_payload import PayloadFlag
from monitor.store.journal_segment import (
    Encoded,
    SegmentWriter,
    parse_name,
    schema_bytes,
    segment_files,
    segment_name,
)
from monitor.store.writer_lock import WriterLock

log = logging.getLogger(__name__)

DAMAGED = "damaged"
CUTS = "cuts.jsonl"
_AT_ONCE = 4096
_APPEND_BYTES = 8 * 1024 * 1024


class Cut(msgspec.Struct, frozen=True):
    """A line of ``cuts.jsonl``: which records of a segment were lost and are ticks now, and which file held them."""

    at_ms: int
    by: str
    segment: str
    lost: tuple[tuple[int, int], ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class CutPlan:
    """What a cut would do. ``missing``: records behind the end of the journal that the database has the outcome of."""

    damaged: tuple[SegmentCheck, ...]
    missing: Loss | None

    @property
    def lost(self) -> int:
        """Records that would be given up."""
        behind = self.missing.last - self.missing.first + 1 if self.missing else 0
        return behind + sum(check.lost for check in self.damaged)


def plan_cut(folder: Path, committed: int) -> CutPlan:
    """What is damaged; ``committed`` is the last record whose outcome the database has. Raises ``JournalError``."""
    checks = list(check_journal(folder))
    damaged = tuple(check for check in checks if not check.good)
    last = max((check.last_offset for check in checks), default=0)
    return CutPlan(damaged, Loss(last + 1, committed, 0) if committed > last else None)


def cut_journal(folder: Path, committed: int, *, now_ms: int, by: str) -> tuple[Cut, ...]:
    """Do it. Raises ``JournalError``, also while a daemon writes; then no segment is half cut."""
    done: list[Cut] = []
    try:
        lock = WriterLock(folder / "writer.lock")
    except OSError as error:
        raise JournalError(path=str(folder), reason=f"cannot be written: {error}") from error
    try:
        plan = plan_cut(folder, committed)
        spare = next(filter(None, map(schema_bytes, segment_files(folder))), None)
        clock_ms = 0
        damaged = {check.path: check for check in plan.damaged}
        for check in list(check_journal(folder)):
            if check.path in damaged:
                done.append(_cut_segment(check, spare, clock_ms, now_ms, by))
            clock_ms = max(clock_ms, check.last_clock_ms)
        if plan.missing is not None:
            done.append(_pad(folder, plan.missing, clock_ms, now_ms, by))
    except OSError as error:
        raise JournalError(path=str(folder), reason=f"cannot be cut: {error}") from error
    finally:
        lock.release()
    return tuple(done)


def read_cuts(folder: Path) -> tuple[Cut, ...]:
    """Every cut ever made in a journal, oldest first."""
    path = folder / CUTS
    if not path.exists():
        return ()
    return tuple(msgspec.json.decode(line, type=Cut) for line in path.read_bytes().splitlines() if line.strip())


def _cut_segment(check: SegmentCheck, spare: bytes | None, clock_ms: int, now_ms: int, by: str) -> Cut:
    path, folder = check.path, check.path.parent
    schema = schema_bytes(path) or spare
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        size = os.fstat(file.fileno()).st_size
        if size:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                copy = _write(check, _mended(check, data, clock_ms), schema)
        else:
            copy = _write(check, _mended(check, b"", clock_ms), schema)
    cut = Cut(now_ms, by, path.name, tuple((loss.first, loss.last) for loss in check.losses), digest)
    _note(folder, cut)
    generation = 1 + max(
        taken for first, taken in map(parse_name, segment_files(folder)) if first == check.first_offset
    )
    copy.rename(folder / segment_name(check.first_offset, generation))
    fsync_folder(folder)
    kept = folder / DAMAGED
    make_folder(kept)
    path.rename(kept / path.name)
    fsync_folder(kept)
    fsync_folder(folder)
    log.warning("journal %s: records %s were lost and are cut out", path, list(cut.lost))
    return cut


def _mended(check: SegmentCheck, data: bytes | mmap.mmap, clock_ms: int) -> Iterator[Encoded]:
    expected = check.first_offset
    closed = check.last_offset
    for frame in whole_frames(data, check.first_offset, closed):
        for _ in range(expected, frame.offset):
            yield _lost(clock_ms)
        clock_ms = max(clock_ms, frame.record.clock_ms)
        yield frame.record
        expected = frame.offset + 1
    for _ in range(expected, closed + 1):
        yield _lost(clock_ms)


def _pad(folder: Path, missing: Loss, clock_ms: int, now_ms: int, by: str) -> Cut:
    name = segment_name(missing.first, 0)
    cut = Cut(now_ms, by, name, ((missing.first, missing.last),), "")
    check = SegmentCheck(folder / name, 0, missing.first, missing.last, 0, 0, (missing,), 0, 0, False)
    copy = _write(check, (_lost(clock_ms) for _ in range(missing.first, missing.last + 1)), None)
    _note(folder, cut)
    copy.rename(check.path)
    fsync_folder(folder)
    log.warning("journal %s: records %d to %d are missing and stand as ticks", folder, missing.first, missing.last)
    return cut


def _write(check: SegmentCheck, records: Iterator[Encoded], schema: bytes | None) -> Path:
    """The records as a segment under another name."""
    copy = check.path.with_name(check.path.name + ".unfinished")
    copy.unlink(missing_ok=True)
    writer = SegmentWriter(copy, check.first_offset, schema)
    try:
        offset, waiting, size = check.first_offset, list[Encoded](), 0
        for record in records:
            waiting.append(record)
            size += len(record.payload)
            if len(waiting) >= _AT_ONCE or size >= _APPEND_BYTES:
                writer.append(offset, waiting)
                offset, waiting, size = offset + len(waiting), [], 0
        if waiting:
            writer.append(offset, waiting)
            offset += len(waiting)
        writer.seal(offset - 1)
    except OSError:
        copy.unlink(missing_ok=True)
        raise
    finally:
        writer.close()
    return copy


def _lost(clock_ms: int) -> Encoded:
    flags, payload = journal_payload.encode(JournalRecord(0, RecordType.TICK, clock_ms))
    return Encoded(RecordType.TICK, flags | PayloadFlag.LOST, clock_ms, payload)


def _note(folder: Path, cut: Cut) -> None:
    descriptor = os.open(folder / CUTS, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        write_all(descriptor, msgspec.json.encode(cut) + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fsync_folder(folder)
