"""Position reports as JSON: one object, or an array of them.

The columns are those of ``configs/schemas/report.schema.json``. An array with a bad report keeps the others; unknown
fields are tolerated and named once; times are ISO 8601 (Beijing time if without offset), Unix seconds or milliseconds,
told apart by size. In speeds, heading and mileage -1 is unknown, as null is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.codec.json_columns import Reject, RejectReason, fill
from monitor.codec.json_struct import FIELD_NAMES, ReportStruct, structs_of
from monitor.errors import CodecError
from monitor.model.compiled import compiled
from monitor.model.report import ReportBatch

MAX_PAYLOAD_BYTES = 16 * 1024 * 1024
"""Guess: some 80,000 reports; a payload above it is a mistake or an attack."""

__all__ = [
    "MAX_PAYLOAD_BYTES",
    "JsonDecode",
    "JsonFailure",
    "JsonManyDecode",
    "Reject",
    "RejectReason",
    "decode_json",
    "decode_json_many",
    "encode_json",
]


@dataclass(frozen=True, slots=True)
class JsonDecode:
    """``batch`` sorted by fix time; ``rejects`` by index in the payload; ``unknown_fields`` each named once."""

    batch: ReportBatch
    rejects: tuple[Reject, ...]
    unknown_fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class JsonFailure:
    """A payload of which nothing can be used."""

    payload: int
    error: CodecError


@dataclass(frozen=True, slots=True)
class JsonManyDecode:
    """``payload_of`` is the payload number of each row: payloads in their order, by fix time within each."""

    batch: ReportBatch
    payload_of: NDArray[np.int64]
    rejects: tuple[Reject, ...]
    failures: tuple[JsonFailure, ...]
    unknown_fields: tuple[str, ...]


_REFUSED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_ARRAY = msgspec.json.Decoder(list[ReportStruct])
_ONE = msgspec.json.Decoder(ReportStruct)
_RAW = msgspec.json.Decoder(msgspec.Raw)
_RAW_ARRAY = msgspec.json.Decoder(list[msgspec.Raw])
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODER = msgspec.json.Encoder()

_BLANK = b" \t\r\n"
_AT_FIELD = re.compile(r"at `\$\.([^`]+)`")
_MISSING = re.compile(r"missing required field `([^`]+)`")
_AT_BYTE = re.compile(r"byte (\d+)")


def decode_json(
    payload: bytes, *, recv_ms: int = 0, source: str = "", max_bytes: int = MAX_PAYLOAD_BYTES
) -> JsonDecode:
    """Reports of one payload.

    ``recv_ms`` and ``source`` stand in where a report states none; a stated receive time sets ``PAYLOAD_RECV``.
    CodecError: ``oversize``, ``malformed`` (no JSON), ``not_report`` (JSON, but neither object nor array).
    """
    many = decode_json_many((payload,), recv_ms=recv_ms, source=source, max_bytes=max_bytes)
    if many.failures:
        raise many.failures[0].error
    return JsonDecode(many.batch, many.rejects, many.unknown_fields)


def decode_json_many(
    payloads: Sequence[bytes], *, recv_ms: int = 0, source: str = "", max_bytes: int = MAX_PAYLOAD_BYTES
) -> JsonManyDecode:
    """Reports of several payloads as one batch: filling columns costs the same for one report as for a hundred.

    A payload that ``decode_json`` would refuse is a failure here and stops no other.
    """
    structs: list[ReportStruct] = []
    sizes = np.zeros(len(payloads), np.int64)
    odd: dict[int, list[int]] = {}
    rejects: list[Reject] = []
    failures: list[JsonFailure] = []
    colons = 0
    for number, payload in enumerate(payloads):
        try:
            if len(payload) > max_bytes:
                raise CodecError(
                    reason="oversize", offset=max_bytes, detail=f"payload of {len(payload)} bytes, at most {max_bytes}"
                )
            decoded = _decode_whole(payload)
            if decoded is None:
                decoded, odd[number] = _decode_one_by_one(payload, number, rejects)
        except CodecError as error:
            failures.append(JsonFailure(number, error))
            continue
        structs += decoded
        sizes[number] = len(decoded)
        colons += _count_colons(np.frombuffer(payload, np.uint8))
    filled = fill(structs, recv_ms, source)
    payload_of = np.repeat(np.arange(len(payloads)), sizes)
    first = np.cumsum(sizes) - sizes if filled.bad else sizes
    for at, reason, field, detail in filled.bad:
        number = int(payload_of[at])
        index = at - int(first[number])
        rejects.append(Reject(odd[number][index] if number in odd else index, reason, field, detail, number))
    rejects.sort(key=lambda reject: (reject.payload, reject.index))
    # Reading names costs as much as decoding; colons after quotes that are all known fields' need no reading.
    unknown = _unknown_fields(payloads, failures) if colons != filled.stated or odd else ()
    if filled.bad:
        payload_of = payload_of[filled.kept]
    batch, payload_of = _sorted(filled.batch, payload_of)
    return JsonManyDecode(batch, payload_of, tuple(rejects), tuple(failures), unknown)


def encode_json(batch: ReportBatch, *, unix_ms: bool = False) -> bytes:
    """An array of the batch's reports with their known columns; times as ISO 8601 +08:00, or Unix ms (faster)."""
    return _ENCODER.encode(structs_of(batch, unix_ms))


def _decode_whole(payload: bytes) -> list[ReportStruct] | None:
    """All reports if every one has the right form, else None."""
    first = payload.lstrip(_BLANK)[:1] if payload[:1] in (b" ", b"\t", b"\r", b"\n") else payload[:1]
    try:
        if first == b"[":
            return _ARRAY.decode(payload)
        return [_ONE.decode(payload)] if first == b"{" else None
    except _REFUSED:
        return None


def _decode_one_by_one(payload: bytes, number: int, rejects: list[Reject]) -> tuple[list[ReportStruct], list[int]]:
    """Reports that have the right form with their indices; the others go to ``rejects``."""
    structs: list[ReportStruct] = []
    indices: list[int] = []
    for index, raw in enumerate(_elements(payload)):
        try:
            structs.append(_ONE.decode(raw))
            indices.append(index)
        except _REFUSED as error:
            rejects.append(_reject(index, error, number))
    return structs, indices


def _elements(payload: bytes) -> list[msgspec.Raw]:
    first = payload.lstrip(_BLANK)[:1]
    try:
        if first == b"[":
            return _RAW_ARRAY.decode(payload)
        whole = _RAW.decode(payload)
    except _REFUSED as error:
        at = _AT_BYTE.search(str(error))
        detail = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise CodecError(reason="malformed", offset=int(at[1]) if at else 0, detail=detail) from None
    if first == b"{":
        return [whole]
    raise CodecError(reason="not_report", detail="the payload is neither a report object nor an array of them")


def _reject(index: int, error: Exception, number: int) -> Reject:
    text = str(error)
    missing = _MISSING.search(text)
    if missing:
        return Reject(index, RejectReason.MISSING_FIELD, missing[1], text, number)
    at = _AT_FIELD.search(text)
    if at:
        return Reject(index, RejectReason.WRONG_TYPE, at[1], text, number)
    if isinstance(error, msgspec.ValidationError):
        return Reject(index, RejectReason.NOT_OBJECT, "", text, number)
    return Reject(index, RejectReason.MALFORMED, "", text, number)


def _unknown_fields(payloads: Sequence[bytes], failures: list[JsonFailure]) -> tuple[str, ...]:
    """Names that no report column has, in order of first sight."""
    failed = {failure.payload for failure in failures}
    names: dict[str, None] = {}
    for number, payload in enumerate(payloads):
        if number in failed:
            continue
        for raw in _elements(payload):
            try:
                names.update(dict.fromkeys(_FIELDS.decode(raw)))
            except _REFUSED:
                continue  # counted as a reject already
    return tuple(name for name in names if name not in FIELD_NAMES)


@compiled
def _count_colons(payload: NDArray[np.uint8]) -> int:
    """How many colons stand right behind a quote."""
    n = 0
    for i in range(1, len(payload)):
        n += 1 if payload[i] == 58 and payload[i - 1] == 34 else 0
    return n


@compiled
def _in_order(fix_ms: NDArray[np.int64], payload_of: NDArray[np.int64]) -> bool:
    """Whether the fix times rise or stay within every payload."""
    falls = 0
    for i in range(1, len(fix_ms)):
        falls += 1 if fix_ms[i] < fix_ms[i - 1] and payload_of[i] == payload_of[i - 1] else 0
    return falls == 0


def _sorted(batch: ReportBatch, payload_of: NDArray[np.int64]) -> tuple[ReportBatch, NDArray[np.int64]]:
    fix_ms = batch.rows["fix_ms"]
    if _in_order(fix_ms, payload_of):
        return batch, payload_of
    order = np.lexsort((fix_ms, payload_of))
    return replace(batch, rows=batch.rows[order]), payload_of[order]
