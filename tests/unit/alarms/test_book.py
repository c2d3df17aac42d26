"""The alarm book: what edges do to alarms, inhibition, snapshots."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.alarms.book import AlarmBook
from monitor.model.alarm import AlarmState, EndReason, Grade, Subject, Transition, alarm_id
from monitor.model.beijing import parse_iso
from monitor.model.edge import EDGE, EdgeType
from monitor.model.fence import FenceSet, parse_fences
from monitor.model.fleet import Registry, Vehicle, VehicleClass
from monitor.model.map_set import NO_MAPS, MapSet
from monitor.rules import load_rules

RULES = load_rules()
NAMES = [rule.name for rule in RULES]
T = parse_iso("2026-03-02T13:00:00+08:00")


@dataclass
class Fleet:
    keys: list[str] = field(default_factory=lambda: ["V1", "terminal:139"])
    drivers: list[str] = field(default_factory=lambda: ["D1"])
    sources: list[str] = field(default_factory=lambda: ["A"])
    registry: Registry | None = None
    fences: FenceSet | None = None
    maps: MapSet = NO_MAPS

    def parameter(self, row: int, rule: str, name: str) -> float:
        return {"dead_zone_ends": 2.0, "dead_zone_margin_m": 1000.0}[name]


def edges(*lines: tuple[str, EdgeType, int, dict[str, float]]) -> NDArray[np.void]:
    """Edges as (rule, type, onset in s after T, other fields)."""
    found = np.zeros(len(lines), EDGE)
    for edge, (rule, kind, onset_s, others) in zip(found, lines, strict=True):
        for name in ("peak", "mean", "limit", "distance_m", "start_lon", "start_lat", "end_lon", "end_lat"):
            edge[name] = np.nan
        edge["driver"] = -1
        edge["rule"], edge["edge"], edge["onset_ms"] = NAMES.index(rule), kind, T + onset_s * 1000
        edge["at_ms"] = edge["onset_ms"]
        for name, value in others.items():
            edge[name] = value
    return found


def book(fleet: Fleet | None = None) -> AlarmBook:
    return AlarmBook(RULES, fleet or Fleet(), provisional=True)


NOWHERE = {"start_lon": float("nan"), "start_lat": float("nan")}
DEPOT = (
    b'{"type":"FeatureCollection","features":[{"type":"Feature","id":"D1","properties":{"name":"\xe4\xb8\x9c\xe5\x9c\xba",'
    b'"kind":"depot"},"geometry":{"type":"Polygon","coordinates":[[[99.7,39.3],[99.9,39.3],[99.9,39.5],[99.7,39.5],'
    b"[99.7,39.3]]]}}]}"
)
OVER = {"end_ms": T + 60_000, "end_reason": float(EndReason.CONDITION_OVER)}


def test_an_episode_is_raised_updated_and_cleared_under_one_id() -> None:
    found = book().apply(
        edges(
            ("speeding", EdgeType.ONSET, 0, {"peak": 105.0}),
            ("speeding", EdgeType.UPDATE, 0, {"peak": 125.0, "grade": Grade.MAJOR}),
            ("speeding", EdgeType.CLEAR, 0, {"peak": 130.0, "grade": Grade.MAJOR, **OVER}),
        )
    )
    assert [change.transition for change in found.changes] == [
        Transition.RAISED,
        Transition.UPDATED,
        Transition.CLEARED,
    ]
    assert [change.sequence for change in found.changes] == [1, 2, 3]
    assert {change.alarm.alarm_id for change in found.changes} == {alarm_id(Subject.VEHICLE, "V1", "speeding", "", T)}
    last = found.changes[-1].alarm
    assert (last.state, last.end_ms, last.end_reason) == (AlarmState.CLEARED, T + 60_000, EndReason.CONDITION_OVER)
    assert (last.peak, last.grade, last.provisional) == (130.0, Grade.MAJOR, True)


def test_an_alarm_belongs_to_plate_and_enterprise_at_its_onset() -> None:
    """The plate changes on 3 March; an alarm that began before keeps the old one."""
    changed = parse_iso("2026-03-03T00:00:00+08:00")
    rows = (
        Vehicle("V1", "甘G00001", vehicle_class=VehicleClass.HAZMAT, enterprise_id="E1", valid_to=date(2026, 3, 2)),
        Vehicle("V1", "甘G99999", vehicle_class=VehicleClass.HAZMAT, enterprise_id="E2", valid_from=date(2026, 3, 3)),
    )
    ledger = book(Fleet(registry=Registry(rows)))
    raised = ledger.apply(edges(("speeding", EdgeType.ONSET, 0, {}))).changes[0].alarm
    cleared = ledger.apply(
        edges(("speeding", EdgeType.CLEAR, 0, {"end_ms": changed + 60_000, "end_reason": 1}))
    ).changes[0]
    later = ledger.apply(edges(("speeding", EdgeType.ONSET, 86_400, {}))).changes[0].alarm
    assert (raised.plate, raised.enterprise_id) == ("甘G00001", "E1")
    assert (cleared.alarm.plate, cleared.alarm.enterprise_id) == ("甘G00001", "E1")
    assert (later.plate, later.enterprise_id) == ("甘G99999", "E2")


def test_fatigue_of_a_known_driver_is_the_drivers() -> None:
    found = book().apply(edges(("fatigue", EdgeType.ONSET, 0, {"driver": 0})))
    assert (found.changes[0].alarm.subject, found.changes[0].alarm.driver_id) == (Subject.DRIVER, "D1")
    assert found.changes[0].alarm.alarm_id == alarm_id(Subject.DRIVER, "D1", "fatigue", "day", T)


def test_speeding_stays_the_vehicles_though_the_driver_is_known() -> None:
    found = book().apply(edges(("speeding", EdgeType.ONSET, 0, {"driver": 0})))
    assert (found.changes[0].alarm.subject, found.changes[0].alarm.driver_id) == (Subject.VEHICLE, "D1")


def test_a_terminal_nobody_registered_has_no_plate() -> None:
    found = book(Fleet(registry=Registry())).apply(edges(("speeding", EdgeType.ONSET, 0, {"row": 1})))
    alarm = found.changes[0].alarm
    assert (alarm.vehicle_id, alarm.plate, alarm.enterprise_id) == ("terminal:139", "", "")


def test_a_prewarning_is_no_alarm() -> None:
    found = book().apply(edges(("fatigue", EdgeType.PREWARNING, 0, {"peak": 3.5, "limit": 4.0})))
    assert found.changes == ()
    assert found.prewarnings[0].remaining_s == 1800


@pytest.mark.parametrize(
    ("gap_onset_s", "inhibited"), [(0, True), (1, False)], ids=["the same gap", "a gap that backfill has shortened"]
)
def test_displacement_inhibits_the_track_gap_of_the_same_gap(gap_onset_s: int, inhibited: bool) -> None:
    found = book().apply(
        edges(
            ("offline_displacement", EdgeType.ONSET, 0, {}),
            ("offline_displacement", EdgeType.CLEAR, 0, OVER),
            ("track_gap", EdgeType.ONSET, gap_onset_s, {}),
            ("track_gap", EdgeType.CLEAR, gap_onset_s, OVER),
        )
    )
    by = found.changes[0].alarm.alarm_id if inhibited else ""
    assert [change.alarm.inhibited_by for change in found.changes] == ["", "", by, by]


def test_a_restored_book_goes_on_with_the_same_numbers() -> None:
    first = book()
    first.apply(edges(("speeding", EdgeType.ONSET, 0, {}), ("offline_displacement", EdgeType.ONSET, 5, {})))
    second = book()
    second.restore(first.snapshot())
    assert second.open_alarms == first.open_alarms
    last = edges(("speeding", EdgeType.CLEAR, 0, OVER), ("track_gap", EdgeType.ONSET, 5, {}))
    assert second.apply(last) == first.apply(last)


def test_the_place_of_the_onset_stays_where_a_later_edge_has_none() -> None:
    place = {"start_lon": 99.8, "start_lat": 39.4}
    found = book().apply(
        edges(("device_alarm", EdgeType.ONSET, 0, place), ("device_alarm", EdgeType.CLEAR, 0, NOWHERE | OVER))
    )
    assert [(change.alarm.start_lon, change.alarm.start_lat) for change in found.changes] == [(99.8, 39.4)] * 2


def test_a_record_is_no_alarm_and_always_the_same_one() -> None:
    depot = parse_fences(DEPOT, "depot.geojson")
    power = {"kind": 8, "driver": 0, "start_lon": 99.8, "start_lat": 39.4}
    found, again = (book(Fleet(fences=depot)).apply(edges(("device_alarm", EdgeType.RECORD, 0, power))) for _ in "ab")
    assert found.changes == ()
    assert found.records == again.records
    (one,) = found.records
    assert (one.rule, one.kind, one.at_ms, one.fence_id, one.fence_name) == (
        "device_alarm",
        "power_lost",
        T,
        "D1",
        "东场",
    )
    assert (one.vehicle_id, one.driver_id, one.lon, one.lat) == ("V1", "D1", 99.8, 39.4)


def test_an_alarm_once_late_stays_late() -> None:
    found = book().apply(edges(("speeding", EdgeType.ONSET, 0, {"late": 1}), ("speeding", EdgeType.CLEAR, 0, OVER)))
    assert [change.alarm.late for change in found.changes] == [True, True]
