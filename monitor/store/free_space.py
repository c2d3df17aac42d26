"""How much of a disk is left, and how much of that is not for us to take."""

from __future__ import annotations

import os
from pathlib import Path

_MIB = 1024 * 1024
_MARGIN = 8
"""Once short, work goes on with an eighth of the reserve free above it (a guess), so that it does not come and go."""


class Reserve:
    """Free space that is kept back on the file system of ``folder``, so that others (the database above all) can still
    finish what they have begun. ``reserve_bytes`` 0 keeps nothing back."""

    def __init__(self, folder: Path, reserve_bytes: int) -> None:
        self.folder = folder
        self.reserve_bytes = reserve_bytes
        self._short = False

    def free_bytes(self) -> int:
        """What this process may still take of the file system. Raises ``OSError``."""
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def lacking(self, wanted_bytes: int) -> str:
        """Why ``wanted_bytes`` may not be written now, as the second half of a sentence; empty when they may."""
        if not self.reserve_bytes:
            return ""
        try:
            free = self.free_bytes()
        except OSError as error:
            return f"the free space cannot be told: {error.strerror}"
        margin = self.reserve_bytes // _MARGIN if self._short else 0
        self._short = free - wanted_bytes < self.reserve_bytes + margin
        if not self._short:
            return ""
        return (
            f"the disk is nearly full: {free / _MIB:.0f} MiB are free, "
            f"{self.reserve_bytes / _MIB:.0f} MiB of them are kept back for the database"
        )
