"""Hazmat hours: off by default, live edges with their sections, settings that are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest

from monitor.app.map_layers import ground_of
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.rule import VehicleFacts
from monitor.errors import ConfigError
from monitor.model.alarm import EndReason, Grade
from monitor.model.beijing import parse_iso
from monitor.model.edge import EdgeType
from monitor.model.fleet import Vehicle, VehicleClass
from monitor.model.map_set import MapSet
from monitor.model.road import parse_roads
from monitor.quality.judgement import judge
from monitor.rules.hazmat_hours import RULE, STATE, HazmatHoursSettings
from tests.traces import START_MS, batch_of, place, registry_of

NIGHT_S = (parse_iso("2026-03-03T01:00:00+08:00") - START_MS) / 1000
ON = RuleLayers(rules={"hazmat_hours": {"enabled": True}})


def engine(layers: RuleLayers = ON) -> Engine:
    """One expressway, drawn from east to west: traffic to the east goes against the line."""
    made = Engine([RULE], ParameterTable([RULE], layers))
    made.apply_registry(registry_of([VehicleClass.HAZMAT]))
    line = {"type": "LineString", "coordinates": [place(60_000, 0), place(-500, 0)]}
    feature = {"type": "Feature", "id": "A", "properties": {"road_class": "expressway"}, "geometry": line}
    roads = parse_roads(json.dumps({"type": "FeatureCollection", "features": [feature]}).encode(), "test")
    maps = MapSet(roads=roads)
    made.apply_maps(maps, ground_of(maps))
    return made


def drive(of: Engine, from_s: float, to_s: float) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """The edges of reports every 30 s, seconds after 01:00, at 60 km/h from the place 0 on; headed east."""
    fix_s = np.arange(from_s, to_s + 1, 30.0)
    batch = batch_of((fix_s + NIGHT_S).tolist(), east_m=(fix_s * 60 / 3.6).tolist(), speed_kmh=60.0)
    batch.rows["heading_deg"] = 90
    judge(batch.rows, None)
    edges: np.ndarray[tuple[int], np.dtype[np.void]] = of.take(batch).edges
    return edges


def test_it_is_off_where_nobody_configures_a_ban() -> None:
    assert not HazmatHoursSettings().enabled
    assert not len(drive(engine(RuleLayers()), 0, 1_800))


def test_it_is_raised_with_the_report_more_than_60_s_after_the_first() -> None:
    live = engine()
    assert not len(drive(live, 0, 60))
    (onset,) = drive(live, 90, 90)
    assert (onset["edge"], onset["grade"], onset["peak"]) == (EdgeType.ONSET, Grade.MAJOR, 1.5)
    assert onset["onset_ms"] == START_MS + NIGHT_S * 1000
    assert (onset["start_section"], onset["end_section"]) == (-1, -1)
    assert onset["distance_m"] == pytest.approx(1_500, abs=1)
    assert not len(drive(live, 120, 1_800))


def test_silence_ends_it_after_25_minutes() -> None:
    live = engine()
    drive(live, 0, 600)
    assert not len(live.tick(START_MS + round((NIGHT_S + 600 + 1_500) * 1000)).edges)
    (clear,) = live.tick(START_MS + round((NIGHT_S + 9_000) * 1000)).edges
    assert (clear["edge"], clear["end_reason"]) == (EdgeType.CLEAR, EndReason.DATA_ENDED)
    assert clear["end_ms"] == START_MS + round((NIGHT_S + 600) * 1000)
    assert clear["at_ms"] == START_MS + round((NIGHT_S + 2_100) * 1000)


def test_a_ban_that_is_lifted_ends_it() -> None:
    live = engine()
    drive(live, 0, 600)
    live.apply_parameters(ParameterTable([RULE], RuleLayers()))
    (clear,) = drive(live, 630, 1_800)
    assert (clear["edge"], clear["end_reason"]) == (EdgeType.CLEAR, EndReason.CONDITION_OVER)


@pytest.mark.parametrize("vehicle_class", list(VehicleClass))
def test_whom_it_binds(vehicle_class: VehicleClass) -> None:
    values = RULE.fill(
        HazmatHoursSettings(enabled=True), VehicleFacts(Vehicle("V0", vehicle_class=vehicle_class), True)
    )
    assert values[-1] == int(vehicle_class is VehicleClass.HAZMAT)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        pytest.param({"begin_s": 21_600, "end_s": 0.5}, "begin before", id="hours that end before they begin"),
        pytest.param({"end_s": 90_000}, "86400", id="hours beyond midnight"),
        pytest.param({"classes": ("bus",)}, "bus", id="a class of vehicle that does not exist"),
        pytest.param({"road_classes": ("motorway",)}, "motorway", id="a class of road that does not exist"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ParameterTable([RULE], RuleLayers(rules={"hazmat_hours": settings}))
    assert word in str(refused.value)


def test_it_keeps_few_bytes_per_vehicle() -> None:
    assert STATE.itemsize <= 72
