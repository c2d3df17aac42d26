"""One frame to named fields: for people (``monitor decode``) and as what the compiled pass is checked against."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.codec.jt808.batch import ITEMS_AT
from monitor.codec.jt808.framing import MAX_SEGMENT, checksum, unescape
from monitor.codec.jt808.header import LOCATION, Header, Version, decode_header
from monitor.codec.jt808.location import BASE_SIZE
from monitor.codec.jt808.messages.position import Location, LocationBatch
from monitor.codec.jt808.messages.reader import Reader
from monitor.codec.jt808.outcome import FrameOutcome
from monitor.errors import CodecError

_SHORTEST_MESSAGE = 12 + 1


@dataclass(frozen=True, slots=True)
class Frame:
    """A sound frame. ``body`` is raw bytes for packets and for messages other than positions.

    ``outcome`` is never a rejected one; ``offset`` is where a remark was seen, in the unescaped message.
    """

    header: Header
    body: Location | LocationBatch | bytes
    outcome: FrameOutcome
    offset: int

    @property
    def locations(self) -> tuple[Location, ...]:
        """Position reports of the frame, in the order sent."""
        if isinstance(self.body, Location):
            return (self.body,)
        return self.body.locations if isinstance(self.body, LocationBatch) else ()


def decode_frame(segment: bytes) -> Frame:
    """Decode one frame, with or without its delimiters; CodecError with the reason of a ``FrameOutcome``."""
    segment = segment.strip(b"\x7e")
    if len(segment) > MAX_SEGMENT:
        raise _refused(FrameOutcome.OVERSIZE, 0, f"{len(segment)} bytes between delimiters, at most {MAX_SEGMENT}")
    message = unescape(segment)
    if len(message) < _SHORTEST_MESSAGE:
        raise _refused(FrameOutcome.TOO_SHORT, len(message), f"{len(message)} bytes, at least {_SHORTEST_MESSAGE}")
    found = checksum(message[:-1])
    if found != message[-1]:
        raise _refused(
            FrameOutcome.BAD_CHECKSUM, len(message) - 1, f"check byte is {message[-1]:02X}, bytes give {found:02X}"
        )
    header = decode_header(message)
    body = message[header.size : -1]
    mismatch = len(body) != header.body_length
    if not header.location:
        outcome = FrameOutcome.LENGTH_MISMATCH if mismatch else FrameOutcome.OTHER_MESSAGE
        return Frame(header, body, outcome, 2 if mismatch else 0)
    if header.encrypted:
        raise _refused(FrameOutcome.ENCRYPTED, 2, "the body is encrypted")
    if header.subpackaged:
        if not 1 <= header.index <= header.total or mismatch:
            raise _refused(
                FrameOutcome.BAD_PART,
                header.size - 4,
                f"packet {header.index} of {header.total}, {len(body)} bytes of {header.body_length}",
            )
        if header.total > 1:
            return Frame(header, body, FrameOutcome.PART, 0)
    end = len(message) - 1
    if mismatch and (BASE_SIZE if header.msg_id == LOCATION else ITEMS_AT) <= header.body_length < len(body):
        # Bytes past the declared body may be another frame whose delimiter was lost.
        end = header.size + header.body_length
    decoded, outcome, offset = decode_body(header.msg_id, message[:end], header.size)
    if mismatch:
        outcome, offset = FrameOutcome.LENGTH_MISMATCH, 2
    return Frame(header, decoded, outcome, offset)


def decode_body(msg_id: int, message: bytes, at: int = 0) -> tuple[Location | LocationBatch, FrameOutcome, int]:
    """The 0x0200 or 0x0704 body from ``at`` to the end of ``message``, with a remark and where it was seen."""
    reader = Reader(message, msg_id, at)
    if msg_id == LOCATION:
        location = Location.read(reader, Version.V2013)
        if location.overrun_at >= 0:
            return location, FrameOutcome.ITEMS_OVERRUN, at + location.overrun_at
        return location, FrameOutcome.DECODED, 0
    batch = LocationBatch.read(reader, Version.V2013)
    if batch.bad_items:
        return batch, FrameOutcome.BAD_ITEM, batch.bad_items[0]
    if batch.count != len(batch.locations):
        return batch, FrameOutcome.COUNT_MISMATCH, at
    item = at + ITEMS_AT
    for location in batch.locations:
        if location.overrun_at >= 0:
            return batch, FrameOutcome.ITEMS_OVERRUN, item + 2 + location.overrun_at
        item += 2 + location.size
    return batch, FrameOutcome.DECODED, 0


def _refused(outcome: FrameOutcome, offset: int, detail: str) -> CodecError:
    return CodecError(reason=outcome.reason, field=outcome.field, offset=offset, detail=detail)
