"""Additional items 附加信息 of a position report: id BYTE, length BYTE, value, until the body ends.

Two of them become report columns: 0x01 里程 mileage (DWORD, 0.1 km) and 0x03 行驶记录仪速度 recorder speed (WORD,
0.1 km/h). All ones means no value. Unknown ids, and known ids of another length, are kept raw: vendors reuse ids.
Id 0x00 is the zero-filled rest of a fixed buffer and ends the list. If an id repeats, the last one counts.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.codec.jt808.bigendian import Bytes, byte_at, read_u16, read_u32
from monitor.model.compiled import inlined

MILEAGE = 0x01
RECORDER_SPEED = 0x03

ITEM_NAMES = {
    0x01: "mileage",
    0x02: "fuel",
    0x03: "recorder_speed",
    0x04: "manual_confirmation_event",
    0x05: "tyre_pressure",
    0x06: "carriage_temperature",
    0x11: "speeding_detail",
    0x12: "area_or_route",
    0x13: "segment_time",
    0x14: "video_alarms",
    0x15: "video_signal_lost",
    0x16: "video_occluded",
    0x17: "storage_fault",
    0x18: "abnormal_driving",
    0x25: "vehicle_signals",
    0x2A: "io_status",
    0x2B: "analogue",
    0x30: "signal_strength",
    0x31: "satellites",
    0x64: "adas",
    0x65: "driver_state",
    0x66: "tyre_monitor",
    0x67: "blind_spot",
}
"""JT/T 808 table 27 and its continuations; only names, for people to read."""


@dataclass(frozen=True, slots=True)
class Item:
    """One additional item with its raw value."""

    id: int
    value: bytes

    @property
    def name(self) -> str:
        """The standard's meaning, or an empty text."""
        return ITEM_NAMES.get(self.id, "")


@dataclass(frozen=True, slots=True)
class Items:
    """The items of one report; ``end`` is where the walk ended: at the end of the body, at a zero-filled rest, or at
    the first item that does not fit, which is ``overrun_at`` (-1 if all fit)."""

    items: tuple[Item, ...]
    end: int
    overrun_at: int


def walk_items(body: bytes, at: int) -> Items:
    """Items from ``at`` to the end of ``body``."""
    items: list[Item] = []
    while at < len(body):
        if body[at] == 0:
            return Items(tuple(items), at, -1)
        if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
            return Items(tuple(items), at, at)
        size = body[at + 1]
        items.append(Item(body[at], body[at + 2 : at + 2 + size]))
        at += 2 + size
    return Items(tuple(items), at, -1)


@inlined
def read_items(source: Bytes, at: int, end: int) -> tuple[int, int, int]:
    """Mileage in metres, recorder speed in 0.1 km/h, and where an item overruns ``end``; each -1 if there is none."""
    mileage_m = -1
    speed_dkmh = -1
    while at < end:
        item = byte_at(source, at)
        if item == 0:
            break
        if at + 2 > end:
            return mileage_m, speed_dkmh, at
        size = byte_at(source, at + 1)
        if at + 2 + size > end:
            return mileage_m, speed_dkmh, at
        if item == 0x01 and size == 4:
            mileage = read_u32(source, at + 2)
            mileage_m = -1 if mileage == 0xFFFFFFFF else mileage * 100
        elif item == 0x03 and size == 2:
            speed = read_u16(source, at + 2)
            speed_dkmh = -1 if speed == 0xFFFF else speed
        at += 2 + size
    return mileage_m, speed_dkmh, -1
