"""The net of lines: cut where they meet, joined where nothing changes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from monitor.app.road_import.line import RoadFacts, RoadLine, Tally
from monitor.app.road_import.network import LONGEST_SECTION_M, build_network
from monitor.app.road_import.section_file import section_file
from monitor.model.road import RoadClass

FACTS = RoadFacts(RoadClass.SECOND, road_no="S213", limit_kmh=60)
ONE_WAY = replace(FACTS, one_way=True)


def line(name: str, *nodes: int, facts: RoadFacts = FACTS, km: tuple[float, float] | None = None) -> RoadLine:
    """A line through numbered points of a grid of 10 columns, about 1 km apart."""
    xy = np.array([(99.0 + node % 10 / 86.0, 39.0 + node // 10 / 111.0) for node in nodes])
    return RoadLine(name, nodes, xy, facts, *(km or (None, None)))


def net(*lines: RoadLine) -> dict[str, tuple[int, ...]]:
    return {found.line_id: found.nodes for found in build_network(lines, Tally())}


def test_a_line_is_cut_where_another_begins() -> None:
    assert net(line("a", 0, 1, 2), line("b", 1, 11)) == {"a": (0, 1), "a.2": (1, 2), "b": (1, 11)}


def test_lines_that_cross_in_a_common_point_are_both_cut() -> None:
    assert net(line("a", 10, 11, 12), line("b", 1, 11, 21)) == {
        "a": (10, 11),
        "a.2": (11, 12),
        "b": (1, 11),
        "b.2": (11, 21),
    }


def test_a_bridge_without_a_common_point_cuts_nothing() -> None:
    assert net(line("a", 10, 12), line("b", 1, 21)) == {"a": (10, 12), "b": (1, 21)}


def test_a_chain_of_equal_facts_is_one_section() -> None:
    assert net(line("a", 0, 1), line("b", 1, 2), line("c", 2, 3)) == {"a": (0, 1, 2, 3)}


def test_a_chain_is_found_from_its_middle() -> None:
    assert net(line("b", 1, 2), line("a", 0, 1), line("c", 2, 3)) == {"b": (0, 1, 2, 3)}


def test_a_two_way_line_drawn_the_other_way_round_joins() -> None:
    assert net(line("a", 0, 1), line("b", 2, 1)) == {"a": (0, 1, 2)}


def test_a_one_way_line_that_runs_the_other_way_does_not() -> None:
    assert net(line("a", 0, 1, facts=ONE_WAY), line("b", 2, 1, facts=ONE_WAY)) == {"a": (0, 1), "b": (2, 1)}
    assert net(line("a", 0, 1, facts=ONE_WAY), line("b", 1, 2, facts=ONE_WAY)) == {"a": (0, 1, 2)}


def test_other_facts_end_a_section() -> None:
    assert len(net(line("a", 0, 1), line("b", 1, 2, facts=replace(FACTS, limit_kmh=40)))) == 2
    assert len(net(line("a", 0, 1), line("b", 1, 2, facts=replace(FACTS, tunnel=True)))) == 2


def test_turned_round_a_line_leads_where_its_other_end_did() -> None:
    there = replace(FACTS, towards="张掖", towards_back="酒泉")
    assert net(line("a", 0, 1, facts=there), line("b", 2, 1, facts=there.reversed())) == {"a": (0, 1, 2)}
    assert len(net(line("a", 0, 1, facts=there), line("b", 2, 1, facts=there))) == 2


def test_posts_go_on_through_a_joint_or_end_a_section() -> None:
    joined = build_network([line("a", 0, 1, km=(10.0, 11.0)), line("b", 1, 2, km=(11.02, 12.0))], Tally())
    assert [(found.km_from, found.km_to) for found in joined] == [(10.0, 12.0)]
    assert len(net(line("a", 0, 1, km=(10.0, 11.0)), line("b", 1, 2, km=(31.0, 32.0)))) == 2
    assert len(net(line("a", 0, 1, km=(10.0, 11.0)), line("b", 1, 2))) == 2


def test_a_cut_shares_the_posts_by_length() -> None:
    pieces = build_network([line("a", 0, 1, 2, 4, km=(10.0, 14.0)), line("b", 1, 11)], Tally())
    assert [(round(found.km_from or 0, 2), round(found.km_to or 0, 2)) for found in pieces[:2]] == [(10, 11), (11, 14)]


def test_a_chain_ends_before_it_gets_too_long() -> None:
    chain = [line(f"l{n}", n * 10, n * 10 + 10) for n in range(30)]
    found = build_network(chain, Tally())
    assert max(section.length_m for section in found) <= LONGEST_SECTION_M
    assert len(found) == 4


def test_a_ring_stays_a_ring() -> None:
    assert net(line("a", 0, 1, 11, 10, 0)) == {"a": (0, 1, 11, 10, 0)}
    assert sum(len(nodes) - 1 for nodes in net(line("a", 0, 1, 11), line("b", 11, 10, 0)).values()) == 4


def test_a_line_that_is_there_twice_is_refused_once() -> None:
    tally = Tally()
    assert len(build_network([line("a", 0, 1), line("b", 1, 0)], tally)) == 1
    assert [(remark.line_id, remark.reason) for remark in tally.refused] == [("b", "doubled")]


def test_two_carriageways_on_one_line_are_two() -> None:
    assert len(net(line("a", 0, 1, facts=ONE_WAY), line("b", 1, 0, facts=ONE_WAY))) == 2


@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 29), min_size=2, max_size=6), st.booleans(), st.sampled_from([40, 60])),
        max_size=8,
    )
)
def test_every_kilometre_of_the_lines_is_in_the_net_once(drawn: list[tuple[list[int], bool, int]]) -> None:
    lines = []
    for number, (nodes, one_way, limit) in enumerate(drawn):
        steps = [node for i, node in enumerate(nodes) if i == 0 or node != nodes[i - 1]]
        if len(steps) > 1:
            lines.append(line(f"l{number}", *steps, facts=replace(FACTS, one_way=one_way, limit_kmh=limit)))
    tally = Tally()
    found = build_network(lines, tally)
    doubled = {remark.line_id for remark in tally.refused}
    expected = sum(one.length_m for one in lines if one.line_id not in doubled)
    assert abs(sum(section.length_m for section in found) - expected) < 1e-3 * max(len(lines), 1)
    inner = [node for section in found for node in section.nodes[1:-1]]
    ends = {node for section in found for node in (section.nodes[0], section.nodes[-1])}
    assert not set(inner) & ends
    assert len(inner) == len(set(inner))


def test_what_the_road_file_would_refuse_is_told_with_its_reason() -> None:
    tally = Tally()
    roads = section_file([line("a", 0, 1), line("b", 2, 3, facts=replace(FACTS, limit_kmh=500))], tally)
    assert [section.section_id for section in roads.sections] == ["a"]
    assert [(remark.line_id, remark.reason) for remark in tally.refused] == [("b", "section")]
    assert "limit_kmh 500" in tally.refused[0].detail


def test_sections_that_touch_end_at_the_very_same_place() -> None:
    a, b = line("a", 0, 1), line("b", 1, 11)
    b = replace(b, xy=b.xy + 4e-7)
    first, second = section_file([a, b], Tally()).sections
    assert first.line.coords[-1] == second.line.coords[0]
