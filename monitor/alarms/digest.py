"""The body of a digest: what one receiver was spared since the last one, in counts, and the ids of the worst."""

from __future__ import annotations

from collections import Counter

import msgspec

MOST_ENTERPRISES = 100
"""Enterprises that a digest names at most; the others are one sum. A guess: more than anybody reads."""


class DigestRecord(msgspec.Struct, frozen=True):
    """``data`` of a push of type ``digest``. Times ISO 8601 at +08:00.

    ``enterprise_id`` and ``rule`` are those that all its alarms have in common, null where they differ. An alarm counts
    once in ``alarms``, however often it changed; one that began and ended since the last digest counts as both.
    """

    enterprise_id: str | None
    rule: str | None
    since: str
    until: str
    alarms: int
    begun: int
    ended: int
    changed: int
    by_rule: dict[str, int]
    by_grade: dict[str, int]
    by_enterprise: dict[str, int]
    other_enterprises: int  # alarms of enterprises that are not named
    alarm_ids: tuple[str, ...]  # grave ones first
    ids_left_out: int


def named(counts: Counter[str], most: int = MOST_ENTERPRISES) -> tuple[dict[str, int], int]:
    """The largest, and the sum of the others."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(ordered[:most]), sum(n for _, n in ordered[most:])


def only(counts: Counter[str]) -> str | None:
    """The one word that everything has in common."""
    return next(iter(counts)) or None if len(counts) == 1 else None
