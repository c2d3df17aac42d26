"""Replies to many frames: encoded in one pass, written once per connection."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.codec.jt808.replies import encode_replies
from monitor.sources.jt808.connection import Connection
from monitor.sources.jt808.lines import Integers
from monitor.sources.jt808.packets import PacketSet
from monitor.sources.jt808.round import Round, When
from monitor.sources.jt808.switchboard import Switchboard


def answer_round(switchboard: Switchboard, round_: Round, when: When) -> None:
    """Send the replies that were waiting for this."""
    chosen = np.flatnonzero(round_.when == when)
    if len(chosen):
        owners = round_.piece_of[chosen]
        frames, results, lines = round_.frames[chosen], round_.results[chosen], round_.lines[chosen]
        _send(switchboard, round_.connections, owners, frames, results, lines)


def answer_packets(switchboard: Switchboard, packets: PacketSet, result: int) -> None:
    """One reply to each packet of a message."""
    frames = packets.answered
    n = len(frames)
    lines = np.full(n, packets.connection.line, np.int64)
    _send(switchboard, [packets.connection], np.zeros(n, np.int64), frames, np.full(n, result, np.int64), lines)


def _send(
    switchboard: Switchboard,
    connections: list[Connection],
    owners: Integers,
    frames: NDArray[np.void],
    results: Integers,
    lines: Integers,
) -> None:
    replies, starts = encode_replies(frames, results, lines, switchboard.lines.rows["serial"])
    firsts = np.concatenate([[0], np.flatnonzero(owners[1:] != owners[:-1]) + 1, [len(owners)]])
    places = starts[firsts].tolist()
    numbers = firsts.tolist()
    counts = switchboard.counts
    for run, owner in enumerate(owners[firsts[:-1]].tolist()):
        n = numbers[run + 1] - numbers[run]
        if connections[owner].write(replies[places[run] : places[run + 1]]):
            counts.replies += n
        else:
            counts.unanswered += n
