"""A lower platform that drives a scenario: registers its vehicles, sends positions when their time comes.

While no link is up positions are kept, and after the log-in they go out as 0x1203 before anything live. The scenario's
times stay as they are.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import numpy as np

from monitor.codec.jt809 import UpRegister
from monitor.errors import ConfigError
from monitor.model.backoff import Backoff
from monitor.model.exchange import Channel
from monitor.model.fleet import PlateColor, Vehicle
from monitor.model.plate import CODE_OF_COLOR
from monitor.model.report import ReportBatch, ReportRows
from simulators.jt809.lower import SimulatedLower
from simulators.jt809.platform import NotConnectedError

log = logging.getLogger(__name__)

TICK_S = 0.1
"""How often due positions are looked for; a guess."""


class LowerPlayer:
    """Plays a batch over a lower platform. ``position`` is the first report not yet sent, ``backfilled`` counts."""

    def __init__(
        self, lower: SimulatedLower, batch: ReportBatch, vehicles: Sequence[Vehicle], *, speed: float = 1.0
    ) -> None:
        if speed <= 0:
            raise ConfigError(path="simulate", problems=(("speed", "is above 0"),))
        self.lower = lower
        self.rows: ReportRows = batch.rows[np.argsort(batch.rows["recv_ms"], kind="stable")]
        self.position = 0
        self.backfilled = 0
        self.refused = -1
        """Result of a log-in that was refused; -1 = none was."""
        self._speed = speed
        self._plates, self._colors, self._phones = _vehicles(batch.keys, vehicles)

    @property
    def done(self) -> bool:
        return self.position >= len(self.rows)

    async def play(self, stop: asyncio.Event | None = None) -> int:
        """Send until done, until ``stop``, or until a log-in is refused; how many positions went out."""
        stop = stop or asyncio.Event()
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        first_ms = int(self.rows["recv_ms"][0]) if len(self.rows) else 0
        backoff = Backoff(0.5, 10.0)
        while not (self.done or stop.is_set()):
            if not any(self.lower.up(which) for which in Channel):
                if not await self._log_in():
                    if self.refused >= 0:
                        return self.position
                    await _wait(stop, backoff.next_s())
                    continue
                backoff.reset()
                # What came due without a link is no longer live.
                await self._send(self._due(first_ms, loop.time() - began_s), backfill=True)
            await self._send(self._due(first_ms, loop.time() - began_s), backfill=False)
            await _wait(stop, TICK_S)
        return self.position

    def _due(self, first_ms: int, elapsed_s: float) -> int:
        return int(np.searchsorted(self.rows["recv_ms"], first_ms + elapsed_s * self._speed * 1000, side="right"))

    async def _log_in(self) -> bool:
        try:
            result = await self.lower.connect()
        except (OSError, TimeoutError, NotConnectedError) as error:
            log.warning("no main link: %s", error)
            return False
        if result:
            log.warning("the upper platform refused the log-in with result %d", result)
            self.refused = result
            return False
        for plate, color, phone in zip(self._plates, self._colors, self._phones, strict=True):
            settings = self.lower.settings
            self.lower.say(
                UpRegister(
                    plate=plate,
                    plate_color=color,
                    platform_id=settings.platform_id,
                    producer_id="SIMUL",
                    model="SIM-808",
                    terminal_id=phone[-7:],
                    phone=phone,
                )
            )
        return True

    async def _send(self, until: int, *, backfill: bool) -> None:
        rows = self.rows[self.position : until]
        if not len(rows):
            return
        if backfill:
            rows = rows[np.lexsort((rows["fix_ms"], rows["key"]))]
        sent = await self.lower.send_positions(rows, self._plates, self._colors, backfill=backfill)
        if backfill and sent < len(rows):
            return  # in another order than by time: all of them again
        self.position += sent
        self.backfilled += sent if backfill else 0


def _vehicles(keys: Sequence[str], vehicles: Sequence[Vehicle]) -> tuple[list[str], list[int], list[str]]:
    """Plate, colour code and phone of each key; what no registry knows gets a plate beginning with 测Z."""
    known = {vehicle.vehicle_id: vehicle for vehicle in vehicles}
    plates, colors, phones = [], [], []
    for number, key in enumerate(keys):
        vehicle = known.get(key)
        plates.append((vehicle.plate if vehicle else None) or f"测Z{number:05d}")
        color = (vehicle.plate_color if vehicle else None) or PlateColor.YELLOW
        colors.append(CODE_OF_COLOR[color])
        phones.append((vehicle.terminal_phone if vehicle else None) or f"1999{number:08d}")
    return plates, colors, phones


async def _wait(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
