"""Compares the compiled 809 pass with the plain decoder, segment by segment and field by field."""

from __future__ import annotations

from monitor.codec.jt808.messages.position import Location
from monitor.codec.jt809.cipher import Cipher
from monitor.codec.jt809.frame import Frame, decode_frame
from monitor.codec.jt809.framing import segments
from monitor.codec.jt809.gnss import AnyPosition, fix_ms_of, reading_of
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.codec.jt809.positions import (
    SEVERAL,
    DownCarLocation,
    DownHistoryLocation,
    UpHistoryLocation,
    UpRealLocation,
    positions_of,
)
from monitor.codec.jt809.stream import PositionDecode, decode_position_stream
from monitor.errors import CodecError
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.plate import color_of_code, folded_plate
from monitor.model.report import ReportRows, plate_key


def assert_same_as_plain(buffer: bytes, version: Version, cipher: Cipher | None = None) -> PositionDecode:
    """Decode ``buffer`` both ways; the compiled answer."""
    decoded = decode_position_stream(buffer, version=version, cipher=cipher, recv_ms=7, final=True)
    expected = list(segments(buffer, final=True))
    assert [(frame["start"], frame["end"]) for frame in decoded.frames] == expected
    row = 0
    for summary, (start, end) in zip(decoded.frames, expected, strict=True):
        assert summary["first_row"] == row
        outcome = FrameOutcome(summary["outcome"])
        frame = frame_or_error(buffer[start:end], version, cipher)
        if isinstance(frame, CodecError):
            if outcome is not FrameOutcome.OTHER_MESSAGE:
                assert (outcome.reason, summary["offset"]) == (frame.reason, frame.offset)
            assert summary["n_rows"] == 0
            continue
        assert summary["msg_id"] == frame.header.msg_id
        assert summary["sn"] == frame.header.sn
        assert summary["access_code"] == frame.header.access_code
        message = frame.message
        if not isinstance(message, UpRealLocation | UpHistoryLocation | DownCarLocation | DownHistoryLocation):
            assert outcome is FrameOutcome.OTHER_MESSAGE
            assert (summary["n_rows"], summary["sub_type"]) == (0, -1)
            continue
        assert (outcome, summary["offset"], summary["sub_type"]) == (frame.outcome, frame.offset, message.sub_type)
        rows = decoded.batch.rows[row : row + summary["n_rows"]]
        shifted = decoded.shifted[row : row + summary["n_rows"]]
        readable = [place for place in positions_of(message) if reading_of(place) is not None]
        in_order = sorted(readable, key=_fix_ms)
        for got, moved, position in zip(rows, shifted, in_order, strict=True):
            vehicle = plate_key(color_of_code(message.plate_color).value, folded_plate(message.plate))
            assert decoded.batch.keys[got["key"]] == vehicle
            assert moved == (position.encrypted == 1)
            _assert_row(got, position, frame)
        row += int(summary["n_rows"])
    assert row == len(decoded.batch.rows) == len(decoded.shifted)
    assert len(set(decoded.batch.keys)) == len(decoded.batch.keys)
    return decoded


def frame_or_error(segment: bytes, version: Version, cipher: Cipher | None = None) -> Frame | CodecError:
    """The plain answer; anything but the declared error goes through."""
    try:
        return decode_frame(segment, version, cipher)
    except CodecError as error:
        return error


def _fix_ms(position: AnyPosition) -> int:
    reading = reading_of(position)
    assert reading is not None
    return fix_ms_of(reading)


def _assert_row(row: ReportRows, position: AnyPosition, frame: Frame) -> None:
    reading = reading_of(position)
    assert reading is not None
    assert row["fix_ms"] == _fix_ms(position)
    assert row["recv_ms"] == 7
    assert row["lon_deg"] == reading.lon_deg
    assert row["lat_deg"] == reading.lat_deg
    assert row["status"] == reading.status
    assert row["alarm_flags"] == reading.alarm_flags
    assert row["speed_dkmh"] == round(reading.speed_kmh * 10)
    assert row["heading_deg"] == reading.heading_deg
    assert row["altitude_m"] == reading.altitude_m
    mileage, recorder = reading.mileage_km, reading.recorder_speed_kmh
    assert row["mileage_m"] == (-1 if mileage is None else round(mileage * 1000))
    assert row["recorder_speed_dkmh"] == (-1 if recorder is None else round(recorder * 10))
    assert row["driver"] == -1
    assert row["source"] == -1
    flags = ReportFlag.ACC_KNOWN
    if reading.status & 1:
        flags |= ReportFlag.ACC_ON
    if reading.status & 2:
        flags |= ReportFlag.POSITIONED
    if frame.message.sub_type in SEVERAL:
        flags |= ReportFlag.BACKFILL
    assert row["flags"] == flags
    flaws = Flaw(0)
    if row["fix_ms"] == 0:
        flaws |= Flaw.TIME
    if frame.outcome is FrameOutcome.LENGTH_MISMATCH or (isinstance(reading, Location) and reading.overrun_at >= 0):
        flaws |= Flaw.LENGTH
    assert row["flaws"] == flaws
