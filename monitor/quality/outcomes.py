"""Names under which reports are counted: one outcome per report, and the reasons behind it.

The same words are metric labels, log fields and columns of the summary. Reasons of reports that never became rows
(frames, JSON) are named by their codec and counted under ``rejected``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from monitor.model.flaw import UNQUALIFIED_FLAWS, Flaw


class Outcome(StrEnum):
    """What became of a report, worst first: a report counts under the first that applies."""

    REJECTED = "rejected"  # no row at all: bytes or fields that cannot be read
    DUPLICATE = "duplicate"
    OUT_OF_ORDER = "out_of_order"  # kept for settlement, not judged live
    DRIFT = "drift"
    UNQUALIFIED = "unqualified"
    ACCEPTED = "accepted"


_BY_FLAWS: tuple[tuple[Outcome, int], ...] = (
    (Outcome.DUPLICATE, int(Flaw.DUPLICATE)),
    (Outcome.OUT_OF_ORDER, int(Flaw.OUT_OF_ORDER)),
    (Outcome.DRIFT, int(Flaw.DRIFT)),
    (Outcome.UNQUALIFIED, int(UNQUALIFIED_FLAWS)),
)


@dataclass(frozen=True, slots=True)
class OutcomeCount:
    """How many reports had an outcome, and how many of them each flaw (a report may have several)."""

    outcome: Outcome
    reports: int
    reasons: tuple[tuple[str, int], ...]


def reason_of(flaw: Flaw) -> str:
    """The word for one flaw bit, e.g. ``no_fix``."""
    return (flaw.name or "").lower()


def reasons_of(flaws: int) -> tuple[str, ...]:
    """The words for all flaw bits of a report, lowest bit first."""
    return tuple(reason_of(flaw) for flaw in Flaw if flaws & flaw)


def outcome_of(flaws: int) -> Outcome:
    """The outcome of one report with these flaw bits."""
    return next((outcome for outcome, bits in _BY_FLAWS if flaws & bits), Outcome.ACCEPTED)


def count_outcomes(flaws: NDArray[np.int32]) -> tuple[OutcomeCount, ...]:
    """Outcomes of a batch from its ``flaws`` column; only those that occur. The reports add up to the batch."""
    values, counts = np.unique(flaws, return_counts=True)
    reports: dict[Outcome, int] = {}
    reasons: dict[Outcome, dict[str, int]] = {}
    for value, count in zip(values.tolist(), counts.tolist(), strict=True):
        outcome = outcome_of(value)
        reports[outcome] = reports.get(outcome, 0) + count
        by_reason = reasons.setdefault(outcome, {})
        for reason in reasons_of(value):
            by_reason[reason] = by_reason.get(reason, 0) + count
    return tuple(
        OutcomeCount(outcome, reports[outcome], tuple(reasons[outcome].items()))
        for outcome in Outcome
        if outcome in reports
    )
