"""JT/T 809 as one part of the core: the links, the desk, what is forwarded, and the sinks that report alarms up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from functools import partial

from monitor.app.config import MonitorConfig
from monitor.app.exchange_commands import ExchangeCommands
from monitor.app.exchange_desk import ExchangeDesk
from monitor.app.exchange_links import LinkBook, LinkCard, ReportSources
from monitor.app.exchange_settings import ForwardSettings
from monitor.app.forwarder import Forwarder
from monitor.app.protocol_metrics import Tally
from monitor.app.reception import Reception
from monitor.app.static_questions import StaticQuestions
from monitor.app.vehicle_files import RegistryFiles, plate_of_vehicle
from monitor.codec.jt809 import Version
from monitor.console.commands import Handler
from monitor.model.exchange import Channel, LinkRole, ReportedAlarm
from monitor.model.fleet import Registry
from monitor.sinks.jt809 import Jt809Sink, Jt809SinkSettings, Reported
from monitor.sources.jt809 import Jt809LinkSettings, LinkCounts, LowerLink, UpperLink, upper_listeners, warm_up
from monitor.sources.jt809.link import Link
from monitor.store.database import Database
from monitor.store.journal import Journal
from monitor.store.reference_store import SentReference, add_reference, reference_of_alarm


class LinkSource:
    """A link as a source: connected while any of its channels is up."""

    def __init__(self, link: Link) -> None:
        self._link = link

    @property
    def settings(self) -> Jt809LinkSettings:
        return self._link.settings

    @property
    def connected(self) -> bool:
        return self._link.up

    @property
    def counts(self) -> LinkCounts:
        return self._link.counts


class Platforms:
    """Every configured link with its desk. ``registry`` gives the registry in force, ``clock_ms`` the engine clock."""

    def __init__(
        self,
        config: MonitorConfig,
        database: Database,
        journal: Journal,
        reception: Reception,
        registry: Callable[[], Registry | None],
        clock_ms: Callable[[], int],
        now_ms: Callable[[], int],
    ) -> None:
        self._database = database
        self._journal = journal
        self._registry = registry
        self._now_ms = now_ms
        self._book = LinkBook(_card(item) for item in config.jt809)
        self.desk = ExchangeDesk(
            database, self._book, reception.submit, registry, now_ms, clock_ms, config.exchange, self._position_sent
        )
        seen_over = ReportSources()
        files = RegistryFiles(database, registry, now_ms)
        self._upper: list[UpperLink] = []
        self.questions: list[StaticQuestions] = []
        self._lower: dict[str, LowerLink] = {}
        for item in config.jt809:
            if item.role is LinkRole.UPPER:
                upper = UpperLink(item, seen_over.watched(item.name, reception.deliver), self.desk, now_ms)
                self._upper.append(upper)
                if config.exchange.registry_from_platforms:
                    self.questions.append(
                        StaticQuestions(upper, partial(seen_over.keys_of, item.name), registry, now_ms)
                    )
                self._book.put_upper(item.name, upper)
            else:
                lower = LowerLink(item, reception.deliver, self.desk, now_ms, files)
                self._lower[item.name] = lower
                self._book.put_lower(item.name, lower)
        self.sources: Sequence[LinkSource] = [LinkSource(link) for link in (*self._upper, *self._lower.values())]
        self._commands = ExchangeCommands(database, self._book, self.desk, self.plate_of, seen_over, now_ms)
        self.forwarders = {item.link: self._forwarder(item) for item in config.exchange.forward}
        self.sinks = [self._sink(item) for item in config.sinks.jt809]

    async def open(self, last_life_ms: int) -> None:
        """Compile what links need, and state in the store what became of them meanwhile. Raises ``StoreError``."""
        if self._book.cards:
            await asyncio.to_thread(warm_up)
            await asyncio.to_thread(self.desk.begin, last_life_ms)

    def tasks(self) -> list[tuple[str, Coroutine[None, None, None]]]:
        """Listeners, links, desk and forwarders."""
        if not self._book.cards:
            return []
        found: list[tuple[str, Coroutine[None, None, None]]] = [("exchange desk", self.desk.run())]
        found += [(f"listener {one.host}:{one.port}", one.run()) for one in upper_listeners(self._upper)]
        found += [(f"link {link.name}", link.run()) for link in self._lower.values()]
        found += [(f"questions {number}", one.run()) for number, one in enumerate(self.questions)]
        found += [(f"forwarder {name}", one.run()) for name, one in self.forwarders.items()]
        return found

    def tallies(self) -> dict[str, Tally]:
        """Counts for the metrics: documentation, label and counts by name."""
        if not self._book.cards:
            return {}
        return {
            "vdm_exchange_events_total": ("What platforms said, by what was done.", "event", self.desk.counts.items),
            "vdm_platform_vehicles_total": ("Announced vehicles.", "outcome", self.desk.vehicles.counts.items),
            "vdm_forwarded_total": (
                "Positions for upper platforms, by what became of them.",
                "outcome",
                self._forwarded,
            ),
        }

    def gauges(self) -> dict[str, Tally]:
        """Figures of now for the metrics, as ``tallies``."""
        if not self._book.cards:
            return {}
        behind = self.forwarders.items
        return {
            "vdm_inquiries_pressing": (
                "Open inquiries whose time is nearly over.",
                "direction",
                lambda: (("received", self.desk.pressing),),
            ),
            "vdm_forward_backlog_records": (
                "Journal records not yet forwarded.",
                "source",
                lambda: ((k, v.backlog) for k, v in behind()),
            ),
        }

    def handlers(self) -> Mapping[str, Handler]:
        """Commands by name."""
        return self._commands.handlers()

    def wake(self) -> None:
        """The journal has more."""
        for forwarder in self.forwarders.values():
            forwarder.wake()

    def plate_of(self, vehicle_id: str, at_ms: int, /) -> tuple[str, int] | None:
        """Plate and colour code of a vehicle at a moment, by the registry or by its key."""
        return plate_of_vehicle(self._registry(), vehicle_id, at_ms)

    def _position_sent(self, link: str, sn: int) -> tuple[str, int] | None:
        forwarder = self.forwarders.get(link)
        return None if forwarder is None else forwarder.sent.vehicle(sn)

    def _forwarded(self) -> Iterable[tuple[str, int]]:
        total: Counter[str] = Counter()
        for forwarder in self.forwarders.values():
            total.update(forwarder.counts)
        return total.items()

    def _forwarder(self, settings: ForwardSettings) -> Forwarder:
        link = self._lower[settings.link]
        return Forwarder(
            settings,
            link,
            lambda: link.counts.ups[Channel.MAIN],
            self._journal.read,
            lambda: self._journal.last_offset,
            self._registry,
            self._database,
            self._now_ms,
            own=link.settings.platform or settings.link,
            platform_id=link.settings.platform_id,
        )

    def _sink(self, settings: Jt809SinkSettings) -> Jt809Sink:
        link = self._lower[settings.link]
        return Jt809Sink(
            settings,
            link,
            Version(int(link.settings.version.value)),
            link.settings.platform_id,
            self.plate_of,
            _References(self._database, settings.link),
            self._now_ms,
        )


class _References:
    """Which message of one link carried which alarm."""

    def __init__(self, database: Database, link: str) -> None:
        self._database = database
        self._link = link

    def keep(self, alarm: ReportedAlarm, alarm_id: str, sequence: int, sent_ms: int) -> None:
        add_reference(
            self._database,
            SentReference(
                link=self._link,
                msg_type=alarm.msg_type,
                sn=alarm.sn,
                info_id=alarm.info_id,
                alarm_id=alarm_id,
                sequence=sequence,
                plate=alarm.plate,
                plate_color=alarm.plate_color,
                warn_type=alarm.warn_type,
                warn_ms=alarm.warn_ms,
                sent_ms=sent_ms,
            ),
        )

    def last(self, alarm_id: str) -> Reported | None:
        return reference_of_alarm(self._database, self._link, alarm_id)


def _card(item: Jt809LinkSettings) -> LinkCard:
    return LinkCard(item.name, item.role, item.platform or item.name, int(item.version.value), item.platform_id)
