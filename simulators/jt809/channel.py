"""One TCP connection between two platforms, either of the two links."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt809 import Frame, FrameOutcome, Message, decode_frame, decode_position_stream
from monitor.errors import CodecError
from monitor.model.exchange import Channel
from monitor.model.report import ReportBatch
from simulators.jt809.settings import PlatformSettings

_READ_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Arrival:
    """A sound frame that came in and is no position."""

    channel: Channel
    frame: Frame

    @property
    def message(self) -> Message:
        return self.frame.message

    @property
    def sn(self) -> int:
        return self.frame.header.sn


@dataclass(frozen=True, slots=True)
class PositionArrival:
    """Positions that came in with one read. ``frames`` has dtype ``FRAME``: number, sub type and rows of each."""

    channel: Channel
    batch: ReportBatch
    frames: NDArray[np.void]


Take = Callable[[Arrival | PositionArrival], None]


class PlatformChannel:
    """Reads until the other side is gone, and writes whatever bytes it is given."""

    def __init__(
        self,
        which: Channel,
        settings: PlatformSettings,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        bad: Callable[[str], None],
    ) -> None:
        self.which = which
        self.open = True
        self.written_s = 0.0
        self._settings = settings
        self._reader = reader
        self._writer = writer
        self._bad = bad

    async def read(self, take: Take, now_ms: Callable[[], int]) -> None:
        """Hand over every sound frame, positions by the column; returns when the connection has ended."""
        rest = b""
        try:
            while data := await self._reader.read(_READ_BYTES):
                rest += data
                rest = rest[self._decode(rest, take, now_ms()) :]
        except ConnectionError:
            pass
        finally:
            self.open = False
            self._writer.close()

    def _decode(self, data: bytes, take: Take, recv_ms: int) -> int:
        settings = self._settings
        found = decode_position_stream(data, version=settings.version, cipher=settings.cipher, recv_ms=recv_ms)
        frames = found.frames
        outcomes = frames["outcome"]
        others = outcomes == FrameOutcome.OTHER_MESSAGE
        for start, end in zip(frames["start"][others].tolist(), frames["end"][others].tolist(), strict=True):
            try:
                frame = decode_frame(data[start:end], settings.version, settings.cipher)
            except CodecError as error:
                self._bad(error.reason)
            else:
                take(Arrival(self.which, frame))
        for outcome in outcomes[outcomes >= FrameOutcome.OVERSIZE].tolist():
            self._bad(FrameOutcome(outcome).reason)
        if len(found.batch):
            take(PositionArrival(self.which, found.batch, frames[~others]))
        return found.consumed

    def write(self, data: bytes) -> None:
        if self.open:
            self.written_s = asyncio.get_running_loop().time()
            self._writer.write(data)

    async def drain(self) -> None:
        """Wait until the other side has taken most of what was written."""
        if self.open:
            with contextlib.suppress(ConnectionError):
                await self._writer.drain()

    def close(self) -> None:
        self._writer.close()

    async def closed(self) -> None:
        """Break it where it is still open, and wait until it is gone."""
        self.abort()
        with contextlib.suppress(ConnectionError):
            await self._writer.wait_closed()

    def abort(self) -> None:
        """Break it; what was not sent is gone."""
        self.open = False
        self._writer.transport.abort()
