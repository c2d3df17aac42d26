"""Whether the machine's clock can be believed: it is held against the monotonic clock.

A wall clock that jumps by more than ``core.clock_jump_s`` either way is not followed: the time goes on from the last
moment that made sense, by the monotonic clock, until the clock comes back or a person says that it is right
(``monitor clock accept``). Receive times, and with them the engine clock, keep their course meanwhile; ticks are not
written. Smaller steps are followed as they come. A machine that slept has not jumped: the monotonic clock counts sleep
where the system has one that does. A start takes the clock as it finds it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

import msgspec

from monitor.app.wall_clock import now_ms
from monitor.console.commands import Command, Handler, Reply, reply
from monitor.model.beijing import iso

log = logging.getLogger(__name__)

SANE_FROM_MS = 1_704_067_200_000
"""2024-01-01: a clock before this was never set (the program is younger)."""

ACCEPT = "clock.accept"
SHOW = "clock.show"

_SLEW_PER_S = 1.0 / 60.0
"""How fast the two clocks may drift apart without being a jump: far above what time services do (0.0005), so that steps
are forgotten within hours (a guess)."""
_BACK_MS = 60_000
"""A step back below this is not worth a word: time services make such steps."""


def monotonic_s() -> float:
    """Seconds that only go forward, sleep of the machine included where the system counts it."""
    boottime = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boottime is None else time.clock_gettime(boottime)


class ClockState(msgspec.Struct, frozen=True):
    """What the core makes of the clock; times ISO 8601. ``failure`` is empty while the clock is believed."""

    wall: str
    used: str
    apart_s: float
    refused: bool
    failure: str


class ClockWatch:
    """The clock of the core. ``now_ms`` may be called from any thread; ``look`` about once a second from one."""

    def __init__(
        self,
        jump_s: float,
        wall_ms: Callable[[], int] = now_ms,
        steady_s: Callable[[], float] = monotonic_s,
    ) -> None:
        self._jump_ms = jump_s * 1000
        self._wall_ms = wall_ms
        self._steady_s = steady_s
        self._course_ms = self._ahead_ms()
        """The wall clock less the monotonic one, as it should be."""
        self._looked_s = steady_s()
        self._latest_ms = wall_ms()
        self._told = False

    def now_ms(self) -> int:
        """UTC epoch ms: the wall clock, or after a jump the time as it would have gone on."""
        steady_ms = self._steady_s() * 1000
        wall_ms = self._wall_ms()
        if self._jumped(wall_ms - steady_ms):
            return int(self._course_ms + steady_ms)
        return wall_ms

    @property
    def refused(self) -> bool:
        """Whether the wall clock is not followed."""
        return self._jumped(self._ahead_ms())

    @property
    def failure(self) -> str:
        """Why the clock is not believed, or what its step back means; empty where all is well."""
        wall_ms, used_ms = self._wall_ms(), self.now_ms()
        if used_ms < SANE_FROM_MS:
            return f"the machine's clock says {iso(used_ms)}; set it"
        if self.refused:
            way = "forward" if wall_ms > used_ms else "back"
            return (
                f"the machine's clock went {way} to {iso(wall_ms)} where {iso(used_ms)} was expected; it is not "
                "followed and no tick is written: put it right, or say `monitor clock accept` if it is right now"
            )
        if wall_ms < self._latest_ms - _BACK_MS:
            return (
                f"the machine's clock went back from {iso(self._latest_ms)} to {iso(wall_ms)}; "
                "the engine's clock stands still until then"
            )
        return ""

    def look(self) -> None:
        """Follow small differences, and say it once when a large one comes or goes."""
        ahead_ms, steady_s = self._ahead_ms(), self._steady_s()
        refused = self._jumped(ahead_ms)
        if refused != self._told:
            if refused:
                log.error("clock: %s", self.failure)
            else:
                log.warning("clock: the machine's clock is back at %s and followed again", iso(self._wall_ms()))
            self._told = refused
        if not refused:
            most_ms = max(0.0, steady_s - self._looked_s) * 1000 * _SLEW_PER_S
            self._course_ms += max(-most_ms, min(ahead_ms - self._course_ms, most_ms))
            self._latest_ms = max(self._latest_ms, self._wall_ms())
        self._looked_s = steady_s

    def accept(self) -> None:
        """The wall clock is right, whatever it was before."""
        log.warning("clock: %s instead of %s is accepted", iso(self._wall_ms()), iso(self.now_ms()))
        self._course_ms = self._ahead_ms()
        self._latest_ms = self._wall_ms()
        self._told = False

    def state(self) -> ClockState:
        """For whoever asks."""
        wall_ms = self._wall_ms()
        apart_s = round((self._ahead_ms() - self._course_ms) / 1000, 3)
        return ClockState(iso(wall_ms), iso(self.now_ms()), apart_s, self.refused, self.failure)

    def handlers(self) -> Mapping[str, Handler]:
        """What the command channel may ask."""
        return {ACCEPT: self._accept, SHOW: self._show}

    async def _accept(self, asked: Command) -> Reply:
        self.accept()
        return reply(self.state())

    async def _show(self, asked: Command) -> Reply:
        return reply(self.state())

    def _ahead_ms(self) -> float:
        return self._wall_ms() - self._steady_s() * 1000

    def _jumped(self, ahead_ms: float) -> bool:
        if self._course_ms + self._steady_s() * 1000 < SANE_FROM_MS:
            return False  # it had never been set: whatever it says now is better
        return abs(ahead_ms - self._course_ms) > self._jump_ms
