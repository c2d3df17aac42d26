"""A round: what it makes of bytes does not depend on how they arrived, and no bytes stop it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.codec.jt808 import Location, Version, encode_frames
from monitor.codec.jt808.framing import segments, unescape
from monitor.codec.jt808.messages.registration import Authenticate
from monitor.model.beijing import BEIJING
from monitor.model.terminal import Terminal
from monitor.sources.intake import Intake
from monitor.sources.jt808 import Jt808Settings, Registration
from monitor.sources.jt808.auth import AuthCodes
from monitor.sources.jt808.connection import Connection
from monitor.sources.jt808.counts import Jt808Counts
from monitor.sources.jt808.gathering import Gathering
from monitor.sources.jt808.log_in import LogIn
from monitor.sources.jt808.orders import Orders
from monitor.sources.jt808.packets import PacketSets
from monitor.sources.jt808.record_keeping import RecordKeeping
from monitor.sources.jt808.round import PIECE_BYTES, read_round
from monitor.sources.jt808.session import SessionState
from monitor.sources.jt808.switchboard import Switchboard, field_of
from monitor.sources.jt808.traffic import Traffic

NOW_MS = 1_760_000_000_000
PHONES = ("13900000001", "13900000002", "13900000003")


class NoBook:
    def find(self, phone: str, /) -> Terminal | None:
        return None

    def registration(self, phone: str, plate: str, plate_color: int, /) -> Registration:
        return Registration()

    def room(self, phone: str, waiting: int, /) -> bool:
        return True

    async def save(self, terminals: Sequence[Terminal], /) -> None: ...


async def deliver(intake: Intake, /) -> None: ...


@dataclass
class Desk:
    """A server without sockets and tasks; what it journals is kept."""

    intakes: list[Intake] = field(default_factory=list)

    def __post_init__(self) -> None:
        chosen = Jt808Settings(name="a", frames_per_s=10**6, bytes_per_s=10**9, junk_frames=10**6)
        self.counts = Jt808Counts()
        book, packets = NoBook(), PacketSets(30)
        keeping = RecordKeeping(chosen, book, lambda: NOW_MS)
        self.switchboard = Switchboard(chosen, self.counts, lambda: 1.0, lambda session: None)
        log_in = LogIn(self.switchboard, keeping, book, AuthCodes(b"s" * 32))
        orders = Orders(chosen, self.switchboard, self.counts)
        traffic = Traffic(self.switchboard, keeping, log_in, orders, packets)
        self.gathering = Gathering(
            self.switchboard, traffic, packets, keeping, deliver, lambda: NOW_MS, lambda phone: None
        )

    def terminal(self, phone: str, connection: Connection | None = None) -> Connection:
        """A connection with an authenticated terminal on it."""
        connection = connection or self.switchboard.admit(("127.0.0.1", 1))
        session = self.switchboard.attach(connection, field_of(phone), Version.V2013, Terminal(phone))
        assert session is not None
        self.switchboard.enter(session, SessionState.AUTHENTICATED)
        return connection

    def hear(self) -> None:
        """Rounds until nothing is left."""
        inbox = self.switchboard.inbox
        while pieces := inbox.take(1_000_000):
            round_ = read_round("a", pieces, inbox, NOW_MS, 1.0)
            intake = self.gathering._heard(round_)
            inbox.settled(round_.size)
            if intake is not None:
                self.intakes.append(intake)

    @property
    def fixes(self) -> dict[str, list[int]]:
        """Fix times by key, in the order journalled."""
        found: dict[str, list[int]] = {}
        for intake in self.intakes:
            assert intake.decoded is not None
            batch = intake.decoded.batch
            for row in batch.rows:
                found.setdefault(batch.keys[row["key"]], []).append(int(row["fix_ms"]))
        return found

    @property
    def rejected(self) -> list[str]:
        return [item.reason for intake in self.intakes if intake.decoded for item in intake.decoded.rejects]


def position(phone: str, seconds: int) -> bytes:
    time = datetime.fromtimestamp(NOW_MS / 1000 + seconds, BEIJING).replace(microsecond=0)
    message = Location(status=3, lat_deg=39.0, lon_deg=100.0, time=time)
    return encode_frames(message, phone=phone, version=Version.V2013, serial=seconds)[0]


def fixes_of(seconds: Sequence[int]) -> list[int]:
    return [NOW_MS + second * 1_000 for second in seconds]


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_reports_do_not_depend_on_how_bytes_arrived(data: st.DataObject) -> None:
    desk = Desk()
    streams = {phone: b"".join(position(phone, second) for second in range(4)) for phone in PHONES}
    connections = {phone: desk.terminal(phone) for phone in PHONES}
    at = dict.fromkeys(PHONES, 0)
    while any(at[phone] < len(streams[phone]) for phone in PHONES):
        phone = data.draw(st.sampled_from([phone for phone in PHONES if at[phone] < len(streams[phone])]))
        size = data.draw(st.integers(1, 90))
        desk.switchboard.inbox.put(connections[phone], streams[phone][at[phone] : at[phone] + size])
        at[phone] += size
        if data.draw(st.booleans()):
            desk.hear()
    for connection in connections.values():
        connection.connection_lost(None)
    desk.hear()
    assert desk.fixes == {f"terminal:{phone}": fixes_of(range(4)) for phone in PHONES}
    assert desk.rejected == []
    assert (desk.counts.open, desk.counts.authenticated) == (0, 0)
    assert not desk.switchboard.lines.rows["used"].any()


_TEMPLATES = st.sampled_from(
    [
        position(PHONES[0], 1),
        position(PHONES[1], 1),
        encode_frames(Authenticate(auth_code="x"), phone=PHONES[1], version=Version.V2019, serial=2)[0],
        bytes.fromhex("7e0002000001390000000100017f7e"),
        b"\x7e",
        b"",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(st.tuples(st.integers(0, 2), _TEMPLATES, st.binary(max_size=40)), max_size=12), cut=st.booleans()
)
def test_no_bytes_stop_a_round_or_harm_another_connection(pieces: list[tuple[int, bytes, bytes]], cut: bool) -> None:
    desk = Desk()
    peers = [desk.terminal(PHONES[0]), desk.switchboard.admit(("127.0.0.1", 2)), desk.terminal(PHONES[2])]
    for place, template, noise in pieces:
        desk.switchboard.inbox.put(peers[place % 2], noise + template)
        if cut:
            desk.hear()
    desk.switchboard.inbox.put(peers[2], position(PHONES[2], 9))
    desk.hear()
    assert desk.fixes[f"terminal:{PHONES[2]}"] == fixes_of([9])
    assert f"terminal:{PHONES[1]}" not in desk.fixes


@settings(max_examples=100, deadline=None)
@given(msg_id=st.integers(0, 0xFFFF), body=st.binary(max_size=120), properties=st.integers(0, 63))
def test_a_sound_frame_of_anything_is_settled(msg_id: int, body: bytes, properties: int) -> None:
    """Every message id, whatever its body and properties: answered, refused or quarantined, and never fatal."""
    desk = Desk()
    terminal = desk.terminal(PHONES[0])
    good, _ = encode_frames(Authenticate(auth_code="x"), phone=PHONES[0], version=Version.V2013, serial=2)
    head = unescape(good[1:-1])[:12]
    word = (len(body) | properties << 10) & 0xFFFF
    message = msg_id.to_bytes(2, "big") + word.to_bytes(2, "big") + head[4:] + body
    check = 0
    for byte in message:
        check ^= byte
    escaped = (message + bytes([check])).replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")
    desk.switchboard.inbox.put(terminal, b"\x7e" + escaped + b"\x7e")
    desk.switchboard.inbox.put(terminal, position(PHONES[0], 3))
    desk.hear()
    assert desk.counts.frames.total() == 2


def test_a_peer_that_sends_without_pause_gets_its_turn_piece_by_piece() -> None:
    desk = Desk()
    greedy, other = desk.terminal(PHONES[0]), desk.terminal(PHONES[1])
    n = 4 * PIECE_BYTES // len(position(PHONES[0], 0))
    desk.switchboard.inbox.put(greedy, b"".join(position(PHONES[0], second) for second in range(n)))
    desk.switchboard.inbox.put(other, position(PHONES[1], 1))
    greedy.connection_lost(None)
    desk.hear()
    assert desk.fixes[f"terminal:{PHONES[0]}"] == fixes_of(range(n))
    assert len(desk.intakes) > 3
    assert desk.intakes[0].decoded is not None
    assert f"terminal:{PHONES[1]}" in desk.intakes[0].decoded.batch.keys
    assert not desk.switchboard.lines.rows["used"][greedy.line]


def test_a_terminal_without_taken_reports_leaves_no_key_behind() -> None:
    desk = Desk()
    known, stranger = desk.terminal(PHONES[0]), desk.switchboard.admit(("127.0.0.1", 2))
    desk.switchboard.inbox.put(stranger, position(PHONES[1], 1))
    desk.switchboard.inbox.put(known, position(PHONES[0], 1))
    desk.hear()
    assert desk.intakes[0].decoded is not None
    assert desk.intakes[0].decoded.batch.keys == (f"terminal:{PHONES[0]}",)
    assert desk.counts.unauthenticated == 1


def test_terminals_on_one_connection_keep_apart() -> None:
    desk = Desk()
    gateway = desk.terminal(PHONES[0])
    desk.terminal(PHONES[1], gateway)
    frames = [position(phone, second) for second in range(3) for phone in PHONES]
    desk.switchboard.inbox.put(gateway, b"".join(frames))
    desk.hear()
    assert desk.fixes == {f"terminal:{phone}": fixes_of(range(3)) for phone in PHONES[:2]}
    rows = desk.switchboard.lines.rows
    sessions = [gateway.sessions[field_of(phone)] for phone in PHONES[:2]]
    assert [int(rows["reports"][session.line]) for session in sessions] == [3, 3]


def test_more_than_may_wait_is_not_read() -> None:
    desk = Desk()
    inbox = desk.switchboard.inbox
    inbox._limit = 100
    connection = desk.terminal(PHONES[0])
    inbox.put(connection, position(PHONES[0], 1) * 3)
    assert connection._holds == 1
    taken = inbox.take(1_000)
    assert connection._holds == 1
    inbox.settled(sum(len(data) for _, data in taken if data is not None))
    assert connection._holds == 0


def test_every_closing_delimiter_is_a_possible_beginning() -> None:
    desk = Desk()
    terminal = desk.terminal(PHONES[0])
    frames = b"".join(position(PHONES[0], second) for second in range(3)).replace(b"\x7e\x7e", b"\x7e")
    assert len(list(segments(frames))) == 3
    desk.switchboard.inbox.put(terminal, frames)
    desk.hear()
    assert desk.fixes == {f"terminal:{PHONES[0]}": fixes_of(range(3))}


async def test_an_inbox_that_fills_waits_no_longer() -> None:
    desk = Desk()
    connection = desk.terminal(PHONES[0])
    inbox = desk.switchboard.inbox
    waiting = asyncio.create_task(inbox.filled(50, 60.0))
    await asyncio.sleep(0)
    inbox.put(connection, b"x" * 20)
    await asyncio.sleep(0)
    assert not waiting.done()
    inbox.put(connection, b"x" * 40)
    await waiting
    await inbox.filled(1_000, 0.0)
