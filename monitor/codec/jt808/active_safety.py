"""Active-safety alarms 主动安全 in items 0x64 to 0x67: 苏标 T/JSATL 12-2017 and 粤标 T/GDRTA 002-2020.

=========== =========== =================================================================================
0x64, 0x65  0x66        field
=========== =========== =================================================================================
0           0           alarm id DWORD
4           4           flag BYTE: 0 not available, 1 begin, 2 end
5, 6        –           type BYTE, level BYTE (0x67 has the type alone)
7 to 11     –           0x64: speed and distance ahead, deviation, road sign kind and data; 0x65: fatigue, reserved
12          5           speed BYTE km/h (0x67: 6), altitude WORD, lat lon DWORD, time BCD[6], status WORD
31          24          label 报警标识号, 16 bytes in 苏标 and 40 in 粤标 (0x67: 25)
–           40, 64      0x66: count BYTE, tyres: position, alarm bits, pressure kPa, temperature, battery WORD
=========== =========== =================================================================================

The profile is told by the length of the item alone; a header's version says nothing about it.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from monitor.codec.jt808.messages.reader import Reader


class Profile(StrEnum):
    """Whose layout and type codes."""

    SU = "苏标"
    YUE = "粤标"


class AlarmLabel(msgspec.Struct, frozen=True):
    """报警标识号: joins an alarm with its attachments."""

    terminal_id: str
    time: datetime | None
    number: int
    attachments: int
    reserved: bytes


class SafetyPlace(msgspec.Struct, frozen=True):
    """Where and when. ``lat_deg`` and ``lon_deg`` are magnitudes; ``vehicle_status`` is a word of its own."""

    speed_kmh: int
    altitude_m: int
    lat_deg: float
    lon_deg: float
    time: datetime | None
    vehicle_status: int


class DriverAssistanceAlarm(msgspec.Struct, frozen=True):
    """Item 0x64 ADAS 高级驾驶辅助. ``distance`` ahead is in 100 ms."""

    profile: Profile
    alarm_id: int
    flag: int
    kind: int
    name: str
    level: int
    front_speed_kmh: int
    distance: int
    deviation: int
    sign: int
    sign_data: int
    place: SafetyPlace
    label: AlarmLabel


class DriverStateAlarm(msgspec.Struct, frozen=True):
    """Item 0x65 DSM 驾驶员状态监测."""

    profile: Profile
    alarm_id: int
    flag: int
    kind: int
    name: str
    level: int
    fatigue_degree: int
    reserved: bytes
    place: SafetyPlace
    label: AlarmLabel


class Tyre(msgspec.Struct, frozen=True):
    """``alarms``: bits 0 timed report, 1 high, 2 low, 3 hot, 4 sensor fault, 5 unbalanced, 6 slow leak, 7 battery."""

    position: int
    alarms: int
    pressure_kpa: int
    temperature_c: int
    battery_percent: int


class TyreAlarm(msgspec.Struct, frozen=True):
    """Item 0x66 TPMS 胎压监测."""

    profile: Profile
    alarm_id: int
    flag: int
    place: SafetyPlace
    label: AlarmLabel
    tyres: tuple[Tyre, ...]


class BlindSpotAlarm(msgspec.Struct, frozen=True):
    """Item 0x67 BSD 盲区监测."""

    profile: Profile
    alarm_id: int
    flag: int
    kind: int
    name: str
    place: SafetyPlace
    label: AlarmLabel


_DRIVING_SIZES: Final = {47: Profile.SU, 71: Profile.YUE}
_BLIND_SPOT_SIZES: Final = {41: Profile.SU, 65: Profile.YUE}
_TYRE_HEADS: Final = {Profile.SU: 41, Profile.YUE: 65}
_TYRE_SIZES: Final = ((Profile.SU, 9), (Profile.SU, 10), (Profile.YUE, 10))

_DRIVER_ASSISTANCE: Final = {
    0x01: "forward_collision",
    0x02: "lane_departure",
    0x03: "too_close",
    0x04: "pedestrian_collision",
    0x05: "frequent_lane_change",
    0x06: "road_sign_exceeded",
    0x07: "obstacle",
    0x10: "road_sign_event",
    0x11: "capture",
}
_DRIVER_STATE: Final = {
    0x01: "fatigue",
    0x02: "telephone",
    0x03: "smoking",
    0x04: "distraction",
    0x05: "driver_abnormal",
    0x10: "capture",
    0x11: "driver_change",
}
_BLIND_SPOT: Final = {0x01: "rear_approach", 0x02: "left_rear", 0x03: "right_rear"}
DRIVER_ASSISTANCE_KINDS: Final = {
    Profile.SU: _DRIVER_ASSISTANCE,
    Profile.YUE: _DRIVER_ASSISTANCE | {0x12: "lane_change_over_solid_line", 0x13: "pedestrian_in_aisle"},
}
DRIVER_STATE_KINDS: Final = {
    Profile.SU: _DRIVER_STATE,
    Profile.YUE: _DRIVER_STATE
    | {
        0x04: "eyes_off_road",
        0x06: "lens_covered",
        0x08: "overtime",
        0x0A: "no_seat_belt",
        0x0B: "infrared_blocking_glasses",
        0x0C: "hands_off",
        0x0D: "playing_telephone",
    },
}
BLIND_SPOT_KINDS: Final = {Profile.SU: _BLIND_SPOT, Profile.YUE: _BLIND_SPOT}
"""Type codes by profile. Other provinces have texts of their own, which are not read here."""


def read_driver_assistance(value: bytes) -> DriverAssistanceAlarm | None:
    """Item 0x64; None if it has no length of a profile."""
    profile = _DRIVING_SIZES.get(len(value))
    if profile is None:
        return None
    body = Reader(value, 0x0200)
    alarm_id, flag, kind, level = body.u32("alarm_id"), body.u8("flag"), body.u8("kind"), body.u8("level")
    return DriverAssistanceAlarm(
        profile=profile,
        alarm_id=alarm_id,
        flag=flag,
        kind=kind,
        name=DRIVER_ASSISTANCE_KINDS[profile].get(kind, ""),
        level=level,
        front_speed_kmh=body.u8("front_speed"),
        distance=body.u8("distance"),
        deviation=body.u8("deviation"),
        sign=body.u8("sign"),
        sign_data=body.u8("sign_data"),
        place=_place(body),
        label=_label(body, profile),
    )


def read_driver_state(value: bytes) -> DriverStateAlarm | None:
    """Item 0x65; None if it has no length of a profile."""
    profile = _DRIVING_SIZES.get(len(value))
    if profile is None:
        return None
    body = Reader(value, 0x0200)
    alarm_id, flag, kind, level = body.u32("alarm_id"), body.u8("flag"), body.u8("kind"), body.u8("level")
    return DriverStateAlarm(
        profile=profile,
        alarm_id=alarm_id,
        flag=flag,
        kind=kind,
        name=DRIVER_STATE_KINDS[profile].get(kind, ""),
        level=level,
        fatigue_degree=body.u8("fatigue_degree"),
        reserved=body.take(4, "reserved"),
        place=_place(body),
        label=_label(body, profile),
    )


def read_tyres(value: bytes) -> TyreAlarm | None:
    """Item 0x66; the tyres' size, 9 or 10, is what the item's length and its count allow."""
    for profile, size in _TYRE_SIZES:
        head = _TYRE_HEADS[profile]
        if len(value) < head or len(value) != head + value[head - 1] * size:
            continue
        body = Reader(value, 0x0200)
        alarm_id, flag = body.u32("alarm_id"), body.u8("flag")
        place, label = _place(body), _label(body, profile)
        return TyreAlarm(profile, alarm_id, flag, place, label, _tyres(body, size))
    return None


def _tyres(body: Reader, size: int) -> tuple[Tyre, ...]:
    return tuple(
        Tyre(
            position=body.u8("position") if size == 9 else body.u16("position"),
            alarms=body.u16("alarms"),
            pressure_kpa=body.u16("pressure"),
            temperature_c=int.from_bytes(body.take(2, "temperature"), "big", signed=True),
            battery_percent=body.u16("battery"),
        )
        for _ in range(body.u8("count"))
    )


def read_blind_spot(value: bytes) -> BlindSpotAlarm | None:
    """Item 0x67; None if it has no length of a profile."""
    profile = _BLIND_SPOT_SIZES.get(len(value))
    if profile is None:
        return None
    body = Reader(value, 0x0200)
    alarm_id, flag, kind = body.u32("alarm_id"), body.u8("flag"), body.u8("kind")
    name = BLIND_SPOT_KINDS[profile].get(kind, "")
    return BlindSpotAlarm(profile, alarm_id, flag, kind, name, _place(body), _label(body, profile))


def _place(body: Reader) -> SafetyPlace:
    return SafetyPlace(
        speed_kmh=body.u8("speed"),
        altitude_m=int.from_bytes(body.take(2, "altitude"), "big", signed=True),
        lat_deg=body.u32("lat") / 1e6,
        lon_deg=body.u32("lon") / 1e6,
        time=body.time("time"),
        vehicle_status=body.u16("vehicle_status"),
    )


def _label(body: Reader, profile: Profile) -> AlarmLabel:
    newer = profile is Profile.YUE
    return AlarmLabel(
        terminal_id=body.padded(30 if newer else 7, "terminal_id"),
        time=body.time("label_time"),
        number=body.u8("number"),
        attachments=body.u8("attachments"),
        reserved=body.take(2 if newer else 1, "reserved"),
    )
