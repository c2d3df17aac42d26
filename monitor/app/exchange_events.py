"""Events of other platforms within the bounds of what can be stored: the wire has room for any number and any time."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Final, TypeVar

from monitor.model.beijing import parse_iso
from monitor.model.exchange import ExchangeEvent

E = TypeVar("E", bound=ExchangeEvent)

LATEST_MS: Final = parse_iso("9999-12-31T00:00:00+08:00")
"""The last day that a date can name."""


def bounded_event(event: E) -> E:
    """The event with times between 0 and ``LATEST_MS`` and texts that can be written as UTF-8."""
    changed: dict[str, int | str] = {}
    for field in fields(event):
        value = getattr(event, field.name)
        if field.name.endswith("_ms") and isinstance(value, int):
            within = min(max(value, 0), LATEST_MS)
            if within != value:
                changed[field.name] = within
        elif isinstance(value, str) and not _writable(value):
            changed[field.name] = value.encode("utf-8", "replace").decode("utf-8")
    return replace(event, **changed) if changed else event  # type: ignore[arg-type]  # each of its own field's type


def _writable(text: str) -> bool:
    """Whether it holds no lone surrogate."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
