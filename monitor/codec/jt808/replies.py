"""General replies 平台通用应答 0x8001 to many frames at once.

A reply has the header form and the phone bytes of the frame that it answers: 2011 and 2013 twelve bytes of header,
2019 seventeen. Body: serial and id of the message answered, WORD each, and the result, BYTE.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.bigendian import Bytes, byte_at, write_u16
from monitor.codec.jt808.framing import escape_into
from monitor.codec.jt808.header import VERSION_BIT
from monitor.codec.jt808.outcome import FRAME
from monitor.model.compiled import compiled

OK, FAILED, BAD_MESSAGE, UNSUPPORTED, ALARM_HANDLED = 0, 1, 2, 3, 4
"""Results; 4 since 2013."""

_VERSION_BIT = int(VERSION_BIT)
_LONGEST = 2 + 2 * (17 + 5 + 1)


def encode_replies(
    frames: NDArray[np.void], results: NDArray[np.int64], lines: NDArray[np.int64], serials: NDArray[np.int64]
) -> tuple[bytes, NDArray[np.int64]]:
    """One frame for each of ``frames`` (dtype ``FRAME``), with its result, in order.

    ``serials[lines[i]]`` is our next serial where frame ``i`` came from, and is counted on in place. Returns the bytes
    and where each reply begins, with the end behind it: shape (n + 1,).
    """
    if frames.dtype != FRAME:
        raise TypeError("frames are not of dtype FRAME")
    target = np.empty(len(frames) * _LONGEST, np.uint8)
    starts = np.empty(len(frames) + 1, np.int64)
    size = _write_replies(frames, results, lines, serials, np.empty(32, np.uint8), target, starts)
    return target[:size].tobytes(), starts


@compiled
def _write_replies(
    frames: NDArray[np.void],
    results: NDArray[np.int64],
    lines: NDArray[np.int64],
    serials: NDArray[np.int64],
    scratch: Bytes,
    target: Bytes,
    starts: NDArray[np.int64],
) -> int:
    at = 0
    for number in range(len(frames)):
        frame = frames[number]
        line = int(lines[number])
        serial = int(serials[line]) & 0xFFFF
        serials[line] = (serial + 1) & 0xFFFF
        newer = int(frame["version_bit"]) != 0
        write_u16(scratch, 0, 0x8001)
        write_u16(scratch, 2, 5 | (_VERSION_BIT if newer else 0))
        if newer:
            scratch[4] = 1  # protocol version: the first one of 2019, and no other is known
            for i in range(10):
                scratch[5 + i] = frame["phone"][i]
        else:
            for i in range(6):
                scratch[4 + i] = frame["phone"][4 + i]
        body = 17 if newer else 12
        write_u16(scratch, body - 2, serial)
        write_u16(scratch, body, int(frame["serial"]))
        write_u16(scratch, body + 2, int(frame["msg_id"]))
        scratch[body + 4] = int(results[number]) & 0xFF
        end = body + 5
        check = 0
        for i in range(end):
            check ^= byte_at(scratch, i)
        scratch[end] = check
        starts[number] = at
        at = escape_into(scratch, end + 1, target, at)
    starts[len(frames)] = at
    return at
