"""From the journal through the engine into the store: one task, in the order of the journal.

Records that wait are taken together and committed in one transaction. When the store refuses, the same steps are
tried again and the queue fills up; nothing is lost, because the journal has it and the committed offset stays behind.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from monitor.alarms.pushing import Verdict
from monitor.app.core_settings import CoreSettings
from monitor.app.live_pipeline import LivePipeline
from monitor.app.metrics import Metrics
from monitor.app.pipeline import StepResult
from monitor.app.work import Work
from monitor.errors import StoreError
from monitor.model.backoff import Backoff
from monitor.store.alarm_store import AlarmStore
from monitor.store.committed_step import CommittedStep

log = logging.getLogger(__name__)

_AT_ONCE = 32
"""Records that share a transaction (a guess: some 10 ms of work)."""


@dataclass(frozen=True, slots=True)
class _Taken:
    steps: tuple[CommittedStep, ...]
    results: tuple[StepResult, ...]
    verdicts: tuple[Verdict, ...]


class Detection:
    """``after`` is called on the event loop after every commit, with what was committed."""

    def __init__(
        self,
        live: LivePipeline,
        store: AlarmStore,
        queue: asyncio.Queue[Work],
        metrics: Metrics,
        settings: CoreSettings,
        after: Callable[[Sequence[CommittedStep]], None],
    ) -> None:
        self.failure = ""
        self.committed_offset = 0
        self.waiting_since_s: float | None = None
        self.at_rest = asyncio.Lock()
        """Held while the engine runs; whoever reads its state takes it."""
        self._live = live
        self._store = store
        self._queue = queue
        self._metrics = metrics
        self._after = after
        metrics.queue_capacity.labels("records").set(settings.record_queue)
        metrics.queue_length.labels("records").set_function(queue.qsize)

    @property
    def idle(self) -> bool:
        """Whether every record handed over is committed."""
        return self._queue.empty() and self.waiting_since_s is None

    async def run(self) -> None:
        """Take records until cancelled."""
        while True:
            work = [await self._queue.get()]
            while len(work) < _AT_ONCE and not self._queue.empty():
                work.append(self._queue.get_nowait())
            self.waiting_since_s = work[0].since_s
            async with self.at_rest:
                taken = await asyncio.to_thread(self._take, work)
                await self._commit(taken.steps)
                self.committed_offset = work[-1].record.offset
            self.waiting_since_s = None
            self._count(work, taken)
            self._after(taken.steps)

    def _take(self, work: Sequence[Work]) -> _Taken:
        """In a thread; the engine lets go of the interpreter while it computes."""
        steps: list[CommittedStep] = []
        results: list[StepResult] = []
        verdicts: list[Verdict] = []
        for one in work:
            result = self._live.take(one.record)
            step, withheld = self._live.step(result, one.reckoning)
            steps.append(step)
            results.append(result)
            verdicts += withheld
        return _Taken(tuple(steps), tuple(results), tuple(verdicts))

    async def _commit(self, steps: Sequence[CommittedStep]) -> None:
        backoff = Backoff(0.2, 10.0)
        while True:
            try:
                await asyncio.to_thread(self._store.commit_all, steps)
            except StoreError as error:
                self._metrics.write_failures.labels("store").inc()
                wait_s = backoff.next_s()
                if not self.failure:
                    log.error("%s; the same %d steps again in %.1f s", error, len(steps), wait_s)
                self.failure = str(error)
                await asyncio.sleep(wait_s)
            else:
                self.failure = ""
                return

    def _count(self, work: Sequence[Work], taken: _Taken) -> None:
        metrics = self._metrics
        now_s = time.monotonic()
        metrics.latency.observe(np.array([now_s - one.since_s for one in work], np.float64))
        metrics.committed_offset.set(self.committed_offset)
        metrics.engine_clock.set(taken.results[-1].clock_ms / 1000)
        for result in taken.results:
            metrics.count_outcomes(result.outcomes)
            for warning in result.prewarnings:
                metrics.prewarnings.labels(warning.rule).inc()
        metrics.count_changes([change for result in taken.results for change in result.changes], taken.verdicts)
