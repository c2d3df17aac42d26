"""Ten thousand terminals in one process, driving what a scenario wrote down.

One task turns a time wheel; what is due in a turn is encoded by the column and written terminal by terminal. There is
no task and no timer per terminal. A terminal without a connection stores what it drives and sends it, as soon as it is
back, before anything live.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.encode import encode_location_stream
from monitor.codec.jt808.header import Version
from monitor.errors import ConfigError
from monitor.model.backoff import Backoff
from monitor.model.fleet import Vehicle
from monitor.model.report import UNKNOWN, ReportBatch, ReportRows, empty_rows
from simulators.jt808.fleet_terminal import FleetTerminal
from simulators.jt808.identity import EVERY_VERSION, identities
from simulators.jt808.misbehaviour import MisbehaviourProfile
from simulators.jt808.sent_log import SentLog
from simulators.jt808.sockets import make_room_for, source_address
from simulators.jt808.statistics import FleetStatistics
from simulators.jt808.wheel import Wheel
from simulators.jt808.wire import split_frames
from simulators.present import Times, moved

log = logging.getLogger(__name__)

LEFT_S = 1.0
"""After the last report: how often terminals send again what was refused; a guess."""


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """How a fleet behaves. ``connections`` 0: one terminal per vehicle; more: the rest only sends heartbeats."""

    host: str = "127.0.0.1"
    port: int = 6808
    connections: int = 0
    versions: Mapping[Version, float] = field(default_factory=lambda: dict(EVERY_VERSION))
    speed: float = 1.0
    times: Times = Times.SCENARIO
    heartbeat_s: float = 60.0
    timeout_s: float = 10.0
    retries: int = 3
    backoff_first_s: float = 1.0
    backoff_most_s: float = 60.0
    connect_per_s: float = 1_000.0
    connecting: int = 200  # at the same time, at most
    addresses: int = 8
    tick_s: float = 0.05
    linger_s: float = 30.0  # at the end, for the last answers
    misbehaviour: MisbehaviourProfile = field(default_factory=MisbehaviourProfile)
    seed: int = 1


class TerminalFleet:
    """``run`` once. ``terminals`` are in the order of ``batch.keys``; ``statistics`` and ``sent`` fill up meanwhile."""

    def __init__(
        self,
        settings: FleetSettings,
        batch: ReportBatch,
        vehicles: tuple[Vehicle, ...] = (),
        *,
        now_ms: Callable[[], int] | None = None,
    ) -> None:
        if settings.speed <= 0:
            raise ConfigError(path="simulate", problems=(("speed", "is above 0"),))
        self.settings = settings
        self.heartbeat_s = settings.heartbeat_s
        self.statistics = FleetStatistics()
        self.stopping = False
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        batch = moved(batch, settings.times, self._now_ms(), settings.speed)
        rows = batch.rows[np.argsort(batch.rows["recv_ms"], kind="stable")]
        n = settings.connections or len(batch.keys)
        kept = make_room_for(n)
        self.log = SentLog(rows[rows["key"] < kept])
        self._drivers = batch.drivers
        self._due_ms: NDArray[np.int64] = np.ascontiguousarray(self.log.rows["recv_ms"])
        self._card = _card_changes(self.log.rows)
        self._place = 0
        self._serials = np.zeros(max(kept, 1), np.int64)
        self._wheel = Wheel(time.perf_counter(), settings.tick_s)
        self._dialled: deque[FleetTerminal] = deque()
        self._allowed = 0.0
        self._connecting = 0
        self._tasks: asyncio.TaskGroup | None = None
        self.terminals = self._terminals(batch, vehicles, kept)
        self._phones = tuple(terminal.identity.phone for terminal in self.terminals)

    def _terminals(self, batch: ReportBatch, vehicles: tuple[Vehicle, ...], n: int) -> tuple[FleetTerminal, ...]:
        settings = self.settings
        who = identities(batch.keys, vehicles, n=n, shares=settings.versions, seed=settings.seed)
        how = settings.misbehaviour.assigned(n, settings.seed)
        return tuple(
            FleetTerminal(
                who[number],
                settings.host,
                settings.port,
                local=source_address(settings.host, number, settings.addresses),
                timeout_s=settings.timeout_s,
                retries=settings.retries,
                misbehaviours=how[number],
                seed=settings.seed,
                log=self.log,
                statistics=self.statistics,
                serials=self._serials[number : number + 1],
                now_ms=self._now_ms,
                after=self._wheel.after,
            )
            for number in range(n)
        )

    @property
    def sent(self) -> ReportBatch:
        """Every report in the order first sent, as the wire carried it; ``recv_ms`` is when it was first sent."""
        return self.log.batch(self._phones, self._drivers)

    @property
    def done(self) -> bool:
        """Whether everything was driven, sent and answered, but for terminals that are never let in."""
        if self._place < len(self._due_ms):
            return False
        return not any((terminal.stored or terminal.waiting) and not terminal.shut_out for terminal in self.terminals)

    async def run(self, stop: asyncio.Event | None = None) -> FleetStatistics:
        """Drive until all reports are answered (``linger_s`` after the last one at most), or until ``stop``."""
        stop = stop or asyncio.Event()
        settings = self.settings
        encode_location_stream(empty_rows(1), ("1",), Version.V2019)  # compiled before anybody waits for it
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            chance = Random(f"{settings.seed}/backoff")
            for terminal in self.terminals:
                backoff = Backoff(settings.backoff_first_s, settings.backoff_most_s, Random(chance.random()))
                terminal.enter(self, backoff)
            try:
                await self._drive(stop)
            finally:
                self.stopping = True
                self._dialled.clear()
        for terminal in self.terminals:
            await terminal.close()
        return self.statistics

    def cut(self, share: float = 1.0) -> int:
        """Break the connections of the first terminals, as a base station going down would; how many."""
        n = 0
        for terminal in self.terminals[: round(share * len(self.terminals))]:
            if terminal.connected:
                terminal.cut()
                n += 1
        return n

    def online(self) -> int:
        """Terminals that are logged in."""
        return sum(terminal.ready for terminal in self.terminals)

    # -- for the terminals ---------------------------------------------------------------------------------------

    def dial(self, terminal: FleetTerminal) -> None:
        self._dialled.append(terminal)

    def foreign_code(self, terminal: FleetTerminal) -> str:
        others = (other for other in self.terminals if other is not terminal and other.identity.auth_code)
        return next((other.identity.auth_code for other in others), "")

    # -- inside --------------------------------------------------------------------------------------------------

    async def _drive(self, stop: asyncio.Event) -> None:
        settings = self.settings
        began_s = time.perf_counter()
        first_ms = int(self._due_ms[0]) if len(self._due_ms) else 0
        over_s: float | None = None
        left_s = 0.0
        while not stop.is_set():
            now_s = time.perf_counter()
            self._wheel.advance(now_s)
            self._send_until(first_ms + int((now_s - began_s) * settings.speed * 1000))
            self._connect()
            if self._place == len(self._due_ms) and len(self._due_ms):
                if over_s is None:
                    over_s = left_s = now_s
                if now_s - left_s > LEFT_S:
                    left_s = now_s
                    for terminal in self.terminals:
                        terminal.send_what_is_left()
                if self.done or now_s - over_s > settings.linger_s:
                    return
            spent_s = time.perf_counter() - now_s
            try:
                await asyncio.wait_for(stop.wait(), max(settings.tick_s - spent_s, 0.001))
            except TimeoutError:
                continue

    def _send_until(self, until_ms: int) -> None:
        """Everything due by the simulated time ``until_ms``."""
        last = int(np.searchsorted(self._due_ms, until_ms, side="right"))
        while self._place < last:
            begin = self._place
            # At most one report per terminal and piece, so that serials can be counted by the column.
            end = min(last, begin + max(len(self.terminals), 1))
            keys = self.log.rows["key"][begin:end]
            _, firsts = np.unique(keys, return_index=True)
            if len(firsts) < len(keys):
                seen: set[int] = set()
                for place, key in enumerate(keys.tolist()):
                    if key in seen:
                        end = begin + place
                        break
                    seen.add(key)
            self._send_piece(begin, end)
            self._place = end

    def _send_piece(self, begin: int, end: int) -> None:
        live: dict[bool, list[int]] = defaultdict(list)
        keys = self.log.rows["key"][begin:end].tolist()
        cards = self._card[begin:end].tolist()
        for place, (key, card) in enumerate(zip(keys, cards, strict=True)):
            terminal = self.terminals[key]
            if card:
                row = self.log.rows[begin + place]
                terminal.card_changed(self._drivers[int(row["driver"])], int(row["fix_ms"]))
            if terminal.ready:
                live[terminal.identity.version is Version.V2019].append(begin + place)
            else:
                terminal.drove(begin + place)
        for newer, numbers in live.items():
            rows: ReportRows = self.log.rows[numbers]
            owners = rows["key"].tolist()
            rows["key"] = np.arange(len(rows))
            serials = self._serials[owners]
            stream = encode_location_stream(
                rows,
                [self._phones[owner] for owner in owners],
                Version.V2019 if newer else Version.V2013,
                serials=serials.copy(),
            )
            self._serials[owners] = (serials + 1) & 0xFFFF
            for number, owner, serial, frame in zip(
                numbers, owners, serials.tolist(), split_frames(stream), strict=True
            ):
                self.terminals[owner].live(number, serial, frame)

    def _connect(self) -> None:
        settings = self.settings
        self._allowed = min(self._allowed + settings.connect_per_s * settings.tick_s, settings.connect_per_s)
        while self._dialled and self._allowed >= 1 and self._connecting < settings.connecting:
            self._allowed -= 1
            self._connecting += 1
            assert self._tasks is not None
            self._tasks.create_task(self._connect_one(self._dialled.popleft()), name="connect terminal")

    async def _connect_one(self, terminal: FleetTerminal) -> None:
        try:
            async with asyncio.timeout(self.settings.timeout_s):
                await terminal.connect()
        except (OSError, TimeoutError) as error:
            log.debug("terminal %s: no connection (%s)", terminal.identity.phone, error)
            terminal.on_failed()
        else:
            self.statistics.reconnects += terminal.was_connected
            terminal.was_connected = True
            terminal.on_connected()
        finally:
            self._connecting -= 1


def _card_changes(rows: ReportRows) -> NDArray[np.bool_]:
    """Whether a report names another driver than the one before it of the same vehicle."""
    out = np.zeros(len(rows), bool)
    order = np.lexsort((np.arange(len(rows)), rows["key"]))
    drivers, keys = rows["driver"][order], rows["key"][order]
    named = drivers != UNKNOWN
    changed = np.ones(len(rows), bool)
    changed[1:] = (drivers[1:] != drivers[:-1]) | (keys[1:] != keys[:-1])
    out[order] = changed & named
    return out
