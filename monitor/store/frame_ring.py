"""The bytes of the newest reports as they were received, for the evidence of alarms.

A folder of numbered files, bounded in bytes: the oldest file goes. Written behind the journal and without fsync, since
nothing is answered for it: a power failure may cost the last seconds, which a checksum per block tells. A restart of
the process costs nothing. What cannot be written is counted and never holds anything up.
"""

from __future__ import annotations

import logging
import mmap
import os
import re
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from monitor.errors import StoreError
from monitor.store.frame_block import Block, BlockSpan, KeptFrame, ReceivedFrames, blocks_of, encoded_block

log = logging.getLogger(__name__)

_NAME = re.compile(r"(\d{12})\.frames")
_FILES = 16  # the limit is kept in steps of one file
_BLOCKS = 16_384
"""Of one file at most (guess): what is known of each in memory, and a start that reads all headers, are bounded too."""
_READ_BYTES = 16 * 1024 * 1024
"""Blocks kept in memory after they were read (guess): alarms of one batch ask for the same ones."""
_LOOKED_INTO = 32
"""Blocks that one search reads, the newest (guess): receive times that a sender states may lie anywhere."""


@dataclass(slots=True)
class _File:
    """One file: its blocks' places and receive times, ``spans[:n]`` of columns at, size, first_ms, last_ms."""

    number: int
    path: Path
    size: int = 0
    n: int = 0
    first_ms: int = 2**62
    last_ms: int = -(2**62)
    spans: NDArray[np.int64] = field(default_factory=lambda: np.empty((64, 4), np.int64))

    def add(self, block: BlockSpan) -> None:
        if self.n == len(self.spans):
            self.spans = np.concatenate([self.spans, np.empty_like(self.spans)])
        self.spans[self.n] = (block.at, block.size, block.first_ms, block.last_ms)
        self.n += 1
        self.size = block.at + block.size
        self.first_ms = min(self.first_ms, block.first_ms)
        self.last_ms = max(self.last_ms, block.last_ms)

    def between(self, from_ms: int, to_ms: int) -> list[tuple[int, int]]:
        """Place and size of the blocks that may hold reports received between two moments."""
        if self.first_ms > to_ms or self.last_ms < from_ms:
            return []
        spans = self.spans[: self.n]
        found = spans[(spans[:, 2] <= to_ms) & (spans[:, 3] >= from_ms), :2]
        return [(at, size) for at, size in found.tolist()]


class FrameRing:
    """One folder, one writer; methods may be called from any thread. ``failures`` counts blocks that were not written.

    ``limit_bytes`` bounds the folder; 0 keeps nothing and removes what there is.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.failures = 0
        self._limit = limit_bytes
        self._mutex = threading.Lock()
        self._reading = threading.Lock()
        self._descriptor = -1
        self._failing = False
        self._read: OrderedDict[tuple[int, int], Block] = OrderedDict()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            paths = sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
            self._files = [_listed(path) for path in paths]
            self._next = self._files[-1].number + 1 if self._files else 1
            self._make_room(0)
        except OSError as error:
            raise StoreError(reason=f"received frames in {folder} cannot be opened: {error}") from error

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self._files)

    def append(self, frames: ReceivedFrames) -> bool:
        """Keep the frames of one intake. False if they could not be written, which is logged once and counted."""
        if not self._limit or not len(frames.fix_ms):
            return True
        data, first_ms, last_ms = encoded_block(frames)
        size = len(data)
        with self._mutex:
            try:
                if size > self._limit:
                    raise OSError(f"{size} bytes at once are more than the limit of {self._limit}")
                file = self._file(size)
                at = file.size
                if os.pwrite(self._descriptor, data, at) != size:
                    os.ftruncate(self._descriptor, at)
                    raise OSError("the disk is full")
            except OSError as error:
                self._failed(error)
                return False
            file.add(BlockSpan(at, size, first_ms, last_ms))
            if self._failing:
                self._failing = False
                log.info("received frames are kept again in %s", self.folder)
            return True

    def find(self, keys: frozenset[str], fix_ms: int, from_ms: int, to_ms: int) -> tuple[KeptFrame, ...]:
        """Distinct frames of reports under one of the keys with this fix time, received between two moments (both
        included), in the order received. Never raises for what is on the disk."""
        with self._mutex:
            places = [
                (file.number, file.path, at, size) for file in self._files for at, size in file.between(from_ms, to_ms)
            ][-_LOOKED_INTO:]
        found: dict[bytes, KeptFrame] = {}
        with self._reading:
            for number, path, at, size in places:
                block = self._block(number, path, at, size)
                if block is not None:
                    for frame in block.find(keys, fix_ms, from_ms, to_ms):
                        found.setdefault(frame.data, frame)
        return tuple(found.values())

    def close(self) -> None:
        with self._mutex:
            self._leave_file()

    def _block(self, number: int, path: Path, at: int, size: int) -> Block | None:
        known = self._read.get((number, at))
        if known is not None:
            self._read.move_to_end((number, at))
            return known
        try:
            with path.open("rb", buffering=0) as file:
                block = Block(os.pread(file.fileno(), size, at))
        except (OSError, ValueError) as error:
            # Gone in the meantime, or what a power failure left of it.
            log.debug("received frames %s at byte %d: %s", path, at, error)
            return None
        self._read[number, at] = block
        kept = sum(one.size for one in self._read.values())
        while kept > _READ_BYTES and len(self._read) > 1:
            kept -= self._read.popitem(last=False)[1].size
        return block

    def _file(self, size: int) -> _File:
        """The file to write to, with room in the folder for so many bytes more."""
        share = max(self._limit // _FILES, 1)
        newest = self._files[-1] if self._files else None
        full = newest is None or newest.size + size > share or newest.n >= _BLOCKS
        if self._descriptor < 0 or newest is None or (full and newest.n):
            self._leave_file()
            path = self.folder / f"{self._next:012d}.frames"
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            newest = _File(self._next, path)
            self._next += 1
            self._files.append(newest)
        self._make_room(size)
        return newest

    def _make_room(self, size: int) -> None:
        """Let the oldest files go; the newest only where nothing is to be kept."""
        total = self.size + size
        while self._files and total > self._limit and (len(self._files) > 1 or self._descriptor < 0):
            oldest = self._files[0]
            oldest.path.unlink(missing_ok=True)
            total -= oldest.size
            del self._files[0]

    def _failed(self, error: OSError) -> None:
        self.failures += 1
        if not self._failing:
            self._failing = True
            log.warning("received frames cannot be kept in %s: %s; evidence goes without them", self.folder, error)

    def _leave_file(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _listed(path: Path) -> _File:
    """A file of a former life; of its bytes only the headers are read."""
    file = _File(int(path.stem), path)
    size = path.stat().st_size
    if size:
        with (
            path.open("rb") as opened,
            mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
            memoryview(mapped) as view,
        ):
            for block in blocks_of(view):
                file.add(block)
    file.size = size
    return file
