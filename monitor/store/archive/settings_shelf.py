"""What was in force when: registers, rule settings and maps, each kept once however often it comes.

A payload is a file named by its SHA-256: length as u64 (little endian), then zstd. Events (waybills, links, pauses) are
JSON lines in one file per Beijing day of the engine clock; the manifest says how many bytes of it count.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

from monitor.errors import StoreError
from monitor.model.beijing import day_of
from monitor.model.journal import JournalRecord, RecordType
from monitor.store.archive.disk import Disk
from monitor.store.archive.manifest import Manifest, Setting
from monitor.store.durable import make_folder

SETTINGS_TYPES = frozenset(
    {
        RecordType.REGISTRY,
        RecordType.CONFIG,
        RecordType.FENCES,
        RecordType.ROADS,
        RecordType.PLACES,
        RecordType.PERMITS,
        RecordType.DRIVERS,
    }
)
"""Records that stay in force until the next of their type."""

EVENT_TYPES = frozenset({RecordType.WAYBILL, RecordType.LINK, RecordType.TICK})
"""Records that happen once; of ticks only those marked resumed."""

_CODEC: Final = "zstd"
_SIZE = struct.Struct("<Q")


@dataclass(frozen=True, slots=True)
class SettingsRecord:
    """In force from ``clock_ms`` (engine clock of journal record ``offset``) on; ``payload`` as in the journal."""

    offset: int
    type: RecordType
    clock_ms: int
    payload: bytes


class EventRecord(msgspec.Struct, frozen=True, omit_defaults=True):
    """A waybill, the coming or going of a link, or the end of a pause of ours that began at ``paused_ms``."""

    offset: int
    type: RecordType
    clock_ms: int
    payload: bytes = b""
    paused_ms: int = 0


class SettingsShelf:
    """The folders ``settings`` and ``events`` of an archive. Raises ``OSError`` from writing, ``StoreError`` from
    reading."""

    def __init__(self, folder: Path, disk: Disk) -> None:
        self._settings = folder / "settings"
        self._events = folder / "events"
        self._disk = disk

    def make_folders(self) -> None:
        for folder in (self._settings, self._events):
            make_folder(folder)

    def put(self, manifest: Manifest, records: Iterable[JournalRecord]) -> tuple[Setting, ...]:
        """Make new payloads safe; the entries that the manifest then has."""
        entries = list(manifest.settings)
        known = {entry.content for entry in entries}
        in_force = {entry.type: entry.content for entry in entries}
        written = False
        for record in records:
            content = hashlib.sha256(record.payload).hexdigest()
            if in_force.get(int(record.type)) == content:
                continue
            if content not in known:
                self._write(content, record.payload)
                known.add(content)
                written = True
            in_force[int(record.type)] = content
            entries.append(Setting(record.offset, int(record.type), record.clock_ms, content))
        if written:
            self._disk.keep_folder(self._settings)
        return tuple(entries)

    def put_events(self, manifest: Manifest, records: Iterable[JournalRecord]) -> dict[int, int]:
        """Make events safe; the valid bytes by day that the manifest then has."""
        lines: dict[int, bytes] = {}
        for record in records:
            event = EventRecord(record.offset, record.type, record.clock_ms, record.payload, record.paused_ms)
            day = int(day_of(record.clock_ms))
            lines[day] = lines.get(day, b"") + msgspec.json.encode(event) + b"\n"
        sizes = dict(manifest.events)
        for day, data in lines.items():
            valid = sizes.get(day, 0)
            self._disk.write_at(self._event_path(day), valid, data)
            sizes[day] = valid + len(data)
        if lines:
            self._disk.keep_folder(self._events)
        return sizes

    def payload(self, entry: Setting) -> bytes:
        """What was in force."""
        path = self._setting_path(entry.content)
        try:
            data = path.read_bytes()
            (size,) = _SIZE.unpack_from(data)
            payload: bytes = pa.decompress(data[_SIZE.size :], size, _CODEC, asbytes=True)
        except (OSError, struct.error, pa.ArrowException) as error:
            raise _unreadable(path, str(error)) from error
        if hashlib.sha256(payload).hexdigest() != entry.content:
            raise _unreadable(path, "its checksum differs")
        return payload

    def events(self, day: int, size: int) -> Iterator[EventRecord]:
        """Events of a day in journal order."""
        path = self._event_path(day)
        try:
            data = path.read_bytes()[:size]
            for line in data.splitlines():
                yield msgspec.json.decode(line, type=EventRecord)
        except (OSError, msgspec.MsgspecError) as error:
            raise _unreadable(path, str(error)) from error

    def files(self, manifest: Manifest) -> list[tuple[Path, int | None]]:
        """Files that count, with the bytes of them that count (None: all)."""
        contents = dict.fromkeys(entry.content for entry in manifest.settings)
        events = [(self._event_path(day), size) for day, size in sorted(manifest.events.items())]
        return [*((self._setting_path(content), None) for content in contents), *events]

    def remove_unnamed(self, manifest: Manifest) -> None:
        """Remove files that the manifest does not name."""
        named = {path for path, _ in self.files(manifest)}
        for folder in (self._settings, self._events):
            for path in folder.iterdir():
                if path not in named:
                    self._disk.remove(path)

    def _write(self, content: str, payload: bytes) -> None:
        path = self._setting_path(content)
        new = path.with_suffix(".new")
        with self._disk.create(new) as file:
            file.write(_SIZE.pack(len(payload)) + pa.compress(payload, codec=_CODEC, asbytes=True))
            self._disk.keep(file)
        self._disk.rename(new, path)

    def _setting_path(self, content: str) -> Path:
        return self._settings / f"{content}.zst"

    def _event_path(self, day: int) -> Path:
        return self._events / f"{day}.jsonl"


def in_force_between(entries: tuple[Setting, ...], from_ms: int, to_ms: int) -> list[Setting]:
    """Entries in force at ``from_ms``, one per type, then those that changed it up to ``to_ms``, each by offset."""
    before = {entry.type: entry for entry in entries if entry.clock_ms <= from_ms}
    after = [entry for entry in entries if from_ms < entry.clock_ms <= to_ms]
    return [*sorted(before.values(), key=lambda entry: entry.offset), *after]


def still_needed(entries: tuple[Setting, ...], from_ms: int) -> tuple[Setting, ...]:
    """Entries without those that were superseded before ``from_ms``."""
    return tuple(in_force_between(entries, from_ms, 2**63))


def _unreadable(path: Path, reason: str) -> StoreError:
    return StoreError(reason=f"archive file {path} cannot be read: {reason}", advice="Restore it from a backup")
