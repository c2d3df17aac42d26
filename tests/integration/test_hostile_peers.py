"""Peers that mean harm, or behave as if they did: what they do stays with them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from pathlib import Path

import pytest

from monitor.codec.jt808 import Location, LocationBatch, RawMessage, Version
from monitor.codec.jt808.messages.frames import encode_body_frames, encode_frames
from monitor.codec.jt808.messages.general_reply import PlatformReply
from monitor.codec.jt808.messages.registration import Authenticate, RegisterResult
from monitor.codec.jt808.messages.registry import encode_message
from monitor.codec.jt808.messages.session import Heartbeat, Unregister
from monitor.codec.jt809 import DownPostQuery, DownUrgeTodo, UpLinkTest, encode_positions
from monitor.codec.jt809 import RawMessage as PlatformMessage
from monitor.codec.jt809 import Version as Edition
from monitor.sources.jt808 import watch
from monitor.sources.jt809 import warm_up
from tests.integration.test_jt808_server import NOW_MS, OTHER_PHONE, PHONE, Client, Station, position
from tests.integration.test_jt809_links import ACCESS_CODE, PLATE, YELLOW, logged_in, positions, until, upper_alone

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module", autouse=True)
def _compiled() -> None:
    """No wait in a test contains a compilation."""
    warm_up()


MEDIA, TRANSPARENT, CARD = 0x0801, 0x0900, 0x0702


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return Station(tmp_path)


def packets(client: Client, msg_id: int, body: bytes) -> tuple[list[bytes], list[int]]:
    """Frames of a sub-packaged message and their serials, which are used up."""
    frames, n = encode_body_frames(msg_id, body, phone=client.phone, version=client.version, serial=client.serial)
    serials = [client.serial + number for number in range(n)]
    client.serial += n
    return [b"\x7e" + part + b"\x7e" for part in frames.split(b"\x7e") if part], serials


async def answers(client: Client, n: int) -> list[tuple[int, int]]:
    """Serials and results of so many general replies."""
    replies = [await client.hear() for _ in range(n)]
    return [(reply.reply_serial, reply.result) for reply in replies if isinstance(reply, PlatformReply)]


@pytest.mark.parametrize(
    ("msg_id", "result"), [(MEDIA, 3), (TRANSPARENT, 0), (CARD, 0)], ids=["media", "transparent", "a card"]
)
async def test_packets_of_what_is_not_journalled_are_answered_too(station: Station, msg_id: int, result: int) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        frames, serials = packets(client, msg_id, bytes(3_000))
        client.write(b"".join(frames))
        assert await answers(client, 3) == [(serial, result) for serial in serials]
        client.write(frames[1])
        assert await answers(client, 1) == [(serials[1], result)]


async def test_a_general_answer_in_packets_is_not_answered(station: Station) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        client.write(b"".join(packets(client, 0x0001, bytes(2_000))[0]))
        assert await client.silent()


async def test_a_code_that_was_voided_stays_void_whoever_hangs_up(station: Station) -> None:
    """A connection that registered before the unregistration and ends after it knows the terminal as it was."""
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        other = await here.client()
        await other.register("甘X99999")
        assert await client.result(Unregister()) == 0
        await other.close()
        here.clients.remove(other)
        await here.until(lambda: here.server.counts.open == 1)
        assert await client.result(Authenticate(auth_code=client.code)) == 1
        assert here.book.terminals[PHONE.lstrip("0")].generation == 1


async def test_a_terminal_of_a_gateway_that_is_refused_does_not_end_the_others(station: Station) -> None:
    station.book.known = {PHONE.lstrip("0"): "甘G12345"}
    async with station.serving(policy="reject") as here:
        gateway = await (await here.client()).log_in()
        frames, _ = encode_frames(Heartbeat(), phone=OTHER_PHONE, version=Version.V2013, serial=0)
        gateway.phone = OTHER_PHONE
        gateway.write(frames)
        assert await answers(gateway, 1) == [(0, 1)]
        gateway.phone = PHONE
        assert await gateway.result(Heartbeat()) == 0


async def test_beyond_the_bound_strangers_are_refused_and_known_ones_are_not(station: Station) -> None:
    async with station.serving() as here:
        known = await (await here.client()).log_in()
        here.book.full = True
        stranger = await here.client(OTHER_PHONE)
        assert (await stranger.register()).result == RegisterResult.NO_SUCH_TERMINAL
        await stranger.ended()
        assert here.server.counts.registrations["no_room"] == 1
        assert (await known.register()).result == RegisterResult.SUCCESS
        assert await known.result(Heartbeat()) == 0
    assert OTHER_PHONE.lstrip("0") not in station.book.terminals


def _mixed(client: Client) -> bytes:
    """Plain positions, a small batch and one in packets, in the order of their fixes."""
    seconds = itertools.count(-1_000)

    def locations(n: int) -> tuple[Location, ...]:
        return tuple(position(next(seconds)) for _ in range(n))

    out = []
    for message in (*locations(2), LocationBatch(kind=1, locations=locations(3)), *locations(1)):
        frames, n = encode_frames(message, phone=client.phone, version=client.version, serial=client.serial)
        client.serial += n
        out.append(frames)
    body = encode_message(LocationBatch(kind=1, locations=locations(60)), client.version)
    out += packets(client, 0x0704, body)[0]
    for message in (*locations(1), LocationBatch(kind=1, locations=locations(2)), *locations(2)):
        frames, n = encode_frames(message, phone=client.phone, version=client.version, serial=client.serial)
        client.serial += n
        out.append(frames)
    return b"".join(out)


@pytest.mark.parametrize("piece", [100_000, 1_000, 37, 1], ids=["at once", "in packets", "in bits", "byte by byte"])
async def test_reports_are_journalled_in_the_order_sent_however_they_are_sent(station: Station, piece: int) -> None:
    async with station.serving() as here:
        client = await (await here.client()).log_in()
        data = _mixed(client)
        for at in range(0, len(data), piece):
            client.write(data[at : at + piece])
        await here.until(lambda: len(here.journal.batch) == 71)
    fixes = station.journal.batch.rows["fix_ms"].tolist()
    assert fixes == [NOW_MS + (second - 1_000) * 1_000 for second in range(71)]


async def test_what_is_not_read_yet_does_not_pile_up(station: Station) -> None:
    """A peer that sends faster than a round takes is held off, and what it sent is given up when it is dropped."""
    async with station.serving() as here:
        writer = (await asyncio.open_connection("127.0.0.1", here.server.port))[1]
        most = 0
        with contextlib.suppress(ConnectionError):
            while not here.server.counts.dropped["only_garbage"]:
                writer.write(b"A" * 262_144)
                await asyncio.wait_for(writer.drain(), 10)
                await asyncio.sleep(0)
                waiting = (len(one.rest) for one in here.server._switchboard.connections.values())
                most = max(most, *waiting, 0)
        writer.close()
        await here.until(lambda: here.server.counts.dropped["only_garbage"] == 1 and here.server.counts.open == 0)
        assert most < 2 * 1024 * 1024


async def test_nobody_is_silent_while_the_journal_stands_still(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "_STALLED_S", 0.3)
    async with station.serving(heartbeat_s=1) as here:
        client = await (await here.client()).log_in()
        here.journal.open.clear()
        serials = []
        for second in range(10):  # more rounds than may be under way
            serials.append(client.say(position(second)))
            await asyncio.sleep(0.03)
        await asyncio.sleep(4.5)
        here.journal.open.set()
        assert await answers(client, 10) == [(serial, 0) for serial in serials]
        assert not here.server.counts.dropped


async def test_one_terminal_does_not_speak_for_another(station: Station) -> None:
    """Frames with the phone of another connection's terminal are refused, before and after one's own log-in."""
    async with station.serving() as here:
        victim = await (await here.client()).log_in()
        thief = await here.client(OTHER_PHONE)
        for log_in in (False, True):
            if log_in:
                await thief.log_in()
            thief.phone = PHONE
            for message in (position(1), Heartbeat(), Unregister(), RawMessage(msg_id=0x0705, raw=b"\0" * 20)):
                assert await thief.result(message) == 1
            thief.phone = OTHER_PHONE
        assert await victim.result(position(2)) == 0
    assert station.journal.batch.keys == ("terminal:13912345678",)
    assert len(station.journal.batch) == 1


async def test_a_lower_platform_gives_no_orders_to_its_upper(caplog: pytest.LogCaptureFixture) -> None:
    async with upper_alone(2011, sub_link=False) as (upper, listener, office):
        peer = await logged_in(listener.port)
        peer.send(DownUrgeTodo(plate=PLATE, plate_color=YELLOW, supervision_id=7, warn_ms=NOW_MS, deadline_ms=NOW_MS))
        peer.send(DownPostQuery(info_id=1, content="谁在值班", object_type=1))
        peer.send(PlatformMessage(msg_id=0x1F00, raw=b"\x00" * 40))
        await until(lambda: upper.counts.ignored == 3)
        assert upper.up
        peer.close()
        await until(lambda: not upper.up)
    assert {type(event).__name__ for event in office.events} == {"LinkEvent"}
    assert sum("0x1F00" in record.message for record in caplog.records) == 1


async def test_another_access_code_after_the_log_in_is_counted_and_told_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with upper_alone(2011, sub_link=False) as (upper, listener, office):
        peer = await logged_in(listener.port)
        data = encode_positions(
            positions(5), [PLATE], [YELLOW], version=Edition.V2011, access_code=ACCESS_CODE + 1, first_sn=0
        )
        peer.writer.write(data)
        peer.send(UpLinkTest(), ACCESS_CODE + 2)
        await until(lambda: upper.counts.foreign_codes == 6 and len(office.rows) == 5)
        peer.close()
    assert sum("another access code" in record.message for record in caplog.records) == 1


async def test_strangers_that_connect_all_at_once_are_limited() -> None:
    async with upper_alone(2011, sub_link=False, login_s=5.0) as (_, listener, _office):
        writers = [
            writer
            for _, writer in await asyncio.gather(
                *(asyncio.open_connection("127.0.0.1", listener.port) for _ in range(60))
            )
        ]
        await until(lambda: listener.refused["busy"] == 52)
        for writer in writers:
            writer.close()
        await until(lambda: not listener._strangers)
        peer = await logged_in(listener.port)
        peer.close()
