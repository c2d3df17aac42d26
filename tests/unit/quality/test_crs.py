"""Sources in GCJ-02."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.model.geo import wgs84_to_gcj02
from monitor.model.report import empty_rows
from monitor.quality import Crs, to_wgs84


def test_gcj02_goes_back_to_where_it_came_from() -> None:
    rows = empty_rows(3)
    lon, lat = np.array([99.8, 116.4, 121.5]), np.array([39.4, 39.9, 31.2])
    rows["lon_deg"], rows["lat_deg"] = wgs84_to_gcj02(lon, lat)
    to_wgs84(rows, Crs.GCJ02)
    assert np.allclose(rows["lon_deg"], lon, atol=1e-8)
    assert np.allclose(rows["lat_deg"], lat, atol=1e-8)


def test_what_no_map_could_have_shifted_stays() -> None:
    rows = empty_rows(3)
    rows["lon_deg"], rows["lat_deg"] = [0.0, -100.0, 200.0], [0.0, 40.0, 39.0]
    before = rows.copy()
    to_wgs84(rows, "gcj02")
    assert np.array_equal(rows, before)


def test_wgs84_stays() -> None:
    rows = empty_rows(1)
    rows["lon_deg"] = 99.8
    to_wgs84(rows, "wgs84")
    assert rows["lon_deg"][0] == 99.8


def test_an_unknown_system_is_an_error() -> None:
    with pytest.raises(ValueError, match="bd09"):
        to_wgs84(empty_rows(1), "bd09")
