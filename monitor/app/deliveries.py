"""The delivery workers of all configured sinks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from monitor.app.config import SinksSettings
from monitor.app.metrics import Metrics
from monitor.errors import StoreError
from monitor.model.beijing import DAY_MS
from monitor.model.push import PushKind
from monitor.sinks.delivery import Delivery
from monitor.sinks.jt809 import Jt809Sink
from monitor.sinks.mqtt import MqttSink
from monitor.sinks.sink import Sink
from monitor.sinks.webhook import WebhookSink
from monitor.store.outbox import Outbox, PendingPush

log = logging.getLogger(__name__)


class Deliveries:
    """One worker per sink; ``links`` are those that need a JT/T 809 link.

    Raises ``ConfigError`` for a secret that is not to be had.
    """

    def __init__(
        self,
        settings: SinksSettings,
        outbox: Outbox,
        now_ms: Callable[[], int],
        links: Sequence[Jt809Sink] = (),
    ) -> None:
        self._outbox = outbox
        self._now_ms = now_ms
        self.names = settings.names()
        self.workers: list[Delivery[PendingPush]] = []
        sinks: list[tuple[str, Sink, tuple[PushKind, ...]]] = []
        for mqtt in settings.mqtt:
            sinks.append((mqtt.name, MqttSink(mqtt), mqtt.kinds))
        for webhook in settings.webhook:
            sinks.append((webhook.name, WebhookSink(webhook, now_ms), webhook.kinds))
        for link in links:
            sinks.append((link.settings.name, link, link.settings.kinds))
        for name, sink, kinds in sinks:
            self.workers.append(Delivery(name, sink, outbox, now_ms, settings.delivery, kinds))

    def register(self) -> None:
        """Give every sink its cursor; a new one gets what is made from now on. Blocks."""
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
        except StoreError as error:
            log.warning("the outbox was not tidied: %s", error)
            return
        if deleted:
            log.info("outbox: %d delivered pushes older than %g days deleted", deleted, kept_days)

    def pending(self) -> dict[str, int]:
        """Pushes that each sink has still to send. Blocks."""
        return {name: self._outbox.backlog(name).messages for name in self.names}

    def show(self, metrics: Metrics) -> None:
        """Running totals into the metrics."""
        for worker in self.workers:
            counts = worker.counts
            metrics.show_delivered(worker.name, "delivered", counts.delivered)
            metrics.show_delivered(worker.name, "failed", counts.failed)
            metrics.show_delivered(worker.name, "refused", counts.refused)
