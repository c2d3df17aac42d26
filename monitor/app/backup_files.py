"""The files of a backup: copied or linked, summed, and listed in a manifest."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from monitor.errors import StoreError
from monitor.store.durable import fsync_folder

MANIFEST: Final = "MANIFEST.json"
_NAME = re.compile(r"backup-(\d{8})-(\d{6})(?:-\d+)?")
_CHUNK = 1 << 20


class BackedUp(msgspec.Struct, frozen=True):
    """One file of a backup; ``path`` is relative, with slashes."""

    path: str
    size: int
    sha256: str


class BackupManifest(msgspec.Struct, frozen=True):
    """What a backup holds: journal offsets that the store, the snapshot and the archive have come to at least."""

    made_ms: int
    version: str
    database: str
    position: int
    snapshot: int
    archived_offset: int
    files: tuple[BackedUp, ...]


def backups(target: Path) -> list[Path]:
    """Finished backups of a folder, oldest first."""
    if not target.is_dir():
        return []
    return sorted(path for path in target.iterdir() if _NAME.fullmatch(path.name) and (path / MANIFEST).is_file())


def read_manifest(folder: Path) -> BackupManifest:
    """Raises ``StoreError``."""
    path = folder / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=BackupManifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise StoreError(reason=f"{path} cannot be read: {error}", advice="Use another backup") from error


def known_files(target: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in backups(target):
        for file in read_manifest(folder).files:
            path = folder / file.path
            if path.is_file() and path.stat().st_size == file.size:
                found[file.sha256] = path
    return found


class BackupCopy:
    """A backup being made. ``known`` are files of earlier ones by hash."""

    def __init__(self, root: Path, known: dict[str, Path]) -> None:
        self.root = root
        self.files: dict[str, BackedUp] = {}
        self.copied = 0
        self._known = known

    def new(self, name: str) -> Path:
        """Where a file of this name goes."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def file(self, source: Path, name: str, size: int | None = None, sha256: str = "") -> None:
        """Copy (or link) the first ``size`` bytes of a file; ``sha256`` where it is known."""
        path = self.new(name)
        if sha256 and self._linked(sha256, path):
            self.files[name] = BackedUp(name, path.stat().st_size, sha256)
            return
        digest, n = hashlib.sha256(), 0
        with source.open("rb") as old, path.open("wb") as new:
            for piece in _pieces(old.fileno(), size):
                digest.update(piece)
                new.write(piece)
                n += len(piece)
            new.flush()
            os.fsync(new.fileno())
        os.chmod(path, source.stat().st_mode & 0o777)
        found = digest.hexdigest()
        if sha256 and found != sha256:
            raise StoreError(reason=f"{source} is damaged: its checksum differs", advice="Restore it from a backup")
        if size is not None and n < size:
            raise StoreError(reason=f"{source} is shorter than it was", advice="Try again")
        self.copied += n
        self.files[name] = BackedUp(name, n, found)
        if not sha256:
            self._linked(found, path)

    def text(self, name: str, data: bytes) -> None:
        """A small file of our own."""
        path = self.new(name)
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if name != MANIFEST:
            self.made(name)

    def made(self, name: str) -> None:
        """Enter a file that somebody else wrote."""
        path = self.root / name
        with path.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        self.files[name] = BackedUp(name, path.stat().st_size, digest)
        self.copied += path.stat().st_size

    def drop(self, prefix: str) -> None:
        """Begin a part again."""
        self.files = {name: found for name, found in self.files.items() if not name.startswith(prefix)}
        shutil.rmtree(self.root / prefix, ignore_errors=True)

    def _linked(self, sha256: str, path: Path) -> bool:
        earlier = self._known.get(sha256)
        if earlier is None:
            return False
        try:
            new = path.with_name(path.name + ".link")
            os.link(earlier, new)
            new.replace(path)
        except OSError:
            return False  # another file system, or no links there: a copy does as well
        return True


def sync_folders(root: Path) -> None:
    for folder, _, _ in os.walk(root):
        fsync_folder(Path(folder))
    fsync_folder(root.parent)


def _pieces(descriptor: int, size: int | None) -> Iterator[bytes]:
    left = size
    while left is None or left > 0:
        piece = os.read(descriptor, _CHUNK if left is None else min(_CHUNK, left))
        if not piece:
            return
        left = None if left is None else left - len(piece)
        yield piece
