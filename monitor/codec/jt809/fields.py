"""Kinds of fields: each knows how its value stands on the wire, in both directions.

A layout is a tuple of them, so that one table decodes and encodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from monitor.codec.jt808.bcd import plain_time
from monitor.codec.jt809.reader import Reader, content_of, text_of
from monitor.codec.jt809.writer import Writer, cut_gbk, gbk
from monitor.model.beijing import BEIJING, from_datetime

Values = dict[str, object]
"""Fields of one message while it is read or written."""


class Field(Protocol):
    """One field of a layout."""

    def read(self, reader: Reader, values: Values) -> None:
        """Take the field's bytes and enter its value; CodecError ``body_too_short``."""

    def write(self, writer: Writer, values: Values) -> None:
        """Append the field's bytes; CodecError ``out_of_range`` or ``too_long``."""


def whole(values: Values, name: str) -> int:
    """The number under a name."""
    value = values[name]
    if not isinstance(value, int):
        raise TypeError(f"{name} is {type(value).__name__}, a whole number is needed")
    return value


def letters(values: Values, name: str) -> str:
    """The text under a name."""
    value = values[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is {type(value).__name__}, a text is needed")
    return value


def octets(values: Values, name: str) -> bytes:
    """The bytes under a name."""
    value = values[name]
    if not isinstance(value, bytes):
        raise TypeError(f"{name} is {type(value).__name__}, bytes are needed")
    return value


@dataclass(frozen=True, slots=True)
class Number:
    """u8, u16, u32."""

    name: str
    size: int

    def read(self, reader: Reader, values: Values) -> None:
        values[self.name] = reader.number(self.size, self.name)

    def write(self, writer: Writer, values: Values) -> None:
        writer.number(whole(values, self.name), self.size, self.name)


@dataclass(frozen=True, slots=True)
class Fixed:
    """A number that is always the same; another one makes the layout unlikely."""

    value: int
    size: int

    def read(self, reader: Reader, values: Values) -> None:
        if reader.number(self.size, "fixed") != self.value:
            reader.odd = True

    def write(self, writer: Writer, values: Values) -> None:
        writer.number(self.value, self.size, "fixed")


@dataclass(frozen=True, slots=True)
class Seconds:
    """time_t: u64 seconds UTC, epoch ms here. ``ms`` for the one sender that puts ms on the wire."""

    name: str
    ms: bool = False

    def read(self, reader: Reader, values: Values) -> None:
        values[self.name] = reader.time_ms(self.name)

    def write(self, writer: Writer, values: Values) -> None:
        value = whole(values, self.name)
        writer.number(value if self.ms else value // 1_000, 8, self.name)


@dataclass(frozen=True, slots=True)
class Clock:
    """BCD[6] in Beijing time, epoch ms here; 0 = no time."""

    name: str

    def read(self, reader: Reader, values: Values) -> None:
        moment = plain_time(reader.take(6, self.name))
        values[self.name] = 0 if moment is None else from_datetime(moment)
        reader.odd = reader.odd or moment is None

    def write(self, writer: Writer, values: Values) -> None:
        at_ms = whole(values, self.name)
        digits = f"{datetime.fromtimestamp(at_ms // 1_000, BEIJING):%y%m%d%H%M%S}" if at_ms else "0" * 12
        writer.raw(bytes.fromhex(digits))


@dataclass(frozen=True, slots=True)
class Identifier:
    """Octet String that means something only whole: one that is too long is refused."""

    name: str
    size: int

    def read(self, reader: Reader, values: Values) -> None:
        values[self.name] = text_of(reader.take(self.size, self.name))

    def write(self, writer: Writer, values: Values) -> None:
        writer.fixed(gbk(letters(values, self.name)), self.size, self.name)


@dataclass(frozen=True, slots=True)
class Text:
    """Octet String for people: one that is too long is cut at a character."""

    name: str
    size: int

    def read(self, reader: Reader, values: Values) -> None:
        values[self.name] = text_of(reader.take(self.size, self.name))

    def write(self, writer: Writer, values: Values) -> None:
        writer.fixed(cut_gbk(letters(values, self.name), self.size), self.size, self.name)


@dataclass(frozen=True, slots=True)
class Phone:
    """SIM number: digits, filled up with zeros in front."""

    name: str
    size: int

    def read(self, reader: Reader, values: Values) -> None:
        values[self.name] = text_of(reader.take(self.size, self.name))

    def write(self, writer: Writer, values: Values) -> None:
        phone = letters(values, self.name)
        writer.fixed(gbk(phone.rjust(self.size, "0") if phone else ""), self.size, self.name)


@dataclass(frozen=True, slots=True)
class Platform:
    """PLATFORM_ID, 11 bytes: ASCII digits as a rule; some put NUL in front, some write a number."""

    name: str

    def read(self, reader: Reader, values: Values) -> None:
        values[self.name] = platform_of(reader.take(11, self.name))

    def write(self, writer: Writer, values: Values) -> None:
        writer.fixed(gbk(letters(values, self.name)), 11, self.name)


def platform_of(raw: bytes) -> str:
    """Text of a PLATFORM_ID; a binary number as its decimal digits."""
    number = raw.lstrip(b"\0")
    if raw[:1] != b"\0" or not number:
        return text_of(raw)
    return number.decode("ascii") if number.isdigit() else str(int.from_bytes(raw, "big"))


@dataclass(frozen=True, slots=True)
class Content:
    """A length and a text in GBK, cut at a character to ``most`` bytes. A length that is too large is clamped."""

    name: str
    size: int = 4
    most: int = 0xFFFF

    def read(self, reader: Reader, values: Values) -> None:
        values[self.name] = content_of(reader.upto(reader.number(self.size, f"{self.name}_length")))

    def write(self, writer: Writer, values: Values) -> None:
        raw = cut_gbk(letters(values, self.name), self.most)
        writer.number(len(raw), self.size, f"{self.name}_length")
        writer.raw(raw)


@dataclass(frozen=True, slots=True)
class LengthOf:
    """Length of an ``Octets`` field further on."""

    name: str
    size: int = 4

    def read(self, reader: Reader, values: Values) -> None:
        reader.lengths[self.name] = reader.number(self.size, f"{self.name}_length")

    def write(self, writer: Writer, values: Values) -> None:
        writer.number(len(octets(values, self.name)), self.size, f"{self.name}_length")


@dataclass(frozen=True, slots=True)
class Octets:
    """Bytes as they are: of the length read before, or all that is left."""

    name: str

    def read(self, reader: Reader, values: Values) -> None:
        size = reader.lengths.get(self.name)
        values[self.name] = reader.rest() if size is None else reader.upto(size)

    def write(self, writer: Writer, values: Values) -> None:
        writer.raw(octets(values, self.name))


@dataclass(frozen=True, slots=True)
class RestText:
    """GBK to the end of the message."""

    name: str

    def read(self, reader: Reader, values: Values) -> None:
        values[self.name] = content_of(reader.rest())

    def write(self, writer: Writer, values: Values) -> None:
        writer.raw(gbk(letters(values, self.name)))


def u8(name: str) -> Number:
    return Number(name, 1)


def u16(name: str) -> Number:
    return Number(name, 2)


def u32(name: str) -> Number:
    return Number(name, 4)


SOURCE = (u16("source_type"), u32("source_sn"))
"""Sub type and header number of the message that is answered (2019)."""
