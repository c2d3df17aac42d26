"""An outbox in memory with the promises of the real one, for tests of what reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from monitor.errors import StoreError
from monitor.model.push import PushKind, PushMessage


@dataclass(frozen=True, slots=True)
class Row:
    outbox_id: int
    message: PushMessage


@dataclass(slots=True)
class MemoryOutbox:
    rows: list[Row] = field(default_factory=list)
    cursor: int = 0
    failures: list[tuple[str, int]] = field(default_factory=list)  # reason, next try
    refused: list[tuple[int, str]] = field(default_factory=list)  # outbox id, reason
    unreadable: int = 0  # so many reads fail

    def add(self, *messages: PushMessage) -> None:
        for message in messages:
            self.rows.append(Row(len(self.rows) + 1, message))

    def read(self, _sink: str, limit: int, /) -> Sequence[Row]:
        if self.unreadable:
            self.unreadable -= 1
            raise StoreError(reason="database is locked")
        return self.rows[self.cursor : self.cursor + limit]

    def advance(self, _sink: str, outbox_id: int, /) -> None:
        self.cursor = max(self.cursor, outbox_id)

    def record_failure(self, _sink: str, reason: str, next_try_ms: int, /) -> None:
        self.failures.append((reason, next_try_ms))

    def refuse(self, sink: str, pending: Row, reason: str, _at_ms: int, /) -> None:
        self.refused.append((pending.outbox_id, reason))
        self.advance(sink, pending.outbox_id)


def alarm(number: int, sequence: int = 1, enterprise: str = "E1") -> PushMessage:
    topic = f"alarms/{enterprise}/V{number}"
    return PushMessage(PushKind.ALARM, f"alarm-{number}", topic, f'{{"n":{number}}}', sequence)


def summary(enterprise: str, sequence: int) -> PushMessage:
    topic = f"summaries/{enterprise}"
    return PushMessage(PushKind.SUMMARY, f"summary:{enterprise}", topic, f'{{"sequence":{sequence}}}', sequence)
