"""The delivery workers of all configured sinks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from monitor.alarms.dispatch import Dispatcher
from monitor.alarms.limits import LimitSettings
from monitor.app.config import SinksSettings
from monitor.app.delivery_desk import DeliveryDesk
from monitor.app.dispatching import SinkDispatch
from monitor.app.metrics import Metrics
from monitor.app.silence_book import Regions, SilenceBook
from monitor.console.commands import Handler
from monitor.errors import StoreError
from monitor.model.beijing import DAY_MS
from monitor.model.fleet import Registry
from monitor.model.push import PushKind
from monitor.sinks.delivery import Delivery
from monitor.sinks.jt809 import Jt809Sink
from monitor.sinks.mqtt import MqttSink
from monitor.sinks.redis import RedisSink
from monitor.sinks.sink import Sink
from monitor.sinks.webhook import WebhookSink
from monitor.store.database import Database
from monitor.store.dead_letters import forget_letters, letters_waiting
from monitor.store.outbox import Outbox, PendingPush
from monitor.store.standings import Standings, forget_standings

log = logging.getLogger(__name__)


class Deliveries:
    """One worker per sink; ``links`` are those that need a JT/T 809 link.

    Raises ``ConfigError`` for a secret that is not to be had.
    """

    def __init__(
        self,
        settings: SinksSettings,
        database: Database,
        registry: Callable[[], Registry | None],
        rules: Collection[str],
        now_ms: Callable[[], int],
        links: Sequence[Jt809Sink] = (),
    ) -> None:
        self._database = database
        self._outbox = outbox = Outbox(database)
        self._now_ms = now_ms
        self._letter_days = settings.dead_letter_days
        self._silences = SilenceBook(database, now_ms)
        regions = Regions(registry)
        self.names = settings.names()
        self.workers: list[Delivery[PendingPush]] = []
        sinks: list[tuple[str, Sink, tuple[PushKind, ...], LimitSettings]] = []
        for mqtt in settings.mqtt:
            sinks.append((mqtt.name, MqttSink(mqtt), mqtt.kinds, mqtt.limits))
        for webhook in settings.webhook:
            sinks.append((webhook.name, WebhookSink(webhook, now_ms), webhook.kinds, webhook.limits))
        self.redis = tuple(RedisSink(item) for item in settings.redis)
        for redis in self.redis:
            sinks.append((redis.settings.name, redis, redis.settings.kinds, LimitSettings()))
        for link in links:
            sinks.append((link.settings.name, link, link.settings.kinds, LimitSettings()))
        for name, sink, kinds, limits in sinks:
            dispatch = SinkDispatch(
                Dispatcher(name, limits, regions.region),
                Standings(database, name),
                self._silences.lasting,
                now_ms,
                kinds,
            )
            self.workers.append(Delivery(name, sink, outbox, now_ms, settings.delivery, kinds, dispatch))
        self._desk = DeliveryDesk(database, self._silences, self.names, rules, now_ms, self.wake)

    def handlers(self) -> Mapping[str, Handler]:
        """What the command channel may ask: silences, dead letters."""
        return self._desk.handlers()

    def register(self) -> None:
        """Give every sink its cursor; a new one gets what is made from now on. Blocks."""
        self._silences.open()
        for name in self.names:
            self._outbox.register(name, from_start=False)

    def wake(self) -> None:
        """New pushes were committed."""
        for worker in self.workers:
            worker.wake()

    def stop(self) -> None:
        """End after what is under way."""
        for worker in self.workers:
            worker.stop()

    def tidy(self, kept_days: float) -> None:
        """Delete what everybody has had for long. Blocks."""
        try:
            deleted = self._outbox.delete_passed(self.names, self._now_ms() - int(kept_days * DAY_MS))
            forget_standings(self._database, self.names)
            letters = forget_letters(self._database, self._now_ms() - int(self._letter_days * DAY_MS))
        except StoreError as error:
            log.warning("the outbox was not tidied: %s", error)
            return
        if deleted:
            log.info("outbox: %d delivered pushes older than %g days deleted", deleted, kept_days)
        if letters:
            log.warning("dead letters: %d older than %g days deleted", letters, self._letter_days)

    def pending(self) -> dict[str, int]:
        """Pushes that each sink has still to send. Blocks."""
        return {name: self._outbox.backlog(name).messages for name in self.names}

    def dead_letters(self) -> dict[str, int]:
        """Dead letters that wait for a person, by sink. Blocks."""
        waiting = letters_waiting(self._database)
        return {name: waiting.get(name, 0) for name in self.names}

    def show(self, metrics: Metrics) -> None:
        """Running totals into the metrics."""
        for worker in self.workers:
            counts = worker.counts
            metrics.show_delivered(worker.name, "delivered", counts.delivered)
            metrics.show_delivered(worker.name, "failed", counts.failed)
            metrics.show_delivered(worker.name, "refused", counts.refused)
            metrics.show_delivered(worker.name, "gave_up", counts.gave_up)
            metrics.show_withheld(worker.name, counts.withheld)
        metrics.silences.set(len(self._silences.lasting(self._now_ms())))
