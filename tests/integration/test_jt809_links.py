"""JT/T 809 links over real sockets: an upper and a lower end of our own, and peers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from monitor.codec.jt809 import (
    Cipher,
    DownConnectReply,
    DownConnectRequest,
    DownManageRequest,
    DownRetransmitRequest,
    Frame,
    Message,
    UpConnectReply,
    UpConnectRequest,
    UpLinkTest,
    UpManageReply,
    Version,
    decode_frame,
    encode_frame,
    encode_positions,
    split_frames,
)
from monitor.errors import DeliveryError, LinkDownError, StoreError
from monitor.model.exchange import (
    AlarmResult,
    Channel,
    ExchangeEvent,
    Inquiry,
    InquiryAnswer,
    LinkEvent,
    LinkRole,
    PlatformText,
    RegisteredVehicle,
    ReportedAlarm,
    StaticVehicle,
    SupervisionAnswer,
    SupervisionRequest,
    TextReceipt,
    VehicleDriver,
    VehicleWaybill,
)
from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportRows, empty_rows
from monitor.sources.intake import Intake
from monitor.sources.jt809 import Jt809LinkSettings, Jt809Listener, LowerLink, UpperLink, warm_up

pytestmark = pytest.mark.integration

NOW_MS = 1_700_000_000_000
PASSWORD = "s3cret-8"
ACCESS_CODE, USER = 10_086, 4_711
CIPHER = {"m1": 30_000_000, "ia1": 20_000_000, "ic1": 20_000_000}
PLATE, YELLOW = "京A12345", 2


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """Compiles what the links call, so that no wait in a test contains it."""
    warm_up()


def now_ms() -> int:
    return NOW_MS


@dataclass
class Office:
    """A desk and a ``Deliver`` that remember; ``trouble`` makes them fail as often."""

    events: list[ExchangeEvent] = field(default_factory=list)
    intakes: list[Intake] = field(default_factory=list)
    desk_trouble: int = 0
    deliver_trouble: int = 0

    async def take(self, link: str, events: Sequence[ExchangeEvent]) -> None:
        if self.desk_trouble:
            self.desk_trouble -= 1
            raise StoreError(reason="the store is away")
        self.events += events

    async def deliver(self, intake: Intake, /) -> None:
        if self.deliver_trouble:
            self.deliver_trouble -= 1
            raise StoreError(reason="the journal is away")
        self.intakes.append(intake)
        intake.ack()

    @property
    def rows(self) -> ReportRows:
        batches = [intake.decoded.batch.rows for intake in self.intakes if intake.decoded is not None]
        return np.concatenate(batches) if batches else empty_rows(0)

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class Files:
    """Knows one vehicle."""

    async def static(self, plate: str, color: int) -> StaticVehicle | None:
        return (
            StaticVehicle(plate, color, 0, (("VIN", plate), ("VEHICLE_COLOR", str(color)))) if plate == PLATE else None
        )

    async def driver(self, plate: str, color: int) -> VehicleDriver | None:
        return VehicleDriver(plate, color, 0, name="张三", driver_id="4101") if plate == PLATE else None

    async def waybill(self, plate: str, color: int) -> VehicleWaybill | None:
        return VehicleWaybill(plate, color, 0, "CARGO_NAME:=汽油") if plate == PLATE else None


def settings(role: LinkRole, version: int = 2019, **more: Any) -> Jt809LinkSettings:
    base: dict[str, Any] = {
        "name": role.value,
        "role": role,
        "version": version,
        "access_code": ACCESS_CODE,
        "user_id": USER,
        "password": PASSWORD,
        "backoff_first_s": 0.02,
        "backoff_most_s": 0.05,
        "login_s": 2.0,
        "goodbye_s": 1.0,
        "linger_ms": 4.0,
        "platform_id": "11000000001",
    }
    return Jt809LinkSettings.model_validate(base | more)


async def until(condition: Callable[[], object], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


@asynccontextmanager
async def running(*things: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    tasks = [asyncio.ensure_future(thing()) for thing in things]
    try:
        yield
    finally:
        for task in reversed(tasks):
            task.cancel()
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task


@dataclass
class Pair:
    upper: UpperLink
    lower: LowerLink
    above: Office
    below: Office
    listener: Jt809Listener


@asynccontextmanager
async def pair(
    version: int = 2019,
    *,
    upper: dict[str, Any] | None = None,
    lower: dict[str, Any] | None = None,
    wait: bool = True,
    through: Callable[[int], Awaitable[int]] | None = None,
    **both: Any,
) -> AsyncIterator[Pair]:
    above, below = Office(), Office()
    high = UpperLink(settings(LinkRole.UPPER, version, **both | (upper or {})), above.deliver, above, now_ms)
    listener = Jt809Listener([high])
    async with running(listener.run):
        await until(listener.listening.is_set)
        port = listener.port if through is None else await through(listener.port)
        low = LowerLink(
            settings(LinkRole.LOWER, version, **both | {"port": port} | (lower or {})),
            below.deliver,
            below,
            now_ms,
            Files(),
        )
        async with running(low.run):
            if wait:
                n = 2 if high.settings.sub_link and low.settings.sub_link else 1
                await until(lambda: len(high.channels) == n and len(low.channels) == n)
            yield Pair(high, low, above, below, listener)


def positions(n: int, vehicles: int = 1) -> ReportRows:
    rows = empty_rows(n)
    rows["fix_ms"] = NOW_MS - 60_000 + 1_000 * np.arange(n)
    rows["lon_deg"], rows["lat_deg"] = 116.4, 39.9
    rows["speed_dkmh"], rows["status"], rows["alarm_flags"] = 800, 3, 0
    rows["mileage_m"], rows["recorder_speed_dkmh"], rows["heading_deg"], rows["altitude_m"] = 5_000, 790, 90, 40
    rows["key"] = np.arange(n) % vehicles
    return rows


EDITIONS = pytest.mark.parametrize("version", [2011, 2019], ids=["2011", "2019"])
BODIES = pytest.mark.parametrize("encrypt", [False, True], ids=["plain", "encrypted"])


@EDITIONS
@BODIES
async def test_both_channels_come_up_and_positions_arrive(version: int, encrypt: bool) -> None:
    async with pair(version, encrypt=encrypt, cipher=CIPHER) as ends:
        last = await ends.lower.send_positions(positions(2_500, 7), [f"京A{n:05d}" for n in range(7)], [YELLOW] * 7)
        assert last >= 2_499
        await until(lambda: len(ends.above.rows) == 2_500)
        batch = next(intake.decoded.batch for intake in ends.above.intakes if intake.decoded and intake.n_frames)
        assert batch.keys[0] == "plate:yellow:京A00000"
        assert batch.sources == ("upper",)
        assert (ends.above.rows["recv_ms"] == NOW_MS).all()
        assert np.array_equal(np.sort(ends.above.rows["fix_ms"]), positions(2_500)["fix_ms"])
        assert ends.upper.counts.missing == 0
        assert ends.upper.counts.rejects == 0
        ups = ends.above.of(LinkEvent)
        assert {(event.channel, event.up) for event in ups} == {(Channel.MAIN, True), (Channel.SUB, True)}
        assert {event.link for event in ups} == {"upper"}


@EDITIONS
async def test_backfill_goes_out_as_0x1203_and_says_so(version: int) -> None:
    async with pair(version) as ends:
        await ends.lower.send_positions(positions(12), [PLATE], [YELLOW], backfill=True)
        await until(lambda: len(ends.above.rows) == 12)
        assert (ends.above.rows["flags"] & int(ReportFlag.BACKFILL) != 0).all()


@EDITIONS
@BODIES
async def test_an_inquiry_and_its_answer(version: int, encrypt: bool) -> None:
    async with pair(version, encrypt=encrypt, cipher=CIPHER) as ends:
        sn = await ends.upper.inquire(Inquiry(77, "值班人员在岗吗?", NOW_MS, answer_minutes=10))
        await until(lambda: ends.below.of(Inquiry))
        asked = ends.below.of(Inquiry)[0]
        assert asked.question == "值班人员在岗吗?"
        assert asked.info_id == 77
        assert asked.sn == sn
        await ends.lower.answer_inquiry(
            InquiryAnswer("在", NOW_MS, info_id=asked.info_id, sn=asked.sn, responder="李四", responder_tel="010")
        )
        await until(lambda: ends.above.of(InquiryAnswer))
        answer = ends.above.of(InquiryAnswer)[0]
        assert answer.answer == "在"
        assert (answer.info_id, answer.sn) == ((77, 0) if version == 2011 else (0, sn))


@pytest.mark.parametrize("supplement", [False, True], ids=["plain 2011", "with the supplement"])
async def test_an_answer_has_the_form_of_its_question(supplement: bool) -> None:
    async with pair(2011, upper={"supplement": supplement}, lower={"supplement": not supplement}) as ends:
        await ends.upper.inquire(Inquiry(5, "?", NOW_MS, object_type=2, object_id="330000"))
        await until(lambda: ends.below.of(Inquiry))
        asked = ends.below.of(Inquiry)[0]
        assert asked.object_id == ("330000" if supplement else "")
        await ends.lower.answer_inquiry(InquiryAnswer("!", NOW_MS, info_id=5, object_type=2, object_id="330000"))
        await until(lambda: ends.above.of(InquiryAnswer))
        assert ends.above.of(InquiryAnswer)[0].object_id == ("330000" if supplement else "")


async def test_a_supervision_request_of_2011_and_its_answer() -> None:
    async with pair(2011) as ends:
        await ends.lower.report_alarm(ReportedAlarm(1, NOW_MS, NOW_MS, 0x1402, "超速", PLATE, YELLOW, 2, info_id=9))
        await until(lambda: ends.above.of(ReportedAlarm))
        alarm = ends.above.of(ReportedAlarm)[0]
        assert (alarm.plate, alarm.plate_color, alarm.info_id, alarm.content) == (PLATE, YELLOW, 9, "超速")
        await ends.upper.order(
            SupervisionRequest(
                alarm.warn_ms, NOW_MS + 600_000, 0, "王五", NOW_MS, plate=PLATE, plate_color=YELLOW, warn_type=1,
                supervision_id=31,
            )
        )  # fmt: skip
        await until(lambda: ends.below.of(SupervisionRequest))
        request = ends.below.of(SupervisionRequest)[0]
        assert (request.supervision_id, request.plate, request.deadline_ms) == (31, PLATE, NOW_MS + 600_000)
        await ends.lower.answer_order(SupervisionAnswer(1, NOW_MS, supervision_id=31, plate=PLATE, plate_color=YELLOW))
        await until(lambda: ends.above.of(SupervisionAnswer))
        assert ends.above.of(SupervisionAnswer)[0].supervision_id == 31


async def test_a_supervision_request_of_2019_refers_to_the_alarm_by_its_number() -> None:
    async with pair(2019) as ends:
        for _ in range(3):
            alarm_sn = await ends.lower.report_alarm(
                ReportedAlarm(0xA001, NOW_MS, NOW_MS, 0x1402, "停车", PLATE, YELLOW)
            )
        await until(lambda: len(ends.above.of(ReportedAlarm)) == 3)
        assert [alarm.sn for alarm in ends.above.of(ReportedAlarm)] == [0, 1, alarm_sn]
        order_sn = await ends.upper.order(
            SupervisionRequest(NOW_MS, NOW_MS + 600_000, 1, "王五", NOW_MS, source_type=0x1402, source_sn=alarm_sn)
        )
        await until(lambda: ends.below.of(SupervisionRequest))
        request = ends.below.of(SupervisionRequest)[0]
        assert (request.source_type, request.source_sn, request.sn) == (0x1402, alarm_sn, order_sn)
        await ends.lower.answer_order(SupervisionAnswer(1, NOW_MS, sn=request.sn))
        await ends.lower.report_result(AlarmResult(1, NOW_MS, source_type=0x1402, source_sn=alarm_sn))
        await until(lambda: ends.above.of(SupervisionAnswer) and ends.above.of(AlarmResult))
        answer = ends.above.of(SupervisionAnswer)[0]
        assert (answer.sn, answer.source_type, answer.source_sn) == (order_sn, 0x1402, alarm_sn)
        assert ends.above.of(AlarmResult)[0].source_sn == alarm_sn


@EDITIONS
async def test_a_text_is_receipted_only_after_the_desk_has_it(version: int) -> None:
    async with pair(version) as ends:
        ends.below.desk_trouble = 2
        sn = await ends.upper.send_text(PlatformText(12, "请注意", NOW_MS))
        await until(lambda: ends.above.of(TextReceipt))
        assert len(ends.below.of(PlatformText)) == 1
        assert ends.lower.counts.desk_failures >= 1
        receipt = ends.above.of(TextReceipt)[0]
        assert (receipt.info_id, receipt.sn) == ((12, 0) if version == 2011 else (0, sn))


@EDITIONS
async def test_questions_about_vehicles_are_answered_from_the_files(version: int) -> None:
    async with pair(version) as ends:
        await ends.upper.request_static(PLATE, YELLOW)
        await ends.upper.ask_driver(PLATE, YELLOW)
        await ends.upper.ask_waybill(PLATE, YELLOW)
        await ends.upper.ask_driver("京B00000", 1)
        await ends.upper.warn(ReportedAlarm(1, NOW_MS, NOW_MS, 0x9402, "预警", PLATE, YELLOW))
        await until(lambda: len(ends.above.of(VehicleDriver)) == 2 and ends.above.of(VehicleWaybill))
        assert ends.above.of(StaticVehicle)[0].fields == (("VIN", PLATE), ("VEHICLE_COLOR", "2"))
        assert [driver.name for driver in ends.above.of(VehicleDriver)] == ["张三", ""]
        assert ends.above.of(VehicleWaybill)[0].content == "CARGO_NAME:=汽油"
        await until(lambda: ends.below.of(ReportedAlarm))
        assert ends.below.of(ReportedAlarm)[0].msg_type == 0x9402


@EDITIONS
async def test_a_vehicle_is_registered(version: int) -> None:
    async with pair(version) as ends:
        vehicle = RegisteredVehicle(
            PLATE, YELLOW, 0, producer_id="70111", model="M1", terminal_id="T000001", phone="13800138000"
        )
        await ends.lower.register_vehicle(vehicle)
        await ends.lower.send_waybill(VehicleWaybill(PLATE, YELLOW, 0, "空车"))
        await until(lambda: ends.above.of(VehicleWaybill))
        expected = replace(vehicle, at_ms=NOW_MS, platform_id="11000000001")
        assert ends.above.of(RegisteredVehicle) == [expected]


@EDITIONS
async def test_without_a_sub_link_everything_goes_by_the_main_link(version: int) -> None:
    async with pair(version, lower={"sub_link": False, "down_link_port": 1}, wait=False) as ends:
        await until(lambda: ends.upper.up and ends.lower.up)
        await ends.upper.inquire(Inquiry(1, "?", NOW_MS))
        await until(lambda: ends.below.of(Inquiry))
        assert ends.upper.channels == {Channel.MAIN}


@EDITIONS
async def test_when_the_main_link_is_cut_the_sub_link_carries_both_ways_and_stays(version: int) -> None:
    relay = Relay()
    async with pair(version, through=relay.start) as ends:
        sub_ups = ends.upper.counts.ups[Channel.SUB]
        relay.block()
        await until(lambda: ends.upper.channels == {Channel.SUB} and ends.lower.channels == {Channel.SUB})
        await ends.lower.send_positions(positions(10), [PLATE], [YELLOW])
        await ends.upper.inquire(Inquiry(1, "?", NOW_MS))
        await until(lambda: len(ends.above.rows) == 10 and ends.below.of(Inquiry))
        relay.open()
        await until(lambda: len(ends.upper.channels) == 2 and len(ends.lower.channels) == 2)
        assert ends.upper.counts.ups[Channel.SUB] == sub_ups
        await ends.lower.send_positions(positions(10), [PLATE], [YELLOW])
        await until(lambda: len(ends.above.rows) == 20)
        await relay.stop()


class Relay:
    """Stands between lower and upper on the main link."""

    def __init__(self) -> None:
        self._writers: set[asyncio.StreamWriter] = set()
        self._blocked = False

    async def start(self, port: int) -> int:
        self._port = port
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        listening: int = self._server.sockets[0].getsockname()[1]
        return listening

    async def stop(self) -> None:
        self._server.close()
        self.block()
        await asyncio.sleep(0)

    def block(self) -> None:
        self._blocked = True
        for writer in list(self._writers):
            writer.transport.abort()

    def open(self) -> None:
        self._blocked = False

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._blocked:
            writer.transport.abort()
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {writer, far_writer}
        await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        self._writers -= {writer, far_writer}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()


async def test_nothing_can_be_sent_while_no_channel_is_up() -> None:
    office = Office()
    link = UpperLink(settings(LinkRole.UPPER), office.deliver, office, now_ms)
    with pytest.raises(LinkDownError):
        await link.inquire(Inquiry(1, "?", NOW_MS))


async def test_what_an_edition_cannot_say_is_said_so_and_not_tried_again() -> None:
    async with pair(2011) as ends:
        with pytest.raises(DeliveryError) as refused:
            await ends.upper.request_backfill(PLATE, YELLOW, 0, NOW_MS)
        assert not refused.value.retry
        with pytest.raises(DeliveryError):
            await ends.lower.report_result(AlarmResult(1, NOW_MS, info_id=1))


async def test_positions_sent_are_sent_again_on_request_with_their_numbers() -> None:
    async with pair(2019) as ends:
        await ends.lower.send_positions(positions(30), [PLATE], [YELLOW])
        await until(lambda: len(ends.above.rows) == 30)
        await ends.upper.request_backfill(PLATE, YELLOW, NOW_MS - 1_000, NOW_MS)
        await until(lambda: len(ends.above.rows) == 60)
        assert ends.lower.counts.resent == 30
        assert ends.upper.counts.missing == 0


# A peer of the test's own making.


class Peer:
    def __init__(self, version: int, cipher: Cipher | None = None) -> None:
        self.version = Version(version)
        self._cipher = cipher
        self._sn = itertools.count()
        self._buffer = b""

    async def connect(self, port: int) -> Peer:
        self._reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        return self

    def encoded(self, message: Message, access_code: int = ACCESS_CODE) -> bytes:
        return encode_frame(
            message, version=self.version, access_code=access_code, sn=next(self._sn), cipher=self._cipher, time_s=1
        )

    def send(self, message: Message, access_code: int = ACCESS_CODE) -> None:
        self.writer.write(self.encoded(message, access_code))

    async def hear(self, within_s: float = 3.0) -> Frame | None:
        """The next frame; None once the connection is closed."""
        async with asyncio.timeout(within_s):
            while True:
                segments, _ = split_frames(self._buffer)
                if segments:
                    self._buffer = self._buffer[len(segments[0]) :]
                    return decode_frame(segments[0], self.version, self._cipher)
                data = await self._reader.read(65_536)
                if not data:
                    return None
                self._buffer += data

    async def hear_out(self) -> list[Message]:
        heard = []
        while (frame := await self.hear()) is not None:
            heard.append(frame.message)
        return heard

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def upper_alone(version: int = 2019, **more: Any) -> AsyncIterator[tuple[UpperLink, Jt809Listener, Office]]:
    office = Office()
    link = UpperLink(settings(LinkRole.UPPER, version, **more), office.deliver, office, now_ms)
    listener = Jt809Listener([link])
    async with running(listener.run):
        await until(listener.listening.is_set)
        yield link, listener, office


def login(**changes: Any) -> UpConnectRequest:
    stated: dict[str, Any] = {
        "user_id": USER,
        "password": PASSWORD,
        "access_code": ACCESS_CODE,
        "down_ip": "",
        "down_port": 0,
    }
    return UpConnectRequest(**stated | changes)


REFUSALS = pytest.mark.parametrize(
    ("link", "header_code", "stated", "spoken", "code"),
    [
        pytest.param({"allowed_addresses": ["10.0.0.0/8"]}, ACCESS_CODE, {}, None, 1, id="address not allowed"),
        pytest.param({}, 1, {"access_code": 1}, None, 2, id="wrong access code"),
        pytest.param({}, ACCESS_CODE, {"user_id": 1}, None, 3, id="unknown user"),
        pytest.param({}, ACCESS_CODE, {"password": "wrong"}, None, 4, id="wrong password"),
        pytest.param({}, ACCESS_CODE, {"password": ""}, None, 4, id="empty password"),
        pytest.param({}, ACCESS_CODE, {}, "other", -1, id="laid out as the other edition"),
    ],
)


@EDITIONS
@REFUSALS
async def test_a_wrong_log_in_is_refused_with_its_code_and_the_connection_closed(
    version: int, link: dict[str, Any], header_code: int, stated: dict[str, Any], spoken: str | None, code: int
) -> None:
    spoken_version = version if spoken is None else 2030 - (version - 2000)
    spoken_version = {2011: 2011, 2019: 2019}[spoken_version]
    expected = {2011: 6, 2019: 0xFF}[spoken_version] if code < 0 else code
    async with upper_alone(version, **link) as (upper, listener, office):
        peer = await Peer(spoken_version).connect(listener.port)
        peer.send(login(**stated), header_code)
        assert await peer.hear_out() == [UpConnectReply(result=expected)]
        peer.close()
        assert not upper.up
        assert office.events == []


async def test_a_2019_login_with_another_access_code_in_its_body_is_refused() -> None:
    async with upper_alone(2019) as (upper, listener, _):
        peer = await Peer(2019).connect(listener.port)
        peer.send(login(access_code=5))
        assert await peer.hear_out() == [UpConnectReply(result=2)]
        peer.close()
        assert upper.counts.refused["access_code"] == 1


@pytest.mark.parametrize(
    "data",
    [b"GET / HTTP/1.1\r\n\r\n", b"\x5b" + b"\x00" * 20 + b"\x5d", b"\x5b" + b"\x01" * 9_000],
    ids=["another protocol", "a bad frame", "a frame without end"],
)
async def test_what_is_no_log_in_ends_the_connection_unanswered(data: bytes) -> None:
    async with upper_alone() as (_, listener, office):
        peer = await Peer(2019).connect(listener.port)
        peer.writer.write(data)
        with contextlib.suppress(ConnectionError):
            assert await peer.hear_out() == []
        peer.close()
        assert listener.refused["malformed"] == 1
        assert office.intakes == []


async def test_who_says_nothing_is_dropped_in_time() -> None:
    async with upper_alone(login_s=0.1) as (_, listener, _):
        peer = await Peer(2019).connect(listener.port)
        with contextlib.suppress(ConnectionError):
            assert await peer.hear() is None
        peer.close()


async def test_a_heartbeat_before_the_log_in_is_not_answered() -> None:
    async with upper_alone() as (_, listener, _):
        peer = await Peer(2019).connect(listener.port)
        peer.send(UpLinkTest())
        with contextlib.suppress(ConnectionError):
            assert await peer.hear() is None
        peer.close()


async def logged_in(port: int, version: int = 2011) -> Peer:
    peer = await Peer(version).connect(port)
    peer.send(login())
    answer = await peer.hear()
    assert answer is not None
    assert isinstance(answer.message, UpConnectReply)
    assert answer.message.result == 0
    return peer


async def test_bad_frames_between_good_ones_are_kept_and_harm_nothing() -> None:
    async with upper_alone(2011) as (upper, listener, office):
        peer = await logged_in(listener.port)
        good = peer.encoded(UpLinkTest())
        peer.writer.write(good[:-3] + b"\x00\x00\x5d" + b"\x99\x99" + good)
        answer = await peer.hear()
        while answer is not None and answer.header.msg_id == 0x9007:
            answer = await peer.hear()
        assert answer is not None
        assert answer.header.msg_id == 0x1006
        assert upper.up
        await until(lambda: any(intake.decoded and intake.decoded.rejects for intake in office.intakes))
        rejects = [reject for intake in office.intakes if intake.decoded for reject in intake.decoded.rejects]
        assert {reject.reason for reject in rejects} == {"bad_crc", "no_start"}
        peer.close()
        await until(lambda: not upper.up)


async def test_a_peer_that_sends_only_garbage_is_dropped_and_counted() -> None:
    async with upper_alone(2011, garbage_frames=50, sub_link=False) as (upper, listener, _):
        peer = await logged_in(listener.port)
        peer.writer.write(b"\x5b\x00\x5d" * 60)
        with contextlib.suppress(ConnectionError):
            assert await peer.hear_out() == []
        await until(lambda: not upper.up)
        assert upper.counts.garbage_peers == 1
        assert upper.counts.downs["main:garbage"] == 1
        peer.close()


async def test_the_newer_connection_wins() -> None:
    async with upper_alone(2011, sub_link=False) as (upper, listener, office):
        first = await logged_in(listener.port)
        second = await logged_in(listener.port)
        with contextlib.suppress(ConnectionError):
            assert await first.hear_out() == []
        second.send(UpLinkTest())
        answer = await second.hear()
        assert answer is not None
        assert upper.up
        await until(lambda: len(office.of(LinkEvent)) == 3)
        assert [event.up for event in office.of(LinkEvent)] == [True, False, True]
        first.close()
        second.close()


async def test_two_links_on_one_port_are_told_apart_by_code_and_user() -> None:
    office = Office()
    links = [
        UpperLink(
            settings(LinkRole.UPPER, version, name=name, user_id=user, sub_link=False), office.deliver, office, now_ms
        )
        for name, user, version in (("a", 1, 2011), ("b", 2, 2011), ("c", USER, 2019))
    ]
    listener = Jt809Listener(links)
    async with running(listener.run):
        await until(listener.listening.is_set)
        peers = []
        for user, version in ((2, 2011), (USER, 2019)):
            peer = await Peer(version).connect(listener.port)
            peer.send(login(user_id=user))
            await peer.hear()
            peers.append(peer)
        assert [link.up for link in links] == [False, True, True]
        for peer in peers:
            peer.close()


async def test_silence_closes_the_channel_and_only_that() -> None:
    async with upper_alone(2011, heartbeat_s=0.1, dead_s=0.4, sub_link=False) as (upper, listener, _):
        peer = await logged_in(listener.port)
        assert await peer.hear(3.0) is None
        assert upper.counts.downs["main:silent"] == 1
        peer.close()


@EDITIONS
async def test_an_idle_link_lives_by_heartbeats(version: int) -> None:
    async with pair(version, heartbeat_s=0.05, dead_s=0.2) as ends:
        await asyncio.sleep(0.7)
        assert len(ends.upper.channels) == len(ends.lower.channels) == 2
        assert ends.upper.counts.downs.total() == ends.lower.counts.downs.total() == 0


async def test_a_journal_that_is_away_loses_no_position() -> None:
    async with pair(2011) as ends:
        ends.above.deliver_trouble = 3
        await ends.lower.send_positions(positions(100), [PLATE], [YELLOW])
        await until(lambda: len(ends.above.rows) == 100)
        assert ends.upper.counts.deliver_failures == 3


@EDITIONS
async def test_stopping_logs_out_and_the_other_side_knows_why(version: int) -> None:
    async with upper_alone(version) as (upper, listener, _):
        below = Office()
        lower = LowerLink(settings(LinkRole.LOWER, version, port=listener.port), below.deliver, below, now_ms)
        async with running(lower.run):
            await until(lambda: len(upper.channels) == 2)
        await until(lambda: not upper.up)
        assert upper.counts.downs["main:logout"] == 1
        assert [event.up for event in below.of(LinkEvent)][-2:] == [False, False]


async def test_the_lower_refuses_a_sub_link_with_another_code() -> None:
    async with pair(2011, upper={"sub_link": False}, wait=False) as ends:
        await until(lambda: ends.lower.up)
        peer = await Peer(2011).connect(ends.lower.down_link_port)
        peer.send(DownConnectRequest(verify_code=1))
        assert await peer.hear_out() == [DownConnectReply(result=1)]
        peer.close()


async def test_a_lower_that_is_refused_tries_again_later() -> None:
    async with pair(2019, lower={"password": "other"}, wait=False) as ends:
        await until(lambda: ends.lower.counts.refused["password"] >= 2)
        assert not ends.upper.up
        assert not ends.below.events


async def test_a_sub_link_that_is_faster_than_the_answer_to_the_log_in_is_waited_for() -> None:
    """The upper opens it as soon as it has written 0x1002; which of the two is read first is chance."""
    below = Office()
    code = 99

    async def upper_platform(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        main = Peer(2011)
        main._reader, main.writer = reader, writer
        frame = await main.hear()
        assert frame is not None
        assert isinstance(frame.message, UpConnectRequest)
        sub = await Peer(2011).connect(frame.message.down_port)
        sub.send(DownConnectRequest(verify_code=code))
        await asyncio.sleep(0.1)
        main.send(UpConnectReply(result=0, verify_code=code))
        answer = await sub.hear()
        assert answer is not None
        assert answer.message == DownConnectReply(result=0)
        answered.set()
        await gone.wait()
        sub.close()
        writer.close()

    answered, gone = asyncio.Event(), asyncio.Event()
    server = await asyncio.start_server(upper_platform, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lower = LowerLink(settings(LinkRole.LOWER, 2011, port=port), below.deliver, below, now_ms)
    async with running(lower.run):
        await until(answered.is_set)
        await until(lambda: len(lower.channels) == 2)
        gone.set()
        await until(lambda: not lower.up)
    server.close()


@EDITIONS
async def test_a_sub_link_that_cannot_be_opened_is_announced_once_and_tried_again(version: int) -> None:
    async with upper_alone(version) as (upper, listener, _):
        peer = await Peer(version).connect(listener.port)
        blocked = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        port = blocked.sockets[0].getsockname()[1]
        blocked.close()
        peer.send(login(down_ip="127.0.0.1", down_port=port))
        heard = [await peer.hear() for _ in range(2 if version == 2011 else 3)]
        assert [frame.header.msg_id for frame in heard if frame is not None][-1] == 0x9007
        with pytest.raises(TimeoutError):
            await peer.hear(0.2)
        subs: list[Peer] = []

        async def lower_platform(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            sub = Peer(version)
            sub._reader, sub.writer = reader, writer
            frame = await sub.hear()
            assert frame is not None
            sub.send(DownConnectReply(result=0))
            subs.append(sub)

        server = await asyncio.start_server(lower_platform, "127.0.0.1", port)
        await until(lambda: len(upper.channels) == 2)
        server.close()
        for one in (peer, *subs):
            one.close()


async def test_a_dead_sub_link_is_found_out_at_the_next_log_in() -> None:
    async with upper_alone(2011, login_s=0.2) as (upper, listener, _):
        subs: list[Peer] = []

        async def lower_platform(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            sub = Peer(2011)
            sub._reader, sub.writer = reader, writer
            subs.append(sub)
            await sub.hear()
            sub.send(DownConnectReply(result=0))

        server = await asyncio.start_server(lower_platform, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        first = await Peer(2011).connect(listener.port)
        first.send(login(down_ip="127.0.0.1", down_port=port))
        await until(lambda: len(upper.channels) == 2)
        first.writer.transport.abort()
        await until(lambda: upper.channels == {Channel.SUB})
        second = await Peer(2011).connect(listener.port)
        second.send(login(down_ip="127.0.0.1", down_port=port))
        # The first sub link does not answer the heartbeat: it is given up, and another one opened.
        await until(lambda: upper.counts.downs["sub:silent"] == 1 and len(subs) == 2)
        server.close()
        for peer in (second, *subs):
            peer.close()


async def test_the_traffic_report_tells_of_breaks() -> None:
    relay = Relay()
    async with pair(2019, upper={"sub_link": False}, through=relay.start, wait=False) as ends:
        await until(lambda: ends.lower.up)
        relay.block()
        await until(lambda: not ends.lower.up)
        relay.open()
        await until(lambda: ends.lower.up and ends.upper.up)
        heard: list[Message] = []
        take = ends.upper.take

        async def listening(conversation: Any, frame: Frame) -> None:
            heard.append(frame.message)
            await take(conversation, frame)

        ends.upper.take = listening  # type: ignore[method-assign]
        await ends.upper._send(DownManageRequest(start_ms=0, end_ms=NOW_MS + 1_000))
        await until(lambda: any(isinstance(message, UpManageReply) for message in heard))
        report = next(message for message in heard if isinstance(message, UpManageReply))
        # Once before the first log-in, once when the relay blocked; our clock stands still.
        assert report.disconnections == 2
        assert report.platform_id == "11000000001"
        await relay.stop()


async def test_numbers_that_were_jumped_over_are_asked_for_and_come() -> None:
    async with upper_alone(2019, request_missing=True, sub_link=False) as (upper, listener, office):
        peer = await logged_in(listener.port, 2019)
        frames = [
            encode_positions(
                positions(1), [PLATE], [YELLOW], version=Version.V2019, access_code=ACCESS_CODE, first_sn=number
            )
            for number in range(6)
        ]
        peer.writer.write(frames[0] + frames[1] + frames[5])
        while not isinstance((frame := await peer.hear() or pytest.fail("closed")).message, DownRetransmitRequest):
            pass
        assert (frame.message.data_type, frame.message.first_sn, frame.message.last_sn) == (0x1202, 2, 4)
        assert upper.counts.missing == 3
        peer.writer.write(frames[2] + frames[3] + frames[4])
        await until(lambda: len(office.rows) == 6)
        assert upper.counts.missing == 3
        peer.close()


async def test_a_peer_that_reads_nothing_is_disconnected() -> None:
    async with upper_alone(2011, write_s=0.2, sub_link=False, write_buffer_bytes=4096) as (upper, listener, _):
        peer = await logged_in(listener.port)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        text = PlatformText(1, "x" * 60_000, NOW_MS)

        async def send_on() -> None:
            for _ in range(500):
                await upper.send_text(text)

        with pytest.raises(LinkDownError):
            await send_on()
        assert upper.counts.downs["main:unread"] == 1
        peer.close()
