"""A file system of a few MiB that can be filled up: tmpfs, which only root may mount."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

_PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class SmallDisk:
    """A mounted file system."""

    folder: Path

    def free_bytes(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def fill(self, leaving_bytes: int = 0) -> None:
        """Take everything but so many bytes, whoever else writes meanwhile."""
        with (self.folder / "ballast").open("ab", buffering=0) as file:
            while (free := self.free_bytes()) > leaving_bytes:
                try:
                    file.write(bytes(min(_PIECE, free - leaving_bytes)))
                except OSError:
                    return

    def make_room(self) -> None:
        (self.folder / "ballast").unlink()


@contextmanager
def mounted(folder: Path, mib: int) -> Iterator[SmallDisk]:
    """Mount it at a folder; skips the test where that is not allowed."""
    folder.mkdir(parents=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=False)
