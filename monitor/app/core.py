"""The core process: sources, journal, engine, alarms, sinks, and the operator's site, from start to stop.

Opening: store, journal, state, then whatever can deliver, then whatever can receive. Stopping is the reverse: accept
nothing, finish what came in, write a snapshot, let deliveries end, close.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path

from monitor.app import snapshot_state
from monitor.app.clock_watch import ClockWatch
from monitor.app.command_channel import CommandServer
from monitor.app.config import MonitorConfig
from monitor.app.deliveries import Deliveries
from monitor.app.detection import Detection
from monitor.app.evidence_frames import FrameFinder
from monitor.app.fleet_view import status_counts
from monitor.app.health import Health
from monitor.app.inputs import Inputs, by_our_clock, codecs_used
from monitor.app.keeping import Keeping
from monitor.app.live_pipeline import LivePipeline
from monitor.app.live_state import LiveStates
from monitor.app.map_layers import MapFolder
from monitor.app.metrics import Metrics
from monitor.app.operations_site import operations_site
from monitor.app.platforms import Platforms
from monitor.app.protocol_metrics import ProtocolMetrics
from monitor.app.reception import Reception
from monitor.app.reckoner import Reckoner
from monitor.app.recovery import append_and_take, recover, restored, todays_records
from monitor.app.registry_watch import RegistryWatch
from monitor.app.settings_desk import SettingsDesk
from monitor.app.settlement.desk import SettlementDesk
from monitor.app.snapshots import Snapshots
from monitor.app.source_sessions import SourceSessions
from monitor.app.state_folder import StateFolder
from monitor.app.terminals import Terminals
from monitor.app.ticker import PayloadTicker, Ticker, tick
from monitor.app.warm_up import warm_up
from monitor.app.web_server import WebServer
from monitor.app.work import Work
from monitor.errors import ConfigError, OperationError
from monitor.model.beijing import NEVER_MS
from monitor.model.fleet import Registry
from monitor.model.journal import JournalRecord
from monitor.rules import load_rules
from monitor.store.alarm_store import AlarmStore
from monitor.store.committed_step import CommittedStep
from monitor.store.database import Database, open_database
from monitor.store.frame_ring import FrameRing
from monitor.store.free_space import Reserve
from monitor.store.journal import Journal
from monitor.store.quarantine import Quarantine
from monitor.store.schema import upgrade
from monitor.store.snapshot import Snapshot

log = logging.getLogger(__name__)

_GAUGES_S = 5.0
_TIDY_S = 3_600.0
_SESSIONS_S = 1.0
_CLOCK_S = 1.0
_IDLE_S = 0.01
_ARCHIVE_S = 3.0
"""How long a stop takes more of the journal into the archive; the next start does the rest."""


class Core:
    """One core over one state folder, with the configuration read from ``path``. Everything that blocks is done in
    threads.

    Raises ``ConfigError``, ``JournalError`` (another process writes here) and ``StoreError`` from ``open``.
    """

    def __init__(self, config: MonitorConfig, path: Path, clock: ClockWatch | None = None) -> None:
        self._config = config
        self.clock = clock or ClockWatch(config.core.clock_jump_s)
        self._path = path
        self._begun_s = time.monotonic()
        self.rules = load_rules()
        names = [rule.name for rule in self.rules]
        self.metrics = Metrics(config.source_names(), config.sinks.names(), names)
        self._last_life_ms = 0

    async def run(self, stop: asyncio.Event) -> None:
        """Open, work until ``stop`` is set, close."""
        await asyncio.to_thread(self._open_stores)
        try:
            await self._work(stop)
        finally:
            await asyncio.to_thread(self._close_stores)

    async def _work(self, stop: asyncio.Event) -> None:
        config = self._config
        snapshot = await asyncio.to_thread(self._open_state)
        self._wire()
        site = operations_site(self.health, self.metrics, config.metrics.secret("metrics"), self._refresh)
        server = WebServer(site, config.metrics, "metrics")
        async with asyncio.TaskGroup() as lasting:
            serving = lasting.create_task(server.run(), name="operations site")
            stopping = lasting.create_task(stop.wait(), name="stop signal")
            warming = asyncio.to_thread(warm_up, self.rules, codecs_used(config))
            await asyncio.gather(warming, asyncio.to_thread(self._recover, snapshot))
            await self.terminals.open()
            await self.platforms.open(self._last_life_ms)
            self.detection.committed_offset = self._journal.last_offset
            workers = [
                lasting.create_task(worker.run(), name=f"delivery {worker.name}") for worker in self._deliveries.workers
            ]
            stages = [
                lasting.create_task(self.reception.run(), name="reception"),
                lasting.create_task(self.detection.run(), name="detection"),
            ]
            async with asyncio.TaskGroup() as accepting:
                inputs = [accepting.create_task(task, name=name) for name, task in self._inputs()]
                self.settings.begin()
                asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self._hang_up, accepting)
                self.health.started = True
                log.info(
                    "ready after %.2f s; metrics on http://%s:%d/metrics",
                    time.monotonic() - self._begun_s,
                    config.metrics.host,
                    server.port,
                )
                await stopping
                log.info("stopping: nothing more is accepted")
                self.health.stopping = True
                for task in inputs:
                    task.cancel()
            drained = await self._drained()
            for task in stages:
                task.cancel()
            if drained:
                await self._snapshots.write()
            await self.keeping.finish(_ARCHIVE_S)
            self._deliveries.stop()
            await _ended(workers, config.core.drain_s)
            server.stop()
            await _ended([serving], config.core.drain_s)
        log.info("stopped at record %d", self._journal.last_offset)

    def _open_stores(self) -> None:
        config = self._config
        try:
            config.state_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            problem = ("state_folder", f"cannot be made: {error.strerror}")
            raise ConfigError(path=str(config.state_folder), problems=(problem,)) from error
        self._folder = StateFolder(Path(config.state_folder))
        self._map_folder = MapFolder(self._folder.maps)
        self._journal = Journal(self._folder.journal, config.journal)
        try:
            upgrade(config.database)
            self._quarantine = Quarantine(self._folder.quarantine, config.quarantine)
            self._frames = FrameRing(self._folder.frames, config.evidence.raw_mib << 20)
            self._database: Database = open_database(config.database)
        except BaseException:
            self._journal.close()
            raise
        self._store = AlarmStore(self._database, self.clock.now_ms)

    def _close_stores(self) -> None:
        self._quarantine.close()
        self._frames.close()
        self._database.close()
        self._journal.close()

    def _open_state(self) -> Snapshot | None:
        self.live: LivePipeline
        self.live, snapshot = restored(self.rules, self._folder, self._journal, self._store)
        if self._config.evidence.raw_mib:
            finder = FrameFinder(self._frames, self.live.engine.fleet, self._config.evidence)
            self.live.pipeline.evidence.frames = finder
        return snapshot

    def _wire(self) -> None:
        config, metrics, now_ms = self._config, self.metrics, self.clock.now_ms
        queue: asyncio.Queue[Work] = asyncio.Queue(config.core.record_queue)
        self.detection = Detection(self.live, self._store, queue, metrics, config.core, self._after_commit)
        self.reception = Reception(
            self._journal, self._quarantine, queue, metrics, now_ms, config.core, config.quality, self._frames
        )
        self._watch = RegistryWatch(self._database, self.live, self._submit, lambda: self._journal.last_clock_ms)
        room = Reserve(self._folder.root, config.journal.reserve_bytes)
        self._snapshots = Snapshots(
            self.live, self.detection, self._folder, metrics, config.core, now_ms, lambda: self._watch.known, room
        )
        self._reckoner = Reckoner(
            self.live, self.detection, self.reception, config.database, metrics, config.supervision, config.language
        )
        self.terminals = Terminals(
            config, self._folder.terminal_key, self._database, self._registry, self.reception.deliver, now_ms
        )
        self.platforms = Platforms(
            config,
            self._database,
            self._journal,
            self.reception,
            self._registry,
            lambda: self.live.engine.clock_ms,
            now_ms,
        )
        rules = [rule.name for rule in self.rules]
        self._deliveries = Deliveries(config.sinks, self._database, self._registry, rules, now_ms, self.platforms.sinks)
        self._live_states = LiveStates(
            self._deliveries.redis, self.live, self.detection, self._database, metrics.registry, now_ms
        )
        self.inputs = Inputs(config, self.reception.deliver, self.terminals, self.platforms, now_ms)
        self._sessions = SourceSessions(self.inputs.brokers, self._submit, lambda: self._journal.last_clock_ms, now_ms)
        tallies = {**self.terminals.tallies(), **self.platforms.tallies()}
        self.metrics.registry.register(
            ProtocolMetrics(self.terminals.servers, self.platforms.sources, tallies, self.platforms.gauges())
        )
        self.keeping = Keeping(
            config,
            self._folder,
            self._journal,
            self._quarantine,
            self._database,
            lambda: self.detection.committed_offset,
            now_ms,
            lambda: not self.clock.refused,
        )
        metrics.registry.register(self.keeping.metrics)
        self.settlement = SettlementDesk(
            config,
            self._folder,
            self.live,
            self._journal,
            self._database,
            self.keeping.archiver,
            self.reception,
            self.detection,
            now_ms,
            lambda: not self.clock.refused,
            self._deliveries.wake,
        )
        metrics.registry.register(self.settlement.metrics)
        self.settings = SettingsDesk(
            self._path, config, self.live, self._map_folder, self._submit, lambda: self._journal.last_clock_ms
        )
        handlers = {
            **self.terminals.handlers(),
            **self.platforms.handlers(),
            **self.settings.handlers(),
            **self.clock.handlers(),
            **self.settlement.handlers(),
        }
        self._commands = CommandServer(
            self._folder.root, {**handlers, **self.keeping.handlers(), **self._deliveries.handlers()}
        )
        self.health = Health(self.reception, self.detection, lambda: self.inputs.own, self.clock, config.core.stall_s)

    def _recover(self, snapshot: Snapshot | None) -> None:
        """In a thread: the tail of the journal, then the settings and registry of today, then the tick of the pause."""
        journal, store = self._journal, self._store
        self._last_life_ms = journal.last_clock_ms
        found = recover(self.live, snapshot, journal, store, self._begun_s)
        self._snapshots.begin(found.snapshot_offset)
        known = snapshot_state.known_of(snapshot) if snapshot is not None else snapshot_state.Known()
        maps = {**self._map_folder.payloads(), **self._config.map_payloads()}
        registry, drivers = self._watch.begin(known)
        records = todays_records(self.live, self._config.rule_layers(), registry, drivers, maps)
        append_and_take(self.live, journal, store, records)
        if by_our_clock(self._config):
            first = tick(self.clock.now_ms(), self._last_life_ms, self._config.core.pause_s)
            if first.resumed:
                log.warning("resumed after a pause of %.0f s", (first.clock_ms - first.paused_ms) / 1000)
                append_and_take(self.live, journal, store, (first,))
        self._deliveries.register()
        self.metrics.journal_offset.set(journal.last_offset)
        self.metrics.committed_offset.set(journal.last_offset)
        self.metrics.recovery_seconds.set(time.monotonic() - self._begun_s)

    def _inputs(self) -> list[tuple[str, Coroutine[None, None, None]]]:
        """Everything that puts work in, or asks for it: the first to stop."""
        found: list[tuple[str, Coroutine[None, None, None]]] = [
            ("snapshots", self._snapshots.run()),
            ("reckoner", self._reckoner.run()),
            ("registry", _every(self._config.core.registry_poll_s, self._watch.look)),
            ("sessions", _every(_SESSIONS_S, self._sessions.look)),
            ("clock", _every(_CLOCK_S, self._look_at_clock)),
            ("gauges", _every(_GAUGES_S, self._look_at_outbox)),
            ("outbox", _every(_TIDY_S, self._tidy)),
            ("commands", self._commands.run()),
            *self.terminals.tasks(),
            *self.platforms.tasks(),
            *self._live_states.tasks(),
            *self.keeping.tasks(),
            *self.settlement.tasks(),
        ]
        if by_our_clock(self._config):
            core, clock = self._config.core, self.clock
            ticker = Ticker(self.reception, self._next_due_ms, clock.now_ms, core, lambda: clock.refused)
            found.append(("ticker", ticker.run()))
        else:
            theirs = PayloadTicker(self.reception, self._next_due_ms, lambda: self._journal.last_clock_ms)
            found.append(("ticker", theirs.run()))
        return found + self.inputs.tasks()

    def _next_due_ms(self) -> int:
        deadlines = self.live.engine.fleet.deadlines[: len(self.live.engine.fleet)]
        return int(deadlines.min()) if len(deadlines) else NEVER_MS

    def _after_commit(self, steps: Sequence[CommittedStep]) -> None:
        if any(step.changes or step.prewarnings or step.summaries or step.supervision for step in steps):
            self._deliveries.wake()
        self.terminals.remind(steps)
        self.platforms.wake()

    def _registry(self) -> Registry | None:
        """The registry in force."""
        return self.live.engine.fleet.registry

    def _refresh(self) -> None:
        """Gauges that are worked out when somebody asks; the engine's only while it rests."""
        for link in self.inputs.links:
            self.metrics.connected.labels(link.name).set(link.connected)
        self._deliveries.show(self.metrics)
        self._live_states.show()
        self.metrics.show_disk_and_clock(self.reception.failure, self._journal.reserve, self.clock.state())
        if not self.detection.at_rest.locked() and self.health.started:
            for status, n in status_counts(self.live.engine).items():
                self.metrics.vehicles.labels(status).set(n)
            self.metrics.show_active(self.live.pipeline.book.open_alarms, [rule.name for rule in self.rules])

    def _hang_up(self, tasks: asyncio.TaskGroup) -> None:
        tasks.create_task(self.settings.reload_or_say(), name="reload")

    async def _submit(self, record: JournalRecord) -> None:
        await self.reception.submit(record)

    async def _look_at_clock(self) -> None:
        self.clock.look()

    async def _look_at_outbox(self) -> None:
        for sink, n in (await asyncio.to_thread(self._deliveries.pending)).items():
            self.metrics.pending.labels(sink).set(n)
        for sink, n in (await asyncio.to_thread(self._deliveries.dead_letters)).items():
            self.metrics.dead_letters.labels(sink).set(n)

    async def _tidy(self) -> None:
        await asyncio.to_thread(self._deliveries.tidy, self._config.core.outbox_days)
        await self.terminals.tidy()

    async def _drained(self) -> bool:
        """Wait until what came in is committed. If it is not in time, the engine is ahead of the store: no snapshot."""
        try:
            async with asyncio.timeout(self._config.core.drain_s):
                while not (self.reception.idle and self.detection.idle):
                    if trouble := self.reception.failure or self.detection.failure:
                        log.warning("what came in last is left to its senders and the journal: %s", trouble)
                        return False
                    await asyncio.sleep(_IDLE_S)
        except TimeoutError:
            log.warning("not everything was committed in time; the next start does it from the journal")
            return False
        return True


async def _every(seconds: float, action: Callable[[], Awaitable[None]]) -> None:
    """Do it again and again; trouble of ours is logged, once while it stays the same, and does not end it."""
    told = ""
    while True:
        await asyncio.sleep(seconds)
        try:
            await action()
            told = ""
        except OperationError as error:
            if str(error) != told:
                log.warning("%s", error)
            told = str(error)


async def _ended(tasks: list[asyncio.Task[None]], timeout_s: float) -> None:
    """Wait for tasks that were asked to end, and cancel those that do not."""
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=timeout_s)
        for task in late:
            task.cancel()
