"""Messages of one feed -> one batch of reports, and the bytes that are none.

Whole intakes are decoded at once: what costs is a step of Python per message, not the bytes. Here the feed's clock and
coordinates are applied; values are judged later.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.codec.json_report import Reject, decode_json_many
from monitor.codec.jt808 import FrameOutcome, Reassembler, decode_location_stream
from monitor.model.bad_bytes import BadBytes
from monitor.model.evidence import FrameForm
from monitor.model.flaw import ReportFlag
from monitor.model.report import REPORT, ReportBatch
from monitor.quality.crs import to_wgs84
from monitor.sources.intake import Codec, Decoded, Feed, FrameSpans, RawMessage, SourceClock, delimited

OVERSIZE = "oversize"

_DELIMITER = b"\x7e"
_ELEMENTS = msgspec.json.Decoder(list[msgspec.Raw])


def decode_messages(feed: Feed, messages: Sequence[RawMessage], *, reassembler: Reassembler | None = None) -> Decoded:
    """Decode an intake; never raises for what is in it.

    ``reassembler`` (one per feed) joins sub-packaged JT/T 808 messages over intakes; without it they stay parts.
    """
    fitting = [message for message in messages if len(message.payload) <= feed.payload_bytes]
    decoded = _decode_json(feed, fitting) if feed.codec is Codec.JSON else _decode_jt808(feed, fitting, reassembler)
    if len(fitting) < len(messages):
        oversize = tuple(_oversize(feed, message) for message in messages if len(message.payload) > feed.payload_bytes)
        decoded = replace(decoded, rejects=decoded.rejects + oversize)
    decoded.outcomes.update(reject.reason for reject in decoded.rejects)
    return decoded


def _decode_json(feed: Feed, messages: Sequence[RawMessage]) -> Decoded:
    payloads = [message.payload for message in messages]
    many = decode_json_many(payloads, source=feed.platform, max_bytes=feed.payload_bytes)
    _set_receive_times(feed, many.batch, _recv_ms(messages)[many.payload_of])
    rejects = [
        BadBytes(
            feed.source,
            failure.error.reason,
            messages[failure.payload].recv_ms,
            payloads[failure.payload],
            f"topic {messages[failure.payload].topic}: {failure.error}",
        )
        for failure in many.failures
    ]
    elements: dict[int, list[msgspec.Raw]] = {}
    for reject in many.rejects:
        message = messages[reject.payload]
        data = _element(message.payload, reject, elements)
        where = f"topic {message.topic}, report {reject.index}: "
        rejects.append(BadBytes(feed.source, reject.reason.value, message.recv_ms, data, where + reject.detail))
    spans = _payload_spans(payloads, many.payload_of)
    return Decoded(_in_wgs84(feed, many.batch), tuple(rejects), many.unknown_fields, spans=spans)


def _decode_jt808(feed: Feed, messages: Sequence[RawMessage], reassembler: Reassembler | None) -> Decoded:
    if not messages:
        return Decoded(ReportBatch((), np.zeros(0, REPORT)))
    # A delimiter between payloads: a frame cut off in one does not swallow the next.
    buffer = _DELIMITER.join(message.payload for message in messages)
    result = decode_location_stream(buffer, final=True, reassembler=reassembler, now_ms=messages[-1].recv_ms)
    ends = np.cumsum([len(message.payload) + 1 for message in messages])
    message_of = np.searchsorted(ends, result.frames["start"], "right")
    rows = result.batch.rows
    _set_receive_times(feed, result.batch, np.repeat(_recv_ms(messages)[message_of], result.frames["n_rows"]))
    rows["source"] = 0
    rejects = []
    outcomes: Counter[str] = Counter()
    for number in np.flatnonzero(result.frames["outcome"] != FrameOutcome.DECODED):
        frame = result.frames[number]
        outcome = FrameOutcome(int(frame["outcome"]))
        if not outcome.rejected:
            outcomes[outcome.reason] += 1
            continue
        message = messages[int(message_of[number])]
        detail = f"topic {message.topic}: {outcome.reason} in field {outcome.field} at byte {int(frame['offset'])}"
        data = buffer[int(frame["start"]) : int(frame["end"])]
        rejects.append(BadBytes(feed.source, outcome.reason, message.recv_ms, data, detail))
    batch = replace(result.batch, sources=(feed.platform,))
    spans = location_spans(buffer, result.frames)
    return Decoded(_in_wgs84(feed, batch), tuple(rejects), outcomes=outcomes, spans=spans)


def location_spans(buffer: bytes, frames: NDArray[np.void]) -> FrameSpans:
    """The frame (dtype ``FRAME`` of JT/T 808) of every row; of a message in packets its last one."""
    begin, end = delimited(frames["start"], frames["end"], len(buffer))
    n_rows = frames["n_rows"]
    return FrameSpans(FrameForm.JT808, buffer, np.repeat(begin, n_rows), np.repeat(end, n_rows))


def _payload_spans(payloads: Sequence[bytes], payload_of: NDArray[np.int64]) -> FrameSpans:
    """The whole payload of every row: which element of an array it is can be found out when somebody asks."""
    sizes = np.array([len(payload) for payload in payloads], np.int64)
    end = np.cumsum(sizes)
    return FrameSpans(FrameForm.JSON, b"".join(payloads), (end - sizes)[payload_of], end[payload_of])


def _set_receive_times(feed: Feed, batch: ReportBatch, arrival_ms: NDArray[np.int64]) -> None:
    rows = batch.rows
    stated = int(ReportFlag.PAYLOAD_RECV)
    if feed.clock is SourceClock.ARRIVAL:
        rows["recv_ms"] = arrival_ms
        rows["flags"] &= ~np.int32(stated)
    else:
        rows["recv_ms"] = np.where(rows["flags"] & stated != 0, rows["recv_ms"], rows["fix_ms"])


def _in_wgs84(feed: Feed, batch: ReportBatch) -> ReportBatch:
    to_wgs84(batch.rows, feed.crs)
    return batch


def _recv_ms(messages: Sequence[RawMessage]) -> NDArray[np.int64]:
    return np.array([message.recv_ms for message in messages], np.int64)


def _element(payload: bytes, reject: Reject, elements: dict[int, list[msgspec.Raw]]) -> bytes:
    """The bytes of one refused report of an array; the whole payload where it is a single one."""
    if reject.payload not in elements:
        try:
            elements[reject.payload] = _ELEMENTS.decode(payload)
        except msgspec.MsgspecError:
            elements[reject.payload] = []
    found = elements[reject.payload]
    return bytes(found[reject.index]) if reject.index < len(found) else payload


def _oversize(feed: Feed, message: RawMessage) -> BadBytes:
    detail = f"topic {message.topic}: payload of {len(message.payload)} bytes, at most {feed.payload_bytes}"
    return BadBytes(feed.source, OVERSIZE, message.recv_ms, message.payload, detail)
