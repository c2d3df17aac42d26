"""The archive: every report that was received, by Beijing day, sorted by vehicle and fix time, in Parquet.

It is made from the journal and follows it: what lies at or below ``archived_offset`` is durable here. While a day runs,
and for late data, each flush is one small file; ``compact`` merges a day's files into one. Which files count is said by
one manifest that is swapped by a rename, so a crash at any point loses nothing and doubles nothing. Settings, registers
and maps are kept beside the reports, with the time since when they were in force.

One process takes and flushes; others may read, compact and drop at the same time.
"""

from monitor.store.archive.archive import Archive
from monitor.store.archive.part import bucket_of
from monitor.store.archive.settings import ArchiveSettings
from monitor.store.archive.settings_shelf import EVENT_TYPES, SETTINGS_TYPES, EventRecord, SettingsRecord

__all__ = [
    "EVENT_TYPES",
    "SETTINGS_TYPES",
    "Archive",
    "ArchiveSettings",
    "EventRecord",
    "SettingsRecord",
    "bucket_of",
]
