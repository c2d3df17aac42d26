"""0x0704 batch of positions 定位数据批量上传: count WORD, kind BYTE, then items of length WORD and a 0x0200 body.

Kind 1 is backfill 盲区补报. Counts and lengths are often wrong in practice: items are walked by length until the body
ends, an item that is no position is left out and reported, the others are kept.
"""

from __future__ import annotations

from monitor.codec.jt808.bigendian import Bytes, byte_at, read_u16
from monitor.codec.jt808.location import read_location
from monitor.codec.jt808.outcome import FrameOutcome
from monitor.model.compiled import compiled
from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportRows

ITEMS_AT = 3
"""Offset of the first item (the printed 2 is a slip)."""
KIND_BACKFILL = 1

_BACKFILL = int(ReportFlag.BACKFILL)
_DECODED = int(FrameOutcome.DECODED)
_BAD_ITEM = int(FrameOutcome.BAD_ITEM)
_COUNT_MISMATCH = int(FrameOutcome.COUNT_MISMATCH)
_ITEMS_OVERRUN = int(FrameOutcome.ITEMS_OVERRUN)
_EMPTY_BATCH = int(FrameOutcome.EMPTY_BATCH)


@compiled
def read_batch(
    source: Bytes, at: int, end: int, rows: ReportRows, row: int, key: int, recv_ms: int, flaws: int
) -> tuple[int, int, int, bool]:
    """Write the reports of one body (at least 3 bytes) from ``rows[row]`` on.

    Returns how many, the outcome, where it was seen, and whether they are in order of fix time.
    """
    flags = _BACKFILL if byte_at(source, at + 2) == 1 else 0
    count = read_u16(source, at)
    bad_at = -1
    overrun_at = -1
    ordered = True
    last_ms = -1
    written = 0
    item = at + 3
    while item < end:
        size = read_u16(source, item) if item + 2 <= end else 0
        if size < 28 or item + 2 + size > end:
            if bad_at < 0:
                bad_at = item
        else:
            seen = read_location(source, item + 2, item + 2 + size, rows, row + written, key, recv_ms, flags, flaws)
            if seen >= 0 and overrun_at < 0:
                overrun_at = seen
            fix_ms = int(rows[row + written]["fix_ms"])
            if fix_ms < last_ms:
                ordered = False
            last_ms = fix_ms
            written += 1
        item += 2 + size
    if written == 0:
        return 0, _EMPTY_BATCH, at, True
    if bad_at >= 0:
        return written, _BAD_ITEM, bad_at, ordered
    if written != count:
        return written, _COUNT_MISMATCH, at, ordered
    if overrun_at >= 0:
        return written, _ITEMS_OVERRUN, overrun_at, ordered
    return written, _DECODED, 0, ordered
