"""A copy of everything that a daemon must not forget, taken while it runs.

Each backup is a folder of its own, ``backup-<Beijing time>``, with ``MANIFEST.json`` (every file with its SHA-256)
written last. A file that an earlier backup beside it has already is linked, not copied. The order makes it consistent:
first the relational store, then a snapshot that is not ahead of it, then the archive, then the journal from the first
record that any of them lacks. So the journal is never behind, and a start runs its tail again.

Secrets of the configuration are left out. The terminals' key is in it, readable by its owner alone: without it every
terminal would have to register anew.
"""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import make_url

from monitor import __version__
from monitor.app.backup_database import copy_database
from monitor.app.backup_files import (
    MANIFEST,
    BackupCopy,
    BackupManifest,
    backups,
    known_files,
    read_manifest,
    sync_folders,
)
from monitor.app.journal_pruning import snapshot_offsets
from monitor.app.state_folder import StateFolder
from monitor.errors import StoreError
from monitor.model.beijing import BEIJING, DAY_MS
from monitor.store.archive import Archive
from monitor.store.archive.disk import Disk
from monitor.store.archive.manifest import write_manifest
from monitor.store.durable import fsync_folder, make_folder
from monitor.store.journal_segment import parse_name, segment_files

log = logging.getLogger(__name__)

_UNFINISHED: Final = ".unfinished"
_TRIES: Final = 5


@dataclass(frozen=True, slots=True)
class BackupResult:
    """A finished backup; ``copied`` bytes were copied, the rest is linked to earlier ones."""

    folder: Path
    manifest: BackupManifest
    copied: int
    pruned: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BackedUpDaemon:
    """What is backed up: its state folder, its store, its configuration file and the map files that this names."""

    state: Path
    database_url: str
    config: Path
    maps: tuple[Path, ...] = ()


def back_up(daemon: BackedUpDaemon, target: Path, now_ms: int, keep_days: int | None = None) -> BackupResult:
    """Back a daemon up below ``target``; backups there older than ``keep_days`` are removed.

    The daemon may run. Raises ``StoreError``; then no backup with a manifest was made.
    """
    state = daemon.state
    folder = StateFolder(state)
    if not folder.journal.is_dir():
        raise StoreError(reason=f"{state} is no state folder: it has no journal", advice="Name another with --state")
    try:
        make_folder(target)
        name = f"backup-{datetime.fromtimestamp(now_ms / 1000, BEIJING):%Y%m%d-%H%M%S}"
        taken = sum(1 for path in target.iterdir() if path.name.startswith(name))
        final = target / (f"{name}-{taken}" if taken else name)
        for left in target.glob(f"backup-*{_UNFINISHED}"):
            shutil.rmtree(left)
        work = final.with_name(final.name + _UNFINISHED)
        work.mkdir(mode=0o700)
        copy = BackupCopy(work, known_files(target))
        manifest = _fill(copy, folder, daemon, now_ms)
        data = msgspec.json.format(msgspec.json.encode(manifest))
        copy.text(MANIFEST, data)
        sync_folders(work)
        work.rename(final)
        fsync_folder(target)
        pruned = _prune(target, final, now_ms, keep_days)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            reason=f"the backup in {target} was not made: {error}", advice="Make room, then try again"
        ) from error
    return BackupResult(final, manifest, copy.copied, pruned)


def _fill(copy: BackupCopy, folder: StateFolder, daemon: BackedUpDaemon, now_ms: int) -> BackupManifest:
    position = copy_database(copy, daemon.database_url)
    for _ in range(_TRIES):
        try:
            snapshot = _snapshot(copy, folder.snapshots, position.committed)
            archived = _archive(copy, folder.archive)
            _journal(copy, folder.journal, min(snapshot, archived) + 1, position.forwarded + 1)
            break
        except FileNotFoundError as error:
            log.info("backup: %s went meanwhile; once more", error.filename)
    else:
        raise StoreError(reason=f"{folder.root} changes faster than it can be copied", advice="Try again")
    for path in (*sorted(folder.maps.glob("*.geojson")), folder.terminal_key):
        if path.exists():
            copy.file(path, path.relative_to(folder.root).as_posix())
    if daemon.config.exists():
        copy.text("configuration/monitor.toml", without_secrets(daemon.config.read_text("utf-8-sig")).encode())
    for path in daemon.maps:
        copy.file(path, f"configuration/{path.name}")
    name = make_url(daemon.database_url).get_backend_name()
    return BackupManifest(now_ms, __version__, name, position.committed, snapshot, archived, tuple(copy.files.values()))


def _snapshot(copy: BackupCopy, folder: Path, position: int) -> int:
    """The newest snapshot that is not ahead of the store; 0 without one, and the journal is then needed whole."""
    offsets = [offset for offset in snapshot_offsets(folder) if offset <= position] if folder.is_dir() else []
    copy.drop("snapshots/")
    if not offsets:
        return 0
    path = folder / f"snapshot-{offsets[-1]:020d}.vdms"
    copy.file(path, f"snapshots/{path.name}")
    return offsets[-1]


def _archive(copy: BackupCopy, folder: Path) -> int:
    copy.drop("archive/")
    if not folder.is_dir():
        return 0
    archive = Archive(folder)
    with archive.held_still() as manifest:
        for path, size, sha256 in archive.manifest_files(manifest):
            copy.file(path, f"archive/{path.relative_to(folder).as_posix()}", size, sha256)
    place = copy.root / "archive"
    make_folder(place)
    write_manifest(Disk(), place, manifest)
    copy.made("archive/manifest.json")
    return manifest.archived_offset


def _journal(copy: BackupCopy, folder: Path, needed: int, wanted: int) -> None:
    """Segments with records from offset ``needed`` on, and from ``wanted`` on as far as they are kept. The last may
    grow meanwhile: what of it is copied ends in a torn tail at worst, which a start cuts off."""
    copy.drop("journal/")
    paths = segment_files(folder)
    firsts = [parse_name(path)[0] for path in paths]
    if firsts and firsts[0] > needed:
        raise StoreError(
            reason=f"the journal begins at record {firsts[0]}, and without record {needed} a copy could not be started",
            advice="Wait for the next snapshot (core.snapshot_s), then try again",
        )
    first = needed if wanted == 0 else min(needed, wanted)
    for number, path in enumerate(paths):
        if number + 1 == len(paths) or firsts[number + 1] > first:
            copy.file(path, f"journal/{path.name}", path.stat().st_size)
    for path in sorted(folder.glob("*.json*")):
        copy.file(path, f"journal/{path.name}")


def _prune(target: Path, newest: Path, now_ms: int, keep_days: int | None) -> tuple[str, ...]:
    if keep_days is None:
        return ()
    old = [
        path for path in backups(target) if path != newest and read_manifest(path).made_ms < now_ms - keep_days * DAY_MS
    ]
    for path in old:
        shutil.rmtree(path)
        log.info("backup: removed %s, older than %d days", path, keep_days)
    return tuple(path.name for path in old)


def without_secrets(config: str) -> str:
    """A configuration without the values of passwords, secrets, tokens and keys; where they are kept stays."""
    pattern = re.compile(
        r"""(?isx) (?P<name>[\w.-]*(?:password|secret|token|authorization|(?<![a-z])key)) (?P<is>"?\s*=\s*)
        (?: \"\"\".*?\"\"\" | \'\'\'.*?\'\'\' | "(?:[^"\\\n]|\\.)*" | '[^'\n]*' )""",
    )
    hidden = pattern.sub(lambda found: f'{found["name"]}{found["is"]}""', config)
    hidden = re.sub(r"(?i)\b(m1|ia1|ic1)(\s*=\s*)\w+", r"\1\g<2>0", hidden)  # of encrypted links
    # A password may also stand in the URL of the database.
    return re.sub(r"(://[^:/@\s\"']+):[^@/\s\"']+@", r"\1@", hidden)
