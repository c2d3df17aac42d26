"""JSON reports to columns: one list per column, one conversion per list, one compiled pass over all of them."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

import numpy as np
from msgspec.structs import astuple
from numpy.typing import NDArray

from monitor.codec.iso_time import UNREADABLE, parse_times
from monitor.codec.json_struct import FIELD_NAMES, ReportStruct
from monitor.model.compiled import compiled
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import REPORT, ReportBatch, ReportRows, terminal_key

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class RejectReason(StrEnum):
    """Why one report of a payload was refused."""

    MALFORMED = "malformed"
    NOT_OBJECT = "not_object"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    BAD_VALUE = "bad_value"


@dataclass(frozen=True, slots=True)
class Reject:
    """One report refused: its index in the payload, the reason, the field's name (may be empty) and a sentence."""

    index: int
    reason: RejectReason
    field: str
    detail: str
    payload: int = 0


@dataclass(frozen=True, slots=True)
class Filled:
    """``kept`` are the indices of the structs that became rows, in row order; ``stated`` counts fields present."""

    batch: ReportBatch
    kept: NDArray[np.intp]
    bad: tuple[tuple[int, RejectReason, str, str], ...]
    stated: int


_NUMBERS = (
    "lon", "lat", "speed_kmh", "heading_deg", "altitude_m", "mileage_km", "recorder_speed_kmh",
    "status", "alarm_flags", "acc_on", "positioned", "backfill",
)  # fmt: skip
"""Rows of the matrix that the compiled pass reads; NaN is unknown."""
_TEXTS = ("vehicle_id", "terminal_phone", "recv_time", "driver_id", "source")

LARGEST_MS = 253_402_300_799_999
"""End of the year 9999: no clock shows more."""

_STATUS_FLAW = int(Flaw.STATUS)
_BACKFILL = int(ReportFlag.BACKFILL)
_ACC_KNOWN = int(ReportFlag.ACC_KNOWN)
_ACC_ON = int(ReportFlag.ACC_ON)
_POSITIONED = int(ReportFlag.POSITIONED)
_PAYLOAD_RECV = int(ReportFlag.PAYLOAD_RECV)


def fill(structs: Sequence[ReportStruct], recv_ms: int, source: str) -> Filled:
    """Rows of the structs in their order, those with impossible values left out."""
    n = len(structs)
    if n == 0:
        return Filled(ReportBatch((), np.zeros(0, REPORT)), np.zeros(0, np.intp), (), 0)
    columns: dict[str, tuple[object, ...]] = dict(
        zip(FIELD_NAMES, zip(*map(astuple, structs), strict=True), strict=True)
    )
    matrix, nulls = _matrix([columns[name] for name in _NUMBERS], n)
    fix_ms = _times(columns["fix_time"], absent_ms=UNREADABLE)
    recv = _times(columns["recv_time"], absent_ms=0) if any(columns["recv_time"]) else np.zeros(n, np.int64)
    keys, key = _interned(_identities(columns["vehicle_id"], columns["terminal_phone"]))
    drivers, driver = _optional_texts(columns["driver_id"], "")
    sources, source_index = _optional_texts(columns["source"], source)
    rows = np.empty(n, REPORT)
    wrong = np.empty(n, np.int64)
    # Every report states its fix time; a null stands as NaN in the matrix and is counted apart.
    stated = n + nulls + _fill_rows(matrix, fix_ms, recv, key, driver, source_index, recv_ms, rows, wrong)
    stated += sum(n - columns[name].count("") for name in _TEXTS)
    kept = np.arange(n)
    bad: list[tuple[int, RejectReason, str, str]] = []
    if wrong.any() or not all(keys):
        for at in range(n):
            if not keys[key[at]]:
                sentence = "neither vehicle_id nor terminal_phone is given"
                bad.append((at, RejectReason.MISSING_FIELD, "vehicle_id", sentence))
            elif wrong[at]:
                field = _FIELD_OF[int(wrong[at])]
                value = str(columns[field][at])[:60]
                bad.append((at, RejectReason.BAD_VALUE, field, f"{value!r} is no {_EXPECTED[field]}"))
        kept = np.delete(kept, [at for at, *_ in bad])
        rows = rows[kept]
        keys, rows["key"] = _interned([keys[at] for at in rows["key"]])
    return Filled(ReportBatch(keys, rows, drivers, sources), kept, tuple(bad), stated)


_WRONG_FIX, _WRONG_RECV, _WRONG_STATUS, _WRONG_ALARM, _WRONG_ACC, _WRONG_POSITIONED, _WRONG_BACKFILL = range(1, 8)
_FIELD_OF = ("", "fix_time", "recv_time", "status", "alarm_flags", "acc_on", "positioned", "backfill")
_EXPECTED = {
    "fix_time": "time (ISO 8601, Unix seconds or milliseconds)",
    "recv_time": "time (ISO 8601, Unix seconds or milliseconds)",
    "status": "whole number",
    "alarm_flags": "whole number",
    "acc_on": "boolean",
    "positioned": "boolean",
    "backfill": "0 or 1",
}


def _matrix(columns: list[tuple[object, ...]], n: int) -> tuple[Floats, int]:
    """(columns, n) numbers, NaN where unknown; and how many stood as null."""
    pack = struct.Struct(f"{n}d").pack
    try:
        flat = b"".join([pack(*column) for column in columns])
        return np.frombuffer(flat, np.float64).reshape(len(columns), n), 0
    except struct.error:  # nulls, which NumPy turns into NaN
        nulls = sum(column.count(None) for column in columns)
        numbers = np.array(columns, np.float64)
        numbers.flags.writeable = False
        return numbers, nulls


def _times(column: tuple[object, ...], absent_ms: int) -> Integers:
    """Epoch ms; ``absent_ms`` for nulls and empty texts, ``UNREADABLE`` for what is no time."""
    if "" not in column:
        try:
            return parse_times(cast("tuple[str, ...]", column))
        except TypeError:  # not all of them are texts
            pass
    try:
        return _numeric_times(np.frombuffer(struct.Struct(f"{len(column)}d").pack(*column), np.float64))
    except struct.error:  # texts, numbers and nulls mixed
        pass
    out = np.full(len(column), absent_ms, np.int64)
    numeric = [at for at, value in enumerate(column) if isinstance(value, (int, float))]
    textual = [at for at, value in enumerate(column) if isinstance(value, str) and value]
    if numeric:
        out[numeric] = _numeric_times(np.array([column[at] for at in numeric], np.float64))
    if textual:
        out[textual] = parse_times([str(column[at]) for at in textual])
    return out


@compiled
def _numeric_times(numbers: Floats) -> Integers:
    """Seconds below 10^11 (the year 5138; as milliseconds that would be 1973), else milliseconds."""
    out = np.empty(len(numbers), np.int64)
    for i in range(len(numbers)):
        ms = numbers[i] * 1000.0 if abs(numbers[i]) < 1e11 else numbers[i]
        out[i] = round(ms) if abs(ms) <= 253_402_300_799_999.0 else -9_223_372_036_854_775_808
    return out


def _identities(vehicle_ids: tuple[object, ...], phones: tuple[object, ...]) -> Sequence[str]:
    """Key of each report; empty where neither is given."""
    if all(vehicle_ids):
        return cast("tuple[str, ...]", vehicle_ids)
    return [
        str(vehicle_id) if vehicle_id else (terminal_key(str(phone)) if phone else "")
        for vehicle_id, phone in zip(vehicle_ids, phones, strict=True)
    ]


def _interned(names: Sequence[str]) -> tuple[tuple[str, ...], Integers]:
    distinct = tuple(dict.fromkeys(names))
    if len(distinct) == len(names):
        return distinct, np.arange(len(names))
    index = {name: at for at, name in enumerate(distinct)}
    return distinct, np.array([index[name] for name in names], np.int64)


def _optional_texts(column: tuple[object, ...], default: str) -> tuple[tuple[str, ...], Integers]:
    if not default and not any(column):
        return (), np.full(len(column), -1, np.int64)
    names = [str(text) if text else default for text in column]
    distinct, index = _interned(names)
    if "" in distinct:
        gone = distinct.index("")
        index = np.where(index == gone, -1, index - (index > gone))
        distinct = tuple(name for name in distinct if name)
    return distinct, index


@compiled
def _tenths(value: float) -> int:
    """Whole 0.1 km/h; -1 (or NaN) is unknown, other negative values stay recognisably wrong."""
    if value != value or value == -1.0:
        return -1
    if value < 0.0:
        return -int(min(max(-value * 10.0 + 0.5, 2.0), 2e9))
    return int(min(value * 10.0 + 0.5, 2e9))


@compiled
def _truth(value: float) -> int:
    """0, 1, -1 unknown, -2 neither."""
    if value != value:
        return -1
    return 0 if value == 0.0 else (1 if value == 1.0 else -2)


@compiled
def _word(value: float) -> int:
    """A 32-bit word; -1 unknown, -2 outside of 32 bits, -3 no whole number."""
    if value != value or value == -1.0:
        return -1
    if value < 0.0 or value > 4_294_967_295.0:
        return -2
    return int(value) if value == np.floor(value) else -3


@compiled
def _fill_rows(
    matrix: Floats,
    fix_ms: Integers,
    recv: Integers,
    key: Integers,
    driver: Integers,
    source: Integers,
    recv_ms: int,
    rows: ReportRows,
    wrong: Integers,
) -> int:
    """Write every row; ``wrong`` is the number of the first field that makes it a reject, else 0.

    Returns how many numbers are known.
    """
    known = 0
    for i in range(len(rows)):
        row = rows[i]
        bad = 0
        flags = 0
        flaws = 0
        status = _word(matrix[7, i])
        alarm_flags = _word(matrix[8, i])
        acc_on = _truth(matrix[9, i])
        positioned = _truth(matrix[10, i])
        backfill = _truth(matrix[11, i])
        if backfill == -2:
            bad = _WRONG_BACKFILL
        if positioned == -2:
            bad = _WRONG_POSITIONED
        if acc_on == -2:
            bad = _WRONG_ACC
        if alarm_flags == -3:
            bad = _WRONG_ALARM
        if status == -3:
            bad = _WRONG_STATUS
        if recv[i] == -9_223_372_036_854_775_808:
            bad = _WRONG_RECV
        if fix_ms[i] == -9_223_372_036_854_775_808:
            bad = _WRONG_FIX
        if status < -1:
            status = -1
            flaws |= _STATUS_FLAW
        if alarm_flags < -1:
            alarm_flags = -1
            flaws |= _STATUS_FLAW
        if acc_on < 0 and status >= 0:
            acc_on = status & 1
        if acc_on >= 0:
            flags |= _ACC_KNOWN
        if acc_on == 1:
            flags |= _ACC_ON
        if positioned < 0:
            positioned = (status >> 1) & 1 if status >= 0 else 1
        if positioned == 1:
            flags |= _POSITIONED
        if backfill == 1:
            flags |= _BACKFILL
        if recv[i] != 0:
            flags |= _PAYLOAD_RECV
        heading = matrix[3, i]
        heading_deg = -1
        if heading >= 0.0:
            heading_deg = int(min(heading + 0.5, 2e9))
            if heading_deg == 360 and heading < 360.0:
                heading_deg = 0
        elif heading < 0.0 and heading != -1.0:
            heading_deg = -2
        altitude = matrix[4, i]
        altitude_m = -32_768
        if altitude == altitude:
            altitude_m = int(np.floor(min(max(altitude, -2e9), 2e9) + 0.5))
        mileage = matrix[5, i]
        row["fix_ms"] = fix_ms[i]
        row["recv_ms"] = recv[i] if recv[i] != 0 else recv_ms
        row["lon_deg"] = matrix[0, i]
        row["lat_deg"] = matrix[1, i]
        row["mileage_m"] = int(min(mileage * 1000.0 + 0.5, 9e15)) if mileage >= 0.0 else -1
        row["status"] = status
        row["alarm_flags"] = alarm_flags
        row["key"] = key[i]
        row["driver"] = driver[i]
        row["source"] = source[i]
        row["speed_dkmh"] = _tenths(matrix[2, i])
        row["recorder_speed_dkmh"] = _tenths(matrix[6, i])
        row["heading_deg"] = heading_deg
        row["altitude_m"] = altitude_m
        row["flags"] = flags
        row["flaws"] = flaws
        wrong[i] = bad
        for place in range(len(matrix)):
            known += 1 if matrix[place, i] == matrix[place, i] else 0
    return known
