"""Which files count: ``manifest.json``, replaced whole by a rename. Whatever it does not name is not there.

The first line is ``VDMARCH1`` and the CRC-32 of the rest, which is JSON.
"""

from __future__ import annotations

import zlib
from pathlib import Path

import msgspec

from monitor.errors import StoreError
from monitor.model.journal import RecordType
from monitor.store.archive.disk import Disk

NAME = "manifest.json"
_FORMAT = "VDMARCH1"

MASK = (1 << 64) - 1


class Span(msgspec.Struct, frozen=True):
    """Row groups ``first`` on of a file belong to ``day``; ``buckets`` tells the bucket of each, -1 for all of them."""

    day: int
    first: int
    buckets: tuple[int, ...]


class Part(msgspec.Struct, frozen=True):
    """A Parquet file; ``buckets`` is the number that its rows were divided by."""

    name: str
    size: int
    sha256: str
    rows: int
    buckets: int
    spans: tuple[Span, ...]

    def span(self, day: int) -> Span | None:
        return next((span for span in self.spans if span.day == day), None)


class Day(msgspec.Struct, frozen=True):
    """The rows of a day: how many, the sum of their fingerprints, and the files in journal order."""

    rows: int
    fingerprint: str
    parts: tuple[str, ...]

    @property
    def version(self) -> str:
        return f"{self.rows}-{self.fingerprint}"

    def plus(self, added: Day) -> Day:
        """With the rows of later files."""
        total = int(self.fingerprint, 16) + int(added.fingerprint, 16)
        return day_of_rows(self.rows + added.rows, total, self.parts + added.parts)

    def after_merge(self, merged: Day, kept: int, kept_fingerprint: int, parts: tuple[str, ...]) -> Day:
        """After what was ``merged`` of it gave way to the rows that were kept."""
        left = int(self.fingerprint, 16) - int(merged.fingerprint, 16) + kept_fingerprint
        return day_of_rows(self.rows - merged.rows + kept, left, parts)


class Setting(msgspec.Struct, frozen=True):
    """Settings in force from a journal record on; ``content`` is the SHA-256 of the payload."""

    offset: int
    type: int
    clock_ms: int
    content: str

    @property
    def record_type(self) -> RecordType:
        return RecordType(self.type)


class Manifest(msgspec.Struct, frozen=True):
    """All of it. ``number`` was given to the newest file; ``events`` are valid bytes by Beijing day."""

    archived_offset: int = 0
    number: int = 0
    days: dict[int, Day] = {}
    parts: dict[str, Part] = {}
    settings: tuple[Setting, ...] = ()
    events: dict[int, int] = {}

    def without_orphans(self) -> Manifest:
        """Without files that no day names."""
        named = {name for day in self.days.values() for name in day.parts}
        parts = {name: part for name, part in self.parts.items() if name in named}
        return msgspec.structs.replace(self, parts=parts)


def day_of_rows(rows: int, fingerprint: int, parts: tuple[str, ...]) -> Day:
    """A day's entry."""
    return Day(rows, f"{fingerprint & MASK:016x}", parts)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a folder; an empty one where there is none. Raises ``StoreError``."""
    path = folder / NAME
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Manifest()
    except OSError as error:
        raise _unreadable(path, error.strerror or str(error)) from error
    head, _, body = data.partition(b"\n")
    if head != _head(body):
        raise _unreadable(path, "its checksum differs")
    try:
        return msgspec.json.decode(body, type=Manifest)
    except msgspec.MsgspecError as error:
        raise _unreadable(path, str(error)) from error


def write_manifest(disk: Disk, folder: Path, manifest: Manifest) -> None:
    """Put a manifest in force. Raises ``OSError``; then the old one still is."""
    body = msgspec.json.encode(manifest)
    new = folder / f"{NAME}.new"
    with disk.create(new) as file:
        file.write(_head(body) + b"\n" + body)
        disk.keep(file)
    disk.rename(new, folder / NAME)
    disk.keep_folder(folder)


def _head(body: bytes) -> bytes:
    return f"{_FORMAT} {zlib.crc32(body):08x}".encode()


def _unreadable(path: Path, reason: str) -> StoreError:
    return StoreError(
        reason=f"archive manifest {path} cannot be read: {reason}",
        advice="Restore the archive from a backup; without one, move the folder away and it is made anew from the "
        "journal as far as that is kept",
    )
