"""0x1202 实时上传, 0x1203 自动补报 (up), 0x9202, 0x9203 (down): positions of vehicles; none of them is answered.

``read_positions`` is the plain reading that the compiled one (``segments``) has to agree with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from monitor.codec.jt808.messages.position import Location
from monitor.codec.jt809.fields import Values
from monitor.codec.jt809.gnss import (
    CARRIED_SIZE,
    PLAIN_SIZE,
    AnyPosition,
    as_position,
    binary_time_ms,
    carried_position,
    plain_position,
    reading_of,
    write_position,
)
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.layout import Layout, Read, both
from monitor.codec.jt809.message import VehicleMessage
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.codec.jt809.reader import Reader
from monitor.codec.jt809.writer import Writer
from monitor.errors import CodecError

MOST_PER_MESSAGE = 5
"""Positions of one 0x1203 at most (clause of 0x1203, both editions)."""


class UpRealLocation(VehicleMessage, frozen=True, kw_only=True):
    """0x1202 实时上传车辆定位信息, up."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x1202
    position: AnyPosition


class UpHistoryLocation(VehicleMessage, frozen=True, kw_only=True):
    """0x1203 车辆定位信息自动补报, up: at most five, in order of time."""

    msg_id: ClassVar[int] = 0x1200
    sub_type: ClassVar[int] = 0x1203
    positions: tuple[AnyPosition, ...]


class DownCarLocation(VehicleMessage, frozen=True, kw_only=True):
    """0x9202 交换车辆定位信息, down."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x9202
    position: AnyPosition


class DownHistoryLocation(VehicleMessage, frozen=True, kw_only=True):
    """0x9203 车辆定位信息交换补发, down."""

    msg_id: ClassVar[int] = 0x9200
    sub_type: ClassVar[int] = 0x9203
    positions: tuple[AnyPosition, ...]


PositionMessage = UpRealLocation | UpHistoryLocation | DownCarLocation | DownHistoryLocation

SINGLE: dict[int, type[UpRealLocation | DownCarLocation]] = {
    UpRealLocation.sub_type: UpRealLocation,
    DownCarLocation.sub_type: DownCarLocation,
}
SEVERAL: dict[int, type[UpHistoryLocation | DownHistoryLocation]] = {
    UpHistoryLocation.sub_type: UpHistoryLocation,
    DownHistoryLocation.sub_type: DownHistoryLocation,
}
POSITION_TYPES = (*SINGLE, *SEVERAL)


def positions_of(message: PositionMessage) -> tuple[AnyPosition, ...]:
    """One or several, in the order sent."""
    return message.positions if isinstance(message, UpHistoryLocation | DownHistoryLocation) else (message.position,)


@dataclass(frozen=True, slots=True)
class _One:
    """A position in the layout of its own kind."""

    name: str = "position"

    def read(self, reader: Reader, values: Values) -> None:
        raise CodecError(reason=FrameOutcome.BODY_TOO_SHORT.reason, field=self.name, detail="read by read_positions")

    def write(self, writer: Writer, values: Values) -> None:
        writer.raw(write_position(as_position(values[self.name])))


@dataclass(frozen=True, slots=True)
class _Several:
    """count u8 and positions."""

    name: str = "positions"

    def read(self, reader: Reader, values: Values) -> None:
        raise CodecError(reason=FrameOutcome.BODY_TOO_SHORT.reason, field=self.name, detail="read by read_positions")

    def write(self, writer: Writer, values: Values) -> None:
        positions = values[self.name]
        if not isinstance(positions, tuple):
            raise TypeError("positions have to be a tuple")
        writer.number(len(positions), 1, "count")
        for position in positions:
            writer.raw(write_position(as_position(position)))


LAYOUTS: tuple[Layout, ...] = (
    *both(UpRealLocation, _One()),
    *both(UpHistoryLocation, _Several()),
    *both(DownCarLocation, _One()),
    *both(DownHistoryLocation, _Several()),
)
"""Only for writing; reading is the business of ``read_positions``."""


@dataclass(frozen=True, slots=True)
class _Item:
    """One position in the bytes, and where the next begins."""

    position: AnyPosition
    next: int
    other_layout: bool = False
    cut: bool = False


def read_positions(
    sub_type: int, body: bytes, at: int, version: Version, *, base: int, plate: str, plate_color: int, length: int
) -> Read:
    """The position message whose data are ``body[at:]``; ``length`` is DATA_LENGTH as declared.

    Raises CodecError ``body_too_short`` if there is not one position where there should be.
    """
    single = sub_type in SINGLE
    count = 1 if single else body[at] if at < len(body) else -1
    item_at = at if single else at + 1
    items: list[_Item] = []
    while len(items) < count:
        item = _read_item(body, item_at, version)
        if item is None:
            break
        items.append(item)
        item_at = item.next
    if not items and count != 0:
        raise CodecError(
            reason=FrameOutcome.BODY_TOO_SHORT.reason,
            field="position",
            offset=base + at,
            detail=f"{len(body) - at} bytes are no position",
        )
    positions = tuple(item.position for item in items)
    tail = body[item_at:]
    message: PositionMessage
    if single:
        message = SINGLE[sub_type](plate=plate, plate_color=plate_color, position=positions[0], tail=tail)
    else:
        message = SEVERAL[sub_type](plate=plate, plate_color=plate_color, positions=positions, tail=tail)
    if all(reading_of(position) is None for position in positions):
        return Read(message, FrameOutcome.NO_POSITION, base + at)
    if length != len(body) - at:
        return Read(message, FrameOutcome.LENGTH_MISMATCH, base + at - 4)
    if len(items) != count:
        return Read(message, FrameOutcome.COUNT_MISMATCH, base + at)
    if any(item.other_layout for item in items):
        return Read(message, FrameOutcome.OTHER_LAYOUT, base + at)
    if any(item.cut for item in items):
        return Read(message, FrameOutcome.CONTENT_CUT, base + at)
    if tail:
        return Read(message, FrameOutcome.TRAILING_BYTES, base + item_at)
    if any(_overrun(position) for position in positions):
        return Read(message, FrameOutcome.ITEMS_OVERRUN, base + at)
    return Read(message)


def _read_item(body: bytes, at: int, version: Version) -> _Item | None:
    """One position. In a frame of 2019 also the 36 bytes of 2011, where the length of 2019 leads past the end and the
    date of 2011 is one."""
    left = len(body) - at
    if version is Version.V2011:
        return _Item(plain_position(body[at : at + PLAIN_SIZE]), at + PLAIN_SIZE) if left >= PLAIN_SIZE else None
    if left < 5:
        return None
    size = int.from_bytes(body[at + 1 : at + 5], "big")
    if size + CARRIED_SIZE <= left:
        return _Item(carried_position(body[at : at + size + CARRIED_SIZE]), at + size + CARRIED_SIZE)
    if left >= PLAIN_SIZE and binary_time_ms(body[at + 1 : at + 8]):
        return _Item(plain_position(body[at : at + PLAIN_SIZE]), at + PLAIN_SIZE, other_layout=True)
    if size >= 28 and 5 + size <= left:
        return _Item(carried_position(body[at : at + 5 + size]), len(body), cut=True)
    return None


def _overrun(position: AnyPosition) -> bool:
    reading = reading_of(position)
    return isinstance(reading, Location) and reading.overrun_at >= 0
