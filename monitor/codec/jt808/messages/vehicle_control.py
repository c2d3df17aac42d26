"""0x8500 vehicle control 车辆控制, answered by 0x0500.

2011 and 2013: one flag BYTE, bit 0 is 0 unlock, 1 lock the doors. 2019: count WORD, items {id WORD, parameter}; the
door (id 0x0001) has a BYTE **0 lock, 1 open**, the other way round. The length of a vendor's parameter (ids from
0xF001) is not on the wire: such an item takes what is left. Some platforms leave the count out.
"""

from __future__ import annotations

from typing import ClassVar, Final, Self

import msgspec

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer

DOOR: Final = 0x0001
_ITEM_SIZE: Final = 3


class ControlItem(msgspec.Struct, frozen=True):
    """One control type 控制类型 of 2019 with its raw parameter."""

    id: int
    value: bytes


class VehicleControl(Message, frozen=True):
    """0x8500. ``flags`` is the byte of 2011 and 2013, None in a body of 2019, which has ``items``."""

    msg_id: ClassVar[int] = 0x8500
    flags: int | None = None
    items: tuple[ControlItem, ...] = ()
    counted: bool = True

    @classmethod
    def doors(cls, *, lock: bool, version: Version) -> Self:
        """Lock or unlock the doors."""
        if version == Version.V2019:
            return cls(items=(ControlItem(DOOR, b"\0" if lock else b"\1"),))
        return cls(flags=1 if lock else 0)

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        if version != Version.V2019 or body.left == 1:
            return cls(body.u8("flags"))
        if body.left == _ITEM_SIZE:
            return cls(None, (ControlItem(body.u16("id"), body.rest()),), False)
        count = body.u16("count")
        items: list[ControlItem] = []
        for number in range(count):
            control = body.u16(f"items[{number}].id")
            known = control == DOOR or body.left == _ITEM_SIZE * (count - number) - 2
            items.append(ControlItem(control, body.take(1, f"items[{number}].value") if known else body.rest()))
        return cls(None, tuple(items))

    def write(self, out: Writer, version: Version) -> None:
        if version != Version.V2019:
            if self.flags is None:
                raise out.error("flags", f"{int(version)} has a flag byte instead of items")
            out.u8(self.flags, "flags")
            return
        if self.flags is not None:
            raise out.error("items", "2019 has items instead of a flag byte")
        if self.counted:
            out.u16(len(self.items), "count")
        for item in self.items:
            out.u16(item.id, "id")
            out.raw(item.value)
