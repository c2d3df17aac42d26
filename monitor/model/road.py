"""Road sections 路段: lines with a corridor, a direction, a limit and what an officer calls them."""

from __future__ import annotations

from enum import IntEnum, IntFlag


class RoadClass(IntEnum):
    """Class of a road; ``UNKNOWN`` where the vehicle is on no known section."""

    UNKNOWN = 0
    EXPRESSWAY = 1  # 高速公路
    FIRST = 2  # 一级公路
    SECOND = 3  # 二级公路
    THIRD = 4  # 三级公路
    FOURTH = 5  # 四级公路
    URBAN_EXPRESS = 6  # 城市快速路
    URBAN = 7  # 城市道路

    @property
    def word(self) -> str:
        return self.name.lower()


class RoadFlag(IntFlag):
    """What a section is besides a road."""

    TUNNEL = 1
    FERRY = 2
