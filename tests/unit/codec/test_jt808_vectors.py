"""Published frames and bodies: the compiled pass, the plain decoder, the messages and the published values agree."""

from __future__ import annotations

import enum
from collections import Counter
from dataclasses import dataclass

import msgspec

from monitor.codec.jt808 import Header, Message, Version, decode_frame, decode_message, encode_frames, encode_message
from monitor.codec.jt808.described import DecodedFrame, describe
from monitor.codec.jt808.framing import checksum, escape, segments, unescape
from monitor.codec.jt808.messages import MESSAGES, DriverCard, LocationBatch, RawMessage, Register
from monitor.codec.jt808.outcome import FrameOutcome
from monitor.codec.jt808.stream import decode_location_stream
from monitor.errors import CodecError
from monitor.model.report import terminal_key
from tests import vector_report
from tests.unit.codec.jt808_assertions import ANY_OF, Assertion, assertions, same
from tests.unit.codec.jt808_vectors import (
    BodyVector,
    ComputedLocation,
    FrameVector,
    body_vectors,
    escape_vectors,
    frame_vectors,
)
from tests.unit.codec.jt808_words import Words, words_of
from tests.unit.codec.oracle import assert_same_as_plain, frame_or_error

POSITIONS = ("0x0200", "0x0704")

NOT_CANONICAL = {
    "7e0100405c01000008664960775821645218": "plate: filled up with NUL",
    "7e01000021013345678906000f002c012f373031313142534a2d4d37": "model: filled up with a blank",
    "7e010000190940278494700012": "plate: one NUL",
    "7e0100002e0123456789017fff001f00730000000034": "maker, model: NUL in front",
    "7e07020062018271208625020201260409172739001": "name: 20 bytes filled up with NUL",
    "7e8105004801234567890000010101": "text: no GBK",
}
"""Frames by their beginning that decode, and that we would write otherwise; every other sound frame comes back.

Canonical is a whole frame with right check byte and length, not encrypted, whose texts are GBK, whose fixed fields are
filled up with NUL behind and whose optional fields are left out where the standard leaves them out. Bytes behind the
last field are kept and written again.
"""

SOURCE_DIFFERS = {
    ("Speed", "56"): "the recorder speed of item 0x03, which the source calls by the same name",
    ("dateTime", "235959"): "the source puts hhmmss at the end of BCD[5]",
    ("Status", "3"): "a field of the source's own item 0xFB",
    ("Time", "2019-11-26 15:58:50"): "0x8004 read as local time; the standard's text says UTC",
    ("Lat", "-12222222"): "the source reads coordinates as signed; they are magnitudes",
    ("Lng", "-132444444"): "the source reads coordinates as signed; they are magnitudes",
    ("setResult", "101"): "the value of another case of the same test",
}
"""Assertions, by key and value, that speak of something else than the field of that name."""


class Told(enum.Enum):
    """What a comparison came to."""

    EQUAL = "equal"
    DIFFERENT = "different"
    NOT_SENT = "asserted of the source's object, not on the wire"
    EXPRESSION = "an expression of the source's language"
    FOREIGN = "of a vendor's or another standard's inner layout, or of the source's own objects"


@dataclass(frozen=True, slots=True)
class Opened:
    """A sound vector: its message, and the edition to write it in."""

    header: Header
    message: Message
    edition: Version


def opened(vector: FrameVector) -> Opened | None:
    """The whole message of a sound frame; None for frames that are bad, encrypted, or a packet of several."""
    if vector.role or vector.quarantine or vector.nonstandard or vector.encrypt_bits or vector.pkg_total > 1:
        return None
    frame = decode_frame(vector.wire)
    if isinstance(frame.body, Message):
        message: Message = frame.body
    else:
        message = decode_message(frame.header.msg_id, frame.body, frame.header.version)
    return Opened(frame.header, message, edition_of(message, frame.header.version))


def edition_of(message: Message, version: Version) -> Version:
    """The layout that a message turned out to have."""
    return message.edition if isinstance(message, Register | DriverCard) else version


def header_words(header: Header) -> Words:
    """The header in the sources' words; without those of bodies (``MsgNum`` is a reply's serial there)."""
    phone = header.phone.lstrip("0")
    words: Words = {"header.msgid": [header.msg_id], "msgid": [header.msg_id], "messageid": [header.msg_id]}
    words |= {"header.msgnum": [header.serial], "manualmsgnum": [header.serial], "serialno": [header.serial]}
    words |= {"header.manualmsgnum": [header.serial], "verified": [1], "clientid": [phone]}
    return words | {"header.terminalphoneno": [phone], "terminalphoneno": [phone]}


def compared(asserted: Assertion, words: Words) -> Told:
    """One asserted value with ours of the same name."""
    ours = words.get(asserted.word, ())
    if asserted.number >= len(ours):
        return Told.FOREIGN
    if asserted.word in ANY_OF:
        return Told.EQUAL if any(same(asserted.value, one) for one in ours) else Told.DIFFERENT
    if ours[asserted.number] is None:
        return Told.NOT_SENT
    answer = same(asserted.value, ours[asserted.number])
    return Told.EXPRESSION if answer is None else Told.EQUAL if answer else Told.DIFFERENT


def phone_like(asserted: Assertion) -> Assertion:
    """Phone numbers without leading zeros."""
    if "phone" in asserted.word or asserted.word == "clientid":
        return Assertion(asserted.key, asserted.word, asserted.number, str(asserted.value).lstrip("0"))
    return asserted


def differences(expected: dict[str, object], words: Words, count: Counter[Told]) -> list[str]:
    """What is asserted otherwise; counts every assertion."""
    wrong = []
    for asserted in map(phone_like, assertions(expected)):
        if (asserted.key.split(".")[-1], str(asserted.value)) in SOURCE_DIFFERS:
            continue
        told = compared(asserted, words)
        count[told] += 1
        if told is Told.DIFFERENT:
            wrong.append(f"{asserted.key} = {asserted.value!r}, here {words[asserted.word]!r}")
    return wrong


def test_every_published_buffer_decodes_as_the_plain_decoder_says() -> None:
    for vector in frame_vectors():
        assert_same_as_plain(vector.wire)


def test_all_published_frames_in_one_stream_do_not_disturb_each_other() -> None:
    assert_same_as_plain(b"".join(vector.wire for vector in frame_vectors()))


def test_sound_position_frames_give_the_published_values() -> None:
    seen = 0
    for vector in frame_vectors():
        if vector.msg_id not in POSITIONS or vector.quarantine:
            continue
        decoded = decode_location_stream(vector.wire)
        items = vector.locations
        expected = sorted(items, key=lambda item: item.time_bcd)
        assert len(decoded.frames) == 1, vector.hex
        frame = decoded.frames[0]
        assert frame["n_rows"] == len(items)
        assert not FrameOutcome(frame["outcome"]).rejected
        assert frame["phone"].tobytes().hex().endswith(vector.phone)
        assert decoded.batch.keys == (terminal_key(vector.phone),)
        assert frame["serial"] == vector.serial
        assert bool(frame["version_bit"]) == vector.version_bit
        for row, item in zip(decoded.batch.rows, expected, strict=True):
            assert row["status"] == int(item.status, 16)
            assert row["alarm_flags"] == int(item.alarm, 16)
            assert abs(row["lat_deg"]) == item.lat_raw / 1e6
            assert abs(row["lon_deg"]) == item.lon_raw / 1e6
            assert row["speed_dkmh"] == item.speed
            assert row["heading_deg"] == item.direction
            assert int(row["altitude_m"]) & 0xFFFF == item.altitude
            mileage = [text[3:] for text in item.items if text.startswith("01:") and len(text) == 11]
            if mileage:
                assert row["mileage_m"] == int(mileage[-1], 16) * 100
        seen += 1
    assert seen >= 80


def test_positions_hold_every_published_item() -> None:
    for vector in frame_vectors():
        if vector.msg_id not in POSITIONS or (here := opened(vector)) is None:
            continue
        frame = decode_frame(vector.wire)
        for location, item in zip(frame.locations, vector.locations, strict=True):
            words = words_of(location)
            told = {name: value for name, value in item_fields(item).items() if words[name][0] != value}
            assert told == {}, vector.hex
            ours = [f"{one.id:02x}:{one.value.hex()}" for one in location.items]
            assert ours == [text for text in item.items if not text.startswith("00:")][: len(ours)], vector.hex
            assert len(ours) == len([text for text in item.items if not text.startswith("00:")]) or location.tail
        if isinstance(here.message, LocationBatch):
            assert here.message.count == len(here.message.locations)


def item_fields(item: ComputedLocation) -> dict[str, object]:
    """Numbers of a computed position by our names."""
    return {
        "alarm": int(item.alarm, 16),
        "status": int(item.status, 16),
        "lat_raw": item.lat_raw,
        "lon_raw": item.lon_raw,
        "altitude": item.altitude,
        "direction": item.direction,
    }


def test_quarantined_position_frames_say_why() -> None:
    for vector in frame_vectors():
        if vector.msg_id not in POSITIONS or not vector.quarantine:
            continue
        outcome = FrameOutcome(decode_location_stream(vector.wire).frames[0]["outcome"])
        wanted = FrameOutcome.LENGTH_MISMATCH if vector.checksum_ok else FrameOutcome.BAD_CHECKSUM
        assert outcome is wanted, vector.hex


def test_every_frame_is_told_of_by_name_or_says_why_not() -> None:
    for vector in frame_vectors():
        frames = list(describe(vector.wire))
        assert msgspec.json.encode(frames)
        if vector.role:
            continue
        assert len(frames) == 1
        assert reason_of(frames[0]) == declared_reason(vector), vector.hex
        if reason_of(frames[0]) is None:
            assert frames[0].msg_id == f"0x{int(vector.msg_id, 16):04X}"
            assert frames[0].serial == vector.serial
            assert vector.nonstandard or (frames[0].phone or "").endswith(vector.phone)


def reason_of(frame: DecodedFrame) -> str | None:
    return frame.error.reason if frame.error else None


def declared_reason(vector: FrameVector) -> str | None:
    """Why a vector cannot be read, by what is published about it."""
    if vector.quarantine:
        return "bad_checksum" if "checksum" in vector.quarantine else "length_mismatch"
    if vector.nonstandard:
        return "encrypted"  # its header has other fields, and such bits in that place
    return "encrypted" if vector.encrypt_bits else None


def test_every_asserted_value_of_a_frame_is_ours() -> None:
    count: Counter[Told] = Counter()
    for vector in frame_vectors():
        here = None if vector.expected_scope else opened(vector)
        if here is None or isinstance(here.message, RawMessage):
            continue
        words = header_words(here.header) | words_of(here.message)
        assert differences(vector.expected, words, count) == [], (vector.msg_id, vector.hex, vector.note)
    assert count[Told.EQUAL] > 1_600


def test_a_sound_frame_is_written_again_byte_for_byte() -> None:
    other: list[str] = []
    for vector in frame_vectors():
        if (here := opened(vector)) is not None and rewritten(here) != vector.wire:
            other += [reason for start, reason in NOT_CANONICAL.items() if vector.hex.startswith(start)] or [vector.hex]
    assert sorted(other) == sorted(NOT_CANONICAL.values())


def rewritten(here: Opened) -> bytes:
    """The frame that we would send; empty if its text cannot be written."""
    try:
        return encode_frames(here.message, phone=here.header.phone, version=here.edition, serial=here.header.serial)[0]
    except CodecError:
        return b""


def body_of(vector: BodyVector, count: Counter[Told]) -> tuple[Message, Version, list[str]]:
    """The message of a body in the edition that its assertions fit best; a body alone does not tell its edition."""
    msg_id = vector.msg_id
    assert msg_id is not None
    attempts: list[tuple[int, int, Message, Version, list[str], Counter[Told]]] = []
    for rank, version in enumerate((Version.V2013, Version.V2019, Version.V2011)):
        try:
            message = decode_message(msg_id, bytes.fromhex(vector.hex), version)
        except CodecError:
            continue
        told: Counter[Told] = Counter()
        wrong = differences(vector.expected, words_of(message), told)
        attempts.append((len(wrong) + 100 * bool(message.tail), rank, message, version, wrong, told))
    assert attempts, (vector.msg, vector.hex)
    _, _, message, version, wrong, told = min(attempts, key=lambda attempt: attempt[:2])
    count.update(told)
    return message, version, wrong


def bodies() -> list[BodyVector]:
    """Bodies of messages that are taken apart."""
    return [
        vector
        for vector in body_vectors()
        if vector.msg_id in MESSAGES and not f"{vector.msg_id:04x}:{vector.hex}".startswith(tuple(NO_BODY))
    ]


def test_every_asserted_value_of_a_body_is_ours() -> None:
    count: Counter[Told] = Counter()
    for vector in bodies():
        _, _, wrong = body_of(vector, count)
        assert wrong == [], (vector.msg, vector.hex, vector.note)
    assert count[Told.EQUAL] > 700


NO_BODY = {"0801:00000a07": "neither a position nor package numbers before the data"}
"""Bodies by message and beginning that are refused."""

OTHER_BODIES = {
    "0702:0119120111111100056b6f696b65000000": "card numbers: NUL in front",
    "0702:02746b000031323334": "card numbers: NUL in front",
}
"""Bodies by message and beginning that we would write otherwise."""


def test_a_body_is_written_again_byte_for_byte() -> None:
    other: list[str] = []
    for vector in bodies():
        message, version, _ = body_of(vector, Counter())
        if encode_message(message, edition_of(message, version)).hex() != vector.hex:
            name = f"{vector.msg_id:04x}:{vector.hex}"
            other += [reason for start, reason in OTHER_BODIES.items() if name.startswith(start)] or [name]
    assert sorted(other) == sorted(OTHER_BODIES.values())


def test_published_escape_pairs() -> None:
    for vector in escape_vectors():
        assert escape(bytes.fromhex(vector.plain)) == bytes.fromhex(vector.wire)
        assert unescape(bytes.fromhex(vector.wire)) == bytes.fromhex(vector.plain)
    for frame in frame_vectors():
        if (plain := frame.expected.get("unescaped_frame")) is not None:
            assert unescape(frame.wire[1:-1]) == bytes.fromhex(str(plain))[1:-1]


def test_published_bodies_framed_by_us_agree_with_the_plain_decoder() -> None:
    seen = 0
    for vector in body_vectors():
        if vector.msg_id not in (0x0200, 0x0704):
            continue
        body = bytes.fromhex(vector.hex)
        message = (
            vector.msg_id.to_bytes(2, "big")
            + len(body).to_bytes(2, "big")
            + bytes.fromhex("013912345678")
            + b"\0\1"
            + body
        )
        if len(body) > 1023:
            continue
        assert_same_as_plain(b"\x7e" + escape(message + bytes([checksum(message)])) + b"\x7e")
        seen += 1
    assert seen > 10


def test_plain_frames_name_the_reason_of_every_bad_one() -> None:
    reasons = {outcome.reason for outcome in FrameOutcome if outcome.rejected}
    for vector in frame_vectors():
        for start, end, _ in segments(vector.wire):
            frame = frame_or_error(vector.wire[start:end])
            if isinstance(frame, CodecError):
                assert frame.reason in reasons
            else:
                assert isinstance(frame.body, bytes) or frame.header.location


def test_the_table_of_vectors() -> None:
    """Not a law of its own: counts what the laws above went over."""
    frames, all_bodies, here = frame_vectors(), body_vectors(), bodies()
    sound = [(vector, found) for vector in frames if (found := opened(vector)) is not None]
    again = [vector for vector, found in sound if rewritten(found) == vector.wire]
    count: Counter[Told] = Counter()
    for vector, found in sound:
        if not vector.expected_scope and not isinstance(found.message, RawMessage):
            differences(vector.expected, header_words(found.header) | words_of(found.message), count)
    for body in here:
        body_of(body, count)
    refused = Counter(reason for vector in frames if not vector.role and (reason := declared_reason(vector)))
    rows: list[tuple[str, str]] = [
        ("frames", f"{len(frames)}, of which {sum(vector.from_device for vector in frames)} from real devices"),
        ("  whole, sound messages", f"{len(sound)}, of which {sum(v.from_device for v, _ in sound)} from real devices"),
        ("  of messages kept raw", str(sum(isinstance(found.message, RawMessage) for _, found in sound))),
        ("  packets of sub-packaged messages", str(sum(v.pkg_total > 1 and not v.quarantine for v in frames))),
        ("  pieces that only exercise framing, or text", str(sum(bool(vector.role) for vector in frames))),
        *((f"  refused or remarked: {reason}", str(number)) for reason, number in sorted(refused.items())),
        ("  written again byte for byte", f"{len(again)} of {len(sound)}"),
        *((f"  written otherwise: {why}", str(number)) for why, number in Counter(NOT_CANONICAL.values()).items()),
        ("bodies", f"{len(all_bodies)}, of which {len(here)} of messages taken apart"),
        *((f"  written otherwise: {why}", str(number)) for why, number in Counter(OTHER_BODIES.values()).items()),
        *((f"  refused: {why}", str(number)) for why, number in Counter(NO_BODY.values()).items()),
        (
            "frames whose assertions cover several frames, not compared",
            str(sum(bool(v.expected_scope) for v in frames)),
        ),
        *((f"asserted values: {told.value}", str(count[told])) for told in Told),
        *((f"source speaks of something else: {why}", key[0]) for key, why in SOURCE_DIFFERS.items()),
    ]
    vector_report.add("JT/T 808", rows)
    assert count[Told.DIFFERENT] == 0
