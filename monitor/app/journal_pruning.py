"""Drops journal segments that nobody needs any more.

A segment goes when all of its records lie before what each of these has done: the archive, the older of the two kept
snapshots, the relational store, every link that is forwarded to; and when it is older than ``journal.keep_days`` by the
engine clock. A reader that stands still keeps its part of the journal, until retention says that it is too old to keep.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path

from monitor.model.beijing import DAY_MS
from monitor.store.journal import Journal
from monitor.store.journal_segment import SegmentReader, parse_name, segment_files
from monitor.store.snapshot import KEPT

log = logging.getLogger(__name__)

Readers = Mapping[str, Callable[[], int]]
"""By name: everything up to this journal offset is done with."""


class JournalPruning:
    """``keep_days`` by the engine clock; ``snapshots`` is the folder of snapshots."""

    def __init__(self, journal: Journal, snapshots: Path, readers: Readers, keep_days: float) -> None:
        self._journal = journal
        self._snapshots = snapshots
        self._readers = readers
        self._keep_ms = int(keep_days * DAY_MS)

    def needed_from(self) -> int:
        """The first offset that somebody still needs. Raises ``StoreError``."""
        kept = snapshot_offsets(self._snapshots)
        # With one snapshot alone a start that cannot read it needs the journal from its beginning.
        done = kept[-KEPT] if len(kept) >= KEPT else 0
        return min(done, *(reader() for reader in self._readers.values())) + 1

    def prune(self) -> int:
        """Drop what is not needed and old; how many segments went. Raises ``StoreError``, ``JournalError``."""
        old = older_than(self._journal.folder, self._journal.last_clock_ms - self._keep_ms)
        dropped = self._journal.drop_before(min(self.needed_from(), old))
        if dropped:
            log.info("journal: dropped %d segments, which the archive has", dropped)
        return dropped


def snapshot_offsets(folder: Path) -> list[int]:
    """Offsets of the snapshots that are there, rising, whether they read or not."""
    return sorted(int(path.stem.partition("-")[2]) for path in folder.glob("snapshot-*.vdms"))


def older_than(folder: Path, clock_ms: int) -> int:
    """All segments whose records lie before this offset ended before a moment of the engine clock.

    Raises ``JournalError`` where a segment cannot be read.
    """
    found = 0
    for path, following in pairwise(segment_files(folder)):
        first_offset, _ = parse_name(following)
        record = next(SegmentReader(following).records(first_offset, first_offset), None)
        if record is None or record.clock_ms >= clock_ms:
            # Only here does it take reading the whole segment to know.
            return first_offset if SegmentReader(path).tail().last_clock_ms < clock_ms else found
        found = first_offset
    return found
