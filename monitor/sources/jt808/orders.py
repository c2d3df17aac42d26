"""Orders to terminals 下行指令: sent, sent again, and matched with their answers.

An order is known by the phone and our serial. Unanswered it is sent again with the same serial; the time to wait grows
as T(N+1) = T(N) x (N+1) (JT/T 808, 通信规则). An order that has a dedicated answer is not done by a general one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass

from monitor.codec.jt808 import Message, encode_frames
from monitor.codec.jt808.framing import segments
from monitor.codec.jt808.messages.general_reply import Result, TerminalReply
from monitor.sources.jt808.answer import Answer, AnswerResult, NotConnected
from monitor.sources.jt808.counts import Jt808Counts
from monitor.sources.jt808.settings import Jt808Settings
from monitor.sources.jt808.switchboard import Session, Switchboard, field_of

DEDICATED = {
    0x8104: 0x0104,
    0x8106: 0x0104,
    0x8107: 0x0107,
    0x8201: 0x0201,
    0x8500: 0x0500,
    0x8608: 0x0608,
    0x8700: 0x0700,
    0x8702: 0x0702,
    0x8802: 0x0802,
    0x8801: 0x0805,
}
"""Order to its answer; every other is answered by 0x0001."""
DEDICATED_ANSWERS = frozenset(DEDICATED.values())

_RESULTS = {
    Result.SUCCESS: AnswerResult.DONE,
    Result.FAILURE: AnswerResult.FAILED,
    Result.BAD_MESSAGE: AnswerResult.BAD_MESSAGE,
    Result.UNSUPPORTED: AnswerResult.UNSUPPORTED,
}
_SERIALS = 0x1_0000


@dataclass(slots=True, eq=False)
class _Order:
    msg_id: int
    first_serial: int
    n_serials: int
    frames: bytes
    answered: asyncio.Future[Answer]


class Orders:
    """Orders under way, by terminal."""

    def __init__(self, settings: Jt808Settings, switchboard: Switchboard, counts: Jt808Counts) -> None:
        self._settings = settings
        self._switchboard = switchboard
        self._counts = counts
        self._waiting: dict[bytes, list[_Order]] = {}

    async def send(self, phone: str, message: Message, timeout_s: float) -> Answer:
        """As ``Jt808Server.send``."""
        field = field_of(phone)
        session = self._switchboard.sessions.get(field)
        if session is None or session.connection.closing:
            raise NotConnected(phone=phone)
        waiting = self._waiting.setdefault(field, [])
        try:
            if len(waiting) >= self._settings.orders_per_terminal:
                raise NotConnected(phone=phone, reason="too_many_orders")
            order = self._order(session, message)
            waiting.append(order)
            try:
                answer = await self._answer(field, order, timeout_s)
            finally:
                waiting.remove(order)
        finally:
            if not waiting:
                self._waiting.pop(field, None)
        self._counts.orders[answer.result.value] += 1
        return answer

    def take(self, session: Session, message: Message) -> None:
        """What a terminal answered; an answer that nobody waits for any more is left alone."""
        if isinstance(message, TerminalReply):
            order = self._by_serial(session.field, message.reply_serial, message.reply_id)
            result = _RESULTS.get(Result(message.result) if message.result in _RESULTS else Result.FAILURE)
            if order is None or result is None:
                return
            if result is AnswerResult.DONE and order.msg_id in DEDICATED:
                return  # received; what was asked for follows
        else:
            serial = getattr(message, "reply_serial", None)
            order = self._dedicated(session.field, message.msg_id, serial if isinstance(serial, int) else None)
            result = AnswerResult.DONE
            if order is None:
                return
        if not order.answered.done():
            order.answered.set_result(Answer(result, message))

    def repeat(self, session: Session, first_serial: int, indexes: tuple[int, ...]) -> None:
        """Send packets of an order again (0x0005); of one that is over nothing is kept."""
        for order in self._waiting.get(session.field, ()):
            if order.first_serial == first_serial:
                parts = [order.frames[start - 1 : end + 1] for start, end, _ in segments(order.frames)]
                session.connection.write(b"".join(parts[index - 1] for index in indexes if 0 < index <= len(parts)))

    def _order(self, session: Session, message: Message) -> _Order:
        serials = self._switchboard.lines.rows["serial"]
        taken = set(self._serials_waiting(session.field))
        first = int(serials[session.line])
        while first in taken:
            first = (first + 1) % _SERIALS
        frames, n = encode_frames(message, phone=session.wire_phone, version=session.version, serial=first)
        serials[session.line] = (first + n) % _SERIALS
        return _Order(message.msg_id, first, n, frames, asyncio.get_running_loop().create_future())

    async def _answer(self, field: bytes, order: _Order, timeout_s: float) -> Answer:
        wait_s = self._settings.answer_timeout_s
        loop = asyncio.get_running_loop()
        until_s = loop.time() + timeout_s
        for attempt in range(self._settings.retries + 1):
            session = self._switchboard.sessions.get(field)
            if session is not None:
                session.connection.write(order.frames)
            left_s = until_s - loop.time()
            await asyncio.wait((order.answered,), timeout=max(0.0, min(wait_s, left_s)))
            if order.answered.done():
                return order.answered.result()
            if loop.time() >= until_s:
                break
            wait_s *= attempt + 2
        return Answer(AnswerResult.UNANSWERED)

    def _by_serial(self, field: bytes, serial: int, msg_id: int) -> _Order | None:
        for order in self._waiting.get(field, ()):
            if order.msg_id == msg_id and (serial - order.first_serial) % _SERIALS < order.n_serials:
                return order
        return None

    def _dedicated(self, field: bytes, answer_id: int, serial: int | None) -> _Order | None:
        """By serial; else the oldest that wants such an answer (0x0702 has none, and some terminals echo 0)."""
        asking = [order for order in self._waiting.get(field, ()) if DEDICATED.get(order.msg_id) == answer_id]
        for order in asking:
            if serial == order.first_serial:
                return order
        return asking[0] if asking and not serial else None

    def _serials_waiting(self, field: bytes) -> Iterator[int]:
        for order in self._waiting.get(field, ()):
            for number in range(order.n_serials):
                yield (order.first_serial + number) % _SERIALS
