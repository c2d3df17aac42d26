"""What became of an order to a terminal."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from monitor.codec.jt808 import Message
from monitor.errors import OperationError


class AnswerResult(StrEnum):
    """Results of 0x0001, and none at all."""

    DONE = "done"  # 0, or the dedicated answer came
    FAILED = "failed"  # 1
    BAD_MESSAGE = "bad_message"  # 2
    UNSUPPORTED = "unsupported"  # 3
    UNANSWERED = "unanswered"  # sent, sent again, and nothing came back


@dataclass(frozen=True, slots=True)
class Answer:
    """``message`` is what the terminal answered: ``TerminalReply`` or the dedicated answer; None without one."""

    result: AnswerResult
    message: Message | None = None


class NotConnected(OperationError):  # noqa: N818  what it says is a state, nobody's mistake
    """An order that was not sent. ``reason`` is ``not_connected`` or ``too_many_orders``."""

    def __init__(self, *, phone: str, reason: str = "not_connected") -> None:
        self.phone = phone
        self.reason = reason
        super().__init__(f"terminal {phone}: {reason.replace('_', ' ')}; nothing was sent")
