"""Speeding: which of all limits holds, what edges say of sections and fences, settings that are refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.app.map_layers import ground_of
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.rule import VehicleFacts
from monitor.engine.state import STEP
from monitor.errors import ConfigError
from monitor.model.alarm import Grade, LimitSource
from monitor.model.edge import EdgeType
from monitor.model.fence import parse_fences
from monitor.model.fleet import Vehicle, VehicleClass
from monitor.model.map_set import MapSet
from monitor.model.road import RoadClass, parse_roads
from monitor.quality.judgement import judge
from monitor.rules.speeding import PARAMS, RULE, STATE, SpeedingSettings, grade_of, lowest_limit
from tests.traces import batch_of, place, registry_of

EXPRESSWAY, FIRST, SECOND, URBAN_EXPRESS = (
    RoadClass.EXPRESSWAY,
    RoadClass.FIRST,
    RoadClass.SECOND,
    RoadClass.URBAN_EXPRESS,
)


def limit_of(
    vehicle_class: VehicleClass = VehicleClass.HEAVY_TRUCK,
    road_class: RoadClass = RoadClass.UNKNOWN,
    *,
    section: float = 0,
    fence: float = 0,
    permit: float = 0,
    vehicle: float | None = None,
    **settings: object,
) -> tuple[float, LimitSource]:
    """Limit in km/h and its source on a road of some class; limits in km/h, 0 where there is none."""
    facts = VehicleFacts(Vehicle("V0", vehicle_class=vehicle_class, max_speed_kmh=vehicle), registered=True)
    params = np.array([RULE.fill(SpeedingSettings.model_validate(settings), facts)], PARAMS)[0]
    x = np.zeros(1, STEP)[0]
    x["road_class"] = road_class
    x["section_limit_dkmh"], x["fence_limit_dkmh"], x["permit_limit_dkmh"] = section * 10, fence * 10, permit * 10
    limit, source = lowest_limit(params, x)
    return limit / 10, LimitSource(source)


TRUCK, HAZMAT, COACH = VehicleClass.HEAVY_TRUCK, VehicleClass.HAZMAT, VehicleClass.TOUR_COACH


@pytest.mark.parametrize(
    ("vehicle_class", "road_class", "cap"),
    [
        pytest.param(COACH, RoadClass.UNKNOWN, 100.0, id="a coach anywhere"),
        pytest.param(COACH, EXPRESSWAY, 100.0, id="a coach on an expressway"),
        pytest.param(TRUCK, RoadClass.FOURTH, 100.0, id="a truck on a road of the fourth class"),
        pytest.param(HAZMAT, RoadClass.UNKNOWN, 80.0, id="hazmat on an unknown road"),
        pytest.param(HAZMAT, EXPRESSWAY, 80.0, id="hazmat on an expressway"),
        *[pytest.param(HAZMAT, road, 60.0, id=f"hazmat on {road.word}") for road in RoadClass if road > EXPRESSWAY],
    ],
)
@pytest.mark.parametrize("posted", [0, 120])
def test_the_cap_goes_by_class_of_vehicle_and_road(
    vehicle_class: VehicleClass, road_class: RoadClass, cap: float, posted: float
) -> None:
    assert limit_of(vehicle_class, road_class, section=posted) == (cap, LimitSource.CLASS_CAP)


@pytest.mark.parametrize("road_class", [road for road in RoadClass if road])
def test_a_cap_for_unsigned_roads_holds_only_where_no_limit_is_known(road_class: RoadClass) -> None:
    caps = {road_class.word: 50.0}
    assert limit_of(TRUCK, road_class, unsigned_cap_kmh=caps) == (50.0, LimitSource.CLASS_CAP)
    assert limit_of(TRUCK, road_class, section=70, unsigned_cap_kmh=caps) == (70.0, LimitSource.SECTION)
    others = [road for road in RoadClass if road not in (road_class, RoadClass.UNKNOWN)]
    assert {limit_of(TRUCK, road, unsigned_cap_kmh=caps)[0] for road in others} == {100.0}


@given(
    section=st.sampled_from((0, 40, 60, 80, 120)),
    fence=st.sampled_from((0, 40, 60, 80)),
    vehicle=st.sampled_from((None, 40.0, 60.0, 80.0)),
    enterprise=st.sampled_from((None, 40.0, 60.0, 80.0)),
    permit=st.sampled_from((0, 40, 60, 80)),
    road_class=st.sampled_from(RoadClass),
    vehicle_class=st.sampled_from((TRUCK, HAZMAT, COACH)),
)
def test_the_lowest_limit_holds_and_of_equal_ones_the_first(
    section: int,
    fence: int,
    vehicle: float | None,
    enterprise: float | None,
    permit: int,
    road_class: RoadClass,
    vehicle_class: VehicleClass,
) -> None:
    cap = 100.0
    if vehicle_class is HAZMAT:
        cap = 80.0 if road_class in (RoadClass.UNKNOWN, EXPRESSWAY) else 60.0
    stated = [section, fence, cap, enterprise or 0, vehicle or 0, permit]
    expected = min((limit, source) for source, limit in enumerate(stated, 1) if limit)
    assert limit_of(
        vehicle_class,
        road_class,
        section=section,
        fence=fence,
        permit=permit,
        vehicle=vehicle,
        enterprise_limit_kmh=enterprise,
    ) == (expected[0], LimitSource(expected[1]))


@pytest.mark.parametrize(
    ("speed_kmh", "elsewhere", "expressway"),
    [
        (100.1, Grade.NOTICE, Grade.NOTICE),
        (109.9, Grade.NOTICE, Grade.NOTICE),
        (110.0, Grade.GENERAL, Grade.GENERAL),
        (119.9, Grade.GENERAL, Grade.GENERAL),
        (120.0, Grade.MAJOR, Grade.SERIOUS),
        (149.9, Grade.MAJOR, Grade.SERIOUS),
        (150.0, Grade.SERIOUS, Grade.SERIOUS),
    ],
)
def test_grades_by_road(speed_kmh: float, elsewhere: Grade, expressway: Grade) -> None:
    speed = round(speed_kmh * 10)
    assert (grade_of(speed, 1000, False), grade_of(speed, 1000, True)) == (elsewhere, expressway)


def edges_of(maps: MapSet, speed_kmh: float, heading_deg: int = 90) -> np.ndarray[tuple[int], np.dtype[np.void]]:
    """Edges of a truck that goes east from the place 0 for ten minutes, reporting every 10 s, then stops."""
    engine = Engine([RULE], ParameterTable([RULE]))
    engine.apply_registry(registry_of([TRUCK]))
    engine.apply_maps(maps, ground_of(maps))
    fix_s = np.arange(0, 601, 10.0)
    batch = batch_of(fix_s.tolist(), east_m=(fix_s * speed_kmh / 3.6).tolist(), speed_kmh=speed_kmh)
    batch.rows["heading_deg"] = heading_deg
    judge(batch.rows, None)
    found = [engine.take(batch).edges, engine.tick(int(batch.rows["fix_ms"].max()) + 9_000_000).edges]
    edges: np.ndarray[tuple[int], np.dtype[np.void]] = np.concatenate(found)
    return edges


def features(*made: tuple[str, dict[str, object], dict[str, object]]) -> bytes:
    stated = [{"type": "Feature", "id": name, "properties": told, "geometry": shape} for name, told, shape in made]
    return json.dumps({"type": "FeatureCollection", "features": stated}).encode()


def line(*east_m: float) -> dict[str, object]:
    return {"type": "LineString", "coordinates": [place(metres, 0) for metres in east_m]}


def test_an_edge_names_the_sections_at_both_ends_and_the_direction() -> None:
    first = ("A", {"road_class": "second", "limit_kmh": 60}, line(-500, 5_000))
    second = ("B", {"road_class": "second", "limit_kmh": 60}, line(20_000, 5_000))
    onset, clear = edges_of(MapSet(roads=parse_roads(features(first, second), "test")), 70)
    assert (onset["edge"], onset["start_section"], onset["end_section"]) == (EdgeType.ONSET, 1, 1)
    assert (clear["edge"], clear["start_section"], clear["end_section"]) == (EdgeType.CLEAR, 1, -2)
    assert (clear["limit"], clear["limit_source"], clear["fence"]) == (60.0, LimitSource.SECTION, 0)


def test_an_edge_names_the_fence_that_its_limit_comes_from() -> None:
    ring = [place(x, y) for x, y in ((-500, -500), (9_000, -500), (9_000, 500), (-500, 500), (-500, -500))]
    shape: dict[str, object] = {"type": "Polygon", "coordinates": [ring]}
    fences = parse_fences(features(("F", {}, shape), ("G", {"limit_kmh": 50}, shape)), "test")
    onset, clear = edges_of(MapSet(fences=fences), 60)
    assert (onset["limit"], onset["limit_source"], onset["fence"]) == (50.0, LimitSource.FENCE, 2)
    assert (clear["start_section"], clear["end_section"]) == (0, 0)


def test_without_any_map_the_road_is_unknown() -> None:
    onset, *_ = edges_of(MapSet(), 110)
    assert (onset["limit"], onset["limit_source"]) == (100.0, LimitSource.CLASS_CAP)
    assert (onset["start_section"], onset["fence"], onset["permit"]) == (0, 0, -1)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        pytest.param({"unsigned_cap_kmh": {"motorway": 60}}, "motorway", id="a class of road that does not exist"),
        pytest.param({"unsigned_cap_kmh": {"unknown": 60}}, "unknown", id="an unknown road is not unsigned"),
        pytest.param({"speed_source": "odometer"}, "recorder", id="a speed that nobody states"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings: dict[str, object], word: str) -> None:
    with pytest.raises(ConfigError) as refused:
        ParameterTable([RULE], RuleLayers(rules={"speeding": settings}))
    assert word in str(refused.value)


def test_it_keeps_few_bytes_per_vehicle() -> None:
    assert STATE.itemsize <= 104
