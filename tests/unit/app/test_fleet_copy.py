"""Which vehicles are news: those that changed, and nobody else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from monitor.app.fleet_copy import FleetCopy, Known
from monitor.app.live_state import state_of
from tests.unit.app.fleet_copies import DAY, NOW_MS, fleet

TTL_MS = 3_600_000


def news(known: Known, now: FleetCopy) -> tuple[list[int], list[int]]:
    rows, gone = known.news(now, TTL_MS)
    return rows.tolist(), gone.tolist()


def told(now: FleetCopy) -> Known:
    """Somebody who knows everything."""
    known = Known()
    rows, _ = known.news(now, TTL_MS)
    known.tell(now, rows)
    return known


def test_everything_is_new_at_first_and_nothing_twice() -> None:
    now, known = fleet(5), Known()
    assert news(known, now) == ([0, 1, 2, 3, 4], [])
    assert news(known, now) == ([0, 1, 2, 3, 4], [])
    known.tell(now, np.array([0, 2]))
    assert news(known, now) == ([1, 3, 4], [])
    known.tell(now, np.array([1, 3, 4]))
    assert news(known, now) == ([], [])


_COLUMNS = ["contact_ms", "fix_ms", "lon_deg", "lat_deg", "speed_dkmh", "driver", "acc", "status"]


@pytest.mark.parametrize("column", _COLUMNS)
def test_a_change_in_any_column_is_news(column: str) -> None:
    known, now = told(fleet(5)), fleet(5)
    now.rows[column][3] -= 1
    assert news(known, now) == ([3], [])


def test_alarms_that_begin_change_and_end_are_news() -> None:
    known = told(fleet(4, alarms={"V1": ("speeding/general",), "V2": ("fatigue/major",)}))
    later = fleet(4, alarms={"V1": ("speeding/major",), "V3": ("speeding/general",), "unknown": ("x/notice",)})
    assert news(known, later) == ([1, 2, 3], [])
    known.tell(later, np.array([1, 2, 3]))
    assert news(known, later) == ([], [])


def test_a_larger_fleet_and_another_registry_are_news() -> None:
    known = told(fleet(2))
    larger = replace(fleet(4), registry=fleet(2).registry)
    assert news(known, larger) == ([2, 3], [])
    assert news(known, fleet(4)) == ([0, 1, 2, 3], [])
    known = told(fleet(2))
    assert news(known, replace(fleet(2), day=DAY + 1)) == ([0, 1], [])


def test_who_was_silent_for_too_long_leaves_once() -> None:
    known, now = told(fleet(3)), fleet(3)
    now.rows["contact_ms"][1] = NOW_MS - TTL_MS
    now.rows["contact_ms"][2] = 0
    assert news(known, now) == ([], [1, 2])
    known.drop(np.array([1, 2]))
    assert news(known, now) == ([], [])


def test_a_forgetful_receiver_is_told_everything_again() -> None:
    known = told(fleet(3))
    known.forget()
    assert news(known, fleet(3)) == ([0, 1, 2], [])


def test_unknown_values_are_empty_and_what_is_kept_ages() -> None:
    now = fleet(2)
    now.rows["fix_ms"][1] = 0
    now.rows["acc"][1] = -1
    now.rows["contact_ms"][1] = NOW_MS - 60_000
    state = state_of(now, 1, 3_600)
    fields = state.fields()
    assert {name for name, value in fields.items() if not value} == {
        "fix_time",
        "lon",
        "lat",
        "speed_kmh",
        "acc_on",
        "driver_id",
        "alarms",
    }
    assert (state.on_map, state.ttl_s, fields["alarms_n"]) == (False, 3_540, "0")
    stranger = replace(now, keys=["V0", "terminal:13900000000"], drivers=("D1",))
    stranger.rows["driver"][1] = 0
    assert (state_of(stranger, 1, 3_600).plate, state_of(stranger, 1, 3_600).driver_id) == ("", "D1")


@pytest.mark.parametrize(("lon_deg", "lat_deg", "on_map"), [(100, 39, True), (100, 86, False), (-180, -85, True)])
def test_a_place_beyond_the_map_is_in_the_hash_only(lon_deg: float, lat_deg: float, on_map: bool) -> None:
    now = fleet(1)
    now.rows["lon_deg"], now.rows["lat_deg"] = lon_deg, lat_deg
    state = state_of(now, 0, 60)
    assert (state.on_map, bool(state.fields()["lat"])) == (on_map, True)
