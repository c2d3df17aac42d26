"""An outbox in memory with the promises of the real one, for tests of what reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.errors import StoreError
from monitor.model.outbox import Cause
from monitor.model.push import PushKind, PushMessage


@dataclass(frozen=True, slots=True)
class Row:
    outbox_id: int
    message: PushMessage
    direct: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    attempts: int = 0
    first_try_ms: int = 0
    answered_ms: int = 0
    next_try_ms: int = 0


@dataclass(slots=True)
class MemoryOutbox:
    rows: list[Row] = field(default_factory=list)
    at: int = 0
    failures: list[tuple[str, int]] = field(default_factory=list)  # reason, next try
    buried: list[tuple[int, Cause, str]] = field(default_factory=list)  # outbox id, cause, reason
    tried: Tried = Tried()
    unreadable: int = 0  # so many reads fail

    def add(self, *messages: PushMessage) -> None:
        for message in messages:
            self.rows.append(Row(len(self.rows) + 1, message))

    def read(self, _sink: str, limit: int, /) -> Sequence[Row]:
        if self.unreadable:
            self.unreadable -= 1
            raise StoreError(reason="database is locked")
        return self.rows[self.at : self.at + limit]

    def cursor(self, _sink: str, /) -> Tried:
        return self.tried

    def advance(self, _sink: str, outbox_id: int, /) -> None:
        if outbox_id > self.at:
            self.at, self.tried = outbox_id, Tried()

    def record_failure(self, _sink: str, reason: str, at_ms: int, next_try_ms: int, reached: bool, /) -> Tried:
        self.failures.append((reason, next_try_ms))
        was = self.tried
        answered_ms = was.answered_ms or (at_ms if reached else 0)
        self.tried = Tried(was.attempts + 1, was.first_try_ms or at_ms, answered_ms, next_try_ms)
        return self.tried

    def bury(self, sink: str, pending: Row, cause: Cause, reason: str, _at_ms: int, /) -> None:
        self.buried.append((pending.outbox_id, cause, reason))
        self.advance(sink, pending.outbox_id)


def alarm(number: int, sequence: int = 1, enterprise: str = "E1") -> PushMessage:
    topic = f"alarms/{enterprise}/V{number}"
    return PushMessage(PushKind.ALARM, f"alarm-{number}", topic, f'{{"n":{number}}}', sequence)


def summary(enterprise: str, sequence: int) -> PushMessage:
    topic = f"summaries/{enterprise}"
    return PushMessage(PushKind.SUMMARY, f"summary:{enterprise}", topic, f'{{"sequence":{sequence}}}', sequence)
