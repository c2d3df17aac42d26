"""The session of one terminal on one connection: a table of states and what happens in them. No I/O, no clock.

JT/T 808, 通信规则: a terminal registers (0x0100) and gets its code, and presents it (0x0102) first on every connection;
until then it shall send nothing else.
"""

from __future__ import annotations

from enum import StrEnum


class SessionState(StrEnum):
    CONNECTED = "connected"
    REGISTERED = "registered"
    AUTHENTICATED = "authenticated"


class SessionEvent(StrEnum):
    REGISTERED = "registered"  # 0x0100 that the policy accepts
    REFUSED = "refused"  # 0x0100 or 0x0102 of a terminal that the policy refuses
    CODE_RIGHT = "code_right"  # 0x0102
    CODE_WRONG = "code_wrong"
    UNREGISTERED = "unregistered"  # 0x0003
    TRAFFIC = "traffic"  # everything else


class Verdict(StrEnum):
    TAKE = "take"
    REFUSE = "refuse"  # answered as failed, and nothing of it is taken
    CLOSE = "close"  # as refused, and the connection ends behind the answer


_C, _R, _A = SessionState.CONNECTED, SessionState.REGISTERED, SessionState.AUTHENTICATED

_TABLE: dict[tuple[SessionState, SessionEvent], tuple[SessionState, Verdict]] = {
    (_C, SessionEvent.REGISTERED): (_R, Verdict.TAKE),
    (_C, SessionEvent.REFUSED): (_C, Verdict.CLOSE),
    (_C, SessionEvent.CODE_RIGHT): (_A, Verdict.TAKE),
    (_C, SessionEvent.CODE_WRONG): (_C, Verdict.REFUSE),  # the terminal registers anew
    (_C, SessionEvent.UNREGISTERED): (_C, Verdict.REFUSE),  # else anybody could void a terminal's code
    (_C, SessionEvent.TRAFFIC): (_C, Verdict.REFUSE),
    (_R, SessionEvent.REGISTERED): (_R, Verdict.TAKE),  # the answer was lost: the same code again
    (_R, SessionEvent.REFUSED): (_C, Verdict.CLOSE),
    (_R, SessionEvent.CODE_RIGHT): (_A, Verdict.TAKE),
    (_R, SessionEvent.CODE_WRONG): (_R, Verdict.REFUSE),
    (_R, SessionEvent.UNREGISTERED): (_R, Verdict.REFUSE),
    (_R, SessionEvent.TRAFFIC): (_R, Verdict.REFUSE),
    (_A, SessionEvent.REGISTERED): (_A, Verdict.TAKE),  # many devices register on every connection, some twice
    (_A, SessionEvent.REFUSED): (_C, Verdict.CLOSE),
    (_A, SessionEvent.CODE_RIGHT): (_A, Verdict.TAKE),
    (_A, SessionEvent.CODE_WRONG): (_C, Verdict.REFUSE),  # whoever speaks now has not shown the code
    (_A, SessionEvent.UNREGISTERED): (_C, Verdict.TAKE),
    (_A, SessionEvent.TRAFFIC): (_A, Verdict.TAKE),
}


def step(state: SessionState, event: SessionEvent, *, code_required: bool = True) -> tuple[SessionState, Verdict]:
    """The state after an event, and what is to be done with the message."""
    if event is SessionEvent.TRAFFIC and not code_required:
        return state, Verdict.TAKE
    return _TABLE[state, event]


def takes_traffic(state: SessionState, *, code_required: bool = True) -> bool:
    """Whether positions and the like are taken in this state."""
    return step(state, SessionEvent.TRAFFIC, code_required=code_required)[1] is Verdict.TAKE
