"""Compares the compiled pass with the plain decoder, segment by segment and field by field."""

from __future__ import annotations

from monitor.codec.jt808.framing import segments
from monitor.codec.jt808.messages.position import Location, LocationBatch
from monitor.codec.jt808.outcome import FrameOutcome
from monitor.codec.jt808.plain import Frame, decode_frame
from monitor.codec.jt808.stream import LocationDecode, decode_location_stream
from monitor.errors import CodecError
from monitor.model.beijing import from_datetime
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.report import ReportRows, terminal_key

CUT_OFF = {FrameOutcome.BAD_ESCAPE.reason, FrameOutcome.TOO_SHORT.reason, FrameOutcome.BAD_CHECKSUM.reason}


def assert_same_as_plain(buffer: bytes) -> LocationDecode:
    """Decode ``buffer`` both ways; the compiled answer."""
    decoded = decode_location_stream(buffer, recv_ms=7, final=True)
    expected = list(segments(buffer))
    assert len(decoded.frames) == len(expected)
    row = 0
    for summary, (start, end, closed) in zip(decoded.frames, expected, strict=True):
        assert (summary["start"], summary["end"], summary["first_row"]) == (start, end, row)
        outcome = FrameOutcome(summary["outcome"])
        frame = frame_or_error(buffer[start:end])
        if isinstance(frame, CodecError):
            reason = "truncated" if not closed and frame.reason in CUT_OFF else frame.reason
            assert outcome.reason == reason
            assert outcome is FrameOutcome.TRUNCATED or summary["offset"] == frame.offset
            assert summary["n_rows"] == 0
            continue
        assert outcome is frame.outcome
        assert summary["offset"] == frame.offset
        assert summary["msg_id"] == frame.header.msg_id
        assert summary["serial"] == frame.header.serial
        assert summary["phone"].tobytes().hex() == frame.header.phone.rjust(20, "0")
        assert summary["version_bit"] == (1 if frame.header.version == 2019 else 0)
        assert summary["n_rows"] == len(frame.locations)
        rows = decoded.batch.rows[row : row + summary["n_rows"]]
        in_order = sorted(frame.locations, key=_fix_ms)
        for got, location in zip(rows, in_order, strict=True):
            assert decoded.batch.keys[got["key"]] == terminal_key(frame.header.phone)
            _assert_row(got, location, frame)
        row += int(summary["n_rows"])
    assert row == len(decoded.batch.rows)
    assert len(set(decoded.batch.keys)) == len(decoded.batch.keys)
    return decoded


def frame_or_error(segment: bytes) -> Frame | CodecError:
    """The plain answer; anything but the declared error goes through."""
    try:
        return decode_frame(segment)
    except CodecError as error:
        return error


def _fix_ms(location: Location) -> int:
    return from_datetime(location.time) if location.time else 0


def _assert_row(row: ReportRows, location: Location, frame: Frame) -> None:
    assert row["fix_ms"] == _fix_ms(location)
    assert row["recv_ms"] == 7
    assert row["lon_deg"] == location.lon_deg
    assert row["lat_deg"] == location.lat_deg
    assert row["status"] == location.status
    assert row["alarm_flags"] == location.alarm_flags
    assert row["speed_dkmh"] == round(location.speed_kmh * 10)
    assert row["heading_deg"] == location.heading_deg
    assert row["altitude_m"] == location.altitude_m
    mileage, recorder = location.mileage_km, location.recorder_speed_kmh
    assert row["mileage_m"] == (-1 if mileage is None else round(mileage * 1000))
    assert row["recorder_speed_dkmh"] == (-1 if recorder is None else round(recorder * 10))
    assert row["driver"] == -1
    assert row["source"] == -1
    flags = ReportFlag.ACC_KNOWN
    if location.acc_on:
        flags |= ReportFlag.ACC_ON
    if location.positioned:
        flags |= ReportFlag.POSITIONED
    if isinstance(frame.body, LocationBatch) and frame.body.backfill:
        flags |= ReportFlag.BACKFILL
    assert row["flags"] == flags
    flaws = Flaw(0)
    if location.time is None:
        flaws |= Flaw.TIME
    if location.overrun_at >= 0 or frame.outcome is FrameOutcome.LENGTH_MISMATCH:
        flaws |= Flaw.LENGTH
    assert row["flaws"] == flaws
