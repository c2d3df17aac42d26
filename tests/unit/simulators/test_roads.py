"""The network and its circuits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from monitor.errors import ConfigError
from simulators.background import HABITS
from simulators.roads import RoadClass, gaotai_circuit, read_network

DESTINATIONS = sorted({name for habit in HABITS.values() for name in habit.destinations})


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_a_circuit_is_closed_and_as_long_out_as_back(destination: str) -> None:
    circuit = gaotai_circuit(destination)
    lon, lat, _ = circuit.place(np.array([0.0, circuit.length_m - 0.01, circuit.length_m / 2]))
    assert lon[0] == pytest.approx(lon[1], abs=1e-5)
    assert lat[0] == pytest.approx(lat[1], abs=1e-5)
    assert circuit.road_end_m[-1] == pytest.approx(circuit.length_m)
    assert circuit.road_end_m[len(circuit.road_class) // 2 - 1] == pytest.approx(circuit.length_m / 2)


def test_place_moves_as_far_as_the_odometer_on_a_straight() -> None:
    circuit = gaotai_circuit("jiayuguan")
    middle = float(circuit.at_m[9:11].mean())
    lon, lat, heading = circuit.place(np.array([middle, middle + 100.0]))
    east = (lon[1] - lon[0]) * 111_195 * np.cos(np.radians(lat[0]))
    north = (lat[1] - lat[0]) * 111_195
    assert float(np.hypot(east, north)) == pytest.approx(100, rel=0.02)
    assert float(np.degrees(np.arctan2(east, north)) % 360) == pytest.approx(float(heading[0]), abs=3)


def test_the_way_to_the_expressway_is_known_from_anywhere() -> None:
    circuit = gaotai_circuit("zhangye")
    assert 0 < circuit.to_class_m(0.0, RoadClass.EXPRESSWAY) < 10_000
    assert circuit.to_class_m(30_000.0, RoadClass.EXPRESSWAY) == 0
    on_last_street = circuit.length_m - 100.0
    assert circuit.to_class_m(on_last_street, RoadClass.EXPRESSWAY) == pytest.approx(
        100.0 + circuit.to_class_m(0.0, RoadClass.EXPRESSWAY)
    )
    assert gaotai_circuit("luocheng").to_class_m(0.0, RoadClass.EXPRESSWAY) == float("inf")


def test_a_network_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "roads.geojson"
    path.write_text('{"features": [{"properties": {"road_class": "canal"}}]}', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"roads\.geojson"):
        read_network(path)
