"""Electronic waybills 电子运单: what a vehicle carries, as far as its text says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Load(StrEnum):
    UNKNOWN = ""
    EMPTY = "empty"
    LOADED = "loaded"


@dataclass(frozen=True, slots=True)
class Waybill:
    """One waybill of a vehicle (``key`` as in reports: vehicle id, ``terminal:`` or ``plate:``). ``content`` is the
    text as sent; ``cargo`` and ``load`` are read out of it as far as it says them."""

    key: str
    at_ms: int
    content: str
    cargo: str = ""
    load: Load = Load.UNKNOWN


def waybill_payload(key: str, at_ms: int, content: str) -> bytes:
    """A waybill as received, as the payload of a WAYBILL record of the journal."""
    return msgspec.json.encode({"key": key, "at_ms": at_ms, "content": content})
