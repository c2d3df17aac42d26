"""A terminal does one wrong thing now."""

from __future__ import annotations

from simulators.jt808 import acts, wire
from simulators.jt808.misbehaviour import Misbehaviour
from simulators.jt808.session import TerminalSession

BURST = 20
"""Pieces of garbage at once; a guess."""


def misbehave(terminal: TerminalSession, kind: Misbehaviour) -> None:
    """Do it now; what lasts (slow reading, split writes, repeated serials) goes on from now."""
    connection = terminal.connection
    if connection is None:
        return
    heartbeat = wire.frames(terminal.identity, wire.HEARTBEAT, b"", terminal.serial)[0]
    if kind is Misbehaviour.GARBAGE:
        connection.write(acts.garbage(terminal.chance))
    elif kind is Misbehaviour.GARBAGE_ONLY:
        for _ in range(BURST):
            connection.write(acts.garbage(terminal.chance))
    elif kind is Misbehaviour.BAD_CHECK:
        connection.write(acts.bad_check(heartbeat))
    elif kind is Misbehaviour.OVERSIZE:
        connection.write(acts.oversize(terminal.chance))
    elif kind is Misbehaviour.CUT_MID_FRAME:
        connection.write(acts.half(heartbeat))
        terminal.break_off()
    elif kind is Misbehaviour.HALF_OPEN:
        connection.read_on(False)
        terminal.leave_open()
    elif kind is Misbehaviour.DEAD_ZONE:
        terminal.cut()
    elif kind is Misbehaviour.SLOW_READER:
        connection.read_on(False)
    elif kind is Misbehaviour.TWO_CONNECTIONS:
        terminal.leave_open()
    else:
        terminal.misbehaviours = terminal.misbehaviours | {kind}
