"""What a terminal does when the platform asks something of it.

Every order gets its dedicated answer or 0x0001: 0 done, 1 failed, 2 bad message, 3 unsupported. Parameters are read
strictly, as strict devices do: a length that does not fit the parameter is a bad message.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from monitor.codec.jt808.header import Version
from simulators.jt808 import wire
from simulators.jt808.driver_card import OUT, card_body

if TYPE_CHECKING:
    from simulators.jt808.session import TerminalSession

DONE, FAILED, BAD_MESSAGE, UNSUPPORTED = 0, 1, 2, 3
SILENT = -1

SET_PARAMETERS = 0x8103
QUERY_ALL_PARAMETERS = 0x8104
CONTROL = 0x8105
QUERY_PARAMETERS = 0x8106
QUERY_ATTRIBUTES = 0x8107
QUERY_POSITION = 0x8201
TRACK = 0x8202
CONFIRM_ALARM = 0x8203
LINK_CHECK = 0x8204
TEXT = 0x8300
VEHICLE_CONTROL = 0x8500
QUERY_CARD = 0x8702
AREAS = range(0x8600, 0x8608)

_WIDTH: Final[dict[int, int]] = {
    **dict.fromkeys((0x0001, 0x0002, 0x0003, 0x0018, 0x0020, 0x0021, 0x0022, 0x0027, 0x0028, 0x0029), 4),
    **dict.fromkeys((0x002C, 0x002D, 0x002E, 0x002F, 0x0030, 0x0050, 0x0051, 0x0052, 0x0053, 0x0054), 4),
    **dict.fromkeys((0x0055, 0x0056, 0x0057, 0x0058, 0x0059, 0x005A, 0x0080), 4),
    **dict.fromkeys((0x0031, 0x005B, 0x005C, 0x005D, 0x005E, 0x0081, 0x0082), 2),
    0x0084: 1,
}
"""Bytes of a value by parameter id (JT/T 808, 终端参数); texts and unknown ids have any length."""


def first_parameters() -> dict[int, bytes]:
    """As a terminal leaves the factory: a report every 30 s, 100 km/h, 4 h of driving, 20 min of rest."""
    numbers = {0x0001: 60, 0x0029: 30, 0x0055: 100, 0x0056: 10, 0x0057: 14_400, 0x0058: 28_800, 0x0059: 1_200}
    out = {parameter: value.to_bytes(4, "big") for parameter, value in numbers.items()}
    out |= {0x005B: (50).to_bytes(2, "big"), 0x005C: (1_800).to_bytes(2, "big")}
    return out


def answer(terminal: TerminalSession, order: wire.Received) -> None:
    """Do what is asked, and answer; as ``terminal.order_results`` says where a test has said so."""
    told = terminal.order_results.get(order.msg_id, DONE)
    if told == SILENT:
        return
    if told != DONE:
        _reply(terminal, order, told)
        return
    if order.msg_id == SET_PARAMETERS:
        parameters = _parameters(order.body, terminal.identity.version)
        if parameters is not None:
            terminal.parameters |= parameters
        _reply(terminal, order, BAD_MESSAGE if parameters is None else DONE)
    elif order.msg_id in (QUERY_ALL_PARAMETERS, QUERY_PARAMETERS):
        _tell_parameters(terminal, order)
    elif order.msg_id == QUERY_ATTRIBUTES:
        _tell(terminal, 0x0107, _attributes(terminal))
    elif order.msg_id in (QUERY_POSITION, VEHICLE_CONTROL):
        _tell_position(terminal, order)
    elif order.msg_id == QUERY_CARD:
        # Without a card it says that none is in, as of now.
        _tell(terminal, wire.DRIVER_CARD, terminal.card or card_body(terminal.identity.version, "", 0, status=OUT))
    elif order.msg_id == TEXT:
        at = 2 if terminal.identity.version is Version.V2019 else 1
        terminal.texts.append(order.body[at:].decode("gb18030", "replace"))
        _reply(terminal, order, DONE)
    elif order.msg_id in (CONTROL, TRACK, CONFIRM_ALARM, LINK_CHECK) or order.msg_id in AREAS:
        _reply(terminal, order, DONE)
    elif order.msg_id != wire.TIME_REPLY:
        _reply(terminal, order, UNSUPPORTED)


def _parameters(body: bytes, version: Version) -> dict[int, bytes] | None:
    """Items of 0x8103; None if they do not fit."""
    at = 2 if version is Version.V2011 else 1
    out: dict[int, bytes] = {}
    for _ in range(body[0] if body else 0):
        if at + 5 > len(body) or at + 5 + body[at + 4] > len(body):
            return None
        parameter, size = int.from_bytes(body[at : at + 4], "big"), body[at + 4]
        if _WIDTH.get(parameter, size) != size:
            return None
        out[parameter] = body[at + 5 : at + 5 + size]
        at += 5 + size
    return out if at == len(body) else None


def _tell_parameters(terminal: TerminalSession, order: wire.Received) -> None:
    known = terminal.parameters
    if order.msg_id == QUERY_PARAMETERS:
        wanted = [int.from_bytes(order.body[at : at + 4], "big") for at in range(1, len(order.body) - 3, 4)]
        known = {parameter: known[parameter] for parameter in wanted if parameter in known}
    count = bytes([len(known)])
    _tell(
        terminal,
        0x0104,
        order.serial.to_bytes(2, "big")
        + (count * 2 if terminal.identity.version is Version.V2011 else count)
        + b"".join(
            parameter.to_bytes(4, "big") + bytes([len(value)]) + value for parameter, value in sorted(known.items())
        ),
    )


def _tell_position(terminal: TerminalSession, order: wire.Received) -> None:
    if terminal.last_number < 0:
        _reply(terminal, order, FAILED)
        return
    number = terminal.last_number
    body = wire.location_bodies(terminal.log.rows[number : number + 1])[0]
    position = order.msg_id == QUERY_POSITION
    if position and terminal.identity.version is Version.V2011:
        _tell(terminal, wire.POSITION_REPLY, body)
    else:
        _tell(terminal, wire.POSITION_REPLY if position else 0x0500, order.serial.to_bytes(2, "big") + body)


def _attributes(terminal: TerminalSession) -> bytes:
    identity = terminal.identity
    newer = identity.version is Version.V2019
    hardware, firmware = b"hw1", identity.software.encode("ascii")
    return (
        b"\x00\x07"
        + identity.maker.encode("ascii")[:5].ljust(5, b"\0")
        + identity.model.encode("ascii").ljust(30 if newer else 20, b"\0")
        + identity.terminal_id.encode("ascii").ljust(30 if newer else 7, b"\0")
        + bytes.fromhex("89860000000000000001")
        + bytes([len(hardware)])
        + hardware
        + bytes([len(firmware)])
        + firmware
        + b"\x03\x01"
    )


def _reply(terminal: TerminalSession, order: wire.Received, result: int) -> None:
    _tell(terminal, wire.TERMINAL_REPLY, wire.reply_body(order.serial, order.msg_id, result))


def _tell(terminal: TerminalSession, msg_id: int, body: bytes) -> None:
    """An answer, which nobody answers."""
    frames = wire.frames(terminal.identity, msg_id, body, terminal.serial)
    terminal.serial += len(frames)
    terminal.write(frames)
