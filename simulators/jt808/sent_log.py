"""What a terminal or a fleet has sent, in the order in which each report went out first."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np

from monitor.codec.jt808.encode import encode_location_stream
from monitor.codec.jt808.header import Version
from monitor.codec.jt808.stream import decode_location_stream
from monitor.model.flaw import ReportFlag
from monitor.model.report import REPORT, UNKNOWN, ReportBatch, ReportRows, terminal_key


class SentLog:
    """Reports known by their number in ``rows``. ``phones[row["key"]]`` is a report's terminal.

    ``rows`` may grow (``append``); nothing is ever taken out.
    """

    def __init__(self, rows: ReportRows | None = None) -> None:
        self.rows: ReportRows = np.zeros(0, REPORT) if rows is None else rows
        self._sent = np.zeros(len(self.rows), bool)
        self._order = array("q")
        self._at_ms = array("q")
        self._backfilled = bytearray()

    def __len__(self) -> int:
        return len(self._order)

    def append(self, rows: ReportRows) -> range:
        """Add reports to come; their numbers."""
        first = len(self.rows)
        self.rows = np.concatenate([self.rows, rows])
        self._sent = np.concatenate([self._sent, np.zeros(len(rows), bool)])
        return range(first, len(self.rows))

    def was_sent(self, number: int) -> bool:
        return bool(self._sent[number])

    def note(self, numbers: Sequence[int], at_ms: int, *, backfill: bool = False) -> None:
        """Some reports go out now. A repetition changes nothing."""
        for number in numbers:
            if not self._sent[number]:
                self._sent[number] = True
                self._order.append(number)
                self._at_ms.append(at_ms)
                self._backfilled.append(backfill)

    def numbers(self) -> list[int]:
        """Numbers of the reports sent, by first sending."""
        return self._order.tolist()

    def batch(self, phones: Sequence[str], drivers: Sequence[str] = (), *, stamped: bool = True) -> ReportBatch:
        """What the wire carried of each report: keys ``terminal:<phone>``, precision of the frames.

        ``recv_ms`` is when it was first sent, or with ``stamped`` False what the report itself says. Those first sent
        in a backfill are flagged so.
        """
        rows = on_the_wire(self.rows[np.frombuffer(self._order, np.int64)], phones)
        if stamped:
            rows["recv_ms"] = np.frombuffer(self._at_ms, np.int64)
        backfilled = np.frombuffer(bytes(self._backfilled), np.uint8) != 0
        rows["flags"][backfilled] |= int(ReportFlag.BACKFILL)
        return ReportBatch(tuple(terminal_key(phone) for phone in phones), rows, tuple(drivers))


def on_the_wire(rows: ReportRows, phones: Sequence[str]) -> ReportRows:
    """The reports as a receiver decodes them: times in whole seconds, places in 1e-6 degrees, no driver, no flaw.

    Key and driver keep their meaning; ``recv_ms`` is kept.
    """
    if not len(rows):
        return rows.copy()
    # All of one terminal, so that a frame's place says which report it holds.
    alone = rows.copy()
    alone["key"] = 0
    out: ReportRows = decode_location_stream(encode_location_stream(alone, ("1",), Version.V2019)).batch.rows
    out["key"], out["driver"], out["recv_ms"] = rows["key"], rows["driver"], rows["recv_ms"]
    out["source"] = UNKNOWN
    return out
