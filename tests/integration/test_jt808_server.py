"""Terminals over real sockets: nothing is answered before it is safe, and no peer harms another."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
import uvloop

from monitor.codec.jt808 import (
    Location,
    LocationBatch,
    Message,
    RawMessage,
    Version,
    decode_message,
    encode_frames,
)
from monitor.codec.jt808.framing import frame as framed
from monitor.codec.jt808.framing import segments, unescape
from monitor.codec.jt808.header import decode_header
from monitor.codec.jt808.messages.documents import Waybill
from monitor.codec.jt808.messages.driver_card import DriverCard
from monitor.codec.jt808.messages.frames import encode_body_frames
from monitor.codec.jt808.messages.general_reply import PlatformReply, TerminalReply
from monitor.codec.jt808.messages.position import PositionReply
from monitor.codec.jt808.messages.position_order import PositionQuery
from monitor.codec.jt808.messages.registration import Authenticate, Register, RegisterReply
from monitor.codec.jt808.messages.registry import encode_message
from monitor.codec.jt808.messages.retransmission import RetransmitRequest
from monitor.codec.jt808.messages.session import Heartbeat, TimeQuery, TimeReply, Unregister
from monitor.codec.jt808.messages.text import Text
from monitor.errors import JournalError, StoreError
from monitor.model.bad_bytes import BadBytes
from monitor.model.beijing import BEIJING
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch, concatenate
from monitor.model.terminal import Terminal
from monitor.sources.intake import Intake
from monitor.sources.jt808 import AnswerResult, Jt808Server, Jt808Settings, NotConnected, Registration

pytestmark = pytest.mark.integration

NOW_MS = 1_760_000_000_000
PHONE = "013912345678"
OTHER_PHONE = "013912345679"
_TIMEOUT_S = 10.0


class Journal:
    """Keeps what is delivered. Acknowledges at once, unless it is held or broken."""

    def __init__(self) -> None:
        self.intakes: list[Intake] = []
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False

    async def __call__(self, intake: Intake, /) -> None:
        if self.broken:
            raise JournalError(path="journal", reason="disk full")
        self.intakes.append(intake)
        await self.open.wait()
        intake.ack()

    @property
    def batch(self) -> ReportBatch:
        return concatenate([intake.decoded.batch for intake in self.intakes if intake.decoded])

    @property
    def rejects(self) -> list[BadBytes]:
        return [reject for intake in self.intakes if intake.decoded for reject in intake.decoded.rejects]

    @property
    def records(self) -> list[JournalRecord]:
        return [record for intake in self.intakes for record in intake.records]


class Book:
    """Terminals in memory. ``known`` are the phones of the registry, each with its plate."""

    def __init__(self) -> None:
        self.terminals: dict[str, Terminal] = {}
        self.known: dict[str, str] = {}
        self.broken = False
        self.full = False

    def find(self, phone: str, /) -> Terminal | None:
        return self.terminals.get(phone)

    def registration(self, phone: str, plate: str, plate_color: int, /) -> Registration:
        holder = next((one for one, other in self.known.items() if other == plate), None)
        return Registration(
            phone_known=phone in self.known,
            plate_known=holder is not None,
            matched=self.known.get(phone) == plate,
            plate_taken=holder not in (None, phone),
        )

    def room(self, phone: str, waiting: int, /) -> bool:
        return not self.full

    async def save(self, terminals: Sequence[Terminal], /) -> None:
        if self.broken:
            raise StoreError(reason="no space")
        self.terminals |= {terminal.phone: terminal for terminal in terminals}


class Client:
    """A terminal that does what the test says."""

    def __init__(self, port: int, phone: str = PHONE, version: Version = Version.V2013) -> None:
        self.port = port
        self.phone = phone
        self.version = version
        self.serial = 0
        self.code = ""
        self.closed = asyncio.Event()
        self.heard: asyncio.Queue[tuple[int, Message]] = asyncio.Queue()

    async def open(self) -> Client:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._task = asyncio.create_task(self._listen())
        return self

    async def close(self) -> None:
        self._writer.close()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await self._task
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    async def _listen(self) -> None:
        buffer = b""
        with contextlib.suppress(ConnectionError):
            while data := await self._reader.read(65_536):
                buffer += data
                cut = buffer.rfind(b"\x7e") + 1
                for start, end, _ in segments(buffer[:cut]):
                    message = unescape(buffer[start:end])
                    header = decode_header(message)
                    body = message[header.size : -1]
                    assert header.phone.lstrip("0") == self.phone.lstrip("0")
                    self.heard.put_nowait((header.serial, decode_message(header.msg_id, body, header.version)))
                buffer = buffer[cut:]
        self.closed.set()

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def say(self, message: Message, serial: int | None = None) -> int:
        """Send without waiting; its serial."""
        first = self.serial if serial is None else serial
        frames, n = encode_frames(message, phone=self.phone, version=self.version, serial=first)
        if serial is None:
            self.serial += n
        self.write(frames)
        return first

    async def hear(self) -> Message:
        async with asyncio.timeout(_TIMEOUT_S):
            return (await self.heard.get())[1]

    async def hear_one(self) -> tuple[int, Message]:
        async with asyncio.timeout(_TIMEOUT_S):
            return await self.heard.get()

    async def ask(self, message: Message) -> Message:
        self.say(message)
        return await self.hear()

    async def result(self, message: Message) -> int:
        """Send, and the result of the general reply, which must be to this message."""
        serial = self.say(message)
        reply = await self.hear()
        assert isinstance(reply, PlatformReply), reply
        assert (reply.reply_serial, reply.reply_id) == (serial, message.msg_id)
        return reply.result

    async def register(self, plate: str = "甘G12345") -> RegisterReply:
        reply = await self.ask(Register(plate_color=2, plate=plate, terminal_id="T1", maker="M", model="X"))
        assert isinstance(reply, RegisterReply)
        self.code = reply.auth_code
        return reply

    async def log_in(self) -> Client:
        await self.register()
        assert await self.result(Authenticate(auth_code=self.code)) == 0
        return self

    async def silent(self) -> bool:
        """Whether nothing is heard: another question is answered, and only that (heartbeats need no journal)."""
        serial = self.say(Heartbeat())
        reply = await self.hear()
        return isinstance(reply, PlatformReply) and reply.reply_serial == serial

    async def ended(self) -> None:
        async with asyncio.timeout(_TIMEOUT_S):
            await self.closed.wait()


def at(seconds: int = 0) -> datetime:
    return datetime.fromtimestamp(NOW_MS / 1000 + seconds, BEIJING).replace(microsecond=0)


def position(seconds: int = 0, **more: object) -> Location:
    return Location(status=3, lat_deg=39.1, lon_deg=100.2, speed_kmh=60.0, time=at(seconds), **more)  # type: ignore[arg-type]


class Station:
    """A server with its journal, its book and its clients."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = Journal()
        self.book = Book()
        self.ready: list[str] = []
        self.clients: list[Client] = []
        self.server: Jt808Server

    @contextlib.asynccontextmanager
    async def serving(self, **settings: object) -> AsyncIterator[Station]:
        fields: dict[str, object] = {"name": "terminals", "port": 0}
        chosen = Jt808Settings.model_validate(fields | settings)
        key = self.folder / "jt808.key"
        self.server = Jt808Server(chosen, self.journal, self.book, lambda: NOW_MS, key, self.ready.append)
        task = asyncio.create_task(self.server.run())
        try:
            await self.until(lambda: self.server.connected, 60.0)  # compiles
            yield self
        finally:
            for client in self.clients:
                await client.close()
            self.clients.clear()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def client(self, phone: str = PHONE, version: Version = Version.V2013) -> Client:
        client = await Client(self.server.port, phone, version).open()
        self.clients.append(client)
        return client

    async def until(self, met: Callable[[], bool], timeout_s: float = _TIMEOUT_S) -> None:
        async with asyncio.timeout(timeout_s):
            while not met():  # noqa: ASYNC110  what is waited for lies on both sides of a socket
                await asyncio.sleep(0.005)


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path)


@pytest.mark.parametrize("version", [Version.V2011, Version.V2013, Version.V2019])
async def test_a_terminal_registers_authenticates_and_reports(station: Station, version: Version) -> None:
    async with station.serving() as here:
        client = await here.client(version=version)
        reply = await client.register()
        assert (reply.reply_serial, reply.result) == (0, 0)
        assert await client.result(Authenticate(auth_code=client.code, imei="9" * 15)) == 0
        assert await client.result(Heartbeat()) == 0
        assert await client.result(position(1)) == 0
        await here.until(lambda: here.ready == ["13912345678"])
    batch = station.journal.batch
    assert (batch.keys, batch.sources) == (("terminal:13912345678",), ("terminals",))
    row = batch.rows[0]
    assert (row["fix_ms"], row["recv_ms"], row["speed_dkmh"]) == (NOW_MS + 1_000, NOW_MS, 600)
    assert (row["source"], row["driver"]) == (0, -1)
    terminal = station.book.terminals["13912345678"]
    assert (terminal.version, terminal.plate, terminal.plate_color) == (int(version), "甘G12345", 2)
    assert (terminal.registered_ms, terminal.authenticated_ms) == (NOW_MS, NOW_MS)
    assert terminal.reports == 1
    assert station.server.counts.frames["location"] == 1
    assert station.server.counts.authenticated == 0


async def test_no_position_is_answered_before_it_is_journalled(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        here.journal.open.clear()
        serials = [client.say(position(seconds)) for seconds in range(3)]
        batch = LocationBatch(kind=1, locations=(position(-60), position(-30)))
        serials.append(client.say(batch))
        await here.until(lambda: len(here.journal.batch) == 5)
        assert await client.silent()
        here.journal.open.set()
        replies = [await client.hear() for _ in range(4)]
        assert [reply.reply_serial for reply in replies if isinstance(reply, PlatformReply)] == serials
        assert all(isinstance(reply, PlatformReply) and reply.result == 0 for reply in replies)


async def test_our_serials_count_up(station: Station) -> None:
    async with station.serving() as here:
        client = await here.client()
        await client.register()
        client.say(Authenticate(auth_code=client.code))
        assert (await client.hear_one())[0] == 1
        client.say(Heartbeat())
        assert (await client.hear_one())[0] == 2


async def test_a_journal_that_fails_answers_nothing_and_the_connection_stays(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        here.journal.broken = True
        serial = client.say(position())
        await here.until(lambda: here.server.counts.unanswered == 1)
        assert await client.silent()
        here.journal.broken = False
        client.say(position(), serial)
        reply = await client.hear()
        assert isinstance(reply, PlatformReply)
        assert (reply.reply_serial, reply.result) == (serial, 0)
        assert len(here.journal.batch) == 1


async def test_a_repeated_report_is_answered_again(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        serial = client.say(position())
        client.say(position(), serial)
        assert [(await client.hear()).msg_id for _ in range(2)] == [0x8001, 0x8001]


async def test_without_a_code_nothing_is_taken(station: Station) -> None:
    async with station.serving() as here:
        client = await here.client()
        assert await client.result(position()) == 1
        assert await client.result(Heartbeat()) == 1
        assert await client.result(Unregister()) == 1
        await client.register()
        assert await client.result(position()) == 1
        assert await client.result(Authenticate(auth_code="0000")) == 1
        assert await client.result(position()) == 1
        assert await client.result(Authenticate(auth_code=client.code)) == 0
        assert await client.result(position()) == 0
        assert len(here.journal.batch) == 1
        assert here.server.counts.unauthenticated == 4


async def test_what_follows_the_log_in_in_one_packet_is_taken_and_what_precedes_it_is_not(station: Station) -> None:
    async with station.serving() as here:
        first = await here.client()
        await first.register()
        client = await here.client()
        frames = b""
        for serial, message in enumerate([position(1), Authenticate(auth_code=first.code), position(2), Unregister()]):
            frames += encode_frames(message, phone=PHONE, version=Version.V2013, serial=serial)[0]
        frames += encode_frames(position(3), phone=PHONE, version=Version.V2013, serial=4)[0]
        client.write(frames)
        replies = [await client.hear() for _ in range(5)]
        results = {reply.reply_serial: reply.result for reply in replies if isinstance(reply, PlatformReply)}
        assert results == {0: 1, 1: 0, 2: 0, 3: 0, 4: 1}
        assert here.journal.batch.rows["fix_ms"].tolist() == [NOW_MS + 2_000]


async def test_the_code_of_another_phone_is_refused(station: Station) -> None:
    async with station.serving() as here:
        one, two = await here.client(), await here.client(OTHER_PHONE)
        await one.register()
        await two.register("甘G99999")
        assert one.code != two.code
        assert await two.result(Authenticate(auth_code=one.code)) == 1
        assert not here.server.online(OTHER_PHONE)


async def test_a_peer_that_tries_codes_is_dropped(station: Station) -> None:
    async with station.serving() as here:
        client = await here.client()
        for _ in range(10):
            assert await client.result(Authenticate(auth_code="GUESS")) == 1
        await client.ended()
        assert here.server.counts.dropped["wrong_codes"] == 1
        assert here.book.terminals == {}


async def test_an_unregistered_terminal_has_to_register_anew(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        old = client.code
        assert await client.result(Unregister()) == 0
        assert here.book.terminals["13912345678"].generation == 1
        assert await client.result(position()) == 1
        assert await client.result(Authenticate(auth_code=old)) == 1
        await client.log_in()
        assert client.code != old
        assert await client.result(position()) == 0


async def test_a_code_outlives_the_server(station: Station) -> None:
    async with station.serving() as here:
        code = (await (await here.client()).register()).auth_code
    async with station.serving() as here:
        client = await here.client()
        assert await client.result(Authenticate(auth_code=code)) == 0


async def test_a_registration_is_answered_when_it_is_kept(station: Station) -> None:
    async with station.serving() as here:
        client = await here.client()
        here.book.broken = True
        client.say(Register(plate_color=2, plate="甘G12345"))
        client.say(Heartbeat())
        reply = await client.hear()
        assert isinstance(reply, PlatformReply)
        here.book.broken = False
        assert (await client.register()).result == 0


REFUSALS = {
    "no such terminal": ("13900000000", "甘G12345", 4),
    "no such vehicle": ("13912345678", "甘G00000", 2),
    "the vehicle has another terminal": ("13912345678", "甘G99999", 1),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_the_registry_decides_who_registers(station: Station, case: str) -> None:
    phone, plate, result = REFUSALS[case]
    station.book.known = {"13912345678": "甘G12345", "13912345679": "甘G99999"}
    async with station.serving(policy="reject") as here:
        client = await here.client(phone)
        assert (await client.register(plate)).result == result
        await client.ended()
        assert here.book.terminals == {}


async def test_the_registered_pass_the_registry_and_others_are_refused(station: Station) -> None:
    station.book.known = {"13912345678": "甘G12345"}
    async with station.serving(policy="reject") as here:
        assert await (await (await here.client()).log_in()).result(position()) == 0
        stranger = await here.client("13900000000")
        assert await stranger.result(position()) == 1
        await stranger.ended()
        assert here.server.counts.dropped["not_registered"] == 1


async def test_with_optional_authentication_positions_come_at_once(station: Station) -> None:
    async with station.serving(authentication="optional") as here:
        client = await here.client()
        assert await client.result(position()) == 0
        assert await client.result(Authenticate(auth_code="wrong")) == 1
        assert here.ready == ["13912345678"]
        assert here.server.online("13912345678")


async def test_one_without_a_code_never_displaces_one_that_has_shown_it(station: Station) -> None:
    async with station.serving(authentication="optional") as here:
        owner = await (await here.client()).log_in()
        other = await here.client()
        assert await other.result(position()) == 1
        assert await owner.result(position()) == 0
        assert here.server.counts.taken_over == 0


async def test_the_newer_connection_of_a_phone_wins(station: Station) -> None:
    async with station.serving() as here:
        older = await (await here.client()).log_in()
        newer = await here.client()
        assert await newer.result(Authenticate(auth_code=older.code)) == 0
        await older.ended()
        assert await newer.result(position()) == 0
        assert here.server.online("13912345678")
        assert (here.server.counts.taken_over, here.server.counts.authenticated) == (1, 1)


async def test_a_terminal_that_comes_back_goes_on(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        code = client.code
        await client.close()
        await here.until(lambda: here.server.counts.open == 0 and not here.server.online(PHONE))
        again = await here.client()
        assert await again.result(Authenticate(auth_code=code)) == 0
        assert await again.result(LocationBatch(kind=1, locations=(position(-9),))) == 0


async def test_a_gateway_carries_several_terminals(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        client.phone = OTHER_PHONE
        assert await client.result(position()) == 1
        await client.log_in()
        assert await client.result(position()) == 0
        client.phone = PHONE
        assert await client.result(position()) == 0
        assert set(here.journal.batch.keys) == {"terminal:13912345678", "terminal:13912345679"}
        await client.close()
        await here.until(lambda: here.server.counts.authenticated == 0)


async def test_a_bad_frame_is_quarantined_and_its_neighbours_are_taken(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        good = encode_frames(position(1), phone=PHONE, version=Version.V2013, serial=7)[0]
        spoilt = good[:-2] + bytes([good[-2] ^ 0x40]) + good[-1:]
        client.write(good + spoilt + b"\x7e\x01\x02\x7e" + good)
        assert [(await client.hear()).msg_id for _ in range(2)] == [0x8001, 0x8001]
        assert [reject.reason for reject in here.journal.rejects] == ["bad_checksum", "too_short"]
        assert here.journal.rejects[0].data == spoilt[1:-1]
        assert here.journal.rejects[0].detail.startswith("from 127.0.0.1:")
        assert here.journal.rejects[0].source == "terminals"
        assert len(here.journal.batch) == 2


REFUSED_BODIES = {
    "a position cut short": (0x0200, b"\0" * 20, 2, "body_too_short"),
    "a batch without positions": (0x0704, b"\0\1\0\0\2ab", 2, "empty_batch"),
    "a card cut short": (0x0702, b"\1\x25", 2, ""),
    "a message nobody knows": (0x0F00, b"abc", 3, ""),
    "a picture, which nothing keeps": (0x0800, bytes(8), 3, ""),
}


@pytest.mark.parametrize("case", REFUSED_BODIES)
async def test_a_body_that_is_not_taken_is_answered_so(station: Station, case: str) -> None:
    msg_id, body, result, reason = REFUSED_BODIES[case]
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        assert await client.result(RawMessage(msg_id=msg_id, raw=body)) == result
        if reason:
            assert [reject.reason for reject in here.journal.rejects] == [reason]
        assert await client.result(position()) == 0


async def test_an_encrypted_position_is_quarantined_and_answered_as_unsupported(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        head = bytes.fromhex("0200041c") + bytes.fromhex(PHONE) + b"\0\x09"
        client.write(framed(head + bytes(28)))
        reply = await client.hear()
        assert isinstance(reply, PlatformReply)
        assert (reply.reply_serial, reply.result) == (9, 3)
        assert [reject.reason for reject in here.journal.rejects] == ["encrypted"]


async def test_a_frame_split_anywhere_is_read(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        frames = b"".join(encode_frames(position(n), phone=PHONE, version=Version.V2013, serial=n)[0] for n in range(3))
        for byte in frames:
            client.write(bytes([byte]))
            await asyncio.sleep(0)
        for _ in range(3):
            await client.hear()
        assert len(here.journal.batch) == 3
        assert here.journal.rejects == []


async def test_a_peer_that_sends_only_garbage_is_dropped(station: Station) -> None:
    async with station.serving(junk_frames=20) as here:
        terminal = await (await here.client()).log_in()
        peer = await here.client()
        peer.write(b"\x7eGET / HTTP/1.1\r\n\x7e" * 1_000)
        await peer.ended()
        assert here.server.counts.dropped == {"only_garbage": 1}
        assert len(here.journal.rejects) <= 2 * 20
        assert await terminal.result(position()) == 0


async def test_garbage_without_an_end_is_dropped(station: Station) -> None:
    async with station.serving(junk_frames=20) as here:
        peer = await here.client()
        with contextlib.suppress(ConnectionError):
            for _ in range(200):
                peer.write(b"x" * 10_000)
                await peer._writer.drain()
        await peer.ended()
        assert {reject.reason for reject in here.journal.rejects} == {"oversize"}


async def test_a_connection_that_says_nothing_is_closed(station: Station) -> None:
    async with station.serving(first_frame_s=0.1) as here:
        mute, half = await here.client(), await here.client()
        half.write(b"\x7e\x02\x00")
        await mute.ended()
        await half.ended()
        assert here.server.counts.dropped == {"no_frame": 2}


async def test_a_terminal_that_falls_silent_is_closed(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        line = next(iter(here.server._switchboard.connections))
        here.server._switchboard.lines.rows["heard_s"][line] -= 181
        await client.ended()
        assert here.server.counts.dropped == {"idle": 1}
        assert here.book.terminals["13912345678"].last_seen_ms == NOW_MS


async def test_a_peer_that_reads_nothing_is_dropped(station: Station) -> None:
    async with station.serving(write_buffer_bytes=1_024, frames_per_s=10**7, bytes_per_s=10**9) as here:
        client = await (await here.client()).log_in()
        client._task.cancel()
        client._writer.transport.pause_reading()  # type: ignore[attr-defined]
        frames = encode_frames(Heartbeat(), phone=PHONE, version=Version.V2013, serial=1)[0] * 2_000
        with contextlib.suppress(ConnectionError, TimeoutError):
            for _ in range(1_000):
                client.write(frames)
                async with asyncio.timeout(1):
                    await client._writer.drain()
                if here.server.counts.dropped:
                    break
        await here.until(lambda: here.server.counts.dropped == {"slow_reader": 1})


async def test_a_peer_that_sends_too_fast_is_read_more_slowly_and_loses_nothing(station: Station) -> None:
    async with station.serving(frames_per_s=500, burst_s=1.0) as here:
        client = await (await here.client()).log_in()
        frames = encode_frames(position(), phone=PHONE, version=Version.V2013, serial=1)[0]
        client.write(frames * 900)
        await here.until(lambda: len(here.journal.batch) == 900)
        assert here.server.counts.throttled >= 1
        other = await (await here.client(OTHER_PHONE)).log_in()
        assert await other.result(position()) == 0


async def test_connections_are_limited(station: Station) -> None:
    async with station.serving(max_connections=3, connections_per_address=2) as here:
        first = await (await here.client()).log_in()
        await here.client()
        third = await here.client()
        await third.ended()
        assert here.server.counts.refused == {"connections_per_address": 1}
        assert await first.result(position()) == 0
        await first.close()
        await here.until(lambda: here.server.counts.open == 1)
        await (await here.client(OTHER_PHONE)).log_in()


def packets_of(n: int, *, first_serial: int = 100) -> list[bytes]:
    batch = LocationBatch(kind=1, locations=tuple(position(-seconds) for seconds in range(n)))
    body = encode_message(batch, Version.V2013)
    frames, _ = encode_body_frames(0x0704, body, phone=PHONE, version=Version.V2013, serial=first_serial)
    return [frames[start - 1 : end + 1] for start, end, _ in segments(frames)]


async def replied(client: Client, n: int) -> dict[int, int]:
    replies = [await client.hear() for _ in range(n)]
    return {reply.reply_serial: reply.result for reply in replies if isinstance(reply, PlatformReply)}


async def test_packets_are_answered_when_the_whole_message_is_journalled(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        packets = packets_of(100)
        assert len(packets) == 3
        client.write(packets[2] + packets[0])
        assert await client.silent()
        here.journal.open.clear()
        client.write(packets[1])
        await here.until(lambda: len(here.journal.batch) == 100)
        client.write(packets[1])
        assert await client.silent()
        here.journal.open.set()
        assert await replied(client, 3) == {100: 0, 101: 0, 102: 0}
        client.write(packets[0])  # its answer was lost
        assert await replied(client, 1) == {100: 0}
        assert len(here.journal.batch) == 100
        assert (np.diff(here.journal.batch.rows["fix_ms"]) > 0).all()


async def test_packets_of_a_journal_that_failed_are_taken_anew(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        here.journal.broken = True
        client.write(b"".join(packets_of(100)))
        await here.until(lambda: here.server.counts.unanswered == 3)
        here.journal.broken = False
        client.write(b"".join(packets_of(100)))
        assert await replied(client, 3) == {100: 0, 101: 0, 102: 0}


async def test_a_missing_packet_is_asked_for(station: Station) -> None:
    async with station.serving(packets_s=0.1) as here:
        client = await (await here.client()).log_in()
        packets = packets_of(100)
        client.write(packets[0] + packets[2])
        assert await client.hear() == RetransmitRequest(first_serial=100, indexes=(2,))
        client.write(packets[1])
        replies: dict[int, int] = {}
        while len(replies) < 3:
            message = await client.hear()
            if isinstance(message, PlatformReply):
                replies[message.reply_serial] = message.result
        assert replies == {100: 0, 101: 0, 102: 0}


async def test_a_message_that_never_becomes_whole_is_answered_as_failed(station: Station) -> None:
    async with station.serving(packets_s=0.05, packets_asked=2) as here:
        client = await (await here.client()).log_in()
        client.write(packets_of(100)[0])
        asked = RetransmitRequest(first_serial=100, indexes=(2, 3))
        assert [await client.hear(), await client.hear()] == [asked, asked]
        assert await replied(client, 1) == {100: 1}
        assert here.server.counts.packet_sets == {"asked": 2, "expired": 1}


async def test_a_waybill_is_journalled(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        here.journal.open.clear()
        serial = client.say(Waybill(content="CARGO_NAME:=汽油;CARGO_TONNAGE:=20"))
        await here.until(lambda: len(here.journal.records) == 1)
        assert await client.silent()
        here.journal.open.set()
        assert await replied(client, 1) == {serial: 0}
    record = station.journal.records[0]
    assert (record.type, record.clock_ms) == (RecordType.WAYBILL, NOW_MS)
    fields = msgspec.json.decode(record.payload)
    assert (fields["key"], fields["content"]) == ("terminal:13912345678", "CARGO_NAME:=汽油;CARGO_TONNAGE:=20")


async def test_the_card_in_the_terminal_names_the_driver(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        card = DriverCard(status=1, time=at(-100), result=0, name="王五", qualification="6207001")
        assert await client.result(card) == 0
        assert here.book.terminals["13912345678"].driver_id == "6207001"
        assert await client.result(position(-50)) == 0
        assert await client.result(LocationBatch(kind=1, locations=(position(-200), position(-90)))) == 0
    async with station.serving() as here:
        client = await here.client()
        assert await client.result(Authenticate(auth_code=station_code(station))) == 0
        assert await client.result(position(-40)) == 0
        assert await client.result(DriverCard(status=2, time=at(-30))) == 0
        assert await client.result(position(-35)) == 0
        assert await client.result(position(-20)) == 0
        assert here.book.terminals["13912345678"].driver_id == ""
    batch = station.journal.batch
    drivers = [batch.drivers[row["driver"]] if row["driver"] >= 0 else "" for row in batch.rows]
    assert drivers == ["6207001", "", "6207001", "6207001", "6207001", ""]


def station_code(station: Station) -> str:
    terminal = station.book.terminals["13912345678"]
    return station.server._codes.code(terminal.phone, terminal.generation)


async def test_the_time_is_told(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client(version=Version.V2019)).log_in()
        reply = await client.ask(TimeQuery())
        assert isinstance(reply, TimeReply)
        assert reply.time == datetime.fromtimestamp(NOW_MS / 1000, UTC)


async def test_an_order_is_answered(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        order = asyncio.create_task(here.server.send(PHONE, Text(flags=9, kind=1, text="减速慢行"), 5.0))
        serial, message = await client.hear_one()
        assert isinstance(message, Text)
        assert message.text == "减速慢行"
        client.say(TerminalReply(reply_serial=serial, reply_id=0x8300, result=3))
        answer = await order
        assert answer.result is AnswerResult.UNSUPPORTED
        assert here.server.counts.orders == {"unsupported": 1}


async def test_a_position_asked_for_is_a_report_too(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        order = asyncio.create_task(here.server.send("13912345678", PositionQuery(), 5.0))
        serial, message = await client.hear_one()
        assert isinstance(message, PositionQuery)
        client.say(TerminalReply(reply_serial=serial, reply_id=0x8201, result=0))
        assert await client.result(PositionReply(reply_serial=serial, location=position(5))) == 0
        answer = await order
        assert answer.result is AnswerResult.DONE
        assert isinstance(answer.message, PositionReply)
        assert here.journal.batch.rows["fix_ms"].tolist() == [NOW_MS + 5_000]
        assert here.journal.batch.keys == ("terminal:13912345678",)


async def test_an_order_is_sent_again_with_its_serial_and_then_given_up(station: Station) -> None:
    async with station.serving(answer_timeout_s=0.05, retries=2) as here:
        client = await (await here.client()).log_in()
        answer = await here.server.send(PHONE, Text(flags=9, kind=1, text="a"), 5.0)
        assert answer.result is AnswerResult.UNANSWERED
        sent = [await client.hear_one() for _ in range(3)]
        assert len({serial for serial, _ in sent}) == 1
        assert await client.silent()


async def test_an_order_goes_on_over_a_new_connection(station: Station) -> None:
    async with station.serving(answer_timeout_s=0.2) as here:
        client = await (await here.client()).log_in()
        order = asyncio.create_task(here.server.send(PHONE, Text(flags=9, kind=1, text="a"), 5.0))
        serial, _ = await client.hear_one()
        again = await here.client()
        assert await again.result(Authenticate(auth_code=client.code)) == 0
        repeated, message = await again.hear_one()
        assert isinstance(message, Text)
        assert repeated == serial
        again.say(TerminalReply(reply_serial=serial, reply_id=0x8300, result=0))
        assert (await order).result is AnswerResult.DONE


async def test_an_order_to_a_terminal_that_is_away_is_not_sent(station: Station) -> None:
    async with station.serving() as here:
        with pytest.raises(NotConnected, match="13912345678"):
            await here.server.send("13912345678", Text(flags=9, kind=1, text="a"), 1.0)
        with pytest.raises(NotConnected):
            await here.server.send("no phone", Text(flags=9, kind=1, text="a"), 1.0)


async def test_orders_of_one_terminal_are_limited(station: Station) -> None:
    async with station.serving(orders_per_terminal=1) as here:
        client = await (await here.client()).log_in()
        order = asyncio.create_task(here.server.send(PHONE, Text(flags=9, kind=1, text="a"), 5.0))
        serial, _ = await client.hear_one()
        with pytest.raises(NotConnected, match="too many orders"):
            await here.server.send(PHONE, Text(flags=9, kind=1, text="b"), 5.0)
        client.say(TerminalReply(reply_serial=serial, reply_id=0x8300, result=0))
        assert (await order).result is AnswerResult.DONE


async def test_a_version_change_is_answered_in_kind(station: Station, caplog: pytest.LogCaptureFixture) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        client.version = Version.V2019
        for _ in range(2):
            assert await client.result(position()) == 0
        assert sum("changes its header" in record.message for record in caplog.records) == 1
        assert client.code not in caplog.text


def test_it_runs_on_uvloop(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with Station(tmp_path).serving(connections_per_address=1) as here:
            client = await (await here.client()).log_in()
            refused = await here.client(OTHER_PHONE)
            await refused.ended()
            results = [await client.result(position(second)) for second in range(20)]
            assert results == [0] * 20
            assert here.journal.batch.rows["fix_ms"].tolist() == [NOW_MS + second * 1_000 for second in range(20)]
            client.write(b"\x7e\x01\x7e" * 100)
            await client.ended()
            await here.until(lambda: here.server.counts.open == 0)

    uvloop.run(scenario())


async def test_reports_of_a_terminal_are_counted_over_its_connections(station: Station) -> None:
    async with station.serving() as here:
        older = await (await here.client()).log_in()
        assert await older.result(position(-9)) == 0
        newer = await here.client()
        assert await newer.result(Authenticate(auth_code=older.code)) == 0
        assert await newer.result(position(-5)) == 0
    terminal = station.book.terminals["13912345678"]
    assert (terminal.reports, terminal.last_fix_ms, terminal.lat_deg) == (2, NOW_MS - 5_000, 39.1)


async def test_a_storm_of_terminals_is_taken_in(station: Station) -> None:
    async with station.serving(accepts_per_s=100_000) as here:
        clients = [await here.client(f"0139{number:08d}") for number in range(100)]
        await asyncio.gather(*(client.log_in() for client in clients))
        assert here.server.counts.authenticated == 100
        results = await asyncio.gather(*(client.result(position()) for client in clients))
        assert set(results) == {0}
        assert len(set(here.journal.batch.keys)) == 100
