"""Words of the command that deletes what is too old."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class RetentionCommand(StrEnum):
    RUN = "retention.run"


class Deleted(msgspec.Struct, frozen=True):
    """What was deleted: how many of ``what``, from when to when they were, and how many a legal hold kept."""

    what: str
    n: int
    from_ms: int
    to_ms: int
    held: int
