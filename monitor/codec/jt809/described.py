"""Frames for people: every field by name, one record per frame, ready for JSON.

Takes raw frames or lines of hex; built on the plain codec. Record fields are those of ``monitor decode``. The edition
is told frame by frame (``guessed_version``).
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

import msgspec

from monitor.codec.jt808.described import HEX_ONLY, NOT_HEX, FrameError, from_hex
from monitor.codec.jt808.items import Item
from monitor.codec.jt808.messages.position import Location
from monitor.codec.jt809.cipher import Cipher
from monitor.codec.jt809.frame import Frame, decode_frame
from monitor.codec.jt809.framing import message_of, segments
from monitor.codec.jt809.gnss import AnyPosition, CarriedPosition, fix_ms_of, reading_of
from monitor.codec.jt809.header import Header, decode_header, guessed_version
from monitor.codec.jt809.message import Form, Message, VehicleMessage
from monitor.codec.jt809.positions import (
    DownCarLocation,
    DownHistoryLocation,
    UpHistoryLocation,
    UpRealLocation,
    positions_of,
)
from monitor.errors import CodecError
from monitor.model.beijing import iso
from monitor.model.plate import color_of_code, folded_plate
from monitor.model.report import plate_key

Fields = dict[str, object]
"""Values by name, ready for JSON."""


class DecodedPosition(msgspec.Struct):
    """A position report in the product's columns; ``vehicle_id`` is ``plate:<colour>:<plate>``."""

    vehicle_id: str
    fix_time: str | None
    lon: float
    lat: float
    speed_kmh: float
    heading_deg: int
    altitude_m: int
    mileage_km: float | None
    recorder_speed_kmh: float | None
    status: int
    alarm_flags: int
    acc_on: bool
    positioned: bool
    backfill: int


class DecodedExchange(msgspec.Struct):
    """One line of output; null where there is nothing to read. Of a refused frame the header is only what it claims."""

    msg_id: str | None = None
    sub_type: str | None = None
    phone: None = None
    version: int | None = None
    serial: int | None = None
    access_code: int | None = None
    plate: str | None = None
    plate_color: int | None = None
    body: Fields | None = None
    reports: list[DecodedPosition] = []
    error: FrameError | None = None


def describe(data: bytes, cipher: Cipher | None = None) -> Iterator[DecodedExchange]:
    """Every frame in ``data``: raw frames, or lines of hex (empty lines and those beginning with # are left out)."""
    if not is_text(data):
        yield from _describe_stream(data, cipher)
        return
    for number, line in enumerate(data.decode("ascii").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        raw = from_hex(text)
        if raw is None:
            bad = next((at for at, letter in enumerate(text) if not HEX_ONLY.fullmatch(letter)), len(text))
            yield DecodedExchange(error=FrameError(NOT_HEX, f"line {number}", bad, "no bytes in hex"))
            continue
        yield from _describe_stream(raw, cipher)


def is_text(data: bytes) -> bool:
    """Hex files are ASCII; a raw frame has NUL in its length field."""
    return data.isascii() and b"\x00" not in data and not data.startswith(b"\x5b")


def _describe_stream(data: bytes, cipher: Cipher | None) -> Iterator[DecodedExchange]:
    for start, end in segments(data, final=True):
        yield _describe_segment(data[start:end], cipher)


def _describe_segment(segment: bytes, cipher: Cipher | None) -> DecodedExchange:
    try:
        version = guessed_version(message_of(segment)[0])
        frame = decode_frame(segment, version, cipher)
    except CodecError as error:
        decoded = _claimed(segment)
        decoded.error = FrameError(error.reason, error.field, error.offset, error.detail)
        return decoded
    decoded = _headed(frame.header)
    message = frame.message
    decoded.sub_type = f"0x{message.sub_type:04X}" if message.sub_type else None
    if isinstance(message, VehicleMessage) and (message.plate or message.plate_color):
        decoded.plate, decoded.plate_color = message.plate, message.plate_color
    decoded.body = _fields(message)
    decoded.reports = _reports(message)
    decoded.error = _remark(frame)
    return decoded


def _headed(header: Header) -> DecodedExchange:
    return DecodedExchange(
        msg_id=f"0x{header.msg_id:04X}",
        version=int(header.version),
        serial=header.sn,
        access_code=header.access_code,
    )


def _claimed(segment: bytes) -> DecodedExchange:
    """What the header of a refused frame says, if there is one; not to be relied on."""
    try:
        message, _ = message_of(segment)
        return _headed(decode_header(message, guessed_version(message)))
    except CodecError:
        return DecodedExchange()


def _remark(frame: Frame) -> FrameError | None:
    if not frame.outcome.remarked:
        return None
    return FrameError(frame.outcome.reason, frame.outcome.field, frame.offset, "what fits was decoded")


def _fields(message: Message) -> Fields:
    """Fields of a message; those of the wrapper and empty remarks are left out."""
    left_out = {"plate", "plate_color"} if isinstance(message, VehicleMessage) else set()
    if message.form is Form.STANDARD:
        left_out.add("form")
    if not message.tail:
        left_out.add("tail")
    fields = _named(msgspec.structs.asdict(message), left_out)
    if message.form is not Form.STANDARD:
        fields["form"] = message.form.name.lower()
    return fields


def _named(values: dict[str, object], left_out: set[str]) -> Fields:
    fields: Fields = {}
    for name, value in values.items():
        if name in left_out:
            continue
        if name.endswith("_ms") and isinstance(value, int):
            fields[f"{name.removesuffix('_ms')}_time"] = iso(value) if value else None
        else:
            fields[name] = _shown(value)
    return fields


def _shown(value: object) -> object:
    """A value as JSON has it: bytes in hex, items by name, positions with what is carried in them."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_shown(one) for one in value]
    if isinstance(value, Item):
        return {"id": f"0x{value.id:02X}", "name": value.name, "value": value.value.hex()}
    if isinstance(value, CarriedPosition):
        fields = _named(msgspec.structs.asdict(value), set())
        reading = value.reading
        fields["location"] = None if reading is None else _shown(reading)
        return fields
    if isinstance(value, Location):
        fields = _named(msgspec.structs.asdict(value), set() if value.tail else {"tail"})
        fields["time"] = value.time.isoformat() if value.time else None
        return fields
    if isinstance(value, msgspec.Struct):
        return _named(msgspec.structs.asdict(value), set())
    return int(value) if isinstance(value, IntEnum) else value


def _reports(message: Message) -> list[DecodedPosition]:
    """Reports sorted by fix time, as the product takes them in."""
    if not isinstance(message, UpRealLocation | UpHistoryLocation | DownCarLocation | DownHistoryLocation):
        return []
    key = plate_key(color_of_code(message.plate_color).value, folded_plate(message.plate))
    backfill = isinstance(message, UpHistoryLocation | DownHistoryLocation)
    found = [_report(position, key, backfill) for position in positions_of(message)]
    reports = [(fix_ms, report) for fix_ms, report in found if report is not None]
    return [report for _, report in sorted(reports, key=lambda pair: pair[0])]


def _report(position: AnyPosition, key: str, backfill: bool) -> tuple[int, DecodedPosition | None]:
    reading = reading_of(position)
    if reading is None:
        return 0, None
    fix_ms = fix_ms_of(reading)
    return fix_ms, DecodedPosition(
        vehicle_id=key,
        fix_time=iso(fix_ms) if fix_ms else None,
        lon=reading.lon_deg,
        lat=reading.lat_deg,
        speed_kmh=float(reading.speed_kmh),
        heading_deg=reading.heading_deg,
        altitude_m=reading.altitude_m,
        mileage_km=None if reading.mileage_km is None else float(reading.mileage_km),
        recorder_speed_kmh=None if reading.recorder_speed_kmh is None else float(reading.recorder_speed_kmh),
        status=reading.status,
        alarm_flags=reading.alarm_flags,
        acc_on=bool(reading.status & 1),
        positioned=bool(reading.status & 2),
        backfill=int(backfill),
    )
