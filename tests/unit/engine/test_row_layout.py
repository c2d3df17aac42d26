"""Where the fields of a vehicle's row lie."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from monitor.engine.engine import Engine
from monitor.engine.row_layout import hot_bytes, part_bytes, row_dtype
from monitor.engine.state import CORE, FIRST_COLD
from monitor.rules import load_rules
from tests.benchmarks.generated_fleet import spread_reports

RULES = load_rules()
ROW = row_dtype(RULES)
VEHICLES, WARM_ROUNDS, ROUNDS = 25, 10, 50


def leaves() -> Iterator[tuple[str, str, int, int]]:
    """Part, field, first byte and the byte after the last of everything in a row."""
    assert ROW.fields is not None
    for part, (dtype, at, *_) in ROW.fields.items():
        for field, (inner, offset, *_) in (dtype.fields or {}).items():
            yield part, field, at + offset, at + offset + inner.itemsize


def test_no_two_fields_share_a_byte() -> None:
    taken = sorted((begin, end) for _, _, begin, end in leaves())
    assert all(end <= begin for (_, end), (begin, _) in pairwise(taken))
    assert taken[-1][1] <= ROW.itemsize


def test_every_field_lies_where_its_type_may() -> None:
    assert ROW.isalignedstruct
    assert ROW.fields is not None
    for part, field, begin, _ in leaves():
        assert begin % ROW[part][field].alignment == 0, (part, field)


def test_nothing_of_a_rules_state_is_left_out() -> None:
    for rule in RULES:
        if rule.state is not None:
            assert ROW[rule.name].names == rule.state.names
            assert part_bytes(ROW, rule.name) <= rule.state.itemsize


def test_rules_name_only_fields_that_they_have() -> None:
    for rule in RULES:
        assert set(rule.hot) <= set((rule.state.names if rule.state is not None else ()) or ()), rule.name


def test_what_rules_call_hot_lies_in_front() -> None:
    hot = {rule.name: rule.hot for rule in RULES}
    cold_core = (CORE.names or ()).index(FIRST_COLD)
    hot["core"] = (CORE.names or ())[:cold_core]
    for part, field, begin, end in leaves():
        assert (end <= hot_bytes(ROW)) is (field in hot[part]), (part, field, begin)


@pytest.mark.skipif(os.environ.get("NUMBA_DISABLE_JIT") != "1", reason="machine code does not tell what it touches")
def test_what_a_driving_vehicles_reports_touch_is_called_hot() -> None:
    """A field that three reports in ten touch and nobody calls hot costs a cache line per report."""
    touched = Touched()
    reports = spread_reports(VEHICLES, WARM_ROUNDS + ROUNDS)
    engine = Engine(RULES)
    warm = VEHICLES * WARM_ROUNDS
    engine.take(replace(reports, rows=reports.rows[:warm]))
    engine.fleet.rows = cast(NDArray[np.void], SeenRows(engine.fleet.rows, touched))
    engine.take(replace(reports, rows=reports.rows[warm:]))
    often = {one for one, n in touched.items() if n >= 0.3 * VEHICLES * ROUNDS}
    hot = {(rule.name, field) for rule in RULES for field in rule.hot}
    assert {one for one in often if one[0] != "core"} <= hot
    core = (CORE.names or ()).index(FIRST_COLD)
    assert {field for part, field in often if part == "core"} <= set((CORE.names or ())[:core])


class Touched(Counter[tuple[str, str]]):
    """How often which field was read or written."""


class SeenPart:
    """A part of a row that counts what is touched."""

    def __init__(self, part: np.void, name: str, touched: Touched) -> None:
        self._part, self._name, self._touched = part, name, touched

    def __getitem__(self, field: str) -> object:
        self._touched[self._name, field] += 1
        return self._part[field]

    def __setitem__(self, field: str, value: float) -> None:
        self._touched[self._name, field] += 1
        self._part[field] = value


class SeenRow:
    """A row whose parts count what is touched."""

    def __init__(self, row: np.void, touched: Touched) -> None:
        self._row, self._touched = row, touched

    def __getitem__(self, part: str) -> SeenPart:
        return SeenPart(self._row[part], part, self._touched)


class SeenRows:
    """Rows that count what is touched in them; for ``run`` alone."""

    def __init__(self, rows: NDArray[np.void], touched: Touched) -> None:
        self._rows, self._touched = rows, touched

    def __getitem__(self, row: int) -> SeenRow:
        return SeenRow(self._rows[row], self._touched)
