"""Query parameters that several addresses of the REST API share."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from monitor.model.beijing import parse_iso

PREFIX = "/api/v1"
MOST = 1_000
"""Rows of one page at most."""

Limit = Annotated[int, Query(ge=1, le=MOST, description="rows of one page")]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000, description="rows to pass over")]
"""More than any table has; without a bound the database is asked for numbers that it cannot hold."""


class WrongParameterError(Exception):
    """A parameter that cannot be taken; answered with 422."""

    def __init__(self, name: str, reason: str) -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"parameter {name}: {reason}")


def moment(name: str, text: str | None) -> int | None:
    """Epoch ms of an ISO 8601 time. Raises ``WrongParameterError``."""
    if text is None:
        return None
    try:
        # An unescaped + of the offset arrives as a space.
        return parse_iso(text.strip().replace(" ", "+") if "T" in text else text)
    except (ValueError, OverflowError):
        raise WrongParameterError(name, f"{text!r} is no time like 2026-03-02T22:10:05+08:00") from None


def phone_digits(text: str) -> str:
    """A terminal's phone as it is kept: hex digits in lower case without leading zeros. Raises ``ValueError``."""
    digits = text.strip().lower()
    if not digits or len(digits) > 20 or any(sign not in "0123456789abcdef" for sign in digits):
        raise ValueError(f"{text[:40]!r} is no phone of a terminal: up to 20 hex digits")
    return digits.lstrip("0") or "0"
