"""Frames for people: every field by name, one record per frame, ready for JSON.

Takes raw frames or lines of hex; built on the plain codec. Record fields are those of ``monitor decode``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from monitor.codec.jt808.described_body import BodyFields, PacketFields, RawFields, body_fields
from monitor.codec.jt808.framing import segments, unescape
from monitor.codec.jt808.header import Header, decode_header
from monitor.codec.jt808.messages import (
    Location,
    LocationBatch,
    MediaData,
    Message,
    PositionReply,
    Register,
    VehicleControlReply,
    decode_message,
)
from monitor.codec.jt808.outcome import FrameOutcome
from monitor.codec.jt808.plain import Frame, decode_body, decode_frame
from monitor.codec.jt808.reassembly import Reassembler
from monitor.errors import CodecError
from monitor.model.report import TERMINAL_PREFIX, terminal_key


class FrameError(msgspec.Struct):
    """What is wrong with a frame: a stable word, the field and its offset in the unescaped bytes."""

    reason: str
    field: str
    offset: int
    detail: str = ""


class DecodedReport(msgspec.Struct):
    """A position report in the product's columns."""

    terminal_phone: str
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


class DecodedFrame(msgspec.Struct):
    """One line of output; null where there is nothing to read. Of a refused frame the header is only what it claims."""

    msg_id: str | None = None
    phone: str | None = None
    version: int | None = None
    serial: int | None = None
    body: BodyFields | None = None
    reports: list[DecodedReport] = []
    error: FrameError | None = None


_CUT_OFF = {FrameOutcome.BAD_ESCAPE.reason, FrameOutcome.TOO_SHORT.reason, FrameOutcome.BAD_CHECKSUM.reason}
HEX_ONLY = re.compile(r"(0x)?[0-9A-Fa-f\s:,-]+")
_BETWEEN = re.compile(r"0x|[\s:,-]")
NOT_HEX = "not_hex"


def describe(data: bytes) -> Iterator[DecodedFrame]:
    """Every frame in ``data``: raw frames, or lines of hex (empty lines and those beginning with # are left out)."""
    reassembler = Reassembler()
    if not _is_text(data):
        yield from _decode_stream(data, reassembler)
        return
    for number, line in enumerate(data.decode("ascii").splitlines(), 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        frame_bytes = from_hex(text)
        if frame_bytes is None:
            bad = next((at for at, letter in enumerate(text) if not HEX_ONLY.fullmatch(letter)), len(text))
            yield DecodedFrame(error=FrameError(NOT_HEX, f"line {number}", bad, "no bytes in hex"))
            continue
        yield from _decode_stream(frame_bytes, reassembler)


def _is_text(data: bytes) -> bool:
    """Hex files are ASCII without 7E (the tilde); a raw frame has one at each end."""
    return data.isascii() and b"\x7e" not in data and b"\x00" not in data


def from_hex(text: str) -> bytes | None:
    """Bytes of hex digits with blanks, colons or 0x between them; None if it is no hex."""
    try:
        return bytes.fromhex(_BETWEEN.sub("", text))
    except ValueError:
        return None


def _decode_stream(data: bytes, reassembler: Reassembler) -> Iterator[DecodedFrame]:
    for start, end, closed in segments(data):
        yield _decode_segment(data[start:end], closed, reassembler)


def _decode_segment(segment: bytes, closed: bool, reassembler: Reassembler) -> DecodedFrame:
    try:
        frame = decode_frame(segment)
    except CodecError as error:
        if not closed and error.reason in _CUT_OFF:
            error = CodecError(
                reason=FrameOutcome.TRUNCATED.reason, field="frame", offset=len(segment), detail="no closing 7E"
            )
        decoded = _claimed(segment)
        decoded.error = _error(error, 0)
        return decoded
    header = frame.header
    decoded = _headed(header)
    if isinstance(frame.body, Message):
        _tell(decoded, frame.body, header)
        decoded.error = _remark(frame)
    elif header.encrypted:
        decoded.body = RawFields(frame.body.hex())
        decoded.error = _outcome(FrameOutcome.ENCRYPTED, 2, "the body is encrypted")
    elif header.subpackaged and header.total != 1:
        decoded.body = PacketFields(header.total, header.index, frame.body.hex())
        if not 1 <= header.index <= header.total or frame.outcome is FrameOutcome.LENGTH_MISMATCH:
            decoded.error = _outcome(FrameOutcome.BAD_PART, header.size - 4, "no packet of a whole message")
        else:
            _complete(decoded, header, frame.body, reassembler)
    else:
        _decode_body(decoded, header, frame.body, header.size)
        decoded.error = decoded.error or _remark(frame)
    return decoded


def _headed(header: Header) -> DecodedFrame:
    return DecodedFrame(
        msg_id=f"0x{header.msg_id:04X}", phone=header.phone, version=int(header.version), serial=header.serial
    )


def _claimed(segment: bytes) -> DecodedFrame:
    """What the header of a refused frame says, if there is one; not to be relied on."""
    try:
        return _headed(decode_header(unescape(segment)))
    except CodecError:
        return DecodedFrame()


def _complete(decoded: DecodedFrame, header: Header, packet: bytes, reassembler: Reassembler) -> None:
    """Put the whole message and its reports at its last packet."""
    body = reassembler.add(
        phone=bytes.fromhex(header.phone),
        msg_id=header.msg_id,
        serial=header.serial,
        total=header.total,
        index=header.index,
        body=packet,
        now_ms=0,
    )
    if body is None:
        return
    if not header.location:
        _decode_body(decoded, header, body, 0)
        return
    try:
        whole, outcome, offset = decode_body(header.msg_id, body)
    except CodecError as error:
        decoded.error = _error(error, 0)
        return
    _tell(decoded, whole, header)
    if outcome.remarked:
        decoded.error = _outcome(outcome, offset, "")


def _decode_body(decoded: DecodedFrame, header: Header, body: bytes, begin: int) -> None:
    """Any message; ``begin`` is where its body begins in the unescaped bytes. A body that is none stays raw."""
    try:
        message = decode_message(header.msg_id, body, header.version)
    except CodecError as error:
        decoded.body = RawFields(body.hex())
        decoded.error = _error(error, begin)
        return
    _tell(decoded, message, header)


def _tell(decoded: DecodedFrame, message: Message, header: Header) -> None:
    version = header.version
    if isinstance(message, Register):
        version = message.edition
        decoded.version = int(version)
    decoded.body = body_fields(message, version)
    decoded.reports = _reports(message, header.phone)


def _error(error: CodecError, begin: int) -> FrameError:
    return FrameError(error.reason, error.field, begin + error.offset, error.detail)


def _outcome(outcome: FrameOutcome, offset: int, detail: str) -> FrameError:
    return FrameError(outcome.reason, outcome.field, offset, detail)


def _remark(frame: Frame) -> FrameError | None:
    if not frame.outcome.remarked:
        return None
    return _outcome(frame.outcome, frame.offset, "what fits was decoded")


def _locations(message: Message) -> tuple[Location, ...]:
    """The positions in a message, in the order sent."""
    if isinstance(message, Location):
        return (message,)
    if isinstance(message, LocationBatch):
        return message.locations
    if isinstance(message, PositionReply | VehicleControlReply | MediaData) and message.location is not None:
        return (message.location,)
    return ()


def _reports(message: Message, phone: str) -> list[DecodedReport]:
    """Reports sorted by fix time, as the product takes them in."""
    backfill = isinstance(message, LocationBatch) and message.backfill
    in_order = sorted(_locations(message), key=lambda location: location.time.timestamp() if location.time else 0.0)
    return [
        DecodedReport(
            terminal_phone=terminal_key(phone).removeprefix(TERMINAL_PREFIX),
            fix_time=location.time.isoformat() if location.time else None,
            lon=location.lon_deg,
            lat=location.lat_deg,
            speed_kmh=location.speed_kmh,
            heading_deg=location.heading_deg,
            altitude_m=location.altitude_m,
            mileage_km=location.mileage_km,
            recorder_speed_kmh=location.recorder_speed_kmh,
            status=location.status,
            alarm_flags=location.alarm_flags,
            acc_on=location.acc_on,
            positioned=location.positioned,
            backfill=int(backfill),
        )
        for location in in_order
    ]
