"""Every message by (message id, sub type), and bodies to messages and back."""

from __future__ import annotations

from monitor.codec.jt809 import alarms, control, links, platforms, positions, static, vehicles
from monitor.codec.jt809.header import Version
from monitor.codec.jt809.layout import Layout, Read, choices, read_data, write_data
from monitor.codec.jt809.message import Message, RawMessage
from monitor.codec.jt809.outcome import FrameOutcome
from monitor.codec.jt809.positions import POSITION_TYPES, read_positions
from monitor.codec.jt809.wrappers import Wrapper, read_wrapper, wrapped, write_wrapper
from monitor.errors import CodecError

LAYOUTS: tuple[Layout, ...] = (
    *links.LAYOUTS,
    *vehicles.LAYOUTS,
    *positions.LAYOUTS,
    *platforms.LAYOUTS,
    *alarms.LAYOUTS,
    *control.LAYOUTS,
    *static.LAYOUTS,
)


def _by_type() -> dict[tuple[int, int], tuple[Layout, ...]]:
    found: dict[tuple[int, int], list[Layout]] = {}
    for layout in LAYOUTS:
        found.setdefault((layout.kind.msg_id, layout.kind.sub_type), []).append(layout)
    return {key: tuple(layouts) for key, layouts in found.items()}


REGISTRY = _by_type()
"""Layouts of each message; 0x1403 is two messages, one of each edition."""

KINDS: dict[tuple[int, int], tuple[type[Message], ...]] = {
    key: tuple(dict.fromkeys(layout.kind for layout in layouts)) for key, layouts in REGISTRY.items()
}
_CHOICES = {(key, version): choices(layouts, version) for key, layouts in REGISTRY.items() for version in Version}


def decode_message(msg_id: int, body: bytes, version: Version) -> Message:
    """The message in a deciphered body; ``RawMessage`` for what the standard does not know.

    CodecError ``body_too_short``; offsets count from the beginning of the body.
    """
    return read_body(msg_id, body, version, base=0).message


def encode_message(message: Message, version: Version) -> bytes:
    """The body; CodecError ``out_of_range``, ``too_long`` or ``no_layout``."""
    if isinstance(message, RawMessage):
        return message.raw + message.tail
    data = write_data(REGISTRY[message.msg_id, message.sub_type], message, version)
    return write_wrapper(message, version, data) if message.sub_type else data


def read_body(msg_id: int, body: bytes, version: Version, *, base: int) -> Read:
    """Like ``decode_message``, with the remark; ``base`` is where the body stands in its frame."""
    if not wrapped(msg_id):
        layouts = _CHOICES.get(((msg_id, 0), version))
        if layouts is None:
            return Read(RawMessage(msg_id=msg_id, raw=body), FrameOutcome.UNKNOWN_MESSAGE, base)
        return read_data(layouts, version, body, base=base, given={})
    wrapper = read_wrapper(msg_id, body, version, base)
    layouts = _CHOICES.get(((msg_id, wrapper.sub_type), version))
    if layouts is None:
        raw = RawMessage(msg_id=msg_id, sub_type=wrapper.sub_type, raw=body)
        return Read(raw, FrameOutcome.UNKNOWN_MESSAGE, base + wrapper.size - 6)
    if wrapper.sub_type in POSITION_TYPES:
        return read_positions(
            wrapper.sub_type,
            body,
            wrapper.size,
            version,
            base=base,
            plate=wrapper.plate,
            plate_color=wrapper.plate_color,
            length=wrapper.length,
        )
    return _read_wrapped(layouts, version, body, wrapper, base)


def _read_wrapped(layouts: list[Layout], version: Version, body: bytes, wrapper: Wrapper, base: int) -> Read:
    given: dict[str, object] = {"plate": wrapper.plate, "plate_color": wrapper.plate_color}
    end = wrapper.size + wrapper.length
    if wrapper.length >= 0 and end < len(body):
        # The declared length counts if a message ends there: the rest is junk. Else the length is what is wrong.
        try:
            read = read_data(layouts, version, body, base=base, given=given, at=wrapper.size, end=end)
        except CodecError:
            read = None
        if read is not None and read.outcome in (FrameOutcome.DECODED, FrameOutcome.OTHER_LAYOUT):
            return Read(read.message, FrameOutcome.LENGTH_MISMATCH, base + wrapper.size - 4)
    read = read_data(layouts, version, body, base=base, given=given, at=wrapper.size)
    if wrapper.length >= 0 and end != len(body):
        return Read(read.message, FrameOutcome.LENGTH_MISMATCH, base + wrapper.size - 4)
    return read
