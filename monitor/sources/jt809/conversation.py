"""One connection of a channel: its session, its bytes, and what is to be done about both."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Protocol

from monitor.codec.jt809 import Cipher, Frame
from monitor.model.exchange import Channel
from monitor.sources.intake import Intake
from monitor.sources.jt809.counts import LinkCounts
from monitor.sources.jt809.inbound import FrameReader, Inbound
from monitor.sources.jt809.session import Do, Heard, Session, Side, State
from monitor.sources.jt809.settings import Jt809LinkSettings
from monitor.sources.jt809.wire import Wire

log = logging.getLogger(__name__)

LOGIN_BYTES: Final = 4 * 1024
"""Before the log-in no more than this is read (guess; a log-in has at most 168 bytes, all of them escaped)."""
_GARBAGE_BYTES: Final = 4 * 1024 * 1024
"""Bytes without one sound frame after which a peer is dropped, however few pieces they make (guess)."""
_TICK_S: Final = (0.01, 1.0)
"""Shortest and longest wait for the next look at the session's times."""
_NEVER_SPOKEN: Final = "nothing sound was sent"


class Party(Protocol):
    """Whose connection it is."""

    def interpret(self, conversation: Conversation, frame: Frame) -> Heard:
        """What a message means to the session."""

    def perform(self, conversation: Conversation, action: Do, frame: Frame | None) -> None:
        """Send what an action asks for; ``CHECK_LOGIN`` ends with ``conversation.step``."""

    def went_up(self, conversation: Conversation) -> None: ...

    def went_down(self, conversation: Conversation) -> None: ...

    async def take(self, conversation: Conversation, frame: Frame) -> None:
        """A message that is the app's business."""

    async def deliver(self, intake: Intake) -> None: ...

    def seen(self, inbound: Inbound) -> None:
        """For the counters of received numbers."""


class Conversation:
    """``run`` from the moment of the connection to its end. ``reason`` then says, in one word, why it ended."""

    def __init__(
        self,
        party: Party,
        channel: Channel,
        side: Side,
        wire: Wire,
        settings: Jt809LinkSettings,
        cipher: Cipher | None,
        counts: LinkCounts,
        now_ms: Callable[[], int],
    ) -> None:
        self.channel = channel
        self.wire = wire
        self.reason = ""
        self.ended = asyncio.Event()
        self.received_bytes = 0
        self.session = Session(
            side,
            heartbeat_ms=int(settings.heartbeat_s * 1_000),
            dead_ms=int(settings.dead_s * 1_000),
            login_ms=int(settings.login_s * 1_000),
        )
        self._party = party
        self._settings = settings
        self._counts = counts
        self._now_ms = now_ms
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader(settings.feed, wire.peer, settings.version, cipher)
        self._bad_run = 0
        self._bad_bytes = 0
        wire.watch(self._arrived)

    @property
    def up(self) -> bool:
        return self.session.state is State.UP

    async def run(self, first: bytes = b"") -> str:
        """Until the connection has ended; ``first`` is what was read of it before. Returns ``reason``."""
        async with asyncio.TaskGroup() as tasks:
            self.step(Heard.OPENED)
            ticker = tasks.create_task(self._tick(), name=f"jt809 {self._settings.name} {self.channel} clock")
            try:
                await self._converse(first)
            finally:
                self.step(Heard.LOST)
                self.wire.close(self.reason)
                try:
                    await self.wire.gone(min(self._settings.write_s, self._settings.login_s))
                finally:
                    ticker.cancel()
                    self.ended.set()
        return self.reason

    async def _converse(self, first: bytes) -> None:
        if first:
            await self._receive(first)
        while self.session.state is not State.CLOSED:
            enough = self._settings.batch_bytes if self.up else LOGIN_BYTES
            data = await self.wire.read(enough=enough, linger_s=self._settings.linger_ms / 1_000)
            await self._receive(data, final=not data)
            if not data:
                return

    def step(self, heard: Heard, frame: Frame | None = None) -> tuple[Do, ...]:
        """Tell the session, and do what it says."""
        actions = self.session.heard(heard, self._time_ms())
        self._perform(heard, actions, frame)
        return actions

    def write(self, data: bytes) -> None:
        self.wire.write(data)
        self.session.sent(self._time_ms())

    def leave(self, reason: str) -> None:
        """End it in good order, as far as the procedure has one."""
        self.reason = self.reason or reason
        self.step(Heard.LEAVE)

    def cut(self, reason: str) -> None:
        """End it at once."""
        self.reason = self.reason or reason
        self.step(Heard.LOST)
        self.wire.abort(reason)

    def _perform(self, heard: Heard, actions: tuple[Do, ...], frame: Frame | None) -> None:
        if self.session.state is State.CLOSED and not self.reason:
            self.reason = heard.value
        for action in actions:
            if action is Do.GO_UP:
                self.wire.set_most_bytes(2 * self._settings.batch_bytes)
                self._party.went_up(self)
            elif action is Do.GO_DOWN:
                self._party.went_down(self)
            elif action is Do.CLOSE:
                self.wire.close(self.reason)
            elif action is Do.IGNORE:
                self._counts.ignored += 1
            elif action is not Do.TAKE:
                self._party.perform(self, action, frame)

    async def _receive(self, data: bytes, *, final: bool = False) -> None:
        inbound = self._reader.take(data, self._now_ms(), final=final)
        trusted = self.session.state in (State.UP, State.LEAVING)
        taken: list[Frame] = []
        for frame in inbound.others:
            if self.session.state is State.CLOSED:
                break
            if Do.TAKE in self.step(self._party.interpret(self, frame), frame):
                taken.append(frame)
            trusted = trusted or self.up
        if not trusted:
            self._distrust(inbound)
            return
        self._counts.bytes_in += len(data)
        self._counts.frames_in += inbound.n_sound
        self._counts.rejects += len(inbound.decoded.rejects)
        self._counts.positions_in += len(inbound.decoded.batch)
        self._party.seen(inbound)
        if len(inbound.decoded.batch) or inbound.decoded.outcomes:
            decoded, n_frames = inbound.decoded, inbound.n_position_frames
            await self._party.deliver(Intake(self._settings.feed, [], _no_ack, decoded=decoded, n_frames=n_frames))
        for frame in taken:
            await self._party.take(self, frame)
        self._judge(inbound, len(data))

    def _distrust(self, inbound: Inbound) -> None:
        """Bytes before the log-in: nothing of them is kept, and anything else than a log-in ends the connection."""
        if inbound.n_position_frames:
            self.step(Heard.TRAFFIC)
        elif inbound.decoded.rejects or self._reader.waiting > LOGIN_BYTES:
            self._counts.garbage_peers += 1
            self.step(Heard.GARBAGE)

    def _judge(self, inbound: Inbound, n_bytes: int) -> None:
        """Drop a peer that sends garbage only."""
        sound = inbound.n_sound > 0
        self._bad_run = inbound.bad_run if sound else self._bad_run + inbound.bad_run
        self._bad_bytes = 0 if sound else self._bad_bytes + n_bytes
        if self._bad_run >= self._settings.garbage_frames or self._bad_bytes > _GARBAGE_BYTES:
            self._counts.garbage_peers += 1
            log.warning("link %s: %s dropped: %s", self._settings.name, self.wire.peer, _NEVER_SPOKEN)
            self.step(Heard.GARBAGE)

    async def _tick(self) -> None:
        shortest_s, longest_s = _TICK_S
        longest_s = min(longest_s, self._settings.heartbeat_s / 4, self._settings.login_s / 4)
        while (due_ms := self.session.next_ms()) is not None:
            wait_s = (due_ms - self._time_ms()) / 1_000
            await asyncio.sleep(min(max(wait_s, shortest_s), longest_s))
            if self.wire.held_off:
                # The peer is silent because we do not read.
                self.session.received(self._time_ms())
            heard, actions = self.session.tick(self._time_ms())
            self._perform(heard, actions, None)
        await self.wire.gone(self._settings.login_s)

    def _arrived(self, n_bytes: int) -> None:
        self.received_bytes += n_bytes
        self.session.received(self._time_ms())

    def _time_ms(self) -> int:
        return int(self._loop.time() * 1_000)


def _no_ack() -> None:
    """A position needs no answer."""
