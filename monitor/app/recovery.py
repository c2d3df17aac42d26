"""Start-up: snapshot, tail of the journal, and the registry and settings of today.

Output at or below the committed offset is discarded by the store, so running the tail again neither loses nor doubles
anything.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from monitor.app import snapshot_state
from monitor.app.live_pipeline import LivePipeline, config_payload
from monitor.app.map_layers import map_records
from monitor.app.pipeline import drivers_payload, registry_payload
from monitor.app.state_folder import StateFolder
from monitor.engine.parameters import RuleLayers
from monitor.engine.rule import Rule
from monitor.errors import ConfigError, StoreError
from monitor.model.driver import DriverRegister
from monitor.model.fleet import Registry
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.map_set import MapLayer
from monitor.store.alarm_store import AlarmStore
from monitor.store.committed_step import CommittedStep
from monitor.store.journal import Journal
from monitor.store.snapshot import Snapshot, read_latest

log = logging.getLogger(__name__)

_STEPS_AT_ONCE = 64
"""Steps of the tail that share a transaction."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a start went: the snapshot's offset (0 without one), records run again, and how long it took."""

    snapshot_offset: int
    tail_records: int
    seconds: float


def recover(
    live: LivePipeline, snapshot: Snapshot | None, journal: Journal, store: AlarmStore, since_s: float
) -> Recovery:
    """Bring a pipeline made by ``restored`` up to the end of the journal. Raises JournalError, StoreError."""
    offset = snapshot.offset if snapshot else 0
    tail = 0
    steps: list[CommittedStep] = []
    for record in journal.read(offset + 1):
        step, _ = live.step(live.take(record))
        steps.append(step)
        tail += 1
        if len(steps) == _STEPS_AT_ONCE:
            store.commit_all(steps)
            steps.clear()
    if steps:
        store.commit_all(steps)
    found = Recovery(offset, tail, time.monotonic() - since_s)
    log.info(
        "state: snapshot at record %d, %d records of the journal after it, %d vehicles, %.2f s",
        offset,
        tail,
        len(live.engine.fleet),
        found.seconds,
    )
    return found


def restored(
    rules: tuple[Rule, ...], folder: StateFolder, journal: Journal, store: AlarmStore
) -> tuple[LivePipeline, Snapshot | None]:
    """A pipeline in the state of the newest usable snapshot, or a fresh one. Raises ``StoreError``."""
    position = store.position()
    if position > journal.last_offset:
        raise StoreError(
            reason=f"the relational store has the outcome of journal record {position}, but the journal in "
            f"{journal.folder} ends at {journal.last_offset}",
            advice="They do not belong together: restore the journal, or name a new state folder and a new database",
        )
    snapshot = read_latest(folder.snapshots, not_after=position)
    if snapshot is not None:
        try:
            live = LivePipeline(rules, snapshot_state.layers_of(snapshot))
            snapshot_state.restore(live, snapshot)
            return live, snapshot
        except (StoreError, ConfigError, ValueError) as error:
            log.warning("snapshot %s is passed over: %s", snapshot.path, error)
    return LivePipeline(rules, RuleLayers()), None


def todays_records(
    live: LivePipeline,
    layers: RuleLayers,
    registry: Registry | None,
    drivers: DriverRegister,
    maps: Mapping[MapLayer, bytes],
) -> tuple[JournalRecord, ...]:
    """Records that bring the engine from what the journal says to the settings, registers and maps of today.

    ``maps`` is the GeoJSON of every layer that there is.
    """
    clock_ms = live.engine.clock_ms
    records: list[JournalRecord] = []
    if live.layers != layers:
        records.append(JournalRecord(0, RecordType.CONFIG, clock_ms, payload=config_payload(layers)))
    if not same_registry(registry, live.engine.fleet.registry):
        records.append(JournalRecord(0, RecordType.REGISTRY, clock_ms, payload=registry_payload(registry)))
    if drivers != live.engine.fleet.register:
        records.append(JournalRecord(0, RecordType.DRIVERS, clock_ms, payload=drivers_payload(drivers)))
    return (*records, *map_records(live.engine.fleet.maps, maps, clock_ms))


def append_and_take(
    live: LivePipeline, journal: Journal, store: AlarmStore, records: tuple[JournalRecord, ...]
) -> None:
    """Journal records at start-up, before anything runs beside it. Raises JournalError, StoreError."""
    if not records:
        return
    last = journal.append(records)
    numbered = [replace(record, offset=last - len(records) + n) for n, record in enumerate(records, 1)]
    store.commit_all([live.step(live.take(record))[0] for record in numbered])


def same_registry(a: Registry | None, b: Registry | None) -> bool:
    """Whether two registries say the same; their versions are only numbers."""
    return (None if a is None else a.vehicles) == (None if b is None else b.vehicles)
