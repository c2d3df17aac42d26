"""Positions 位置信息: 0x0200, 0x0201 (asked for by 0x8201), 0x0500 (after 0x8500) and 0x0704 (many at once).

0x0200 is told in ``jt808.location``. 0x0201 and 0x0500: serial WORD of what is answered, then a 0x0200 body; 2011 has
no serial in 0x0201. 0x0704: count WORD, kind BYTE (1 is backfill 盲区补报), then items of length WORD and a 0x0200
body.
"""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, Self

from monitor.codec.jt808.batch import ITEMS_AT, KIND_BACKFILL
from monitor.codec.jt808.header import LOCATION, LOCATION_BATCH, Version
from monitor.codec.jt808.items import MILEAGE, RECORDER_SPEED, Item, walk_items
from monitor.codec.jt808.location import BASE_SIZE, STATUS_ACC, STATUS_POSITIONED, STATUS_SOUTH, STATUS_WEST
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer
from monitor.codec.jt808.outcome import FrameOutcome


class Location(Message, frozen=True):
    """0x0200: one position report as sent. ``time`` is None if it is no time.

    ``tail`` is the zero-filled rest of a fixed buffer, or begins with an item that does not fit.
    """

    msg_id: ClassVar[int] = LOCATION
    alarm_flags: int = 0
    status: int = 0
    lat_deg: float = 0.0
    lon_deg: float = 0.0
    altitude_m: int = 0
    speed_kmh: float = 0.0
    heading_deg: int = 0
    time: datetime | None = None
    items: tuple[Item, ...] = ()

    @property
    def acc_on(self) -> bool:
        return bool(self.status & STATUS_ACC)

    @property
    def positioned(self) -> bool:
        return bool(self.status & STATUS_POSITIONED)

    @property
    def mileage_km(self) -> float | None:
        """Item 0x01, or None."""
        value = self._number(MILEAGE, 4)
        return None if value is None else value / 10

    @property
    def recorder_speed_kmh(self) -> float | None:
        """Item 0x03, or None."""
        value = self._number(RECORDER_SPEED, 2)
        return None if value is None else value / 10

    @property
    def padding(self) -> int:
        """Bytes of a zero-filled rest."""
        return len(self.tail) if self.tail[:1] == b"\0" else 0

    @property
    def overrun_at(self) -> int:
        """Offset in the body of the item that does not fit; -1 if all fit."""
        if not self.tail or self.padding:
            return -1
        return self.size - len(self.tail)

    @property
    def size(self) -> int:
        """Bytes of the body."""
        return BASE_SIZE + sum(2 + len(item.value) for item in self.items) + len(self.tail)

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        if body.left < BASE_SIZE:
            raise body.error(
                FrameOutcome.BODY_TOO_SHORT.reason, "body", f"{body.left} bytes, a position needs {BASE_SIZE}"
            )
        base = cls._read_base(body)
        found = walk_items(body.body, body.at)
        body.at = found.end
        return cls(*base, found.items, tail=body.rest())

    @classmethod
    def read_base(cls, body: Reader) -> Self:
        """The 28 bytes without additional items."""
        return cls(*cls._read_base(body))

    @staticmethod
    def _read_base(body: Reader) -> tuple[int, int, float, float, int, float, int, datetime | None]:
        alarm_flags, status = body.u32("alarm_flags"), body.u32("status")
        lat_raw, lon_raw = body.u32("lat"), body.u32("lon")
        altitude_raw = body.u16("altitude")
        return (
            alarm_flags,
            status,
            (-lat_raw if status & STATUS_SOUTH else lat_raw) / 1e6,
            (-lon_raw if status & STATUS_WEST else lon_raw) / 1e6,
            altitude_raw - 0x10000 if altitude_raw & 0x8000 else altitude_raw,
            body.u16("speed") / 10,
            body.u16("heading"),
            body.time("time"),
        )

    def write(self, out: Writer, version: Version) -> None:
        """Hemisphere bits of the status follow the coordinates."""
        self.write_base(out)
        for item in self.items:
            out.u8(item.id, "item_id")
            out.u8(len(item.value), "item_length")
            out.raw(item.value)

    def write_base(self, out: Writer) -> None:
        """The 28 bytes without additional items."""
        if not -0x8000 <= self.altitude_m <= 0x7FFF:
            raise out.error("altitude", f"{self.altitude_m} m does not fit 2 bytes")
        status = hemisphere(self.status, STATUS_SOUTH, self.lat_deg)
        out.u32(self.alarm_flags, "alarm_flags")
        out.u32(hemisphere(status, STATUS_WEST, self.lon_deg), "status")
        out.u32(round(abs(self.lat_deg) * 1e6), "lat")
        out.u32(round(abs(self.lon_deg) * 1e6), "lon")
        out.u16(self.altitude_m & 0xFFFF, "altitude")
        out.u16(round(self.speed_kmh * 10), "speed")
        out.u16(self.heading_deg, "heading")
        out.time(self.time, "time")

    def _number(self, item_id: int, size: int) -> int | None:
        values = [item.value for item in self.items if item.id == item_id and len(item.value) == size]
        if not values or values[-1] == b"\xff" * size:
            return None
        return int.from_bytes(values[-1], "big")


def hemisphere(bits: int, negative: int, degrees: float) -> int:
    """``bits`` with the hemisphere bit as the sign of ``degrees`` says; left as it is for zero."""
    if degrees == 0:
        return bits
    return bits | negative if degrees < 0 else bits & ~negative


def read_answer(body: Reader, version: Version) -> tuple[int | None, Location]:
    """Serial and position of an answer; no serial if only the reading without one has a time and whole items."""
    with_serial = _fits(body, body.at + 2)
    without = _fits(body, body.at)
    serial = with_serial if with_serial != without else version != Version.V2011 and body.left >= 2 + BASE_SIZE
    reply_serial = body.u16("reply_serial") if serial else None
    return reply_serial, Location.read(body, version)


def _fits(body: Reader, at: int) -> bool:
    if len(body.body) < at + BASE_SIZE:
        return False
    timed = Reader(body.body, body.msg_id, at + 22).time("time") is not None
    return timed and walk_items(body.body, at + BASE_SIZE).overrun_at < 0


class PositionReply(Message, frozen=True):
    """0x0201 位置信息查询应答; ``reply_serial`` is None where a terminal of 2011 sends none."""

    msg_id: ClassVar[int] = 0x0201
    reply_serial: int | None
    location: Location

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(*read_answer(body, version))

    def write(self, out: Writer, version: Version) -> None:
        if self.reply_serial is not None:
            out.u16(self.reply_serial, "reply_serial")
        self.location.write(out, version)
        out.raw(self.location.tail)


class VehicleControlReply(Message, frozen=True):
    """0x0500 车辆控制应答: the status word tells what was done."""

    msg_id: ClassVar[int] = 0x0500
    reply_serial: int
    location: Location

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.u16("reply_serial"), Location.read(body, version))

    def write(self, out: Writer, version: Version) -> None:
        out.u16(self.reply_serial, "reply_serial")
        self.location.write(out, version)
        out.raw(self.location.tail)


class LocationBatch(Message, frozen=True):
    """0x0704 定位数据批量上传. ``locations`` in the order sent; ``count`` as declared, -1 to be counted.

    ``bad_items`` are offsets of items that are no position; they are left out.
    """

    msg_id: ClassVar[int] = LOCATION_BATCH
    kind: int
    locations: tuple[Location, ...]
    count: int = -1
    bad_items: tuple[int, ...] = ()

    @property
    def backfill(self) -> bool:
        return self.kind == KIND_BACKFILL

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        begin = body.at
        if body.left < ITEMS_AT:
            raise body.error(FrameOutcome.BODY_TOO_SHORT.reason, "body", f"{body.left} bytes, a batch needs {ITEMS_AT}")
        count, kind = body.u16("count"), body.u8("kind")
        locations: list[Location] = []
        bad_items: list[int] = []
        while body.left:
            item = body.at
            size = body.u16("item_length") if body.left >= 2 else 0
            if size < BASE_SIZE or size > body.left:
                bad_items.append(item)
            else:
                locations.append(Location.read(Reader(body.body[: body.at + size], body.msg_id, body.at), version))
            body.at = min(item + 2 + size, len(body.body))
        if not locations:
            body.at = begin
            raise body.error(
                FrameOutcome.EMPTY_BATCH.reason,
                FrameOutcome.EMPTY_BATCH.field,
                f"none of {len(bad_items)} items is a position",
            )
        return cls(kind, tuple(locations), count, tuple(bad_items))

    def write(self, out: Writer, version: Version) -> None:
        out.u16(len(self.locations) if self.count < 0 else self.count, "count")
        out.u8(self.kind, "kind")
        for location in self.locations:
            item = Writer(self.msg_id)
            location.write(item, version)
            item.raw(location.tail)
            out.u16(len(item.body), "item_length")
            out.raw(bytes(item.body))
