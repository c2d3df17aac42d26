"""One terminal for a test, one call after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from monitor.model.report import ReportBatch, ReportRows
from simulators.jt808 import wire
from simulators.jt808.misbehaviour import Misbehaviour
from simulators.jt808.session import NotAnsweredError, TerminalSession
from simulators.jt808.unanswered import Pending
from simulators.jt808.wrongdoing import misbehave


class SimulatedTerminal(TerminalSession):
    """A terminal that does what it is told and waits for the answer.

    ``connect``, ``register``, ``authenticate``, ``report``, ``backfill``, ``cut``; orders are answered by itself.
    """

    async def register(self) -> int:
        """0x0100; the result of 0x8100. The code is kept. Raises NotAnsweredError."""
        return await self._answer(self.send_register())

    async def authenticate(self, code: str | None = None) -> int:
        """0x0102 with the code from registration or another; the result of 0x8001. Raises NotAnsweredError."""
        return await self._answer(self.send_authenticate(code))

    async def heartbeat(self) -> int:
        """0x0002; the result. Raises NotAnsweredError."""
        return await self._answer(self.send(wire.HEARTBEAT, b""))

    async def unregister(self) -> int:
        """0x0003; the code is forgotten."""
        result = await self._answer(self.send(wire.UNREGISTER, b""))
        self.identity.auth_code = ""
        return result

    async def say(self, msg_id: int, body: bytes) -> int:
        """Any message that 0x8001 answers; the result. Raises NotAnsweredError."""
        return await self._answer(self.send(msg_id, body))

    async def insert_card(self, driver_id: str, at_ms: int) -> int:
        """0x0702, a driver's card goes in; the result. Raises NotAnsweredError."""
        return await self._answer(self.send_card(driver_id, at_ms))

    async def remove_card(self, at_ms: int) -> int:
        """0x0702, the card goes out; the result. Raises NotAnsweredError."""
        return await self._answer(self.send_card("", at_ms))

    async def report(self, rows: ReportRows, *, wait: bool = True) -> tuple[int, ...]:
        """One 0x0200 per row, in order; the result of each. Without ``wait`` returns at once, with nothing.

        Raises NotAnsweredError if an answer fails to come; those reports are then in ``stored``.
        """
        return await self._answers(self.send_reports(self.log.append(rows)), wait)

    async def backfill(self, rows: ReportRows | None = None, *, wait: bool = True) -> tuple[int, ...]:
        """What was not answered before the connection broke, and ``rows`` driven meanwhile, by fix time.

        As 0x0704 of type 1; a terminal of 2011, which has none, sends them as 0x0200. The result of each message.
        """
        if rows is not None:
            self.stored += self.log.append(rows)
        return await self._answers(self.send_stored(), wait)

    async def order(self, msg_id: int, timeout_s: float = 10.0, *, count: int = 1) -> wire.Received:
        """Wait until the platform has sent ``msg_id`` so many times; the last of them. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while True:
                found = [message for message in self.orders if message.msg_id == msg_id]
                if len(found) >= count:
                    return found[count - 1]
                self._order_came = asyncio.Event()
                await self._order_came.wait()

    async def until_closed(self, timeout_s: float = 10.0) -> None:
        """Wait until the platform has closed the connection. Raises TimeoutError."""
        for _ in range(round(timeout_s * 100)):
            if self.connection is None or not self.connection.open:
                return
            await asyncio.sleep(0.01)
        raise TimeoutError(f"the connection of terminal {self.identity.phone} is still open")

    def misbehave(self, kind: Misbehaviour) -> None:
        """Do one wrong thing now; what lasts (slow reading, split writes, repeated serials) goes on from now."""
        misbehave(self, kind)

    def sent(self, drivers: Sequence[str] = (), *, stamped: bool = True) -> ReportBatch:
        """What it reported, in the order first sent (see ``SentLog.batch``)."""
        return self.log.batch((self.identity.phone,), drivers, stamped=stamped)

    async def _answer(self, pending: Pending) -> int:
        if pending.answer is None:
            pending.answer = asyncio.get_running_loop().create_future()
        if not self.connected:
            pending.given_up(NotAnsweredError(f"terminal {self.identity.phone} is not connected"))
        return await pending.answer

    async def _answers(self, sent: list[Pending], wait: bool) -> tuple[int, ...]:
        if not wait:
            return ()
        return tuple(await asyncio.gather(*(self._answer(pending) for pending in sent)))
