"""The bits of the status word 状态 by name (0x0200, status table).

Bits 8 and 9 together are the load and have no name of their own here; ``Load`` reads them.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final

from monitor.codec.jt808.header import Version


class StatusBit(StrEnum):
    """What a bit says when it is set."""

    ACC_ON = "acc_on"
    POSITIONED = "positioned"
    SOUTH = "south"
    WEST = "west"
    OUT_OF_OPERATION = "out_of_operation"
    ENCRYPTED_COORDINATES = "encrypted_coordinates"
    FORWARD_COLLISION_WARNING = "forward_collision_warning"
    LANE_DEPARTURE_WARNING = "lane_departure_warning"
    OIL_CUT = "oil_cut"
    ELECTRICITY_CUT = "electricity_cut"
    DOORS_LOCKED = "doors_locked"
    FRONT_DOOR_OPEN = "front_door_open"
    MIDDLE_DOOR_OPEN = "middle_door_open"
    REAR_DOOR_OPEN = "rear_door_open"
    DRIVER_DOOR_OPEN = "driver_door_open"
    CUSTOM_DOOR_OPEN = "custom_door_open"
    GPS = "gps"
    BEIDOU = "beidou"
    GLONASS = "glonass"
    GALILEO = "galileo"
    MOVING = "moving"

    @property
    def mask(self) -> int:
        return 1 << _PLACES[self][0]

    @property
    def chinese(self) -> str:
        """Wording of the standard."""
        return _PLACES[self][2]


_PLACES: Final = {
    StatusBit.ACC_ON: (0, Version.V2011, "ACC开"),
    StatusBit.POSITIONED: (1, Version.V2011, "定位"),
    StatusBit.SOUTH: (2, Version.V2011, "南纬"),
    StatusBit.WEST: (3, Version.V2011, "西经"),
    StatusBit.OUT_OF_OPERATION: (4, Version.V2011, "停运"),
    StatusBit.ENCRYPTED_COORDINATES: (5, Version.V2011, "经纬度已经保密插件加密"),
    StatusBit.FORWARD_COLLISION_WARNING: (6, Version.V2019, "紧急刹车系统采集的前撞预警"),
    StatusBit.LANE_DEPARTURE_WARNING: (7, Version.V2019, "车道偏移预警"),
    StatusBit.OIL_CUT: (10, Version.V2011, "车辆油路断开"),
    StatusBit.ELECTRICITY_CUT: (11, Version.V2011, "车辆电路断开"),
    StatusBit.DOORS_LOCKED: (12, Version.V2011, "车门加锁"),
    StatusBit.FRONT_DOOR_OPEN: (13, Version.V2013, "门1开（前门）"),
    StatusBit.MIDDLE_DOOR_OPEN: (14, Version.V2013, "门2开（中门）"),
    StatusBit.REAR_DOOR_OPEN: (15, Version.V2013, "门3开（后门）"),
    StatusBit.DRIVER_DOOR_OPEN: (16, Version.V2013, "门4开（驾驶席门）"),
    StatusBit.CUSTOM_DOOR_OPEN: (17, Version.V2013, "门5开（自定义）"),
    StatusBit.GPS: (18, Version.V2013, "使用GPS卫星定位"),
    StatusBit.BEIDOU: (19, Version.V2013, "使用北斗卫星定位"),
    StatusBit.GLONASS: (20, Version.V2013, "使用GLONASS卫星定位"),
    StatusBit.GALILEO: (21, Version.V2013, "使用Galileo卫星定位"),
    StatusBit.MOVING: (22, Version.V2019, "车辆处于行驶状态"),
}
"""Place in the word, the first edition with it, wording."""


class Load(IntEnum):
    """Bits 8 and 9 载重 (2013 on)."""

    EMPTY = 0
    HALF = 1
    RESERVED = 2
    FULL = 3

    @property
    def word(self) -> str:
        return self.name.lower()


def status_names(word: int, version: Version) -> tuple[StatusBit, ...]:
    """The bits set in a word that the edition defines, lowest first."""
    return tuple(bit for bit, (place, since, _) in _PLACES.items() if word >> place & 1 and since <= version)


def load_of(word: int) -> Load:
    """The load that a status word of 2013 or 2019 states."""
    return Load(word >> 8 & 3)
