"""What both sides do alike: speak, listen, remember everything for whoever asserts."""

from __future__ import annotations

import asyncio
import random
import time
from abc import ABC, abstractmethod
from collections import Counter, deque
from collections.abc import Callable
from typing import TypeVar

from monitor.codec.jt809 import Message, Version, decode_position_stream, encode_frame, encode_positions
from monitor.codec.jt809.platforms import DownRetransmitRequest, UpRetransmitRequest
from monitor.model.exchange import Channel
from monitor.model.report import ReportBatch, concatenate, empty_rows
from simulators.jt809.channel import Arrival, PlatformChannel, PositionArrival
from simulators.jt809.counters import Counters
from simulators.jt809.settings import PlatformSettings

_KEPT_FRAMES = 10_000
"""Frames kept to be asked for again (2019); a guess."""
_ACCEPTING = 5
"""Turns of the event loop until a connection that is being accepted has reached its handler."""

M = TypeVar("M", bound=Message)


class NotConnectedError(ConnectionError):
    """There is no link to say it on."""


class SimulatedPlatform(ABC):
    """One side of a link. ``received`` has every sound frame that is no position in the order it came, ``batches`` the
    positions as they were read; ``bad`` counts the other frames by reason.

    ``silent`` reads and never writes, of its own accord or by hand. ``by_hand`` are kinds of messages that are left for
    the test to answer; everything else is answered at once.
    """

    FIRST: Channel
    """The link that its messages take while it is up."""

    def __init__(self, settings: PlatformSettings, *, seed: int = 1, now_s: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self.received: list[Arrival] = []
        self.bad: Counter[str] = Counter()
        self.silent = False
        self.by_hand: set[type[Message]] = set()
        self.channels: dict[Channel, PlatformChannel] = {}
        self.counters = Counters(settings.version)
        self.batches: list[PositionArrival] = []
        self.n_positions = 0
        self.keep_positions = True
        self._kept: deque[tuple[int, int, bytes]] = deque(maxlen=_KEPT_FRAMES)
        self._chance = random.Random(f"{seed}/{settings.access_code}")
        self._now_s = now_s
        self._came = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._opened: set[PlatformChannel] = set()

    # -- speaking ------------------------------------------------------------------------------------------------

    def say(self, message: Message, channel: Channel | None = None) -> int:
        """Send a message on a link (the usual one that is up, if not given); its sequence number.

        Raises NotConnectedError.
        """
        link = self._link(channel)
        kind = message.sub_type or message.msg_id
        sn = self.counters.take(kind)
        frame = self.frame(message, sn)
        self._kept.append((kind, sn, frame))
        if not self.silent:
            link.write(frame)
        return sn

    def say_if_up(self, message: Message) -> None:
        """Send a message if any link is up."""
        if any(self.up(which) for which in Channel):
            self.say(message)

    def frame(self, message: Message, sn: int) -> bytes:
        """The bytes of a message, encrypted where the settings say so."""
        settings = self.settings
        return encode_frame(
            message,
            version=settings.version,
            access_code=settings.access_code,
            sn=sn,
            cipher=settings.cipher if settings.encrypt else None,
            key=self._chance.getrandbits(32) if settings.encrypt else 0,
            version_flag=settings.version_flag,
            time_s=int(self._now_s()) if settings.version is Version.V2019 else 0,
        )

    def write(self, data: bytes, channel: Channel | None = None) -> None:
        """Any bytes at all. Raises NotConnectedError."""
        self._link(channel).write(data)

    def garbage(self, size: int = 60, channel: Channel | None = None) -> None:
        """Random bytes between delimiters."""
        noise = self._chance.randbytes(size).replace(b"\x5b", b"\0").replace(b"\x5d", b"\0")
        self.write(b"\x5b" + noise + b"\x5d", channel)

    def bad_crc(self, message: Message, channel: Channel | None = None) -> None:
        """A message whose checksum is wrong; its number is used up."""
        kind = message.sub_type or message.msg_id
        frame = self.frame(message, self.counters.take(kind))
        # A letter in front of the checksum, changed into one that needs no escape either.
        place = next(at for at in range(len(frame) - 6, 0, -1) if frame[at] not in b"\x5a\x5b\x5d\x5e\x01\x02")
        wrong = 0x33 if frame[place] != 0x33 else 0x34
        self.write(frame[:place] + bytes([wrong]) + frame[place + 1 :], channel)

    def half(self, message: Message, channel: Channel | None = None) -> None:
        """The first half of a message."""
        frame = self.frame(message, self.counters.take(message.sub_type or message.msg_id))
        self.write(frame[: len(frame) // 2], channel)

    def cut(self, channel: Channel | None = None) -> None:
        """Break one link, or both."""
        for which in [channel] if channel else list(self.channels):
            link = self.channels.pop(which, None)
            if link is not None:
                link.abort()

    # -- listening -----------------------------------------------------------------------------------------------

    def all_of(self, kind: type[M]) -> list[M]:
        """Messages of a kind, in the order they came."""
        return [arrival.message for arrival in self.received if isinstance(arrival.message, kind)]

    def positions(self) -> ReportBatch:
        """Every position that came, keys ``plate:<colour>:<plate>``."""
        return concatenate([arrival.batch for arrival in self.batches])

    async def expect(self, kind: type[M], count: int = 1, timeout_s: float | None = None) -> M:
        """Wait for the ``count``-th message of a kind since the start. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s or self.settings.timeout_s):
            while len(found := self.all_of(kind)) < count:
                self._came.clear()
                await self._came.wait()
        return found[count - 1]

    async def until(self, condition: Callable[[], bool], timeout_s: float | None = None) -> None:
        """Wait until something is so after a frame came. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s or self.settings.timeout_s):
            while not condition():
                self._came.clear()
                await self._came.wait()

    def up(self, channel: Channel) -> bool:
        link = self.channels.get(channel)
        return link is not None and link.open

    async def until_up(self, channel: Channel, timeout_s: float | None = None) -> None:
        """Wait until a link is up. Raises TimeoutError."""
        await self.until(lambda: self.up(channel), timeout_s)

    # -- inside --------------------------------------------------------------------------------------------------

    @abstractmethod
    def answer(self, arrival: Arrival) -> None:
        """What this side does about a message."""

    def take(self, arrival: Arrival | PositionArrival) -> None:
        """Remember what came, and answer it."""
        if isinstance(arrival, PositionArrival):
            self.n_positions += len(arrival.batch)
            if self.keep_positions:
                self.batches.append(arrival)
            self._came.set()
            return
        self.received.append(arrival)
        self._came.set()
        if isinstance(arrival.message, UpRetransmitRequest | DownRetransmitRequest):
            self._send_again(arrival.message)
        elif type(arrival.message) not in self.by_hand:
            self.answer(arrival)

    def now_ms(self) -> int:
        return int(self._now_s() * 1000)

    def count_bad(self, reason: str) -> None:
        self.bad[reason] += 1
        self._came.set()

    def reply(self, to: Arrival, message: Message) -> int:
        """Answer on the link that the message came on."""
        return self.say(message, to.channel) if self.up(to.channel) else -1

    def background(self, work: asyncio.Task[None]) -> None:
        """Keep a task until it is done."""
        self._tasks.add(work)
        work.add_done_callback(self._tasks.discard)

    def channel(self, which: Channel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> PlatformChannel:
        """A connection of this platform, closed with it."""
        link = PlatformChannel(which, self.settings, reader, writer, self.count_bad)
        self._opened.add(link)
        return link

    def warm_up(self) -> None:
        """Compile what positions need, before anybody waits for it."""
        settings, row = self.settings, empty_rows(1)
        frame = encode_positions(row, ("测A00001",), (2,), version=settings.version, access_code=0, first_sn=0)
        decode_position_stream(frame, version=settings.version, cipher=settings.cipher)

    async def end(self, server: asyncio.Server | None) -> None:
        """Stop listening and everything under way, and close every connection."""
        if server is not None:
            # A server that is closed while it accepts a connection leaves it open for good.
            for _ in range(_ACCEPTING):
                await asyncio.sleep(0)
            server.close()
        self.cut()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for link in self._opened:
            await link.closed()

    async def beat(self, channel: Channel, message: Message) -> None:
        """A heartbeat on a link whenever nothing was written for ``heartbeat_s``, as long as it is up."""
        heartbeat_s = self.settings.heartbeat_s
        while heartbeat_s > 0 and self.up(channel):
            link = self.channels[channel]
            idle_s = asyncio.get_running_loop().time() - link.written_s
            if idle_s >= heartbeat_s:
                self.say(message, channel)
                idle_s = 0.0
            await asyncio.sleep(heartbeat_s - idle_s)

    def _link(self, channel: Channel | None) -> PlatformChannel:
        order = [channel] if channel else [self.FIRST, *(one for one in Channel if one is not self.FIRST)]
        for which in order:
            if self.up(which):
                return self.channels[which]
        raise NotConnectedError(f"no link is up to say it on ({', '.join(order)})")

    def _send_again(self, request: UpRetransmitRequest | DownRetransmitRequest) -> None:
        """0x1303, 0x9303: the frames of a sub type again, with their numbers."""
        for kind, sn, frame in list(self._kept):
            if kind == request.data_type and request.first_sn <= sn <= request.last_sn:
                self.write(frame)
