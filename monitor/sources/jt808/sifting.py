"""Which frames are plain traffic of terminals that may send it, and which need a look each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808 import FrameOutcome
from monitor.codec.jt808.header import LOCATION, LOCATION_BATCH
from monitor.codec.jt808.replies import OK
from monitor.sources.jt808.lines import Integers, Lines
from monitor.sources.jt808.round import Round, When

HEARTBEAT = 0x0002
_NO_HEADER = -1


def sift(round_: Round, lines: Lines) -> Integers:
    """Settle plain traffic; the numbers of the frames to be looked at one by one, in order.

    From the first such frame of a connection on, all its frames are looked at, because it may change what the terminal
    may send.
    """
    frames, rows = round_.frames, lines.rows
    msg_id, outcome = frames["msg_id"], frames["outcome"]
    position = (msg_id == LOCATION) | (msg_id == LOCATION_BATCH)
    decoded = (outcome == FrameOutcome.DECODED) | (
        (outcome >= FrameOutcome.LENGTH_MISMATCH) & (outcome < FrameOutcome.OVERSIZE)
    )
    reports = position & decoded
    beats = (msg_id == HEARTBEAT) & (outcome == FrameOutcome.OTHER_MESSAGE)
    known = rows["taking"][round_.lines] & (frames["version_bit"] == rows["newer"][round_.lines])
    known &= (frames["phone"] == rows["phone"][round_.lines]).all(axis=1)
    plain = known & (reports | beats)
    special = ~plain & (msg_id != _NO_HEADER)
    looked_at = np.zeros(0, np.int64)
    if special.any():
        looked_at = _from_first_on(special, msg_id != _NO_HEADER, round_.lines)
        plain[looked_at] = False
    round_.results[plain] = OK
    round_.when[plain & reports] = When.JOURNALLED
    round_.when[plain & beats] = When.NOW
    round_.taken[plain & reports] = True
    return looked_at


def _from_first_on(special: NDArray[np.bool_], sound: NDArray[np.bool_], lines: Integers) -> Integers:
    distinct, place = np.unique(lines, return_inverse=True)
    first = np.full(len(distinct), len(lines), np.int64)
    numbers = np.flatnonzero(special)
    np.minimum.at(first, place[numbers], numbers)
    return np.flatnonzero(sound & (np.arange(len(lines)) >= first[place]))


def count_junk(round_: Round, lines: Lines) -> Integers:
    """Bring the connections' ``junk``, ``sound`` and ``heard_s`` up to date; the lines that sent junk now."""
    rows = lines.rows
    junk = round_.frames["msg_id"] == _NO_HEADER
    heard = round_.lines[~junk]
    rows["sound"][heard] = True
    rows["heard_s"][heard] = round_.now_s
    if not junk.any():
        rows["junk"][heard] = 0
        return np.zeros(0, np.int64)
    numbers = np.arange(len(junk))
    last_sound = np.full(len(rows), -1, np.int64)
    np.maximum.at(last_sound, heard, numbers[~junk])
    rows["junk"][heard] = 0
    np.add.at(rows["junk"], round_.lines[junk & (numbers > last_sound[round_.lines])], 1)
    return np.unique(round_.lines[junk])
