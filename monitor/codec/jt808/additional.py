"""Values of the additional items 附加信息 of a position report, by name and unit.

An item is read only if it has the length of its table; any other length of a known id, and every unknown id, is left to
``Location.items``, where all items stay raw: vendors use ids again for things of their own.
Ids 0x01 to 0x31: JT/T 808; 0x14 to 0x18: JT/T 1078; 0x64 to 0x67: ``active_safety``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntFlag, StrEnum
from typing import Final

import msgspec

from monitor.codec.jt808.active_safety import (
    BlindSpotAlarm,
    DriverAssistanceAlarm,
    DriverStateAlarm,
    TyreAlarm,
    read_blind_spot,
    read_driver_assistance,
    read_driver_state,
    read_tyres,
)
from monitor.codec.jt808.items import Item


class PlaceKind(StrEnum):
    """位置类型 of items 0x11 and 0x12, in order of the codes."""

    NONE = "none"
    CIRCLE = "circle"
    RECTANGLE = "rectangle"
    POLYGON = "polygon"
    ROUTE = "route"
    UNKNOWN = "unknown"


_PLACE_KINDS: Final = tuple(PlaceKind)[:5]


class SpeedingDetail(msgspec.Struct, frozen=True):
    """Item 0x11: the limit of which area or segment was broken; no id for kind ``none``."""

    kind: PlaceKind
    area_id: int | None


class AreaPassage(msgspec.Struct, frozen=True):
    """Item 0x12: an area or route was entered or left."""

    kind: PlaceKind
    area_id: int
    left: bool


class SegmentTime(msgspec.Struct, frozen=True):
    """Item 0x13: a segment was passed in too short or too long a time."""

    segment_id: int
    driving_time_s: int
    too_long: bool


class AbnormalDriving(msgspec.Struct, frozen=True):
    """Item 0x18: ``behaviour`` bits 0 fatigue, 1 telephone, 2 smoking; ``fatigue_level`` 0 to 100, None if not sent."""

    behaviour: int
    fatigue_level: int | None


class VideoAlarm(IntFlag):
    """Item 0x14."""

    SIGNAL_LOST = 1 << 0
    OCCLUDED = 1 << 1
    STORAGE_FAULT = 1 << 2
    OTHER_FAULT = 1 << 3
    BUS_OVERLOADED = 1 << 4
    ABNORMAL_DRIVING = 1 << 5
    STORAGE_THRESHOLD = 1 << 6


class VehicleSignal(IntFlag):
    """Item 0x25 扩展车辆信号状态位."""

    LOW_BEAM = 1 << 0
    HIGH_BEAM = 1 << 1
    RIGHT_TURN = 1 << 2
    LEFT_TURN = 1 << 3
    BRAKE = 1 << 4
    REVERSE = 1 << 5
    FOG_LIGHT = 1 << 6
    CLEARANCE_LIGHT = 1 << 7
    HORN = 1 << 8
    AIR_CONDITIONING = 1 << 9
    NEUTRAL = 1 << 10
    RETARDER = 1 << 11
    ABS = 1 << 12
    HEATER = 1 << 13
    CLUTCH = 1 << 14


class IoState(IntFlag):
    """Item 0x2A."""

    DEEP_SLEEP = 1 << 0
    SLEEP = 1 << 1


class Additional(msgspec.Struct):
    """What the items say; None or empty where there is no such item. Of a repeated number the last counts.

    ``tyre_pressure_raw`` is one byte per tyre, front left first, None invalid: the printed unit (Pa) cannot be right.
    ``fuel_l`` of a terminal that sets the top bit is a percentage, see ``fuel_percent``.
    """

    mileage_km: float | None = None
    fuel_l: float | None = None
    fuel_percent: float | None = None
    recorder_speed_kmh: float | None = None
    manual_confirmation_event: int | None = None
    tyre_pressure_raw: tuple[int | None, ...] = ()
    carriage_temperature_c: int | None = None
    speeding_detail: tuple[SpeedingDetail, ...] = ()
    area_or_route: tuple[AreaPassage, ...] = ()
    segment_time: tuple[SegmentTime, ...] = ()
    video_alarms: tuple[str, ...] | None = None
    video_signal_lost: tuple[int, ...] | None = None
    video_occluded: tuple[int, ...] | None = None
    storage_fault: tuple[int, ...] | None = None
    abnormal_driving: AbnormalDriving | None = None
    vehicle_signals: tuple[str, ...] | None = None
    io_status: tuple[str, ...] | None = None
    analogue: tuple[int, int] | None = None
    signal_strength: int | None = None
    satellites: int | None = None
    adas: tuple[DriverAssistanceAlarm, ...] = ()
    driver_state: tuple[DriverStateAlarm, ...] = ()
    tyre_monitor: tuple[TyreAlarm, ...] = ()
    blind_spot: tuple[BlindSpotAlarm, ...] = ()


def read_additional(items: Iterable[Item]) -> Additional:
    """The known items of a report."""
    found = Additional()
    for item in items:
        reader = _READERS.get(item.id)
        if reader is not None:
            reader(found, item.value)
    return found


def flag_names(flags: type[IntFlag], word: int) -> tuple[str, ...]:
    """Names of the bits set, lowest first; a bit without name is ``bit_<n>``."""
    known = {int(flag): (flag.name or "").lower() for flag in flags}
    return tuple(known.get(1 << place, f"bit_{place}") for place in range(word.bit_length()) if word >> place & 1)


def _number(value: bytes) -> int:
    return int.from_bytes(value, "big")


def _places(value: bytes, first: int) -> tuple[int, ...]:
    word = _number(value)
    return tuple(place + first for place in range(8 * len(value)) if word >> place & 1)


def _kind(code: int) -> PlaceKind:
    return _PLACE_KINDS[code] if code < len(_PLACE_KINDS) else PlaceKind.UNKNOWN


def _mileage(found: Additional, value: bytes) -> None:
    if len(value) == 4:
        found.mileage_km = None if value == b"\xff" * 4 else _number(value) / 10


def _fuel(found: Additional, value: bytes) -> None:
    if len(value) == 2 and value != b"\xff\xff":
        raw = _number(value)
        if raw & 0x8000:
            found.fuel_percent = (raw & 0x7FFF) / 10
        else:
            found.fuel_l = raw / 10


def _recorder_speed(found: Additional, value: bytes) -> None:
    if len(value) == 2:
        found.recorder_speed_kmh = None if value == b"\xff\xff" else _number(value) / 10


def _event(found: Additional, value: bytes) -> None:
    if len(value) == 2:
        found.manual_confirmation_event = _number(value)


def _tyre_pressure(found: Additional, value: bytes) -> None:
    if len(value) == 30:
        found.tyre_pressure_raw = tuple(None if byte == 0xFF else byte for byte in value)


def _temperature(found: Additional, value: bytes) -> None:
    """Sign and magnitude by the text; two's complement if that would be colder than anything is."""
    if len(value) == 2:
        raw = _number(value)
        magnitude = raw & 0x7FFF
        if raw & 0x8000:
            found.carriage_temperature_c = raw - 0x10000 if magnitude > 0x4000 else -magnitude
        else:
            found.carriage_temperature_c = raw


def _speeding(found: Additional, value: bytes) -> None:
    if len(value) == 1 and value[0] == 0:
        found.speeding_detail += (SpeedingDetail(PlaceKind.NONE, None),)
    elif len(value) == 5:
        found.speeding_detail += (SpeedingDetail(_kind(value[0]), _number(value[1:])),)


def _passage(found: Additional, value: bytes) -> None:
    if len(value) == 6:
        found.area_or_route += (AreaPassage(_kind(value[0]), _number(value[1:5]), value[5] != 0),)


def _segment(found: Additional, value: bytes) -> None:
    if len(value) == 7:
        found.segment_time += (SegmentTime(_number(value[:4]), _number(value[4:6]), value[6] != 0),)


def _video_alarms(found: Additional, value: bytes) -> None:
    if len(value) == 4:
        found.video_alarms = flag_names(VideoAlarm, _number(value))


def _video_lost(found: Additional, value: bytes) -> None:
    if len(value) == 4:
        found.video_signal_lost = _places(value, 1)


def _video_occluded(found: Additional, value: bytes) -> None:
    if len(value) == 4:
        found.video_occluded = _places(value, 1)


def _storage(found: Additional, value: bytes) -> None:
    if len(value) == 2:
        found.storage_fault = _places(value, 0)


def _abnormal(found: Additional, value: bytes) -> None:
    """Two bytes are printed, three are meant."""
    if len(value) in (2, 3):
        found.abnormal_driving = AbnormalDriving(_number(value[:2]), value[2] if len(value) == 3 else None)


def _signals(found: Additional, value: bytes) -> None:
    if len(value) == 4:
        found.vehicle_signals = flag_names(VehicleSignal, _number(value))


def _io(found: Additional, value: bytes) -> None:
    if len(value) == 2:
        found.io_status = flag_names(IoState, _number(value))


def _analogue(found: Additional, value: bytes) -> None:
    if len(value) == 4:
        found.analogue = (_number(value[2:]), _number(value[:2]))


def _strength(found: Additional, value: bytes) -> None:
    if len(value) == 1:
        found.signal_strength = value[0]


def _satellites(found: Additional, value: bytes) -> None:
    if len(value) == 1:
        found.satellites = value[0]


def _adas(found: Additional, value: bytes) -> None:
    if (alarm := read_driver_assistance(value)) is not None:
        found.adas += (alarm,)


def _driver_state(found: Additional, value: bytes) -> None:
    if (alarm := read_driver_state(value)) is not None:
        found.driver_state += (alarm,)


def _tyres(found: Additional, value: bytes) -> None:
    if (alarm := read_tyres(value)) is not None:
        found.tyre_monitor += (alarm,)


def _blind_spot(found: Additional, value: bytes) -> None:
    if (alarm := read_blind_spot(value)) is not None:
        found.blind_spot += (alarm,)


_READERS: Final[dict[int, Callable[[Additional, bytes], None]]] = {
    0x01: _mileage,
    0x02: _fuel,
    0x03: _recorder_speed,
    0x04: _event,
    0x05: _tyre_pressure,
    0x06: _temperature,
    0x11: _speeding,
    0x12: _passage,
    0x13: _segment,
    0x14: _video_alarms,
    0x15: _video_lost,
    0x16: _video_occluded,
    0x17: _storage,
    0x18: _abnormal,
    0x25: _signals,
    0x2A: _io,
    0x2B: _analogue,
    0x30: _strength,
    0x31: _satellites,
    0x64: _adas,
    0x65: _driver_state,
    0x66: _tyres,
    0x67: _blind_spot,
}
