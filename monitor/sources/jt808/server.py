"""The JT/T 808 server: its parts, put together, from start to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from monitor.codec.jt808 import Message
from monitor.sources.intake import Deliver
from monitor.sources.jt808.admission import Admission
from monitor.sources.jt808.answer import Answer
from monitor.sources.jt808.auth import AuthCodes, load_secret
from monitor.sources.jt808.counts import Jt808Counts
from monitor.sources.jt808.gathering import Gathering
from monitor.sources.jt808.log_in import LogIn
from monitor.sources.jt808.orders import Orders
from monitor.sources.jt808.packets import PacketSets
from monitor.sources.jt808.record_keeping import RecordKeeping
from monitor.sources.jt808.settings import Jt808Settings
from monitor.sources.jt808.switchboard import Session, Switchboard, field_of
from monitor.sources.jt808.terminal_book import TerminalBook
from monitor.sources.jt808.traffic import Traffic
from monitor.sources.jt808.warming import warm_up
from monitor.sources.jt808.watch import Watch

log = logging.getLogger(__name__)


class Jt808Server:
    """Listens until cancelled. Raises ``ConfigError`` where the key file or (in ``run``) the port cannot be had.

    ``now_ms`` is the wall clock. ``key_file`` holds the secret of the authentication codes; it is made where there is
    none. ``on_authenticated(phone)`` is called when orders can be sent to a terminal. ``connected`` says whether we
    listen, ``port`` where.
    """

    def __init__(
        self,
        settings: Jt808Settings,
        deliver: Deliver,
        terminals: TerminalBook,
        now_ms: Callable[[], int],
        key_file: Path,
        on_authenticated: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = settings
        self.counts = Jt808Counts()
        self.connected = False
        self._book = terminals
        self._deliver = deliver
        self._now_ms = now_ms
        self._codes = AuthCodes(load_secret(key_file))
        self._on_authenticated = on_authenticated or (lambda phone: None)
        self._keeping = RecordKeeping(settings, terminals, now_ms)
        self._switchboard = Switchboard(settings, self.counts, _loop_time_s, self._ended)
        self._orders = Orders(settings, self._switchboard, self.counts)
        self._admission = Admission(settings, self._switchboard)

    @property
    def port(self) -> int:
        """Where we listen; what was set, until we do."""
        return self._admission.port

    async def run(self) -> None:
        """Serve until cancelled; then every connection is closed and what was heard of terminals is kept."""
        settings, switchboard, keeping = self.settings, self._switchboard, self._keeping
        packets = PacketSets(settings.packets_s)
        log_in = LogIn(switchboard, keeping, self._book, self._codes)
        traffic = Traffic(switchboard, keeping, log_in, self._orders, packets)
        gathering = Gathering(
            switchboard, traffic, packets, keeping, self._deliver, self._now_ms, self._on_authenticated
        )
        watch = Watch(switchboard, packets, keeping)
        await asyncio.to_thread(warm_up)
        self._admission.open()
        try:
            async with asyncio.TaskGroup() as lasting:
                lasting.create_task(keeping.run(), name=f"jt808 {settings.name} records")
                try:
                    async with asyncio.TaskGroup() as tasks:
                        for name, work in (
                            ("gathering", gathering.run()),
                            ("watch", watch.run()),
                            ("admission", self._admission.run()),
                        ):
                            tasks.create_task(work, name=f"jt808 {settings.name} {name}")
                        self.connected = True
                        log.info("source %s: listening on %s:%d", settings.name, settings.host, self.port)
                finally:
                    self.connected = False
                    self._admission.close()
                    for connection in list(switchboard.connections.values()):
                        connection.abort()
                        for session in list(connection.sessions.values()):
                            switchboard.end(session)
        finally:
            self._admission.close()

    def online(self, phone: str) -> bool:
        """Whether orders can be sent to a terminal now; ``phone`` as in ``Terminal``."""
        session = self._switchboard.sessions.get(field_of(phone))
        return session is not None and not session.connection.closing

    async def send(self, phone: str, message: Message, timeout_s: float) -> Answer:
        """Send an order and wait for its answer.

        ``UNANSWERED`` after ``timeout_s``, or when it was sent again as often as the settings say. Raises
        ``NotConnected`` where nothing was sent, ``CodecError`` where the message cannot be encoded.
        """
        return await self._orders.send(phone, message, timeout_s)

    def _ended(self, session: Session) -> None:
        self._keeping.heard(self._switchboard, session)


def _loop_time_s() -> float:
    return asyncio.get_running_loop().time()
