"""The section chosen among the candidates of one report after another, against a plain second opinion."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from monitor.engine.near import SECTION, state_section
from monitor.engine.state import STEP
from monitor.engine.surroundings import Surroundings, nothing_near
from tests.benchmarks.plain_rules.around import Around, Map
from tests.benchmarks.plain_rules.records import Step

N_SECTIONS = 6
node = st.integers(0, 7)


@st.composite
def section_sets(draw: st.DrawFn) -> NDArray[np.void]:
    rows = np.zeros(N_SECTIONS, SECTION)
    for row in rows:
        row["from_node"], row["to_node"], row["road"] = draw(node), draw(node), draw(st.integers(0, 2))
        row["limit_dkmh"], row["road_class"] = draw(st.sampled_from([0, 600, 1200])), draw(st.integers(0, 7))
    return rows


@st.composite
def candidates(draw: st.DrawFn) -> list[tuple[int, float, int]]:
    """Up to three sections with their cost, best first, costs as the index keeps them."""
    sections = draw(st.lists(st.integers(0, N_SECTIONS - 1), max_size=3, unique=True))
    costs = sorted(float(np.float32(draw(st.floats(0.0, 80.0)))) for _ in sections)
    return [(one, cost, draw(st.sampled_from([-1, 0, 1]))) for one, cost in zip(sections, costs, strict=True)]


@settings(max_examples=200, deadline=None)
@given(section_sets(), st.lists(candidates(), min_size=1, max_size=12))
def test_the_choice_is_that_of_a_plain_second_opinion(
    sections: NDArray[np.void], steps: list[list[tuple[int, float, int]]]
) -> None:
    found = Surroundings()
    found.sections = sections
    opinion, x, plain = Map(found), np.zeros(1, STEP)[0], Step()
    last, rival, nats = -1, -1, 0.0
    for step in steps:
        near = nothing_near(1)[0]
        for place, (section, cost_m, along) in enumerate(step, 1):
            near[f"section_{place}"], near[f"cost_{place}_m"], near[f"along_{place}"] = section, cost_m, along
        state_section(x, last, rival, nats, near, sections)
        around = Around(tuple(step), -1, 0, 0, -1, (0, 0), 0, None)
        opinion.state(plain, around, last, rival, nats)
        assert x["section"] == plain.section
        if step:
            assert x["along"] == plain.along
            assert x["section_limit_dkmh"] == plain.section_limit_dkmh
        assert x["rival"] == plain.rival
        assert float(np.float32(x["rival_nats"])) == plain.rival_nats
        last = int(x["section"]) if x["section"] >= 0 else last
        rival, nats = int(x["rival"]), float(np.float32(x["rival_nats"]))
