"""What becomes of an alarm message on its way to one receiver, and what that receiver knows of the alarm.

Engine and alarm book know nothing of this: the verdict is about delivery. The order is silence, nature (digest), group,
cap. Three laws hold: an alarm that a receiver was told of is followed to its end; what ends unheard of is not told of;
grade serious passes everything but a silence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import msgspec

from monitor.alarms.limits import Budget, LimitSettings
from monitor.alarms.silences import AlarmFacts, Silence
from monitor.model.alarm import AlarmState, Grade
from monitor.model.push import PushKind, PushMessage


class Fate(StrEnum):
    """What happens to a message now; all but ``SEND`` are the label of ``vdm_deliveries_withheld_total``."""

    SEND = "send"
    SILENCED = "silenced"
    ROUTINE = "routine"  # by its nature for the enterprise's digest
    GROUPED = "grouped"  # waits for others of its group
    CAPPED = "capped"  # above the cap, for the receiver's digest


class Hearing(StrEnum):
    """How a receiver heard of an alarm that lasts, or why it did not."""

    TOLD = "told"
    SILENCED = "silenced"
    ROUTINE = "routine"
    GROUPED = "grouped"
    CAPPED = "capped"


_DIGESTED = {Hearing.ROUTINE: Fate.ROUTINE, Hearing.GROUPED: Fate.GROUPED, Hearing.CAPPED: Fate.CAPPED}

_NEVER_WAS = (AlarmState.WITHDRAWN, AlarmState.MERGED)
"""States in which there is nothing to tell to somebody who has not heard of the alarm."""


@dataclass(frozen=True, slots=True)
class Standing:
    """An alarm at one receiver. ``data`` is an edition kept back, to be sent as it is; ``due_ms`` when ``digest``,
    which tells of it, is to be made, None while there is nothing to tell."""

    alarm_id: str
    hearing: Hearing
    sequence: int
    rule: str
    grade: Grade
    enterprise_id: str
    since_ms: int
    begun: bool = False  # since the last digest
    ended: bool = False
    digest: str = ""
    due_ms: int | None = None
    topic: str = ""
    data: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """``standing`` is how the receiver stands to the alarm afterwards; None if there is nothing to remember."""

    fate: Fate
    alarm_id: str = ""
    standing: Standing | None = None
    budget: Budget | None = None


class Dispatcher:
    """The rules of one receiver. ``region_of`` finds the region of a vehicle or enterprise, empty where unknown."""

    def __init__(self, sink: str, limits: LimitSettings, region_of: Callable[[AlarmFacts], str]) -> None:
        self.sink = sink
        self.limits = limits
        self._region_of = region_of

    def silenced(self, facts: AlarmFacts, silences: Sequence[Silence]) -> bool:
        """Whether one of the silences, all of which last, covers it here."""
        if not silences:
            return False
        region = self._region_of(facts) if any(one.region for one in silences) else ""
        return any(one.covers(facts, region, self.sink) for one in silences)

    def decide(
        self,
        message: PushMessage,
        standing: Standing | None,
        silences: Sequence[Silence],
        budget: Budget | None,
        now_ms: int,
    ) -> Decision:
        """One message of the outbox. ``budget`` is what the cap leaves now, None without a cap."""
        if message.kind not in (PushKind.ALARM, PushKind.PREWARNING):
            return Decision(Fate.SEND, budget=budget)
        facts = facts_of(message)
        if message.kind is PushKind.PREWARNING:
            # It says what to do now; later it is worth nothing.
            fate = Fate.SILENCED if self.silenced(facts, silences) else Fate.SEND
            return Decision(fate, budget=budget)
        fate, after, budget = self._alarm(message, facts, standing, silences, budget, now_ms)
        return Decision(fate, message.id, after, budget)

    def released(
        self, standing: Standing, silences: Sequence[Silence], budget: Budget | None, now_ms: int
    ) -> tuple[Decision, PushMessage] | None:
        """An edition that a silence keeps back, as it goes out now; None while one still covers it."""
        message = edition(standing)
        facts = facts_of(message)
        if self.silenced(facts, silences):
            return None
        told = replace(standing, topic="", data="")
        if standing.hearing is Hearing.TOLD:
            return Decision(Fate.SEND, message.id, told, None if budget is None else budget.spent()), message
        fate, after, budget = self._news(message, facts, replace(told, hearing=Hearing.TOLD), budget, now_ms)
        return Decision(fate, message.id, after, budget), message

    def alone(self, standing: Standing) -> Standing | None:
        """How the receiver stands to an alarm that waited for others of its group in vain, once it is told of it."""
        return (
            None
            if standing.ended
            else replace(standing, hearing=Hearing.TOLD, begun=False, digest="", due_ms=None, topic="", data="")
        )

    def _alarm(
        self,
        message: PushMessage,
        facts: AlarmFacts,
        before: Standing | None,
        silences: Sequence[Silence],
        budget: Budget | None,
        now_ms: int,
    ) -> tuple[Fate, Standing | None, Budget | None]:
        if before is not None and before.hearing is Hearing.TOLD:
            return self._followed(message, facts, before, silences, budget, now_ms)
        new = _standing(message, facts, Hearing.TOLD, before.since_ms if before else now_ms)
        if before is not None and before.hearing is not Hearing.SILENCED:
            if before.begun and facts.state in _NEVER_WAS:
                return _DIGESTED[before.hearing], None, budget
            if facts.ended or facts.degree is not Grade.SERIOUS:
                return _DIGESTED[before.hearing], self._again(message, new, before, now_ms), budget
        elif self.silenced(facts, silences):
            kept = replace(new, hearing=Hearing.SILENCED, topic=message.topic, data=message.data)
            return Fate.SILENCED, None if facts.ended else kept, budget
        elif before is not None and facts.ended:
            return Fate.SILENCED, None, budget  # it ended unheard of
        return self._news(message, facts, new, budget, now_ms)

    def _followed(
        self,
        message: PushMessage,
        facts: AlarmFacts,
        before: Standing,
        silences: Sequence[Silence],
        budget: Budget | None,
        now_ms: int,
    ) -> tuple[Fate, Standing | None, Budget | None]:
        """Told of before: its end goes out whatever is silenced or capped."""
        if facts.ended:
            return Fate.SEND, None, None if budget is None else budget.spent()
        now = _standing(message, facts, Hearing.TOLD, before.since_ms)
        if self.silenced(facts, silences):
            return Fate.SILENCED, replace(now, topic=message.topic, data=message.data), budget
        if budget is None:
            return Fate.SEND, now, None
        if budget.enough or facts.degree is Grade.SERIOUS:
            return Fate.SEND, now, budget.spent()
        return Fate.CAPPED, replace(now, due_ms=self.limits.digest_due_ms(now_ms)), budget

    def _news(
        self, message: PushMessage, facts: AlarmFacts, new: Standing, budget: Budget | None, now_ms: int
    ) -> tuple[Fate, Standing | None, Budget | None]:
        """The receiver has not heard of this alarm."""
        told = None if facts.ended else new
        limits = self.limits
        if facts.degree is not Grade.SERIOUS and facts.state not in _NEVER_WAS and limits.any:
            due_ms = limits.digest_due_ms(now_ms)
            if limits.routine(facts):
                digest = f"enterprise\x1f{facts.enterprise_id or ''}"
                kept = replace(new, hearing=Hearing.ROUTINE, begun=True, digest=digest, due_ms=due_ms)
                return Fate.ROUTINE, kept, budget
            if limits.group_by:
                due_ms = now_ms + int(limits.group_wait_s * 1000)
                kept = replace(new, hearing=Hearing.GROUPED, begun=True, due_ms=due_ms, topic=message.topic)
                digest = f"group\x1f{limits.group_of(facts)}"
                return Fate.GROUPED, replace(kept, digest=digest, data=message.data), budget
            if budget is not None and not budget.enough:
                return Fate.CAPPED, replace(new, hearing=Hearing.CAPPED, begun=True, due_ms=due_ms), budget
        return Fate.SEND, told, None if budget is None else budget.spent()

    def _again(self, message: PushMessage, new: Standing, before: Standing, now_ms: int) -> Standing:
        """Another edition of an alarm that a digest tells of, or has told of."""
        due_ms = before.due_ms
        if due_ms is None and new.ended:
            wait_ms = int(self.limits.group_wait_s * 1000)
            grouped = before.hearing is Hearing.GROUPED
            due_ms = now_ms + wait_ms if grouped else self.limits.digest_due_ms(now_ms)
        now = replace(new, hearing=before.hearing, begun=before.begun, digest=before.digest, due_ms=due_ms)
        return replace(now, topic=message.topic, data=message.data) if before.data else now


def edition(standing: Standing) -> PushMessage:
    """The edition that a standing keeps back."""
    return PushMessage(PushKind.ALARM, standing.alarm_id, standing.topic, standing.data, standing.sequence)


def facts_of(message: PushMessage) -> AlarmFacts:
    """What the record says; of one that says nothing, nothing is held back."""
    try:
        return msgspec.json.decode(message.data, type=AlarmFacts)
    except msgspec.MsgspecError:
        return AlarmFacts(grade=Grade.SERIOUS.word)


def _standing(message: PushMessage, facts: AlarmFacts, hearing: Hearing, since_ms: int) -> Standing:
    return Standing(
        alarm_id=message.id,
        hearing=hearing,
        sequence=message.sequence,
        rule=facts.rule,
        grade=facts.degree,
        enterprise_id=facts.enterprise_id or "",
        since_ms=since_ms,
        ended=facts.ended,
    )
