"""补报车辆静态信息 (0x9601): a lower platform is asked who a vehicle is whose positions it sends and nobody registered.

The answer (0x1601) enters the registry by the desk. Each vehicle is asked for once a day at most, a few at a time, so
that a platform which never answers is not pressed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from monitor.errors import DeliveryError
from monitor.model.beijing import DAY_MS
from monitor.model.fleet import PlateColor, Registry
from monitor.model.plate import CODE_OF_COLOR
from monitor.model.report import PLATE_PREFIX

log = logging.getLogger(__name__)

LOOK_S = 30.0
AT_ONCE = 20
"""Questions per look: 2,400 an hour (a guess)."""
_REMEMBERED = 200_000


class Asked(Protocol):
    """A link on which we are the upper platform."""

    @property
    def name(self) -> str: ...
    @property
    def up(self) -> bool: ...
    async def request_static(self, plate: str, color: int) -> int: ...


class StaticQuestions:
    """One per link. ``seen`` gives the keys of reports that came over it; ``registry`` the one in force."""

    def __init__(
        self,
        link: Asked,
        seen: Callable[[], Iterable[str]],
        registry: Callable[[], Registry | None],
        now_ms: Callable[[], int],
    ) -> None:
        self.asked = 0
        self._link = link
        self._seen = seen
        self._registry = registry
        self._now_ms = now_ms
        self._asked_ms: dict[str, int] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            if self._link.up:
                await self.ask()

    async def ask(self) -> None:
        """Ask for some of the vehicles that nobody knows."""
        now_ms = self._now_ms()
        for key in self._unknown(now_ms):
            color, _, plate = key[len(PLATE_PREFIX) :].partition(":")
            try:
                await self._link.request_static(plate, CODE_OF_COLOR[PlateColor(color)])
            except DeliveryError as error:
                log.info("link %s: vehicles are asked for later: %s", self._link.name, error)
                return
            self._asked_ms[key] = now_ms
            self.asked += 1
        while len(self._asked_ms) > _REMEMBERED:
            del self._asked_ms[next(iter(self._asked_ms))]

    def _unknown(self, now_ms: int) -> list[str]:
        registry = self._registry()
        found: list[str] = []
        for key in self._seen():
            if len(found) == AT_ONCE:
                break
            if not key.startswith(PLATE_PREFIX) or now_ms - self._asked_ms.get(key, -DAY_MS) < DAY_MS:
                continue
            color, _, plate = key[len(PLATE_PREFIX) :].partition(":")
            if plate and (registry is None or registry.by_plate(color, plate) is None):
                found.append(key)
        return found
