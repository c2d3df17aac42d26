"""Everything that brings reports: brokers, terminals, platforms."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Protocol

from monitor.app.config import MonitorConfig
from monitor.app.platforms import Platforms
from monitor.app.terminals import Terminals
from monitor.sources.intake import Codec, Deliver, SourceClock
from monitor.sources.jt808 import Jt808Server
from monitor.sources.mqtt import MqttSource
from monitor.sources.redis_streams import RedisSource


class _Settings(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...


class Source(Protocol):
    """A source of reports, as far as health and metrics go."""

    @property
    def connected(self) -> bool: ...

    @property
    def settings(self) -> _Settings: ...


class SourceLink:
    """A source as health check and metrics see it."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.name = source.settings.name
        self.address = source.settings.address

    @property
    def connected(self) -> bool:
        return self._source.connected


class BrokerSession:
    """A session with a broker, and the platforms whose reports it brings."""

    def __init__(self, source: MqttSource | RedisSource) -> None:
        self._source = source
        self.name = source.settings.name
        parts = source.settings.subscriptions if isinstance(source, MqttSource) else source.settings.streams
        self.platforms = tuple(dict.fromkeys(one.platform or source.settings.name for one in parts))

    @property
    def connected(self) -> bool:
        return self._source.connected


class Inputs:
    """The sources of a configuration. ``now_ms`` is the wall clock."""

    def __init__(
        self,
        config: MonitorConfig,
        deliver: Deliver,
        terminals: Terminals,
        platforms: Platforms,
        now_ms: Callable[[], int],
    ) -> None:
        self._running: list[MqttSource | RedisSource | Jt808Server] = [
            *(MqttSource(settings, deliver, now_ms) for settings in config.mqtt),
            *(RedisSource(settings, deliver, now_ms) for settings in config.sources.redis),
            *terminals.servers,
        ]
        self.own: Sequence[SourceLink] = [SourceLink(one) for one in self._running]
        """Sources that are down for a reason of ours. A platform that does not call is no fault of this daemon."""
        self.brokers = [BrokerSession(one) for one in self._running if isinstance(one, MqttSource | RedisSource)]
        self.links = (*self.own, *(SourceLink(one) for one in platforms.sources))

    def tasks(self) -> list[tuple[str, Coroutine[None, None, None]]]:
        """One per broker, Redis and terminal server; links are run by ``Platforms``."""
        return [(f"source {source.settings.name}", source.run()) for source in self._running]


def codecs_used(config: MonitorConfig) -> tuple[Codec, ...]:
    """The codecs that a start has to warm up."""
    used = {one.codec for item in config.mqtt for one in item.subscriptions}
    used.update(one.codec for item in config.sources.redis for one in item.streams)
    if config.jt808:
        used.add(Codec.JT808)
    return tuple(codec for codec in Codec if codec in used)


def by_our_clock(config: MonitorConfig) -> bool:
    """Whether the receive time of any source is our own clock, so that time passes without reports."""
    clocks = {one.clock for item in config.mqtt for one in item.subscriptions}
    clocks.update(one.clock for item in config.sources.redis for one in item.streams)
    clocks.update(item.clock for item in config.jt809)
    return SourceClock.ARRIVAL in clocks or bool(config.jt808)
