"""Reports to 0x0200 and 0x0704 frames, for simulators, benchmarks and round-trip tests.

The wire has no word for an unknown speed, heading or altitude: they go out as zero. A status word is made of the
report's flags where the report has none; its hemisphere bits always follow the coordinates.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.bcd import phone_field, write_time
from monitor.codec.jt808.bigendian import Bytes, byte_at, write_u16, write_u32
from monitor.codec.jt808.framing import escape_into
from monitor.codec.jt808.framing import frame as frame_of
from monitor.codec.jt808.header import LOCATION, LOCATION_BATCH, SUBPACKAGED_BIT, VERSION_BIT, Version
from monitor.errors import CodecError
from monitor.model.compiled import compiled
from monitor.model.flaw import ReportFlag
from monitor.model.report import UNKNOWN_ALTITUDE, ReportRows

MAX_BODY = 1023
"""Ten bits of the properties."""

_LOCATION = int(LOCATION)
_VERSION_BIT = int(VERSION_BIT)
_ACC_ON = int(ReportFlag.ACC_ON)
_POSITIONED = int(ReportFlag.POSITIONED)
_UNKNOWN_ALTITUDE = int(UNKNOWN_ALTITUDE)
_LONGEST_HEADER = 17
_LONGEST_LOCATION = 28 + 6 + 4


def encode_location(rows: ReportRows, phone: str, version: Version | int, serial: int) -> bytes:
    """One 0x0200 frame per row, serials counting up from ``serial``.

    ``phone`` is hex digits; CodecError ``bad_phone`` if they do not fit the version's field.
    """
    alone = rows.copy()
    alone["key"] = 0
    return encode_location_stream(alone, (phone,), version, serials=np.array([serial & 0xFFFF], np.int64))


def encode_location_stream(
    rows: ReportRows,
    phones: Sequence[str],
    version: Version | int,
    *,
    serials: NDArray[np.int64] | None = None,
    extra_items: bytes = b"",
) -> bytes:
    """One 0x0200 frame per row, in order; ``phones[row["key"]]`` is its terminal.

    ``serials`` is the next serial of each phone and is counted on in place. ``extra_items`` (whole items) go behind
    the encoded ones of every report. CodecError ``bad_phone``, ``bad_items``.
    """
    if len(extra_items) > MAX_BODY - _LONGEST_LOCATION:
        raise CodecError(reason="bad_items", field="extra_items", detail="the body would exceed 1023 bytes")
    fields = _phone_fields(phones, version)
    counters = np.zeros(len(fields), np.int64) if serials is None else serials
    extra = np.frombuffer(extra_items, np.uint8)
    largest = _LONGEST_HEADER + _LONGEST_LOCATION + len(extra) + 1
    target = np.empty(len(rows) * (2 * largest + 2), np.uint8)
    scratch = np.empty(largest, np.uint8)
    size = _write_frames(rows, fields, counters, int(version) == Version.V2019, extra, scratch, target)
    return target[:size].tobytes()


def encode_location_batch(
    rows: ReportRows, phone: str, version: Version | int, serial: int, *, subpackaged: bool = False
) -> bytes:
    """0x0704 frames of ``rows`` in their order; kind 1 (backfill) if the first row is backfill.

    What exceeds one frame goes out as several messages, or with ``subpackaged`` as packets of one.
    """
    if len(rows) == 0:
        return b""
    newer = int(version) == Version.V2019
    field = _phone_fields((phone,), version)[0].tobytes()
    kind = bytes([1 if int(rows[0]["flags"]) & ReportFlag.BACKFILL else 0])
    bodies: list[bytes] = []
    scratch = np.empty(_LONGEST_LOCATION, np.uint8)
    for row in range(len(rows)):
        size = write_location(rows, row, scratch, 0)
        bodies.append(size.to_bytes(2, "big") + scratch[:size].tobytes())
    messages: list[tuple[bytes, int, int]] = []
    if subpackaged:
        whole = len(rows).to_bytes(2, "big") + kind + b"".join(bodies)
        pieces = [whole[at : at + MAX_BODY] for at in range(0, len(whole), MAX_BODY)]
        messages = [(piece, len(pieces), index) for index, piece in enumerate(pieces, 1)]
    else:
        while bodies:
            n = size = 0
            while n < len(bodies) and 3 + size + len(bodies[n]) <= MAX_BODY:
                size += len(bodies[n])
                n += 1
            messages.append((n.to_bytes(2, "big") + kind + b"".join(bodies[:n]), 1, 1))
            del bodies[:n]
    stream = b""
    for number, (body, total, index) in enumerate(messages):
        properties = len(body) | (VERSION_BIT if newer else 0) | (SUBPACKAGED_BIT if subpackaged else 0)
        stream += frame_of(
            LOCATION_BATCH.to_bytes(2, "big")
            + properties.to_bytes(2, "big")
            + (b"\x01" + field if newer else field[4:])
            + ((serial + number) & 0xFFFF).to_bytes(2, "big")
            + (total.to_bytes(2, "big") + index.to_bytes(2, "big") if subpackaged else b"")
            + body
        )
    return stream


def _phone_fields(phones: Sequence[str], version: Version | int) -> NDArray[np.uint8]:
    """(n, 10) raw phone bytes; those of 2011 and 2013 are the last six."""
    raw = [phone_field(phone) for phone in phones]
    if int(version) != Version.V2019:
        for phone, field in zip(phones, raw, strict=True):
            if any(field[:4]):
                raise CodecError(
                    reason="bad_phone", field="phone", detail=f"{phone!r} has more than the 12 digits of {int(version)}"
                )
    return np.frombuffer(b"".join(raw), np.uint8).reshape(len(raw), 10)


@compiled
def _clamp(value: int, largest: int) -> int:
    return 0 if value < 0 else min(value, largest)


@compiled
def write_location(rows: ReportRows, row: int, target: Bytes, at: int) -> int:
    """The 0x0200 body of one row at ``at``; the position behind it."""
    report = rows[row]
    lat_deg = float(report["lat_deg"])
    lon_deg = float(report["lon_deg"])
    flags = int(report["flags"])
    status = int(report["status"])
    if status < 0:
        status = (1 if flags & _ACC_ON else 0) | (2 if flags & _POSITIONED else 0)
    if lat_deg != 0.0:
        status = (status & ~4) | (4 if lat_deg < 0.0 else 0)
    if lon_deg != 0.0:
        status = (status & ~8) | (8 if lon_deg < 0.0 else 0)
    altitude_m = int(report["altitude_m"])
    if altitude_m == _UNKNOWN_ALTITUDE:
        altitude_m = 0
    altitude_m = min(max(altitude_m, -0x8000), 0x7FFF)
    write_u32(target, at, _clamp(int(report["alarm_flags"]), 0xFFFF_FFFF))
    write_u32(target, at + 4, _clamp(status, 0xFFFF_FFFF))
    write_u32(target, at + 8, int(min(abs(lat_deg), 4294.0) * 1e6 + 0.5))
    write_u32(target, at + 12, int(min(abs(lon_deg), 4294.0) * 1e6 + 0.5))
    write_u16(target, at + 16, altitude_m & 0xFFFF)
    write_u16(target, at + 18, _clamp(int(report["speed_dkmh"]), 0xFFFF))
    write_u16(target, at + 20, _clamp(int(report["heading_deg"]), 0xFFFF))
    write_time(target, at + 22, int(report["fix_ms"]))
    at += 28
    mileage_m = int(report["mileage_m"])
    if mileage_m >= 0:
        target[at] = 0x01
        target[at + 1] = 4
        write_u32(target, at + 2, _clamp(mileage_m // 100, 0xFFFF_FFFE))
        at += 6
    recorder_speed_dkmh = int(report["recorder_speed_dkmh"])
    if recorder_speed_dkmh >= 0:
        target[at] = 0x03
        target[at + 1] = 2
        write_u16(target, at + 2, _clamp(recorder_speed_dkmh, 0xFFFE))
        at += 4
    return at


@compiled
def _write_frames(
    rows: ReportRows,
    phones: NDArray[np.uint8],
    serials: NDArray[np.int64],
    newer: bool,
    extra: Bytes,
    scratch: Bytes,
    target: Bytes,
) -> int:
    at = 0
    header = 17 if newer else 12
    for row in range(len(rows)):
        key = int(rows[row]["key"])
        end = write_location(rows, row, scratch, header)
        for i in range(len(extra)):
            scratch[end + i] = extra[i]
        end += len(extra)
        serial = int(serials[key])
        serials[key] = (serial + 1) & 0xFFFF
        write_u16(scratch, 0, _LOCATION)
        write_u16(scratch, 2, (end - header) | (_VERSION_BIT if newer else 0))
        if newer:
            scratch[4] = 1
        for i in range(10 if newer else 6):
            scratch[header - 2 - (10 if newer else 6) + i] = phones[key, i if newer else i + 4]
        write_u16(scratch, header - 2, serial)
        check = 0
        for i in range(end):
            check ^= byte_at(scratch, i)
        scratch[end] = check
        at = escape_into(scratch, end + 1, target, at)
    return at
