"""Journal records <-> payload bytes.

``REPORTS`` is two Arrow messages: a record batch with one column per field of ``REPORT``, and one row list of the
texts (keys, drivers, sources) that the index columns point into. Both are read back exactly as written, so that a
replay sees the very batch that the live run saw, order of texts included. The schema of the first stands at the head
of the segment; columns are matched by name, so a segment of an older version still reads.

``TICK`` is ``paused_ms`` as int64; ``REGISTRY`` and ``CONFIG`` are their JSON.
"""

from __future__ import annotations

import struct
from enum import IntFlag
from typing import Final

import numpy as np
import pyarrow as pa

from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import REPORT, ReportBatch, empty_rows

COMPRESS_OVER_BYTES = 1024
"""Below this LZ4 saves less than a disk block (a guess)."""

_CODEC: Final = "lz4_raw"
_RAW_SIZE = struct.Struct("<I")
_PAUSED = struct.Struct("<q")
_COLUMNS: tuple[str, ...] = REPORT.names or ()

SCHEMA = pa.schema([(name, pa.from_numpy_dtype(REPORT[name])) for name in _COLUMNS])
_TEXTS = pa.schema([("texts", pa.list_(pa.string()))])


class PayloadFlag(IntFlag):
    """Flags byte of a frame; on disk."""

    LZ4 = 1
    RESUMED = 2
    LOST = 4  # a tick in the place of a record that was lost and cut out by hand


def encode(record: JournalRecord) -> tuple[int, bytes]:
    """Flags and payload of a record."""
    flags = 0
    if record.type == RecordType.REPORTS:
        if record.batch is None:
            raise ValueError("a REPORTS record needs its batch")
        data = _encode_batch(record.batch)
    elif record.type == RecordType.TICK:
        flags |= PayloadFlag.RESUMED if record.resumed else 0
        data = _PAUSED.pack(record.paused_ms)
    else:
        data = record.payload
    if len(data) > COMPRESS_OVER_BYTES:
        packed = pa.compress(data, codec=_CODEC, asbytes=True)
        flags |= PayloadFlag.LZ4
        data = _RAW_SIZE.pack(len(data)) + packed
    return flags, data


def decode(kind: int, flags: int, payload: bytes, *, offset: int, clock_ms: int, schema: pa.Schema) -> JournalRecord:
    """The record of a payload. Raises ``ValueError`` (also Arrow's) where it is none."""
    if flags & PayloadFlag.LZ4:
        size: int = _RAW_SIZE.unpack_from(payload)[0]
        payload = pa.decompress(payload[_RAW_SIZE.size :], size, _CODEC, asbytes=True)
    record_type = RecordType(kind)
    if record_type == RecordType.REPORTS:
        return JournalRecord(offset, record_type, clock_ms, batch=_decode_batch(payload, schema))
    if record_type == RecordType.TICK:
        (paused_ms,) = _PAUSED.unpack(payload)
        return JournalRecord(
            offset, record_type, clock_ms, resumed=bool(flags & PayloadFlag.RESUMED), paused_ms=paused_ms
        )
    return JournalRecord(offset, record_type, clock_ms, payload=payload)


def _encode_batch(batch: ReportBatch) -> bytes:
    columns = [pa.array(np.ascontiguousarray(batch.rows[name])) for name in _COLUMNS]
    reports = pa.RecordBatch.from_arrays(columns, schema=SCHEMA)
    n_keys, n_drivers, n_sources = len(batch.keys), len(batch.drivers), len(batch.sources)
    ends = [0, n_keys, n_keys + n_drivers, n_keys + n_drivers + n_sources]
    texts = pa.ListArray.from_arrays(ends, _text_array(batch.keys + batch.drivers + batch.sources))
    names = pa.RecordBatch.from_arrays([texts], schema=_TEXTS)
    return reports.serialize().to_pybytes() + names.serialize().to_pybytes()


def _text_array(texts: tuple[str, ...]) -> pa.StringArray:
    try:
        return pa.array(texts, pa.string())
    except UnicodeEncodeError:
        # A lone surrogate has no UTF-8; one odd name must not stop the batch it came in.
        return pa.array([text.encode("utf-8", "replace").decode("utf-8") for text in texts], pa.string())


def _decode_batch(payload: bytes, schema: pa.Schema) -> ReportBatch:
    stream = pa.BufferReader(payload)
    reports = pa.ipc.read_record_batch(pa.ipc.read_message(stream), schema)
    texts = pa.ipc.read_record_batch(pa.ipc.read_message(stream), _TEXTS).column(0)
    keys, drivers, sources = (tuple(map(str, row or ())) for row in texts.to_pylist())
    rows = empty_rows(reports.num_rows)
    for name in _COLUMNS:
        column = schema.get_field_index(name)
        if column >= 0:
            rows[name] = reports.column(column).to_numpy()
    return ReportBatch(keys, rows, drivers, sources)
