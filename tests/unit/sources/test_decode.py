"""An intake becomes one batch; what does not read is kept apart with its bytes and stops nothing else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.codec.jt808 import encode_location_stream
from monitor.model.geo import wgs84_to_gcj02
from monitor.model.report import empty_rows
from monitor.quality.crs import Crs
from monitor.sources.decode import decode_messages
from monitor.sources.intake import Codec, Decoded, Feed, RawMessage, SourceClock

FIX_MS = 1_700_000_000_000
FEED = Feed("broker", "上级平台")
FRAMES = Feed("broker", "upper", Codec.JT808)


def report(number: int, **more: object) -> dict[str, object]:
    return {"vehicle_id": f"V{number}", "fix_time": FIX_MS + number * 1_000, "lon": 99.8, "lat": 39.4, **more}


def messages(*payloads: bytes | object) -> list[RawMessage]:
    """Message ``i`` arrived at ``i`` ms."""
    return [
        RawMessage(payload if isinstance(payload, bytes) else json.dumps(payload).encode(), f"t/{number}", number)
        for number, payload in enumerate(payloads)
    ]


def frames(*numbers: int) -> bytes:
    rows = empty_rows(len(numbers))
    rows["fix_ms"] = [FIX_MS + number * 1_000 for number in numbers]
    rows["lon_deg"], rows["lat_deg"] = 99.8, 39.4
    rows["speed_dkmh"], rows["heading_deg"], rows["altitude_m"] = 500, 90, 1_350
    rows["status"], rows["alarm_flags"] = 3, 0
    rows["key"] = np.arange(len(numbers))
    return encode_location_stream(rows, [f"1390000{number:04d}" for number in numbers], 2013)


def keys(decoded: Decoded) -> list[str]:
    return [decoded.batch.keys[key] for key in decoded.batch.rows["key"]]


def test_single_reports_and_arrays_become_one_batch_in_order() -> None:
    decoded = decode_messages(FEED, messages(report(1), [report(3), report(2)], report(0), []))
    assert keys(decoded) == ["V1", "V2", "V3", "V0"]
    assert decoded.batch.rows["recv_ms"].tolist() == [0, 1, 1, 2]
    assert {decoded.batch.sources[source] for source in decoded.batch.rows["source"]} == {"上级平台"}
    assert not decoded.rejects


def test_bad_messages_and_bad_reports_stop_no_other() -> None:
    bad = {"vehicle_id": "V9", "fix_time": "yesterday", "lon": 1, "lat": 2}
    decoded = decode_messages(FEED, messages(report(1), b"{broken", [report(2), bad, 7, report(3)], b"\xff", b'"x"'))
    assert keys(decoded) == ["V1", "V2", "V3"]
    assert [(item.recv_ms, item.source) for item in decoded.rejects] == [(n, "broker") for n in (1, 3, 4, 2, 2)]
    assert [item.data for item in decoded.rejects][:3] == [b"{broken", b"\xff", b'"x"']
    assert json.loads(decoded.rejects[3].data) == bad
    assert decoded.rejects[4].data == b"7"
    assert decoded.rejects[3].detail.startswith("topic t/2, report 1: ")
    assert sum(decoded.outcomes.values()) == 5


def test_an_oversize_payload_is_refused_whole() -> None:
    feed = Feed("broker", "upper", payload_bytes=200)
    decoded = decode_messages(feed, messages([report(n) for n in range(100)], report(1)))
    assert keys(decoded) == ["V1"]
    assert (decoded.rejects[0].reason, decoded.outcomes["oversize"]) == ("oversize", 1)


@pytest.mark.parametrize(
    ("clock", "expected"),
    [(SourceClock.ARRIVAL, [0, 1]), (SourceClock.PAYLOAD, [FIX_MS + 1_000, FIX_MS + 60_000])],
)
def test_the_receive_time_follows_the_clock_of_the_source(clock: SourceClock, expected: list[int]) -> None:
    feed = Feed("broker", "upper", clock=clock)
    decoded = decode_messages(feed, messages(report(1), report(2, recv_time=FIX_MS + 60_000)))
    assert decoded.batch.rows["recv_ms"].tolist() == expected


def test_gcj02_is_turned_into_wgs84() -> None:
    lon, lat = wgs84_to_gcj02(np.array([99.8]), np.array([39.4]))
    shifted = report(1, lon=float(lon[0]), lat=float(lat[0]))
    decoded = decode_messages(Feed("broker", "upper", crs=Crs.GCJ02), messages(shifted))
    np.testing.assert_allclose(decoded.batch.rows["lon_deg"], 99.8, atol=1e-6)
    np.testing.assert_allclose(decoded.batch.rows["lat_deg"], 39.4, atol=1e-6)


def test_frames_of_several_messages_become_one_batch() -> None:
    decoded = decode_messages(FRAMES, messages(frames(1), frames(2, 3), frames(4)))
    assert keys(decoded) == [f"terminal:1390000{n:04d}" for n in (1, 2, 3, 4)]
    assert decoded.batch.rows["recv_ms"].tolist() == [0, 1, 1, 2]
    assert decoded.batch.rows["fix_ms"].tolist() == [FIX_MS + n * 1_000 for n in (1, 2, 3, 4)]
    assert decoded.batch.sources == ("upper",)
    assert not decoded.rejects


def test_a_frame_cut_off_in_one_message_leaves_the_next_alone() -> None:
    whole = frames(1)
    flipped = bytearray(frames(3))
    flipped[20] ^= 1
    decoded = decode_messages(FRAMES, messages(whole[:30], frames(2), bytes(flipped), whole[1:-1]))
    assert keys(decoded) == ["terminal:13900000002", "terminal:13900000001"]
    assert [item.recv_ms for item in decoded.rejects] == [0, 2]
    assert decoded.rejects[0].data == whole[1:30]
    assert decoded.rejects[1].reason == "bad_checksum"


def test_an_empty_intake_gives_an_empty_batch() -> None:
    for feed in (FEED, FRAMES):
        assert len(decode_messages(feed, []).batch) == 0
        assert len(decode_messages(feed, messages(b"")).batch) == 0


@settings(max_examples=100, deadline=None)
@given(payloads=st.lists(st.binary(max_size=80) | st.sampled_from([b"[", b"[{}]", b"7", b"\x7e\x7d\x7e"]), max_size=6))
def test_any_bytes_decode_or_are_kept_apart(payloads: list[bytes]) -> None:
    good = json.dumps(report(1)).encode()
    assert len(decode_messages(FEED, messages(*payloads, good)).batch) == 1
    assert len(decode_messages(FRAMES, messages(*payloads, frames(1))).batch) == 1


@settings(max_examples=30, deadline=None)
@given(cut=st.integers(0, 6), codec=st.sampled_from(Codec))
def test_the_reports_do_not_depend_on_how_messages_are_grouped(cut: int, codec: Codec) -> None:
    payloads = messages(*(frames(n) if codec is Codec.JT808 else report(n) for n in range(6)))
    feed = FRAMES if codec is Codec.JT808 else FEED
    together = decode_messages(feed, payloads)
    apart = [decode_messages(feed, payloads[:cut]), decode_messages(feed, payloads[cut:])]
    for name in ("fix_ms", "recv_ms", "lon_deg", "speed_dkmh", "status"):
        parts = np.concatenate([part.batch.rows[name] for part in apart])
        assert together.batch.rows[name].tolist() == parts.tolist()
    assert keys(together) == keys(apart[0]) + keys(apart[1])


def test_no_fix_at_zero_stays_at_zero_from_a_shifted_source() -> None:
    payload = b'{"vehicle_id":"A","fix_time":"2026-03-02T10:00:00+08:00","lon":0,"lat":0,"positioned":false}'
    feed = Feed("main", "", Codec.JSON, crs=Crs.GCJ02)
    batch = decode_messages(feed, [RawMessage(payload, "", 1_772_417_000_000)]).batch
    assert (batch.rows["lon_deg"][0], batch.rows["lat_deg"][0]) == (0.0, 0.0)
