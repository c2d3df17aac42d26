"""An archive in memory, with the answers of the real one."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from monitor.app.settlement.in_force import settings_payloads
from monitor.engine.parameters import RuleLayers
from monitor.model.beijing import DAY_MS, OFFSET_MS
from monitor.model.driver import NO_DRIVERS, DriverRegister
from monitor.model.flaw import Flaw
from monitor.model.fleet import Registry
from monitor.model.journal import RecordType
from monitor.model.map_set import NO_MAPS, MapSet
from monitor.model.report import ReportBatch, concatenate


@dataclass(frozen=True, slots=True)
class Setting:
    type: RecordType
    clock_ms: int
    payload: bytes


def first_settings(
    registry: Registry | None = None,
    layers: RuleLayers | None = None,
    maps: MapSet = NO_MAPS,
    drivers: DriverRegister = NO_DRIVERS,
) -> tuple[Setting, ...]:
    """Settings in force from the beginning."""
    return tuple(
        Setting(kind, 0, payload) for kind, payload in settings_payloads(registry, layers, maps, drivers).items()
    )


class MemoryArchive:
    """Reports in journal order, given at once or added later."""

    def __init__(self, batch: ReportBatch, settings: Sequence[Setting] = (), buckets: int = 3) -> None:
        self._batch = batch
        self.settings = tuple(settings)
        self.buckets = buckets

    def add(self, batch: ReportBatch) -> None:
        self._batch = concatenate([self._batch, batch])

    def days(self) -> tuple[int, ...]:
        return tuple(np.unique(self._days()).tolist())

    def version(self, day: int) -> str:
        return hashlib.sha256(self.read(day).rows.tobytes()).hexdigest()[:16]

    def read(self, day: int, bucket: int | None = None, keys: Collection[str] | None = None) -> ReportBatch:
        batch = self._batch
        of_key = [
            (keys is None or key in keys) and (bucket is None or zlib.crc32(key.encode()) % self.buckets == bucket)
            for key in batch.keys
        ]
        rows = batch.rows[(self._days() == day) & np.array([*of_key, False])[batch.rows["key"]]]
        ranks = np.argsort(np.argsort(np.array(batch.keys)))
        return replace(batch, rows=rows[np.lexsort((rows["fix_ms"], ranks[rows["key"]]))])

    def settings_between(self, from_ms: int, to_ms: int) -> tuple[Setting, ...]:
        before = {one.type: one for one in self.settings if one.clock_ms <= from_ms}
        return (*before.values(), *(one for one in self.settings if from_ms < one.clock_ms <= to_ms))

    def _days(self) -> np.typing.NDArray[np.int64]:
        rows = self._batch.rows
        timed = rows["flaws"] & Flaw.TIME == 0
        at_ms: np.typing.NDArray[np.int64] = np.where(timed, rows["fix_ms"], rows["recv_ms"])
        return (at_ms + OFFSET_MS) // DAY_MS
