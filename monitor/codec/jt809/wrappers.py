"""What stands between the header and the fields of a sub-business message.

Vehicle wrapper, 28 bytes (0x12xx, 0x15xx, 0x16xx and their 0x9xxx; 0x14xx and 0x94xx in 2011): VEHICLE_NO 21,
VEHICLE_COLOR u8, DATA_TYPE u16, DATA_LENGTH u32. Platform wrapper, 6 bytes (0x13xx, 0x93xx; 0x14xx and 0x94xx in 2019;
0x9201): DATA_TYPE u16, DATA_LENGTH u32. JT/T 1078 (0x17xx to 0x1Bxx) has the vehicle wrapper.
"""

from __future__ import annotations

from dataclasses import dataclass

from monitor.codec.jt809.header import Version
from monitor.codec.jt809.message import Message, VehicleMessage
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.codec.jt809.reader import text_of
from monitor.codec.jt809.vehicles import LENGTHLESS, DownRegisterReply
from monitor.codec.jt809.writer import Writer, gbk
from monitor.errors import CodecError

PLATE_SIZE = 21
VEHICLE_SIZE = 28
PLATFORM_SIZE = 6

_PLATFORM = (0x1300, 0x9300)
_ALARM = (0x1400, 0x9400)
_WRAPPED = range(0x12, 0x1C)


@dataclass(frozen=True, slots=True)
class Wrapper:
    """``length`` is DATA_LENGTH as declared, -1 where it belongs to the data, which begin at ``size``."""

    plate: str
    plate_color: int
    sub_type: int
    length: int
    size: int


def wrapped(msg_id: int) -> bool:
    """Whether a message has sub types."""
    return msg_id & 0xFF == 0 and (msg_id >> 8) & 0x7F in _WRAPPED and msg_id >> 12 in (1, 9)


def has_plate(msg_id: int, version: Version) -> bool:
    """Whether a plate is to be expected in front."""
    return msg_id not in _PLATFORM and not (msg_id in _ALARM and version is Version.V2019)


def read_wrapper(msg_id: int, body: bytes, version: Version, base: int) -> Wrapper:
    """The wrapper that the edition says, or the other one where only that leads to a sub type of the message.

    CodecError ``body_too_short``.
    """
    expected = VEHICLE_SIZE if has_plate(msg_id, version) else PLATFORM_SIZE
    other = PLATFORM_SIZE if expected == VEHICLE_SIZE else VEHICLE_SIZE
    size = expected
    if not _leads_to(msg_id, body, expected) and _allowed(msg_id, body) and _leads_to(msg_id, body, other):
        size = other
    if len(body) < size:
        raise CodecError(
            reason=FrameOutcome.BODY_TOO_SHORT.reason,
            field="vehicle_no" if size == VEHICLE_SIZE else "data_type",
            offset=base,
            detail=f"{len(body)} bytes, plate, type and length need {size}" if size == VEHICLE_SIZE else "no data type",
        )
    sub_type = int.from_bytes(body[size - 6 : size - 4], "big")
    length = int.from_bytes(body[size - 4 : size], "big")
    if sub_type in LENGTHLESS:
        length, data_at = -1, size - 4
    else:
        data_at = size
    if size == PLATFORM_SIZE:
        return Wrapper("", 0, sub_type, length, data_at)
    return Wrapper(text_of(body[:PLATE_SIZE]).strip(), body[PLATE_SIZE], sub_type, length, data_at)


def _leads_to(msg_id: int, body: bytes, size: int) -> bool:
    return len(body) >= size and body[size - 6] == msg_id >> 8


def _allowed(msg_id: int, body: bytes) -> bool:
    """Whether the other wrapper may be: alarms of either edition, 0x9201 without plate."""
    return msg_id in _ALARM or body[:2] == DownRegisterReply.sub_type.to_bytes(2, "big")


def write_wrapper(message: Message, version: Version, data: bytes) -> bytes:
    """The body; CodecError ``too_long`` for a plate of more than 21 bytes."""
    writer = Writer()
    plate = message.plate if isinstance(message, VehicleMessage) else ""
    unnamed = isinstance(message, DownRegisterReply) and not plate
    if has_plate(message.msg_id, version) and not unnamed:
        writer.fixed(gbk(plate), PLATE_SIZE, "plate")
        writer.number(message.plate_color if isinstance(message, VehicleMessage) else 0, 1, "plate_color")
    writer.number(message.sub_type, 2, "data_type")
    if message.sub_type not in LENGTHLESS:
        writer.number(len(data), 4, "data_length")
    writer.raw(data)
    return bytes(writer.body)
