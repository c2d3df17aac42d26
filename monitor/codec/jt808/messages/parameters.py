"""Terminal parameters 终端参数: set 0x8103, query 0x8104 and 0x8106, answer 0x0104, control 0x8105.

0x8103: count BYTE, then {id DWORD, length BYTE, value}. 0x0104: serial WORD, then the same. 2011 has one more BYTE
包参数个数 behind the count. 0x8104: empty. 0x8106: count BYTE, ids DWORD. 0x8105: command BYTE, arguments STRING.
What a value means and which type it must have is told by ``jt808.parameters``.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, Final, Self

import msgspec

from monitor.codec.jt808.header import Version
from monitor.codec.jt808.messages.message import OLDER_EITHER_WAY, Editions, Message
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.messages.writer import Writer

_EDITIONS: Final[Editions] = {**OLDER_EITHER_WAY, Version.V2019: (Version.V2019, Version.V2011)}


class Parameter(msgspec.Struct, frozen=True):
    """One parameter with its raw value; made by ``jt808.parameters.number_parameter`` and ``text_parameter``."""

    id: int
    value: bytes


class SetParameters(Message, frozen=True):
    """0x8103 设置终端参数, answered by 0x0001."""

    msg_id: ClassVar[int] = 0x8103
    EDITIONS: ClassVar[Editions] = _EDITIONS
    parameters: tuple[Parameter, ...]

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(tuple(_read_parameter(body, number) for number in range(_read_count(body, version))))

    def write(self, out: Writer, version: Version) -> None:
        _write_parameters(self.parameters, out, version, -1)


class ParametersReply(Message, frozen=True):
    """0x0104 查询终端参数应答. ``count`` as declared, -1 to be counted; what is there is read, whatever it says."""

    msg_id: ClassVar[int] = 0x0104
    EDITIONS: ClassVar[Editions] = _EDITIONS
    reply_serial: int
    parameters: tuple[Parameter, ...]
    count: int = -1

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        reply_serial, count = body.u16("reply_serial"), _read_count(body, version)
        parameters: list[Parameter] = []
        while body.left:
            parameters.append(_read_parameter(body, len(parameters)))
        return cls(reply_serial, tuple(parameters), count)

    def write(self, out: Writer, version: Version) -> None:
        out.u16(self.reply_serial, "reply_serial")
        _write_parameters(self.parameters, out, version, self.count)


def _read_count(body: Reader, version: Version) -> int:
    count = body.u8("count")
    if version == Version.V2011:
        body.u8("packet_count")
    return count


def _read_parameter(body: Reader, number: int) -> Parameter:
    parameter = body.u32(f"parameters[{number}].id")
    return Parameter(parameter, body.take(body.u8(f"parameters[{number}].length"), f"parameters[{number}].value"))


def _write_parameters(parameters: tuple[Parameter, ...], out: Writer, version: Version, count: int) -> None:
    out.u8(len(parameters) if count < 0 else count, "count")
    if version == Version.V2011:
        out.u8(len(parameters), "packet_count")
    for parameter in parameters:
        out.u32(parameter.id, "id")
        out.u8(len(parameter.value), "length")
        out.raw(parameter.value)


class QueryAllParameters(Message, frozen=True):
    """0x8104 查询终端参数: empty, answered by 0x0104."""

    msg_id: ClassVar[int] = 0x8104


class QueryParameters(Message, frozen=True):
    """0x8106 查询指定终端参数, answered by 0x0104."""

    msg_id: ClassVar[int] = 0x8106
    ids: tuple[int, ...]

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(tuple(body.u32(f"ids[{number}]") for number in range(body.u8("count"))))

    def write(self, out: Writer, version: Version) -> None:
        out.u8(len(self.ids), "count")
        for parameter in self.ids:
            out.u32(parameter, "ids")


class Command(IntEnum):
    """命令字 of 0x8105."""

    UPGRADE = 1
    CONNECT = 2
    SHUT_DOWN = 3
    RESET = 4
    FACTORY_SETTINGS = 5
    CLOSE_DATA = 6
    CLOSE_RADIO = 7


class Control(Message, frozen=True):
    """0x8105 终端控制; ``arguments`` are parted by ``;``."""

    msg_id: ClassVar[int] = 0x8105
    command: int
    arguments: str = ""

    @classmethod
    def read(cls, body: Reader, version: Version) -> Self:
        return cls(body.u8("command"), body.rest_text())

    def write(self, out: Writer, version: Version) -> None:
        out.u8(self.command, "command")
        out.text(self.arguments)
