"""What a report file held that could not be used: rows by reason, values by column, and troubles of the file itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FIRST_BAD_LIMIT = 20
"""How many bad rows are named by number (a guess: what fits on a screen)."""


class RejectReason(StrEnum):
    """Why a row gave no report, or a value was taken as unknown."""

    RAGGED_ROW = "ragged_row"  # more or fewer cells than the header has columns
    BAD_ENCODING = "bad_encoding"  # bytes that are no text in the encoding of the file
    CUT_OFF = "cut_off"  # the last line of a file cut off in the middle of its compression
    MISSING_VEHICLE = "missing_vehicle"
    MISSING_TIME = "missing_time"
    BAD_TIME = "bad_time"
    TIME_WITHOUT_ZONE = "time_without_zone"  # no offset, and the mapping declares no zone
    MISSING_POSITION = "missing_position"
    BAD_NUMBER = "bad_number"
    BAD_WORD = "bad_word"  # a status or alarm word that is no whole number of 32 bits
    BAD_BOOLEAN = "bad_boolean"


class FileProblemKind(StrEnum):
    """What is wrong with a file that could still be read in part."""

    TRUNCATED_COMPRESSION = "truncated_compression"
    DAMAGED_COMPRESSION = "damaged_compression"
    DAMAGED_PARQUET = "damaged_parquet"
    NO_ROWS = "no_rows"
    FUTURE_TIMES = "future_times"


class BadCell(NamedTuple):
    """Place of one bad value.

    ``row`` is the line of the file (the header is line 1), in Parquet the row counted from 1; ``column`` is the name
    in the file, empty for the whole row.
    """

    row: int
    column: str
    reason: RejectReason


@dataclass(frozen=True, slots=True)
class FileProblem:
    """A trouble of the file as a whole; ``str()`` is one English sentence naming the place."""

    kind: FileProblemKind
    path: str
    detail: str

    def __str__(self) -> str:
        return f"{self.path}: {self.detail}."


class BadRows:
    """Running tally over the blocks of one file."""

    def __init__(self) -> None:
        self.rejects: Counter[str] = Counter()
        self.bad_values: Counter[str] = Counter()
        self._first: list[BadCell] = []

    @property
    def first(self) -> tuple[BadCell, ...]:
        return tuple(self._first)

    def reject(self, reason: RejectReason, column: str, rows: NDArray[np.int64]) -> None:
        """Count rows that gave no report; ``rows`` are their numbers, ascending."""
        if len(rows):
            self.rejects[reason.value] += len(rows)
            self._name(reason, column, rows)

    def doubt(self, reason: RejectReason, column: str, rows: NDArray[np.int64]) -> None:
        """Count optional values that were taken as unknown; their rows are kept."""
        if len(rows):
            self.bad_values[column] += len(rows)
            self._name(reason, column, rows)

    def _name(self, reason: RejectReason, column: str, rows: NDArray[np.int64]) -> None:
        self._first += [BadCell(int(row), column, reason) for row in rows[:FIRST_BAD_LIMIT]]
        self._first.sort()
        del self._first[FIRST_BAD_LIMIT:]
