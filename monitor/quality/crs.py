"""Coordinates of a source that is not in WGS-84."""

from __future__ import annotations

from enum import StrEnum

from monitor.model.geo import gcj02_to_wgs84
from monitor.model.report import ReportRows


class Crs(StrEnum):
    """What a source's coordinates are in; never said in-band, so a setting of the source."""

    WGS84 = "wgs84"
    GCJ02 = "gcj02"


_CHINA = (72.0, 138.0, 0.8, 56.0)
"""West, east, south, north: outside of this box GCJ-02 is defined to be WGS-84 (practice)."""


def to_wgs84(rows: ReportRows, crs: Crs | str) -> None:
    """Convert ``lon_deg`` and ``lat_deg`` in place; ValueError for an unknown name.

    Positions that no map could have shifted, (0, 0) and those outside of China, stay as they are.
    """
    if Crs(crs) is Crs.WGS84 or len(rows) == 0:
        return
    lon, lat = rows["lon_deg"], rows["lat_deg"]
    west, east, south, north = _CHINA
    inside = (lon > west) & (lon < east) & (lat > south) & (lat < north)
    lon[inside], lat[inside] = gcj02_to_wgs84(lon[inside], lat[inside])
