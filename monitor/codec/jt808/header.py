"""Message header 消息头.

========= ======= ================================ =========================
2011/2013 2019    field                            type
========= ======= ================================ =========================
0         0       消息ID message id                WORD
2         2       消息体属性 properties            WORD
–         4       协议版本号 protocol version      BYTE
4         5       终端手机号 phone                 BCD[6], 2019: BCD[10]
10        15      消息流水号 serial                WORD
12        17      消息总包数, 包序号 total, index  WORD, WORD if bit 13 is set
========= ======= ================================ =========================

Properties: bits 0-9 body length, 10-12 encryption, 13 sub-packaged, 14 header of 2019.
2011 and 2013 look the same here; 2013 is assumed, being the superset for positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from monitor.codec.jt808.outcome import FrameOutcome
from monitor.errors import CodecError

LOCATION = 0x0200
LOCATION_BATCH = 0x0704

LENGTH_MASK = 0x03FF
ENCRYPTION_MASK = 0x1C00
SUBPACKAGED_BIT = 0x2000
VERSION_BIT = 0x4000


class Version(IntEnum):
    """Editions of the standard; a header tells only 2019 from the two older ones."""

    V2011 = 2011
    V2013 = 2013
    V2019 = 2019


@dataclass(frozen=True, slots=True)
class Header:
    """``phone`` is the raw field as lower-case hex, leading zeros kept; total and index are 1 if whole."""

    msg_id: int
    version: Version
    phone: str
    serial: int
    body_length: int
    encrypted: bool
    subpackaged: bool
    total: int
    index: int
    size: int

    @property
    def location(self) -> bool:
        """Whether the message holds position reports this package decodes."""
        return self.msg_id in (LOCATION, LOCATION_BATCH)


def header_size(properties: int) -> int:
    """12, 16, 17 or 21 bytes."""
    return (17 if properties & VERSION_BIT else 12) + (4 if properties & SUBPACKAGED_BIT else 0)


def decode_header(message: bytes) -> Header:
    """The header of an unescaped message; CodecError ``too_short`` if it is cut off."""
    properties = int.from_bytes(message[2:4], "big")
    size = header_size(properties)
    if len(message) < size + 1:
        raise CodecError(
            reason=FrameOutcome.TOO_SHORT.reason,
            field="header",
            offset=len(message),
            detail=f"{len(message)} bytes, header and check byte need {size + 1}",
        )
    newer = bool(properties & VERSION_BIT)
    subpackaged = bool(properties & SUBPACKAGED_BIT)
    at = 15 if newer else 10
    return Header(
        msg_id=int.from_bytes(message[0:2], "big"),
        version=Version.V2019 if newer else Version.V2013,
        phone=message[5 if newer else 4 : at].hex(),
        serial=int.from_bytes(message[at : at + 2], "big"),
        body_length=properties & LENGTH_MASK,
        encrypted=bool(properties & ENCRYPTION_MASK),
        subpackaged=subpackaged,
        total=int.from_bytes(message[at + 2 : at + 4], "big") if subpackaged else 1,
        index=int.from_bytes(message[at + 4 : at + 6], "big") if subpackaged else 1,
        size=size,
    )
