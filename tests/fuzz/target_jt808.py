"""JT/T 808: framing, every message, and what ``monitor decode`` tells.

The first byte of an input says what the rest is: 0 a stream as it travels; 1 a message to be framed with a right check
byte and length, which no mutation would find; 2 and above a body, of the message and edition in the next three bytes.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from hypothesis import given, seed, settings

from monitor.codec.jt808.described import describe
from monitor.codec.jt808.described_body import body_fields
from monitor.codec.jt808.framing import frame
from monitor.codec.jt808.header import LENGTH_MASK, Version, header_size
from monitor.codec.jt808.messages import (
    MESSAGES,
    DriverCard,
    Message,
    Register,
    decode_message,
    encode_frames,
    encode_message,
)
from monitor.errors import CodecError
from tests.property.jt808_messages import messages
from tests.unit.codec.oracle import assert_same_as_plain

_VERSIONS = tuple(Version)
_STREAM, _MESSAGE, _BODY = 0, 1, 2


def check(data: bytes) -> None:
    """One input; AssertionError or anything but the declared error is a defect."""
    kind, rest = (data[0] if data else 0), data[1:]
    if kind == _STREAM:
        _stream(rest)
    elif kind == _MESSAGE:
        _stream(_framed(rest))
    elif len(rest) >= 3:
        _body(int.from_bytes(rest[:2], "big"), _VERSIONS[rest[2] % 3], rest[3:])


def _stream(wire: bytes) -> None:
    """The compiled pass equals the plain decoder, and every frame can be told of."""
    assert_same_as_plain(wire)
    for told in describe(wire):
        assert told.error is None or told.error.reason
        assert msgspec.json.encode(told)


def _framed(message: bytes) -> bytes:
    """A frame whose declared length is its body's, as far as ten bits go."""
    properties = int.from_bytes(message[2:4], "big")
    length = max(0, len(message) - header_size(properties))
    if len(message) >= 4 and length <= LENGTH_MASK:
        message = message[:2] + (properties & ~LENGTH_MASK | length).to_bytes(2, "big") + message[4:]
    return frame(message)


def _body(msg_id: int, version: Version, body: bytes) -> None:
    """A body decodes or is refused, can be told of, and what it is written as is written the same way again."""
    try:
        message = decode_message(msg_id, body, version)
    except CodecError as error:
        if not 0 <= error.offset <= len(body):
            raise AssertionError(f"offset {error.offset} of {len(body)} bytes") from error
        return
    msgspec.json.encode(body_fields(message, version))
    edition = _edition(message, version)
    try:
        once = encode_message(message, edition)
    except CodecError as error:
        # Bytes that are no GBK become U+FFFD, which is longer.
        if error.reason != "out_of_range":
            raise
        return
    if message.tail:
        # With bytes behind it, one edition's layout may be another's that fits better.
        return
    again = decode_message(msg_id, once, edition)
    if isinstance(again, Register) and again.edition != edition:
        # Fields filled up otherwise than they were: neither edition fits a registration without a legal colour.
        return
    assert encode_message(again, _edition(again, edition)) == once


def _edition(message: Message, version: Version) -> Version:
    return message.edition if isinstance(message, Register | DriverCard) else version


def seeds() -> Iterator[bytes]:
    """A message of every class and edition, as a body and as a frame."""
    for kind in MESSAGES.values():
        for number, version in enumerate(_VERSIONS):
            message = _example(kind, version)
            body = encode_message(message, version)
            yield bytes([_BODY]) + message.msg_id.to_bytes(2, "big") + bytes([number]) + body
            if len(body) <= LENGTH_MASK and version != Version.V2011:
                wire, _ = encode_frames(message, phone="13900000001", version=version, serial=number)
                yield bytes([_STREAM]) + wire


def _example(kind: type[Message], version: Version) -> Message:
    """The one with the longest body of the first few that Hypothesis makes from a fixed seed."""
    found: list[Message] = []

    @seed(808)
    @settings(max_examples=20, database=None, deadline=None)
    @given(messages(kind, version))
    def collect(message: Message) -> None:
        found.append(message)

    collect()
    return max(found, key=lambda message: len(encode_message(message, version)))
