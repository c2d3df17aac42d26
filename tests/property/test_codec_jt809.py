"""Laws of the 809 codec: any bytes, any split, any edition, any report."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.codec.jt809.cipher import Cipher
from monitor.codec.jt809.encode import count_frames, encode_positions
from monitor.codec.jt809.frame import decode_frame
from monitor.codec.jt809.framing import escape, frame, segments, split_frames, unescape
from monitor.codec.jt809.header import HEADER_SIZE, Version
from monitor.codec.jt809.message import Message
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.codec.jt809.registry import REGISTRY, decode_message
from monitor.codec.jt809.stream import decode_position_stream
from monitor.errors import CodecError
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import REPORT, ReportRows, empty_rows
from tests.unit.codec.oracle_jt809 import assert_same_as_plain, frame_or_error

VERSIONS = st.sampled_from(list(Version))
CIPHERS = st.one_of(st.none(), st.builds(Cipher, *[st.integers(0, 0xFFFF_FFFF)] * 3))
NASTY = st.sampled_from([b"\x5b", b"\x5d", b"\x5a", b"\x5e\x01", b"\x5b\x5d", b"\x5b\x5b", b"\x5d\x5d", b"\x5c" * 30])
PLATES = st.sampled_from(["粤A12345", "粤A-12345", "测B1", "", "川S85068D", "陕cJ3819", "LSGUA84LXRG029032XYZ"])
COLORS = st.sampled_from([1, 2, 9, 0, 93, 94, 255])


@st.composite
def plain_bodies(draw: st.DrawFn) -> bytes:
    """36 bytes of 2011, often with a sound date."""
    body = bytearray(draw(st.binary(min_size=36, max_size=36)))
    if draw(st.booleans()):
        body[0] = draw(st.integers(0, 1))
        body[1:8] = bytes(
            [draw(st.integers(1, 31)), draw(st.integers(1, 12)), 7, 0xEA, 12, draw(st.integers(0, 59)), 0]
        )
    return bytes(body)


@st.composite
def carried_bodies(draw: st.DrawFn) -> bytes:
    """A position of 2019, more or less sound."""
    base = bytearray(draw(st.binary(min_size=28, max_size=28)))
    if draw(st.booleans()):
        base[22:28] = bytes.fromhex("26030212") + bytes(draw(st.integers(0, 0x59)) for _ in range(2))
    inner = bytes(base) + draw(st.one_of(st.just(b""), st.just(b"\x01\x04\0\0\0\x09"), st.binary(max_size=9)))
    if draw(st.integers(0, 5)) == 0:
        plain = draw(plain_bodies())
        inner = draw(st.sampled_from([plain, plain[1:], b"", inner[:29], inner[:20]]))
    size = draw(st.one_of(st.just(len(inner)), st.just(len(inner)), st.integers(0, 90)))
    tail = draw(st.one_of(st.just(bytes(45)), st.just(bytes(45)), st.binary(max_size=45)))
    return bytes([draw(st.integers(0, 1))]) + size.to_bytes(4, "big") + inner + tail


@st.composite
def frames(draw: st.DrawFn, version: Version, cipher: Cipher | None) -> bytes:
    """A framed message, often sound, sometimes with wrong lengths, counts or types."""
    sub_type = draw(st.sampled_from([0x1202, 0x1202, 0x1203, 0x9202, 0x9203, 0x1201, 0x1402, 0x9301, 0x12FF]))
    one = plain_bodies() if version is Version.V2011 or draw(st.integers(0, 9)) == 0 else carried_bodies()
    if sub_type & 0xFF == 3:
        items = draw(st.lists(one, max_size=6))
        data = bytes([draw(st.one_of(st.just(len(items)), st.integers(0, 9)))]) + b"".join(items)
    else:
        data = draw(one)
    data += draw(st.one_of(st.just(b""), st.just(b""), st.binary(max_size=40)))
    data = data[: draw(st.one_of(st.just(len(data)), st.just(len(data)), st.integers(0, len(data))))]
    size = draw(st.one_of(st.just(len(data)), st.just(len(data)), st.integers(0, 400)))
    plate = draw(PLATES).encode("gb18030").ljust(21, b"\0") + bytes([draw(COLORS)])
    plate = draw(st.one_of(st.just(plate), st.just(plate), st.just(plate[:12] + b"junk" + plate[16:])))
    body = plate + sub_type.to_bytes(2, "big") + size.to_bytes(4, "big") + data
    body = body[: draw(st.one_of(st.just(len(body)), st.just(len(body)), st.integers(0, len(body))))]
    key = draw(st.integers(0, 0xFFFF_FFFF))
    encrypted = draw(st.booleans())
    if encrypted and cipher is not None:
        body = cipher.apply(key, body)
    total = HEADER_SIZE[version] + len(body) + 4
    total = draw(st.one_of(st.just(total), st.just(total), st.integers(0, 500)))
    msg_id = draw(st.one_of(st.just(sub_type & 0xFF00), st.just(sub_type & 0xFF00), st.sampled_from([0x1005, 0x7777])))
    head = total.to_bytes(4, "big") + draw(st.binary(min_size=4, max_size=4)) + msg_id.to_bytes(2, "big")
    head += draw(st.binary(min_size=4, max_size=4)) + b"\x01\x02\x0f" + bytes([encrypted]) + key.to_bytes(4, "big")
    return frame(head + bytes(HEADER_SIZE[version] - 22) + body)


@st.composite
def streams(draw: st.DrawFn) -> tuple[Version, Cipher | None, bytes]:
    version, cipher = draw(VERSIONS), draw(CIPHERS)
    one = frames(version, cipher)
    piece = st.one_of(one, one, one, st.binary(max_size=60), NASTY)
    return version, cipher, b"".join(draw(st.lists(piece, max_size=6)))


@given(streams())
@settings(max_examples=500)
def test_the_compiled_pass_is_the_plain_decoder(stream: tuple[Version, Cipher | None, bytes]) -> None:
    version, cipher, data = stream
    assert_same_as_plain(data, version, cipher)


@given(st.binary(max_size=300), VERSIONS)
@settings(max_examples=300)
def test_any_bytes_decode_or_give_a_reason(data: bytes, version: Version) -> None:
    decoded = assert_same_as_plain(data, version)
    assert all(FrameOutcome(value).reason for value in decoded.frames["outcome"])


def _message_or_error(msg_id: int, body: bytes, version: Version) -> Message | CodecError:
    try:
        return decode_message(msg_id, body, version)
    except CodecError as error:
        return error


@given(st.sampled_from(sorted(REGISTRY)), st.binary(max_size=400), VERSIONS)
@settings(max_examples=500)
def test_any_body_of_any_message_decodes_or_gives_the_declared_error(
    kind: tuple[int, int], data: bytes, version: Version
) -> None:
    msg_id, sub_type = kind
    wrapper = sub_type.to_bytes(2, "big") + len(data).to_bytes(4, "big") if sub_type else b""
    for body in (data, wrapper + data, bytes(22) + wrapper + data):
        message = _message_or_error(msg_id, body, version)
        if isinstance(message, CodecError):
            assert message.reason == "body_too_short"
        else:
            assert message.msg_id == msg_id


@given(streams(), st.lists(st.integers(0, 2_000), max_size=6))
@settings(max_examples=200)
def test_the_answer_does_not_depend_on_how_the_stream_was_split(
    stream: tuple[Version, Cipher | None, bytes], cuts: list[int]
) -> None:
    version, cipher, data = stream
    whole = decode_position_stream(data, version=version, cipher=cipher)
    rows: list[ReportRows] = []
    keys: list[str] = []
    places: list[tuple[int, int, int]] = []
    shifted: list[bool] = []
    tail = b""
    base = 0
    apart: list[bytes] = []
    rest = b""
    for begin, end in pairwise(sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})):
        buffer = tail + data[begin:end]
        part = decode_position_stream(buffer, version=version, cipher=cipher)
        places += [(base + f["start"], base + f["end"], f["outcome"]) for f in part.frames]
        tail = buffer[part.consumed :]
        base += part.consumed
        rows.append(part.batch.rows)
        keys += [part.batch.keys[key] for key in part.batch.rows["key"]]
        shifted += part.shifted.tolist()
        found, consumed = split_frames(rest + data[begin:end])
        rest = (rest + data[begin:end])[consumed:]
        apart += found
    assert places == [(f["start"], f["end"], f["outcome"]) for f in whole.frames]
    assert keys == [whole.batch.keys[key] for key in whole.batch.rows["key"]]
    assert shifted == whole.shifted.tolist()
    joined = np.concatenate(rows) if rows else np.zeros(0, REPORT)
    for name in REPORT.names or ():
        if name != "key":
            assert joined[name].tolist() == whole.batch.rows[name].tolist()
    assert apart == [data[start:end] for start, end in segments(data)]


@st.composite
def rows_of_the_wire(draw: st.DrawFn, version: Version) -> ReportRows:
    """Rows that a position of the edition can carry without loss."""
    n = draw(st.integers(1, 12))
    rows = empty_rows(n)
    old = version is Version.V2011
    for at in range(n):
        row = rows[at]
        known = draw(st.booleans())
        row["fix_ms"] = draw(st.integers(946_656_000, 4_102_415_999)) * 1_000 if known else 0
        row["flaws"] = 0 if known else int(Flaw.TIME)
        row["lat_deg"] = draw(st.integers(-90_000_000, 90_000_000)) / 1e6
        row["lon_deg"] = draw(st.integers(-180_000_000, 180_000_000)) / 1e6
        mileage = draw(st.integers(0, 0xFFFF_FFFE))
        row["mileage_m"] = mileage * 1_000 if old else draw(st.sampled_from([-1, mileage * 100]))
        speeds = st.integers(0, 0xFFFE)
        row["recorder_speed_dkmh"] = draw(speeds) * (10 if old else 1)
        row["speed_dkmh"] = draw(speeds) * (10 if old else 1)
        row["heading_deg"] = draw(st.integers(0, 0xFFFF))
        row["altitude_m"] = draw(st.integers(-0x7FFF, 0x7FFF))
        row["alarm_flags"] = draw(st.integers(0, 0xFFFF_FFFF))
        status = draw(st.integers(0, 0xFFFF_FFFF)) & ~0xC
        status |= (4 if row["lat_deg"] < 0 else 0) | (8 if row["lon_deg"] < 0 else 0)
        row["status"] = status
        row["flags"] = int(
            ReportFlag.ACC_KNOWN
            | (ReportFlag.ACC_ON if status & 1 else ReportFlag(0))
            | (ReportFlag.POSITIONED if status & 2 else ReportFlag(0))
        )
        row["key"] = draw(st.integers(0, 2))
    return rows


@given(VERSIONS.flatmap(lambda version: st.tuples(st.just(version), rows_of_the_wire(version))), CIPHERS, st.booleans())
@settings(max_examples=200)
def test_decoding_undoes_encoding(case: tuple[Version, ReportRows], cipher: Cipher | None, backfill: bool) -> None:
    version, rows = case
    plates, colors = ("粤A12345", "粤A12345", "川S85068D"), (1, 2, 93)
    wire = encode_positions(
        rows,
        plates,
        colors,
        version=version,
        access_code=77,
        first_sn=0xFFFF_FFFE,
        cipher=cipher,
        key=15241,
        backfill=backfill,
        platform_id="11000000001",
    )
    decoded = assert_same_as_plain(wire, version, cipher)
    expected = rows.copy()
    expected["recv_ms"] = 7
    if backfill:
        _, first, key = np.unique(rows["key"], return_index=True, return_inverse=True)
        expected = expected[np.lexsort((rows["fix_ms"], first[key]))]
        expected["flags"] |= int(ReportFlag.BACKFILL)
    names = ("plate:blue:粤A12345", "plate:yellow:粤A12345", "plate:yellow_green:川S85068D")
    assert [decoded.batch.keys[key] for key in decoded.batch.rows["key"]] == [names[key] for key in expected["key"]]
    for name in REPORT.names or ():
        if name != "key":
            assert decoded.batch.rows[name].tolist() == expected[name].tolist(), name
    assert set(decoded.frames["outcome"].tolist()) == {FrameOutcome.DECODED}
    assert len(decoded.frames) == count_frames(rows, backfill=backfill)
    numbers = [(0xFFFF_FFFE + at) & 0xFFFF_FFFF for at in range(len(decoded.frames))]
    assert decoded.frames["sn"].tolist() == numbers
    for start, end in segments(wire):
        again = decode_frame(wire[start:end], version, cipher)
        assert not again.outcome.rejected


@given(st.binary(max_size=200))
def test_unescaping_undoes_escaping(message: bytes) -> None:
    assert unescape(escape(message)) == (message, -1)
    assert b"\x5b" not in escape(message)
    assert b"\x5d" not in escape(message)


@given(CIPHERS, st.integers(0, 0xFFFF_FFFF), st.binary(max_size=100))
def test_a_cipher_is_its_own_reverse(cipher: Cipher | None, key: int, body: bytes) -> None:
    if cipher is not None:
        assert cipher.apply(key, cipher.apply(key, body)) == body


@given(st.binary(max_size=80), VERSIONS)
def test_a_frame_of_any_body_is_never_fatal(body: bytes, version: Version) -> None:
    wire = frame(bytes(HEADER_SIZE[version]) + body)
    assert not isinstance(frame_or_error(wire, version), CodecError)
