"""Laws of the 808 codec: any bytes, any split, any report."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.codec.jt808.encode import encode_location_batch, encode_location_stream
from monitor.codec.jt808.framing import escape, frame, unescape
from monitor.codec.jt808.header import Version
from monitor.codec.jt808.outcome import FRAME, FrameOutcome
from monitor.codec.jt808.reassembly import Reassembler
from monitor.codec.jt808.stream import decode_location_stream
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import REPORT, ReportRows, empty_rows
from tests.unit.codec.oracle import assert_same_as_plain

NASTY = st.sampled_from([b"\x7e", b"\x7d", b"\x7d\x01", b"\x7d\x02", b"\x7e\x7e", b"\x7c", b"\x7f", b"\x00" * 13])
VERSIONS = st.sampled_from(list(Version))


@st.composite
def locations(draw: st.DrawFn) -> bytes:
    """A 0x0200 body, more or less sound."""
    base = bytearray(draw(st.binary(min_size=28, max_size=28)))
    if draw(st.booleans()):
        base[22:28] = bytes.fromhex("26030212") + bytes(draw(st.integers(0, 0x59)) for _ in range(2))
    items = b"".join(
        bytes([item, len(value)]) + value
        for item, value in draw(
            st.lists(
                st.tuples(
                    st.one_of(st.sampled_from([1, 3, 0x12, 0x30, 0x64, 0xEB]), st.integers(0, 255)),
                    st.one_of(st.binary(max_size=5), st.binary(min_size=4, max_size=4), st.just(b"\xff\xff")),
                ),
                max_size=4,
            )
        )
    )
    return bytes(base) + items + draw(st.one_of(st.just(b""), st.binary(max_size=6)))


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """A framed message, often sound, sometimes with a wrong length, kind or packet number."""
    if draw(st.booleans()):
        body, msg_id = draw(locations()), draw(st.sampled_from([0x0200, 0x0200, 0x0200, 0x0002]))
    else:
        items = draw(st.lists(locations(), max_size=4))
        count = draw(st.one_of(st.just(len(items)), st.integers(0, 9)))
        body = count.to_bytes(2, "big") + bytes([draw(st.integers(0, 2))])
        body += b"".join((len(item)).to_bytes(2, "big") + item for item in items)
        body += draw(st.one_of(st.just(b""), st.binary(max_size=40)))
        msg_id = 0x0704
    body = body[:1023]
    length = draw(st.one_of(st.just(len(body)), st.just(len(body)), st.integers(0, 1023)))
    properties = length | draw(st.sampled_from([0, 0, 0, 0x2000, 0x0400, 0x8000]))
    newer = draw(st.booleans())
    head = msg_id.to_bytes(2, "big") + (properties | (0x4000 if newer else 0)).to_bytes(2, "big")
    head += (b"\x01" if newer else b"") + draw(st.binary(min_size=10, max_size=10))[0 if newer else 4 :]
    head += draw(st.binary(min_size=2, max_size=2))
    if properties & 0x2000:
        head += draw(st.integers(0, 3)).to_bytes(2, "big") + draw(st.integers(0, 3)).to_bytes(2, "big")
    return frame(head + body)


STREAMS = st.lists(st.one_of(frames(), frames(), st.binary(max_size=60), NASTY), max_size=6).map(b"".join)


@given(STREAMS)
@settings(max_examples=400)
def test_the_compiled_pass_is_the_plain_decoder(stream: bytes) -> None:
    assert_same_as_plain(stream)


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_decode_or_give_a_reason(stream: bytes) -> None:
    decoded = assert_same_as_plain(stream)
    assert all(FrameOutcome(value) for value in decoded.frames["outcome"] if value)


@given(STREAMS, st.lists(st.integers(0, 2_000), max_size=6))
@settings(max_examples=200)
def test_the_answer_does_not_depend_on_how_the_stream_was_split(stream: bytes, cuts: list[int]) -> None:
    stream += b"\x7e"
    whole = decode_location_stream(stream, reassembler=Reassembler())
    reassembler = Reassembler()
    rows: list[ReportRows] = []
    keys: list[str] = []
    outcomes: list[int] = []
    tail = b""
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    for begin, end in pairwise(edges):
        buffer = tail + stream[begin:end]
        part = decode_location_stream(buffer, reassembler=reassembler)
        tail = buffer[part.consumed :]
        rows.append(part.batch.rows)
        keys += [part.batch.keys[key] for key in part.batch.rows["key"]]
        outcomes += part.frames["outcome"].tolist()
    assert outcomes == whole.frames["outcome"].tolist()
    assert keys == [whole.batch.keys[key] for key in whole.batch.rows["key"]]
    joined = np.concatenate(rows) if rows else np.zeros(0, REPORT)
    for name in REPORT.names or ():
        if name != "key":
            assert joined[name].tolist() == whole.batch.rows[name].tolist()


@st.composite
def rows_of_the_wire(draw: st.DrawFn) -> ReportRows:
    """Rows that 0x0200 can carry without loss."""
    n = draw(st.integers(1, 8))
    rows = empty_rows(n)
    for at in range(n):
        row = rows[at]
        known = draw(st.booleans())
        row["fix_ms"] = draw(st.integers(946_656_000, 4_102_415_999)) * 1_000 if known else 0
        row["flaws"] = 0 if known else int(Flaw.TIME)
        row["lat_deg"] = draw(st.integers(-90_000_000, 90_000_000)) / 1e6
        row["lon_deg"] = draw(st.integers(-180_000_000, 180_000_000)) / 1e6
        row["mileage_m"] = draw(st.one_of(st.just(-1), st.integers(0, 0xFFFF_FFFE).map(lambda value: value * 100)))
        row["recorder_speed_dkmh"] = draw(st.integers(-1, 0xFFFE))
        row["speed_dkmh"] = draw(st.integers(0, 0xFFFF))
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
        row["key"] = at
    return rows


@given(rows_of_the_wire(), VERSIONS)
@settings(max_examples=200)
def test_decoding_undoes_encoding(rows: ReportRows, version: Version) -> None:
    phones = tuple(f"1390000{at:04d}" for at in range(len(rows)))
    decoded = decode_location_stream(encode_location_stream(rows, phones, version))
    assert decoded.batch.rows.tolist() == rows.tolist()
    assert decoded.batch.keys == tuple(f"terminal:{phone}" for phone in phones)


@given(rows_of_the_wire(), VERSIONS, st.booleans())
@settings(max_examples=100)
def test_decoding_undoes_encoding_of_batches(rows: ReportRows, version: Version, subpackaged: bool) -> None:
    rows["key"] = 0
    rows["flags"] |= int(ReportFlag.BACKFILL)
    wire = encode_location_batch(rows, "13912345678", version, 9, subpackaged=subpackaged)
    decoded = decode_location_stream(wire, reassembler=Reassembler())
    in_order = rows[np.argsort(rows["fix_ms"], kind="stable")]
    assert decoded.batch.rows.tolist() == in_order.tolist()


@given(st.binary(max_size=200))
def test_unescaping_undoes_escaping(message: bytes) -> None:
    assert unescape(escape(message)) == message
    assert b"\x7e" not in escape(message)


def test_summaries_have_a_field_for_everything_a_quarantine_needs() -> None:
    assert {"start", "end", "phone", "msg_id", "serial", "outcome", "offset"} <= set(FRAME.names or ())
