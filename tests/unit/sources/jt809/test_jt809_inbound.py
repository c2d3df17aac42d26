"""Bytes of a connection: positions, other messages, and what is neither; however they are cut into chunks."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.codec.jt809 import (
    Cipher,
    Position,
    UpLinkTest,
    UpRealLocation,
    Version,
    encode_frame,
    encode_positions,
)
from monitor.model.report import ReportRows, empty_rows
from monitor.quality.crs import Crs
from monitor.sources.intake import Feed, SourceClock
from monitor.sources.jt809.inbound import FrameReader, Inbound

AT_MS = 1_700_000_000_000
CIPHER = Cipher(30_000_000, 20_000_000, 20_000_000)


def rows(n: int) -> ReportRows:
    made = empty_rows(n)
    made["fix_ms"] = AT_MS + 1_000 * np.arange(n)
    made["lon_deg"], made["lat_deg"] = 120.15, 30.25
    made["status"], made["alarm_flags"], made["speed_dkmh"] = 3, 0, 600
    return made


def stream(version: Version) -> bytes:
    def positions(n: int, first_sn: int) -> bytes:
        return encode_positions(rows(n), ["浙A12345"], [2], version=version, access_code=1, first_sn=first_sn)

    heartbeat = encode_frame(UpLinkTest(), version=version, access_code=1, sn=9, cipher=CIPHER, key=5)
    return positions(2, 0) + heartbeat + b"\xff\xff" + heartbeat[:-3] + b"\x00\x00\x5d" + positions(3, 2) + heartbeat


def reader(version: Version, feed: Feed | None = None) -> FrameReader:
    return FrameReader(feed or Feed("link", "city"), "192.0.2.1:9", version, CIPHER)


def summary(inbounds: Sequence[Inbound]) -> tuple[list[int], list[int], list[str]]:
    fixes = [int(fix) for inbound in inbounds for fix in inbound.decoded.batch.rows["fix_ms"]]
    others = [frame.header.sn for inbound in inbounds for frame in inbound.others]
    rejects = [reject.reason for inbound in inbounds for reject in inbound.decoded.rejects]
    return fixes, others, rejects


@pytest.mark.parametrize("version", Version)
def test_each_kind_of_bytes_goes_its_way(version: Version) -> None:
    inbound = reader(version).take(stream(version), AT_MS)
    fixes, others, rejects = summary([inbound])
    assert len(fixes) == 5
    assert others == [9, 9]
    assert rejects == ["no_start", "bad_crc"]
    assert inbound.n_sound == 7
    assert inbound.bad_run == 0
    assert inbound.decoded.batch.sources == ("city",)
    assert inbound.decoded.outcomes == {"no_start": 1, "bad_crc": 1}
    assert all("192.0.2.1:9" in reject.detail for reject in inbound.decoded.rejects)


@pytest.mark.parametrize("version", Version)
@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(0, 700), max_size=6))
def test_the_result_does_not_depend_on_the_chunks(version: Version, cuts: list[int]) -> None:
    data = stream(version)
    places = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    one = reader(version)
    pieces = [one.take(data[start:end], AT_MS) for start, end in itertools.pairwise(places)]
    assert summary(pieces) == summary([reader(version).take(data, AT_MS)])
    assert one.waiting == 0


def test_the_end_of_a_connection_in_a_frame_is_told() -> None:
    one = reader(Version.V2011)
    assert summary([one.take(stream(Version.V2011)[:30], AT_MS)]) == ([], [], [])
    assert one.waiting == 30
    assert summary([one.take(b"", AT_MS, final=True)])[2] == ["truncated"]
    assert one.waiting == 0


def test_garbage_counts_up_until_something_sound_comes() -> None:
    one = reader(Version.V2011)
    assert one.take(b"\x5b\x01\x5d" * 4, AT_MS).bad_run == 4
    later = one.take(stream(Version.V2011) + b"\x5b\x01\x5d" * 2, AT_MS)
    assert later.n_sound == 7
    assert later.bad_run == 2


def test_the_payloads_clock_is_the_fix_itself() -> None:
    batch = (
        reader(Version.V2011, Feed("l", "p", clock=SourceClock.PAYLOAD)).take(stream(Version.V2011), 5).decoded.batch
    )
    assert (batch.rows["recv_ms"] == batch.rows["fix_ms"]).all()


@pytest.mark.parametrize(
    ("crs", "encrypted", "shifted"),
    [
        pytest.param(Crs.WGS84, 0, False, id="plain"),
        pytest.param(Crs.WGS84, 1, True, id="declared by the position"),
        pytest.param(Crs.GCJ02, 0, True, id="known of the link"),
        pytest.param(Crs.GCJ02, 1, True, id="both: once only"),
    ],
)
def test_coordinates_of_the_map_plug_in_are_put_right(crs: Crs, encrypted: int, shifted: bool) -> None:
    position = Position(fix_ms=AT_MS, lon_deg=120.15, lat_deg=30.25, status=2, encrypted=encrypted)
    message = UpRealLocation(plate="浙A12345", plate_color=2, position=position)
    data = encode_frame(message, version=Version.V2011, access_code=1, sn=0)
    row = reader(Version.V2011, Feed("l", "p", crs=crs)).take(data, AT_MS).decoded.batch.rows[0]
    moved_deg = float(abs(row["lon_deg"] - 120.15))
    assert (moved_deg > 0.003) is shifted
    assert moved_deg < 0.008
