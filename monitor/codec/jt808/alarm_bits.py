"""What each bit of the alarm word 报警标志 means in each edition, and how a terminal clears it (0x0200, alarm table).

``HOLD`` 标志维持至报警条件解除: the bit is in every report until the condition ends. ``ON_ANSWER`` 收到应答后清零: the
terminal drops it when it has seen an answer, so it may stand in one report only, and is repeated if the answer is lost.
Bits that an edition reserves are used by vendors for things of their own; ``DEFINED`` masks them out.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from monitor.codec.jt808.header import Version
from monitor.model.alarm_bits import ALARM_BITS, AlarmBit

DEFINED: Final = {Version.V2011: 0x1FFC_0FFF, Version.V2013: 0xFFFC_7FFF, Version.V2019: 0x7FFF_FFFF}
"""Bits that each edition gives a meaning to."""


class Clearing(StrEnum):
    """标志维持 or 清零."""

    HOLD = "hold"
    ON_ANSWER = "on_answer"


class BitMeaning(msgspec.Struct, frozen=True):
    """One bit in one edition."""

    bit: AlarmBit
    title: str
    clearing: Clearing


_TITLES: Final = {
    AlarmBit.EMERGENCY: "紧急报警",
    AlarmBit.SPEEDING: "超速报警",
    AlarmBit.FATIGUE: "疲劳驾驶",
    AlarmBit.DANGER_WARNING: "危险预警",
    AlarmBit.GNSS_FAULT: "GNSS模块发生故障",
    AlarmBit.GNSS_ANTENNA_CUT: "GNSS天线未接或被剪断",
    AlarmBit.GNSS_ANTENNA_SHORT: "GNSS天线短路",
    AlarmBit.POWER_LOW: "终端主电源欠压",
    AlarmBit.POWER_LOST: "终端主电源掉电",
    AlarmBit.DISPLAY_FAULT: "终端LCD或显示器故障",
    AlarmBit.TTS_FAULT: "TTS模块故障",
    AlarmBit.CAMERA_FAULT: "摄像头故障",
    AlarmBit.IC_MODULE_FAULT: "道路运输证IC卡模块故障",
    AlarmBit.SPEEDING_WARNING: "超速预警",
    AlarmBit.FATIGUE_WARNING: "疲劳驾驶预警",
    AlarmBit.ILLEGAL_DRIVING: "违规行驶报警",
    AlarmBit.TYRE_PRESSURE: "胎压预警",
    AlarmBit.BLIND_SPOT: "右转盲区异常报警",
    AlarmBit.CUMULATIVE_DRIVING: "当天累计驾驶超时",
    AlarmBit.OVERLONG_STOP: "超时停车",
    AlarmBit.AREA: "进出区域",
    AlarmBit.ROUTE: "进出路线",
    AlarmBit.SEGMENT_TIME: "路段行驶时间不足或过长",
    AlarmBit.ROUTE_DEVIATION: "路线偏离报警",
    AlarmBit.VSS_FAULT: "车辆VSS故障",
    AlarmBit.FUEL: "车辆油量异常",
    AlarmBit.STOLEN: "车辆被盗",
    AlarmBit.ILLEGAL_IGNITION: "车辆非法点火",
    AlarmBit.ILLEGAL_DISPLACEMENT: "车辆非法位移",
    AlarmBit.COLLISION: "碰撞预警",
    AlarmBit.ROLLOVER: "侧翻预警",
    AlarmBit.ILLEGAL_DOOR: "非法开门报警",
}
_OTHER_TITLES: Final = {
    (Version.V2011, AlarmBit.DANGER_WARNING): "预警",
    (Version.V2019, AlarmBit.DANGER_WARNING): "危险驾驶行为报警",
    (Version.V2019, AlarmBit.COLLISION): "碰撞侧翻报警",
}
_ON_ANSWER: Final = frozenset(
    {
        AlarmBit.EMERGENCY,
        AlarmBit.AREA,
        AlarmBit.ROUTE,
        AlarmBit.SEGMENT_TIME,
        AlarmBit.ILLEGAL_IGNITION,
        AlarmBit.ILLEGAL_DISPLACEMENT,
        AlarmBit.ILLEGAL_DOOR,
    }
)
_HELD_SINCE_2019: Final = AlarmBit.DANGER_WARNING
CONFIRMABLE: Final = 1 << 0 | 1 << 3 | 1 << 20 | 1 << 21 | 1 << 22 | 1 << 27 | 1 << 28
"""Kinds that 0x8203 can confirm."""


def alarm_meanings(version: Version) -> dict[AlarmBit, BitMeaning]:
    """The bits that an edition defines, from bit 0 up."""
    return _MEANINGS[version]


def alarm_names(word: int, version: Version) -> tuple[AlarmBit, ...]:
    """The bits set in a word that the edition defines, lowest first."""
    return tuple(bit for bit in _MEANINGS[version] if word & bit.mask)


def reserved_bits(word: int, version: Version) -> int:
    """What is set of the bits that the edition reserves."""
    return word & ~DEFINED[version] & 0xFFFF_FFFF


def _meaning(bit: AlarmBit, version: Version) -> BitMeaning:
    on_answer = bit in _ON_ANSWER or (bit is _HELD_SINCE_2019 and version != Version.V2019)
    title = _OTHER_TITLES.get((version, bit), _TITLES[bit])
    return BitMeaning(bit, title, Clearing.ON_ANSWER if on_answer else Clearing.HOLD)


_MEANINGS: Final = {
    version: {bit: _meaning(bit, version) for bit in ALARM_BITS if bit.mask & DEFINED[version]} for version in Version
}
