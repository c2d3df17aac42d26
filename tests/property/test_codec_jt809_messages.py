"""Laws of every 809 message in every edition: what is encoded is what is decoded."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.codec.jt809.cipher import Cipher
from monitor.codec.jt809.fields import (
    Clock,
    Content,
    Field,
    Identifier,
    Number,
    Octets,
    Phone,
    Platform,
    RestText,
    Seconds,
    Text,
)
from monitor.codec.jt809.frame import decode_frame, encode_frame
from monitor.codec.jt809.framing import split_frames
from monitor.codec.jt809.gnss import AnyPosition, CarriedGnss, CarriedPosition, Judgement, PlainGnss, Position
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.layout import Layout
from monitor.codec.jt809.links import LastSequence
from monitor.codec.jt809.message import Form, Message, RawMessage, VehicleMessage
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.codec.jt809.positions import MOST_PER_MESSAGE, POSITION_TYPES, SEVERAL
from monitor.codec.jt809.registry import LAYOUTS, decode_message, encode_message
from monitor.codec.jt809.static import UpVehicleAddedReply
from monitor.codec.jt809.wrappers import has_plate
from monitor.codec.jt809.writer import cut_gbk, gbk

LETTERS = st.sampled_from("粤川测试驾驶员超速A1b2-.:=;/€𠀀é")


@st.composite
def texts(draw: st.DrawFn, size: int) -> str:
    """Text of at most ``size`` bytes on the wire."""
    text = draw(st.text(LETTERS, max_size=min(size, 40)))
    return cut_gbk(text, size).decode("gb18030")


def _numbers(size: int) -> st.SearchStrategy[int]:
    return st.integers(0, (1 << 8 * size) - 1)


SECONDS_MS = st.integers(0, 99_999_999_999).map(lambda second: second * 1_000)
FIX_MS = st.integers(946_656_000, 4_102_415_999).map(lambda second: second * 1_000)


@st.composite
def plain_positions(draw: st.DrawFn) -> Position:
    lon, lat = draw(st.integers(-180_000_000, 180_000_000)) / 1e6, draw(st.integers(-90_000_000, 90_000_000)) / 1e6
    status = draw(_numbers(4)) & ~0xC | (4 if lat < 0 else 0) | (8 if lon < 0 else 0)
    return Position(
        fix_ms=draw(FIX_MS),
        lon_deg=lon,
        lat_deg=lat,
        speed_kmh=draw(_numbers(2)),
        recorder_speed_kmh=draw(_numbers(2)),
        mileage_km=draw(_numbers(4)),
        heading_deg=draw(_numbers(2)),
        altitude_m=draw(st.integers(-0x8000, 0x7FFF)),
        status=status,
        alarm_flags=draw(_numbers(4)),
        encrypted=draw(_numbers(1)),
    )


@st.composite
def carried_positions(draw: st.DrawFn) -> CarriedPosition:
    judgements = tuple(Judgement(platform_id=draw(texts(11)), alarm_flags=draw(_numbers(4))) for _ in range(3))
    return CarriedPosition(
        gnss=draw(st.binary(min_size=28, max_size=60)), judgements=judgements, encrypted=draw(_numbers(1))
    )


def _positions(version: Version) -> st.SearchStrategy[AnyPosition]:
    return plain_positions() if version is Version.V2011 else carried_positions()


def _value(field: Field, draw: st.DrawFn, version: Version) -> object:
    match field:
        case Number(_, size):
            return draw(_numbers(size))
        case Seconds(_, ms):
            return draw(st.integers(100_000_000_000, 200_000_000_000_000) if ms else SECONDS_MS)
        case Clock():
            return draw(FIX_MS)
        case Identifier(_, size) | Text(_, size):
            return draw(texts(size))
        case Phone(_, size):
            return draw(st.text("0123456789", min_size=size, max_size=size))
        case Platform():
            return draw(st.one_of(st.just("\x01" * 11), texts(11)))
        case Content(_, _, most):
            return draw(texts(min(most, 300)))
        case RestText():
            return draw(texts(300))
        case Octets():
            return draw(st.binary(max_size=100))
        case PlainGnss():
            return draw(st.one_of(st.none(), plain_positions()))
        case CarriedGnss():
            return draw(st.one_of(st.none(), carried_positions()))
    name = getattr(field, "name", "")
    if name == "position":
        return draw(_positions(version))
    if name == "positions":
        return tuple(draw(st.lists(_positions(version), min_size=1, max_size=MOST_PER_MESSAGE)))
    if name == "sequences":
        one = st.builds(LastSequence, sub_type=_numbers(2), sn=_numbers(4), at_ms=SECONDS_MS)
        return tuple(draw(st.lists(one, max_size=9)))
    return None


@st.composite
def messages(draw: st.DrawFn, layout: Layout) -> Message:
    """A message that the layout can carry without loss."""
    values: dict[str, object] = {"form": layout.form}
    for field in layout.fields:
        value = _value(field, draw, layout.version)
        name = getattr(field, "name", "")
        if name:
            values[name] = value
    if issubclass(layout.kind, VehicleMessage) and has_plate(layout.kind.msg_id, layout.version):
        values["plate"] = draw(texts(21))
        values["plate_color"] = draw(_numbers(1)) if values["plate"] else 0
    return layout.kind(**values)  # type: ignore[arg-type]


CASES = st.sampled_from(LAYOUTS).flatmap(lambda layout: st.tuples(st.just(layout), messages(layout)))


@given(CASES)
@settings(max_examples=1_500)
def test_decoding_undoes_encoding_of_every_message_in_every_edition(case: tuple[Layout, Message]) -> None:
    layout, message = case
    body = encode_message(message, layout.version)
    again = decode_message(message.msg_id, body, layout.version)
    assert again == message
    assert encode_message(again, layout.version) == body


@given(CASES, st.builds(Cipher, *[st.integers(0, 0xFFFF_FFFF)] * 3), st.integers(0, 0xFFFF_FFFF), st.booleans())
@settings(max_examples=300)
def test_encrypted_frames_come_back(case: tuple[Layout, Message], cipher: Cipher, key: int, secret: bool) -> None:
    layout, message = case
    wire = encode_frame(
        message,
        version=layout.version,
        access_code=key,
        sn=key,
        cipher=cipher if secret else None,
        key=key,
        time_s=1_772_424_000,
    )
    frames, consumed = split_frames(wire + wire)
    assert frames == [wire, wire]
    assert consumed == 2 * len(wire)
    frame = decode_frame(wire, layout.version, cipher)
    assert frame.message == message
    assert frame.outcome in (FrameOutcome.DECODED, FrameOutcome.ITEMS_OVERRUN)
    assert (frame.header.length, frame.header.sn, frame.header.access_code) == (_unescaped_size(wire), key, key)


def _unescaped_size(wire: bytes) -> int:
    return len(wire) - wire.count(b"\x5a") - wire.count(b"\x5e")


@given(CASES)
@settings(max_examples=500)
def test_a_layout_of_the_other_edition_is_read_and_repeated(case: tuple[Layout, Message]) -> None:
    layout, message = case
    other = Version.V2011 if layout.version is Version.V2019 else Version.V2019
    if message.sub_type in POSITION_TYPES and layout.version is Version.V2019:
        return  # a link of 2011 has positions of 36 bytes only
    if has_plate(message.msg_id, other) is not has_plate(message.msg_id, layout.version):
        return
    body = encode_message(message, layout.version)
    try_again = decode_message(message.msg_id, body, other)
    if not isinstance(try_again, type(message)) or message.sub_type in SEVERAL:
        return
    if isinstance(message, UpVehicleAddedReply):
        return  # nothing but text in 2011, so every layout is one of 2011
    assert encode_message(try_again, other) == body


@given(st.binary(max_size=100), st.sampled_from([0x1700, 0x9800, 0x7777]), st.sampled_from(list(Version)))
def test_unknown_messages_keep_their_bytes(data: bytes, msg_id: int, version: Version) -> None:
    body = bytes(22) + (msg_id + 1).to_bytes(2, "big") + len(data).to_bytes(4, "big") + data
    message = decode_message(msg_id, body, version)
    assert isinstance(message, RawMessage)
    assert encode_message(message, version) == body


@given(st.text(LETTERS, max_size=900))
def test_long_texts_are_cut_at_a_character(text: str) -> None:
    raw = cut_gbk(text, 1_024)
    assert len(raw) <= 1_024
    assert text.startswith(raw.decode("gb18030"))
    assert raw == gbk(text) or len(raw) > 1_020


def test_every_form_is_told_from_the_other_edition() -> None:
    assert {form.there for form in Form} == {Form.STANDARD, Form.PLAIN, Form.VARIANT}
