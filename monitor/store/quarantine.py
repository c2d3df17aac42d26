"""Quarantine: bad bytes with reason, source and time, so that a sender's mistake can be shown to him.

JSON lines in numbered files of one folder. When the folder is full the oldest file goes, and what it held is counted.
Whoever acknowledges a message that went here calls ``keep`` first: it returns when the bytes are on disk.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from monitor.errors import StoreError
from monitor.model.bad_bytes import BadBytes
from monitor.store.durable import fsync_folder, make_folder, write_all

log = logging.getLogger(__name__)

_NAME = re.compile(r"(\d{12})\.jsonl")
_FILES = 16  # the folder's limit is kept in steps of one file


class QuarantineSettings(BaseModel):
    """Bounds, both guesses: enough for a day of a broken sender, never enough to fill a disk."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder_bytes: int = Field(default=256 * 1024 * 1024, ge=16 * 1024)
    message_bytes: int = Field(default=64 * 1024, ge=16, description="longer messages are kept up to here")


@dataclass(frozen=True, slots=True)
class Quarantined:
    """An entry as read back; ``size`` is the length of the message as it came, ``data`` what was kept of it."""

    recv_ms: int
    source: str
    reason: str
    detail: str
    size: int
    data: bytes


class Quarantine:
    """One folder, one writer. Methods may be called from any thread. ``dropped`` counts entries that made room."""

    def __init__(self, folder: Path, settings: QuarantineSettings | None = None) -> None:
        self.folder = folder
        self.dropped = 0
        self._settings = settings or QuarantineSettings()
        self._mutex = threading.Lock()
        self._descriptor = -1
        self._size = 0
        try:
            make_folder(folder)
        except OSError as error:
            raise StoreError(reason=f"quarantine {folder} cannot be opened: {error}") from error
        files = _files(folder)
        self._number = int(files[-1].stem) if files else 0

    def keep(self, items: Sequence[BadBytes]) -> None:
        """Write the items and wait for the disk. Raises ``StoreError``; then nothing may be acknowledged."""
        if not items:
            return
        data = b"".join(self._line(item) for item in items)
        with self._mutex:
            try:
                if self._descriptor < 0 or self._size > self._settings.folder_bytes // _FILES:
                    self._next_file()
                write_all(self._descriptor, data)
                os.fsync(self._descriptor)
                self._size += len(data)
                self._make_room()
            except OSError as error:
                self._leave_file()
                raise StoreError(
                    reason=f"quarantine {self.folder} cannot be written: {error}",
                    advice="Free disk space; senders of bad messages get no acknowledgement until then",
                ) from error

    def entries(self) -> Iterator[Quarantined]:
        """Everything kept, oldest first. A line torn by a crash is passed over with a log line."""
        for path in _files(self.folder):
            for number, line in enumerate(path.read_bytes().splitlines(), 1):
                try:
                    yield msgspec.json.decode(line, type=Quarantined)
                except msgspec.MsgspecError as error:
                    log.warning("quarantine %s line %d passed over: %s", path, number, error)

    def forget_before(self, at_ms: int) -> tuple[int, int, int]:
        """Remove entries received before a moment: how many went, the first and the last time of them.

        Raises ``StoreError``.
        """
        gone: list[int] = []
        with self._mutex:
            try:
                self._leave_file()  # it may be one of those that are written anew
                for path in _files(self.folder):
                    dated = _dated(path.read_bytes().splitlines(keepends=True))
                    kept = [line for received_ms, line in dated if received_ms >= at_ms]
                    if len(kept) < len(dated):
                        gone += [received_ms for received_ms, _ in dated if received_ms < at_ms]
                        self._replace(path, b"".join(kept))
            except OSError as error:
                raise StoreError(reason=f"quarantine {self.folder} cannot be thinned out: {error}") from error
        return len(gone), min(gone, default=0), max(gone, default=0)

    def close(self) -> None:
        with self._mutex:
            self._leave_file()

    def _replace(self, path: Path, data: bytes) -> None:
        if data:
            new = path.with_suffix(".new")
            with new.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            new.replace(path)
        else:
            path.unlink()
        fsync_folder(self.folder)

    def _line(self, item: BadBytes) -> bytes:
        kept = item.data[: self._settings.message_bytes]
        entry = Quarantined(item.recv_ms, item.source, item.reason, item.detail, len(item.data), kept)
        return msgspec.json.encode(entry) + b"\n"

    def _next_file(self) -> None:
        self._leave_file()
        self._number += 1
        path = self.folder / f"{self._number:012d}.jsonl"
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        self._size = 0
        fsync_folder(self.folder)

    def _leave_file(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _make_room(self) -> None:
        files = _files(self.folder)
        total = sum(path.stat().st_size for path in files)
        for path in files[:-1]:
            if total <= self._settings.folder_bytes:
                return
            total -= path.stat().st_size
            entries = path.read_bytes().count(b"\n")
            path.unlink()
            self.dropped += entries
            log.warning("quarantine %s is full: dropped the oldest %d entries", self.folder, entries)


def _dated(lines: Sequence[bytes]) -> list[tuple[int, bytes]]:
    """Lines with the time they came; a torn one counts as the one before it."""
    found: list[tuple[int, bytes]] = []
    received_ms = 0
    for line in lines:
        with contextlib.suppress(msgspec.MsgspecError):
            received_ms = msgspec.json.decode(line, type=Quarantined).recv_ms
        found.append((received_ms, line))
    return found


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))
