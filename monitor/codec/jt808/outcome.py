"""What became of each frame: one stable word, used alike by counters, quarantine, command line and tests."""

from __future__ import annotations

import numpy as np

from monitor.codec.outcome import Outcome


class FrameOutcome(Outcome):
    """Below 10 in order, 10 to 19 decoded with a remark, from 20 rejected (nothing of the frame is used)."""

    DECODED = 0
    OTHER_MESSAGE = 1  # sound frame of a message that is no position report
    PART = 2  # sound packet of a sub-packaged message that is not complete yet

    LENGTH_MISMATCH = 10  # check byte right, declared body length wrong: what fits is decoded
    BAD_ITEM = 11  # 0x0704 items shorter than a position or longer than the body: the others are decoded
    COUNT_MISMATCH = 12  # 0x0704 declares another number of items than it holds
    ITEMS_OVERRUN = 13  # additional items run over the end: the 28 base bytes and the items before are used

    OVERSIZE = 20
    BAD_ESCAPE = 21
    TOO_SHORT = 22
    BAD_CHECKSUM = 23
    ENCRYPTED = 24
    BODY_TOO_SHORT = 25
    EMPTY_BATCH = 26  # 0x0704 without one usable item
    BAD_PART = 27  # packet number 0 or above the total, or a packet of wrong length
    TRUNCATED = 28  # the bytes end before the frame does

    @property
    def field(self) -> str:
        """The field that the outcome is about; empty if there is nothing to say."""
        return _FIELDS.get(self, "")


_FIELDS = {
    FrameOutcome.LENGTH_MISMATCH: "body_length",
    FrameOutcome.BAD_ITEM: "item_length",
    FrameOutcome.COUNT_MISMATCH: "count",
    FrameOutcome.ITEMS_OVERRUN: "items",
    FrameOutcome.OVERSIZE: "frame",
    FrameOutcome.BAD_ESCAPE: "escape",
    FrameOutcome.TOO_SHORT: "header",
    FrameOutcome.BAD_CHECKSUM: "check",
    FrameOutcome.ENCRYPTED: "encryption",
    FrameOutcome.BODY_TOO_SHORT: "body",
    FrameOutcome.EMPTY_BATCH: "items",
    FrameOutcome.BAD_PART: "packet",
    FrameOutcome.TRUNCATED: "frame",
}

FRAME = np.dtype(
    [
        ("start", np.int64),  # of the escaped bytes in the buffer, without the 0x7E
        ("end", np.int64),
        ("phone", np.uint8, (10,)),  # raw field, a 6-byte field with four zero bytes in front
        ("version_bit", np.int16),  # props bit 14: 1 = header of 2019
        ("msg_id", np.int32),  # -1 if the header cannot be trusted
        ("serial", np.int32),
        ("outcome", np.int32),  # FrameOutcome
        ("offset", np.int32),  # where the outcome was seen, in the unescaped bytes
        ("first_row", np.int32),  # rows of the batch that came out of this frame
        ("n_rows", np.int32),
    ],
    align=True,
)
"""One row per segment between delimiters, empty ones left out."""
