"""Outcomes add up to the reports; reasons are stable words."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.flaw import UNQUALIFIED_FLAWS, Flaw
from monitor.quality.outcomes import Outcome, OutcomeCount, count_outcomes, outcome_of, reasons_of

FLAWS = st.lists(st.sampled_from(list(Flaw)), max_size=4).map(lambda bits: sum({int(bit) for bit in bits}))


def test_words_are_those_of_the_flaws() -> None:
    assert reasons_of(int(Flaw.NO_FIX | Flaw.TIME)) == ("time", "no_fix")
    assert reasons_of(0) == ()


def test_a_report_counts_under_the_worst_that_applies() -> None:
    assert outcome_of(int(Flaw.DUPLICATE | Flaw.SPEED)) is Outcome.DUPLICATE
    assert outcome_of(int(Flaw.OUT_OF_ORDER | Flaw.DRIFT)) is Outcome.OUT_OF_ORDER
    assert outcome_of(int(Flaw.SPEED)) is Outcome.UNQUALIFIED
    assert outcome_of(int(Flaw.LATE | Flaw.LENGTH)) is Outcome.ACCEPTED


def test_reasons_are_counted_beside_outcomes() -> None:
    flaws = np.array([0, int(Flaw.TIME), int(Flaw.TIME | Flaw.SPEED), 0, int(Flaw.LATE)], np.int32)
    assert count_outcomes(flaws) == (
        OutcomeCount(Outcome.UNQUALIFIED, 2, (("time", 2), ("speed", 1))),
        OutcomeCount(Outcome.ACCEPTED, 3, (("late", 1),)),
    )


@given(st.lists(FLAWS, max_size=30))
def test_outcomes_add_up_to_the_reports(flaws: list[int]) -> None:
    counted = count_outcomes(np.array(flaws, np.int32))
    assert sum(count.reports for count in counted) == len(flaws)
    unqualified = sum(1 for value in flaws if outcome_of(value) is Outcome.UNQUALIFIED)
    assert unqualified == sum(count.reports for count in counted if count.outcome is Outcome.UNQUALIFIED)
    assert all(value & UNQUALIFIED_FLAWS for value in flaws if outcome_of(value) is Outcome.UNQUALIFIED)
