"""Bytes of a report file, decompressed on the way: plain, gzip or xz, told apart by content.

A file cut off or damaged in the middle of its compression gives everything before that place; the trouble is kept
for the caller to report.
"""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Protocol

from monitor.sources.bad_rows import FileProblem, FileProblemKind

_READ_BYTES = 1 << 20

_FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"BZh", "compressed with bzip2"),
    (b"\x28\xb5\x2f\xfd", "compressed with Zstandard"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"%PDF", "a PDF document"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)


class Packing(StrEnum):
    """How the bytes of a file are packed."""

    PLAIN = "plain"
    GZIP = "gzip"
    XZ = "xz"
    PARQUET = "parquet"


def packing_of(head: bytes) -> Packing:
    """Judged by the first bytes, whatever the file is called."""
    if head.startswith(b"\x1f\x8b"):
        return Packing.GZIP
    if head.startswith(b"\xfd7zXZ\x00"):
        return Packing.XZ
    return Packing.PARQUET if head.startswith(b"PAR1") else Packing.PLAIN


def foreign_form(head: bytes) -> str:
    """What a file is that is neither text nor packed text, in words; empty where nothing is recognised."""
    return next((words for magic, words in _FOREIGN if head.startswith(magic)), "")


class _Reader(Protocol):
    def read1(self, size: int = -1, /) -> bytes: ...


class Unpacking:
    """One pass over the decompressed bytes of a file.

    ``packed_bytes`` says how far into the file the pass has come, ``total_bytes`` how large the file is; ``problem``
    is set when the file was cut off or damaged.
    """

    def __init__(self, path: Path, packing: Packing) -> None:
        self._path = path
        self._packing = packing
        self._file: BinaryIO = path.open("rb")
        self.total_bytes = path.stat().st_size
        self.packed_bytes = 0
        self.problem: FileProblem | None = None

    def __enter__(self) -> Unpacking:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def chunks(self) -> Iterator[bytes]:
        """Non-empty pieces of at most 1 MiB."""
        reader = self._reader()
        done = 0
        while True:
            try:
                chunk = reader.read1(_READ_BYTES)
            except EOFError:
                self.problem = self._trouble(FileProblemKind.TRUNCATED_COMPRESSION, "is cut off", done)
                return
            except (lzma.LZMAError, zlib.error, gzip.BadGzipFile) as error:
                self.problem = self._trouble(FileProblemKind.DAMAGED_COMPRESSION, f"is damaged ({error})", done)
                return
            if not chunk:
                return
            self.packed_bytes = self._file.tell()
            done += len(chunk)
            yield chunk

    def _reader(self) -> _Reader:
        if self._packing is Packing.GZIP:
            return gzip.GzipFile(fileobj=self._file)
        if self._packing is Packing.XZ:
            return lzma.LZMAFile(self._file)
        return self._file  # type: ignore[return-value]  # open("rb") gives a BufferedReader

    def _trouble(self, kind: FileProblemKind, what: str, done: int) -> FileProblem:
        detail = f"the {self._packing} compression {what} after {done:,} decompressed bytes; the rows before are used"
        return FileProblem(kind, str(self._path), detail)
