"""Registration 终端注册: 0x0100, its answer 0x8100, and authentication 0x0102.

============== ============ ============ ============ ==========================================
0x0100         2011         2013         2019         note
============== ============ ============ ============ ==========================================
省域ID          0 WORD       0 WORD       0 WORD       first two digits of GB/T 2260
市县域ID        2 WORD       2 WORD       2 WORD       its last four digits
制造商ID        4 BYTE[5]    4 BYTE[5]    4 BYTE[11]
终端型号        9 BYTE[8]    9 BYTE[20]   15 BYTE[30]
终端ID          17 BYTE[7]   29 BYTE[7]   45 BYTE[30]
车牌颜色        24 BYTE      36 BYTE      75 BYTE      0 = no plate, ``plate`` is the VIN then
车牌            25 STRING    37 STRING    76 STRING
============== ============ ============ ============ ==========================================

0x8100: serial WORD, result BYTE, code STRING (only if the result is 0). 0x0102: the code; 2019: length BYTE, code,
IMEI BYTE[15], software version BYTE[20] (the printed offsets are slips).
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Final, Self

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer

_WIDTHS: Final = {Version.V2011: (5, 8, 7), Version.V2013: (5, 20, 7), Version.V2019: (11, 30, 30)}
"""Maker, model and terminal id."""
_SHORTEST_2013: Final = 37
_COLORS: Final = (0, 1, 2, 3, 4, 5, 9, 91, 92, 93, 94, 90)
"""Codes of JT/T 415-2006 and JT/T 697.7-2014."""


class Register(Message, frozen=True):
    """0x0100 终端注册. ``edition`` is the layout that the body had; encoding follows the version asked for."""

    msg_id: ClassVar[int] = 0x0100
    province: int = 0
    county: int = 0
    maker: str = ""
    model: str = ""
    terminal_id: str = ""
    plate_color: int = 0
    plate: str = ""
    edition: Version = Version.V2013

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        edition = version
        if version == Version.V2013 and _is_2011(body.body[body.at :]):
            edition = Version.V2011
        maker, model, terminal_id = _WIDTHS[edition]
        return cls(
            province=body.u16("province"),
            county=body.u16("county"),
            maker=body.padded(maker, "maker"),
            model=body.padded(model, "model"),
            terminal_id=body.padded(terminal_id, "terminal_id"),
            plate_color=body.u8("plate_color"),
            plate=body.rest_text(),
            edition=edition,
        )

    def write(self, out: Writer, version: Version) -> None:
        maker, model, terminal_id = _WIDTHS[version]
        out.u16(self.province, "province")
        out.u16(self.county, "county")
        out.padded(self.maker, maker, "maker")
        out.padded(self.model, model, "model")
        out.padded(self.terminal_id, terminal_id, "terminal_id")
        out.u8(self.plate_color, "plate_color")
        out.text(self.plate)


def _is_2011(body: bytes) -> bool:
    """Bodies under 37 bytes are of 2011; a longer one is if only that reading has a legal colour and a plate in GBK."""
    if len(body) < _SHORTEST_2013:
        return True
    return not _plausible(body, 36) and _plausible(body, 24)


def _plausible(body: bytes, color_at: int) -> bool:
    if body[color_at] not in _COLORS:
        return False
    try:
        plate = body[color_at + 1 :].rstrip(b"\0 ").decode("gb18030")
    except UnicodeDecodeError:
        return False
    return plate.isprintable()


class RegisterResult(IntEnum):
    SUCCESS = 0
    VEHICLE_REGISTERED = 1
    NO_SUCH_VEHICLE = 2
    TERMINAL_REGISTERED = 3
    NO_SUCH_TERMINAL = 4


class RegisterReply(Message, frozen=True):
    """0x8100 终端注册应答; ``auth_code`` goes out only with result 0."""

    msg_id: ClassVar[int] = 0x8100
    reply_serial: int
    result: int = RegisterResult.SUCCESS
    auth_code: str = ""

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        reply_serial, result = body.u16("reply_serial"), body.u8("result")
        return cls(reply_serial, result, body.rest_text() if result == RegisterResult.SUCCESS else "")

    def write(self, out: Writer, version: Version) -> None:
        out.u16(self.reply_serial, "reply_serial")
        out.u8(self.result, "result")
        if self.result == RegisterResult.SUCCESS:
            out.text(self.auth_code)


class Authenticate(Message, frozen=True):
    """0x0102 终端鉴权; ``imei`` and ``software`` are of 2019.

    A body of 2019 whose first byte is no length is taken for the older form, the code alone.
    """

    msg_id: ClassVar[int] = 0x0102
    auth_code: str
    imei: str = ""
    software: str = ""

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        if version != Version.V2019 or not body.left or 1 + body.body[body.at] > body.left:
            return cls(body.rest_text())
        return cls(
            auth_code=body.counted_text("auth_code"),
            imei=body.padded(min(15, body.left), "imei"),
            software=body.padded(min(20, body.left), "software"),
        )

    def write(self, out: Writer, version: Version) -> None:
        if version != Version.V2019:
            out.text(self.auth_code)
            return
        out.counted_text(self.auth_code, "auth_code")
        out.padded(self.imei, 15, "imei")
        out.padded(self.software, 20, "software")
