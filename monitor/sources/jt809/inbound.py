"""Bytes of one connection -> positions as columns, other messages one by one, and what is neither."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt809 import Cipher, Frame, FrameOutcome, Version, decode_frame, decode_position_stream
from monitor.errors import CodecError
from monitor.model.bad_bytes import BadBytes
from monitor.model.evidence import FrameForm
from monitor.model.report import ReportBatch
from monitor.quality.crs import Crs, to_wgs84
from monitor.sources.intake import Decoded, Feed, FrameSpans, SourceClock

_REJECTED: Final = 20
"""Outcomes from here on mean that nothing of the frame is used."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """What some bytes held. ``frames`` (dtype ``FRAME``) tells of each, ``others`` are those that are no positions.

    ``n_sound`` frames had a right check sum; ``bad_run`` pieces without one came after the last of them.
    """

    decoded: Decoded
    others: tuple[Frame, ...]
    frames: NDArray[np.void]
    n_sound: int
    n_position_frames: int
    bad_run: int


class FrameReader:
    """One per connection; keeps the beginning of a frame until the rest comes."""

    def __init__(self, feed: Feed, peer: str, version: Version, cipher: Cipher | None) -> None:
        self._feed = feed
        self._peer = peer
        self._version = version
        self._cipher = cipher
        self._rest = b""

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._rest)

    def take(self, data: bytes, recv_ms: int, *, final: bool = False) -> Inbound:
        """Never raises for what is in the bytes. ``final``: nothing will follow."""
        buffer = self._rest + data
        result = decode_position_stream(
            buffer, version=self._version, cipher=self._cipher, recv_ms=recv_ms, final=final
        )
        self._rest = b"" if final else buffer[result.consumed :]
        frames = result.frames
        rejects: list[BadBytes] = []
        outcomes: Counter[str] = Counter()
        others: list[Frame] = []
        for number in np.flatnonzero(frames["outcome"] != FrameOutcome.DECODED):
            frame = frames[number]
            outcome = FrameOutcome(int(frame["outcome"]))
            segment = buffer[int(frame["start"]) : int(frame["end"])]
            if outcome is FrameOutcome.OTHER_MESSAGE:
                try:
                    others.append(decode_frame(segment, self._version, self._cipher))
                except CodecError as error:
                    rejects.append(self._bad(error.reason, recv_ms, segment, str(error)))
            elif outcome.rejected:
                detail = f"{outcome.reason} in field {outcome.field} at byte {int(frame['offset'])}"
                rejects.append(self._bad(outcome.reason, recv_ms, segment, detail))
            else:
                outcomes[outcome.reason] += 1
        outcomes.update(reject.reason for reject in rejects)
        sound = np.flatnonzero(frames["outcome"] < _REJECTED)
        return Inbound(
            Decoded(
                self._as_fed(result.batch, result.shifted),
                tuple(rejects),
                outcomes=outcomes,
                spans=_spans(buffer, frames),
            ),
            tuple(others),
            frames,
            n_sound=len(sound),
            n_position_frames=int(np.count_nonzero(frames["n_rows"])),
            bad_run=len(frames) - 1 - int(sound[-1]) if len(sound) else len(frames),
        )

    def _as_fed(self, batch: ReportBatch, shifted: NDArray[np.bool_]) -> ReportBatch:
        """Clock, coordinates and sender as the settings of the link say.

        A position that declares itself shifted by the official map plug-in is in GCJ-02, whatever the settings say.
        """
        rows = batch.rows
        if self._feed.crs is Crs.WGS84 and shifted.any():
            declared = rows[shifted]
            to_wgs84(declared, Crs.GCJ02)
            rows[shifted] = declared
        if self._feed.clock is SourceClock.PAYLOAD:
            rows["recv_ms"] = rows["fix_ms"]
        to_wgs84(rows, self._feed.crs)
        rows["source"] = 0
        return ReportBatch(batch.keys, rows, batch.drivers, (self._feed.platform,))

    def _bad(self, reason: str, recv_ms: int, data: bytes, detail: str) -> BadBytes:
        return BadBytes(self._feed.source, reason, recv_ms, data, f"peer {self._peer}: {detail}")


def _spans(buffer: bytes, frames: NDArray[np.void]) -> FrameSpans:
    """The frame of every position."""
    n_rows = frames["n_rows"]
    return FrameSpans(FrameForm.JT809, buffer, np.repeat(frames["start"], n_rows), np.repeat(frames["end"], n_rows))
