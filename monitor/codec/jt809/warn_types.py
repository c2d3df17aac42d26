"""Kinds of alarms on the wire, WARN_TYPE 报警类型: the standard's codes by name, and which are ours.

Three tables: the codes (2011 table of alarm kinds, 2019 tables, regional extensions), from our rules, and from the
bits of an 808 alarm word. Unknown codes are to be expected and are carried as numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from monitor.codec.jt809.header import Version
from monitor.model.alarm_bits import AlarmBit, alarm_bits
from monitor.model.language import Language, said


class WarnType(IntEnum):
    """Codes by name; those from ``NO_GO_HOURS`` on are regional (平台间数据交换技术规范 V2)."""

    SPEEDING = 0x0001
    FATIGUE = 0x0002
    EMERGENCY = 0x0003
    ENTERED_AREA = 0x0004
    LEFT_AREA = 0x0005
    CONGESTION_2011 = 0x0006
    DANGEROUS_SECTION_2011 = 0x0007
    OUT_OF_BOUNDS = 0x0008
    THEFT = 0x0009
    ROBBERY = 0x000A
    ROUTE_DEVIATION = 0x000B
    MOVED = 0x000C
    CUMULATIVE_DRIVING = 0x000D
    OTHER_2011 = 0x000E
    ILLEGAL_DRIVING = 0x0010
    COLLISION = 0x0011
    LANE_DEPARTURE = 0x0012
    TYRE_PRESSURE = 0x0013
    ABNORMAL_DATA = 0x0014
    OTHER_2019 = 0x00FF
    OVERLONG_STOP = 0xA001
    REPORT_INTERVAL_TIME = 0xA002
    REPORT_INTERVAL_DISTANCE = 0xA003
    LOWER_PLATFORM_LOST = 0xA004
    LOWER_PLATFORM_TRANSFER = 0xA005
    CONGESTION = 0xA006
    DANGEROUS_SECTION = 0xA007
    RAIN_OR_SNOW = 0xA008
    DRIVER_IDENTITY = 0xA009
    TERMINAL_FAULT = 0xA00A
    PLATFORM_ACCESS = 0xA00B
    CORE_DATA = 0xA00C
    OTHER_PLATFORM = 0xA0FF
    NO_GO_HOURS = 0xD208
    NIGHT_DRIVING = 0xD212
    PHYSIOLOGICAL_FATIGUE = 0xD213
    LONG_OUT_OF_AREA = 0xD218
    OFFLINE_DISPLACEMENT = 0xD219
    ROAD_SPEEDING = 0xD221
    BASIC_SPEEDING = 0xD222
    TERMINAL_FAULT_REGIONAL = 0xD303
    OFFLINE_THREE_DAYS = 0xD304
    POWER_CUT = 0xD305
    ANTENNA = 0xD306


class Printed(IntEnum):
    """Where a code is printed."""

    BOTH = 0
    ONLY_2011 = 2011
    ONLY_2019 = 2019
    REGIONAL = 1


@dataclass(frozen=True, slots=True)
class Warn:
    """One code: who prints it, and its names."""

    code: WarnType
    printed: Printed
    zh: str
    en: str


_BOTH, _OLD, _NEW, _REGIONAL = Printed

CODES: Final[dict[int, Warn]] = {
    int(code): Warn(code, printed, zh, en)
    for code, printed, zh, en in (
        (WarnType.SPEEDING, _BOTH, "超速报警", "speeding"),
        (WarnType.FATIGUE, _BOTH, "疲劳驾驶报警", "fatigued driving"),
        (WarnType.EMERGENCY, _BOTH, "紧急报警", "emergency"),
        (WarnType.ENTERED_AREA, _BOTH, "进入指定区域报警", "entered an area"),
        (WarnType.LEFT_AREA, _BOTH, "离开指定区域报警", "left an area"),
        (WarnType.CONGESTION_2011, _OLD, "路段堵塞报警", "road blocked"),
        (WarnType.DANGEROUS_SECTION_2011, _OLD, "危险路段报警", "dangerous road section"),
        (WarnType.OUT_OF_BOUNDS, _BOTH, "越界报警", "boundary crossed"),
        (WarnType.THEFT, _BOTH, "盗警", "theft"),
        (WarnType.ROBBERY, _BOTH, "劫警", "robbery"),
        (WarnType.ROUTE_DEVIATION, _BOTH, "偏离路线报警", "off the route"),
        (WarnType.MOVED, _BOTH, "车辆移动报警", "vehicle moved"),
        (WarnType.CUMULATIVE_DRIVING, _BOTH, "超时驾驶报警", "driven too long"),
        (WarnType.OTHER_2011, _OLD, "其他报警", "other"),
        (WarnType.ILLEGAL_DRIVING, _NEW, "违规行驶报警", "irregular driving"),
        (WarnType.COLLISION, _NEW, "前撞报警", "forward collision"),
        (WarnType.LANE_DEPARTURE, _NEW, "车道偏离报警", "lane departure"),
        (WarnType.TYRE_PRESSURE, _NEW, "胎压异常报警", "tyre pressure"),
        (WarnType.ABNORMAL_DATA, _NEW, "动态信息异常报警", "abnormal dynamic data"),
        (WarnType.OTHER_2019, _NEW, "其他报警", "other"),
        (WarnType.OVERLONG_STOP, _NEW, "超时停车", "parked too long"),
        (WarnType.REPORT_INTERVAL_TIME, _NEW, "上报时间间隔异常", "abnormal time between reports"),
        (WarnType.REPORT_INTERVAL_DISTANCE, _NEW, "上报距离间隔异常", "abnormal distance between reports"),
        (WarnType.LOWER_PLATFORM_LOST, _NEW, "下级平台异常断线", "lower platform lost"),
        (WarnType.LOWER_PLATFORM_TRANSFER, _NEW, "下级平台数据传输异常", "lower platform transfers abnormally"),
        (WarnType.CONGESTION, _NEW, "路段堵塞", "road blocked"),
        (WarnType.DANGEROUS_SECTION, _NEW, "危险路段", "dangerous road section"),
        (WarnType.RAIN_OR_SNOW, _NEW, "雨雪天气", "rain or snow"),
        (WarnType.DRIVER_IDENTITY, _NEW, "驾驶员身份识别异常", "driver not identified"),
        (WarnType.TERMINAL_FAULT, _NEW, "终端异常(含线路连接异常)", "terminal or its wiring faulty"),
        (WarnType.PLATFORM_ACCESS, _NEW, "平台接入异常", "platform access abnormal"),
        (WarnType.CORE_DATA, _NEW, "核心数据异常", "core data abnormal"),
        (WarnType.OTHER_PLATFORM, _NEW, "其他", "other, of a platform"),
        (WarnType.NO_GO_HOURS, _REGIONAL, "禁行时段行驶", "driving in forbidden hours"),
        (WarnType.NIGHT_DRIVING, _REGIONAL, "夜间行驶", "driving at night"),
        (WarnType.PHYSIOLOGICAL_FATIGUE, _REGIONAL, "生理疲劳", "physiological fatigue"),
        (WarnType.LONG_OUT_OF_AREA, _REGIONAL, "长期异地经营", "long out of its area"),
        (WarnType.OFFLINE_DISPLACEMENT, _REGIONAL, "离线位移", "moved while offline"),
        (WarnType.ROAD_SPEEDING, _REGIONAL, "道路实际限速超速", "above the road's limit"),
        (WarnType.BASIC_SPEEDING, _REGIONAL, "基础限速超速", "above the basic limit"),
        (WarnType.TERMINAL_FAULT_REGIONAL, _REGIONAL, "终端故障", "terminal faulty"),
        (WarnType.OFFLINE_THREE_DAYS, _REGIONAL, "三天未上线", "three days not online"),
        (WarnType.POWER_CUT, _REGIONAL, "断电", "power cut"),
        (WarnType.ANTENNA, _REGIONAL, "天线异常", "antenna faulty"),
    )
}
"""Law but for the regional: JT/T 809-2011, table of alarm kinds; 2019, tables 3 and 4. Regional: rulebook 6.3."""

OTHER: Final = {Version.V2011: WarnType.OTHER_2011, Version.V2019: WarnType.OTHER_2019}

_OF_RULE: Final[dict[tuple[str, str], tuple[WarnType, WarnType]]] = {
    (rule, kind): (old, new)
    for rule, kind, old, new in (
        ("speeding", "", WarnType.SPEEDING, WarnType.SPEEDING),
        ("fatigue", "", WarnType.FATIGUE, WarnType.FATIGUE),
        ("cumulative_driving", "", WarnType.CUMULATIVE_DRIVING, WarnType.CUMULATIVE_DRIVING),
        ("hazmat_hours", "", WarnType.CUMULATIVE_DRIVING, WarnType.CUMULATIVE_DRIVING),
        ("night_curfew", "", WarnType.OTHER_2011, WarnType.NO_GO_HOURS),
        ("track_gap", "", WarnType.OTHER_2011, WarnType.REPORT_INTERVAL_TIME),
        ("low_completeness", "", WarnType.OTHER_2011, WarnType.ABNORMAL_DATA),
        ("offline", "", WarnType.OTHER_2011, WarnType.OFFLINE_THREE_DAYS),
        ("never_online", "", WarnType.OTHER_2011, WarnType.TERMINAL_FAULT),
        ("no_fix", "", WarnType.OTHER_2011, WarnType.TERMINAL_FAULT),
        ("offline_displacement", "", WarnType.OTHER_2011, WarnType.OFFLINE_DISPLACEMENT),
        ("drift", "", WarnType.OTHER_2011, WarnType.ABNORMAL_DATA),
        ("frozen_fix", "", WarnType.OTHER_2011, WarnType.ABNORMAL_DATA),
        ("pinned_speed", "", WarnType.OTHER_2011, WarnType.ABNORMAL_DATA),
        ("copied_track", "", WarnType.OTHER_2011, WarnType.CORE_DATA),
        ("clock_fault", "", WarnType.OTHER_2011, WarnType.ABNORMAL_DATA),
        ("acc_contradiction", "", WarnType.OTHER_2011, WarnType.ABNORMAL_DATA),
        ("suspended_movement", "", WarnType.MOVED, WarnType.MOVED),
        ("route_deviation", "", WarnType.ROUTE_DEVIATION, WarnType.ROUTE_DEVIATION),
        ("route_deviation", "window", WarnType.OTHER_2011, WarnType.ILLEGAL_DRIVING),
        ("route_deviation", "speed", WarnType.SPEEDING, WarnType.SPEEDING),
        ("relay_missing", "", WarnType.OTHER_2011, WarnType.ILLEGAL_DRIVING),
        ("driver_conflict", "", WarnType.OTHER_2011, WarnType.DRIVER_IDENTITY),
        ("platform_outage", "", WarnType.OTHER_2011, WarnType.LOWER_PLATFORM_LOST),
    )
}
"""By rule and kind, a kind of "" for all that are not named: codes of 2011 and 2019. A reading, not of the standard.

``offline`` is named for its grade of three days.
"""

_FAULTS: Final = (
    AlarmBit.GNSS_FAULT,
    AlarmBit.GNSS_ANTENNA_CUT,
    AlarmBit.GNSS_ANTENNA_SHORT,
    AlarmBit.POWER_LOW,
    AlarmBit.POWER_LOST,
    AlarmBit.DISPLAY_FAULT,
    AlarmBit.TTS_FAULT,
    AlarmBit.CAMERA_FAULT,
    AlarmBit.IC_MODULE_FAULT,
    AlarmBit.VSS_FAULT,
    AlarmBit.FUEL,
)

_OF_BIT: Final[dict[AlarmBit, tuple[WarnType, WarnType]]] = {
    AlarmBit.EMERGENCY: (WarnType.EMERGENCY, WarnType.EMERGENCY),
    AlarmBit.SPEEDING: (WarnType.SPEEDING, WarnType.SPEEDING),
    AlarmBit.FATIGUE: (WarnType.FATIGUE, WarnType.FATIGUE),
    AlarmBit.ILLEGAL_DRIVING: (WarnType.OTHER_2011, WarnType.ILLEGAL_DRIVING),
    AlarmBit.TYRE_PRESSURE: (WarnType.OTHER_2011, WarnType.TYRE_PRESSURE),
    AlarmBit.CUMULATIVE_DRIVING: (WarnType.CUMULATIVE_DRIVING, WarnType.CUMULATIVE_DRIVING),
    AlarmBit.OVERLONG_STOP: (WarnType.OTHER_2011, WarnType.OVERLONG_STOP),
    AlarmBit.ROUTE: (WarnType.OUT_OF_BOUNDS, WarnType.OUT_OF_BOUNDS),
    AlarmBit.ROUTE_DEVIATION: (WarnType.ROUTE_DEVIATION, WarnType.ROUTE_DEVIATION),
    AlarmBit.STOLEN: (WarnType.THEFT, WarnType.THEFT),
    AlarmBit.ILLEGAL_DISPLACEMENT: (WarnType.MOVED, WarnType.MOVED),
    **dict.fromkeys(_FAULTS, (WarnType.OTHER_2011, WarnType.TERMINAL_FAULT)),
}
"""Reference §8.6, an inference; bits that are not named become ``OTHER``. ``AREA`` needs item 0x12 as well."""

_FORWARD_COLLISION, _LANE_DEPARTURE = 1 << 6, 1 << 7
"""Bits of the 2019 status word."""

_PRE_WARNINGS: Final = (AlarmBit.DANGER_WARNING, AlarmBit.SPEEDING_WARNING, AlarmBit.FATIGUE_WARNING)
"""Warnings before the fact: no alarms to report."""


def warn_name(code: int, language: Language) -> str:
    """Name of a code for people; one that no table has is its number."""
    warn = CODES.get(code)
    return f"0x{code:04X}" if warn is None else said(language, warn.zh, warn.en)


def warn_type_of_rule(rule: str, kind: str, version: Version) -> WarnType:
    """Code for an alarm of ours; of a device alarm by the bit's name as kind; else the edition's code for others."""
    if rule == "device_alarm":
        pair = _OF_BIT.get(AlarmBit(kind)) if kind in list(AlarmBit) else None
    else:
        pair = _OF_RULE.get((rule, kind)) or _OF_RULE.get((rule, ""))
    return OTHER[version] if pair is None else pair[version is Version.V2019]


def warn_types_of_word(
    alarm_flags: int, status: int, version: Version, *, leaving: bool | None = None
) -> tuple[WarnType, ...]:
    """Codes for an 808 alarm word, each once, in the order of the bits; pre-warnings have none.

    ``leaving`` is the direction of item 0x12 for the area bit, None if there is none: then it is ``OTHER``.
    """
    found: dict[WarnType, None] = {}
    for bit in alarm_bits(alarm_flags):
        if bit in _PRE_WARNINGS:
            continue
        pair = _OF_BIT.get(bit)
        if bit is AlarmBit.AREA and leaving is not None:
            code = WarnType.LEFT_AREA if leaving else WarnType.ENTERED_AREA
        else:
            code = OTHER[version] if pair is None else pair[version is Version.V2019]
        found[code] = None
    if version is Version.V2019 and status > 0:
        if status & _FORWARD_COLLISION:
            found[WarnType.COLLISION] = None
        if status & _LANE_DEPARTURE:
            found[WarnType.LANE_DEPARTURE] = None
    return tuple(found)
