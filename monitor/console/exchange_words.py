"""Names and bodies of the commands about other platforms, as the web process sends and the core reads them.

The bounds of texts and numbers are those of ``exchange_requests``, which people write.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class ExchangeCommand(StrEnum):
    ASK = "inquiries.ask"
    ANSWER_INQUIRY = "inquiries.answer"
    SEND_TEXT = "platform_texts.send"
    ORDER = "supervision_orders.give"
    ANSWER_ORDER = "supervision_orders.answer"
    ANNOUNCE_OUTAGE = "links.announce_outage"


class ResultWord(StrEnum):
    """报警处理结果 in words, in the order of ``HandlingResult``."""

    IN_PROGRESS = "in_progress"
    DONE = "done"
    NOT_HANDLED = "not_handled"
    LATER = "later"
    FALSE_ALARM = "false_alarm"


class LevelWord(StrEnum):
    """督办级别 in words, in the order of ``SupervisionLevel``."""

    URGENT = "urgent"
    NORMAL = "normal"


class AskBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Ask a lower platform 查岗; ``minutes`` for the answer."""

    link: str
    question: str
    minutes: int = 10
    object_type: int = 1
    object_id: str = ""


class AnswerInquiryBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Answer an inquiry that was asked of us."""

    inquiry_id: int
    answer: str
    responder: str = ""
    responder_tel: str = ""


class SendTextBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Send a text to a lower platform."""

    link: str
    text: str
    object_type: int = 1
    object_id: str = ""


class OrderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Order a lower platform to handle an alarm 督办. ``deadline`` ISO 8601; ``link`` only where it cannot be told
    from the vehicle."""

    alarm_id: str
    deadline: str
    supervisor: str
    level: LevelWord = LevelWord.NORMAL
    tel: str = ""
    email: str = ""
    link: str = ""


class AnswerOrderBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Answer an order that was given to us."""

    order_id: int
    result: ResultWord
    content: str = ""


class OutageBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Announce an outage of a link; ``from`` and ``to`` ISO 8601. ``cause``: ``upper``, ``carrier`` or ``own``."""

    link: str
    since: str = msgspec.field(name="from")
    until: str = msgspec.field(name="to")
    cause: str
    reason: str = ""


class Made(msgspec.Struct, frozen=True):
    """What a command made or changed, by its number."""

    id: int
