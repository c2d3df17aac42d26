"""Gaps at known dead zones and tunnels: which ones are explained, and by what."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest

from monitor.alarms.dead_zones import DeadZones
from monitor.alarms.pushing import Verdict, push_verdict
from monitor.app.map_layers import maps_of
from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Certainty, Grade, Subject, Transition
from monitor.model.map_set import NO_MAPS, MapLayer, MapSet
from tests.traces import LAT_DEG, M_PER_DEGREE_EAST, ORIGIN_LON_DEG


@dataclass(frozen=True, slots=True)
class Settings:
    """One vehicle's."""

    ends: int = 2
    margin_m: float = 1000.0

    def parameter(self, row: int, rule: str, name: str) -> float:
        return {"dead_zone_ends": float(self.ends), "dead_zone_margin_m": self.margin_m}[name]


def lon(east_m: float) -> float:
    return ORIGIN_LON_DEG + east_m / M_PER_DEGREE_EAST


def collection(*features: dict[str, object]) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


def fence(name: str, kind: str, from_m: float, to_m: float) -> dict[str, object]:
    west, east, south, north = lon(from_m), lon(to_m), LAT_DEG - 0.005, LAT_DEG + 0.005
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    shape = {"type": "Polygon", "coordinates": [ring]}
    return {"type": "Feature", "id": name, "properties": {"kind": kind}, "geometry": shape}


def road(name: str, from_m: float, to_m: float, *, tunnel: bool) -> dict[str, object]:
    shape = {"type": "LineString", "coordinates": [[lon(from_m), LAT_DEG], [lon(to_m), LAT_DEG]]}
    return {"type": "Feature", "id": name, "properties": {"tunnel": tunnel}, "geometry": shape}


MAPS: MapSet = maps_of(
    {
        MapLayer.FENCES: collection(
            fence("depot", "depot", -20_000, -10_000),
            fence("valley", "dead_zone", 10_000, 20_000),
            fence("gorge", "dead_zone", 30_000, 40_000),
        ),
        MapLayer.ROADS: collection(
            road("open", -9_000, 50_000, tunnel=False), road("long", 60_000, 66_000, tunnel=True)
        ),
    }
)


def gap(from_m: float, to_m: float, rule: str = "track_gap", inhibited_by: str = "") -> Alarm:
    return Alarm(
        alarm_id="A",
        subject=Subject.VEHICLE,
        rule=rule,
        kind="",
        grade=Grade.NOTICE,
        certainty=Certainty.CERTAIN,
        state=AlarmState.CLEARED,
        vehicle_id="V1",
        plate="",
        vehicle_class="",
        enterprise_id="",
        driver_id="",
        onset_ms=1,
        end_ms=2,
        start_lon=lon(from_m),
        start_lat=LAT_DEG,
        end_lon=lon(to_m),
        end_lat=LAT_DEG,
        inhibited_by=inhibited_by,
    )


@pytest.mark.parametrize(
    ("from_m", "to_m", "by"),
    [
        pytest.param(10_500, 19_500, "dead_zone:valley", id="inside"),
        pytest.param(9_001, 20_999, "dead_zone:valley", id="999 m from it on both sides"),
        pytest.param(8_999, 20_999, "", id="1,001 m from it on one side"),
        pytest.param(19_500, 30_500, "", id="from one zone into another"),
        pytest.param(15_000, 50_000, "", id="out of it and far away"),
        pytest.param(-19_000, -11_000, "", id="in a depot"),
        pytest.param(0, 5_000, "", id="on an open road"),
        pytest.param(59_500, 66_500, "tunnel:long", id="a tunnel, 500 m before and behind it"),
        pytest.param(58_900, 66_500, "", id="1,100 m before a tunnel"),
    ],
)
@pytest.mark.parametrize("rule", ["track_gap", "offline_displacement"])
def test_a_gap_at_one_zone_is_explained_by_it(rule: str, from_m: float, to_m: float, by: str) -> None:
    judged = DeadZones(MAPS).judge(gap(from_m, to_m, rule), 0, Settings())
    assert judged.inhibited_by == by


def test_what_is_explained_is_kept_and_not_pushed() -> None:
    judged = DeadZones(MAPS).judge(gap(10_500, 19_500), 0, Settings())
    change = AlarmChange(judged, Transition.RAISED, 1, 2)
    assert push_verdict(change, judged, 2, pushed=False) is Verdict.INHIBITED
    assert judged.state is AlarmState.CLEARED


@pytest.mark.parametrize(
    ("settings", "by"),
    [
        pytest.param(Settings(ends=1), "dead_zone:valley", id="one end is enough"),
        pytest.param(Settings(), "", id="both ends"),
        pytest.param(Settings(ends=0), "", id="dead zones are pushed"),
        pytest.param(Settings(ends=1, margin_m=0.0), "dead_zone:valley", id="without a margin"),
    ],
)
def test_a_vehicle_has_its_own_settings(settings: Settings, by: str) -> None:
    assert DeadZones(MAPS).judge(gap(15_000, 25_000), 0, settings).inhibited_by == by


def test_other_alarms_are_left_alone() -> None:
    zones = DeadZones(MAPS)
    assert zones.judge(gap(10_500, 19_500, "speeding"), 0, Settings()).inhibited_by == ""
    assert zones.judge(gap(10_500, 19_500, inhibited_by="B"), 0, Settings()).inhibited_by == "B"


def test_without_zones_nothing_is_asked() -> None:
    assert DeadZones(NO_MAPS).at(lon(0), LAT_DEG, 1e9) == ()
    assert DeadZones(MAPS).at(float("nan"), LAT_DEG, 1000.0) == ()
