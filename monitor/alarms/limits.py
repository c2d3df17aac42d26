"""How much one receiver gets: groups, a cap per hour, and digests for what is above it or not worth a message.

Nothing is limited unless it is set. Grade serious is never grouped, capped or digested.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, field_validator

from monitor.alarms.silences import AlarmFacts
from monitor.model.alarm import Grade
from monitor.model.beijing import OFFSET_MS

HOUR_MS = 3_600_000


class GroupKey(StrEnum):
    """What alarms of one group have in common."""

    ENTERPRISE = "enterprise"
    RULE = "rule"


class LimitSettings(BaseModel):
    """Limits of one receiver. Numbers are guesses, but the cap: EEMUA-191 allows an operator 5 alarms an hour."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group_by: tuple[GroupKey, ...] = Field(
        default=(), description="`enterprise`, `rule` or both: new alarms wait for others of their group; empty = no"
    )
    group_wait_s: float = Field(default=30.0, gt=0, description="how long the first of a group waits for others")
    cap_per_hour: int | None = Field(default=None, ge=1, description="alarm messages an hour; empty = no cap")
    burst: int = Field(default=10, ge=1, description="messages that may come at once before the cap tells")
    digest_grade: str = Field(
        default="", description="alarms of at most this grade go to their enterprise's digest: notice, general, major"
    )
    digest_rules: tuple[str, ...] = Field(
        default=(), description="so do those of these rules below serious, such as `track_gap` and `drift`"
    )
    digest_every_s: float = Field(default=3600.0, ge=1, description="time between two digests")
    digest_ids: int = Field(default=200, ge=0, le=10_000, description="alarm ids that one digest lists at most")

    @field_validator("digest_grade")
    @classmethod
    def _is_a_grade(cls, word: str) -> str:
        known = [grade.word for grade in Grade if grade is not Grade.SERIOUS]
        if word and word not in known:
            raise ValueError(f"is none of {', '.join(known)}")
        return word

    @property
    def any(self) -> bool:
        """Whether anything is limited."""
        return bool(self.group_by or self.cap_per_hour or self.digest_grade or self.digest_rules)

    def routine(self, facts: AlarmFacts) -> bool:
        """Whether an alarm is for its enterprise's digest by its nature."""
        if facts.rule in self.digest_rules:
            return True
        return bool(self.digest_grade) and facts.degree <= Grade[self.digest_grade.upper()]

    def group_of(self, facts: AlarmFacts) -> str:
        """Key of the group that an alarm belongs to."""
        parts = {GroupKey.ENTERPRISE: facts.enterprise_id or "", GroupKey.RULE: facts.rule}
        return "\x1f".join(parts[key] if key in self.group_by else "" for key in GroupKey)

    def digest_due_ms(self, now_ms: int) -> int:
        """When the next digest goes out: on whole spans of Beijing time, so that hours and days begin with them."""
        every_ms = int(self.digest_every_s * 1000)
        return ((now_ms + OFFSET_MS) // every_ms + 1) * every_ms - OFFSET_MS


@dataclass(frozen=True, slots=True)
class Budget:
    """A token bucket: messages that may still go out at ``at_ms``. It fills up evenly, to ``burst`` at most."""

    tokens: float
    at_ms: int

    def at(self, now_ms: int, limits: LimitSettings) -> Budget:
        """The budget as it is now. A clock that steps back fills nothing and takes nothing."""
        assert limits.cap_per_hour is not None
        gained = max(now_ms - self.at_ms, 0) * limits.cap_per_hour / HOUR_MS
        return Budget(min(self.tokens + gained, float(limits.burst)), now_ms)

    def spent(self) -> Budget:
        """After one message more; what may not be held back overdraws nothing."""
        return Budget(max(self.tokens - 1.0, 0.0), self.at_ms)

    @property
    def enough(self) -> bool:
        return self.tokens >= 1.0
