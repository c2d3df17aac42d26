"""Raw load: as many connections and frames per second as asked, and as little Python per frame as can be.

Every connection registers and authenticates. Then frames go out in turns at an even pace, encoded by the column; the
answers of a connection are counted, and the n-th answer is that of its n-th frame.

    python -m simulators.jt808.load --port 6808 --connections 10000 --frames-per-s 30000 --seconds 20

prints one JSON object when all are connected and one at the end; with ``--wait`` it goes on to the frames when a line
comes on its standard input.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import time
from array import array
from collections import deque
from dataclasses import asdict, dataclass
from typing import cast

import numpy as np
import uvloop
from numpy.typing import NDArray

from monitor.codec.jt808.encode import encode_location_stream
from monitor.codec.jt808.header import Version
from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportRows, empty_rows
from simulators.jt808.identity import TerminalIdentity, identities
from simulators.jt808.sockets import make_room_for, source_address
from simulators.jt808.wire import (
    AUTHENTICATE,
    HEARTBEAT,
    PLATFORM_REPLY,
    REGISTER,
    REGISTER_REPLY,
    Splitter,
    authenticate_body,
    frames,
    received,
    register_body,
    split_frames,
)

SIGNAL_AND_SATELLITES = bytes.fromhex("30011f31010c")


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What to do. A connection's reports are a second apart in fix time and end at about ``until_ms``."""

    host: str = "127.0.0.1"
    port: int = 6808
    connections: int = 10_000
    first_terminal: int = 0  # its number; runs of other terminals do not make each other's positions old
    frames_per_s: int = 30_000
    seconds: float = 20.0
    warm_s: float = 3.0  # sent before, and not counted
    drain_s: float = 10.0  # how long to wait for the last answers
    connect_per_s: int = 1_000
    addresses: int = 8
    tick_s: float = 0.02
    heartbeat_s: float = 60.0  # while nothing else is sent
    until_ms: int = 0  # 0 = now
    speed_dkmh: int = 600
    seed: int = 1


@dataclass(slots=True)
class LoadResult:
    """What came of it. ``most_behind_s`` is how far the sender itself fell behind its own pace; ``loop_lag_s`` how
    late its event loop came to the ticks (99 of 100): both near the latencies mean that this side was the limit."""

    connected: int = 0
    authenticated: int = 0
    connect_s: float = 0.0
    sent: int = 0
    answered: int = 0
    seconds: float = 0.0
    frames_per_s: float = 0.0
    answered_per_s: float = 0.0
    p50_s: float = 0.0
    p99_s: float = 0.0
    most_s: float = 0.0
    cpu_s: float = 0.0
    most_behind_s: float = 0.0
    loop_lag_s: float = 0.0
    lost: int = 0


class _Connection(asyncio.Protocol):
    __slots__ = ("_load", "_splitter", "authenticated", "done", "identity", "marks", "sent_s", "transport")

    def __init__(self, load: Load, identity: TerminalIdentity) -> None:
        self._load = load
        self.identity = identity
        self.transport: asyncio.Transport | None = None
        self._splitter: Splitter | None = Splitter()
        self.sent_s: deque[float] = deque()
        self.marks = 0
        self.authenticated = False
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by name
        self._load.result.connected += 1
        self._say(REGISTER, register_body(self.identity), 0)

    def data_received(self, data: bytes) -> None:
        if self._splitter is not None:
            self._log_in(data)
            return
        # Two delimiters a frame; half a frame counts when its second half comes.
        self.marks += data.count(b"\x7e")
        n, self.marks = divmod(self.marks, 2)
        now_s = time.perf_counter()
        took_s, sent_s = self._load.took_s, self.sent_s
        self._load.last_answer_s = now_s
        for _ in range(min(n, len(sent_s))):
            took_s.append(now_s - sent_s.popleft())

    def connection_lost(self, error: Exception | None) -> None:
        self._load.lost(self)
        if not self.done.done():
            self.done.set_result(None)

    def _log_in(self, data: bytes) -> None:
        assert self._splitter is not None
        for segment in self._splitter.segments(data):
            message = received(segment)
            if message.msg_id == REGISTER_REPLY and message.body[2:3] == b"\0":
                self.identity.auth_code = message.body[3:].decode("gb18030")
                self._say(AUTHENTICATE, authenticate_body(self.identity, self.identity.auth_code), 1)
            elif message.msg_id == PLATFORM_REPLY and message.body[4:5] == b"\0":
                self._splitter = None
                self.authenticated = True
                self._load.result.authenticated += 1
                self.done.set_result(None)
                return
            elif self.transport is not None:
                self.transport.close()

    def _say(self, msg_id: int, body: bytes, serial: int) -> None:
        assert self.transport is not None
        self.transport.write(frames(self.identity, msg_id, body, serial)[0])


class Load:
    """One run. ``result`` fills up meanwhile."""

    def __init__(self, plan: LoadPlan) -> None:
        self.plan = plan
        self.result = LoadResult()
        self.took_s = array("d")
        self.last_answer_s = 0.0
        self._connections: list[_Connection] = []
        self._closing = False
        n = make_room_for(plan.connections)
        self._identities = identities((), (), n=n, first=plan.first_terminal, seed=plan.seed)

    def lost(self, connection: _Connection) -> None:
        connection.transport = None
        if not self._closing:
            self.result.lost += 1

    async def connect(self) -> None:
        """Open and authenticate all connections, at the pace of the plan."""
        began_s = time.perf_counter()
        loop = asyncio.get_running_loop()
        plan = self.plan
        step = max(plan.connect_per_s // 20, 1)
        for first in range(0, len(self._identities), step):
            few = range(first, min(first + step, len(self._identities)))
            opened = await asyncio.gather(
                *(
                    loop.create_connection(
                        lambda number=number: _Connection(self, self._identities[number]),
                        plan.host,
                        plan.port,
                        local_addr=source_address(plan.host, number, plan.addresses),
                    )
                    for number in few
                ),
                return_exceptions=True,
            )
            self._connections += [made[1] for made in opened if not isinstance(made, BaseException)]
            early_s = began_s + (first + step) / plan.connect_per_s - time.perf_counter()
            if early_s > 0:
                await asyncio.sleep(early_s)
        waiting = [connection.done for connection in self._connections]
        if waiting:
            await asyncio.wait(waiting, timeout=30.0)
        self.result.connect_s = time.perf_counter() - began_s

    async def hold(self, until: asyncio.Event) -> None:
        """Send nothing but heartbeats until told to go on."""
        beats = [frames(connection.identity, HEARTBEAT, b"", 2)[0] for connection in self._connections]
        at_s, place = time.perf_counter(), 0
        while not until.is_set():
            due = int((time.perf_counter() - at_s) / self.plan.heartbeat_s * len(beats))
            for number in range(place, due):
                connection = self._connections[number % len(beats)]
                if connection.transport is not None:
                    connection.sent_s.append(time.perf_counter())
                    connection.transport.write(beats[number % len(beats)])
            place = max(place, due)
            try:
                await asyncio.wait_for(until.wait(), self.plan.tick_s)
            except TimeoutError:
                continue

    async def send(self) -> None:
        """Send frames at the pace of the plan: first some that do not count, then those that do."""
        plan, result = self.plan, self.result
        warm, counted = round(plan.warm_s * plan.frames_per_s), round(plan.seconds * plan.frames_per_s)
        groups = _groups(self._connections, plan, warm + counted)
        if warm:
            await self._pace(groups, 0, warm)
            await self._drain()
        self.took_s = array("d")
        cpu_s, began_s = time.process_time(), time.perf_counter()
        result.most_behind_s = 0.0
        lags = await self._pace(groups, warm, warm + counted)
        sending_s = time.perf_counter() - began_s
        await self._drain()
        result.sent = counted
        result.seconds = time.perf_counter() - began_s
        result.cpu_s = time.process_time() - cpu_s
        result.answered = len(self.took_s)
        result.frames_per_s = counted / sending_s
        # The first answers come one median after the first frames.
        if result.answered:
            took_s = np.frombuffer(self.took_s, np.float64)
            result.p50_s, result.p99_s = (float(value) for value in np.quantile(took_s, (0.5, 0.99)))
            result.most_s = float(took_s.max())
            result.answered_per_s = result.answered / (self.last_answer_s - began_s - result.p50_s)
        result.loop_lag_s = float(np.quantile(lags, 0.99)) if lags else 0.0

    async def close(self) -> None:
        self._closing = True
        for connection in self._connections:
            if connection.transport is not None:
                connection.transport.close()
        await asyncio.sleep(0)

    async def _pace(self, groups: list[_Group], first: int, last: int) -> list[float]:
        """Send frames number ``first`` to ``last``; how late the loop came to each tick, seconds."""
        plan = self.plan
        sent, lags, began_s = first, [], time.perf_counter()
        due_s = began_s
        while sent < last:
            now_s = time.perf_counter()
            lags.append(max(0.0, now_s - due_s))
            due = min(last, first + int((now_s - began_s) * plan.frames_per_s) + 1)
            for group in groups:
                group.send(sent, due)
            sent = due
            after_s = time.perf_counter()
            due_s = max(now_s + plan.tick_s, after_s)
            behind_s = after_s - began_s - (sent - first) / plan.frames_per_s
            self.result.most_behind_s = max(self.result.most_behind_s, behind_s)
            await asyncio.sleep(due_s - after_s)
        return lags

    async def _drain(self) -> None:
        for _ in range(round(self.plan.drain_s / self.plan.tick_s)):
            if not any(one.sent_s and one.transport is not None for one in self._connections):
                return
            await asyncio.sleep(self.plan.tick_s)


class _Group:
    """Connections of one form of header; they take turns."""

    def __init__(
        self, members: list[tuple[int, _Connection]], plan: LoadPlan, all_connections: int, rounds: int
    ) -> None:
        self._members = [connection for _, connection in members]
        self._numbers = np.array([number for number, _ in members], np.int64)
        self._n = all_connections
        self._phones = tuple(connection.identity.phone for connection in self._members)
        self._version = self._members[0].identity.version
        self._serials = np.full(len(self._members), 10, np.int64)
        until_ms = plan.until_ms or time.time_ns() // 1_000_000
        self._first_ms = until_ms - rounds * 1_000
        rows = empty_rows(len(self._members))
        rows["lat_deg"] = 38.0 + (self._numbers % 1_000) * 0.002
        rows["lon_deg"] = 99.0 + (self._numbers // 1_000) * 0.02
        rows["mileage_m"] = 100_000
        rows["speed_dkmh"] = plan.speed_dkmh
        rows["heading_deg"] = 90
        rows["altitude_m"] = 1_350
        rows["status"] = 0x000C0003
        rows["alarm_flags"] = 0
        rows["flags"] = int(ReportFlag.POSITIONED | ReportFlag.ACC_KNOWN | ReportFlag.ACC_ON)
        self._rows: ReportRows = rows

    def send(self, first: int, last: int) -> None:
        """The frames of this group among numbers ``first`` to ``last`` of all: number mod n is the connection."""
        for begin in range(first, last, self._n):
            end = min(last, begin + self._n)
            turn = begin // self._n
            chosen = _between(self._numbers, begin % self._n, end - begin, self._n)
            if not len(chosen):
                continue
            rows = self._rows[chosen].copy()
            rows["key"] = np.arange(len(chosen))
            wrapped = self._numbers[chosen] < begin % self._n
            rows["fix_ms"] = self._first_ms + (turn + wrapped) * 1_000
            places = chosen.tolist()
            phones = [self._phones[place] for place in places]
            serials = self._serials[chosen]
            stream = encode_location_stream(
                rows, phones, self._version, serials=serials, extra_items=SIGNAL_AND_SATELLITES
            )
            self._serials[chosen] = serials
            now_s = time.perf_counter()
            for place, frame in zip(places, split_frames(stream), strict=True):
                connection = self._members[place]
                if connection.transport is not None:
                    connection.sent_s.append(now_s)
                    connection.transport.write(frame)


def _between(numbers: NDArray[np.int64], first: int, n: int, of: int) -> NDArray[np.int64]:
    """Places in ``numbers`` (ascending) of the ``n`` numbers from ``first`` on, going round at ``of``."""
    low, high = np.searchsorted(numbers, (first, min(first + n, of)))
    places = np.arange(low, high)
    if first + n > of:
        places = np.concatenate([places, np.arange(0, np.searchsorted(numbers, first + n - of))])
    return places


def _groups(connections: list[_Connection], plan: LoadPlan, total: int) -> list[_Group]:
    newer: list[tuple[int, _Connection]] = []
    older: list[tuple[int, _Connection]] = []
    for number, connection in enumerate(connections):
        (newer if connection.identity.version is Version.V2019 else older).append((number, connection))
    rounds = total // max(len(connections), 1) + 1
    return [_Group(members, plan, len(connections), rounds) for members in (older, newer) if members]


async def run(plan: LoadPlan, *, wait: bool = False) -> LoadResult:
    """Connect, hold where ``wait``, send, close; prints the result after connecting and at the end."""
    load = Load(plan)
    encode_location_stream(empty_rows(1), ("1",), Version.V2019)  # compiled before anybody waits for it
    gc.freeze()
    gc.disable()
    try:
        await load.connect()
        print(json.dumps({"phase": "connected", **asdict(load.result)}), flush=True)
        if wait:
            go_on = asyncio.Event()
            reading = asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
            reading.add_done_callback(lambda _: go_on.set())
            await load.hold(go_on)
        if plan.frames_per_s > 0 and load.result.authenticated:
            await load.send()
    finally:
        gc.enable()
        await load.close()
    print(json.dumps({"phase": "done", **asdict(load.result)}), flush=True)
    return load.result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in asdict(LoadPlan()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    parser.add_argument("--wait", action="store_true")
    given = vars(parser.parse_args())
    wait = given.pop("wait")
    uvloop.run(run(LoadPlan(**given), wait=wait))


if __name__ == "__main__":
    main()
