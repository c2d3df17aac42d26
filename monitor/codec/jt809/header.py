"""Message header 数据头.

====== ================ ===== ==========================================================================
offset field            type  meaning (offsets without the 5B in front)
====== ================ ===== ==========================================================================
0      MSG_LENGTH       u32   unescaped bytes of the whole frame, both delimiters and the CRC included
4      MSG_SN           u32   报文序列号; 2011 one counter per platform, 2019 one per sub type
8      MSG_ID           u16   业务数据类型
10     MSG_GNSSCENTERID u32   access code 接入码, the same in both directions
14     VERSION_FLAG     3     e.g. 01 02 0F = V1.2.15; tells nothing about the edition
17     ENCRYPT_FLAG     u8    1 = body encrypted
18     ENCRYPT_KEY      u32
22     TIME             u64   2019 only: when it was sent, UTC seconds (by some in ms, BCD or local time)
====== ================ ===== ==========================================================================
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from monitor.codec.jt809.outcome import FrameOutcome
from monitor.errors import CodecError


class Version(IntEnum):
    """Editions. The supplement of 2013 has the header of 2011 and is told from it message by message."""

    V2011 = 2011
    V2019 = 2019


HEADER_SIZE: Final = {Version.V2011: 22, Version.V2019: 30}
FRAMING_SIZE: Final = 4
"""5B, CRC (2) and 5D."""

LOGIN = 0x1001
LOGIN_TOTAL: Final = {72: Version.V2011, 84: Version.V2019}
"""Unescaped length of a log-in frame by edition."""

_TIME_AT = 22
_EARLIEST_S = 0x4000_0000
_LATEST_S = 0x7F00_0000
"""Plausible send times, 2004 to 2037 (guess): what they are tested for is that a body of 2011 hardly looks like one."""


@dataclass(frozen=True, slots=True)
class Header:
    """``length`` as declared; ``time_s`` as sent, 0 in 2011. ``size`` is where the body begins."""

    length: int
    sn: int
    msg_id: int
    access_code: int
    version_flag: bytes
    encrypt_flag: int
    encrypt_key: int
    time_s: int
    version: Version

    @property
    def encrypted(self) -> bool:
        return self.encrypt_flag == 1

    @property
    def size(self) -> int:
        return HEADER_SIZE[self.version]


def decode_header(message: bytes, version: Version) -> Header:
    """The header of an unescaped message (without delimiters, with CRC); CodecError ``too_short``."""
    size = HEADER_SIZE[version]
    if len(message) < size + 2:
        raise CodecError(
            reason=FrameOutcome.TOO_SHORT.reason,
            field="header",
            offset=1 + len(message),
            detail=f"{len(message)} bytes, header and CRC of {int(version)} need {size + 2}",
        )
    return Header(
        length=int.from_bytes(message[0:4], "big"),
        sn=int.from_bytes(message[4:8], "big"),
        msg_id=int.from_bytes(message[8:10], "big"),
        access_code=int.from_bytes(message[10:14], "big"),
        version_flag=message[14:17],
        encrypt_flag=message[17],
        encrypt_key=int.from_bytes(message[18:22], "big"),
        time_s=int.from_bytes(message[22:30], "big") if version is Version.V2019 else 0,
        version=version,
    )


def encode_header(header: Header) -> bytes:
    """The bytes of a header; CodecError ``out_of_range``."""
    try:
        fields = (
            header.length.to_bytes(4, "big"),
            header.sn.to_bytes(4, "big"),
            header.msg_id.to_bytes(2, "big"),
            header.access_code.to_bytes(4, "big"),
            header.version_flag.ljust(3, b"\0")[:3],
            header.encrypt_flag.to_bytes(1, "big"),
            header.encrypt_key.to_bytes(4, "big"),
            header.time_s.to_bytes(8, "big") if header.version is Version.V2019 else b"",
        )
    except OverflowError as error:
        raise CodecError(reason="out_of_range", field="header", detail=str(error)) from None
    return b"".join(fields)


def guessed_version(message: bytes) -> Version:
    """The edition of an unescaped message (without delimiters), for logs and people.

    A log-in by its length, else 2019 if a plausible time (seconds or ms) stands at 22. A link has it as a setting.
    """
    if message[8:10] == LOGIN.to_bytes(2, "big") and len(message) + 2 in LOGIN_TOTAL:
        return LOGIN_TOTAL[len(message) + 2]
    if len(message) < HEADER_SIZE[Version.V2019] + 2:
        return Version.V2011
    time_s = int.from_bytes(message[_TIME_AT : _TIME_AT + 8], "big")
    if _EARLIEST_S <= time_s <= _LATEST_S or _EARLIEST_S <= time_s // 1_000 <= _LATEST_S:
        return Version.V2019
    return Version.V2011
