"""What areas and routes have in common: attributes 区域属性, period, speed limit, name, lists of ids.

Optional fields are absent, not zero, when their attribute bit is 0; here they are None, and the bits follow. The limit
of the night and the name are of 2019.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

import msgspec

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.position import hemisphere
from monitor.codec.jt808.messages.reader import Moment, Reader
from monitor.codec.jt808.messages.writer import Writer, encode_text


class AreaAttribute(IntFlag):
    """区域属性 of circles, rectangles and polygons; a route has bits 0 and 2 to 5 of it."""

    PERIOD = 1 << 0
    SPEED_LIMIT = 1 << 1
    ENTER_TO_DRIVER = 1 << 2
    ENTER_TO_PLATFORM = 1 << 3
    LEAVE_TO_DRIVER = 1 << 4
    LEAVE_TO_PLATFORM = 1 << 5
    SOUTH = 1 << 6
    WEST = 1 << 7
    DOOR_FORBIDDEN = 1 << 8
    COMMUNICATION_OFF = 1 << 14
    GNSS_DETAIL = 1 << 15


class AreaSetting(IntEnum):
    """设置属性."""

    UPDATE = 0
    APPEND = 1
    MODIFY = 2


class Point(msgspec.Struct, frozen=True):
    """Degrees, signed; on the wire magnitudes, with the hemisphere in the attributes."""

    lat_deg: float
    lon_deg: float


class Period(msgspec.Struct, frozen=True):
    """When it holds: two times, or two times of day for every day (date 00-00-00)."""

    start: Moment
    end: Moment


class SpeedLimit(msgspec.Struct, frozen=True):
    """``max_kmh`` whole km/h, over it for ``duration_s`` seconds; ``night_kmh`` is of 2019."""

    max_kmh: int
    duration_s: int
    night_kmh: int = 0


def read_point(body: Reader, attributes: int, south: int, west: int) -> Point:
    """Two DWORD of 10^-6 degrees, latitude first."""
    lat, lon = body.u32("lat") / 1e6, body.u32("lon") / 1e6
    return Point(-lat if attributes & south and lat else lat, -lon if attributes & west and lon else lon)


def write_point(out: Writer, point: Point) -> None:
    out.u32(round(abs(point.lat_deg) * 1e6), "lat")
    out.u32(round(abs(point.lon_deg) * 1e6), "lon")


def turned(attributes: int, points: tuple[Point, ...], south: int, west: int) -> int:
    """``attributes`` with the hemisphere bits of the points (an area lies in one hemisphere)."""
    for point in points:
        attributes = hemisphere(hemisphere(attributes, int(south), point.lat_deg), int(west), point.lon_deg)
    return attributes


def with_bit(attributes: int, bit: int, present: bool) -> int:
    """``attributes`` with ``bit`` as said; bits without a name stay (which an IntFlag's complement would clear)."""
    return attributes | int(bit) if present else attributes & ~int(bit)


def read_period(body: Reader, attributes: int) -> Period | None:
    """Two BCD[6] if bit 0 is set."""
    if not attributes & AreaAttribute.PERIOD:
        return None
    return Period(body.moment("start"), body.moment("end"))


def write_period(out: Writer, period: Period | None) -> None:
    if period is not None:
        out.moment(period.start, "start")
        out.moment(period.end, "end")


def read_speed(body: Reader, attributes: int) -> SpeedLimit | None:
    """WORD and BYTE if bit 1 is set; the limit of the night stands elsewhere."""
    if not attributes & AreaAttribute.SPEED_LIMIT:
        return None
    return SpeedLimit(body.u16("max_speed"), body.u8("overspeed_duration"))


def write_speed(out: Writer, speed: SpeedLimit | None) -> None:
    if speed is not None:
        out.u16(speed.max_kmh, "max_speed")
        out.u8(speed.duration_s, "overspeed_duration")


def read_night(body: Reader, speed: SpeedLimit | None, version: Version) -> SpeedLimit | None:
    """The limit with that of the night (2019, WORD)."""
    if speed is None or version != Version.V2019:
        return speed
    return SpeedLimit(speed.max_kmh, speed.duration_s, body.u16("night_max_speed"))


def write_night(out: Writer, speed: SpeedLimit | None, version: Version) -> None:
    if speed is not None and version == Version.V2019:
        out.u16(speed.night_kmh, "night_max_speed")


def read_name(body: Reader, version: Version) -> str:
    """Length WORD and STRING in 2019, else nothing."""
    return body.text(body.u16("name_length"), "name") if version == Version.V2019 else ""


def write_name(out: Writer, name: str, version: Version) -> None:
    if version == Version.V2019:
        raw = encode_text(name)
        out.u16(len(raw), "name_length")
        out.raw(raw)
