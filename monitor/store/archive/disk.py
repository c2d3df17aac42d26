"""Every change that the archive makes to the disk, in one place, so that a test can stop at any of them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from monitor.store.durable import fsync_folder, write_all


class Disk:
    """The file operations of one archive. All raise ``OSError``."""

    def create(self, path: Path) -> BinaryIO:
        """A new file, open for writing; one of that name that a crash left is replaced."""
        return path.open("wb")

    def keep(self, file: BinaryIO) -> None:
        """What was written to the file is safe."""
        file.flush()
        os.fsync(file.fileno())

    def keep_folder(self, folder: Path) -> None:
        """Names that came or went in the folder are safe."""
        fsync_folder(folder)

    def rename(self, old: Path, new: Path) -> None:
        os.replace(old, new)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)

    def write_at(self, path: Path, position: int, data: bytes) -> None:
        """Write behind the first ``position`` bytes of a file, drop whatever else stood there, and make it safe."""
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            os.ftruncate(descriptor, position)
            os.lseek(descriptor, position, os.SEEK_SET)
            write_all(descriptor, data)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[None]:
    """Hold a lock file against other threads and processes. Without ``wait`` raises ``BlockingIOError``."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)
