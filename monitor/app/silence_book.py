"""The silences that last, in memory: read from the store at the start, changed by commands only."""

from __future__ import annotations

from collections.abc import Callable

from monitor.alarms.silences import AlarmFacts, Silence
from monitor.model.fleet import Registry
from monitor.store.database import Database
from monitor.store.silence_store import add_silence, expire_silence, lasting_silences


class SilenceBook:
    """Changed by one caller at a time, read from any thread: what is read is replaced whole.

    All methods but ``lasting`` block.
    """

    def __init__(self, database: Database, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._now_ms = now_ms
        self._known: tuple[Silence, ...] = ()

    def open(self) -> None:
        """What an earlier life left. Raises ``StoreError``."""
        self._known = lasting_silences(self._database, self._now_ms())

    def lasting(self, now_ms: int) -> tuple[Silence, ...]:
        """Those that last at a moment, by number."""
        return tuple(one for one in self._known if one.lasts(now_ms))

    def add(self, silence: Silence) -> Silence:
        """In force when this returns. Raises ``StoreError``."""
        kept = add_silence(self._database, silence)
        self._known = (*self.lasting(self._now_ms()), kept)
        return kept

    def expire(self, silence_id: int, by: str) -> bool:
        """End one now; False if none of this number lasts. Raises ``StoreError``."""
        done = expire_silence(self._database, silence_id, by, self._now_ms())
        self._known = tuple(one for one in self._known if one.silence_id != silence_id)
        return done


class Regions:
    """Region of a vehicle or enterprise by the registry in force."""

    def __init__(self, registry: Callable[[], Registry | None]) -> None:
        self._registry = registry
        self._of: Registry | None = None
        self._by_enterprise: dict[str, str] = {}

    def region(self, facts: AlarmFacts) -> str:
        """Empty where the registry tells of none."""
        registry = self._registry()
        if registry is None:
            return ""
        vehicle = registry.vehicle(facts.vehicle_id) if facts.vehicle_id else None
        if vehicle is not None and vehicle.region:
            return vehicle.region
        if registry is not self._of:
            found = {one.enterprise_id: one.region for one in registry.enterprises()}
            self._of, self._by_enterprise = registry, found
        return self._by_enterprise.get(facts.enterprise_id or "", "")
