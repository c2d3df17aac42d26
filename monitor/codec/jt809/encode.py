"""Reports to 0x1202 and 0x1203 frames (0x9202 and 0x9203 downwards), compiled.

The wire has no word for an unknown speed, heading, altitude or (2011) mileage: they go out as zero. A status word is
made of the report's flags where the report has none; its hemisphere bits always follow the coordinates. 2011 carries
whole km/h (rounded) and whole km (cut).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.bigendian import Bytes, read_u32, write_u16, write_u32
from monitor.codec.jt808.encode import write_location
from monitor.codec.jt809.binary_time import write_binary_time
from monitor.codec.jt809.cipher import Cipher, decipher
from monitor.codec.jt809.crc import crc_of
from monitor.codec.jt809.frame import V1_2_15
from monitor.codec.jt809.framing import escape_into
from monitor.codec.jt809.gnss import CARRIED_SIZE, PLAIN_SIZE
from monitor.codec.jt809.header import HEADER_SIZE, Header, Version, encode_header
from monitor.codec.jt809.positions import (
    MOST_PER_MESSAGE,
    DownCarLocation,
    DownHistoryLocation,
    PositionMessage,
    UpHistoryLocation,
    UpRealLocation,
)
from monitor.codec.jt809.wrappers import PLATE_SIZE, VEHICLE_SIZE
from monitor.codec.jt809.writer import gbk
from monitor.errors import CodecError
from monitor.model.compiled import compiled
from monitor.model.report import ReportRows

_LONGEST_LOCATION = 28 + 6 + 4
_LONGEST_POSITION = max(PLAIN_SIZE, CARRIED_SIZE + _LONGEST_LOCATION)


def encode_positions(
    rows: ReportRows,
    plates: Sequence[str],
    colors: Sequence[int],
    *,
    version: Version,
    access_code: int,
    first_sn: int,
    cipher: Cipher | None = None,
    key: int = 0,
    version_flag: bytes = V1_2_15,
    time_s: int = 0,
    backfill: bool = False,
    down: bool = False,
    platform_id: str = "",
    platform_alarms: NDArray[np.int64] | None = None,
) -> bytes:
    """0x1202 (``down``: 0x9202), one frame per row in order; with ``backfill`` 0x1203 (0x9203), up to five positions of
    one vehicle per frame, vehicles in order of first sight and each by fix time.

    ``plates[row["key"]]`` and ``colors[row["key"]]`` (JT/T codes) are the vehicle. Numbers count on from ``first_sn``,
    one per frame (``count_frames`` tells how many), and wrap at 2^32. 2019: ``platform_alarms``, one alarm word per row
    as judged by the platform ``platform_id``. CodecError ``too_long`` or ``out_of_range``.
    """
    if not len(rows):
        return b""
    vehicles = _vehicles(plates, colors)
    order, groups = _groups(rows, backfill)
    kind: type[PositionMessage] = DownCarLocation if down else UpRealLocation
    if backfill:
        kind = DownHistoryLocation if down else UpHistoryLocation
    header = encode_header(
        Header(
            length=0,
            sn=0,
            msg_id=kind.msg_id,
            access_code=access_code,
            version_flag=version_flag,
            encrypt_flag=0 if cipher is None else 1,
            encrypt_key=key,
            time_s=time_s,
            version=version,
        )
    )
    platform = gbk(platform_id)
    if len(platform) > 11:
        raise CodecError(reason="too_long", field="platform_id", detail=f"{len(platform)} bytes, the field has 11")
    secret = np.zeros(5, np.int64)
    if cipher is not None:
        secret[:] = 1, key, cipher.m1, cipher.ia1, cipher.ic1
    most = MOST_PER_MESSAGE if backfill else 1
    largest = HEADER_SIZE[version] + VEHICLE_SIZE + 1 + most * _LONGEST_POSITION + 2
    target = np.empty(len(groups) * (2 * largest + 2), np.uint8)
    size = _write_frames(
        rows,
        np.zeros(len(rows), np.int64) if platform_alarms is None else platform_alarms.astype(np.int64),
        order,
        groups,
        vehicles,
        np.frombuffer(header, np.uint8),
        np.frombuffer(platform.ljust(11, b"\0"), np.uint8),
        secret,
        np.array([first_sn & 0xFFFF_FFFF, kind.sub_type, version is Version.V2019, backfill], np.int64),
        np.empty(largest, np.uint8),
        target,
    )
    return target[:size].tobytes()


def count_frames(rows: ReportRows, *, backfill: bool = False) -> int:
    """How many frames, and so sequence numbers, ``encode_positions`` makes of the rows."""
    return len(_groups(rows, backfill)[1]) if len(rows) else 0


def _vehicles(plates: Sequence[str], colors: Sequence[int]) -> NDArray[np.uint8]:
    """(n, 22) plate and colour of the wrapper."""
    fields: list[bytes] = []
    for plate, color in zip(plates, colors, strict=True):
        raw = gbk(plate)
        if len(raw) > PLATE_SIZE:
            raise CodecError(
                reason="too_long", field="plate", detail=f"{plate!r} has {len(raw)} bytes, the field has {PLATE_SIZE}"
            )
        if not 0 <= color <= 0xFF:
            raise CodecError(reason="out_of_range", field="plate_color", detail=f"{color} does not fit one byte")
        fields.append(raw.ljust(PLATE_SIZE, b"\0") + bytes([color]))
    return np.frombuffer(b"".join(fields), np.uint8).reshape(len(fields), PLATE_SIZE + 1)


def _groups(rows: ReportRows, backfill: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows in the order they go out, and (n, 2) where each frame's begin and end in it."""
    if not backfill:
        places = np.arange(len(rows), dtype=np.int64)
        return places, np.stack([places, places + 1], axis=1)
    _, first, key = np.unique(rows["key"], return_index=True, return_inverse=True)
    order = np.lexsort((rows["fix_ms"], first[key])).astype(np.int64)
    begins = np.flatnonzero(np.diff(first[key][order], prepend=-1))
    ends = np.append(begins[1:], len(rows))
    spans = [
        (at, min(at + MOST_PER_MESSAGE, end))
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True)
        for at in range(begin, end, MOST_PER_MESSAGE)
    ]
    return order, np.array(spans, np.int64)


@compiled
def _clamp(value: int, largest: int) -> int:
    return 0 if value < 0 else min(value, largest)


@compiled
def _write_plain(rows: ReportRows, row: int, target: Bytes, at: int) -> int:
    """The 36 bytes of 2011; the position behind them. Words and coordinates are taken from the 808 body."""
    scratch = np.empty(38, np.uint8)
    write_location(rows, row, scratch, 0)
    report = rows[row]
    target[at] = 0
    write_binary_time(target, at + 1, int(report["fix_ms"]))
    write_u32(target, at + 8, read_u32(scratch, 12))
    write_u32(target, at + 12, read_u32(scratch, 8))
    write_u16(target, at + 16, _clamp((int(report["speed_dkmh"]) + 5) // 10, 0xFFFF))
    write_u16(target, at + 18, _clamp((int(report["recorder_speed_dkmh"]) + 5) // 10, 0xFFFF))
    write_u32(target, at + 20, _clamp(int(report["mileage_m"]) // 1_000, 0xFFFF_FFFF))
    for i in range(2):
        target[at + 24 + i] = scratch[20 + i]
        target[at + 26 + i] = scratch[16 + i]
    write_u32(target, at + 28, read_u32(scratch, 4))
    write_u32(target, at + 32, read_u32(scratch, 0))
    return at + 36


@compiled
def _write_carried(rows: ReportRows, row: int, alarms: int, platform: Bytes, target: Bytes, at: int) -> int:
    """A position of 2019; the position behind it."""
    target[at] = 0
    end = write_location(rows, row, target, at + 5)
    write_u32(target, at + 1, end - at - 5)
    for i in range(45):
        target[end + i] = platform[i] if i < 11 else 0
    write_u32(target, end + 11, _clamp(alarms, 0xFFFF_FFFF))
    return end + 45


@compiled
def _write_frames(
    rows: ReportRows,
    alarms: NDArray[np.int64],
    order: NDArray[np.int64],
    groups: NDArray[np.int64],
    vehicles: NDArray[np.uint8],
    header: Bytes,
    platform: Bytes,
    secret: NDArray[np.int64],
    settings: NDArray[np.int64],
    scratch: Bytes,
    target: Bytes,
) -> int:
    newer = settings[2] != 0
    several = settings[3] != 0
    body = len(header)
    at = 0
    for number in range(len(groups)):
        begin = int(groups[number, 0])
        stop = int(groups[number, 1])
        key = int(rows[order[begin]]["key"])
        for i in range(body):
            scratch[i] = header[i]
        for i in range(22):
            scratch[body + i] = vehicles[key, i]
        write_u16(scratch, body + 22, int(settings[1]))
        end = body + 28
        if several:
            scratch[end] = stop - begin
            end += 1
        for place in range(begin, stop):
            row = int(order[place])
            if newer:
                end = _write_carried(rows, row, int(alarms[row]), platform, scratch, end)
            else:
                end = _write_plain(rows, row, scratch, end)
        write_u32(scratch, body + 24, end - body - 28)
        write_u32(scratch, 0, end + 4)
        write_u32(scratch, 4, (int(settings[0]) + number) & 0xFFFF_FFFF)
        if secret[0] != 0:
            decipher(scratch, body, end, int(secret[1]), int(secret[2]), int(secret[3]), int(secret[4]))
        write_u16(scratch, end, crc_of(scratch, 0, end))
        at = escape_into(scratch, end + 2, target, at)
    return at
