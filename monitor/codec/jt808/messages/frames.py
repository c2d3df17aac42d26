"""Messages to frames, sub-packaged where a body is longer than a frame holds."""

from __future__ import annotations

from typing import Final

from monitor.codec.jt808.bcd import PHONE_BYTES, phone_field
from monitor.codec.jt808.framing import frame
from monitor.codec.jt808.header import LENGTH_MASK, SUBPACKAGED_BIT, VERSION_BIT, Version
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.registry import encode_message
from monitor.errors import CodecError

MAX_BODY: Final = LENGTH_MASK
"""1023 bytes: ten bits of the properties."""
MAX_PACKETS: Final = 0xFFFF
PROTOCOL_VERSION: Final = b"\x01"
"""协议版本号 of 2019."""


def encode_frames(message: Message, *, phone: str, version: Version, serial: int) -> tuple[bytes, int]:
    """The escaped frames of one message, and how many serials they used.

    ``phone`` is hex digits (a header's, or without leading zeros). Packets of a long body have consecutive serials
    from ``serial`` on, which wraps at 0xFFFF. CodecError ``bad_phone`` or ``out_of_range``.
    """
    return encode_body_frames(
        message.msg_id, encode_message(message, version), phone=phone, version=version, serial=serial
    )


def encode_body_frames(
    msg_id: int, body: bytes, *, phone: str, version: Version, serial: int, packet_bytes: int = MAX_BODY
) -> tuple[bytes, int]:
    """As ``encode_frames`` for a body that is there already; ``packet_bytes`` is what one packet holds at most."""
    head = _id_and_phone(msg_id, phone, version)
    if len(body) <= packet_bytes:
        return _frame(head, body, version, serial, b""), 1
    packets = [body[at : at + packet_bytes] for at in range(0, len(body), packet_bytes)]
    total = len(packets)
    if total > MAX_PACKETS:
        raise CodecError(reason="out_of_range", field="total", detail=f"message 0x{msg_id:04X}: {total} packets")
    stream = b"".join(
        _frame(head, packet, version, serial + index, total.to_bytes(2, "big") + (index + 1).to_bytes(2, "big"))
        for index, packet in enumerate(packets)
    )
    return stream, total


def _id_and_phone(msg_id: int, phone: str, version: Version) -> tuple[bytes, bytes]:
    field = phone_field(phone)
    if version != Version.V2019:
        short = PHONE_BYTES - 6
        if any(field[:short]):
            raise CodecError(
                reason="bad_phone", field="phone", detail=f"{phone!r} has more than the 12 digits of {int(version)}"
            )
        field = field[short:]
    return msg_id.to_bytes(2, "big"), field


def _frame(head: tuple[bytes, bytes], body: bytes, version: Version, serial: int, part: bytes) -> bytes:
    newer = version == Version.V2019
    properties = len(body) | (VERSION_BIT if newer else 0) | (SUBPACKAGED_BIT if part else 0)
    msg_id, field = head
    return frame(
        msg_id
        + properties.to_bytes(2, "big")
        + (PROTOCOL_VERSION + field if newer else field)
        + (serial & 0xFFFF).to_bytes(2, "big")
        + part
        + body
    )
