"""Prometheus metrics of the core, prefix ``vdm_``. Every label value is known in advance and starts at 0.

Never a label: vehicle, plate, enterprise, terminal, driver, alarm id or free text. A word that is not known in advance
counts under ``other``.
"""

from __future__ import annotations

import contextlib
from collections import Counter as Tally
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest

from monitor import __version__
from monitor.alarms.dispatch import Fate
from monitor.alarms.pushing import Verdict
from monitor.app.clock_watch import ClockState
from monitor.app.histogram import ArrayHistogram
from monitor.codec.json_columns import RejectReason
from monitor.codec.jt808 import FrameOutcome
from monitor.engine.receive import Outcome
from monitor.model.alarm import Alarm, AlarmChange, Grade, Transition
from monitor.model.fleet import VehicleClass
from monitor.store.free_space import Reserve

# Each counter would come twice, with the moment of its birth; Prometheus makes nothing of that by default.
disable_created_metrics()  # type: ignore[no-untyped-call]

OTHER = "other"
LAG_BOUNDS_S = (1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
"""Fix to receipt, logarithmic from one second to one day."""
LATENCY_BOUNDS_S = (0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 2.0, 5.0)
"""Receipt to committed alarm; one second is the promise."""

REJECT_REASONS: tuple[str, ...] = tuple(
    sorted(
        {reason.value for reason in RejectReason}
        | {outcome.reason for outcome in FrameOutcome if outcome.rejected}
        | {"not_report", "oversize", OTHER}
    )
)
_REMARKS: tuple[str, ...] = tuple(outcome.reason for outcome in FrameOutcome if not outcome.rejected and outcome)
STAGES = ("intake", "records")
STATUSES = ("moving", "standing", "silent", "never_seen", "unregistered")
RATIOS = ("online", "completeness", "conformity", "drift")
WITHHELD = tuple(fate for fate in Fate if fate is not Fate.SEND)
SENT = ("delivered", "failed", "refused", "gave_up")


class Metrics:
    """All metrics of one core in a registry of their own. ``sources``, ``sinks`` and ``rules`` are their names."""

    def __init__(self, sources: Sequence[str], sinks: Sequence[str], rules: Sequence[str]) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self._ingest(sources)
        self._stages()
        self._fleet()
        self._alarms(rules)
        self._deliveries(sinks)
        info = self._gauge("vdm_build_info", "Version of the running program.", ("version",))
        info.labels(__version__).set(1)

    def _ingest(self, sources: Sequence[str]) -> None:
        self.received = self._counter("vdm_reports_received_total", "Reports read from a source.", ("source",))
        self.messages = self._counter("vdm_messages_received_total", "Messages taken from a source.", ("source",))
        self.connected = self._gauge("vdm_source_connected", "Whether the source is connected.", ("source",))
        for source in sources:
            self.received.labels(source)
            self.messages.labels(source)
            self.connected.labels(source).set(0)
        self.reports = self._counter("vdm_reports_total", "Reports by what became of them.", ("outcome",))
        self.outcomes = [self.reports.labels(outcome.name.lower()) for outcome in Outcome]
        self.rejected = self._counter("vdm_reports_rejected_total", "Refused, kept in quarantine.", ("reason",))
        for reason in REJECT_REASONS:
            self.rejected.labels(reason)
        self.remarked = self._counter("vdm_frames_remarked_total", "Frames that are no plain report.", ("remark",))
        for remark in _REMARKS:
            self.remarked.labels(remark)
        self.late = self._counter("vdm_reports_late_total", "Reports more than 300 s old on receipt.")
        self.unknown_fields = self._counter("vdm_unknown_fields_total", "Intakes with fields that nobody reads.")
        self.quarantine_dropped = self._gauge("vdm_quarantine_dropped", "Quarantined messages that made room.")
        self.lag = ArrayHistogram("vdm_ingest_lag_seconds", "From fix to receipt.", LAG_BOUNDS_S)
        self.latency = ArrayHistogram("vdm_detect_latency_seconds", "From receipt to commit.", LATENCY_BOUNDS_S)
        self.registry.register(self.lag)
        self.registry.register(self.latency)

    def _stages(self) -> None:
        self.queue_length = self._gauge("vdm_queue_length", "What waits before a stage.", ("stage",))
        self.queue_capacity = self._gauge("vdm_queue_capacity", "How much may wait before a stage.", ("stage",))
        for stage in STAGES:
            self.queue_length.labels(stage).set(0)
            self.queue_capacity.labels(stage).set(0)
        self.journal_offset = self._gauge("vdm_journal_offset", "Last record in the journal.")
        self.committed_offset = self._gauge("vdm_committed_offset", "Last record whose outcome is stored.")
        self.engine_clock = self._gauge("vdm_engine_clock_timestamp_seconds", "Clock of the engine.")
        self.write_failures = self._counter("vdm_write_failures_total", "Writes that failed.", ("stage",))
        for stage in ("journal", "store", "snapshot", "frames"):
            self.write_failures.labels(stage)
        self.intake_stopped = self._gauge("vdm_intake_stopped", "1 while the disk takes no records.")
        self.disk_free = self._gauge("vdm_disk_free_bytes", "Free on the disk of the journal.")
        self.disk_reserve = self._gauge("vdm_disk_reserve_bytes", "Of that kept back: below it nothing is accepted.")
        self.clock_apart = self._gauge("vdm_clock_apart_seconds", "The machine's clock less its steady course.")
        self.clock_refused = self._gauge("vdm_clock_refused", "1 while the machine's clock is not followed.")
        self.snapshot_time = self._gauge("vdm_snapshot_last_success_timestamp_seconds", "Last snapshot written.")
        self.snapshot_seconds = self._gauge("vdm_snapshot_duration_seconds", "How long the last snapshot took.")
        self.snapshot_bytes = self._gauge("vdm_snapshot_size_bytes", "Size of the last snapshot.")
        self.recovery_seconds = self._gauge("vdm_recovery_duration_seconds", "How long the last start took.")
        self.reckoning_seconds = self._gauge("vdm_reckoning_duration_seconds", "How long the last summaries took.")

    def _fleet(self) -> None:
        self.vehicles = self._gauge("vdm_vehicles", "Vehicles by what they do now.", ("status",))
        for status in STATUSES:
            self.vehicles.labels(status).set(0)
        self.ratios = {
            name: self._gauge(f"vdm_fleet_{name}_ratio", f"Share of the day so far: {name}.", ("vehicle_class",))
            for name in RATIOS
        }
        for gauge in self.ratios.values():
            for vehicle_class in VehicleClass:
                gauge.labels(vehicle_class.value).set(0)

    def _alarms(self, rules: Sequence[str]) -> None:
        self.active = self._gauge("vdm_alarms_active", "Alarms whose condition lasts.", ("rule", "grade"))
        self.changes = self._counter("vdm_alarms_total", "Changes of alarms.", ("rule", "grade", "transition"))
        self.withheld = self._counter("vdm_alarms_suppressed_total", "Changes that were not pushed.", ("reason",))
        self.prewarnings = self._counter("vdm_prewarnings_total", "Warnings before a limit.", ("rule",))
        for rule in rules:
            self.prewarnings.labels(rule)
            for grade in Grade:
                self.active.labels(rule, grade.word).set(0)
                for transition in Transition:
                    self.changes.labels(rule, grade.word, transition.value)
        for verdict in Verdict:
            if verdict is not Verdict.PUSH:
                self.withheld.labels(verdict.value)
        self.listed = self._gauge("vdm_key_supervision_objects", "Objects on the list.", ("object_type",))
        for object_type in ("vehicle", "driver", "enterprise"):
            self.listed.labels(object_type).set(0)

    def _deliveries(self, sinks: Sequence[str]) -> None:
        self.deliveries = self._counter("vdm_deliveries_total", "Attempts to push.", ("sink", "result"))
        self.pending = self._gauge("vdm_outbox_pending", "Pushes that a sink has still to send.", ("sink",))
        self.kept_back = self._counter(
            "vdm_deliveries_withheld_total", "Messages kept back from a receiver.", ("sink", "reason")
        )
        self.dead_letters = self._gauge("vdm_dead_letters", "Messages that wait for a person's decision.", ("sink",))
        self.silences = self._gauge("vdm_silences", "Silences that last.")
        self._sent: Tally[tuple[str, str]] = Tally()
        for sink in sinks:
            self.pending.labels(sink).set(0)
            self.dead_letters.labels(sink).set(0)
            for fate in WITHHELD:
                self.kept_back.labels(sink, fate.value)
            for result in SENT:
                self.deliveries.labels(sink, result)

    def count_outcomes(self, outcomes: NDArray[np.int64]) -> None:
        """Counts per ``Outcome`` of one record."""
        for counter, n in zip(self.outcomes, outcomes.tolist(), strict=False):
            if n:
                counter.inc(n)

    def count_rejects(self, reasons: Tally[str]) -> None:
        """Counts by reason of one intake, of what was refused and of frames with a remark."""
        for reason, n in reasons.items():
            if reason in _REMARKS:
                self.remarked.labels(reason).inc(n)
            else:
                self.rejected.labels(reason if reason in REJECT_REASONS else OTHER).inc(n)

    def count_changes(self, changes: Iterable[AlarmChange], verdicts: Iterable[Verdict]) -> None:
        """Changes of alarms, and why some of them are not pushed."""
        tally = Tally((one.alarm.rule, one.alarm.grade.word, one.transition.value) for one in changes)
        for labels, n in tally.items():
            self.changes.labels(*labels).inc(n)
        for verdict, n in Tally(verdicts).items():
            self.withheld.labels(verdict.value).inc(n)

    def show_disk_and_clock(self, trouble: str, reserve: Reserve, clock: ClockState) -> None:
        """Why nothing is accepted (empty: it is), what the disk has left, and how far the clock is off its course."""
        self.intake_stopped.set(bool(trouble))
        with contextlib.suppress(OSError):
            self.disk_free.set(reserve.free_bytes())
        self.disk_reserve.set(reserve.reserve_bytes)
        self.clock_apart.set(clock.apart_s)
        self.clock_refused.set(clock.refused)

    def show_active(self, alarms: Iterable[Alarm], rules: Sequence[str]) -> None:
        """Alarms whose condition lasts."""
        tally = Tally((alarm.rule, alarm.grade) for alarm in alarms)
        for rule in rules:
            for grade in Grade:
                self.active.labels(rule, grade.word).set(tally[rule, grade])

    def show_delivered(self, sink: str, result: str, total: int) -> None:
        """The running total of a delivery worker."""
        self.deliveries.labels(sink, result).inc(total - self._sent[sink, result])
        self._sent[sink, result] = total

    def show_withheld(self, sink: str, totals: Mapping[Fate, int]) -> None:
        """Running totals of what a delivery worker kept back, by reason."""
        for fate in WITHHELD:
            total = totals.get(fate, 0)
            self.kept_back.labels(sink, fate.value).inc(total - self._sent[sink, fate.value])
            self._sent[sink, fate.value] = total

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: str, documentation: str, labels: tuple[str, ...] = ()) -> Counter:
        return Counter(name.removesuffix("_total"), documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, labels: tuple[str, ...] = ()) -> Gauge:
        return Gauge(name, documentation, labels, registry=self.registry)
