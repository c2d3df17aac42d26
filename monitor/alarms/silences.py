"""Silences: a person keeps alarms from being delivered for a time, with name, reason and end.

A silence is about delivery only. What it covers is detected, stored and counted as ever; an alarm that still lasts
when its silence ends is delivered then.
"""

from __future__ import annotations

import msgspec

from monitor.model.alarm import Grade

LONGEST_MS = 92 * 86_400_000
"""A silence without an end is forgotten and hides what matters; a season is the most (a guess)."""


class AlarmFacts(msgspec.Struct, frozen=True):
    """What decides about the delivery of an alarm or a pre-warning, as its record says it."""

    alarm_id: str = ""
    rule: str = ""
    kind: str | None = None
    grade: str = "notice"
    state: str = "active"
    vehicle_id: str | None = None
    vehicle_class: str | None = None
    enterprise_id: str | None = None

    @property
    def degree(self) -> Grade:
        """The grade as a number; a word that nobody knows is never held back for being low."""
        return Grade.__members__.get(self.grade.upper(), Grade.SERIOUS)

    @property
    def ended(self) -> bool:
        return self.state != "active"


class Silence(msgspec.Struct, frozen=True):
    """Empty matchers match everything; all that are given have to match. Times are epoch ms of the wall clock."""

    silence_id: int
    author: str
    reason: str
    created_ms: int
    ends_ms: int
    sink: str = ""  # receiver; empty for all
    rule: str = ""
    kind: str = ""
    grade: Grade = Grade.SERIOUS  # at most
    vehicle_class: str = ""
    enterprise_id: str = ""
    vehicle_id: str = ""
    region: str = ""
    expired_by: str = ""  # who ended it before its time

    def lasts(self, now_ms: int) -> bool:
        return now_ms < self.ends_ms

    def covers(self, facts: AlarmFacts, region: str, sink: str) -> bool:
        """Whether it keeps this from that receiver while it lasts."""
        return (
            self.sink in ("", sink)
            and self.rule in ("", facts.rule)
            and self.kind in ("", facts.kind or "")
            and facts.degree <= self.grade
            and self.vehicle_class in ("", facts.vehicle_class or "")
            and self.enterprise_id in ("", facts.enterprise_id or "")
            and self.vehicle_id in ("", facts.vehicle_id or "")
            and self.region in ("", region)
        )

    @property
    def matches_everything(self) -> bool:
        """Whether no matcher narrows it; the receiver is none."""
        named = (self.rule, self.kind, self.vehicle_class, self.enterprise_id, self.vehicle_id, self.region)
        return not any(named) and self.grade is Grade.SERIOUS
