"""Place: spherical distances between fixes, and GCJ-02 to WGS-84.

All positions inside are WGS-84 degrees. Distances over a step are spherical (mean earth radius of IUGG, 6,371,008.8 m);
areas and buffers are projected elsewhere.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from monitor.model.compiled import compiled

EARTH_RADIUS_M = 6_371_008.8
_M_PER_DEGREE = EARTH_RADIUS_M * math.pi / 180.0
_RAD = math.pi / 180.0

# Krasovsky 1940, the ellipsoid the GCJ-02 offset is defined on.
_A = 6_378_245.0
_EE = 0.00669342162296594323


@compiled
def to_e7(degrees: float) -> int:
    """Degrees as whole 1e-7 degrees (about 1 cm), which state keeps in four bytes."""
    return math.floor(degrees * 1e7 + 0.5)


@compiled
def from_e7(degrees_e7: int) -> float:
    """Degrees of whole 1e-7 degrees."""
    return degrees_e7 * 1e-7


@compiled
def distance_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float:
    """Great-circle distance in metres.

    Below about 20 km the equirectangular form is within 1 part in 10^6 of the haversine and much cheaper.
    """
    dlat = lat2 - lat1
    dlon = lon2 - lon1
    if dlon > 180.0:
        dlon -= 360.0
    elif dlon < -180.0:
        dlon += 360.0
    cos_mid = math.cos((lat1 + lat2) * (0.5 * _RAD))
    if abs(dlat) < 0.2 and abs(dlon) < 0.2:
        x = dlon * cos_mid
        return math.sqrt(x * x + dlat * dlat) * _M_PER_DEGREE
    sin_lat = math.sin(dlat * (0.5 * _RAD))
    sin_lon = math.sin(dlon * (0.5 * _RAD))
    h = sin_lat * sin_lat + math.cos(lat1 * _RAD) * math.cos(lat2 * _RAD) * sin_lon * sin_lon
    return 2.0 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


@compiled
def is_same_fix(lon1: float, lat1: float, lon2: float, lat2: float) -> bool:
    """Whether two fixes are the same to the 1e-6 degree (about 0.1 m), the unit of JT/T 808."""
    return abs(lon1 - lon2) < 5e-7 and abs(lat1 - lat2) < 5e-7


@compiled
def is_coarse(lon: float, lat: float) -> bool:
    """Whether a fix is on the grid of 0.001 degrees, or of whole minutes: a place no better than 100 m.

    By chance one fix in a million is.
    """
    return (on_grid(lon, 1000.0) and on_grid(lat, 1000.0)) or (on_grid(lon, 60.0) and on_grid(lat, 60.0))


@compiled
def on_grid(degrees: float, per_degree: float) -> bool:
    """Whether an angle is a whole number of 1/``per_degree`` degrees, to the 1e-6 degree."""
    return abs(degrees - math.floor(degrees * per_degree + 0.5) / per_degree) < 6e-7


def _gcj02_offset(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x = lon - 105.0
    y = lat - 35.0
    root = np.sqrt(np.abs(x))
    waves = (20.0 * np.sin(6.0 * x * np.pi) + 20.0 * np.sin(2.0 * x * np.pi)) * 2.0 / 3.0
    dlat = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + waves
    dlat += (20.0 * np.sin(y * np.pi) + 40.0 * np.sin(y / 3.0 * np.pi)) * 2.0 / 3.0
    dlat += (160.0 * np.sin(y / 12.0 * np.pi) + 320.0 * np.sin(y * np.pi / 30.0)) * 2.0 / 3.0
    dlon = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + waves
    dlon += (20.0 * np.sin(x * np.pi) + 40.0 * np.sin(x / 3.0 * np.pi)) * 2.0 / 3.0
    dlon += (150.0 * np.sin(x / 12.0 * np.pi) + 300.0 * np.sin(x / 30.0 * np.pi)) * 2.0 / 3.0
    rad = lat * _RAD
    magic = 1.0 - _EE * np.sin(rad) ** 2
    dlat = dlat * 180.0 / ((_A * (1.0 - _EE)) / (magic * np.sqrt(magic)) * np.pi)
    dlon = dlon * 180.0 / (_A / np.sqrt(magic) * np.cos(rad) * np.pi)
    return dlon, dlat


def wgs84_to_gcj02(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """GCJ-02 degrees of WGS-84 degrees inside China (arrays of equal length)."""
    dlon, dlat = _gcj02_offset(lon, lat)
    return lon + dlon, lat + dlat


def gcj02_to_wgs84(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """WGS-84 degrees of GCJ-02 degrees, by fixed-point iteration to about 1e-9 degrees."""
    lon_w, lat_w = lon.copy(), lat.copy()
    for _ in range(6):
        dlon, dlat = _gcj02_offset(lon_w, lat_w)
        lon_w, lat_w = lon - dlon, lat - dlat
    return lon_w, lat_w
