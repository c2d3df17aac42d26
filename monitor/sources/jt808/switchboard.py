"""Which connections there are, which terminals are on them, and who gives way to whom."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from monitor.codec.jt808 import Message, Version, encode_frames
from monitor.model.terminal import Terminal
from monitor.sources.jt808.connection import Connection
from monitor.sources.jt808.counts import Jt808Counts
from monitor.sources.jt808.drivers import Drivers
from monitor.sources.jt808.inbox import Inbox
from monitor.sources.jt808.lines import NO_DRIVER, Lines
from monitor.sources.jt808.session import SessionState, takes_traffic
from monitor.sources.jt808.settings import Authentication, Jt808Settings

log = logging.getLogger(__name__)

_TOLD = 100
"""Guess: connections closed for one reason of which each is told; then every hundredth."""


@dataclass(slots=True, eq=False)
class Session:
    """One terminal on one connection. ``field`` is its phone as in ``FRAME``, ``phone`` as in ``Terminal``."""

    connection: Connection
    field: bytes
    phone: str
    line: int
    version: Version
    terminal: Terminal
    state: SessionState = SessionState.CONNECTED
    version_told: bool = False

    @property
    def wire_phone(self) -> str:
        return wire_phone(self.field, self.version)


def wire_phone(field: bytes, version: Version) -> str:
    """The phone field as a header has it, in hex digits."""
    return (field if version is Version.V2019 else field[4:]).hex()


def phone_of(field: bytes) -> str:
    """Hex digits without leading zeros."""
    return field.hex().lstrip("0") or "0"


def field_of(phone: str) -> bytes:
    """The ten bytes of ``FRAME``; empty where it cannot be a phone."""
    try:
        field = bytes.fromhex(phone.rjust(20, "0"))
    except ValueError:
        return b""
    return field if len(field) == 10 else b""


class Switchboard:
    """``sessions`` holds at most one session per terminal: the one that its orders go to.

    ``on_ended`` is told of every session that ends, while its line still stands.
    """

    def __init__(
        self,
        settings: Jt808Settings,
        counts: Jt808Counts,
        clock_s: Callable[[], float],
        on_ended: Callable[[Session], None],
    ) -> None:
        self.settings = settings
        self.counts = counts
        self.clock_s = clock_s
        self.code_required = settings.authentication is Authentication.REQUIRED
        self.lines = Lines(settings.frames_per_s, settings.bytes_per_s, settings.burst_s)
        self.drivers = Drivers()
        self.inbox = Inbox(settings.waiting_bytes)
        self.connections: dict[int, Connection] = {}
        self.sessions: dict[bytes, Session] = {}
        self.addresses: Counter[str] = Counter()
        self.read_s = 0.0
        """Loop time of the last round."""
        self._on_ended = on_ended

    @property
    def write_buffer_bytes(self) -> int:
        return self.settings.write_buffer_bytes

    def admit(self, address: tuple[str, int]) -> Connection:
        """A place for a connection that was accepted."""
        line = self.lines.open(self.clock_s(), connection=True)
        connection = Connection(self, self.inbox, line, address)
        self.connections[line] = connection
        self.addresses[address[0]] += 1
        self.counts.accepted += 1
        self.counts.open += 1
        return connection

    def lost(self, connection: Connection, /) -> None:
        """The connection is closed; its line stands until everything that it sent was read (``leave``)."""
        self.counts.open -= 1
        address = connection.address[0]
        self.addresses[address] -= 1
        if not self.addresses[address]:
            del self.addresses[address]

    def leave(self, connection: Connection) -> None:
        """Nothing of it is left to read."""
        for session in list(connection.sessions.values()):
            self.end(session)
        self.lines.close(connection.line)
        del self.connections[connection.line]

    def hears(self, connection: Connection) -> bool:
        """Whether traffic of any terminal on it is taken."""
        taking = self.lines.rows["taking"]
        return any(taking[session.line] for session in connection.sessions.values())

    def drop(self, connection: Connection, reason: str, /) -> None:
        """Close it at once, for a reason of ours."""
        if not connection.closing:
            self.counts.dropped[reason] += 1
            self._tell(connection, "dropped", reason)
            connection.abort()

    def close(self, connection: Connection, reason: str) -> None:
        """Close it when its last answer went out."""
        if not connection.closing:
            self.counts.dropped[reason] += 1
            self._tell(connection, "closed", reason)
            connection.close()

    def attach(self, connection: Connection, field: bytes, version: Version, terminal: Terminal) -> Session | None:
        """A session of a terminal that spoke on a connection; None where that has too many already."""
        if len(connection.sessions) >= self.settings.phones_per_connection:
            return None
        line = connection.line
        if any(session.line == line for session in connection.sessions.values()):
            line = self.lines.open(self.clock_s(), connection=False)
        session = Session(connection, field, phone_of(field), line, version, terminal)
        connection.sessions[field] = session
        self.drivers.forget(self.lines.rows)
        row = self.lines.rows[line]
        row["phone"] = list(field)
        row["newer"] = version is Version.V2019
        row["driver"] = self.drivers.number(terminal.driver_id)
        row["driver_before"] = NO_DRIVER
        row["card_ms"] = terminal.card_ms
        row["reports"] = row["fix_ms"] = 0
        row["changed"] = False
        return session

    def say(self, connection: Connection, line: int, wire_phone: str, version: Version, message: Message) -> bool:
        """Send a message under our next serial; False when nobody is there any more."""
        serials = self.lines.rows["serial"]
        frames, n = encode_frames(message, phone=wire_phone, version=version, serial=int(serials[line]))
        serials[line] = (int(serials[line]) + n) & 0xFFFF
        said = connection.write(frames)
        self.counts.replies += said
        self.counts.unanswered += not said
        return said

    def enter(self, session: Session, state: SessionState) -> None:
        """Put a session into a state, and into its place among the others of its phone.

        A newer connection wins over an older one, but one without a code never over one that presented its code.
        """
        if session.state is SessionState.AUTHENTICATED and state is not SessionState.AUTHENTICATED:
            self.counts.authenticated -= 1
        elif session.state is not SessionState.AUTHENTICATED and state is SessionState.AUTHENTICATED:
            self.counts.authenticated += 1
        session.state = state
        taking = takes_traffic(state, code_required=self.code_required)
        if state is not SessionState.AUTHENTICATED and self.barred(session.field, session.connection):
            taking = False
        if taking:
            older = self.sessions.get(session.field)
            if older is not None and older is not session:
                self._replace(older, session)
            self.sessions[session.field] = session
        elif self.sessions.get(session.field) is session:
            del self.sessions[session.field]
        self.lines.rows["taking"][session.line] = taking

    def barred(self, field: bytes, connection: Connection) -> bool:
        """Whether another connection presented the code of this phone, so that one without it is not heard."""
        holder = self.sessions.get(field)
        return holder is not None and holder.connection is not connection and holder.state is SessionState.AUTHENTICATED

    def end(self, session: Session) -> None:
        """The terminal is not on this connection any more."""
        self._on_ended(session)
        self.enter_nowhere(session)
        connection = session.connection
        del connection.sessions[session.field]
        if session.line == connection.line:
            self.lines.rows["taking"][session.line] = False
            self.lines.rows["phone"][session.line] = 0
        else:
            self.lines.close(session.line)

    def enter_nowhere(self, session: Session) -> None:
        """Take it out of its place among the others of its phone."""
        if session.state is SessionState.AUTHENTICATED:
            self.counts.authenticated -= 1
        session.state = SessionState.CONNECTED
        if self.sessions.get(session.field) is session:
            del self.sessions[session.field]

    def _tell(self, connection: Connection, what: str, reason: str) -> None:
        """The first of a reason and then now and again: peers must not fill the log."""
        n = self.counts.dropped[reason]
        level = logging.INFO if n <= _TOLD or n % _TOLD == 0 else logging.DEBUG
        why = reason.replace("_", " ")
        log.log(level, "source %s: %s %s: %s (%d so far)", self.settings.name, connection.peer, what, why, n)

    def _replace(self, older: Session, newer: Session) -> None:
        """Its orders and their answers go on with the same serials; the card that was in the terminal still is."""
        rows = self.lines.rows
        for column in ("serial", "driver", "driver_before", "card_ms"):
            rows[column][newer.line] = rows[column][older.line]
        self.counts.taken_over += 1
        connection = older.connection
        self.end(older)
        if not connection.sessions and connection is not newer.connection:
            self.close(connection, "taken_over")
