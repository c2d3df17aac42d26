"""Orders to terminals as JT/T 808 messages, and what terminals answer as JSON.

The limits of what may be ordered are here: nothing leaves that a strict terminal would refuse for its form.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from monitor.codec.jt808 import Location, Message, number_parameter, parameter_value
from monitor.codec.jt808.messages.parameters import (
    Parameter,
    ParametersReply,
    QueryAllParameters,
    QueryParameters,
    SetParameters,
)
from monitor.codec.jt808.messages.position import PositionReply
from monitor.codec.jt808.messages.position_order import PositionQuery
from monitor.codec.jt808.messages.text import MAX_TEXT_BYTES, Text, TextFlag, TextKind, TextUrgency
from monitor.console.downlink_request import DownlinkRequest
from monitor.errors import CommandError
from monitor.model.beijing import from_datetime, iso
from monitor.model.downlink import Downlink, DownlinkKind
from monitor.model.report import empty_rows
from monitor.quality.crs import Crs, to_wgs84


@dataclass(frozen=True, slots=True)
class ParameterRange:
    """Whole numbers that may be set, in the unit of JT/T 808. The bounds are guesses around what the rules allow."""

    low: int
    high: int
    meaning: str


SETTABLE: Final[dict[int, ParameterRange]] = {
    0x0055: ParameterRange(10, 200, "highest speed, km/h"),
    0x0056: ParameterRange(0, 3_600, "how long above it until it counts, s"),
    0x0057: ParameterRange(600, 86_400, "continuous driving allowed, s"),
    0x0058: ParameterRange(600, 86_400, "driving allowed per day, s"),
    0x0059: ParameterRange(60, 86_400, "shortest rest, s"),
    0x005A: ParameterRange(60, 2_592_000, "longest parking, s"),
    0x005B: ParameterRange(0, 500, "warning before the highest speed, 0.1 km/h"),
    0x005C: ParameterRange(1, 14_400, "warning before the driving time ends, s"),
}
"""Parameters for speed and fatigue (JT/T 808, 0x8103). Others, such as the server's address, are not set from here."""
MAX_IDS: Final = 255
"""0x8106 counts them in one byte."""
_SECRETS: Final = frozenset({0x0011, 0x0012, 0x0015, 0x0016})
"""User and password of the mobile network: answered by terminals, kept nowhere."""


class TextOrder(msgspec.Struct, frozen=True):
    """``body`` of a text."""

    text: str
    urgent: bool = False
    speak: bool = True
    display: bool = True


class _ParametersOrder(msgspec.Struct, frozen=True):
    parameters: dict[str, int]


class _IdsOrder(msgspec.Struct, frozen=True):
    ids: tuple[str, ...] = ()


def order_body(request: DownlinkRequest) -> str:
    """The ``body`` of a wanted order as JSON. Raises ``CommandError`` (422) with a sentence."""
    for name, kind in (
        ("text", DownlinkKind.TEXT),
        ("parameters", DownlinkKind.PARAMETERS),
        ("ids", DownlinkKind.QUERY_PARAMETERS),
    ):
        if getattr(request, name) is not None and request.kind is not kind:
            raise _wrong(f"{name} does not belong to an order of kind {request.kind}; leave it out.")
    if request.kind is DownlinkKind.TEXT:
        text = checked_text(request.text)
        if not (request.speak or request.display):
            raise _wrong("A text that is neither spoken nor displayed reaches nobody; set speak or display.")
        return _json(TextOrder(text, request.urgent, request.speak, request.display))
    if request.kind is DownlinkKind.PARAMETERS:
        return _json(_ParametersOrder(_checked_parameters(request.parameters)))
    if request.kind is DownlinkKind.QUERY_PARAMETERS:
        if request.ids is not None and len(request.ids) > MAX_IDS:
            raise _wrong(f"{len(request.ids)} parameters are asked for; at most {MAX_IDS} fit one question.")
        return _json(_IdsOrder(tuple(dict.fromkeys(_hex(parameter_id(text)) for text in request.ids or ()))))
    return "{}"


def checked_text(text: str | None) -> str:
    """A text that a terminal can show. Raises ``CommandError`` (422)."""
    text = (text or "").strip()
    if not text:
        raise _wrong("An order of kind text needs a text.")
    if any(ord(sign) < 32 and sign != "\n" for sign in text):
        raise _wrong("The text has control characters; leave them out.")
    try:
        size = len(text.encode("gbk"))
    except UnicodeEncodeError as error:
        raise _wrong(f"Terminals cannot show {text[error.start : error.end]!r}; they know GBK only.") from None
    if size > MAX_TEXT_BYTES:
        raise _wrong(f"The text has {size} bytes in GBK; terminals take {MAX_TEXT_BYTES}.")
    return text


def parameter_id(text: str) -> int:
    """``0x0055`` or ``85`` as a number. Raises ``CommandError`` (422)."""
    try:
        found = int(text, 0)
    except ValueError:
        found = -1
    if not 0 < found <= 0xFFFF_FFFF:
        raise _wrong(f"{text[:20]!r} is no parameter like 0x0055.")
    return found


def message_of(order: Downlink, version: int) -> Message:
    """The message of an order for a terminal of this edition (0 = not known: as 2013).

    Raises ``CodecError``, and ``MsgspecError`` for a body that another version wrote.
    """
    if order.kind is DownlinkKind.TEXT:
        return _text(msgspec.json.decode(order.body, type=TextOrder), version)
    if order.kind is DownlinkKind.PARAMETERS:
        values = msgspec.json.decode(order.body, type=_ParametersOrder).parameters
        return SetParameters(tuple(number_parameter(int(name, 0), value) for name, value in values.items()))
    if order.kind is DownlinkKind.QUERY_PARAMETERS:
        ids = msgspec.json.decode(order.body, type=_IdsOrder).ids
        return QueryParameters(tuple(int(name, 0) for name in ids)) if ids else QueryAllParameters()
    return PositionQuery()


def answer_json(result: str, message: Message | None, crs: Crs = Crs.WGS84) -> str:
    """``{"result"}``, with the ``report`` of 0x0201 or the ``parameters`` of 0x0104 where the answer is one."""
    found: dict[str, object] = {"result": result}
    if isinstance(message, PositionReply):
        found["report"] = _report(message.location, crs)
    elif isinstance(message, ParametersReply):
        found["parameters"] = {_hex(item.id): _value(item) for item in message.parameters}
    return _json(found)


def _text(order: TextOrder, version: int) -> Text:
    flags = (TextFlag.DISPLAY if order.display else 0) | (TextFlag.SPEAK if order.speak else 0)
    if version == 2019:
        # Bits 0 and 1 are one number there.
        flags |= TextUrgency.URGENT if order.urgent else TextUrgency.NOTIFY
    elif order.urgent:
        flags |= TextFlag.URGENT
    return Text(int(flags), TextKind.NOTIFY, order.text)


def _checked_parameters(parameters: dict[str, int] | None) -> dict[str, int]:
    if not parameters:
        raise _wrong('An order of kind parameters needs parameters like {"0x0055": 80}.')
    found: dict[str, int] = {}
    for name, value in parameters.items():
        number = parameter_id(name)
        allowed = SETTABLE.get(number)
        if allowed is None:
            known = ", ".join(_hex(one) for one in SETTABLE)
            raise _wrong(f"Parameter {name[:20]} is not set from here; these are: {known}.")
        if not allowed.low <= value <= allowed.high:
            raise _wrong(
                f"{_hex(number)} ({allowed.meaning}) cannot be {value}; it is from {allowed.low} to {allowed.high}."
            )
        if _hex(number) in found:
            raise _wrong(f"Parameter {_hex(number)} stands twice.")
        found[_hex(number)] = value
    return found


def _report(location: Location, crs: Crs) -> dict[str, object]:
    """A position in the names of a position report; what was not positioned has no coordinates."""
    row = empty_rows(1)
    row["lon_deg"], row["lat_deg"] = location.lon_deg, location.lat_deg
    to_wgs84(row, crs)
    return {
        "fix_time": None if location.time is None else iso(from_datetime(location.time)),
        "lon": round(float(row["lon_deg"][0]), 6) if location.positioned else None,
        "lat": round(float(row["lat_deg"][0]), 6) if location.positioned else None,
        "speed_kmh": location.speed_kmh,
        "heading_deg": location.heading_deg,
        "altitude_m": location.altitude_m,
        "mileage_km": location.mileage_km,
        "recorder_speed_kmh": location.recorder_speed_kmh,
        "status": location.status,
        "alarm_flags": location.alarm_flags,
        "acc_on": location.acc_on,
        "positioned": location.positioned,
    }


def _value(parameter: Parameter) -> int | str:
    """Number or text by the parameter's type; hex digits where it has none, or the wrong length for it."""
    if parameter.id in _SECRETS:
        return "***"
    value = parameter_value(parameter)
    return parameter.value.hex() if value is None else value


def _hex(number: int) -> str:
    return f"0x{number:04X}"


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _wrong(message: str) -> CommandError:
    return CommandError(status=422, reason="wrong_parameter", message=message)
