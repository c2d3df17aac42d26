"""Laws of the 808 messages: what is written is read again; any bytes are read or give the declared error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.codec.jt808 import Reassembler, Version, decode_frame, decode_message, encode_message
from monitor.codec.jt808.additional import read_additional
from monitor.codec.jt808.described import describe
from monitor.codec.jt808.described_body import body_fields
from monitor.codec.jt808.framing import frame, segments
from monitor.codec.jt808.items import Item
from monitor.codec.jt808.messages import MESSAGES, Message, encode_body_frames, encode_frames
from monitor.errors import CodecError
from tests.property.jt808_messages import ANY_MESSAGE, VERSIONS, messages

Made = TypeVar("Made")
KINDS = pytest.mark.parametrize("kind", list(MESSAGES.values()), ids=lambda kind: kind.__name__)
IDS = st.sampled_from([*MESSAGES, 0x1205, 0x8701, 0xFFFF])


@KINDS
@given(data=st.data())
@settings(max_examples=30)
def test_decoding_undoes_encoding(kind: type[Message], data: st.DataObject) -> None:
    version = data.draw(VERSIONS)
    message = data.draw(messages(kind, version))
    body = encode_message(message, version)
    assert decode_message(message.msg_id, body, version) == message
    assert encode_message(decode_message(message.msg_id, body, version), version) == body


@given(ANY_MESSAGE, st.integers(0, 0xFFFF), st.integers(1, 60))
@settings(max_examples=200)
def test_packets_of_a_message_make_it_again(choice: tuple[Message, Version], serial: int, packet_bytes: int) -> None:
    message, version = choice
    body = encode_message(message, version)
    wire, used = encode_body_frames(
        message.msg_id, body, phone="13912345678", version=version, serial=serial, packet_bytes=packet_bytes
    )
    reassembler = Reassembler()
    whole: bytes | None = None
    frames = [decode_frame(wire[start:end]) for start, end, _ in segments(wire)]
    assert [one.header.serial for one in frames] == [(serial + at) & 0xFFFF for at in range(used)]
    assert used == max(1, -(-len(body) // packet_bytes))
    if used == 1:
        assert wire == encode_frames(message, phone="13912345678", version=version, serial=serial)[0]
        return
    for one in frames:
        assert isinstance(one.body, bytes)
        header = one.header
        whole = reassembler.add(
            phone=bytes.fromhex(header.phone),
            msg_id=header.msg_id,
            serial=header.serial,
            total=header.total,
            index=header.index,
            body=one.body,
            now_ms=0,
        )
    assert whole == body


def told(msg_id: int, body: bytes, version: Version) -> None:
    """Decode, describe and encode; only the declared error may come out."""
    message = _or_error(lambda: decode_message(msg_id, body, version))
    if isinstance(message, CodecError):
        assert message.reason
        assert 0 <= message.offset <= len(body)
        return
    assert msgspec.json.encode(body_fields(message, version))
    again = _or_error(lambda: encode_message(message, version))
    assert not isinstance(again, CodecError) or again.reason == "out_of_range"


def _or_error(call: Callable[[], Made]) -> Made | CodecError:
    """What ``call`` gives, or the declared error; any other goes through."""
    try:
        return call()
    except CodecError as error:
        return error


@given(IDS, st.binary(max_size=120), VERSIONS)
@settings(max_examples=1_500)
def test_any_bytes_are_a_message_or_the_declared_error(msg_id: int, body: bytes, version: Version) -> None:
    told(msg_id, body, version)


@given(
    ANY_MESSAGE,
    VERSIONS,
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4),
    st.integers(0, 400),
    st.binary(max_size=3),
)
@settings(max_examples=800)
def test_a_damaged_message_is_a_message_or_the_declared_error(
    choice: tuple[Message, Version], read_as: Version, hits: list[tuple[int, int]], cut: int, more: bytes
) -> None:
    message, version = choice
    body = bytearray(encode_message(message, version))
    for at, value in hits:
        if at < len(body):
            body[at] = value
    told(message.msg_id, bytes(body[:cut]) + more, read_as)


@given(st.integers(1, 255), st.binary(max_size=80))
@settings(max_examples=400)
def test_any_item_is_read_or_left_raw(item_id: int, value: bytes) -> None:
    assert read_additional([Item(item_id, value)]) is not None


@given(IDS, st.binary(max_size=80), st.integers(0, 0xFFFF), st.binary(min_size=0, max_size=5))
@settings(max_examples=400)
def test_any_frame_is_told_of(msg_id: int, body: bytes, properties: int, junk: bytes) -> None:
    size = len(body) if properties & 1 else properties & 0x3FF
    head = msg_id.to_bytes(2, "big") + (properties & ~0x3FF | size).to_bytes(2, "big") + bytes(8)
    wire = frame(head + (bytes(9) if properties & 0x4000 else b"") + body) + junk
    assert msgspec.json.encode(list(describe(wire)))
