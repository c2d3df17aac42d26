"""One Parquet file of the archive: written once, never changed, checked when it is read.

Rows stand by day, bucket, vehicle key and fix time; a row group never mixes days. While all of a day's rows in the file
are few they share one row group, else each bucket has its own, so that reading a bucket touches no other.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import zlib
from bisect import bisect_left
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from monitor.errors import StoreError
from monitor.model.report import ReportBatch
from monitor.store.archive.columns import (
    DEGREES_KEY,
    SCHEMA_VERSION,
    TEXTS,
    VERSION_KEY,
    Reading,
    arrow_table,
    marked,
    schema,
    text_chunk,
)
from monitor.store.archive.disk import Disk
from monitor.store.archive.manifest import Part, Span

if TYPE_CHECKING:
    from monitor.store.archive.columns import TextArray

ALL_BUCKETS: Final = -1
SHARED_ROWS: Final = 65_536
"""Up to so many rows of a day share a row group: 16 groups of less cost more in heads than they save (a guess)."""

_DELTAS: Final = ("fix_ms", "recv_ms", "lon_deg", "lat_deg", "mileage_m")
_DICTIONARIES: Final = [
    *TEXTS,
    *("status", "alarm_flags", "flags", "flaws"),
    *("speed_dkmh", "recorder_speed_dkmh", "heading_deg", "altitude_m"),
]


def bucket_of(key: str, buckets: int) -> int:
    """The bucket of a vehicle key; the same in every process and version."""
    return zlib.crc32(key.encode("utf-8", "replace")) % buckets


class PartWriter:
    """Writes one file; ``close`` makes it safe. ``form`` must hold every coordinate that comes."""

    def __init__(self, disk: Disk, path: Path, buckets: int, form: int, level: int, group_rows: int) -> None:
        self.path = path
        self._disk = disk
        self._buckets = buckets
        self._group_rows = group_rows
        self._groups: list[tuple[int, int]] = []
        self._rows = 0
        self._schema = schema(form)
        self._file = _Hashed(disk.create(path))
        encodings = dict.fromkeys(_DELTAS, "DELTA_BINARY_PACKED")
        if form == 0:
            encodings.update(lon_deg="BYTE_STREAM_SPLIT", lat_deg="BYTE_STREAM_SPLIT")
        self._writer = pq.ParquetWriter(
            pa.PythonFile(self._file, mode="w"),
            self._schema,
            compression="zstd",
            compression_level=level,
            use_dictionary=_DICTIONARIES,  # type: ignore[arg-type]  # a list is allowed, the stubs lack it
            column_encoding=encodings,
            write_statistics=["key", "fix_ms"],
            store_schema=True,
            data_page_size=1 << 20,
        )

    def add(self, day: int, bucket: int, batch: ReportBatch) -> None:
        """Rows of one day and bucket (``ALL_BUCKETS``: of the day), sorted; days and buckets rise."""
        for begin in range(0, len(batch), self._group_rows):
            rows = batch.rows[begin : begin + self._group_rows]
            table = arrow_table(ReportBatch(batch.keys, rows, batch.drivers, batch.sources), self._schema)
            self._writer.write_table(table, row_group_size=self._group_rows)
            self._groups.append((day, bucket))
            self._rows += len(rows)

    def close(self) -> Part:
        """End the file; its entry for the manifest. Raises ``OSError``."""
        self._writer.close()
        self._disk.keep(self._file.inner)
        self._file.inner.close()
        digest = self._file.digest.hexdigest()
        return Part(self.path.name, self._file.size, digest, self._rows, self._buckets, _spans(self._groups))

    def abandon(self) -> None:
        """Remove what was written."""
        with contextlib.suppress(OSError, ValueError, pa.ArrowException):
            self._writer.close()
        self._file.inner.close()
        self._disk.remove(self.path)


class PartReader:
    """Reads row groups of a file that the manifest names. Raises ``FileNotFoundError``, ``StoreError``."""

    def __init__(self, folder: Path, part: Part, day: int) -> None:
        self.part = part
        self._path = folder / part.name
        span = part.span(day)
        self._groups = () if span is None else tuple(enumerate(span.buckets, span.first))
        # Memory-mapped, pages come and go as they are read, and a bucket's row groups touch no others.
        self._file = self._opened()
        found = self._file.schema_arrow.metadata or {}
        version = int(found.get(VERSION_KEY, b"0"))
        if version > SCHEMA_VERSION:
            self.close()
            raise StoreError(
                reason=f"archive file {self._path} has schema version {version}, this version reads {SCHEMA_VERSION}",
                advice="Install the version that wrote it, or a newer one",
            )
        self.form = int(found.get(DEGREES_KEY, b"0"))

    def capacity(self, wanted: Wanted) -> int:
        """At most so many rows are wanted."""
        heads = self._file.metadata
        return sum(
            heads.row_group(group).num_rows for group, bucket in self._groups if wanted.some_of(bucket, self.part)
        )

    def add_to(self, reading: Reading, wanted: Wanted) -> None:
        """Read what is wanted; row groups that hold none of it are not touched."""
        for group, bucket in self._groups:
            if not wanted.some_of(bucket, self.part) or wanted.none_between(*self._key_range(group)):
                continue
            try:
                table = self._file.read_row_group(group, use_threads=False)
            except (pa.ArrowException, OSError) as error:
                raise _damaged(self._path, str(error)) from error
            every = wanted.all_of(bucket, self.part)
            reading.add(table, self.form, None if every else wanted.rows(text_chunk(table, "key")))

    def close(self) -> None:
        self._file.close(force=True)

    def _opened(self) -> pq.ParquetFile:
        try:
            return pq.ParquetFile(self._path, memory_map=True, read_dictionary=list(TEXTS))
        except FileNotFoundError:
            raise
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self._path, str(error)) from error

    def _key_range(self, group: int) -> tuple[str, str]:
        statistics = self._file.metadata.row_group(group).column(self._key_column()).statistics
        if statistics is None or not statistics.has_min_max:
            return "", "\U0010ffff"
        return str(statistics.min), str(statistics.max)

    def _key_column(self) -> int:
        return int(self._file.schema_arrow.get_field_index("key"))


class Wanted:
    """Chooses rows by vehicle key: those of one of ``buckets`` buckets, those of a set of keys, both, or all."""

    def __init__(self, buckets: int, bucket: int | None = None, keys: Collection[str] | None = None) -> None:
        self._keys = None if keys is None else frozenset(keys)
        self._bucket = bucket
        self._buckets = buckets
        self._sorted = None if keys is None else sorted(key.encode("utf-8", "replace") for key in keys)
        self._hashed: dict[int, frozenset[int]] = {}

    @property
    def few(self) -> bool:
        """Most rows of the row groups that are read may be unwanted."""
        return self._keys is not None

    def some_of(self, bucket: int, part: Part) -> bool:
        """Whether a row group of this bucket of a file may hold wanted rows."""
        if bucket == ALL_BUCKETS:
            return True
        if self._bucket is not None and part.buckets == self._buckets and bucket != self._bucket:
            return False
        return self._keys is None or bucket in self._buckets_of_keys(part.buckets)

    def all_of(self, bucket: int, part: Part) -> bool:
        """Whether a row group that holds some wanted rows holds no others."""
        if self._keys is not None:
            return False
        return self._bucket is None or (bucket == self._bucket and part.buckets == self._buckets)

    def _buckets_of_keys(self, buckets: int) -> frozenset[int]:
        if buckets not in self._hashed:
            self._hashed[buckets] = frozenset(bucket_of(key, buckets) for key in self._keys or ())
        return self._hashed[buckets]

    def none_between(self, low: str, high: str) -> bool:
        """Whether no wanted key can lie between two keys, both included (Parquet compares bytes)."""
        if self._sorted is None:
            return False
        following = bisect_left(self._sorted, low.encode())
        return following == len(self._sorted) or self._sorted[following] > high.encode()

    def rows(self, column: TextArray) -> NDArray[np.bool_]:
        texts = [str(text) for text in column.dictionary.to_pylist()]
        return marked(column, frozenset(filter(self._is_wanted, texts)))

    def _is_wanted(self, key: str) -> bool:
        return (self._keys is None or key in self._keys) and (
            self._bucket is None or bucket_of(key, self._buckets) == self._bucket
        )


class _Hashed(io.RawIOBase):
    """A file that keeps the size and SHA-256 of what is written to it."""

    def __init__(self, inner: BinaryIO) -> None:
        super().__init__()
        self.inner = inner
        self.digest = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # Arrow hands over bytes
        self.digest.update(data)
        self.inner.write(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size


def _spans(groups: Iterable[tuple[int, int]]) -> tuple[Span, ...]:
    found: dict[int, tuple[int, list[int]]] = {}
    for number, (day, bucket) in enumerate(groups):
        found.setdefault(day, (number, []))[1].append(bucket)
    return tuple(Span(day, first, tuple(buckets)) for day, (first, buckets) in found.items())


def _damaged(path: Path, reason: str) -> StoreError:
    return StoreError(reason=f"archive file {path} cannot be read: {reason}", advice="Restore this file from a backup")
