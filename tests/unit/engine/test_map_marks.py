"""State that points at sections and permits goes on pointing at the same ones when the maps change."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from monitor.engine.engine import Engine
from monitor.engine.map_marks import _SECTION_MARKS, renumber
from monitor.engine.row_layout import row_dtype
from monitor.engine.state import CORE
from monitor.engine.surroundings import Surroundings
from monitor.model.map_set import NO_MAPS, MapSet
from monitor.model.permit import Permit, PermitKind, PermitSet
from monitor.model.report import ReportBatch, empty_rows
from monitor.model.road import RoadSet, parse_roads
from monitor.rules import load_rules

ROW = np.dtype(
    [
        ("core", CORE),
        ("speeding", [("start_section", np.int32), ("lasted", np.int32)]),
        ("route", [("permit", np.int32), ("episode", [("end_section", np.int32)])]),
    ],
    align=True,
)


def roads(*ids: str) -> RoadSet:
    features = [
        {"id": one, "geometry": {"type": "LineString", "coordinates": [[100.0 + k, 39.0], [100.1 + k, 39.0]]}}
        for k, one in enumerate(ids)
    ]
    return parse_roads(json.dumps({"features": features}).encode(), "roads")


def test_marks_follow_the_id_and_keep_their_sign() -> None:
    rows = np.zeros(4, ROW)
    rows["core"]["section"] = (1, 2, 3, 0)
    rows["core"]["rival"] = (2, 0, 1, 0)
    rows["speeding"]["start_section"] = (-1, 2, -3, 0)
    rows["speeding"]["lasted"] = 2
    rows["route"]["episode"]["end_section"] = (3, 0, 0, 0)
    renumber(rows, MapSet(roads=roads("A", "B", "C")), MapSet(roads=roads("C", "X", "A")))
    assert rows["core"]["section"].tolist() == [3, 0, 1, 0]
    assert rows["core"]["rival"].tolist() == [0, 0, 3, 0]
    assert rows["speeding"]["start_section"].tolist() == [-3, 0, -1, 0]
    assert rows["speeding"]["lasted"].tolist() == [2] * 4
    assert rows["route"]["episode"]["end_section"].tolist() == [1, 0, 0, 0]


def test_every_mark_of_a_section_that_state_keeps_is_followed() -> None:
    rows = np.zeros(1, row_dtype(load_rules()))
    kept = [name for name in _names(rows.dtype) if "section" in name]
    assert len(kept) > 4
    assert set(kept) <= set(_SECTION_MARKS)


def _names(dtype: np.dtype[np.void]) -> Iterator[str]:
    """Names of all fields, those of records within it too."""
    for name in dtype.names or ():
        inner = dtype[name].base
        if inner.names:
            yield from _names(inner)
        else:
            yield name


def test_permits_are_followed_likewise() -> None:
    def permits(*ids: str) -> PermitSet:
        return PermitSet([Permit(one, PermitKind.CHARTER, 0, 1) for one in ids], ",".join(ids).encode())

    rows = np.zeros(2, ROW)
    rows["route"]["permit"] = (1, 2)
    renumber(rows, MapSet(permits=permits("P", "Q")), MapSet(permits=permits("N", "Q")))
    assert rows["route"]["permit"].tolist() == [0, 2]


def test_without_roads_nothing_is_pointed_at() -> None:
    rows = np.zeros(1, ROW)
    rows["core"]["section"] = 2
    renumber(rows, MapSet(roads=roads("A", "B")), NO_MAPS)
    assert rows["core"]["section"].tolist() == [0]


def test_a_restored_snapshot_keeps_its_marks() -> None:
    rows = np.zeros(1, ROW)
    rows["core"]["section"] = 2
    renumber(rows, NO_MAPS, MapSet(roads=roads("A", "B")))
    assert rows["core"]["section"].tolist() == [2]


def test_a_vehicle_stays_on_its_section_when_another_is_put_before_it() -> None:
    engine = Engine(())
    for number, ids in enumerate((("A",), ("B", "A"))):
        found = roads(*ids)
        engine.apply_maps(MapSet(roads=found), Surroundings(found))
        rows = empty_rows(1)
        rows["key"] = 0
        rows["fix_ms"] = rows["recv_ms"] = 1_767_225_600_000 + number * 30_000
        # Far from every section the last one is kept.
        rows["lon_deg"], rows["lat_deg"] = (100.05 if number == 0 else 100.06), (39.0 if number == 0 else 39.004)
        engine.take(ReportBatch(("V",), rows))
        assert engine.fleet.rows["core"]["section"][0] == 1 + ids.index("A")
