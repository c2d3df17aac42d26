"""What the daemon knows of terminals: all of them in memory, every change in the tables before it counts.

The JT/T 808 server asks for it as its ``TerminalBook``. Of a terminal that the registry does not know, its row holds
the latest position and how many reports it sent; the row goes when the terminal has been away for some days, unless
it says that a code is void. Anybody can make up phones, so there is a bound to those that the registry does not name.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from pydantic import BaseModel, ConfigDict, Field

from monitor.errors import StoreError
from monitor.model.beijing import DAY_MS, day_number, day_of
from monitor.model.fleet import Registry, Vehicle
from monitor.model.plate import color_of_code, folded_plate
from monitor.model.terminal import Terminal
from monitor.sources.jt808.terminal_book import Registration
from monitor.store.terminal_store import TerminalStore

log = logging.getLogger(__name__)


class TerminalBookSettings(BaseModel):
    """How long strangers are remembered, and how many."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    unregistered_days: float = Field(
        default=7.0, gt=0, le=3_650, description="a terminal that the registry does not know is forgotten after so long"
    )
    max_unregistered: int = Field(
        default=100_000, ge=0, description="further terminals that the registry does not name are refused (a guess)"
    )


class TerminalBookKeeper:
    """A ``monitor.sources.jt808.TerminalBook``. Used on one event loop; several servers may share it.

    ``registry`` gives the registry in force, None where nobody imported one: every terminal then counts as registered.
    """

    def __init__(
        self,
        store: TerminalStore,
        registry: Callable[[], Registry | None],
        now_ms: Callable[[], int],
        settings: TerminalBookSettings | None = None,
    ) -> None:
        self._store = store
        self._registry = registry
        self._now_ms = now_ms
        self._settings = settings or TerminalBookSettings()
        self._terminals: dict[str, Terminal] = {}
        self._n_strangers = 0  # in _terminals; a new registry counts from the next tidying on
        self._writing = asyncio.Lock()

    def load(self) -> None:
        """Take every terminal into memory. Blocks; raises StoreError."""
        self._terminals = {terminal.phone: terminal for terminal in self._store.load()}
        self._n_strangers = sum(not self._named(phone) for phone in self._terminals)

    def __len__(self) -> int:
        return len(self._terminals)

    def phones(self) -> tuple[str, ...]:
        """Every terminal ever seen and not forgotten."""
        return tuple(self._terminals)

    def find(self, phone: str, /) -> Terminal | None:
        """By phone (hex digits without leading zeros, lower case)."""
        return self._terminals.get(phone)

    def version(self, phone: str) -> int:
        """Edition of the terminal's protocol (2011, 2013, 2019); 0 = never heard of."""
        terminal = self._terminals.get(phone)
        return terminal.version if terminal is not None else 0

    def registration(self, phone: str, plate: str, plate_color: int, /) -> Registration:
        """What the registry says today; rows that begin later count, since devices are fitted beforehand."""
        registry = self._registry()
        if registry is None:
            return Registration(phone_known=True, plate_known=True, matched=True)
        day = day_of(self._now_ms())
        of_phone = _not_ended(registry.by_phone(phone, day), day)
        of_plate: Vehicle | None = None
        if folded := folded_plate(plate):
            of_plate = _not_ended(registry.by_plate(color_of_code(plate_color).value, folded, day), day)
        if of_plate is None:
            return Registration(phone_known=of_phone is not None)
        return Registration(
            phone_known=of_phone is not None,
            plate_known=True,
            matched=of_phone is not None and of_phone.vehicle_id == of_plate.vehicle_id,
            plate_taken=of_plate.terminal_phone not in ("", phone),
        )

    def room(self, phone: str, waiting: int, /) -> bool:
        """As ``TerminalBook.room``; without a registry every terminal counts as one that it does not name."""
        return self._named(phone) or self._n_strangers + waiting < self._settings.max_unregistered

    def vehicle_of(self, phone: str) -> Vehicle | None:
        """The vehicle that the registry gives a terminal today."""
        registry = self._registry()
        day = day_of(self._now_ms())
        return None if registry is None else _not_ended(registry.by_phone(phone, day), day)

    def phone_of(self, vehicle_id: str) -> str:
        """Phone of a vehicle's terminal today; empty where the registry names none.

        The vehicle of a terminal that nobody registered is ``terminal:<phone>``.
        """
        if vehicle_id.startswith("terminal:"):
            return vehicle_id.removeprefix("terminal:")
        registry = self._registry()
        if registry is None:
            return ""
        day = day_of(self._now_ms())
        vehicle = _not_ended(registry.vehicle(vehicle_id, day), day)
        return "" if vehicle is None else vehicle.terminal_phone

    def registered(self, phone: str) -> bool:
        """Whether the registry has ever named this phone, as ``store.find_terminals`` judges it."""
        registry = self._registry()
        return registry is None or registry.by_phone(phone) is not None

    async def save(self, terminals: Sequence[Terminal], /) -> None:
        """Returns when they are safe on disk; ``find`` gives them from then on. Raises StoreError."""
        if not terminals:
            return
        async with self._writing:
            await _to_the_end(lambda: self._store.save(terminals))
            for terminal in terminals:
                self._n_strangers += terminal.phone not in self._terminals and not self._named(terminal.phone)
                self._terminals[terminal.phone] = terminal

    async def tidy(self) -> int:
        """Forget strangers that have been away for long; returns how many. Trouble of the store is logged.

        One whose code was voided is remembered: otherwise the old code would be right again.
        """
        before_ms = self._now_ms() - int(self._settings.unregistered_days * DAY_MS)
        async with self._writing:
            doomed = [phone for phone in self._away_since(before_ms) if not self.registered(phone)]
            self._n_strangers = sum(not self._named(phone) for phone in self._terminals)
            if not doomed:
                return 0
            try:
                await _to_the_end(lambda: self._store.delete(doomed))
            except StoreError as error:
                log.warning("terminals that nobody registered were not tidied: %s", error)
                return 0
            for phone in doomed:
                self._n_strangers -= self._terminals.pop(phone, None) is not None
        log.info("%d terminals that nobody registered are forgotten after %g days", len(doomed), self._kept_days)
        return len(doomed)

    @property
    def _kept_days(self) -> float:
        return self._settings.unregistered_days

    def _named(self, phone: str) -> bool:
        registry = self._registry()
        return registry is not None and registry.by_phone(phone) is not None

    def _away_since(self, before_ms: int) -> Iterable[str]:
        return (
            phone
            for phone, terminal in self._terminals.items()
            if terminal.last_seen_ms < before_ms and not terminal.generation
        )


def _not_ended(vehicle: Vehicle | None, day: int) -> Vehicle | None:
    if vehicle is None:
        return None
    ends = [last for last in (vehicle.valid_to, vehicle.retired_on) if last is not None]
    return None if any(day_number(last) < day for last in ends) else vehicle


async def _to_the_end(write: Callable[[], None]) -> None:
    """A write in a thread. Whoever is cancelled meanwhile waits for its end, so that no older write follows a newer."""
    writing = asyncio.ensure_future(asyncio.to_thread(write))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:
        await asyncio.wait([writing])
        if not writing.cancelled():
            writing.exception()
        raise
