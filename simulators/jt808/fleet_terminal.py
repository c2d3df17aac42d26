"""A terminal of a fleet: it logs in by itself, comes back by itself, and does wrong what it is there to do wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from monitor.model.backoff import Backoff
from simulators.jt808 import acts, wire
from simulators.jt808.misbehaviour import SHUT_OUT, Misbehaviour
from simulators.jt808.session import TerminalSession
from simulators.jt808.wrongdoing import misbehave

EVERY_REPORTS = 5
"""A misbehaviour that ends a connection comes with every so many reports; a guess."""
SILENT_S = 3.0
"""How long a terminal that left its connection half open waits before it comes back; a guess."""
DEAD_ZONE_S = 5.0
STORM = 20
"""Connections of one storm."""
STORM_WAIT_S = 0.1
REFUSED_WAIT_S = 30.0
"""A terminal that is not let in tries again no sooner; a guess."""
SLOW_S, FAST_S = 2.0, 0.3
"""A slow reader reads so long, and then does not."""

BREAKING = (
    Misbehaviour.CUT_MID_FRAME,
    Misbehaviour.HALF_OPEN,
    Misbehaviour.DEAD_ZONE,
    Misbehaviour.TWO_CONNECTIONS,
)


class Dispatcher(Protocol):
    """The fleet, as its terminals see it."""

    heartbeat_s: float

    @property
    def stopping(self) -> bool: ...

    def dial(self, terminal: FleetTerminal) -> None:
        """Connect it when its turn comes; then ``on_connected`` or ``on_failed``."""
        ...

    def foreign_code(self, terminal: FleetTerminal) -> str:
        """An authentication code of another terminal; empty while there is none."""
        ...


class FleetTerminal(TerminalSession):
    """``ready`` while live reports may go out. ``enter`` the fleet once; everything else follows."""

    fleet: Dispatcher
    backoff: Backoff
    ready = False
    dialling = False
    was_connected = False
    _reregistered = False
    _storm_left = 0
    _written = 0
    _cards: list[tuple[str, int]]

    def enter(self, fleet: Dispatcher, backoff: Backoff) -> None:
        self.fleet = fleet
        self.backoff = backoff
        self._cards = []
        self._storm_left = STORM if Misbehaviour.RECONNECT_STORM in self.misbehaviours else 0
        self.after(fleet.heartbeat_s * self.chance.uniform(0.5, 1.0), self._beat)
        self._dial()

    @property
    def shut_out(self) -> bool:
        """Whether it will never get a report through."""
        return bool(self.misbehaviours & SHUT_OUT)

    # -- reports -------------------------------------------------------------------------------------------------

    def drove(self, number: int) -> None:
        """A report came up while nothing could be sent."""
        self.stored.append(number)

    def card_changed(self, driver_id: str, at_ms: int) -> None:
        """A card goes in; kept until it can be told."""
        if self.ready:
            self.send_card(driver_id, at_ms)
        else:
            self._cards.append((driver_id, at_ms))

    def live(self, number: int, serial: int, frame: bytes) -> None:
        """A live report, and what this terminal does around it."""
        if not self.misbehaviours:
            self.send_report_frame(number, serial, frame)
            return
        self._written += 1
        if self._written % EVERY_REPORTS:
            self.send_report_frame(number, serial, frame)
            return
        if Misbehaviour.MISSING_PACKET in self.misbehaviours:
            # As a live terminal does in a tunnel: what came up goes out together.
            self.drove(number)
            if len(self.stored) > 2:
                self.send_stored()
            return
        breaking = next((kind for kind in BREAKING if kind in self.misbehaviours), None)
        if breaking is Misbehaviour.CUT_MID_FRAME:
            self.drove(number)
            if self.connection is not None:
                self.connection.write(acts.half(frame))
            self.break_off()
            return
        self.send_report_frame(number, serial, frame)
        if breaking is not None:
            misbehave(self, breaking)

    def send_what_is_left(self) -> None:
        """Reports that the platform refused, or that were held back: once more."""
        if self.ready and self.stored and not self.waiting:
            self.send_stored()

    # -- session -------------------------------------------------------------------------------------------------

    def on_connected(self) -> None:
        self.dialling = False
        kinds = self.misbehaviours
        if Misbehaviour.GARBAGE_ONLY in kinds:
            self._talk_garbage()
        elif Misbehaviour.NO_AUTHENTICATION in kinds:
            self._come_up()
        elif Misbehaviour.WRONG_CODE in kinds:
            self.send_authenticate("no-such-code")
        elif Misbehaviour.FOREIGN_CODE in kinds:
            self.send_authenticate(self.fleet.foreign_code(self) or "no-such-code")
        elif self.identity.auth_code:
            self.send_authenticate()
        else:
            self.send_register()
        if Misbehaviour.SLOW_READER in kinds:
            self._read_slowly(True)

    def on_failed(self) -> None:
        """The connection could not be made."""
        self.dialling = False
        self.statistics.failed_connections += 1
        self._dial_after(self.backoff.next_s())

    def on_registered(self, result: int) -> None:
        if result == 0:
            self.send_authenticate()
        else:
            self._dismissed()

    def on_authenticated(self, result: int) -> None:
        if result == 0:
            if self._storm_left > 0:
                self._storm_left -= 1
                self.cut()
                return
            self._reregistered = False
            self._come_up()
        elif self.shut_out or self._reregistered:
            self._dismissed()
        else:
            # The platform no longer knows the code: ask for another, once.
            self._reregistered = True
            self.identity.auth_code = ""
            self.send_register()

    def on_disconnected(self) -> None:
        self.ready = False
        if self.dialling:
            return
        kinds = self.misbehaviours
        if self.shut_out:
            wait_s = REFUSED_WAIT_S
        elif self._storm_left > 0:
            wait_s = STORM_WAIT_S
        elif Misbehaviour.HALF_OPEN in kinds:
            wait_s = SILENT_S
        elif Misbehaviour.DEAD_ZONE in kinds:
            wait_s = DEAD_ZONE_S
        elif Misbehaviour.TWO_CONNECTIONS in kinds:
            wait_s = 0.0
        else:
            wait_s = self.backoff.next_s()
        self._dial_after(wait_s)

    def _come_up(self) -> None:
        self.backoff.reset()
        cards, self._cards = self._cards, []
        for driver_id, at_ms in cards:
            self.send_card(driver_id, at_ms)
        self.send_stored()
        self.ready = True

    def _dismissed(self) -> None:
        """The platform does not let it in: come again much later."""
        self.ready = False
        connection, self.connection = self.connection, None
        if connection is not None:
            connection.close()
        self.dialling = True
        self._disconnected()
        self._dial_after(REFUSED_WAIT_S)

    def _dial(self) -> None:
        if not self.fleet.stopping:
            self.fleet.dial(self)

    def _dial_after(self, wait_s: float) -> None:
        self.dialling = True
        self.after(wait_s, self._dial)

    # -- time ----------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        heartbeat_s = self.fleet.heartbeat_s
        self.send_what_is_left()
        idle_s = self._now_s() - self.last_written_s
        if self.ready and idle_s >= heartbeat_s * 0.9:
            self.statistics.heartbeats += 1
            self.send(wire.HEARTBEAT, b"")
            idle_s = 0.0
        if not self.fleet.stopping:
            self.after(max(heartbeat_s - idle_s, heartbeat_s * 0.1), self._beat)

    def _talk_garbage(self) -> None:
        if self.connected and not self.fleet.stopping:
            misbehave(self, Misbehaviour.GARBAGE_ONLY)
            self.after(1.0, self._talk_garbage)

    def _read_slowly(self, reading: bool) -> None:
        connection = self.connection
        if connection is not None and not self.fleet.stopping:
            connection.read_on(reading)
            again: Callable[[], None] = partial(self._read_slowly, not reading)
            self.after(FAST_S if reading else SLOW_S, again)
