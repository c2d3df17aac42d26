"""What became of each frame: one stable word, used alike by counters, quarantine, command line and tests."""

from __future__ import annotations

import numpy as np

from monitor.codec.outcome import Outcome


class FrameOutcome(Outcome):
    """Below 10 in order, 10 to 19 decoded with a remark, from 20 rejected (nothing of the frame is used)."""

    DECODED = 0
    OTHER_MESSAGE = 1  # columnar decoder only: sound frame of a message that is no position, left to ``decode_frame``

    LENGTH_MISMATCH = 10  # CRC right, MSG_LENGTH or DATA_LENGTH wrong: what fits is decoded
    COUNT_MISMATCH = 11  # 0x1203 declares another number of positions than it holds: those there are decoded
    ITEMS_OVERRUN = 12  # additional items of an inner 808 body run over its end: the base and the items before are used
    TRAILING_BYTES = 13  # more bytes than the message has fields: left out
    NO_POSITION = 14  # a position message without one usable position
    OTHER_LAYOUT = 15  # laid out as in the other edition or in a known variant, and read so
    CONTENT_CUT = 16  # a declared length points past the end: what is there is taken
    UNKNOWN_MESSAGE = 17  # sound frame whose message or sub type is not of the standard: kept raw
    LONE_ESCAPE = 18  # 5A or 5E that 01 or 02 does not follow: taken as itself, which the CRC proves right

    OVERSIZE = 20
    NO_START = 21  # bytes outside of 5B..5D
    TRUNCATED = 22  # a frame that the next 5B, or the end of the bytes, cuts off
    BAD_ESCAPE = 23
    TOO_SHORT = 24
    BAD_CRC = 25
    ENCRYPTED = 26  # encrypted, and no parameters for it
    BODY_TOO_SHORT = 27

    @property
    def field(self) -> str:
        """The field that the outcome is about; empty if there is nothing to say."""
        return _FIELDS.get(self, "")


_FIELDS = {
    FrameOutcome.LENGTH_MISMATCH: "length",
    FrameOutcome.COUNT_MISMATCH: "count",
    FrameOutcome.ITEMS_OVERRUN: "items",
    FrameOutcome.TRAILING_BYTES: "tail",
    FrameOutcome.NO_POSITION: "position",
    FrameOutcome.OTHER_LAYOUT: "data",
    FrameOutcome.CONTENT_CUT: "content",
    FrameOutcome.UNKNOWN_MESSAGE: "data_type",
    FrameOutcome.LONE_ESCAPE: "escape",
    FrameOutcome.OVERSIZE: "frame",
    FrameOutcome.NO_START: "frame",
    FrameOutcome.TRUNCATED: "frame",
    FrameOutcome.BAD_ESCAPE: "escape",
    FrameOutcome.TOO_SHORT: "header",
    FrameOutcome.BAD_CRC: "crc",
    FrameOutcome.ENCRYPTED: "encrypt_flag",
    FrameOutcome.BODY_TOO_SHORT: "body",
}

FRAME = np.dtype(
    [
        ("start", np.int64),  # of the frame in the buffer, with its 5B
        ("end", np.int64),  # behind its 5D
        ("sn", np.int64),
        ("access_code", np.int64),
        ("msg_id", np.int32),  # -1 if the header cannot be trusted
        ("sub_type", np.int32),  # -1 unless the columnar decoder has read the position in it
        ("outcome", np.int32),  # FrameOutcome
        ("offset", np.int32),  # where the outcome was seen, in the unescaped bytes counted from the 5B
        ("first_row", np.int32),  # rows of the batch that came out of this frame
        ("n_rows", np.int32),
    ],
    align=True,
)
"""One row per frame and per piece of junk; ``decode_frame(buffer[start:end])`` reads one that is no position."""
