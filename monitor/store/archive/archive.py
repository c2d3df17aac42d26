"""One archive folder: taking in, reading, merging and forgetting."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor.errors import StoreError
from monitor.model.beijing import day_of
from monitor.model.journal import JournalRecord
from monitor.model.report import ReportBatch
from monitor.store.archive.columns import Reading, widest_form
from monitor.store.archive.content import fingerprint
from monitor.store.archive.disk import Disk, locked
from monitor.store.archive.intake import Intake, SortedIntake
from monitor.store.archive.manifest import NAME, Day, Manifest, Part, day_of_rows, read_manifest, write_manifest
from monitor.store.archive.order import rearranged
from monitor.store.archive.part import ALL_BUCKETS, SHARED_ROWS, PartReader, PartWriter, Wanted
from monitor.store.archive.settings import ArchiveSettings
from monitor.store.archive.settings_shelf import (
    EventRecord,
    SettingsRecord,
    SettingsShelf,
    in_force_between,
    still_needed,
)
from monitor.store.durable import make_folder

log = logging.getLogger(__name__)

Keep = Callable[[ReportBatch], NDArray[np.bool_]]
"""Marks the rows of a batch that stay."""

_TRIES = 8
"""How often a reader looks for files that others merge away while it opens them."""
_Stamp = tuple[int, int, int]


class Archive:
    """The archive of one folder, made where there is none. Methods may be called from any thread.

    One object takes and flushes; other objects, also of other processes, may do everything else at the same time.
    Raises ``StoreError`` where the disk refuses or a file is damaged.
    """

    def __init__(self, folder: Path, settings: ArchiveSettings | None = None, disk: Disk | None = None) -> None:
        self.folder = folder
        self.settings = settings or ArchiveSettings()
        self._disk = disk or Disk()
        self._parts = folder / "parts"
        self._shelf = SettingsShelf(folder, self._disk)
        self._taking = threading.RLock()
        self._seen: tuple[_Stamp | None, Manifest] = (None, Manifest())
        with self._sentences():
            make_folder(self._parts)
            self._shelf.make_folders()
        self._intake = Intake(self._current().archived_offset)

    @property
    def archived_offset(self) -> int:
        """Every journal record up to here is durable in the archive; 0 before the first."""
        return self._current().archived_offset

    @property
    def taken_offset(self) -> int:
        """The last record taken, durable or not."""
        return self._intake.offset

    @property
    def waiting_rows(self) -> int:
        """Reports taken and not yet durable."""
        return self._intake.rows

    @property
    def buckets(self) -> int:
        """Parts that a day is read in; ``bucket_of(key, buckets)`` tells which."""
        return self.settings.buckets

    def take(self, batch: ReportBatch, offset: int) -> None:
        """Buffer one REPORTS record, in journal order; one that was taken before is left out."""
        with self._taking:
            if offset > self._intake.offset:
                self._intake.take(batch, offset)

    def take_settings(self, record: JournalRecord) -> None:
        """Buffer any other record: settings once by content, events as they are, ticks only as progress."""
        with self._taking:
            if record.offset > self._intake.offset:
                self._intake.take_record(record)

    def flush(self) -> None:
        """Make everything taken durable; then ``archived_offset`` moves. What raises can be tried again."""
        with self._taking, self._sentences():
            intake = self._intake
            if self._current().archived_offset < intake.offset:
                self._flush(intake)
            else:
                self._disk.keep_folder(self.folder)  # an earlier try may have failed just there
            self._intake = Intake(intake.offset)

    def days(self) -> tuple[int, ...]:
        """Day numbers (``model.beijing.day_of``) with reports, rising."""
        return tuple(sorted(self._current().days))

    def version(self, day: int) -> str:
        """Changes if and only if the day's rows changed; merging does not change it. "" for a day without rows.

        It follows from the rows alone, so two archives of the same reports have the same.
        """
        entry = self._current().days.get(day)
        return "" if entry is None else entry.version

    def rows(self, day: int) -> int:
        """Number of reports of a day."""
        entry = self._current().days.get(day)
        return 0 if entry is None else entry.rows

    def files(self, day: int) -> int:
        """Number of files that the day is in; 1 once it is merged."""
        entry = self._current().days.get(day)
        return 0 if entry is None else len(entry.parts)

    def read(self, day: int, bucket: int | None = None, keys: Collection[str] | None = None) -> ReportBatch:
        """Rows by bucket, vehicle key, fix time, journal order; duplicates stay. Empty where there are none."""
        wanted = Wanted(self.buckets, bucket, keys)
        for _ in range(_TRIES):
            manifest = self._current()
            entry = manifest.days.get(day)
            try:
                return self._read(manifest, entry.parts if entry else (), day, wanted)
            except FileNotFoundError as error:
                if self._current() is manifest:
                    raise StoreError(
                        reason=f"archive file {error.filename or error} of day {day} is missing",
                        advice="Restore it from a backup",
                    ) from error
        raise StoreError(reason=f"archive day {day} changes faster than it can be read", advice="Try again")

    def compact(self, day: int, *, wait: bool = True) -> bool:
        """Merge the day's files into one; False if there was nothing to merge, or (without ``wait``) somebody else
        merges or copies just now."""
        with self._sentences():
            try:
                with locked(self.folder / "compact.lock", wait=wait):
                    return self._rewrite(day, None) is not None
            except BlockingIOError:
                return False

    def keep_only(self, day: int, keep: Keep) -> int:
        """Rewrite a day to the rows that ``keep`` marks, asked bucket by bucket; returns how many rows went."""
        with self._sentences(), locked(self.folder / "compact.lock"):
            removed = self._rewrite(day, keep) or 0
            self._part_from_neighbours(day)
            return removed

    def drop(self, day: int) -> int:
        """Remove a day; returns how many rows went."""
        return self.keep_only(day, lambda batch: np.zeros(len(batch), np.bool_))

    def settings_between(self, from_ms: int, to_ms: int) -> tuple[SettingsRecord, ...]:
        """Those in force at ``from_ms``, one per type, then each change up to ``to_ms``, by journal offset."""
        entries = in_force_between(self._current().settings, from_ms, to_ms)
        return tuple(
            SettingsRecord(entry.offset, entry.record_type, entry.clock_ms, self._shelf.payload(entry))
            for entry in entries
        )

    def events_between(self, from_ms: int, to_ms: int) -> tuple[EventRecord, ...]:
        """Waybills, links and pauses with ``from_ms`` <= clock <= ``to_ms``, by journal offset."""
        first, last = int(day_of(from_ms)), int(day_of(to_ms))
        sizes = {day: size for day, size in self._current().events.items() if first <= day <= last}
        found = [event for day, size in sorted(sizes.items()) for event in self._shelf.events(day, size)]
        return tuple(event for event in found if from_ms <= event.clock_ms <= to_ms)

    def forget_settings(self, before_ms: int, events_before_ms: int) -> tuple[int, int]:
        """Remove settings that were superseded before a moment, and days of events that ended before another.

        Returns how many of each went.
        """
        with self._sentences(), locked(self.folder / "compact.lock"):
            gone: list[tuple[int, int]] = []

            def change(manifest: Manifest) -> Manifest:
                kept = still_needed(manifest.settings, before_ms)
                first = int(day_of(events_before_ms))
                events = {day: size for day, size in manifest.events.items() if day >= first}
                gone.append((len(manifest.settings) - len(kept), len(manifest.events) - len(events)))
                return msgspec.structs.replace(manifest, settings=kept, events=events)

            self._swap(change)
            self._shelf.remove_unnamed(self._current())
            return gone[-1]

    def tidy(self) -> None:
        """Remove files that a crash left behind. For the one that takes and flushes, when it begins."""
        with self._taking, self._sentences(), locked(self.folder / "compact.lock"):
            manifest = self._current()
            for path in self._parts.iterdir():
                if path.name not in manifest.parts:
                    self._disk.remove(path)
            self._shelf.remove_unnamed(manifest)

    @contextmanager
    def held_still(self) -> Iterator[Manifest]:
        """The manifest as it is; until the end nothing that it names is removed. Flushing goes on."""
        with self._sentences(), locked(self.folder / "compact.lock"):
            yield self._current()

    def manifest_files(self, manifest: Manifest) -> list[tuple[Path, int | None, str]]:
        """Files that a manifest names: path, bytes of it that count (None: all), SHA-256 where it is known."""
        parts = [(self._parts / part.name, None, part.sha256) for part in manifest.parts.values()]
        return [*parts, *((path, size, "") for path, size in self._shelf.files(manifest))]

    def _flush(self, intake: Intake) -> None:
        manifest = self._current()
        part: Part | None = None
        made: tuple[tuple[int, Day], ...] = ()
        number = manifest.number + 1
        if intake.rows:
            ready = SortedIntake(intake.batch(), self.buckets)
            path = self._parts / f"taken-{number:010d}.parquet"
            part = self._written(path, ready.form, ready.write)
            made = tuple(
                (one.day, day_of_rows(one.end - one.begin, one.fingerprint, (path.name,))) for one in ready.days
            )
        settings = self._shelf.put(manifest, intake.settings)
        events = self._shelf.put_events(manifest, intake.events)

        def change(newest: Manifest) -> Manifest:
            if newest.archived_offset != manifest.archived_offset:
                raise StoreError(
                    reason=f"archive {self.folder}: another process writes to it, up to journal record "
                    f"{newest.archived_offset}",
                    advice="Stop one of the two",
                )
            days = dict(newest.days)
            for day, added in made:
                before = days.get(day)
                days[day] = added if before is None else before.plus(added)
            return Manifest(
                archived_offset=intake.offset,
                number=max(newest.number, number),
                days=days,
                parts=newest.parts if part is None else {**newest.parts, part.name: part},
                settings=settings,
                events=events,
            )

        self._swap(change)

    def _rewrite(self, day: int, keep: Keep | None) -> int | None:
        """Merge a day into one file, of the rows that stay; how many went, None if there was nothing to do."""
        manifest = self._current()
        entry = manifest.days.get(day)
        if entry is None or (keep is None and self._is_merged(manifest, entry, day)):
            return None
        path = self._parts / f"day-{day}-{manifest.number + 1:010d}.parquet"
        parts = [manifest.parts[name] for name in entry.parts]
        form = widest_form([self._form_of(part, day) for part in parts])
        read = kept = read_sum = kept_sum = 0

        def write(writer: PartWriter) -> None:
            nonlocal read, kept, read_sum, kept_sum
            for bucket in (None,) if entry.rows <= SHARED_ROWS else range(self.buckets):
                batch = self._read(manifest, entry.parts, day, Wanted(self.buckets, bucket))
                added = fingerprint(batch)
                read, read_sum = read + len(batch), read_sum + added
                if keep is not None and len(batch):
                    batch = ReportBatch(batch.keys, batch.rows[keep(batch)], batch.drivers, batch.sources)
                    added = fingerprint(batch)
                kept, kept_sum = kept + len(batch), kept_sum + added
                writer.add(day, ALL_BUCKETS if bucket is None else bucket, batch)
                del batch

        merged = self._written(path, form, write)
        if day_of_rows(read, read_sum, entry.parts) != entry:
            self._disk.remove(path)
            raise StoreError(
                reason=f"archive day {day}: its files hold {read} reports that are not the {entry.rows} written",
                advice="They were changed from outside; restore the day's files from a backup",
            )
        if keep is not None and kept == read and self._is_merged(manifest, entry, day):
            self._disk.remove(path)
            return 0

        def change(newest: Manifest) -> Manifest:
            now = newest.days[day]
            later = tuple(name for name in now.parts if name not in entry.parts)
            days = dict(newest.days)
            left = now.after_merge(entry, kept, kept_sum, ((merged.name,) if kept else ()) + later)
            if left.rows:
                days[day] = left
            else:
                del days[day]
            parts = {**newest.parts, merged.name: merged}
            changed = msgspec.structs.replace(newest, number=newest.number + 1, days=days, parts=parts)
            return changed.without_orphans()

        self._swap(change)
        self._remove(manifest, merged)
        return read - kept

    def _part_from_neighbours(self, day: int) -> None:
        """Rows that went are still in files that other days share: merge those days too, so that the files go."""
        manifest = self._current()
        entry = manifest.days.get(day)
        own = entry.parts if entry else ()
        shared = [part for part in manifest.parts.values() if part.span(day) and part.name not in own]
        for other in sorted({span.day for part in shared for span in part.spans}):
            if other != day:
                self._rewrite(other, None)

    def _is_merged(self, manifest: Manifest, entry: Day, day: int) -> bool:
        if len(entry.parts) != 1:
            return False
        part = manifest.parts[entry.parts[0]]
        return part.buckets == self.buckets and all(span.day == day for span in part.spans)

    def _written(self, path: Path, form: int, fill: Callable[[PartWriter], None]) -> Part:
        """A file made whole and safe, or removed."""
        settings = self.settings
        writer = PartWriter(self._disk, path, self.buckets, form, settings.level, settings.row_group_rows)
        try:
            fill(writer)
            part = writer.close()
            self._disk.keep_folder(self._parts)
        except (OSError, StoreError):
            writer.abandon()
            raise
        return part

    def _read(self, manifest: Manifest, names: Iterable[str], day: int, wanted: Wanted) -> ReportBatch:
        with ExitStack() as stack:
            readers: list[PartReader] = []
            for name in names:
                reader = PartReader(self._parts, manifest.parts[name], day)
                stack.callback(reader.close)
                readers.append(reader)
            alike = all(reader.part.buckets == self.buckets for reader in readers)
            capacity = None if wanted.few or not alike else sum(reader.capacity(wanted) for reader in readers)
            reading = Reading(capacity)
            for reader in readers:
                reader.add_to(reading, wanted)
        return rearranged(reading.batch(), self.buckets)

    def _form_of(self, part: Part, day: int) -> int:
        reader = PartReader(self._parts, part, day)
        try:
            return reader.form
        finally:
            reader.close()

    def _swap(self, change: Callable[[Manifest], Manifest]) -> None:
        with locked(self.folder / "manifest.lock"):
            write_manifest(self._disk, self.folder, change(self._current()))

    def _current(self) -> Manifest:
        """The manifest in force; read again only when it was replaced."""
        stamp = _stamp(self.folder / NAME)
        if stamp != self._seen[0]:
            self._seen = stamp, read_manifest(self.folder)
        return self._seen[1]

    def _remove(self, before: Manifest, merged: Part) -> None:
        """Remove files that went out of the manifest, and a merged one that nothing was left for."""
        named = self._current().parts
        for name in {*before.parts, merged.name}:
            if name not in named:
                self._disk.remove(self._parts / name)
        self._disk.keep_folder(self._parts)

    @contextmanager
    def _sentences(self) -> Iterator[None]:
        try:
            yield
        except (OSError, pa.ArrowException) as error:
            raise StoreError(
                reason=f"archive {self.folder} cannot be written: {error}",
                advice="Free disk space; until then the journal keeps what the archive has not",
            ) from error


def _stamp(path: Path) -> _Stamp | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
