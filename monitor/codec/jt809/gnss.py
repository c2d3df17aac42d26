"""Positions as they stand in 0x1202, 0x1203, 0x9202, 0x9203 and 0x1502 车辆定位信息数据体.

2011, 36 bytes (reference §6.1):

====== ========= ===== =====================================================================
offset field     type  meaning
====== ========= ===== =====================================================================
0      ENCRYPT   u8    1 = coordinates shifted by the official map plug-in
1      DATE      4     day u8, month u8, year u16, binary, Beijing
5      TIME      3     hour, minute, second, binary
8      LON       u32   degrees x 10^6, longitude first
12     LAT       u32   degrees x 10^6
16     VEC1      u16   GNSS speed, km/h
18     VEC2      u16   recorder speed, km/h
20     VEC3      u32   odometer, km
24     DIRECTION u16   degrees
26     ALTITUDE  u16   m, read as signed like in JT/T 808
28     STATE     u32   808 status word (bits 2 and 3: south, west)
32     ALARM     u32   808 alarm word
====== ========= ===== =====================================================================

2019 (§6.2): ENCRYPT u8, length u32, a JT/T 808-2019 0x0200 body of that length, then three times PLATFORM_ID 11 and
ALARM u32 (judged by the enterprise's, the city's and the province's platform).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from monitor.codec.jt808.bcd import plain_time
from monitor.codec.jt808.header import LOCATION
from monitor.codec.jt808.header import Version as TerminalVersion
from monitor.codec.jt808.location import BASE_SIZE
from monitor.codec.jt808.messages.position import Location
from monitor.codec.jt808.messages.reader import Reader as LocationReader
from monitor.codec.jt809.fields import Values
from monitor.codec.jt809.reader import Reader, text_of
from monitor.codec.jt809.writer import Writer, gbk
from monitor.errors import CodecError
from monitor.model.beijing import BEIJING, from_datetime

PLAIN_SIZE = 36
JUDGEMENTS_SIZE = 3 * (11 + 4)
CARRIED_SIZE = 1 + 4 + JUDGEMENTS_SIZE
"""A position of 2019 without its 808 body."""
STRAY_SIZE = BASE_SIZE + 1
"""28 bytes and a stray one, as the test laboratory sends: read as 28."""

_SOUTH, _WEST = 4, 8


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """A position of 2011. ``fix_ms`` 0 = no time; coordinates are negative in the south and west (status bits)."""

    fix_ms: int
    lon_deg: float
    lat_deg: float
    speed_kmh: int = 0
    recorder_speed_kmh: int = 0
    mileage_km: int = 0
    heading_deg: int = 0
    altitude_m: int = 0
    status: int = 0
    alarm_flags: int = 0
    encrypted: int = 0


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """Alarms as a platform judged them: 808 alarm word (which edition's is left open by the standard)."""

    platform_id: str = ""
    alarm_flags: int = 0


class CarriedPosition(msgspec.Struct, frozen=True, kw_only=True):
    """A position of 2019: ``gnss`` is the 0x0200 body as the terminal sent it. Judgements: enterprise, city, province.

    No judgements at all: the bytes ended before them.
    """

    gnss: bytes
    judgements: tuple[Judgement, ...] = (Judgement(), Judgement(), Judgement())
    encrypted: int = 0

    @property
    def reading(self) -> Location | Position | None:
        """What ``gnss`` says: as 808, or in the layout of 2011 that some send instead; None if it is neither."""
        size = len(self.gnss)
        if size < BASE_SIZE:
            return None
        if size in (PLAIN_SIZE - 1, PLAIN_SIZE) and plain_time(self.gnss[22:28]) is None:
            older = self.gnss[size - (PLAIN_SIZE - 1) :]
            if binary_time_ms(older):
                return plain_position(b"\0" + older)
        body = self.gnss[:BASE_SIZE] if size == STRAY_SIZE else self.gnss
        return Location.read(LocationReader(body, LOCATION), TerminalVersion.V2019)


AnyPosition = Position | CarriedPosition


def reading_of(position: AnyPosition) -> Location | Position | None:
    """The position itself, or what is carried in it."""
    return position if isinstance(position, Position) else position.reading


def fix_ms_of(reading: Location | Position) -> int:
    """Epoch ms of the fix; 0 = no time."""
    if isinstance(reading, Position):
        return reading.fix_ms
    return from_datetime(reading.time) if reading.time else 0


def binary_time_ms(raw: bytes) -> int:
    """Epoch ms of day, month, year (2), hour, minute, second; 0 if it is no time of 2000 to 2099."""
    year = int.from_bytes(raw[2:4], "big")
    if not 2000 <= year <= 2099:
        return 0
    try:
        return from_datetime(datetime(year, raw[1], raw[0], raw[4], raw[5], raw[6], tzinfo=BEIJING))
    except ValueError:
        return 0


def plain_position(raw: bytes) -> Position:
    """36 bytes as a position of 2011."""
    status = int.from_bytes(raw[28:32], "big")
    lon, lat = int.from_bytes(raw[8:12], "big"), int.from_bytes(raw[12:16], "big")
    return Position(
        encrypted=raw[0],
        fix_ms=binary_time_ms(raw[1:8]),
        lon_deg=(-lon if status & _WEST else lon) / 1e6,
        lat_deg=(-lat if status & _SOUTH else lat) / 1e6,
        speed_kmh=int.from_bytes(raw[16:18], "big"),
        recorder_speed_kmh=int.from_bytes(raw[18:20], "big"),
        mileage_km=int.from_bytes(raw[20:24], "big"),
        heading_deg=int.from_bytes(raw[24:26], "big"),
        altitude_m=int.from_bytes(raw[26:28], "big", signed=True),
        status=status,
        alarm_flags=int.from_bytes(raw[32:36], "big"),
    )


def carried_position(raw: bytes) -> CarriedPosition:
    """A position of 2019, whole or without its judgements."""
    end = 5 + int.from_bytes(raw[1:5], "big")
    judgements = tuple(
        Judgement(platform_id=text_of(raw[at : at + 11]), alarm_flags=int.from_bytes(raw[at + 11 : at + 15], "big"))
        for at in range(end, end + JUDGEMENTS_SIZE, 15)
        if at + 15 <= len(raw)
    )
    return CarriedPosition(encrypted=raw[0], gnss=raw[5:end], judgements=judgements if len(judgements) == 3 else ())


def write_position(position: AnyPosition) -> bytes:
    """The bytes of a position, in the layout of its own kind; CodecError ``out_of_range`` or ``too_long``."""
    writer = Writer()
    writer.number(position.encrypted, 1, "encrypt")
    if isinstance(position, CarriedPosition):
        writer.number(len(position.gnss), 4, "gnss_length")
        writer.raw(position.gnss)
        for judgement in position.judgements:
            writer.fixed(gbk(judgement.platform_id), 11, "platform_id")
            writer.number(judgement.alarm_flags, 4, "alarm_flags")
        return bytes(writer.body)
    if position.fix_ms:
        moment = datetime.fromtimestamp(position.fix_ms // 1_000, BEIJING)
        writer.raw(bytes((moment.day, moment.month)) + moment.year.to_bytes(2, "big"))
        writer.raw(bytes((moment.hour, moment.minute, moment.second)))
    else:
        writer.raw(bytes(7))
    writer.number(round(abs(position.lon_deg) * 1e6), 4, "lon")
    writer.number(round(abs(position.lat_deg) * 1e6), 4, "lat")
    writer.number(position.speed_kmh, 2, "speed_kmh")
    writer.number(position.recorder_speed_kmh, 2, "recorder_speed_kmh")
    writer.number(position.mileage_km, 4, "mileage_km")
    writer.number(position.heading_deg, 2, "heading_deg")
    writer.number(position.altitude_m & 0xFFFF, 2, "altitude_m")
    writer.number(_hemispheres(position), 4, "status")
    writer.number(position.alarm_flags, 4, "alarm_flags")
    return bytes(writer.body)


def _hemispheres(position: Position) -> int:
    """The status word with bits 2 and 3 as the coordinates say."""
    status = position.status
    if position.lat_deg:
        status = status & ~_SOUTH | (_SOUTH if position.lat_deg < 0 else 0)
    if position.lon_deg:
        status = status & ~_WEST | (_WEST if position.lon_deg < 0 else 0)
    return status


def as_position(value: object) -> AnyPosition:
    """CodecError ``no_layout`` for anything else."""
    if not isinstance(value, Position | CarriedPosition):
        raise CodecError(reason="no_layout", field="position", detail=f"{type(value).__name__} is no position")
    return value


@dataclass(frozen=True, slots=True)
class PlainGnss:
    """A field with 36 bytes of 2011; NUL for None."""

    name: str

    def read(self, reader: Reader, values: Values) -> None:
        raw = reader.take(PLAIN_SIZE, self.name)
        values[self.name] = plain_position(raw) if any(raw) else None

    def write(self, writer: Writer, values: Values) -> None:
        value = values[self.name]
        writer.raw(bytes(PLAIN_SIZE) if value is None else write_position(as_position(value)))


@dataclass(frozen=True, slots=True)
class CarriedGnss:
    """A field with a position of 2019; an empty one for None."""

    name: str

    def read(self, reader: Reader, values: Values) -> None:
        head = reader.take(5, self.name)
        raw = head + reader.take(int.from_bytes(head[1:5], "big") + JUDGEMENTS_SIZE, self.name)
        values[self.name] = carried_position(raw) if any(raw) else None

    def write(self, writer: Writer, values: Values) -> None:
        value = values[self.name]
        writer.raw(bytes(CARRIED_SIZE) if value is None else write_position(as_position(value)))
