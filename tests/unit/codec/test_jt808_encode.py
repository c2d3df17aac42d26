"""Frames made of rows, and back."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.codec.jt808.encode import encode_location, encode_location_batch, encode_location_stream
from monitor.codec.jt808.header import Version
from monitor.codec.jt808.plain import decode_frame
from monitor.codec.jt808.reassembly import Reassembler
from monitor.codec.jt808.stream import decode_location_stream
from monitor.errors import CodecError
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import empty_rows
from tests.unit.codec.samples import NOON_MS, PHONE, location_row

VERSIONS = pytest.mark.parametrize("version", [Version.V2011, Version.V2013, Version.V2019])


@VERSIONS
def test_a_row_comes_back_as_it_went(version: Version) -> None:
    row = location_row()
    wire = encode_location(row, PHONE, version, 65_535)
    decoded = decode_location_stream(wire)
    assert decoded.batch.rows.tolist() == row.tolist()
    assert decoded.frames["serial"].tolist() == [65_535]
    header = decode_frame(wire).header
    assert header.phone == PHONE.rjust(20 if version == Version.V2019 else 12, "0")
    assert header.version == (Version.V2019 if version == Version.V2019 else Version.V2013)


def test_serials_count_up_per_terminal_and_go_on() -> None:
    rows = location_row(n=5)
    rows["key"] = [0, 1, 0, 0, 1]
    serials = np.array([0xFFFF, 7], np.int64)
    decoded = decode_location_stream(encode_location_stream(rows, ("1", "2"), 2013, serials=serials))
    assert decoded.frames["serial"].tolist() == [0xFFFF, 7, 0, 1, 8]
    assert serials.tolist() == [2, 9]
    assert decoded.batch.keys == ("terminal:1", "terminal:2")


def test_what_the_wire_has_no_word_for_goes_out_as_zero() -> None:
    decoded = decode_location_stream(encode_location(empty_rows(1), PHONE, 2013, 0)).batch.rows[0]
    assert (decoded["speed_dkmh"], decoded["heading_deg"], decoded["altitude_m"]) == (0, 0, 0)
    assert (decoded["mileage_m"], decoded["recorder_speed_dkmh"]) == (-1, -1)
    assert (decoded["fix_ms"], decoded["flaws"]) == (0, int(Flaw.TIME))
    assert decoded["status"] == 0


def test_a_status_word_is_made_of_flags_and_hemispheres() -> None:
    row = location_row()
    row["status"] = -1
    row["lat_deg"], row["lon_deg"] = -33.5, -70.25
    decoded = decode_location_stream(encode_location(row, PHONE, 2013, 0)).batch.rows[0]
    assert decoded["status"] == 0b1111
    assert (decoded["lat_deg"], decoded["lon_deg"]) == (-33.5, -70.25)


def test_extra_items_follow_the_known_ones() -> None:
    wire = encode_location_stream(location_row(), (PHONE,), 2019, extra_items=bytes.fromhex("30011f"))
    assert [item.id for item in decode_frame(wire).locations[0].items] == [0x01, 0x03, 0x30]


@VERSIONS
@pytest.mark.parametrize("subpackaged", [False, True])
def test_a_batch_comes_back_whole(version: Version, subpackaged: bool) -> None:
    rows = location_row(n=100)
    rows["fix_ms"] = NOON_MS + np.arange(100) * 1_000
    rows["flags"] |= int(ReportFlag.BACKFILL)
    wire = encode_location_batch(rows, PHONE, version, 3, subpackaged=subpackaged)
    decoded = decode_location_stream(wire, reassembler=Reassembler())
    assert decoded.batch.rows.tolist() == rows.tolist()
    assert len(decoded.frames) == 4
    assert decoded.frames["serial"].tolist() == [3, 4, 5, 6]
    assert all(decoded.frames["msg_id"] == 0x0704)


def test_an_empty_batch_is_no_frame() -> None:
    assert encode_location_batch(empty_rows(0), PHONE, 2013, 0) == b""


@pytest.mark.parametrize("phone", ["1234567890123", "hello", "1" * 21])
def test_a_phone_that_does_not_fit_is_refused(phone: str) -> None:
    with pytest.raises(CodecError, match="phone"):
        encode_location(location_row(), phone, 2013, 0)


def test_items_that_do_not_fit_are_refused() -> None:
    with pytest.raises(CodecError, match="1023"):
        encode_location_stream(location_row(), (PHONE,), 2013, extra_items=b"\0" * 1_000)
