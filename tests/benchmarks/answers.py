"""The live answer of an engine over a set of reports, and how two answers differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from monitor.alarms.book import AlarmBook
from monitor.engine.fleet_state import FleetState
from monitor.engine.rule import Rule
from monitor.model.alarm import Alarm, AlarmChange, PreWarning
from monitor.model.report import ReportBatch


class LiveOutput(Protocol):
    @property
    def edges(self) -> NDArray[np.void]: ...
    @property
    def days(self) -> NDArray[np.void]: ...
    @property
    def outcomes(self) -> NDArray[np.int64]: ...


class LiveEngine(Protocol):
    """What the compiled and the plain engine have in common."""

    @property
    def rules(self) -> tuple[Rule, ...]: ...
    @property
    def fleet(self) -> FleetState: ...
    def take(self, batch: ReportBatch, /) -> LiveOutput: ...
    def tick(self, clock_ms: int, /) -> LiveOutput: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything that came of a run."""

    changes: tuple[AlarmChange, ...]
    prewarnings: tuple[PreWarning, ...]
    days: NDArray[np.void]
    outcomes: NDArray[np.int64]

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        return tuple({change.alarm.alarm_id: change.alarm for change in self.changes}.values())


def run_live(engine: LiveEngine, batch: ReportBatch, batch_size: int, until_ms: int | None = None) -> Answer:
    """Reports in micro-batches, then time up to ``until_ms``; edges through an alarm book."""
    outputs = [engine.take(part) for part in parts_of(batch, batch_size)]
    if until_ms is not None:
        outputs.append(engine.tick(until_ms))
    return answer_of(engine, outputs)


def parts_of(batch: ReportBatch, batch_size: int) -> list[ReportBatch]:
    """Micro-batches that share the texts of the whole."""
    return [
        ReportBatch(batch.keys, batch.rows[i : i + batch_size], batch.drivers, batch.sources)
        for i in range(0, len(batch.rows), batch_size)
    ]


def answer_of(engine: LiveEngine, outputs: Sequence[LiveOutput]) -> Answer:
    book = AlarmBook(engine.rules, engine.fleet, provisional=True)
    found = book.apply(np.concatenate([output.edges for output in outputs]))
    days = np.concatenate([output.days for output in outputs])
    outcomes = np.array(np.sum([output.outcomes for output in outputs], axis=0), np.int64)
    return Answer(found.changes, found.prewarnings, days, outcomes)


def differences(found: Answer, expected: Answer) -> tuple[str, ...]:
    """The first places where two answers differ, as sentences; none where they are equal."""
    said: list[str] = []
    stated: tuple[tuple[str, Sequence[AlarmChange | PreWarning], Sequence[AlarmChange | PreWarning]], ...] = (
        ("change", found.changes, expected.changes),
        ("prewarning", found.prewarnings, expected.prewarnings),
    )
    for what, ours, theirs in stated:
        if len(ours) != len(theirs):
            said.append(f"{len(ours)} {what}s instead of {len(theirs)}")
        for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            if one != other and len(said) < 10:
                said.append(f"{what} {number}: {_differing(one, other)}")
    if not np.array_equal(found.outcomes, expected.outcomes):
        said.append(f"outcomes {found.outcomes.tolist()} instead of {expected.outcomes.tolist()}")
    names = expected.days.dtype.names or ()
    if len(found.days) != len(expected.days):
        said.append(f"{len(found.days)} days instead of {len(expected.days)}")
    else:
        said += [
            f"days differ in {name}" for name in names if not np.array_equal(found.days[name], expected.days[name])
        ]
    return tuple(said)


def _differing(one: AlarmChange | PreWarning, other: AlarmChange | PreWarning) -> str:
    if isinstance(one, AlarmChange) and isinstance(other, AlarmChange) and one.alarm != other.alarm:
        pairs = [(item.name, getattr(one.alarm, item.name), getattr(other.alarm, item.name)) for item in fields(Alarm)]
        return f"{other.alarm.rule} {other.alarm.vehicle_id} " + ", ".join(
            f"{name} {a!r} instead of {b!r}" for name, a, b in pairs if a != b
        )
    return f"{one} instead of {other}"
