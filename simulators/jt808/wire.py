"""The frames of a log-in, a heartbeat and an answer, and reading what the platform says.

Written out here rather than by the message codec: a terminal has to be an independent witness of what the server
under test reads and writes, and these few are sent by the ten thousand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.codec.jt808.encode import encode_location_stream
from monitor.codec.jt808.framing import checksum, frame, unescape
from monitor.codec.jt808.header import LENGTH_MASK, SUBPACKAGED_BIT, VERSION_BIT, Version, decode_header
from monitor.errors import CodecError
from monitor.model.report import ReportRows
from simulators.jt808.identity import TerminalIdentity

TERMINAL_REPLY = 0x0001
HEARTBEAT = 0x0002
UNREGISTER = 0x0003
REGISTER = 0x0100
AUTHENTICATE = 0x0102
LOCATION = 0x0200
POSITION_REPLY = 0x0201
DRIVER_CARD = 0x0702
BACKFILL = 0x0704
PLATFORM_REPLY = 0x8001
RETRANSMIT = 0x8003
TIME_REPLY = 0x8004
REGISTER_REPLY = 0x8100

MAX_BODY = int(LENGTH_MASK)


@dataclass(frozen=True, slots=True)
class Received:
    """A message of the platform. ``sound`` is False if it is no frame or its check byte is wrong."""

    msg_id: int
    serial: int
    body: bytes
    phone: bytes = b""
    newer: bool = False
    total: int = 1
    index: int = 1
    sound: bool = True


def header(identity: TerminalIdentity, msg_id: int, size: int, serial: int, packet: tuple[int, int] | None) -> bytes:
    """Header of a body of ``size`` bytes; ``packet`` is total and index of a sub-package."""
    newer = identity.version is Version.V2019
    properties = size | (VERSION_BIT if newer else 0) | (SUBPACKAGED_BIT if packet else 0)
    return (
        msg_id.to_bytes(2, "big")
        + properties.to_bytes(2, "big")
        + (b"\x01" if newer else b"")
        + identity.phone_bytes
        + serial.to_bytes(2, "big")
        + (packet[0].to_bytes(2, "big") + packet[1].to_bytes(2, "big") if packet else b"")
    )


def frames(
    identity: TerminalIdentity, msg_id: int, body: bytes, serial: int, packet_bytes: int = MAX_BODY
) -> list[bytes]:
    """The frame of a message, or its packets with consecutive serials where the body exceeds ``packet_bytes``."""
    if len(body) <= packet_bytes:
        return [frame(header(identity, msg_id, len(body), serial, None) + body)]
    pieces = [body[at : at + packet_bytes] for at in range(0, len(body), packet_bytes)]
    return [
        frame(header(identity, msg_id, len(piece), (serial + n) & 0xFFFF, (len(pieces), n + 1)) + piece)
        for n, piece in enumerate(pieces)
    ]


def register_body(identity: TerminalIdentity) -> bytes:
    """0x0100: fixed fields padded behind with NUL, then the plate in GBK."""
    maker, model, terminal_id = {
        Version.V2011: (5, 8, 7),
        Version.V2013: (5, 20, 7),
        Version.V2019: (11, 30, 30),
    }[identity.version]
    return (
        identity.province.to_bytes(2, "big")
        + identity.county.to_bytes(2, "big")
        + identity.maker.encode("ascii")[:maker].ljust(maker, b"\0")
        + identity.model.encode("ascii")[:model].ljust(model, b"\0")
        + identity.terminal_id.encode("ascii")[:terminal_id].ljust(terminal_id, b"\0")
        + bytes([identity.color_code])
        + identity.plate.encode("gb18030")
    )


def authenticate_body(identity: TerminalIdentity, code: str) -> bytes:
    """0x0102: the code alone, in 2019 with its length, the IMEI and the software's version."""
    text = code.encode("gb18030")
    if identity.version is not Version.V2019:
        return text
    imei = identity.imei.encode("ascii")[:15].ljust(15, b"\0")
    return bytes([len(text)]) + text + imei + identity.software.encode("ascii")[:20].ljust(20, b"\0")


def reply_body(reply_serial: int, reply_id: int, result: int) -> bytes:
    """0x0001, and 0x8001, which looks the same."""
    return reply_serial.to_bytes(2, "big") + reply_id.to_bytes(2, "big") + bytes([result])


class Splitter:
    """Cuts what arrives into segments; keeps the beginning of a frame for the next call."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def segments(self, data: bytes) -> list[bytes]:
        """Escaped bytes between delimiters, empty ones left out."""
        pieces = (self._rest + data).split(b"\x7e")
        self._rest = pieces.pop()
        return [piece for piece in pieces if piece]


def received(segment: bytes) -> Received:
    """One segment; never raises."""
    try:
        message = unescape(segment)
        head = decode_header(message)
    except CodecError:
        return Received(0, 0, segment, sound=False)
    return Received(
        msg_id=head.msg_id,
        serial=head.serial,
        body=message[head.size : -1],
        phone=bytes.fromhex(head.phone),
        newer=head.version is Version.V2019,
        total=head.total,
        index=head.index,
        sound=checksum(message) == 0 and head.body_length == len(message) - head.size - 1,
    )


def renumbered(identity: TerminalIdentity, frame: bytes, serial: int) -> bytes:
    """A frame that is no packet, under another serial."""
    message = received(frame[1:-1])
    return frames(identity, message.msg_id, message.body, serial)[0]


def packets_asked_for(message: Received) -> tuple[int, list[int]]:
    """0x8003: serial of the first packet, and indexes from 1. Their count is a BYTE, in 2019 a WORD."""
    at = 4 if message.newer else 3
    body = message.body
    return int.from_bytes(body[:2], "big"), [
        int.from_bytes(body[i : i + 2], "big") for i in range(at, len(body) - 1, 2)
    ]


def location_bodies(rows: ReportRows) -> list[bytes]:
    """The 0x0200 body of each row, which is the same in all editions."""
    alone = rows.copy()
    alone["key"] = 0
    stream = encode_location_stream(alone, ("1",), Version.V2013)
    return [unescape(piece[1:-1])[12:-1] for piece in split_frames(stream)] if len(rows) else []


def batch_body(rows: ReportRows) -> bytes:
    """0x0704 of type 1, blind-area backfill 盲区补报."""
    items = location_bodies(rows)
    return len(items).to_bytes(2, "big") + b"\x01" + b"".join(len(item).to_bytes(2, "big") + item for item in items)


def split_frames(stream: bytes) -> Iterator[bytes]:
    """Whole frames, delimiters included, of a stream of sound ones written one behind the other."""
    for piece in stream[1:-1].split(b"\x7e\x7e"):
        yield b"\x7e" + piece + b"\x7e"
