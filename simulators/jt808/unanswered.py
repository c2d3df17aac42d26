"""Messages that wait for the platform's answer: what an answer settles, what is due to go out again."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

GOOD = (0, 4)
"""Results of 0x8001 that confirm a message: done, and done with the alarm handled."""


@dataclass(slots=True)
class Pending:
    """One message, or the packets of one. ``numbers`` are the reports in it by their number in the sent log.

    ``frames`` go out again unchanged; ``waiting`` are the serials that no answer has named yet.
    """

    msg_id: int
    frames: list[bytes]
    serials: Sequence[int]
    sent_s: float
    due_s: float
    numbers: Sequence[int] = ()
    tries: int = 1
    waiting: set[int] = field(default_factory=set)
    answer: asyncio.Future[int] | None = None

    def done(self, result: int) -> None:
        """Tell whoever waits for it."""
        if self.answer is not None and not self.answer.done():
            self.answer.set_result(result)

    def given_up(self, error: Exception) -> None:
        if self.answer is not None and not self.answer.done():
            self.answer.set_exception(error)
            self.answer.exception()  # whoever does not look at it need not be told


class Unanswered:
    """By serial. ``withheld`` are serials of packets that do not go out, whatever becomes of them, until released."""

    __slots__ = ("_by_serial", "retries", "timeout_s", "withheld")

    def __init__(self, timeout_s: float, retries: int) -> None:
        self.timeout_s = timeout_s
        self.retries = retries
        self.withheld: set[int] = set()
        self._by_serial: dict[int, Pending] = {}

    def __len__(self) -> int:
        return len(self._by_serial)

    def messages(self) -> list[Pending]:
        """Each message once, oldest first, whatever number of packets it has."""
        return list({id(pending): pending for pending in self._by_serial.values()}.values())

    def add(
        self, msg_id: int, frames: list[bytes], serials: Sequence[int], numbers: Sequence[int], now_s: float
    ) -> Pending:
        before = self._by_serial.get(serials[0])
        if before is not None and numbers and before.msg_id == msg_id:
            # Two reports of one serial: an answer cannot tell them apart and confirms both.
            before.numbers = (*before.numbers, *numbers)
            before.frames += frames
            return before
        pending = Pending(msg_id, frames, serials, now_s, now_s + self.timeout_s, numbers)
        pending.waiting.update(serials)
        for serial in serials:
            self._by_serial[serial] = pending
        return pending

    def settle(self, serial: int, msg_id: int, result: int) -> Pending | None:
        """The message that an answer settles, which then waits no more; None if it settles none.

        Packets may be answered one by one, or all by an answer to the last of them.
        """
        pending = self._by_serial.get(serial)
        if pending is None or pending.msg_id != msg_id:
            return None
        pending.waiting.discard(serial)
        del self._by_serial[serial]
        if pending.waiting and serial != pending.serials[-1] and result in GOOD:
            return None
        for other in pending.waiting:
            del self._by_serial[other]
        return pending

    def due(self, now_s: float) -> list[Pending]:
        """Messages whose answer is overdue."""
        return [pending for pending in self.messages() if pending.due_s <= now_s]

    def exhausted(self, pending: Pending) -> bool:
        """Whether it was repeated as often as there is use in it."""
        return pending.tries > self.retries

    def again(self, pending: Pending, now_s: float) -> list[bytes]:
        """The frames to repeat now; counts the repetition and puts off the next."""
        pending.tries += 1
        pending.due_s = now_s + wait_s(self.timeout_s, pending.tries)
        if len(pending.serials) == 1:
            return pending.frames
        wanted = pending.waiting - self.withheld
        return [pending.frames[place] for place, serial in enumerate(pending.serials) if serial in wanted]

    def next_due_s(self) -> float:
        return min(pending.due_s for pending in self._by_serial.values())

    def forget(self) -> list[Pending]:
        """The connection is gone: everything that waited, oldest first."""
        lost = self.messages()
        self._by_serial.clear()
        return lost


def wait_s(timeout_s: float, tries: int) -> float:
    """How long after sending number ``tries`` the next one is due: T(N+1) = T(N) x (N+1), so 1, 2, 6, 24 times T."""
    out = timeout_s
    for n in range(2, tries + 1):
        out *= n
    return out
