"""Sub-packaged messages until they are whole."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808 import FRAME
from monitor.sources.jt808.connection import Connection
from monitor.sources.jt808.inbox import Inbox
from monitor.sources.jt808.packets import MAX_PACKETS, Addition, PacketSet, PacketSets


class NoKeeper:
    write_buffer_bytes = 0

    def lost(self, connection: Connection, /) -> None: ...

    def drop(self, connection: Connection, reason: str, /) -> None: ...


def connection_on(line: int) -> Connection:
    return Connection(NoKeeper(), Inbox(1_000), line, ("127.0.0.1", 1))


def frame(serial: int, msg_id: int = 0x0704) -> NDArray[np.void]:
    row = np.zeros(1, FRAME)
    row["serial"], row["msg_id"] = serial, msg_id
    return row


class Terminal:
    def __init__(self, sets: PacketSets, line: int = 0) -> None:
        self.sets = sets
        self.connection = connection_on(line)
        self.given_up: list[PacketSet] = []

    def send(self, first: int, index: int, total: int, segment: bytes = b"x", now_s: float = 0.0) -> Addition:
        addition, self.whole, given_up = self.sets.add(
            self.connection,
            frame((first + index - 1) & 0xFFFF),
            total=total,
            index=index,
            segment=segment,
            now_s=now_s,
        )
        self.given_up += given_up
        return addition


def test_packets_complete_in_any_order_and_over_the_wrap_of_serials() -> None:
    terminal = Terminal(PacketSets(30))
    assert terminal.send(0xFFFF, 3, 3, b"c") is Addition.WAITING
    assert terminal.send(0xFFFF, 1, 3, b"a") is Addition.WAITING
    assert terminal.send(0xFFFF, 2, 3, b"b") is Addition.COMPLETE
    assert terminal.whole is not None
    assert terminal.whole.segments == {1: b"a", 2: b"b", 3: b"c"}
    assert terminal.whole.answered["serial"].tolist() == [0xFFFF, 0, 1]
    assert len(terminal.sets) == 0


def test_messages_of_one_terminal_may_overlap() -> None:
    terminal = Terminal(PacketSets(30))
    for first in (10, 20):
        assert terminal.send(first, 1, 2) is Addition.WAITING
    for first in (10, 20):
        assert terminal.send(first, 2, 2) is Addition.COMPLETE


def test_a_packet_that_comes_again_is_answered_only_when_the_message_is_safe() -> None:
    terminal = Terminal(PacketSets(30))
    terminal.send(10, 1, 2, b"a")
    assert terminal.send(10, 1, 2, b"a") is Addition.WAITING
    terminal.send(10, 2, 2, b"b")
    assert terminal.whole is not None
    key = terminal.whole.key
    assert terminal.send(10, 1, 2, b"a") is Addition.UNDER_WAY
    terminal.sets.safe(key, 0)
    assert terminal.send(10, 1, 2, b"a") is Addition.SAFE


def test_other_bytes_under_the_same_serials_are_another_message() -> None:
    terminal = Terminal(PacketSets(30))
    terminal.send(10, 1, 2, b"a")
    terminal.send(10, 2, 2, b"b")
    assert terminal.whole is not None
    terminal.sets.safe(terminal.whole.key, 0)
    assert terminal.send(10, 1, 2, b"c") is Addition.WAITING
    assert terminal.send(10, 2, 2, b"d") is Addition.COMPLETE


def test_what_could_not_be_kept_is_taken_anew() -> None:
    terminal = Terminal(PacketSets(30))
    terminal.send(10, 1, 2)
    terminal.send(10, 2, 2)
    assert terminal.whole is not None
    terminal.sets.forget(terminal.whole.key)
    assert terminal.send(10, 1, 2) is Addition.WAITING


def test_missing_packets_are_asked_for_and_then_given_up() -> None:
    terminal = Terminal(PacketSets(30))
    terminal.send(10, 2, 3)
    sets = terminal.sets
    assert list(sets.due(29.9, 2)) == []
    asked = [(known.missing, again) for time_s in (30.0, 60.0, 90.0) for known, again in sets.due(time_s, 2)]
    assert asked == [((1, 3), True), ((1, 3), True), ((1, 3), False)]
    assert len(sets) == 0


def test_a_whole_message_is_forgotten_in_time() -> None:
    terminal = Terminal(PacketSets(30))
    terminal.send(10, 1, 2)
    terminal.send(10, 2, 2)
    assert list(terminal.sets.due(1_000.0, 2)) == []
    assert terminal.send(10, 1, 2, now_s=1_000.0) is Addition.WAITING


def test_another_total_replaces_the_set() -> None:
    terminal = Terminal(PacketSets(30))
    terminal.send(10, 1, 2)
    assert terminal.send(10, 1, 3) is Addition.WAITING
    assert [packets.total for packets in terminal.given_up] == [2]


def test_one_connection_does_not_fill_the_room_of_the_others() -> None:
    sets = PacketSets(30)
    quiet, greedy = Terminal(sets, 1), Terminal(sets, 2)
    quiet.send(10, 1, 2)
    for first in range(0, 1_000, 10):
        greedy.send(first, 1, 2)
    assert greedy.send(2_000, 1, MAX_PACKETS + 1) is Addition.TOO_MANY
    assert len(greedy.given_up) == 100 - 32
    assert quiet.send(10, 2, 2) is Addition.COMPLETE
    assert sets.leave(2) == 32
    assert sets.leave(2) == 0
    assert len(sets) == 0
