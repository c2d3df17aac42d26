"""What travels from the journal to the engine, and from the engine to the store."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.indicator import Indicator
from monitor.model.journal import JournalRecord
from monitor.model.push import PushMessage
from monitor.model.supervision import SupervisionEntry


@dataclass(frozen=True, slots=True)
class Reckoning:
    """Indicators, key-supervision entries and enterprise summaries of one moment, to be committed with a record."""

    indicators: tuple[Indicator, ...] = ()
    supervision: tuple[SupervisionEntry, ...] = ()
    summaries: tuple[PushMessage, ...] = ()


NOTHING = Reckoning()


@dataclass(frozen=True, slots=True)
class Work:
    """A journalled record on its way to the engine. ``since_s`` is when it came in, by the monotonic clock."""

    record: JournalRecord
    since_s: float
    reckoning: Reckoning = NOTHING
