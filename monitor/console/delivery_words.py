"""Names and bodies of the commands about deliveries, as the web process and the command line send and the core reads
them."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class DeliveryCommand(StrEnum):
    ADD_SILENCE = "silences.add"
    EXPIRE_SILENCE = "silences.expire"
    RESEND = "deadletters.resend"
    DISCARD = "deadletters.discard"


class SilenceBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Keep from ``sink`` (empty: from all) what matches; ``grade`` is the word of the highest that does."""

    author: str
    reason: str
    ends_ms: int
    sink: str = ""
    rule: str = ""
    kind: str = ""
    grade: str = "serious"
    vehicle_class: str = ""
    enterprise_id: str = ""
    vehicle_id: str = ""
    region: str = ""


class ExpireBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    silence_id: int
    author: str


class LettersBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Dead letters ``ids``, or all that wait for ``sink``."""

    author: str
    ids: tuple[int, ...] = ()
    sink: str = ""
    note: str = ""


class Added(msgspec.Struct, frozen=True):
    silence_id: int


class Done(msgspec.Struct, frozen=True):
    """How many letters were sent again or discarded."""

    letters: int
