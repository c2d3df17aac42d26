"""One frame to named fields: for people (``monitor decode``) and as what the compiled pass is checked against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitor.codec.jt808.batch import ITEMS_AT, KIND_BACKFILL
from monitor.codec.jt808.bcd import plain_time
from monitor.codec.jt808.framing import MAX_SEGMENT, checksum, unescape
from monitor.codec.jt808.header import LOCATION, Header, decode_header
from monitor.codec.jt808.items import MILEAGE, RECORDER_SPEED, Item, walk_items
from monitor.codec.jt808.location import (
    BASE_SIZE,
    STATUS_ACC,
    STATUS_POSITIONED,
    STATUS_SOUTH,
    STATUS_WEST,
)
from monitor.codec.jt808.outcome import FrameOutcome
from monitor.errors import CodecError

_SHORTEST_MESSAGE = 12 + 1


@dataclass(frozen=True, slots=True)
class Location:
    """One position report as sent. ``time`` is None if it is no time; ``overrun_at`` -1 if all items fit."""

    alarm_flags: int
    status: int
    lat_deg: float
    lon_deg: float
    altitude_m: int
    speed_kmh: float
    heading_deg: int
    time: datetime | None
    items: tuple[Item, ...]
    padding: int
    overrun_at: int

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

    def _number(self, item_id: int, size: int) -> int | None:
        values = [item.value for item in self.items if item.id == item_id and len(item.value) == size]
        if not values or values[-1] == b"\xff" * size:
            return None
        return int.from_bytes(values[-1], "big")


@dataclass(frozen=True, slots=True)
class LocationBatch:
    """A 0x0704 body. ``locations`` in the order sent; ``bad_items`` are offsets of items that are no position."""

    count: int
    kind: int
    locations: tuple[Location, ...]
    bad_items: tuple[int, ...]

    @property
    def backfill(self) -> bool:
        return self.kind == KIND_BACKFILL


@dataclass(frozen=True, slots=True)
class Frame:
    """A sound frame. ``body`` is raw bytes for packets and for messages other than positions.

    ``outcome`` is never a rejected one; ``offset`` is where a remark was seen, in the unescaped message.
    """

    header: Header
    body: Location | LocationBatch | bytes
    outcome: FrameOutcome
    offset: int

    @property
    def locations(self) -> tuple[Location, ...]:
        """Position reports of the frame, in the order sent."""
        if isinstance(self.body, Location):
            return (self.body,)
        return self.body.locations if isinstance(self.body, LocationBatch) else ()


def decode_frame(segment: bytes) -> Frame:
    """Decode one frame, with or without its delimiters; CodecError with the reason of a ``FrameOutcome``."""
    segment = segment.strip(b"\x7e")
    if len(segment) > MAX_SEGMENT:
        raise _refused(FrameOutcome.OVERSIZE, 0, f"{len(segment)} bytes between delimiters, at most {MAX_SEGMENT}")
    message = unescape(segment)
    if len(message) < _SHORTEST_MESSAGE:
        raise _refused(FrameOutcome.TOO_SHORT, len(message), f"{len(message)} bytes, at least {_SHORTEST_MESSAGE}")
    found = checksum(message[:-1])
    if found != message[-1]:
        raise _refused(
            FrameOutcome.BAD_CHECKSUM, len(message) - 1, f"check byte is {message[-1]:02X}, bytes give {found:02X}"
        )
    header = decode_header(message)
    body = message[header.size : -1]
    mismatch = len(body) != header.body_length
    if not header.location:
        outcome = FrameOutcome.LENGTH_MISMATCH if mismatch else FrameOutcome.OTHER_MESSAGE
        return Frame(header, body, outcome, 2 if mismatch else 0)
    if header.encrypted:
        raise _refused(FrameOutcome.ENCRYPTED, 2, "the body is encrypted")
    if header.subpackaged:
        if not 1 <= header.index <= header.total or mismatch:
            raise _refused(
                FrameOutcome.BAD_PART,
                header.size - 4,
                f"packet {header.index} of {header.total}, {len(body)} bytes of {header.body_length}",
            )
        if header.total > 1:
            return Frame(header, body, FrameOutcome.PART, 0)
    end = len(message) - 1
    if mismatch and (BASE_SIZE if header.msg_id == LOCATION else ITEMS_AT) <= header.body_length < len(body):
        # Bytes past the declared body may be another frame whose delimiter was lost.
        end = header.size + header.body_length
    decoded, outcome, offset = decode_body(header.msg_id, message[:end], header.size)
    if mismatch:
        outcome, offset = FrameOutcome.LENGTH_MISMATCH, 2
    return Frame(header, decoded, outcome, offset)


def decode_body(msg_id: int, message: bytes, at: int = 0) -> tuple[Location | LocationBatch, FrameOutcome, int]:
    """The 0x0200 or 0x0704 body from ``at`` to the end of ``message``, with a remark and where it was seen."""
    if msg_id == LOCATION:
        location = _decode_location(message, at, len(message))
        if location.overrun_at >= 0:
            return location, FrameOutcome.ITEMS_OVERRUN, location.overrun_at
        return location, FrameOutcome.DECODED, 0
    batch = _decode_batch(message, at)
    if batch.bad_items:
        return batch, FrameOutcome.BAD_ITEM, batch.bad_items[0]
    if batch.count != len(batch.locations):
        return batch, FrameOutcome.COUNT_MISMATCH, at
    overruns = [location.overrun_at for location in batch.locations if location.overrun_at >= 0]
    if overruns:
        return batch, FrameOutcome.ITEMS_OVERRUN, overruns[0]
    return batch, FrameOutcome.DECODED, 0


def _decode_location(message: bytes, at: int, end: int) -> Location:
    if end - at < BASE_SIZE:
        raise _refused(FrameOutcome.BODY_TOO_SHORT, at, f"{end - at} bytes, a position needs {BASE_SIZE}")
    words = [int.from_bytes(message[at + i : at + i + 4], "big") for i in range(0, 16, 4)]
    alarm_flags, status, lat_raw, lon_raw = words
    items = walk_items(message[:end], at + BASE_SIZE)
    return Location(
        alarm_flags=alarm_flags,
        status=status,
        lat_deg=(-lat_raw if status & STATUS_SOUTH else lat_raw) / 1e6,
        lon_deg=(-lon_raw if status & STATUS_WEST else lon_raw) / 1e6,
        altitude_m=int.from_bytes(message[at + 16 : at + 18], "big", signed=True),
        speed_kmh=int.from_bytes(message[at + 18 : at + 20], "big") / 10,
        heading_deg=int.from_bytes(message[at + 20 : at + 22], "big"),
        time=plain_time(message[at + 22 : at + 28]),
        items=items.items,
        padding=items.padding,
        overrun_at=items.overrun_at,
    )


def _decode_batch(message: bytes, at: int) -> LocationBatch:
    if len(message) - at < ITEMS_AT:
        raise _refused(FrameOutcome.BODY_TOO_SHORT, at, f"{len(message) - at} bytes, a batch needs {ITEMS_AT}")
    locations: list[Location] = []
    bad_items: list[int] = []
    item = at + ITEMS_AT
    while item < len(message):
        size = int.from_bytes(message[item : item + 2], "big") if item + 2 <= len(message) else 0
        if size < BASE_SIZE or item + 2 + size > len(message):
            bad_items.append(item)
        else:
            locations.append(_decode_location(message, item + 2, item + 2 + size))
        item += 2 + size
    if not locations:
        raise _refused(FrameOutcome.EMPTY_BATCH, at, f"none of {len(bad_items)} items is a position")
    count = int.from_bytes(message[at : at + 2], "big")
    return LocationBatch(count, message[at + 2], tuple(locations), tuple(bad_items))


def _refused(outcome: FrameOutcome, offset: int, detail: str) -> CodecError:
    return CodecError(reason=outcome.reason, field=outcome.field, offset=offset, detail=detail)
