"""The alarm book: which episodes are open, and what each edge does to its alarm.

An alarm's id is computed from subject, key, rule, kind and the onset as first published, so a run over the same
records gives the same alarms. Every change is numbered within its alarm.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.alarms.inhibition import Inhibitor
from monitor.alarms.merging import Merging, MergingState
from monitor.model.alarm import (
    Alarm,
    AlarmChange,
    AlarmState,
    Certainty,
    EndReason,
    Grade,
    LimitSource,
    PreWarning,
    Subject,
    Transition,
    alarm_id,
)
from monitor.model.beijing import day_of
from monitor.model.device_record import DeviceRecord
from monitor.model.edge import EdgeType
from monitor.model.fleet import Registry, Vehicle
from monitor.model.report import TERMINAL_PREFIX

if TYPE_CHECKING:
    from monitor.model.fence import FenceSet


class RuleFacts(Protocol):
    """What the book has to know of a rule."""

    @property
    def name(self) -> str: ...
    @property
    def subject(self) -> Subject: ...
    @property
    def subject_driver(self) -> bool: ...
    def kind(self, code: int) -> str: ...


class FleetView(Protocol):
    """The texts behind the numbers of an edge."""

    @property
    def keys(self) -> Sequence[str]: ...
    @property
    def drivers(self) -> Sequence[str]: ...
    @property
    def registry(self) -> Registry | None: ...
    @property
    def fences(self) -> FenceSet | None: ...


@dataclass(frozen=True, slots=True)
class OpenEpisode:
    """An alarm whose condition lasts, with the number of its last change."""

    alarm: Alarm
    sequence: int


@dataclass(frozen=True, slots=True)
class BookOutput:
    """What a batch of edges did, in order."""

    changes: tuple[AlarmChange, ...]
    prewarnings: tuple[PreWarning, ...]
    records: tuple[DeviceRecord, ...] = ()


class AlarmBook:
    """Open episodes by (vehicle key, rule, kind). ``provisional``: live alarms, until settlement confirms them."""

    def __init__(self, rules: Sequence[RuleFacts], fleet: FleetView, *, provisional: bool) -> None:
        self._rules = tuple(rules)
        self._fleet = fleet
        self._provisional = provisional
        self._open: dict[tuple[str, str, str], OpenEpisode] = {}
        self._inhibitor = Inhibitor()
        self._merging = Merging(live=provisional)

    @property
    def open_alarms(self) -> tuple[Alarm, ...]:
        """Alarms whose condition lasts, without those merged into others."""
        return tuple(item.alarm for item in self._open.values() if item.alarm.state is AlarmState.ACTIVE)

    def apply(self, edges: NDArray[np.void]) -> BookOutput:
        """Take edges (dtype EDGE) in the order found."""
        changes: list[AlarmChange] = []
        prewarnings: list[PreWarning] = []
        records: list[DeviceRecord] = []
        for edge in edges:
            if edge["edge"] == EdgeType.PREWARNING:
                prewarnings.append(self._prewarning(edge))
            elif edge["edge"] == EdgeType.RECORD:
                records.append(self._record(edge))
            else:
                changes += self._changes(edge)
        return BookOutput(tuple(changes), tuple(prewarnings), tuple(records))

    def snapshot(self) -> bytes:
        """Open episodes as JSON."""
        return msgspec.json.encode((list(self._open.values()), self._inhibitor.snapshot(), self._merging.snapshot()))

    def restore(self, data: bytes) -> None:
        """Take over a snapshot."""
        episodes, inhibitor, merging = msgspec.json.decode(
            data, type=tuple[list[OpenEpisode], dict[str, tuple[int, str]], MergingState]
        )
        self._open = {(item.alarm.vehicle_id, item.alarm.rule, item.alarm.kind): item for item in episodes}
        self._inhibitor.restore(inhibitor)
        self._merging.restore(merging)

    def _changes(self, edge: np.void) -> list[AlarmChange]:
        """What an edge does to its own alarm, then to device alarms that are merged with it."""
        rule = self._rules[edge["rule"]]
        key = (self._fleet.keys[edge["row"]], rule.name, rule.kind(int(edge["kind"])))
        episode = self._open.get(key)
        if episode is None or edge["edge"] == EdgeType.ONSET:
            alarm, sequence, transition = self._raised(edge, rule, key), 1, Transition.RAISED
        else:
            alarm, sequence = _updated(episode.alarm, edge), episode.sequence + 1
            transition = Transition.UPDATED
        if edge["edge"] == EdgeType.CLEAR:
            alarm = replace(
                alarm,
                state=AlarmState.CLEARED,
                end_ms=int(edge["end_ms"]),
                end_reason=EndReason(int(edge["end_reason"])),
            )
            transition = Transition.CLEARED
        elif edge["edge"] == EdgeType.WITHDRAW:
            alarm, transition = replace(alarm, state=AlarmState.WITHDRAWN), Transition.WITHDRAWN
        alarm = self._merging.judge(self._inhibitor.judge(alarm))
        at_ms = int(edge["at_ms"])
        self._keep(key, alarm, sequence)
        changes = [AlarmChange(alarm, transition, sequence, at_ms)]
        for revised, number in self._merging.note(alarm, sequence, at_ms):
            merged = revised.state is AlarmState.MERGED
            changes.append(AlarmChange(revised, Transition.MERGED if merged else Transition.UPDATED, number, at_ms))
            self._keep((revised.vehicle_id, revised.rule, revised.kind), revised, number)
        return changes

    def _keep(self, key: tuple[str, str, str], alarm: Alarm, sequence: int) -> None:
        """Remember an alarm while its condition lasts, merged or not."""
        if alarm.end_ms is None and alarm.state is not AlarmState.WITHDRAWN:
            self._open[key] = OpenEpisode(alarm, sequence)
        elif (known := self._open.get(key)) is not None and known.alarm.alarm_id == alarm.alarm_id:
            del self._open[key]

    def _raised(self, edge: np.void, rule: RuleFacts, key: tuple[str, str, str]) -> Alarm:
        vehicle_key, name, kind = key
        onset_ms = int(edge["onset_ms"])
        vehicle = self._vehicle(vehicle_key, onset_ms)
        driver = self._fleet.drivers[edge["driver"]] if edge["driver"] >= 0 else ""
        subject, subject_key = self._subject(rule, vehicle_key, driver)
        return _updated(
            Alarm(
                alarm_id=alarm_id(subject, subject_key, name, kind, onset_ms),
                subject=subject,
                rule=name,
                kind=kind,
                grade=Grade.NOTICE,
                certainty=Certainty.CERTAIN,
                state=AlarmState.ACTIVE,
                vehicle_id=vehicle_key,
                plate=vehicle.plate if vehicle else "",
                vehicle_class=vehicle.vehicle_class.value if vehicle else "",
                enterprise_id=vehicle.enterprise_id if vehicle else "",
                driver_id=driver,
                onset_ms=onset_ms,
                provisional=self._provisional,
            ),
            edge,
        )

    def _prewarning(self, edge: np.void) -> PreWarning:
        rule = self._rules[edge["rule"]]
        kind = rule.kind(int(edge["kind"]))
        vehicle_key = self._fleet.keys[edge["row"]]
        at_ms = int(edge["onset_ms"])
        vehicle = self._vehicle(vehicle_key, at_ms)
        driver = self._fleet.drivers[edge["driver"]] if edge["driver"] >= 0 else ""
        subject, subject_key = self._subject(rule, vehicle_key, driver)
        return PreWarning(
            warning_id=alarm_id(subject, subject_key, f"{rule.name}:prewarning", kind, at_ms),
            rule=rule.name,
            kind=kind,
            vehicle_id=vehicle_key,
            plate=vehicle.plate if vehicle else "",
            vehicle_class=vehicle.vehicle_class.value if vehicle else "",
            enterprise_id=vehicle.enterprise_id if vehicle else "",
            driver_id=driver,
            at_ms=at_ms,
            value=float(edge["peak"]),
            limit=float(edge["limit"]),
            remaining_s=round((float(edge["limit"]) - float(edge["peak"])) * 3600, 1),
        )

    def _record(self, edge: np.void) -> DeviceRecord:
        rule = self._rules[edge["rule"]]
        kind = rule.kind(int(edge["kind"]))
        vehicle_key = self._fleet.keys[edge["row"]]
        at_ms = int(edge["onset_ms"])
        vehicle = self._vehicle(vehicle_key, at_ms)
        lon, lat = float(edge["start_lon"]), float(edge["start_lat"])
        around = self._fleet.fences.quiet_at(lon, lat) if self._fleet.fences is not None else ()
        return DeviceRecord(
            record_id=alarm_id(rule.subject, vehicle_key, f"{rule.name}:record", kind, at_ms),
            rule=rule.name,
            kind=kind,
            vehicle_id=vehicle_key,
            plate=vehicle.plate if vehicle else "",
            vehicle_class=vehicle.vehicle_class.value if vehicle else "",
            enterprise_id=vehicle.enterprise_id if vehicle else "",
            driver_id=self._fleet.drivers[edge["driver"]] if edge["driver"] >= 0 else "",
            at_ms=at_ms,
            found_ms=int(edge["at_ms"]),
            lon=_number(lon, 7),
            lat=_number(lat, 7),
            fence_id=around[0].fence_id if around else "",
            fence_name=around[0].name if around else "",
            late=bool(edge["late"]),
        )

    def _subject(self, rule: RuleFacts, vehicle_key: str, driver: str) -> tuple[Subject, str]:
        """What an episode is about: the driver, where the rule is about drivers and one is known."""
        if rule.subject_driver and driver:
            return Subject.DRIVER, driver
        return rule.subject, vehicle_key

    def _vehicle(self, key: str, at_ms: int) -> Vehicle | None:
        registry = self._fleet.registry
        if registry is None or key.startswith(TERMINAL_PREFIX):
            return None
        return registry.vehicle(key, int(day_of(at_ms)))


def _updated(alarm: Alarm, edge: np.void) -> Alarm:
    """The alarm with the figures of an edge."""
    return replace(
        alarm,
        grade=Grade(int(edge["grade"])),
        certainty=Certainty(int(edge["certainty"])),
        peak=_number(edge["peak"]),
        mean=_number(edge["mean"]),
        limit=_number(edge["limit"]),
        limit_source=LimitSource(int(edge["limit_source"])),
        suspected_serious=bool(edge["suspected_serious"]),
        night_only=bool(edge["night_only"]),
        distance_m=_number(edge["distance_m"], 1),
        n_reports=int(edge["n_reports"]),
        start_lon=_number(edge["start_lon"], 7) if not math.isnan(edge["start_lon"]) else alarm.start_lon,
        start_lat=_number(edge["start_lat"], 7) if not math.isnan(edge["start_lat"]) else alarm.start_lat,
        end_lon=_number(edge["end_lon"], 7),
        end_lat=_number(edge["end_lat"], 7),
        late=alarm.late or bool(edge["late"]),
    )


def _number(value: float, digits: int = 4) -> float | None:
    return None if math.isnan(value) else round(float(value), digits)
