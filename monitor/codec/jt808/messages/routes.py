"""Routes 路线: 0x8606, deletion in ``areas``; query of areas and routes 0x8608 and its answer 0x0608 (2019).

0x8606: id DWORD, attributes WORD, [start, end BCD[6]], point count WORD, per point: point id DWORD, segment id DWORD,
lat lon DWORD, width BYTE m, segment attributes BYTE, [too long WORD s, too short WORD s], [speed WORD km/h, duration
BYTE s, 2019: night speed WORD]; 2019: name. 2011 has no point id, and one driving time WORD instead of two.
0x8608: kind BYTE, count DWORD (0 = all), ids DWORD. 0x0608: kind BYTE, count DWORD, then bodies of 0x8600, 0x8602,
0x8604 or 0x8606.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag
from typing import ClassVar, Final, Self

import msgspec

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.area_attributes import (
    AreaAttribute,
    Period,
    Point,
    SpeedLimit,
    read_name,
    read_night,
    read_period,
    read_point,
    turned,
    with_bit,
    write_name,
    write_night,
    write_period,
    write_point,
    write_speed,
)
from monitor.codec.jt808.messages.areas import SetCircles, SetPolygon, SetRectangles
from monitor.codec.jt808.messages.message import OLDER_EITHER_WAY, Editions, Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer
from monitor.errors import CodecError


class SegmentAttribute(IntFlag):
    """路段属性."""

    DRIVING_TIME = 1 << 0
    SPEED_LIMIT = 1 << 1
    SOUTH = 1 << 2
    WEST = 1 << 3


class DrivingTime(msgspec.Struct, frozen=True):
    """Longer or shorter than this is an alarm, seconds; 2011 has ``too_long_s`` alone."""

    too_long_s: int
    too_short_s: int = 0


class RoutePoint(msgspec.Struct, frozen=True):
    """拐点, where a segment begins. Attribute bits of times, limit and hemispheres follow the fields."""

    point_id: int
    segment_id: int
    place: Point
    width_m: int
    attributes: int
    driving_time: DrivingTime | None = None
    speed: SpeedLimit | None = None


class SetRoute(Message, frozen=True):
    """0x8606 设置路线."""

    msg_id: ClassVar[int] = 0x8606
    EDITIONS: ClassVar[Editions] = OLDER_EITHER_WAY
    route_id: int
    attributes: int
    points: tuple[RoutePoint, ...]
    period: Period | None = None
    name: str = ""

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        route_id, attributes = body.u32("route_id"), body.u16("attributes")
        period = read_period(body, attributes)
        points = tuple(_read_point(body, version) for _ in range(body.u16("point_count")))
        return cls(route_id, attributes, points, period, read_name(body, version))

    def write(self, out: Writer, version: Version) -> None:
        out.u32(self.route_id, "route_id")
        out.u16(with_bit(self.attributes, AreaAttribute.PERIOD, self.period is not None), "attributes")
        write_period(out, self.period)
        out.u16(len(self.points), "point_count")
        for point in self.points:
            _write_point(out, point, version)
        write_name(out, self.name, version)


def _read_point(body: Reader, version: Version) -> RoutePoint:
    old = version == Version.V2011
    point_id = 0 if old else body.u32("point_id")
    segment_id = body.u32("segment_id")
    place_at = body.at
    body.take(8, "place")
    width_m, attributes = body.u8("width"), body.u8("segment_attributes")
    place = read_point(
        Reader(body.body, body.msg_id, place_at), attributes, SegmentAttribute.SOUTH, SegmentAttribute.WEST
    )
    driving_time = None
    if attributes & SegmentAttribute.DRIVING_TIME:
        driving_time = DrivingTime(body.u16("too_long"), 0 if old else body.u16("too_short"))
    speed = None
    if attributes & SegmentAttribute.SPEED_LIMIT:
        speed = read_night(body, SpeedLimit(body.u16("max_speed"), body.u8("overspeed_duration")), version)
    return RoutePoint(point_id, segment_id, place, width_m, attributes, driving_time, speed)


def _write_point(out: Writer, point: RoutePoint, version: Version) -> None:
    old = version == Version.V2011
    if not old:
        out.u32(point.point_id, "point_id")
    out.u32(point.segment_id, "segment_id")
    write_point(out, point.place)
    out.u8(point.width_m, "width")
    attributes = with_bit(point.attributes, SegmentAttribute.DRIVING_TIME, point.driving_time is not None)
    attributes = with_bit(attributes, SegmentAttribute.SPEED_LIMIT, point.speed is not None)
    out.u8(turned(attributes, (point.place,), SegmentAttribute.SOUTH, SegmentAttribute.WEST), "segment_attributes")
    if point.driving_time is not None:
        out.u16(point.driving_time.too_long_s, "too_long")
        if not old:
            out.u16(point.driving_time.too_short_s, "too_short")
    write_speed(out, point.speed)
    write_night(out, point.speed, version)


class AreaKind(IntEnum):
    """查询类型."""

    CIRCLE = 1
    RECTANGLE = 2
    POLYGON = 3
    ROUTE = 4


class QueryAreas(Message, frozen=True):
    """0x8608 查询区域或线路数据 (2019); no ids ask for all."""

    msg_id: ClassVar[int] = 0x8608
    kind: int
    ids: tuple[int, ...] = ()

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        kind, count = body.u8("kind"), body.u32("count")
        if 4 * count > body.left:
            raise body.error("body_too_short", "ids", f"{count} ids declared, {body.left} bytes left of the body")
        return cls(kind, tuple(body.u32(f"ids[{number}]") for number in range(count)))

    def write(self, out: Writer, version: Version) -> None:
        out.u8(self.kind, "kind")
        out.u32(len(self.ids), "count")
        for area_id in self.ids:
            out.u32(area_id, "ids")


AreaBody = SetCircles | SetRectangles | SetPolygon | SetRoute
_BODIES: Final[dict[int, type[SetCircles] | type[SetRectangles] | type[SetPolygon] | type[SetRoute]]] = {
    AreaKind.CIRCLE: SetCircles,
    AreaKind.RECTANGLE: SetRectangles,
    AreaKind.POLYGON: SetPolygon,
    AreaKind.ROUTE: SetRoute,
}


class AreasReply(Message, frozen=True):
    """0x0608 查询区域或线路数据应答 (2019). What does not read as ``count`` bodies of the kind stays in ``data``."""

    msg_id: ClassVar[int] = 0x0608
    kind: int
    areas: tuple[AreaBody, ...] = ()
    count: int = -1
    data: bytes = b""

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        kind, count = body.u8("kind"), body.u32("count")
        begin = body.at
        areas: list[AreaBody] = []
        try:
            while kind in _BODIES and len(areas) < count:
                areas.append(_BODIES[kind].read(body, version))
        except CodecError:
            areas.clear()
        if not areas or body.left:
            body.at = begin
            areas.clear()
        return cls(kind, tuple(areas), count, body.rest())

    def write(self, out: Writer, version: Version) -> None:
        out.u8(self.kind, "kind")
        out.u32(len(self.areas) if self.count < 0 else self.count, "count")
        for area in self.areas:
            area.write(out, version)
        out.raw(self.data)
