"""The alarm book: which episodes are open, and what each edge does to its alarm.

An alarm's id is computed from subject, key, rule, kind and the onset as first published, so a run over the same
records gives the same alarms. Every change is numbered within its alarm.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.alarms.inhibition import Inhibitor, InhibitorState
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
from monitor.model.map_set import NO_MAPS, MapSet
from monitor.model.report import TERMINAL_PREFIX

if TYPE_CHECKING:
    from monitor.alarms.dead_zones import DeadZones
    from monitor.alarms.place_names import PlaceNames
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
    def sources(self) -> Sequence[str]: ...
    @property
    def registry(self) -> Registry | None: ...
    @property
    def fences(self) -> FenceSet | None: ...
    @property
    def maps(self) -> MapSet: ...
    def parameter(self, row: int, rule: str, name: str) -> float: ...


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
    causes: tuple[int, ...] = ()  # of each change: position of the edge that is about its alarm; -1 for another's


class AlarmBook:
    """Open episodes by (vehicle key, rule, kind). ``provisional``: live alarms, until settlement confirms them."""

    def __init__(self, rules: Sequence[RuleFacts], fleet: FleetView, *, provisional: bool) -> None:
        self._rules = tuple(rules)
        self._fleet = fleet
        self._provisional = provisional
        self._open: dict[tuple[str, str, str], OpenEpisode] = {}
        # Raised as over already: the clear follows in the same batch, and another alarm of the key may last meanwhile.
        self._over: dict[tuple[str, str, str, int], OpenEpisode] = {}
        self._inhibitor = Inhibitor()
        self._merging = Merging(live=provisional)
        self._named: MapSet = NO_MAPS
        self._names: PlaceNames | None = None
        self._zoned: MapSet = NO_MAPS
        self._zones: DeadZones | None = None

    @property
    def open_alarms(self) -> tuple[Alarm, ...]:
        """Alarms whose condition lasts, without those merged into others."""
        return tuple(item.alarm for item in self._open.values() if item.alarm.state is AlarmState.ACTIVE)

    def apply(self, edges: NDArray[np.void]) -> BookOutput:
        """Take edges (dtype EDGE) in the order found."""
        changes: list[AlarmChange] = []
        prewarnings: list[PreWarning] = []
        records: list[DeviceRecord] = []
        causes: list[int] = []
        for place in _in_order(edges):
            edge = edges[place]
            if edge["edge"] == EdgeType.RELEASE:
                let_go = self._let_go(edge)
                changes += let_go
                causes += [-1] * len(let_go)
            elif edge["edge"] == EdgeType.PREWARNING:
                prewarnings.append(self._prewarning(edge))
            elif edge["edge"] == EdgeType.RECORD:
                records.append(self._record(edge))
            else:
                found = self._changes(edge)
                changes += found
                causes += [place, *[-1] * (len(found) - 1)]
        return BookOutput(tuple(changes), tuple(prewarnings), tuple(records), tuple(causes))

    def open_of(self, vehicles: Collection[str]) -> dict[tuple[str, str, str], OpenEpisode]:
        """Open episodes of some vehicles, merged ones too, by (vehicle, rule, kind)."""
        return {key: episode for key, episode in self._open.items() if key[0] in vehicles}

    def begin_with(self, other: AlarmBook, lasting: Iterable[Alarm]) -> None:
        """Take over what another book remembers, but of episodes only these open ones."""
        self.restore(other.snapshot())
        self._open = {(one.vehicle_id, one.rule, one.kind): OpenEpisode(one, 0) for one in lasting}

    def correct(self, alarm: Alarm, transition: Transition, reason: str, at_ms: int) -> list[AlarmChange]:
        """Put an alarm in the place of the open episode of its vehicle, rule and kind, or end that."""
        key = (alarm.vehicle_id, alarm.rule, alarm.kind)
        known = self._open.get(key)
        sequence = 1 if known is None or known.alarm.alarm_id != alarm.alarm_id else known.sequence + 1
        if alarm.state is AlarmState.ACTIVE:
            self._open[key] = OpenEpisode(alarm, sequence)
        elif known is not None and known.alarm.alarm_id == alarm.alarm_id:
            del self._open[key]
        changes = [AlarmChange(alarm, transition, sequence, at_ms, reason)]
        gone = alarm if alarm.state is not AlarmState.MERGED else replace(alarm, state=AlarmState.WITHDRAWN)
        for revised, number in self._merging.note(gone, sequence, at_ms):
            merged = revised.state is AlarmState.MERGED
            changes.append(AlarmChange(revised, Transition.MERGED if merged else Transition.UPDATED, number, at_ms))
            self._keep((revised.vehicle_id, revised.rule, revised.kind), revised, number)
        return changes

    def note_outage(self, outage: Alarm) -> None:
        """A platform's outage that others found, so that it explains what begins within it."""
        self._inhibitor.note_outage(outage)

    def snapshot(self) -> bytes:
        """Open episodes as JSON."""
        return msgspec.json.encode((list(self._open.values()), self._inhibitor.snapshot(), self._merging.snapshot()))

    def restore(self, data: bytes) -> None:
        """Take over a snapshot."""
        episodes, inhibitor, merging = msgspec.json.decode(
            data, type=tuple[list[OpenEpisode], InhibitorState, MergingState]
        )
        self._open = {
            (item.alarm.vehicle_id or item.alarm.platform, item.alarm.rule, item.alarm.kind): item for item in episodes
        }
        self._inhibitor.restore(inhibitor)
        self._merging.restore(merging)

    def _changes(self, edge: np.void) -> list[AlarmChange]:
        """What an edge does to its own alarm, then to device alarms that are merged with it."""
        rule = self._rules[edge["rule"]]
        of_platform = edge["row"] < 0
        subject_key = self._fleet.sources[edge["platform"]] if of_platform else self._fleet.keys[edge["row"]]
        key = (subject_key, rule.name, rule.kind(int(edge["kind"])))
        own = (*key, int(edge["onset_ms"]))
        episode = self._over.pop(own, None) or self._open.get(key)
        if episode is None or edge["edge"] == EdgeType.ONSET:
            alarm, sequence, transition = self._raised(edge, rule, key), 1, Transition.RAISED
            if not of_platform:
                heard_through = self._fleet.sources[edge["platform"]] if edge["platform"] >= 0 else ""
                alarm = self._inhibitor.judge(alarm, heard_through, int(edge["heard_ms"]), int(edge["at_ms"]))
                alarm = self._explained(alarm, int(edge["row"]))
        else:
            begun = episode.alarm.start_lon is not None
            alarm, sequence = self._placed(_updated(episode.alarm, edge), edge, begun), episode.sequence + 1
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
        if of_platform:
            self._inhibitor.note_outage(alarm)
        alarm = self._merging.judge(alarm)
        at_ms = int(edge["at_ms"])
        if edge["edge"] == EdgeType.ONSET and edge["end_ms"] != 0:
            self._over[own] = OpenEpisode(alarm, sequence)
        else:
            self._keep(key, alarm, sequence)
        changes = [AlarmChange(alarm, transition, sequence, at_ms)]
        for revised, number in self._merging.note(alarm, sequence, at_ms):
            merged = revised.state is AlarmState.MERGED
            changes.append(AlarmChange(revised, Transition.MERGED if merged else Transition.UPDATED, number, at_ms))
            self._keep((revised.vehicle_id, revised.rule, revised.kind), revised, number)
        return changes

    def _let_go(self, edge: np.void) -> list[AlarmChange]:
        """Alarms that last and that a platform's outage inhibited: they stand for themselves now, or the next does."""
        rule = self._rules[edge["rule"]]
        platform = self._fleet.sources[edge["platform"]]
        kind = rule.kind(int(edge["kind"]))
        by = alarm_id(Subject.PLATFORM, platform, rule.name, kind, int(edge["onset_ms"]))
        again = self._inhibitor.lasting(platform)
        changes: list[AlarmChange] = []
        for key, item in list(self._open.items()):
            if item.alarm.inhibited_by == by and item.alarm.state is AlarmState.ACTIVE:
                revised = OpenEpisode(replace(item.alarm, inhibited_by=again), item.sequence + 1)
                self._open[key] = revised
                changes.append(AlarmChange(revised.alarm, Transition.UPDATED, revised.sequence, int(edge["at_ms"])))
        return changes

    def _keep(self, key: tuple[str, str, str], alarm: Alarm, sequence: int) -> None:
        """Remember an alarm while its condition lasts, merged or not."""
        if alarm.end_ms is None and alarm.state is not AlarmState.WITHDRAWN:
            self._open[key] = OpenEpisode(alarm, sequence)
        elif (known := self._open.get(key)) is not None and known.alarm.alarm_id == alarm.alarm_id:
            del self._open[key]

    def _raised(self, edge: np.void, rule: RuleFacts, key: tuple[str, str, str]) -> Alarm:
        named, name, kind = key
        onset_ms = int(edge["onset_ms"])
        of_platform = edge["row"] < 0
        vehicle = None if of_platform else self._vehicle(named, onset_ms)
        driver = self._fleet.drivers[edge["driver"]] if edge["driver"] >= 0 else ""
        subject, subject_key = self._subject(rule, named, driver)
        alarm = _updated(
            Alarm(
                alarm_id=alarm_id(subject, subject_key, name, kind, onset_ms),
                subject=subject,
                rule=name,
                kind=kind,
                grade=Grade.NOTICE,
                certainty=Certainty.CERTAIN,
                state=AlarmState.ACTIVE,
                vehicle_id="" if of_platform else named,
                plate=vehicle.plate if vehicle else "",
                vehicle_class=vehicle.vehicle_class.value if vehicle else "",
                enterprise_id=vehicle.enterprise_id if vehicle else "",
                driver_id=driver,
                onset_ms=onset_ms,
                provisional=self._provisional,
                platform=named if of_platform else "",
            ),
            edge,
        )
        return self._placed(alarm, edge, begun=False)

    def _placed(self, alarm: Alarm, edge: np.void, begun: bool) -> Alarm:
        """The alarm with its places in words. Where it began is said once (``begun``), however maps change later."""
        if not begun:
            alarm = replace(alarm, start_place=self._place(edge, "start"))
        if edge["edge"] == EdgeType.CLEAR:
            alarm = replace(alarm, end_place=self._place(edge, "end"))
        return alarm

    def _place(self, edge: np.void, which: str) -> str:
        maps = self._fleet.maps
        if maps.roads is not self._named.roads or maps.places is not self._named.places:
            from monitor.alarms.place_names import PlaceNames  # shapes are loaded only where there are maps

            self._named, self._names = maps, PlaceNames(maps.roads, maps.places)
        if self._names is None:
            return ""
        return self._names.of(float(edge[f"{which}_lon"]), float(edge[f"{which}_lat"]), int(edge[f"{which}_section"]))

    def _explained(self, alarm: Alarm, row: int) -> Alarm:
        """The alarm, inhibited where a dead zone or a tunnel explains it."""
        maps = self._fleet.maps
        if maps.roads is not self._zoned.roads or maps.fences is not self._zoned.fences:
            from monitor.alarms.dead_zones import DeadZones  # shapes are loaded only where there are maps

            self._zoned, self._zones = maps, DeadZones(maps)
        return alarm if self._zones is None else self._zones.judge(alarm, row, self._fleet)

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


def _in_order(edges: NDArray[np.void]) -> list[int]:
    """Places of edges as they are taken: what bears on others first, so that a batch's size never matters; what is let
    go last."""
    of_platforms = edges["row"] < 0
    if not of_platforms.any():
        return list(range(len(edges)))
    let_go = edges["edge"] == EdgeType.RELEASE
    return [int(place) for place in np.argsort(np.where(let_go, 2, np.where(of_platforms, 0, 1)), kind="stable")]


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
