"""Start-up: snapshot, tail of the journal, and the registry and settings of today.

Output at or below the committed offset is discarded by the store, so running the tail again neither loses nor doubles
anything.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from monitor.app import snapshot_state
from monitor.app.live_pipeline import LivePipeline, config_payload
from monitor.app.map_layers import map_records
from monitor.app.pipeline import drivers_payload, registry_payload
from monitor.app.state_folder import StateFolder
from monitor.engine.parameters import RuleLayers
from monitor.engine.rule import Rule
from monitor.engine.snapshot import copy_rule
from monitor.errors import ConfigError, StoreError
from monitor.model.beijing import DAY_MS
from monitor.model.driver import DriverRegister
from monitor.model.fleet import Registry
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.map_set import MapLayer
from monitor.model.report import concatenate
from monitor.store.alarm_store import AlarmStore
from monitor.store.committed_step import CommittedStep
from monitor.store.journal import Journal
from monitor.store.snapshot import Snapshot, read_latest

log = logging.getLogger(__name__)

_STEPS_AT_ONCE = 64
"""Steps of the tail that share a transaction."""
_JOINED_REPORTS = 50_000
"""Reports of the tail that go through the engine at once (measured: from 20,000 on it makes no difference)."""
_JOINED_MS = 10_000
"""And at most so much of the engine clock (a guess): whether a late alarm is still pushed is asked at its end."""
_READ_AHEAD = 4
"""Joined records read while the engine works on the one before."""
REBUILD_DAYS = 8
"""How far back a rule is worked out again whose state means something else now: the longest window of a rule is a week
(cumulative driving)."""


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
    last = journal.last_offset
    steps: list[CommittedStep] = []
    done = store.position()
    for record in _ahead(_joined(journal.read(offset + 1), done)):
        if record.offset <= done:
            live.take_again(record)
            continue
        step, _ = live.step(live.take(record))
        steps.append(step)
        if len(steps) == _STEPS_AT_ONCE:
            store.commit_all(steps)
            steps.clear()
    if steps:
        store.commit_all(steps)
    tail = last - offset
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
            advice="They do not belong together: restore the journal; or go on without what it lacks with "
            "`monitor journal cut`; or name a new state folder and a new database",
        )
    snapshot = read_latest(folder.snapshots, not_after=position)
    if snapshot is not None:
        try:
            live = LivePipeline(rules, snapshot_state.layers_of(snapshot))
            changed = snapshot_state.restore(live, snapshot)
            if changed:
                rebuild(live, changed, snapshot, journal)
            return live, snapshot
        except (StoreError, ConfigError, ValueError) as error:
            log.warning("snapshot %s is passed over: %s", snapshot.path, error)
    return LivePipeline(rules, RuleLayers()), None


def rebuild(live: LivePipeline, names: tuple[str, ...], snapshot: Snapshot, journal: Journal) -> None:
    """Work out the state of some rules at a snapshot from the records before it. Raises JournalError, StoreError."""
    begun_s = time.monotonic()
    fresh = LivePipeline(live.engine.rules, live.layers)
    fresh.engine.trail = None
    snapshot_state.restore_fleet(fresh, snapshot)
    from_ms = live.engine.clock_ms - REBUILD_DAYS * DAY_MS
    begin = journal.offset_before(from_ms)
    if begin > 1 and begin == journal.first_offset:
        log.warning("the journal begins with record %d; the rules %s know nothing from before it", begin, names)
    records = itertools.takewhile(lambda record: record.offset <= snapshot.offset, journal.read(begin))
    for record in _ahead(_joined(records, snapshot.offset)):
        fresh.take(record, again=True)
    copy_rule(live.engine, fresh.engine, names)
    log.warning(
        "rules %s keep other things than the snapshot has; they were worked out again from record %d on, %.1f s",
        ", ".join(names),
        begin,
        time.monotonic() - begun_s,
    )


def _joined(records: Iterable[JournalRecord], last_offset: int) -> Iterator[JournalRecord]:
    """Neighbouring records of reports as one, where nothing of them is to be committed: up to ``last_offset``."""
    waiting: list[JournalRecord] = []
    n = 0
    for record in records:
        fits = record.batch is not None and record.offset <= last_offset
        if waiting and not (fits and n < _JOINED_REPORTS and record.clock_ms - waiting[0].clock_ms < _JOINED_MS):
            yield _one(waiting)
            waiting, n = [], 0
        if fits and record.batch is not None:
            waiting.append(record)
            n += len(record.batch)
        else:
            yield record
    if waiting:
        yield _one(waiting)


def _one(records: list[JournalRecord]) -> JournalRecord:
    """Several records of reports as the last of them."""
    if len(records) == 1:
        return records[0]
    return replace(records[-1], batch=concatenate([record.batch for record in records if record.batch is not None]))


def _ahead(records: Iterator[JournalRecord]) -> Iterator[JournalRecord]:
    """The same records, read by a thread of their own while the engine works."""
    waiting: queue.Queue[JournalRecord | BaseException | None] = queue.Queue(_READ_AHEAD)
    over = threading.Event()

    def hand(item: JournalRecord | BaseException | None) -> None:
        while not over.is_set():
            with contextlib.suppress(queue.Full):
                waiting.put(item, timeout=0.1)
                return

    def read() -> None:
        try:
            for record in records:
                hand(record)
                if over.is_set():
                    return
            hand(None)
        except BaseException as error:
            hand(error)

    reader = threading.Thread(target=read, name="journal reader", daemon=True)
    reader.start()
    try:
        while (item := waiting.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        over.set()
        reader.join()


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
    return a is b or (None if a is None else a.vehicles) == (None if b is None else b.vehicles)
