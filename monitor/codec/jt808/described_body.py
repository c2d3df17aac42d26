"""Message bodies for people: every field by name, times in ISO 8601 at +08:00, bytes in hex, bits also by name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from enum import Enum, IntFlag
from typing import Final

import msgspec

from monitor.codec.jt808.additional import Additional, flag_names, read_additional
from monitor.codec.jt808.alarm_bits import alarm_names
from monitor.codec.jt808.header import Version
from monitor.codec.jt808.items import Item
from monitor.codec.jt808.messages import (
    AreaAttribute,
    AttributesReply,
    Circle,
    ConfirmAlarm,
    Location,
    LocationBatch,
    Message,
    Parameter,
    QueryParameters,
    RawMessage,
    Rectangle,
    RoutePoint,
    SegmentAttribute,
    SetPolygon,
    SetRoute,
    TerminalReply,
    Text,
    TextFlag,
)
from monitor.codec.jt808.parameters import PARAMETERS, parameter_value
from monitor.codec.jt808.status_bits import load_of, status_names
from monitor.model.beijing import BEIJING

Value = str | int | float | None | list["Value"] | dict[str, "Value"]
Fields = dict[str, Value]
"""A body as JSON."""


class ItemFields(msgspec.Struct):
    """One additional item of a position report; ``value`` in hex."""

    id: str
    name: str
    value: str


class LocationFields(msgspec.Struct):
    """Fields of a 0x0200 body by name; ``additional`` has the values of the known items with their units."""

    alarm_flags: int
    status: int
    lat: float
    lon: float
    altitude_m: int
    speed_kmh: float
    heading_deg: int
    time: str | None
    items: list[ItemFields]
    alarm_bits: list[str]
    status_bits: list[str]
    load: str | None
    additional: Fields


class BatchFields(msgspec.Struct):
    """Fields of a 0x0704 body by name; ``items`` in the order sent."""

    count: int
    type: int
    items: list[LocationFields]


class PacketFields(msgspec.Struct):
    """One packet of a sub-packaged message, body in hex."""

    total: int
    index: int
    raw: str


class RawFields(msgspec.Struct):
    """Body of a message that is not taken apart, in hex."""

    raw: str


class Kinds(IntFlag):
    """终端类型 of 0x0107."""

    PASSENGER = 1 << 0
    DANGEROUS_GOODS = 1 << 1
    FREIGHT = 1 << 2
    TAXI = 1 << 3
    HARD_DISK = 1 << 6
    SPLIT = 1 << 7
    TRAILER = 1 << 8


BodyFields = LocationFields | BatchFields | PacketFields | RawFields | Fields


def body_fields(message: Message, version: Version) -> BodyFields:
    """The body of any message by name."""
    if isinstance(message, Location):
        return location_fields(message, version)
    if isinstance(message, LocationBatch):
        locations = [location_fields(location, version) for location in message.locations]
        return BatchFields(message.count, message.kind, locations)
    if isinstance(message, RawMessage):
        return RawFields(message.raw.hex())
    return _struct(message, version)


def location_fields(location: Location, version: Version) -> LocationFields:
    """One position report by name."""
    return LocationFields(
        alarm_flags=location.alarm_flags,
        status=location.status,
        lat=location.lat_deg,
        lon=location.lon_deg,
        altitude_m=location.altitude_m,
        speed_kmh=location.speed_kmh,
        heading_deg=location.heading_deg,
        time=location.time.isoformat() if location.time else None,
        items=[_item(item) for item in location.items],
        alarm_bits=list(alarm_names(location.alarm_flags, version)),
        status_bits=list(status_names(location.status, version)),
        load=None if version == Version.V2011 else load_of(location.status).word,
        additional=_additional(location, version),
    )


def _item(item: Item) -> ItemFields:
    return ItemFields(f"0x{item.id:02X}", item.name, item.value.hex())


_NOTHING: Final = Additional()


def _additional(location: Location, version: Version) -> Fields:
    """Items that are there; a number that was sent as unknown is left out like one that was not sent."""
    found = read_additional(location.items)
    told = {name: getattr(found, name) for name in found.__struct_fields__}
    return {name: _value(value, version) for name, value in told.items() if value != getattr(_NOTHING, name)}


def _struct(record: msgspec.Struct, version: Version) -> Fields:
    fields: Fields = {}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if name != "tail" or value:
            fields[name] = _value(value, version)
    for kind, more in _MORE.items():
        if isinstance(record, kind):
            fields |= more(record, version)
    return fields


def _value(value: object, version: Version) -> Value:
    if isinstance(value, Location):
        plain: Fields = msgspec.to_builtins(location_fields(value, version))
        return plain
    if isinstance(value, msgspec.Struct):
        return _struct(value, version)
    if isinstance(value, tuple):
        return [_value(element, version) for element in value]
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.astimezone(BEIJING).isoformat()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, Enum):
        plain_value: Value = value.value
        return plain_value
    if value is None or isinstance(value, str | int | float):
        return value
    raise TypeError(f"a message has no field of type {type(value).__name__}")


def _bits(flags: type[IntFlag], word: int) -> list[Value]:
    return list(flag_names(flags, word))


def _parameter(record: msgspec.Struct, _: Version) -> Fields:
    assert isinstance(record, Parameter)
    meaning = PARAMETERS.get(record.id)
    value = parameter_value(record)
    fields: Fields = {"id": f"0x{record.id:04X}", "name": meaning.name if meaning else "", "raw": record.value.hex()}
    if value is not None:
        fields["value"] = value
    if meaning is not None and meaning.unit:
        fields["unit"] = meaning.unit
    return fields


def _reply(record: msgspec.Struct, _: Version) -> Fields:
    assert isinstance(record, TerminalReply)
    return {"reply_id": f"0x{record.reply_id:04X}"}


def _queried(record: msgspec.Struct, _: Version) -> Fields:
    assert isinstance(record, QueryParameters)
    return {"ids": [f"0x{number:04X}" for number in record.ids]}


def _confirmed(record: msgspec.Struct, version: Version) -> Fields:
    assert isinstance(record, ConfirmAlarm)
    return {"alarm_bits": list(alarm_names(record.alarm_flags, version))}


def _text(record: msgspec.Struct, version: Version) -> Fields:
    assert isinstance(record, Text)
    if version == Version.V2019:
        # Bits 0 and 1 are one number there.
        urgency = ("", "service", "urgent", "notify")[record.flags & 3]
        return {"flag_bits": [*([urgency] if urgency else []), *_bits(TextFlag, record.flags & ~3)]}
    return {"flag_bits": _bits(TextFlag, record.flags)}


def _area(record: msgspec.Struct, _: Version) -> Fields:
    assert isinstance(record, Circle | Rectangle | SetPolygon | SetRoute)
    return {"attribute_bits": _bits(AreaAttribute, record.attributes)}


def _segment(record: msgspec.Struct, _: Version) -> Fields:
    assert isinstance(record, RoutePoint)
    return {"attribute_bits": _bits(SegmentAttribute, record.attributes)}


def _attributes(record: msgspec.Struct, _: Version) -> Fields:
    assert isinstance(record, AttributesReply)
    return {"kind_bits": _bits(Kinds, record.kind)}


_MORE: Final[dict[type[msgspec.Struct], Callable[[msgspec.Struct, Version], Fields]]] = {
    TerminalReply: _reply,
    Parameter: _parameter,
    QueryParameters: _queried,
    ConfirmAlarm: _confirmed,
    Text: _text,
    Circle: _area,
    Rectangle: _area,
    SetPolygon: _area,
    SetRoute: _area,
    RoutePoint: _segment,
    AttributesReply: _attributes,
}
"""Fields told in another form, or twice, by type of record."""
