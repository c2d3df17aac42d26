"""Layouts of a message in its editions, and the choice of the one that bytes are in.

The edition of a link says what comes first; peers differ all the same (reference §11), so the layout whose fields end
exactly where the data ends is taken, first of the link's edition, then of the other. Only if none does the bytes are
read as far as they go, and that is remarked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from monitor.codec.jt809.fields import Field, Values
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.message import Form, Message
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.codec.jt809.reader import Reader
from monitor.codec.jt809.writer import Writer
from monitor.errors import CodecError


@dataclass(frozen=True, slots=True)
class Layout:
    """Fields of ``kind`` behind the wrapper, in ``version`` and as ``form`` there."""

    kind: type[Message]
    version: Version
    fields: tuple[Field, ...]
    form: Form = Form.STANDARD


def both(kind: type[Message], *fields: Field) -> tuple[Layout, Layout]:
    """The same layout in either edition."""
    return Layout(kind, Version.V2011, fields), Layout(kind, Version.V2019, fields)


@dataclass(frozen=True, slots=True)
class Read:
    """A message, and what is to be said about how it was read."""

    message: Message
    outcome: FrameOutcome = FrameOutcome.DECODED
    offset: int = 0


def choices(layouts: Iterable[Layout], version: Version) -> list[Layout]:
    """Layouts in the order in which they are tried: those of the edition first; doubles left out."""
    ordered = sorted(layouts, key=lambda layout: layout.version is not version)
    return [one for at, one in enumerate(ordered) if not any(one.fields == other.fields for other in ordered[:at])]


def read_data(
    layouts: list[Layout],
    version: Version,
    data: bytes,
    *,
    base: int,
    given: Values,
    at: int = 0,
    end: int | None = None,
) -> Read:
    """The message in ``data[at:end]``; ``layouts`` as ``choices`` gives them, ``given`` are fields of the wrapper.

    Raises CodecError ``body_too_short`` if not even the first layout can be read.
    """
    stop = len(data) if end is None else end
    readable: list[tuple[int, Read]] = []
    refusal: CodecError | None = None
    for layout in layouts:
        reader = Reader(data, at=at, end=stop, base=base)
        values: Values = dict(given)
        try:
            for field in layout.fields:
                field.read(reader, values)
        except CodecError as error:
            refusal = refusal or error
            continue
        values["tail"] = reader.rest() if reader.left else b""
        own = layout.version is version
        form = layout.form if own else Form(Form.OTHER_EDITION | layout.form)
        message = _build(layout.kind, values, form)
        exact = not values["tail"] and not reader.cut and not reader.odd
        if exact:
            if not own:
                return Read(message, FrameOutcome.OTHER_LAYOUT, base + at)
            return Read(message)
        read = Read(message, FrameOutcome.TRAILING_BYTES, base + stop - len(message.tail))
        if reader.cut:
            read = Read(message, FrameOutcome.CONTENT_CUT, reader.cut_at)
        elif not message.tail:
            read = Read(message)
        readable.append((2 * (not own) + reader.odd, read))
    if readable:
        # Of equals the first: the edition's own layouts come before the other's.
        return min(readable, key=lambda ranked: ranked[0])[1]
    if refusal is None:
        raise CodecError(reason=FrameOutcome.BODY_TOO_SHORT.reason, field="body", offset=base, detail="no layout")
    raise refusal


def write_data(layouts: Iterable[Layout], message: Message, version: Version) -> bytes:
    """The bytes behind the wrapper; CodecError ``no_layout`` if the message does not exist in the edition."""
    layout = _chosen([one for one in layouts if one.kind is type(message)], message, version)
    writer = Writer()
    values: Values = {name: getattr(message, name) for name in message.__struct_fields__}
    for field in layout.fields:
        field.write(writer, values)
    writer.raw(message.tail)
    return bytes(writer.body)


def _chosen(layouts: list[Layout], message: Message, version: Version) -> Layout:
    wanted = message.form.there
    edition = version
    if message.form.of_other_edition:
        edition = Version.V2011 if version is Version.V2019 else Version.V2019
    found = [one for one in layouts if one.version is edition and one.form is wanted]
    found += [one for one in layouts if one.version is edition and one.form is Form.STANDARD]
    if not found:
        raise CodecError(
            reason="no_layout", field="message", detail=f"{type(message).__name__} does not exist in {int(version)}"
        )
    return found[0]


def _build(kind: type[Message], values: Values, form: Form) -> Message:
    make: Callable[..., Message] = kind
    names = kind.__struct_fields__
    return make(**{name: value for name, value in values.items() if name in names}, form=form)
