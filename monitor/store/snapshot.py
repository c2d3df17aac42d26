"""Snapshots: the engine's state at one journal offset, so that a restart is "snapshot and tail".

One file ``snapshot-<offset>.vdms``, written whole under another name and renamed when it is safe on disk::

    magic "VDMSNAP2" | blocks | head (msgpack) | crc32 u32 over the head | head length u32 | magic "VDMSNAPE"

The head names the arrays, their dtype and shape, and each array's blocks: bytes in the file, bytes unpacked, crc32 of
what is in the file. Blocks are LZ4, so that a million vehicles are read in a second or two also from a slow disk; they
are checked, unpacked and put in place by several threads.

The two newest are kept, so that one that does not read costs a longer tail and nothing else.
"""

from __future__ import annotations

import ast
import logging
import os
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from monitor import __version__
from monitor.errors import StoreError
from monitor.store.durable import fsync_folder, make_folder

log = logging.getLogger(__name__)

KEPT = 2
FORMAT_VERSION = 2

AnyArray = NDArray[np.generic]

_MAGIC = b"VDMSNAP2"
_OLDER = b"VDMSNAP1"
_END = b"VDMSNAPE"
_TAIL = struct.Struct("<II8s")
_NAME = re.compile(r"snapshot-(\d{20})\.vdms")
_UNFINISHED = ".unfinished"
_BLOCK = 1 << 20
"""Bytes of a block before packing: what is unpacked stays in the processor's cache until it is in its place."""
_AHEAD = 32
"""Blocks packed ahead of the one being written (a guess)."""
_LEAST = 1024
_CODEC: Final = "lz4"
_POOL: Final = pa.system_memory_pool()
"""It gives the same place again for the next block; Arrow's own pool takes fresh pages (measured: three times the
time)."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """State as of the record ``offset``. ``arrays`` are writable copies; ``meta`` is the caller's own msgpack.

    ``roomy`` are the same arrays with a sixteenth more entries behind them, zero, for whoever goes on writing.
    """

    offset: int
    app_version: str
    arrays: Mapping[str, AnyArray]
    meta: bytes
    path: Path
    roomy: Mapping[str, AnyArray]


class _Block(msgspec.Struct, array_like=True):
    position: int
    size: int
    unpacked: int
    crc: int


class _Array(msgspec.Struct, array_like=True):
    name: str
    dtype: str
    shape: list[int]
    blocks: list[_Block]


class _Head(msgspec.Struct):
    format: int
    offset: int
    app_version: str
    arrays: list[_Array]
    meta: bytes


def write_snapshot(folder: Path, offset: int, arrays: Mapping[str, AnyArray], meta: bytes) -> Path:
    """Write a snapshot, then remove all but the newest two. Arrays of Python objects are refused (``ValueError``).

    Raises ``StoreError`` where the disk refuses; older snapshots are then untouched.
    """
    path = folder / f"snapshot-{offset:020d}.vdms"
    unfinished = path.with_name(path.name + _UNFINISHED)
    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    for name, array in plain.items():
        if array.dtype.hasobject:
            raise ValueError(f"Object arrays cannot be written: {name}")
    try:
        make_folder(folder)
        with unfinished.open("wb") as file, ThreadPoolExecutor(_threads(), "snapshot") as pool:
            file.write(_MAGIC)
            heads = [
                _Array(name, repr(np.lib.format.dtype_to_descr(array.dtype)), list(array.shape), [])
                for name, array in plain.items()
            ]
            waiting: list[tuple[_Array, int, object]] = []
            position = len(_MAGIC)
            pieces = (
                (head, piece) for head, array in zip(heads, plain.values(), strict=True) for piece in _pieces(array)
            )
            while True:
                for head, piece in islice(pieces, _AHEAD - len(waiting)):
                    waiting.append((head, len(piece), pool.submit(_packed, piece)))
                if not waiting:
                    break
                head, unpacked, packing = waiting.pop(0)
                packed, crc = packing.result()  # type: ignore[attr-defined]
                file.write(packed)
                head.blocks.append(_Block(position, len(packed), unpacked, crc))
                position += len(packed)
            data = msgspec.msgpack.encode(_Head(FORMAT_VERSION, offset, __version__, heads, meta))
            file.write(data + _TAIL.pack(zlib.crc32(data), len(data), _END))
            file.flush()
            os.fsync(file.fileno())
        unfinished.rename(path)
        fsync_folder(folder)
        _remove_old(folder)
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
        except (OSError, ValueError, SyntaxError, EOFError, struct.error, msgspec.MsgspecError) as error:
            log.error("snapshot %s passed over, it does not read: %s", path, error)
    return None


def _pieces(array: AnyArray) -> Iterator[memoryview]:
    data = array.reshape(-1).view(np.uint8).data
    for begin in range(0, len(data), _BLOCK):
        yield data[begin : begin + _BLOCK]


def _packed(piece: memoryview) -> tuple[bytes, int]:
    packed: bytes = pa.compress(pa.py_buffer(piece), codec=_CODEC, asbytes=True)
    return packed, zlib.crc32(packed)


def _read(path: Path) -> Snapshot:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        head = _head(descriptor)
        roomy: dict[str, AnyArray] = {}
        arrays: dict[str, AnyArray] = {}
        work: list[tuple[_Block, NDArray[np.uint8]]] = []
        for array in head.arrays:
            dtype = np.lib.format.descr_to_dtype(ast.literal_eval(array.dtype))
            n = array.shape[0] if array.shape else 1
            # Not ``zeros``: that comes in small pages, and touching them takes ten times as long (measured).
            room = np.empty((max(n + n // 16, _LEAST), *array.shape[1:]), dtype)
            room[n:] = np.zeros((), dtype)
            size = n * room[:1].nbytes
            if sum(block.unpacked for block in array.blocks) != size:
                raise ValueError(f"the blocks of {array.name} do not make up its {size} bytes")
            place = room.reshape(-1).view(np.uint8)
            begin = 0
            for block in array.blocks:
                work.append((block, place[begin : begin + block.unpacked]))
                begin += block.unpacked
            roomy[array.name] = room
            arrays[array.name] = room[:n] if array.shape else room[0].reshape(())
        with ThreadPoolExecutor(_threads(), "snapshot") as pool:
            for _ in pool.map(lambda item: _unpack(descriptor, *item), work):
                pass
    finally:
        os.close(descriptor)
    return Snapshot(head.offset, head.app_version, arrays, head.meta, path, roomy)


def _head(descriptor: int) -> _Head:
    size = os.fstat(descriptor).st_size
    magic = os.pread(descriptor, len(_MAGIC), 0)
    if magic == _OLDER:
        raise ValueError("it is of an older version; the journal is read instead, and a new one follows")
    if magic != _MAGIC:
        raise ValueError("it does not begin as a snapshot")
    crc, length, end = _TAIL.unpack(os.pread(descriptor, _TAIL.size, size - _TAIL.size))
    if end != _END:
        raise ValueError("it is cut short")
    data = os.pread(descriptor, length, size - _TAIL.size - length)
    if zlib.crc32(data) != crc:
        raise ValueError("the checksum of its head differs")
    head = msgspec.msgpack.decode(data, type=_Head)
    if head.format != FORMAT_VERSION:
        raise ValueError(f"it has format {head.format}, this version reads {FORMAT_VERSION}")
    return head


def _unpack(descriptor: int, block: _Block, place: NDArray[np.uint8]) -> None:
    data = os.pread(descriptor, block.size, block.position)
    if len(data) != block.size or zlib.crc32(data) != block.crc:
        raise ValueError(f"the checksum of the block at byte {block.position} differs")
    unpacked = pa.decompress(data, block.unpacked, _CODEC, memory_pool=_POOL)
    place[:] = np.frombuffer(memoryview(unpacked), np.uint8)


def _threads() -> int:
    return min(8, max(2, os.cpu_count() or 1))


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
