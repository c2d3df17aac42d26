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
    text as sent; ``cargo`` and ``load`` are read out of it where it has the form ``KEY:=VALUE;``."""

    key: str
    at_ms: int
    content: str
    cargo: str = ""
    load: Load = Load.UNKNOWN


_EMPTY_WORDS = ("空车", "空载", "EMPTY")
_LOADED_WORDS = ("重车", "重载", "满载", "半载", "LOADED", "FULL", "HALF")


def read_waybill(key: str, at_ms: int, content: str) -> Waybill:
    """A waybill of its text: ``CARGO_NAME`` and ``CARGO_TONNAGE`` as JT/T 809 names them, and 空车 or 重车 anywhere."""
    pairs = (part.partition(":=") for part in content.replace("\n", ";").split(";"))
    fields = {name.strip().upper(): value.strip() for name, found, value in pairs if found}
    cargo = fields.get("CARGO_NAME", "")
    values = {value.upper() for value in fields.values()} | {content.strip().upper()}
    load = Load.UNKNOWN
    if values & set(_EMPTY_WORDS) or _is_zero(fields.get("CARGO_TONNAGE", "")):
        load = Load.EMPTY
    elif values & set(_LOADED_WORDS) or cargo:
        load = Load.LOADED
    return Waybill(key, at_ms, content, cargo, load)


def _is_zero(text: str) -> bool:
    try:
        return float(text) == 0
    except ValueError:
        return False


def waybill_payload(key: str, at_ms: int, content: str) -> bytes:
    """A waybill as received, as the payload of a WAYBILL record of the journal."""
    return msgspec.json.encode({"key": key, "at_ms": at_ms, "content": content})
