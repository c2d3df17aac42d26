"""Simulated terminals against a small platform of the test's own, over real sockets."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
import pytest_asyncio

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.reassembly import Reassembler
from monitor.codec.jt808.stream import decode_location_stream
from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportBatch, ReportRows, concatenate, empty_rows, terminal_key
from simulators.jt808 import orders, wire
from simulators.jt808.fleet import FleetSettings, TerminalFleet
from simulators.jt808.identity import TerminalIdentity
from simulators.jt808.load import LoadPlan, run
from simulators.jt808.misbehaviour import Misbehaviour, MisbehaviourProfile
from simulators.jt808.session import NotAnsweredError
from simulators.jt808.terminal import SimulatedTerminal

pytestmark = pytest.mark.integration

START_MS = 1_772_460_000_000
KINDS = list(Version)


@dataclass
class Platform:
    """Registers everybody, answers everything, keeps every byte. ``mute`` stops answering, ``ask`` sends an order."""

    port: int = 0
    mute: bool = False
    close_after: int = 0  # messages on one connection
    answer_packets: str = "each"  # "each", or "last" for one answer per message
    received: list[wire.Received] = field(default_factory=list)
    stream: bytearray = field(default_factory=bytearray)
    bad: int = 0
    accepted: int = 0
    open: dict[str, list[asyncio.StreamWriter]] = field(default_factory=lambda: defaultdict(list))
    writers: set[asyncio.StreamWriter] = field(default_factory=set)
    packets: dict[tuple[str, int], set[int]] = field(default_factory=lambda: defaultdict(set))
    serial: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self.writers.add(writer)
        splitter, n = wire.Splitter(), 0
        try:
            while data := await reader.read(65_536):
                for segment in splitter.segments(data):
                    self.stream += b"\x7e" + segment + b"\x7e"
                    message = wire.received(segment)
                    if not message.sound:
                        self.bad += 1
                        continue
                    n += 1
                    self.received.append(message)
                    if not self.mute:
                        self.reply(message, writer)
                    if n == self.close_after:
                        writer.transport.abort()
        except ConnectionError:
            pass
        finally:
            self.writers.discard(writer)
            writer.close()

    def reply(self, message: wire.Received, writer: asyncio.StreamWriter) -> None:
        phone = message.phone.hex()
        if message.msg_id in (wire.TERMINAL_REPLY, wire.POSITION_REPLY, 0x0104):
            return
        if message.msg_id == wire.REGISTER:
            body = message.serial.to_bytes(2, "big") + b"\0" + code_of(message.phone)
            self.say(writer, message, wire.REGISTER_REPLY, body)
            return
        result = 0
        if message.msg_id == wire.AUTHENTICATE:
            result = int(code_of(message.phone) not in message.body)
            self.open[phone].append(writer)
        if message.total > 1:
            first = message.serial - message.index + 1
            had = self.packets[phone, first]
            had.add(message.index)
            missing = [index for index in range(1, message.index) if index not in had]
            if missing and message.index == message.total:
                count = len(missing).to_bytes(2 if message.newer else 1, "big")
                indexes = b"".join(index.to_bytes(2, "big") for index in missing)
                self.say(writer, message, wire.RETRANSMIT, first.to_bytes(2, "big") + count + indexes)
                return
            if len(had) < message.total and self.answer_packets == "last":
                return
            last = first + message.total - 1
            message = (
                message if len(had) < message.total else wire.Received(0x0704, last, b"", message.phone, message.newer)
            )
        self.say(writer, message, wire.PLATFORM_REPLY, wire.reply_body(message.serial, message.msg_id, result))

    def say(self, writer: asyncio.StreamWriter, to: wire.Received, msg_id: int, body: bytes) -> None:
        who = TerminalIdentity(to.phone.hex(), Version.V2019 if to.newer else Version.V2013)
        self.serial = (self.serial + 1) & 0xFFFF
        for frame in wire.frames(who, msg_id, body, self.serial):
            writer.write(frame)

    def ask(self, terminal: SimulatedTerminal, msg_id: int, body: bytes = b"") -> None:
        identity = terminal.identity
        to = wire.Received(0, 0, b"", identity.phone_bytes, identity.version is Version.V2019)
        self.say(self.open[identity.phone_bytes.hex()][-1], to, msg_id, body)

    def count(self, msg_id: int) -> int:
        return sum(message.msg_id == msg_id for message in self.received)

    def reports(self) -> ReportBatch:
        """Every report received, doubles and all."""
        return decode_location_stream(self.stream, final=True, reassembler=Reassembler()).batch

    def fixes(self) -> dict[str, Counter[int]]:
        batch = self.reports()
        out: dict[str, Counter[int]] = defaultdict(Counter)
        for row in batch.rows:
            out[batch.keys[int(row["key"])]][int(row["fix_ms"])] += 1
        return out


def code_of(phone: bytes) -> bytes:
    return b"code-" + phone.hex().encode()


@pytest_asyncio.fixture
async def platform() -> AsyncIterator[Platform]:
    platform = Platform()
    server = await asyncio.start_server(platform.serve, "127.0.0.1", 0)
    platform.port = server.sockets[0].getsockname()[1]
    yield platform
    server.close()
    for writer in list(platform.writers):
        writer.transport.abort()
    await asyncio.wait_for(server.wait_closed(), 10)
    await asyncio.sleep(0)


def rows_of(n: int, *, first: int = 0, key: int = 0) -> ReportRows:
    """A report every 10 s."""
    rows = empty_rows(n)
    rows["key"] = key
    rows["fix_ms"] = rows["recv_ms"] = START_MS + (first + np.arange(n)) * 10_000
    rows["lat_deg"], rows["lon_deg"] = 39.5, 99.8 + np.arange(n) * 0.001
    rows["speed_dkmh"], rows["mileage_m"], rows["heading_deg"] = 600, 1_000 + np.arange(n) * 100, 90
    rows["status"], rows["alarm_flags"], rows["altitude_m"] = 3, 0, 1_350
    return rows


def fleet_rows(vehicles: int, n: int) -> ReportBatch:
    """Each vehicle ``n`` reports, 10 s apart, all of a second at once."""
    batches = [ReportBatch((f"V{number}",), rows_of(n)) for number in range(vehicles)]
    whole = concatenate(batches)
    order = np.argsort(whole.rows["recv_ms"], kind="stable")
    return ReportBatch(whole.keys, whole.rows[order])


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    for _ in range(round(timeout_s * 100)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come to that")


def terminal_at(platform: Platform, version: Version = Version.V2013, **more: object) -> SimulatedTerminal:
    identity = TerminalIdentity("013900000001", version)
    return SimulatedTerminal(identity, "127.0.0.1", platform.port, **more)  # type: ignore[arg-type]


async def logged_in(platform: Platform, version: Version = Version.V2013, **more: object) -> SimulatedTerminal:
    terminal = terminal_at(platform, version, **more)
    await terminal.connect()
    assert await terminal.register() == 0
    assert await terminal.authenticate() == 0
    return terminal


@pytest.mark.parametrize("version", KINDS)
async def test_a_terminal_registers_authenticates_and_reports(platform: Platform, version: Version) -> None:
    terminal = await logged_in(platform, version)
    assert await terminal.heartbeat() == 0
    assert await terminal.report(rows_of(5)) == (0,) * 5
    assert await terminal.insert_card("SIM-D1", START_MS) == 0
    await terminal.close()
    serials = [message.serial for message in platform.received]
    assert serials == list(range(len(serials)))
    got = platform.reports()
    assert np.array_equal(got.rows["fix_ms"], rows_of(5)["fix_ms"])
    sent = terminal.sent()
    assert sent.keys == (terminal_key("013900000001"),)
    for name in ("fix_ms", "lat_deg", "lon_deg", "speed_dkmh", "mileage_m", "status", "flags"):
        assert np.array_equal(sent.rows[name], got.rows[name]), name


async def test_a_wrong_code_is_refused_and_a_registration_gives_the_right_one(platform: Platform) -> None:
    terminal = terminal_at(platform)
    await terminal.connect()
    assert await terminal.authenticate("no such code") == 1
    assert not terminal.authenticated
    await terminal.register()
    assert await terminal.authenticate() == 0
    await terminal.close()


@pytest.mark.parametrize("version", KINDS)
@pytest.mark.parametrize("answer_packets", ["each", "last"])
async def test_after_a_cut_what_was_unanswered_and_driven_meanwhile_comes_as_backfill(
    platform: Platform, version: Version, answer_packets: str
) -> None:
    platform.answer_packets = answer_packets
    terminal = await logged_in(platform, version)
    await terminal.report(rows_of(3))
    platform.mute = True
    await terminal.report(rows_of(2, first=3), wait=False)
    await until(lambda: platform.count(wire.LOCATION) == 5)
    terminal.cut()
    assert len(terminal.stored) == 2
    platform.mute = False
    await terminal.connect()
    assert await terminal.authenticate() == 0
    results = await terminal.backfill(rows_of(60, first=5))
    assert set(results) == {0}
    await terminal.report(rows_of(1, first=65))
    await terminal.close()
    fixes = platform.fixes()[terminal_key("013900000001")]
    assert sorted(fixes) == rows_of(66)["fix_ms"].tolist()
    assert [fix for fix, n in fixes.items() if n > 1] == rows_of(2, first=3)["fix_ms"].tolist()
    sent = terminal.sent().rows
    assert sent["fix_ms"].tolist() == rows_of(66)["fix_ms"].tolist()
    backfilled = sent["flags"] & ReportFlag.BACKFILL != 0
    assert backfilled.tolist() == [version is not Version.V2011 and 5 <= n < 65 for n in range(66)]
    if version is not Version.V2011:
        packets = [message for message in platform.received if message.msg_id == wire.BACKFILL]
        assert len(packets) > 1
        assert {message.total for message in packets} == {len(packets)}


async def test_a_missing_packet_is_sent_when_it_is_asked_for(platform: Platform) -> None:
    platform.answer_packets = "last"
    terminal = await logged_in(platform, misbehaviours=frozenset({Misbehaviour.MISSING_PACKET}))
    assert await terminal.backfill(rows_of(9)) == (0,)
    assert [message.msg_id for message in terminal.orders] == [wire.RETRANSMIT]
    assert len(platform.reports()) == 9
    await terminal.close()


async def test_an_unanswered_report_is_repeated_with_its_serial_and_then_the_link_is_dead(platform: Platform) -> None:
    terminal = await logged_in(platform, timeout_s=0.05, retries=2)
    platform.mute = True
    with pytest.raises(NotAnsweredError):
        await terminal.report(rows_of(1))
    seen = [message.serial for message in platform.received if message.msg_id == wire.LOCATION]
    assert seen == [2, 2, 2]
    assert terminal.statistics.repeated == 2
    assert len(terminal.stored) == 1
    assert not terminal.connected


@pytest.mark.parametrize("version", KINDS)
async def test_orders_are_done_and_answered(platform: Platform, version: Version) -> None:
    terminal = await logged_in(platform, version)
    await terminal.report(rows_of(1))
    newer = version is Version.V2019
    platform.ask(terminal, orders.TEXT, (b"\x09\x01" if newer else b"\x09") + "超速".encode("gb18030"))
    await until(lambda: platform.count(wire.TERMINAL_REPLY) == 1)
    assert terminal.texts == ["超速"]
    count = b"\x01\x01" if version is Version.V2011 else b"\x01"
    platform.ask(terminal, orders.SET_PARAMETERS, count + bytes.fromhex("00000055 04 00000050"))
    platform.ask(terminal, orders.SET_PARAMETERS, count + bytes.fromhex("00000055 02 0050"))
    await until(lambda: platform.count(wire.TERMINAL_REPLY) == 3)
    assert int.from_bytes(terminal.parameters[0x0055], "big") == 80
    results = [message.body[-1] for message in platform.received if message.msg_id == wire.TERMINAL_REPLY]
    assert results == [orders.DONE, orders.DONE, orders.BAD_MESSAGE]
    platform.ask(terminal, orders.QUERY_PARAMETERS, b"\x01" + bytes.fromhex("00000055"))
    platform.ask(terminal, orders.QUERY_POSITION)
    await until(lambda: platform.count(0x0104) == 1 and platform.count(wire.POSITION_REPLY) == 1)
    parameters = next(message.body for message in platform.received if message.msg_id == 0x0104)
    assert parameters[-4:] == bytes([0, 0, 0, 80])
    position = next(message.body for message in platform.received if message.msg_id == wire.POSITION_REPLY)
    assert position.endswith(wire.location_bodies(rows_of(1))[0])
    terminal.order_results[orders.LINK_CHECK] = orders.FAILED
    platform.ask(terminal, orders.LINK_CHECK)
    await until(lambda: platform.count(wire.TERMINAL_REPLY) == 4)
    assert platform.received[-1].body[-1] == orders.FAILED
    assert (await terminal.order(orders.LINK_CHECK)).msg_id == orders.LINK_CHECK
    await terminal.close()


async def test_a_fleet_of_all_editions_sends_every_report_once(platform: Platform) -> None:
    batch = fleet_rows(60, 6)
    settings = FleetSettings(port=platform.port, speed=60, tick_s=0.02, connections=70, heartbeat_s=0.4)
    fleet = TerminalFleet(settings, batch)
    statistics = await asyncio.wait_for(fleet.run(), 30)
    assert statistics.reports == statistics.answered == len(batch)
    assert statistics.authenticated == 70
    assert statistics.heartbeats
    assert statistics.bad_frames == platform.bad == 0
    assert {len(message.phone) for message in platform.received} == {6, 10}
    fixes = platform.fixes()
    assert len(fixes) == 60
    assert all(sorted(seen) == rows_of(6)["fix_ms"].tolist() and set(seen.values()) == {1} for seen in fixes.values())
    assert len(fleet.sent) == len(batch)
    assert 0 < statistics.p50_s <= statistics.p99_s < 5


async def test_a_fleet_that_is_cut_off_again_and_again_loses_nothing(platform: Platform) -> None:
    batch = fleet_rows(20, 30)
    platform.close_after = 12
    settings = FleetSettings(
        port=platform.port, speed=100, tick_s=0.02, backoff_first_s=0.1, backoff_most_s=0.2, timeout_s=1.0
    )
    fleet = TerminalFleet(settings, batch)
    statistics = await asyncio.wait_for(fleet.run(), 60)
    assert statistics.reconnects > 20
    assert fleet.done
    for seen in platform.fixes().values():
        assert sorted(seen) == rows_of(30)["fix_ms"].tolist()
    assert len(fleet.sent) == len(batch)


HARMLESS = [
    Misbehaviour.GARBAGE,
    Misbehaviour.BAD_CHECK,
    Misbehaviour.BYTE_BY_BYTE,
    Misbehaviour.COALESCED,
    Misbehaviour.REPEATED_SERIAL,
    Misbehaviour.OVERSIZE,
    Misbehaviour.MISSING_PACKET,
    Misbehaviour.DUPLICATES,
    Misbehaviour.SLOW_READER,
    Misbehaviour.HALF_OPEN,
    Misbehaviour.CUT_MID_FRAME,
    Misbehaviour.DEAD_ZONE,
    Misbehaviour.TWO_CONNECTIONS,
    Misbehaviour.RECONNECT_STORM,
]


@pytest.mark.parametrize("kind", HARMLESS)
async def test_whatever_a_terminal_does_wrong_its_reports_arrive(
    platform: Platform, kind: Misbehaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulators.jt808.fleet_terminal.SILENT_S", 0.2)
    monkeypatch.setattr("simulators.jt808.fleet_terminal.DEAD_ZONE_S", 0.2)
    monkeypatch.setattr("simulators.jt808.fleet_terminal.SLOW_S", 0.2)
    monkeypatch.setattr("simulators.jt808.fleet_terminal.STORM", 5)
    platform.answer_packets = "last"
    batch = fleet_rows(4, 12)
    settings = FleetSettings(
        port=platform.port,
        speed=100,
        tick_s=0.02,
        backoff_first_s=0.05,
        backoff_most_s=0.1,
        timeout_s=1.0,
        misbehaviour=MisbehaviourProfile(scripted={1: frozenset({kind})}),
    )
    fleet = TerminalFleet(settings, batch)
    statistics = await asyncio.wait_for(fleet.run(), 30)
    assert fleet.done
    assert statistics.answered >= statistics.reports
    for seen in platform.fixes().values():
        assert sorted(seen) == rows_of(12)["fix_ms"].tolist()
    assert len(platform.fixes()) == 4
    if kind in (Misbehaviour.GARBAGE, Misbehaviour.BAD_CHECK, Misbehaviour.OVERSIZE, Misbehaviour.CUT_MID_FRAME):
        assert platform.bad or kind is Misbehaviour.CUT_MID_FRAME
    if kind in (
        Misbehaviour.HALF_OPEN,
        Misbehaviour.CUT_MID_FRAME,
        Misbehaviour.DEAD_ZONE,
        Misbehaviour.RECONNECT_STORM,
    ):
        assert statistics.reconnects


@pytest.mark.parametrize("kind", [Misbehaviour.WRONG_CODE, Misbehaviour.FOREIGN_CODE, Misbehaviour.GARBAGE_ONLY])
async def test_who_is_never_let_in_stops_nobody(platform: Platform, kind: Misbehaviour) -> None:
    batch = fleet_rows(3, 5)
    settings = FleetSettings(
        port=platform.port, speed=100, tick_s=0.02, misbehaviour=MisbehaviourProfile(scripted={1: frozenset({kind})})
    )
    fleet = TerminalFleet(settings, batch)
    await asyncio.wait_for(fleet.run(), 30)
    assert fleet.done
    assert len(platform.fixes()) == 2
    assert len(fleet.sent) == 10


async def test_raw_load_counts_and_times_every_answer(platform: Platform, capsys: pytest.CaptureFixture[str]) -> None:
    plan = LoadPlan(port=platform.port, connections=30, frames_per_s=600, seconds=1.0, warm_s=0.2, connect_per_s=500)
    result = await run(plan)
    assert result.authenticated == 30
    assert result.sent == result.answered == 600
    assert 0 < result.p50_s <= result.p99_s <= result.most_s < 5
    fixes = platform.fixes()
    assert len(fixes) == 30
    assert sum(len(seen) for seen in fixes.values()) == 720  # no fix time twice
    assert [json.loads(line)["phase"] for line in capsys.readouterr().out.splitlines()] == ["connected", "done"]


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_the_command_drives_a_scenario_over_terminals(platform: Platform, lang: str) -> None:
    arguments = ["--vehicles", "6", "--days", "1", "--seed", "3", "--to", f"jt808://127.0.0.1:{platform.port}"]
    arguments += ["--speed", "80000", "--connections", "8", "--misbehave", "duplicates=0.5", "--lang", lang]
    status, said = await command("simulate", *arguments)
    assert status == 0, said
    assert ("位置汇报" if lang == "zh" else "reports:") in said
    assert len(platform.fixes()) > 3
    assert sum(len(seen) for seen in platform.fixes().values()) > 1_000


async def started(*arguments: str) -> asyncio.subprocess.Process:
    code = "from monitor.cli import main; main()"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, *arguments, stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL
    )


async def command(*arguments: str) -> tuple[int, str]:
    process = await started(*arguments)
    _, said = await asyncio.wait_for(process.communicate(), 120)
    assert process.returncode is not None
    return process.returncode, said.decode()
