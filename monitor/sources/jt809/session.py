"""The procedure of one channel of a link, as a table: no socket, no clock, no bytes.

The main link 主链路 and the sub link 从链路 follow the same one with the roles exchanged: the client of the main link
is the lower platform, the client of the sub link the upper. What happens goes in as a ``Heard``, what is to be done
comes out as ``Do``; who holds the channel does it and tells the session what it sent.

Chapter 4 of both editions: heartbeat 1 min, dead after 3 min.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Side(StrEnum):
    CLIENT = "client"  # opens the connection, logs in, sends the heartbeats
    SERVER = "server"


class State(StrEnum):
    CLOSED = "closed"
    LOGIN = "login"  # connected; the log-in is to come (server) or to be answered (client)
    UP = "up"
    LEAVING = "leaving"  # our log-out is to be answered


class Heard(StrEnum):
    OPENED = "opened"
    LOGIN = "login"
    ACCEPTED = "accepted"  # the log-in: by the peer (client), by us (server)
    REFUSED = "refused"
    LOGOUT = "logout"
    LOGGED_OUT = "logged_out"
    HEARTBEAT = "heartbeat"
    HEARTBEAT_ANSWER = "heartbeat_answer"
    TRAFFIC = "traffic"
    NONSENSE = "nonsense"  # a message of the procedure where it means nothing
    GARBAGE = "garbage"
    LEAVE = "leave"  # our wish
    LATE = "late"  # an answer, or the peer's log-in, did not come in time
    IDLE = "idle"
    SILENT = "silent"
    LOST = "lost"


class Do(StrEnum):
    SEND_LOGIN = "send_login"
    CHECK_LOGIN = "check_login"
    WELCOME = "welcome"
    REFUSE = "refuse"
    SEND_LOGOUT = "send_logout"
    ANSWER_LOGOUT = "answer_logout"
    SEND_HEARTBEAT = "send_heartbeat"
    ANSWER_HEARTBEAT = "answer_heartbeat"
    TAKE = "take"
    IGNORE = "ignore"
    GO_UP = "go_up"
    GO_DOWN = "go_down"
    CLOSE = "close"


Step = tuple[State, tuple[Do, ...]]

_BOTH: Final[dict[tuple[State, Heard], Step]] = {
    (State.UP, Heard.TRAFFIC): (State.UP, (Do.TAKE,)),
    (State.UP, Heard.HEARTBEAT): (State.UP, (Do.ANSWER_HEARTBEAT,)),
    (State.UP, Heard.HEARTBEAT_ANSWER): (State.UP, ()),
    (State.UP, Heard.IDLE): (State.UP, (Do.SEND_HEARTBEAT,)),
    (State.UP, Heard.SILENT): (State.CLOSED, (Do.GO_DOWN, Do.CLOSE)),
    (State.UP, Heard.GARBAGE): (State.CLOSED, (Do.GO_DOWN, Do.CLOSE)),
    (State.UP, Heard.LOGOUT): (State.CLOSED, (Do.ANSWER_LOGOUT, Do.GO_DOWN, Do.CLOSE)),
    (State.UP, Heard.LOST): (State.CLOSED, (Do.GO_DOWN,)),
    (State.LOGIN, Heard.LATE): (State.CLOSED, (Do.CLOSE,)),
    (State.LOGIN, Heard.GARBAGE): (State.CLOSED, (Do.CLOSE,)),
    (State.LOGIN, Heard.LEAVE): (State.CLOSED, (Do.CLOSE,)),
    (State.LOGIN, Heard.LOST): (State.CLOSED, ()),
    # What the peer had under way before it reads our log-out is still taken.
    (State.LEAVING, Heard.TRAFFIC): (State.LEAVING, (Do.TAKE,)),
    (State.LEAVING, Heard.LOGGED_OUT): (State.CLOSED, (Do.CLOSE,)),
    (State.LEAVING, Heard.LOGOUT): (State.CLOSED, (Do.ANSWER_LOGOUT, Do.CLOSE)),
    (State.LEAVING, Heard.LATE): (State.CLOSED, (Do.CLOSE,)),
    (State.LEAVING, Heard.GARBAGE): (State.CLOSED, (Do.CLOSE,)),
    (State.LEAVING, Heard.LOST): (State.CLOSED, ()),
}

TABLE: Final[dict[Side, dict[tuple[State, Heard], Step]]] = {
    Side.CLIENT: _BOTH
    | {
        (State.CLOSED, Heard.OPENED): (State.LOGIN, (Do.SEND_LOGIN,)),
        (State.LOGIN, Heard.ACCEPTED): (State.UP, (Do.GO_UP,)),
        (State.LOGIN, Heard.REFUSED): (State.CLOSED, (Do.CLOSE,)),
        (State.UP, Heard.LEAVE): (State.LEAVING, (Do.GO_DOWN, Do.SEND_LOGOUT)),
    },
    Side.SERVER: _BOTH
    | {
        (State.CLOSED, Heard.OPENED): (State.LOGIN, ()),
        (State.LOGIN, Heard.LOGIN): (State.LOGIN, (Do.CHECK_LOGIN,)),
        (State.LOGIN, Heard.ACCEPTED): (State.UP, (Do.WELCOME, Do.GO_UP)),
        (State.LOGIN, Heard.REFUSED): (State.CLOSED, (Do.REFUSE, Do.CLOSE)),
        # Nothing but a log-in is listened to before it.
        (State.LOGIN, Heard.TRAFFIC): (State.CLOSED, (Do.CLOSE,)),
        (State.LOGIN, Heard.HEARTBEAT): (State.CLOSED, (Do.CLOSE,)),
        (State.LOGIN, Heard.LOGOUT): (State.CLOSED, (Do.CLOSE,)),
        # A log-in again on the same connection is answered again, and may fail.
        (State.UP, Heard.LOGIN): (State.UP, (Do.CHECK_LOGIN,)),
        (State.UP, Heard.ACCEPTED): (State.UP, (Do.WELCOME,)),
        (State.UP, Heard.REFUSED): (State.CLOSED, (Do.REFUSE, Do.GO_DOWN, Do.CLOSE)),
        (State.UP, Heard.LEAVE): (State.CLOSED, (Do.GO_DOWN, Do.CLOSE)),
    },
}
"""Whatever is not in it changes nothing; a message is then ``IGNORE`` for the counters."""

_SPOKEN = frozenset(
    {Heard.LOGIN, Heard.ACCEPTED, Heard.LOGOUT, Heard.LOGGED_OUT, Heard.HEARTBEAT, Heard.HEARTBEAT_ANSWER}
    | {Heard.TRAFFIC, Heard.REFUSED, Heard.NONSENSE}
)


class Session:
    """One connection's life. Times are epoch ms of the caller's clock, which may stand still but not go back far."""

    __slots__ = (
        "_beat_ms",
        "_dead_ms",
        "_heartbeat_ms",
        "_login_ms",
        "_received_ms",
        "_sent_ms",
        "_since_ms",
        "side",
        "state",
    )

    def __init__(self, side: Side, *, heartbeat_ms: int, dead_ms: int, login_ms: int) -> None:
        self.side = side
        self.state = State.CLOSED
        self._heartbeat_ms = heartbeat_ms
        self._dead_ms = dead_ms
        self._login_ms = login_ms
        self._since_ms = 0  # in this state
        self._sent_ms = 0
        self._received_ms = 0
        self._beat_ms = 0

    def heard(self, what: Heard, now_ms: int) -> tuple[Do, ...]:
        """What is to be done about it, in this order."""
        step = TABLE[self.side].get((self.state, what))
        if step is None:
            return (Do.IGNORE,) if what in _SPOKEN else ()
        state, actions = step
        if state is not self.state:
            self.state = state
            self._since_ms = self._sent_ms = self._received_ms = self._beat_ms = now_ms
        return actions

    def received(self, now_ms: int) -> None:
        """Bytes came, whatever they mean."""
        self._received_ms = now_ms

    def sent(self, now_ms: int) -> None:
        self._sent_ms = now_ms

    def tick(self, now_ms: int) -> tuple[Heard, tuple[Do, ...]]:
        """Time passed: what that means (``TRAFFIC`` = nothing) and what is to be done.

        Only the client sends heartbeats (clause 4 of both editions): when it has sent nothing for a minute, or when it
        has heard nothing, since a busy channel on which nothing needs an answer would look dead to it.
        """
        if self.state in (State.LOGIN, State.LEAVING) and now_ms - self._since_ms >= self._login_ms:
            return Heard.LATE, self.heard(Heard.LATE, now_ms)
        if self.state is not State.UP:
            return Heard.TRAFFIC, ()
        if now_ms - self._received_ms >= self._dead_ms:
            return Heard.SILENT, self.heard(Heard.SILENT, now_ms)
        quiet_since = min(self._sent_ms, self._received_ms)
        due = now_ms - max(quiet_since, self._beat_ms) >= self._heartbeat_ms
        if self.side is Side.CLIENT and due:
            self._beat_ms = now_ms
            return Heard.IDLE, self.heard(Heard.IDLE, now_ms)
        return Heard.TRAFFIC, ()

    def next_ms(self) -> int | None:
        """When ``tick`` has something to do at the earliest; None while closed."""
        if self.state is State.CLOSED:
            return None
        if self.state is not State.UP:
            return self._since_ms + self._login_ms
        dead = self._received_ms + self._dead_ms
        if self.side is Side.SERVER:
            return dead
        quiet_since = min(self._sent_ms, self._received_ms)
        return min(dead, max(quiet_since, self._beat_ms) + self._heartbeat_ms)
