"""What a terminal says and hears, without waiting for anything.

Messages are written when asked for, answers come in by ``arrived``, what is put off is put off by ``after``; what
happened is told by the ``on_...`` methods.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import reduce
from operator import xor

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.encode import encode_location_stream
from monitor.codec.jt808.header import Version
from simulators.jt808 import acts, wire
from simulators.jt808.connection import Connection
from simulators.jt808.driver_card import IN, OUT, card_body
from simulators.jt808.identity import TerminalIdentity
from simulators.jt808.misbehaviour import NOTHING, Misbehaviour
from simulators.jt808.orders import answer, first_parameters
from simulators.jt808.sent_log import SentLog
from simulators.jt808.statistics import FleetStatistics
from simulators.jt808.unanswered import GOOD, Pending, Unanswered

BACKFILL_ROWS = 200
"""Reports in one 0x0704 at most, about 8 KB and 8 packets; a guess."""
PACKETS_KEPT = 8
"""Sub-packaged messages kept to be asked for again; a guess."""
After = Callable[[float, Callable[[], None]], object]


class NotAnsweredError(ConnectionError):
    """The platform gave no answer, or the connection broke before it came."""


class TerminalSession:
    """A terminal at ``host``:``port``. ``orders`` is what the platform sent and is no answer, in order.

    ``timeout_s`` is T(1) and ``retries`` how often a message is repeated before the connection counts as dead.
    ``now_ms`` is the clock of the sent log; ``after`` waits (the running loop's ``call_later`` if not given).
    """

    def __init__(
        self,
        identity: TerminalIdentity,
        host: str = "127.0.0.1",
        port: int = 6808,
        *,
        local: tuple[str, int] | None = None,
        timeout_s: float = 10.0,
        retries: int = 3,
        misbehaviours: frozenset[Misbehaviour] = NOTHING,
        seed: int = 1,
        log: SentLog | None = None,
        statistics: FleetStatistics | None = None,
        serials: NDArray[np.int64] | None = None,
        now_ms: Callable[[], int] | None = None,
        after: After | None = None,
    ) -> None:
        self.identity = identity
        self.host = host
        self.port = port
        self.misbehaviours = misbehaviours
        self.log = log if log is not None else SentLog()
        self.statistics = statistics if statistics is not None else FleetStatistics()
        self.chance = random.Random(f"{seed}/{identity.phone}")
        self.connection: Connection | None = None
        self.abandoned: list[Connection] = []
        self.waiting = Unanswered(timeout_s, retries)
        self.stored: list[int] = []
        self.orders: list[wire.Received] = []
        self.texts: list[str] = []
        self.card = b""
        """Body of the last 0x0702 in words of its edition; empty without a card."""
        self.parameters: dict[int, bytes] = first_parameters()
        self.order_results: dict[int, int] = {}
        """Result of 0x0001 by message id where it is not 0; -1 = no answer at all."""
        self.authenticated = False
        self.last_number = -1
        self.last_written_s = 0.0
        self._local = local
        self._serials = serials if serials is not None else np.zeros(1, np.int64)
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        self._after = after
        self._repeating = False
        self._phone = identity.phone_bytes
        self._reply_size = 23 if identity.version is Version.V2019 else 18
        self._packets: deque[tuple[int, list[bytes]]] = deque(maxlen=PACKETS_KEPT)
        self._coalesced: list[bytes] = []
        self._order_came: asyncio.Event | None = None

    async def connect(self) -> None:
        """Open a connection; one that was open is left to itself (``abandoned``). Raises OSError."""
        made: Connection = Connection(self)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: made, self.host, self.port, local_addr=self._local)
        if self.connection is not None and self.connection.open:
            self.abandoned.append(self.connection)
        self.connection = made
        self.authenticated = False
        self.statistics.connections += 1

    def cut(self) -> None:
        """The connection breaks now. What was not answered goes to ``stored``."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.abort()
        self._disconnected()

    async def close(self) -> None:
        """End all connections in good order."""
        connection, self.connection = self.connection, None
        for one in (connection, *self.abandoned):
            if one is not None:
                one.close()
        for pending in self.waiting.forget():
            pending.given_up(NotAnsweredError(f"terminal {self.identity.phone} was closed"))
        await asyncio.sleep(0)

    @property
    def connected(self) -> bool:
        return self.connection is not None and self.connection.open

    @property
    def serial(self) -> int:
        """Of the next message."""
        return int(self._serials[0])

    @serial.setter
    def serial(self, value: int) -> None:
        self._serials[0] = value & 0xFFFF

    # -- messages, written at once -------------------------------------------------------------------------------

    def send(self, msg_id: int, body: bytes, numbers: Sequence[int] = (), *, packet_bytes: int = 1023) -> Pending:
        """Write a message that wants an answer."""
        first = self.serial
        frames = wire.frames(self.identity, msg_id, body, first, packet_bytes)
        serials = [(first + n) & 0xFFFF for n in range(len(frames))]
        self.serial = first + len(frames)
        pending = self._wait_for(msg_id, frames, serials, numbers)
        if len(frames) > 1:
            self._packets.append((first, frames))
            if Misbehaviour.MISSING_PACKET in self.misbehaviours:
                self.waiting.withheld.add(serials[1])
                frames = frames[:1] + frames[2:]
        self.write(frames)
        return pending

    def send_register(self) -> Pending:
        return self.send(wire.REGISTER, wire.register_body(self.identity))

    def send_authenticate(self, code: str | None = None) -> Pending:
        code = self.identity.auth_code if code is None else code
        return self.send(wire.AUTHENTICATE, wire.authenticate_body(self.identity, code))

    def send_card(self, driver_id: str, at_ms: int) -> Pending:
        """A card in, or out where ``driver_id`` is empty."""
        self.card = card_body(self.identity.version, driver_id, at_ms, status=IN if driver_id else OUT)
        self.statistics.cards += 1
        return self.send(wire.DRIVER_CARD, self.card)

    def send_reports(self, numbers: Sequence[int]) -> list[Pending]:
        """One 0x0200 per report of the log."""
        if not len(numbers):
            return []
        rows = self.log.rows[np.asarray(numbers, np.int64)].copy()
        rows["key"] = 0
        first = self.serial
        serials = np.array([first], np.int64)
        stream = encode_location_stream(rows, (self.identity.phone,), self.identity.version, serials=serials)
        self.serial = int(serials[0])
        return [
            self.send_report_frame(number, (first + place) & 0xFFFF, frame)
            for place, (number, frame) in enumerate(zip(numbers, wire.split_frames(stream), strict=True))
        ]

    def send_report_frame(self, number: int, serial: int, frame: bytes) -> Pending:
        """A report that is encoded already."""
        kinds = self.misbehaviours
        if kinds and Misbehaviour.REPEATED_SERIAL in kinds and number % 2:
            serial = (serial - 1) & 0xFFFF
            frame = wire.renumbered(self.identity, frame, serial)
        self.statistics.reports += not self.log.was_sent(number)
        self.log.note((number,), self._now_ms())
        self.last_number = number
        pending = self._wait_for(wire.LOCATION, [frame], (serial,), (number,))
        self.write([frame] if not kinds else acts.report_frames(kinds, number, frame, self.chance))
        return pending

    def send_stored(self) -> list[Pending]:
        """Everything in ``stored``, oldest fix first."""
        numbers = sorted(self.stored, key=lambda number: (int(self.log.rows[number]["fix_ms"]), number))
        self.stored = []
        new = sum(not self.log.was_sent(number) for number in numbers)
        self.statistics.backfilled += len(numbers)
        if self.identity.version is Version.V2011:
            return self.send_reports(numbers)
        self.statistics.reports += new
        out = []
        for at in range(0, len(numbers), BACKFILL_ROWS):
            part = numbers[at : at + BACKFILL_ROWS]
            self.log.note(part, self._now_ms(), backfill=True)
            body = wire.batch_body(self.log.rows[np.asarray(part, np.int64)])
            small = Misbehaviour.MISSING_PACKET in self.misbehaviours and len(part) > 2
            out.append(self.send(wire.BACKFILL, body, part, packet_bytes=min(1023, len(body) // 3) if small else 1023))
        if numbers:
            self.last_number = numbers[-1]
        return out

    def write(self, frames: list[bytes]) -> None:
        """Put frames on the connection, in the manner of this terminal."""
        connection = self.connection
        if connection is None or not connection.open:
            return
        self.statistics.frames += len(frames)
        self.last_written_s = self._now_s()
        if not self.misbehaviours:
            for frame in frames:
                connection.write(frame)
            return
        if Misbehaviour.COALESCED in self.misbehaviours:
            self._coalesced += frames
            if len(self._coalesced) < 4 and self.authenticated:
                self.after(0.5, self._flush)
                return
            frames, self._coalesced = [b"".join(self._coalesced)], []
        if Misbehaviour.BYTE_BY_BYTE in self.misbehaviours:
            frames = [frame[at : at + 1] for frame in frames for at in range(len(frame))]
        for frame in frames:
            connection.write(frame)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        if self._after is not None:
            self._after(seconds, call)
        else:
            asyncio.get_running_loop().call_later(seconds, call)

    def break_off(self) -> None:
        """End the connection after what was written, without waiting for answers."""
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()
        self._disconnected()

    def leave_open(self) -> None:
        """Go on without this connection, which stays open (``abandoned``)."""
        connection, self.connection = self.connection, None
        if connection is not None:
            self.abandoned.append(connection)
        self._disconnected()

    # -- what happens, for the fleet -----------------------------------------------------------------------------

    def on_registered(self, result: int) -> None:
        """0x8100 came."""

    def on_authenticated(self, result: int) -> None:
        """The answer to 0x0102 came."""

    def on_disconnected(self) -> None:
        """The connection in use is gone; what was unanswered is in ``stored``."""

    # -- what arrives --------------------------------------------------------------------------------------------

    def arrived(self, connection: Connection, segments: list[bytes]) -> None:
        """Segments from the platform."""
        current = connection is self.connection
        for segment in segments:
            # The answer to a report without an escape in it, which is nearly every frame.
            if segment[:2] == b"\x80\x01" and len(segment) == self._reply_size and b"\x7d" not in segment:
                at = len(segment) - 6
                if segment[at - 2 - len(self._phone) : at - 2] != self._phone or reduce(xor, segment):
                    self.statistics.bad_frames += 1
                    continue
                self._replied(
                    segment[at] << 8 | segment[at + 1], segment[at + 2] << 8 | segment[at + 3], segment[at + 4], current
                )
                continue
            message = wire.received(segment)
            if not message.sound or message.phone != self._phone:
                self.statistics.bad_frames += 1
            elif message.msg_id == wire.PLATFORM_REPLY and len(message.body) >= 5:
                body = message.body
                self._replied(body[0] << 8 | body[1], body[2] << 8 | body[3], body[4], current)
            elif message.msg_id == wire.REGISTER_REPLY and len(message.body) >= 3:
                self._register_reply(message, current)
            elif message.msg_id == wire.RETRANSMIT:
                self._repeat_packets(message)
            elif current:
                self._ordered(message)

    def lost(self, connection: Connection) -> None:
        """A connection ended."""
        if connection is self.connection:
            self.connection = None
            self.statistics.closed_by_platform += 1
            self._disconnected()
        elif connection in self.abandoned:
            self.abandoned.remove(connection)

    # -- inside --------------------------------------------------------------------------------------------------

    def _now_s(self) -> float:
        return time.perf_counter()

    def _wait_for(self, msg_id: int, frames: list[bytes], serials: Sequence[int], numbers: Sequence[int]) -> Pending:
        pending = self.waiting.add(msg_id, frames, serials, numbers, self._now_s())
        if not self._repeating:
            self._repeating = True
            self.after(self.waiting.timeout_s, self._repeat)
        return pending

    def _replied(self, serial: int, msg_id: int, result: int, current: bool) -> None:
        pending = self.waiting.settle(serial, msg_id, result) if current else None
        if pending is not None:
            self._answered(pending, result)

    def _answered(self, pending: Pending, result: int) -> None:
        statistics = self.statistics
        if pending.numbers:
            if result in GOOD:
                statistics.answered += len(pending.numbers)
                statistics.latency.add(self._now_s() - pending.sent_s)
            else:
                self.stored += pending.numbers
        elif pending.msg_id == wire.AUTHENTICATE:
            self.authenticated = result == 0
            statistics.authenticated += result == 0
        if result:
            statistics.results[result] += 1
            statistics.refused += 1
        pending.done(result)
        if pending.msg_id == wire.AUTHENTICATE:
            self.on_authenticated(result)

    def _register_reply(self, message: wire.Received, current: bool) -> None:
        serial, result = message.body[0] << 8 | message.body[1], message.body[2]
        pending = self.waiting.settle(serial, wire.REGISTER, result) if current else None
        if pending is None:
            return
        if result == 0:
            self.identity.auth_code = message.body[3:].decode("gb18030", "replace")
            self.statistics.registered += 1
        self._answered(pending, result)
        self.on_registered(result)

    def _repeat(self) -> None:
        """Send again what is due, and come back when the next one is."""
        self._repeating = False
        if not self.connected or not self.waiting:
            return
        now_s = self._now_s()
        for pending in self.waiting.due(now_s):
            if self.waiting.exhausted(pending):
                self.cut()  # so many repetitions without an answer: the link is dead
                return
            self.statistics.repeated += 1
            self.write(self.waiting.again(pending, now_s))
        self._repeating = True
        self.after(max(0.0, self.waiting.next_due_s() - now_s), self._repeat)

    def _repeat_packets(self, message: wire.Received) -> None:
        self.statistics.orders[wire.RETRANSMIT] += 1
        self.orders.append(message)
        first, wanted = wire.packets_asked_for(message)
        for serial, frames in self._packets:
            if serial == first:
                self.waiting.withheld.clear()
                self.write([frames[index - 1] for index in wanted if 0 < index <= len(frames)])
        self._told_of_order()

    def _ordered(self, message: wire.Received) -> None:
        self.statistics.orders[message.msg_id] += 1
        self.orders.append(message)
        answer(self, message)
        self._told_of_order()

    def _told_of_order(self) -> None:
        if self._order_came is not None:
            self._order_came.set()

    def _disconnected(self) -> None:
        self.authenticated = False
        self._coalesced.clear()
        lost = self.waiting.forget()
        error = NotAnsweredError(f"the connection of terminal {self.identity.phone} broke")
        for pending in lost:
            self.stored += pending.numbers
            pending.given_up(error)
        self.on_disconnected()

    def _flush(self) -> None:
        frames, self._coalesced = self._coalesced, []
        if frames and self.connection is not None:
            self.connection.write(b"".join(frames))
