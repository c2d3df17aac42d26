"""Dead zones of the simulator: how far places are from them, and their files."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.model.fence import parse_fences
from monitor.model.road import parse_roads
from simulators.dead_zones import HALF_WIDTH_M, DeadZone, fences_geojson, tunnels_geojson
from simulators.roads import gaotai_circuit

CIRCUIT = gaotai_circuit("zhangye")
ZONE = DeadZone(CIRCUIT, 30_000.0, 34_000.0)
TUNNEL = DeadZone(CIRCUIT, 30_000.0, 34_000.0, tunnel=True)


def place(at_m: float) -> tuple[float, float]:
    lon, lat, _ = CIRCUIT.place(np.array([at_m]))
    return float(lon[0]), float(lat[0])


@pytest.mark.parametrize(("at_m", "away_m"), [(32_000.0, 0.0), (30_000.0, 0.0), (29_000.0, 1_000.0)])
def test_how_far_the_way_is_from_a_tunnel_and_a_zone(at_m: float, away_m: float) -> None:
    assert TUNNEL.away_m(*place(at_m)) == pytest.approx(away_m, abs=3.0)
    assert ZONE.away_m(*place(at_m)) == pytest.approx(max(0.0, away_m - HALF_WIDTH_M), abs=3.0)


def test_each_file_has_its_own() -> None:
    fences, roads = (
        parse_fences(fences_geojson([ZONE, TUNNEL]), "fences"),
        parse_roads(tunnels_geojson([TUNNEL]), "roads"),
    )
    assert [fence.kind for fence in fences.fences] == ["dead_zone"]
    assert [section.tunnel for section in roads.sections] == [True]
