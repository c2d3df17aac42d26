"""Is the core alive, and is what it says fresh? Two questions: a process that answers may still be blind.

``/healthz`` is answered whenever the event loop turns. ``/readyz`` is about freshness: the journal takes records, what
came in is committed soon, sources are connected and the clock makes sense; every reason that speaks against it is
named.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Unready:
    """One reason why the core is not ready."""

    part: str
    reason: str


class Link(Protocol):
    """A source's connection."""

    @property
    def connected(self) -> bool: ...
    @property
    def address(self) -> str: ...
    @property
    def name(self) -> str: ...


class Stage(Protocol):
    """A stage that can be in trouble; ``failure`` is empty or a sentence."""

    @property
    def failure(self) -> str: ...


class Backlogged(Stage, Protocol):
    """A stage with a record under way; ``waiting_since_s`` by the monotonic clock."""

    @property
    def waiting_since_s(self) -> float | None: ...


class Health:
    """Asked by the web server. ``start`` turns true when start-up is over; ``last_clock_ms`` is the journal's."""

    def __init__(
        self,
        journal: Stage,
        engine: Backlogged,
        links: Callable[[], Sequence[Link]],
        clock: Stage,
        stall_s: float,
    ) -> None:
        self.started = False
        self.stopping = False
        self._journal = journal
        self._engine = engine
        self._links = links
        self._clock = clock
        self._stall_s = stall_s

    def unready(self) -> tuple[Unready, ...]:
        """Everything that speaks against being ready; empty when ready."""
        found: list[Unready] = []
        if not self.started:
            found.append(Unready("start", "the core is starting"))
        if self.stopping:
            found.append(Unready("stop", "the core is stopping"))
        if self._journal.failure:
            found.append(Unready("journal", self._journal.failure))
        if self._engine.failure:
            found.append(Unready("store", self._engine.failure))
        since_s = self._engine.waiting_since_s
        if since_s is not None and time.monotonic() - since_s > self._stall_s:
            waited_s = time.monotonic() - since_s
            found.append(Unready("engine", f"a record has waited {waited_s:.0f} s, allowed are {self._stall_s:g} s"))
        for link in self._links():
            if not link.connected:
                found.append(Unready(f"source {link.name}", f"is not connected to {link.address}"))
        if self._clock.failure:
            found.append(Unready("clock", self._clock.failure))
        return tuple(found)
