"""Areas 区域: circles 0x8600, rectangles 0x8602, polygons 0x8604, and their deletion 0x8601, 0x8603, 0x8605.

Circles and rectangles: setting BYTE, count BYTE (2011: and BYTE 包区域数), then per area id DWORD, attributes WORD, lat
lon DWORD and radius DWORD m (rectangle: left-top and right-bottom lat lon), [start, end BCD[6]], [speed WORD km/h,
duration BYTE s, 2019: night speed WORD], 2019: name. Polygon: id DWORD, attributes WORD, [start, end], [speed,
duration], vertex count WORD (2011: and BYTE 包顶点数), vertices lat lon; 2019: [night speed], name. Deletion: count
BYTE (0 = all), ids DWORD.
"""

from __future__ import annotations

from typing import ClassVar, Self

import msgspec

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.area_attributes import (
    AreaAttribute,
    AreaSetting,
    Period,
    Point,
    SpeedLimit,
    read_name,
    read_night,
    read_period,
    read_point,
    read_speed,
    turned,
    with_bit,
    write_name,
    write_night,
    write_period,
    write_point,
    write_speed,
)
from monitor.codec.jt808.messages.message import OLDER_EITHER_WAY, Editions, Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer

_SOUTH, _WEST = AreaAttribute.SOUTH, AreaAttribute.WEST


class Circle(msgspec.Struct, frozen=True):
    """圆形区域. Attribute bits of the period, the limit and the hemispheres follow the fields."""

    area_id: int
    attributes: int
    center: Point
    radius_m: int
    period: Period | None = None
    speed: SpeedLimit | None = None
    name: str = ""


class Rectangle(msgspec.Struct, frozen=True):
    """矩形区域."""

    area_id: int
    attributes: int
    left_top: Point
    right_bottom: Point
    period: Period | None = None
    speed: SpeedLimit | None = None
    name: str = ""


def _attributes(area: Circle | Rectangle | SetPolygon, points: tuple[Point, ...]) -> int:
    attributes = with_bit(area.attributes, AreaAttribute.PERIOD, area.period is not None)
    attributes = with_bit(attributes, AreaAttribute.SPEED_LIMIT, area.speed is not None)
    return turned(attributes, points, _SOUTH, _WEST)


def _read_head(body: Reader, version: Version) -> tuple[int, int]:
    setting, count = body.u8("setting"), body.u8("count")
    if version == Version.V2011:
        body.u8("packet_count")
    return setting, count


def _write_head(out: Writer, setting: int, count: int, version: Version) -> None:
    out.u8(setting, "setting")
    out.u8(count, "count")
    if version == Version.V2011:
        out.u8(count, "packet_count")


class SetCircles(Message, frozen=True):
    """0x8600 设置圆形区域."""

    msg_id: ClassVar[int] = 0x8600
    EDITIONS: ClassVar[Editions] = OLDER_EITHER_WAY
    circles: tuple[Circle, ...]
    setting: int = AreaSetting.UPDATE

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        setting, count = _read_head(body, version)
        return cls(tuple(cls._circle(body, version) for _ in range(count)), setting)

    @staticmethod
    def _circle(body: Reader, version: Version) -> Circle:
        area_id, attributes = body.u32("area_id"), body.u16("attributes")
        center, radius_m = read_point(body, attributes, _SOUTH, _WEST), body.u32("radius")
        period = read_period(body, attributes)
        speed = read_night(body, read_speed(body, attributes), version)
        return Circle(area_id, attributes, center, radius_m, period, speed, read_name(body, version))

    def write(self, out: Writer, version: Version) -> None:
        _write_head(out, self.setting, len(self.circles), version)
        for circle in self.circles:
            out.u32(circle.area_id, "area_id")
            out.u16(_attributes(circle, (circle.center,)), "attributes")
            write_point(out, circle.center)
            out.u32(circle.radius_m, "radius")
            write_period(out, circle.period)
            write_speed(out, circle.speed)
            write_night(out, circle.speed, version)
            write_name(out, circle.name, version)


class SetRectangles(Message, frozen=True):
    """0x8602 设置矩形区域."""

    msg_id: ClassVar[int] = 0x8602
    EDITIONS: ClassVar[Editions] = OLDER_EITHER_WAY
    rectangles: tuple[Rectangle, ...]
    setting: int = AreaSetting.UPDATE

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        setting, count = _read_head(body, version)
        return cls(tuple(cls._rectangle(body, version) for _ in range(count)), setting)

    @staticmethod
    def _rectangle(body: Reader, version: Version) -> Rectangle:
        area_id, attributes = body.u32("area_id"), body.u16("attributes")
        left_top = read_point(body, attributes, _SOUTH, _WEST)
        right_bottom = read_point(body, attributes, _SOUTH, _WEST)
        period = read_period(body, attributes)
        speed = read_night(body, read_speed(body, attributes), version)
        return Rectangle(area_id, attributes, left_top, right_bottom, period, speed, read_name(body, version))

    def write(self, out: Writer, version: Version) -> None:
        _write_head(out, self.setting, len(self.rectangles), version)
        for rectangle in self.rectangles:
            out.u32(rectangle.area_id, "area_id")
            out.u16(_attributes(rectangle, (rectangle.left_top, rectangle.right_bottom)), "attributes")
            write_point(out, rectangle.left_top)
            write_point(out, rectangle.right_bottom)
            write_period(out, rectangle.period)
            write_speed(out, rectangle.speed)
            write_night(out, rectangle.speed, version)
            write_name(out, rectangle.name, version)


class SetPolygon(Message, frozen=True):
    """0x8604 设置多边形区域."""

    msg_id: ClassVar[int] = 0x8604
    EDITIONS: ClassVar[Editions] = OLDER_EITHER_WAY
    area_id: int
    attributes: int
    vertices: tuple[Point, ...]
    period: Period | None = None
    speed: SpeedLimit | None = None
    name: str = ""

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        area_id, attributes = body.u32("area_id"), body.u16("attributes")
        period, speed = read_period(body, attributes), read_speed(body, attributes)
        count = body.u16("vertex_count")
        if version == Version.V2011:
            body.u8("packet_count")
        vertices = tuple(read_point(body, attributes, _SOUTH, _WEST) for _ in range(count))
        speed = read_night(body, speed, version)
        return cls(area_id, attributes, vertices, period, speed, read_name(body, version))

    def write(self, out: Writer, version: Version) -> None:
        out.u32(self.area_id, "area_id")
        out.u16(_attributes(self, self.vertices), "attributes")
        write_period(out, self.period)
        write_speed(out, self.speed)
        out.u16(len(self.vertices), "vertex_count")
        if version == Version.V2011:
            out.u8(len(self.vertices), "packet_count")
        for vertex in self.vertices:
            write_point(out, vertex)
        write_night(out, self.speed, version)
        write_name(out, self.name, version)


class DeleteCircles(Message, frozen=True):
    """0x8601 删除圆形区域; no ids delete all."""

    msg_id: ClassVar[int] = 0x8601
    ids: tuple[int, ...] = ()

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(tuple(body.u32(f"ids[{number}]") for number in range(body.u8("count"))))

    def write(self, out: Writer, version: Version) -> None:
        out.u8(len(self.ids), "count")
        for area_id in self.ids:
            out.u32(area_id, "ids")


class DeleteRectangles(DeleteCircles, frozen=True):
    """0x8603 删除矩形区域."""

    msg_id: ClassVar[int] = 0x8603


class DeletePolygons(DeleteCircles, frozen=True):
    """0x8605 删除多边形区域."""

    msg_id: ClassVar[int] = 0x8605


class DeleteRoutes(DeleteCircles, frozen=True):
    """0x8607 删除路线."""

    msg_id: ClassVar[int] = 0x8607
