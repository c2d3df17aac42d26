"""Whole frames, one at a time: decode and encode."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.codec.jt809.cipher import Cipher
from monitor.codec.jt809.crc import crc16
from monitor.codec.jt809.framing import check_crc, escape, message_of
from monitor.codec.jt809.header import FRAMING_SIZE, HEADER_SIZE, Header, Version, decode_header, encode_header
from monitor.codec.jt809.message import Message
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.codec.jt809.registry import encode_message, read_body
from monitor.errors import CodecError

V1_2_15 = b"\x01\x02\x0f"
"""VERSION_FLAG of the example in the standard."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A sound frame. ``outcome`` is never a rejected one; ``offset`` counts from the 5B, in unescaped bytes."""

    header: Header
    message: Message
    outcome: FrameOutcome
    offset: int


def decode_frame(segment: bytes, version: Version, cipher: Cipher | None = None) -> Frame:
    """Decode ``5B ... 5D``; CodecError with the reason of a rejected ``FrameOutcome``."""
    message, lone_at = message_of(segment)
    header = decode_header(message, version)
    check_crc(message, lone_at)
    body = message[header.size : -2]
    if header.encrypted:
        if cipher is None:
            raise CodecError(
                reason=FrameOutcome.ENCRYPTED.reason,
                field=FrameOutcome.ENCRYPTED.field,
                offset=18,
                detail="the body is encrypted and the link has no parameters (M1, IA1, IC1)",
            )
        body = cipher.apply(header.encrypt_key, body)
    read = read_body(header.msg_id, body, version, base=1 + header.size)
    if header.length != len(message) + 2 and read.outcome is not FrameOutcome.NO_POSITION:
        return Frame(header, read.message, FrameOutcome.LENGTH_MISMATCH, 1)
    if lone_at >= 0 and read.outcome is FrameOutcome.DECODED:
        return Frame(header, read.message, FrameOutcome.LONE_ESCAPE, lone_at)
    return Frame(header, read.message, read.outcome, read.offset)


def encode_frame(
    message: Message,
    *,
    version: Version,
    access_code: int,
    sn: int,
    cipher: Cipher | None = None,
    key: int = 0,
    version_flag: bytes = V1_2_15,
    time_s: int = 0,
) -> bytes:
    """``5B ... 5D``, encrypted with ``key`` if there is a ``cipher``.

    CodecError ``out_of_range``, ``too_long`` (a plate above 21 bytes) or ``no_layout`` (not in this edition).
    """
    body = encode_message(message, version)
    header = Header(
        length=HEADER_SIZE[version] + len(body) + FRAMING_SIZE,
        sn=sn,
        msg_id=message.msg_id,
        access_code=access_code,
        version_flag=version_flag,
        encrypt_flag=0 if cipher is None else 1,
        encrypt_key=key,
        time_s=time_s,
        version=version,
    )
    plain = encode_header(header) + (body if cipher is None else cipher.apply(key, body))
    return b"\x5b" + escape(plain + crc16(plain).to_bytes(2, "big")) + b"\x5d"
