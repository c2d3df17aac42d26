"""A backup put back into an empty state folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

from monitor.app.backup_files import MANIFEST, BackupManifest, backups, read_manifest, sync_folders
from monitor.errors import StoreError
from monitor.store.durable import make_folder

_CHUNK = 1 << 20


def restore(source: Path, state: Path) -> tuple[Path, BackupManifest]:
    """Put a backup (or the newest below a folder) back into an empty state folder.

    Everything is checked before anything is written. Raises ``StoreError``. A PostgreSQL dump stays in the state folder
    for ``pg_restore``.
    """
    folder = source
    if not (source / MANIFEST).is_file():
        found = backups(source)
        if not found:
            raise StoreError(
                reason=f"{source} holds no backup", advice="Name the folder that `monitor backup` wrote to"
            )
        folder = found[-1]
    if state.exists() and any(state.iterdir()):
        raise StoreError(
            reason=f"{state} is not empty, and a restore never writes over what is there",
            advice="Name a new folder with --state, or move the old one away",
        )
    manifest = read_manifest(folder)
    _verify(folder, manifest)
    try:
        make_folder(state)
        state.chmod(0o700)
        for file in manifest.files:
            _restore_file(folder / file.path, state / file.path)
        sync_folders(state)
    except OSError as error:
        raise StoreError(reason=f"{state} cannot be written: {error}", advice="Make room, then begin anew") from error
    return folder, manifest


def _verify(folder: Path, manifest: BackupManifest) -> None:
    bad: list[str] = []
    for file in manifest.files:
        relative = Path(file.path)
        if relative.is_absolute() or ".." in relative.parts:
            raise StoreError(
                reason=f"{folder / MANIFEST} names {file.path}, outside of the backup", advice="Do not use it"
            )
        try:
            with (folder / file.path).open("rb") as opened:
                if hashlib.file_digest(opened, "sha256").hexdigest() != file.sha256:
                    bad.append(f"{file.path} differs from its checksum")
        except OSError as error:
            bad.append(f"{file.path}: {error.strerror}")
    if bad:
        shown = "; ".join(bad[:10])
        raise StoreError(reason=f"backup {folder} is damaged: {shown}", advice="Use an earlier backup")


def _restore_file(source: Path, path: Path) -> None:
    """A copy, never a link: the daemon goes on writing to some of these files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with source.open("rb") as old, path.open("wb") as new:
        shutil.copyfileobj(old, new, _CHUNK)
        new.flush()
        os.fsync(new.fileno())
    path.chmod(source.stat().st_mode & 0o777)
