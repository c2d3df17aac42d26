"""Snapshots: the engine's state at one journal offset, so that a restart is "snapshot and tail".

One file ``snapshot-<offset>.vdms``, written whole under another name and renamed when it is safe on disk::

    magic "VDMSNAP1" | head length u32 | head (msgpack) | arrays in NumPy's own format, in the head's order
    | crc32 u32 over everything before it

The two newest are kept, so that one that does not read costs a longer tail and nothing else.
"""

from __future__ import annotations

import logging
import os
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor import __version__
from monitor.errors import StoreError
from monitor.store.durable import fsync_folder

log = logging.getLogger(__name__)

KEPT = 2
FORMAT_VERSION = 1

AnyArray = NDArray[np.generic]

_MAGIC = b"VDMSNAP1"
_LENGTH = struct.Struct("<I")
_NAME = re.compile(r"snapshot-(\d{20})\.vdms")
_UNFINISHED = ".unfinished"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State as of the record ``offset``. ``arrays`` are writable copies; ``meta`` is the caller's own msgpack."""

    offset: int
    app_version: str
    arrays: Mapping[str, AnyArray]
    meta: bytes
    path: Path


class _Head(msgspec.Struct):
    format: int
    offset: int
    app_version: str
    names: list[str]
    meta: bytes


def write_snapshot(folder: Path, offset: int, arrays: Mapping[str, AnyArray], meta: bytes) -> Path:
    """Write a snapshot, then remove all but the newest two. Arrays of Python objects are refused (``ValueError``).

    Raises ``StoreError`` where the disk refuses; older snapshots are then untouched.
    """
    head = msgspec.msgpack.encode(_Head(FORMAT_VERSION, offset, __version__, list(arrays), meta))
    path = folder / f"snapshot-{offset:020d}.vdms"
    unfinished = path.with_name(path.name + _UNFINISHED)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            summed = _Summed(file)
            summed.write(_MAGIC + _LENGTH.pack(len(head)) + head)
            for array in arrays.values():
                np.lib.format.write_array(summed, np.asarray(array), allow_pickle=False)
            file.write(_LENGTH.pack(summed.crc))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        fsync_folder(folder)
        _remove_old(folder)
    except ValueError:
        unfinished.unlink(missing_ok=True)
        raise
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise StoreError(
            reason=f"snapshot {path} cannot be written: {error}",
            advice="Free disk space or name another data folder; until then a restart reads more of the journal",
        ) from error
    return path


def read_latest(folder: Path, not_after: int | None = None) -> Snapshot | None:
    """The newest snapshot that reads whole (and lies at or before offset ``not_after``); None where there is none.

    One that does not read is passed over with a log line.
    """
    for path in reversed(_snapshots(folder)):
        offset = _offset(path)
        if not_after is not None and offset > not_after:
            log.warning("snapshot %s passed over: it is newer than the journal, which ends at %d", path, not_after)
            continue
        try:
            return _read(path)
        except (OSError, ValueError, EOFError, struct.error, msgspec.MsgspecError) as error:
            log.error("snapshot %s passed over, it does not read: %s", path, error)
    return None


class _Summed:
    """A file that keeps the checksum of what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.crc = 0

    def write(self, data: bytes) -> int:
        self.crc = zlib.crc32(data, self.crc)
        return self._file.write(data)


def _read(path: Path) -> Snapshot:
    with path.open("rb") as file:
        _check(file)
        file.seek(len(_MAGIC))
        (length,) = _LENGTH.unpack(file.read(_LENGTH.size))
        head = msgspec.msgpack.decode(file.read(length), type=_Head)
        if head.format != FORMAT_VERSION:
            raise ValueError(f"it has format {head.format}, this version reads {FORMAT_VERSION}")
        arrays = {name: np.lib.format.read_array(file, allow_pickle=False) for name in head.names}
    return Snapshot(head.offset, head.app_version, arrays, head.meta, path)


def _check(file: BinaryIO) -> None:
    left = os.fstat(file.fileno()).st_size - _LENGTH.size
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("it does not begin as a snapshot")
    left -= len(_MAGIC)
    crc = zlib.crc32(_MAGIC)
    while left > 0:
        data = file.read(min(left, _CHUNK))
        crc = zlib.crc32(data, crc)
        left -= len(data)
    if _LENGTH.unpack(file.read(_LENGTH.size)) != (crc,):
        raise ValueError("the checksum differs")


def _snapshots(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _NAME.fullmatch(path.name))


def _offset(path: Path) -> int:
    match = _NAME.fullmatch(path.name)
    return int(match[1]) if match else 0


def _remove_old(folder: Path) -> None:
    for path in _snapshots(folder)[:-KEPT]:
        path.unlink()
    for path in folder.glob("snapshot-*" + _UNFINISHED):
        path.unlink()
