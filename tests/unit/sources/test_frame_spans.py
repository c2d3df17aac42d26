"""Where reports lie in what was received: the very bytes that were sent, and nothing of other messages."""

from __future__ import annotations

import json
from datetime import datetime

from monitor.codec.jt808 import Location, LocationBatch, Version, encode_frames
from monitor.codec.jt808.messages.position import PositionReply
from monitor.codec.jt808.messages.registration import Authenticate
from monitor.codec.jt808.messages.session import Heartbeat
from monitor.codec.jt809 import UpLinkTest, encode_frame, encode_positions
from monitor.codec.jt809 import Version as LinkVersion
from monitor.model.beijing import BEIJING
from monitor.model.evidence import FrameForm
from monitor.sources.decode import decode_messages
from monitor.sources.intake import Codec, Decoded, Feed, RawMessage
from monitor.sources.jt809.inbound import FrameReader
from tests.unit.sources.jt808.test_rounds import NOW_MS, PHONES, Desk, position
from tests.unit.sources.jt809.test_jt809_inbound import AT_MS, CIPHER, rows

PHONE = PHONES[0]


def location(second: int) -> Location:
    time = datetime.fromtimestamp(NOW_MS / 1000 + second, BEIJING).replace(microsecond=0)
    return Location(status=3, lat_deg=39.0, lon_deg=100.0, time=time)


def frames_of(decoded: Decoded | None) -> list[tuple[int, bytes]]:
    """Each report's fix second and bytes."""
    assert decoded is not None
    assert decoded.spans is not None
    spans = decoded.spans
    fixes = (decoded.batch.rows["fix_ms"] - NOW_MS) // 1000
    places = zip(fixes.tolist(), spans.begin.tolist(), spans.end.tolist(), strict=True)
    return [(fix, spans.buffer[begin:end]) for fix, begin, end in places]


def test_reports_of_terminals_have_their_frames() -> None:
    desk = Desk()
    terminal = desk.terminal(PHONE)
    code, _ = encode_frames(Authenticate(auth_code="4711"), phone=PHONE, version=Version.V2013, serial=7)
    beat, _ = encode_frames(Heartbeat(), phone=PHONE, version=Version.V2013, serial=8)
    late, _ = encode_frames(
        LocationBatch(kind=1, locations=(location(2), location(3))), phone=PHONE, version=Version.V2013, serial=9
    )
    first, last = position(PHONE, 1), position(PHONE, 4)
    desk.switchboard.inbox.put(terminal, first + beat + late + last + code)
    desk.hear()
    assert frames_of(desk.intakes[0].decoded) == [(1, first), (2, late), (3, late), (4, last)]


def test_a_frame_that_came_in_two_pieces_is_whole() -> None:
    desk = Desk()
    terminal = desk.terminal(PHONE)
    frame = position(PHONE, 1)
    desk.switchboard.inbox.put(terminal, frame[:20])
    desk.hear()
    desk.switchboard.inbox.put(terminal, frame[20:])
    desk.hear()
    assert frames_of(desk.intakes[0].decoded) == [(1, frame)]


def test_a_message_of_several_packets_has_all_of_them_and_an_answer_its_frame() -> None:
    desk = Desk()
    terminal = desk.terminal(PHONE)
    many = LocationBatch(kind=1, locations=tuple(location(second) for second in range(60)))
    packets, n = encode_frames(many, phone=PHONE, version=Version.V2013, serial=20)
    assert n > 1
    answer, _ = encode_frames(
        PositionReply(reply_serial=1, location=location(70)), phone=PHONE, version=Version.V2013, serial=40
    )
    between = position(PHONE, 65)
    cut = packets.index(b"\x7e\x7e") + 1
    desk.switchboard.inbox.put(terminal, packets[:cut])
    desk.hear()
    desk.switchboard.inbox.put(terminal, between + packets[cut:] + answer)
    desk.hear()
    found = dict(frames_of(desk.intakes[-1].decoded))
    assert {found[second].replace(b"\x7e\x7e", b"\x7e") for second in range(60)} == {
        packets.replace(b"\x7e\x7e", b"\x7e")
    }
    assert (found[65], found[70]) == (between, answer)


def test_json_has_its_payload() -> None:
    def payload(*seconds: int) -> bytes:
        made = [{"vehicle_id": "V", "fix_time": NOW_MS + 1000 * s, "lon": 100.0, "lat": 39.0} for s in seconds]
        return json.dumps(made if len(made) > 1 else made[0]).encode()

    payloads = [payload(3, 2), b"not a report", payload(4)]
    messages = [RawMessage(data, "t", NOW_MS) for data in payloads]
    decoded = decode_messages(Feed("s", "p"), messages)
    assert frames_of(decoded) == [(2, payloads[0]), (3, payloads[0]), (4, payloads[2])]
    assert decoded.spans is not None
    assert decoded.spans.form is FrameForm.JSON


def test_frames_inside_of_messages_have_their_own() -> None:
    frames = [position(PHONE, second) for second in range(3)]
    messages = [RawMessage(frames[0] + frames[1], "t", NOW_MS), RawMessage(frames[2], "t", NOW_MS)]
    assert frames_of(decode_messages(Feed("s", "p", Codec.JT808), messages)) == list(enumerate(frames))


def test_positions_of_platforms_have_their_frames() -> None:
    def frame(n: int, sn: int) -> bytes:
        return encode_positions(rows(n), ["浙A12345"], [2], version=LinkVersion.V2019, access_code=1, first_sn=sn)

    beat = encode_frame(UpLinkTest(), version=LinkVersion.V2019, access_code=1, sn=9, cipher=CIPHER, key=5)
    reader = FrameReader(Feed("link", "city"), "192.0.2.1:9", LinkVersion.V2019, CIPHER)
    first, second = frame(1, 0), frame(1, 1)
    data = first + beat + b"\xff" + second
    reader.take(data[:30], AT_MS)
    decoded = reader.take(data[30:], AT_MS).decoded
    assert [data for _, data in frames_of(decoded)] == [first, second]
    assert decoded.spans is not None
    assert decoded.spans.form is FrameForm.JT809
