"""Bytes that are no report: what the sources hand to the quarantine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BadBytes:
    """One message, or the part of it that does not read. ``reason`` is a stable word and the metric's label."""

    source: str  # name of the source as configured
    reason: str
    recv_ms: int
    data: bytes
    detail: str = ""  # sentence for a person: field, value, place
