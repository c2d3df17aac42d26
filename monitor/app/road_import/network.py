"""The net of lines: cut where they meet, joined where nothing changes.

A section has to end where another begins, because a vehicle's next section is sought among those that touch its last;
and it should be no shorter than it needs, because an officer reads it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from monitor.app.road_import.line import Refusal, RoadLine, Tally

LONGEST_SECTION_M = 10_000.0
"""Chains are joined up to this length (D): a limit that is wrong for one bend should not doubt a whole county road."""
SHARPEST_TURN = -0.5
"""Cosine of the sharpest turn within a section, 120 degrees (D): hairpins are drawn with many points."""
SAME_POST_KM = 0.05
"""Kilometre posts that differ by less at a joint go on there (D: half of what a place name shows)."""


def build_network(lines: Sequence[RoadLine], tally: Tally) -> list[RoadLine]:
    """Lines cut at every junction and joined through every point that is none; ids stay those of their first piece."""
    return joined(split(without_doubles(lines, tally)))


def without_doubles(lines: Sequence[RoadLine], tally: Tally) -> list[RoadLine]:
    """Without lines that are there already: graph exports hold each two-way road once per direction."""
    seen: set[tuple[int, ...]] = set()
    kept: list[RoadLine] = []
    for line in lines:
        back = line.nodes[::-1]
        if line.nodes in seen or (not line.facts.one_way and back in seen):
            tally.refuse(line.line_id, Refusal.DOUBLED)
            continue
        seen.add(line.nodes)
        if not line.facts.one_way:
            seen.add(back)
        kept.append(line)
    return kept


def split(lines: Sequence[RoadLine]) -> list[RoadLine]:
    """Cut each line at the points that it shares with another, or passes twice itself."""
    uses = Counter(node for line in lines for node in line.nodes)
    pieces: list[RoadLine] = []
    for line in lines:
        inner = [i for i in range(1, len(line.nodes) - 1) if uses[line.nodes[i]] > 1]
        pieces += _pieces(line, inner)
    return pieces


def _pieces(line: RoadLine, cuts: list[int]) -> list[RoadLine]:
    if not cuts:
        return [line]
    ends = [0, *cuts, len(line.nodes) - 1]
    along = line.along_m
    pieces: list[RoadLine] = []
    for number, (a, b) in enumerate(pairwise(ends), 1):
        pieces.append(
            replace(
                line,
                line_id=line.line_id if number == 1 else f"{line.line_id}.{number}",
                nodes=line.nodes[a : b + 1],
                xy=line.xy[a : b + 1],
                km_from=_post_at(line, float(along[a]), float(along[-1])),
                km_to=_post_at(line, float(along[b]), float(along[-1])),
            )
        )
    return pieces


def _post_at(line: RoadLine, at_m: float, length_m: float) -> float | None:
    if line.km_from is None or line.km_to is None:
        return None
    return line.km_from + (line.km_to - line.km_from) * at_m / length_m


def joined(lines: Sequence[RoadLine]) -> list[RoadLine]:
    """Join chains of equal facts through points where exactly two lines meet; the first line gives the direction."""
    touching: dict[int, list[int]] = defaultdict(list)
    for index, line in enumerate(lines):
        touching[line.nodes[0]].append(index)
        touching[line.nodes[-1]].append(index)
    used = [False] * len(lines)
    chains: list[RoadLine] = []
    for index, line in enumerate(lines):
        if used[index]:
            continue
        used[index] = True
        chain, length_m = [line], line.length_m
        while (found := _next(chain[-1], length_m, touching, used, lines)) is not None:
            chain.append(found)
            length_m += found.length_m
        # Backwards is forwards on the reversed chain; one-way roads stay as they are driven.
        while (found := _previous(chain[0], length_m, touching, used, lines)) is not None:
            chain.insert(0, found)
            length_m += found.length_m
        chains.append(_chained(chain, line.line_id))
    return chains


def _next(
    last: RoadLine, length_m: float, touching: dict[int, list[int]], used: list[bool], lines: Sequence[RoadLine]
) -> RoadLine | None:
    """The line that goes on where one ends, drawn in its direction; marks it used."""
    node = last.nodes[-1]
    for index, line in _candidates(node, touching, used, lines):
        ways = [line] if line.nodes[0] == node else []
        if line.nodes[-1] == node and not line.facts.one_way:
            ways.append(line.reversed())
        for way in ways:
            if _goes_on(last, way) and length_m + way.length_m <= LONGEST_SECTION_M:
                used[index] = True
                return way
    return None


def _previous(
    first: RoadLine, length_m: float, touching: dict[int, list[int]], used: list[bool], lines: Sequence[RoadLine]
) -> RoadLine | None:
    node = first.nodes[0]
    for index, line in _candidates(node, touching, used, lines):
        ways = [line] if line.nodes[-1] == node else []
        if line.nodes[0] == node and not line.facts.one_way:
            ways.append(line.reversed())
        for way in ways:
            if _goes_on(way, first) and length_m + way.length_m <= LONGEST_SECTION_M:
                used[index] = True
                return way
    return None


def _candidates(
    node: int, touching: dict[int, list[int]], used: list[bool], lines: Sequence[RoadLine]
) -> list[tuple[int, RoadLine]]:
    """The other line at a point where exactly two ends meet, while it is free."""
    around = touching[node]
    return [(index, lines[index]) for index in around if not used[index]] if len(around) == 2 else []


def _goes_on(a: RoadLine, b: RoadLine) -> bool:
    if a.facts != b.facts or _turns_back(a, b):
        return False
    if a.km_from is None or a.km_to is None or b.km_from is None or b.km_to is None:
        return a.km_from is None and b.km_from is None
    same_sense = (a.km_to > a.km_from) == (b.km_to > b.km_from)
    return same_sense and abs(a.km_to - b.km_from) <= SAME_POST_KM


def _turns_back(a: RoadLine, b: RoadLine) -> bool:
    """Whether b runs back where a came from, as two carriageways do at their end."""
    stretch = np.cos(np.radians(a.xy[-1, 1]))
    into, out = (a.xy[-1] - a.xy[-2]) * (stretch, 1.0), (b.xy[1] - b.xy[0]) * (stretch, 1.0)
    return bool(into @ out < SHARPEST_TURN * np.hypot(*into) * np.hypot(*out))


def _chained(chain: Sequence[RoadLine], line_id: str) -> RoadLine:
    if len(chain) == 1:
        return chain[0]
    nodes = chain[0].nodes + tuple(node for line in chain[1:] for node in line.nodes[1:])
    xy = np.concatenate([chain[0].xy, *(line.xy[1:] for line in chain[1:])])
    return replace(chain[0], line_id=line_id, nodes=nodes, xy=xy, km_from=chain[0].km_from, km_to=chain[-1].km_to)
