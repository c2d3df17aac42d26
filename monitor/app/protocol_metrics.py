"""Running counts of terminal servers and platform links as metrics, read when somebody asks.

Words come from fixed lists of the sources (kinds of message, reasons, results); none is made of what a peer sends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitor.sources.jt808 import Jt808Counts
from monitor.sources.jt809 import LinkCounts

Tally = tuple[str, str, Callable[[], Iterable[tuple[str, int]]]]
"""Documentation, name of the label, and the counts by word."""


class _Named(Protocol):
    @property
    def name(self) -> str: ...


class Server(Protocol):
    """A JT/T 808 server."""

    @property
    def settings(self) -> _Named: ...
    @property
    def counts(self) -> Jt808Counts: ...


class Link(Protocol):
    """A JT/T 809 link."""

    @property
    def settings(self) -> _Named: ...
    @property
    def counts(self) -> LinkCounts: ...


_TERMINAL_GAUGES = {
    "open": ("vdm_jt808_connections", "Connections now."),
    "authenticated": ("vdm_jt808_terminals_online", "Terminals that orders can be sent to now."),
}
_TERMINAL_TOTALS = {
    "accepted": ("vdm_jt808_accepted_total", "Connections accepted."),
    "received_bytes": ("vdm_jt808_received_bytes_total", "Bytes received."),
    "replies": ("vdm_jt808_replies_total", "General replies sent."),
    "unanswered": ("vdm_jt808_unanswered_total", "Frames not answered; their senders repeat them."),
    "unauthenticated": ("vdm_jt808_unauthenticated_total", "Frames refused for want of authentication."),
    "unregistered": ("vdm_jt808_unregistered_total", "Terminals taken that the registry does not know."),
    "taken_over": ("vdm_jt808_taken_over_total", "Connections replaced by a newer one of the same phone."),
    "throttled": ("vdm_jt808_throttled_total", "Times that a connection was read more slowly."),
}
_TERMINAL_TALLIES = {
    "refused": ("vdm_jt808_refused_total", "Connections refused.", "reason"),
    "dropped": ("vdm_jt808_dropped_total", "Connections closed by us.", "reason"),
    "frames": ("vdm_jt808_frames_total", "Frames by kind of message.", "kind"),
    "bad_frames": ("vdm_jt808_bad_frames_total", "Frames that could not be read.", "reason"),
    "registrations": ("vdm_jt808_registrations_total", "Registrations by result.", "result"),
    "authentications": ("vdm_jt808_authentications_total", "Log-ins by what was decided.", "result"),
    "packet_sets": ("vdm_jt808_packet_sets_total", "Sub-packaged messages by what became of them.", "outcome"),
    "orders": ("vdm_jt808_orders_total", "Orders to terminals by result.", "result"),
}
_LINK_TOTALS = {
    "bytes_in": ("vdm_jt809_received_bytes_total", "Bytes received."),
    "bytes_out": ("vdm_jt809_sent_bytes_total", "Bytes sent."),
    "frames_in": ("vdm_jt809_frames_received_total", "Frames received."),
    "frames_out": ("vdm_jt809_frames_sent_total", "Frames sent."),
    "positions_in": ("vdm_jt809_positions_received_total", "Positions received."),
    "positions_out": ("vdm_jt809_positions_sent_total", "Positions sent."),
    "events_in": ("vdm_jt809_events_received_total", "Messages for the desk."),
    "rejects": ("vdm_jt809_rejected_total", "Frames put into quarantine."),
    "ignored": ("vdm_jt809_ignored_total", "Sound frames that mean nothing on their link."),
    "foreign_codes": ("vdm_jt809_foreign_codes_total", "Frames with another access code than the log-in's."),
    "missing": ("vdm_jt809_missing_total", "Sequence numbers jumped over."),
    "resent": ("vdm_jt809_resent_total", "Frames sent again on request."),
    "garbage_peers": ("vdm_jt809_garbage_peers_total", "Connections dropped because nothing sound came."),
    "desk_failures": ("vdm_jt809_desk_failures_total", "Times that the desk could not take what came."),
    "deliver_failures": ("vdm_jt809_deliver_failures_total", "Times that positions could not be kept."),
}
_LINK_TALLIES = {
    "ups": ("vdm_jt809_ups_total", "Channels that came up.", "channel"),
    "downs": ("vdm_jt809_downs_total", "Channels that went down, by channel and reason.", "reason"),
    "refused": ("vdm_jt809_refused_total", "Log-ins refused.", "reason"),
}


class ProtocolMetrics(Collector):
    """Of all servers and links of a core.

    ``tallies`` are further counts by word, ``gauges`` further figures of now, both by name of the metric.
    """

    def __init__(
        self,
        servers: Sequence[Server],
        links: Sequence[Link],
        tallies: Mapping[str, Tally],
        gauges: Mapping[str, Tally],
    ) -> None:
        self._servers = servers
        self._links = links
        self._tallies = tallies
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        servers = [(one.settings.name, one.counts) for one in self._servers]
        links = [(one.settings.name, one.counts) for one in self._links]
        if servers:
            for field, (name, told) in _TERMINAL_GAUGES.items():
                gauge = GaugeMetricFamily(name, told, labels=("source",))
                for source, counts in servers:
                    gauge.add_metric((source,), getattr(counts, field))
                yield gauge
        yield from _totals(_TERMINAL_TOTALS, _TERMINAL_TALLIES, servers)
        yield from _totals(_LINK_TOTALS, _LINK_TALLIES, links)
        for name, (told, label, tally) in self._tallies.items():
            family = CounterMetricFamily(name, told, labels=(label,))
            for word, n in sorted(tally()):
                family.add_metric((word,), n)
            yield family
        for name, (told, label, figures) in self._gauges.items():
            gauge = GaugeMetricFamily(name, told, labels=(label,))
            for word, n in sorted(figures()):
                gauge.add_metric((word,), n)
            yield gauge

    def describe(self) -> Iterator[Metric]:
        """Nothing: names are checked by the registry when they are collected."""
        return iter(())


def _totals(
    totals: Mapping[str, tuple[str, str]],
    tallies: Mapping[str, tuple[str, str, str]],
    sources: Sequence[tuple[str, object]],
) -> Iterator[Metric]:
    if not sources:
        return
    for field, (name, told) in totals.items():
        family = CounterMetricFamily(name, told, labels=("source",))
        for source, counts in sources:
            family.add_metric((source,), getattr(counts, field))
        yield family
    for field, (name, told, label) in tallies.items():
        family = CounterMetricFamily(name, told, labels=("source", label))
        for source, counts in sources:
            for word, n in sorted(getattr(counts, field).items()):
                family.add_metric((source, word), n)
        yield family
