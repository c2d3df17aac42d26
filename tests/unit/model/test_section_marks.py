"""Section marks say which road section, and which way where that was seen."""

from __future__ import annotations

import pytest

from monitor.model.edge import UNDIRECTED, section_place


@pytest.mark.parametrize(
    ("mark", "place"),
    [(0, (-1, 0)), (1, (0, 1)), (-1, (0, -1)), (7, (6, 1)), (UNDIRECTED + 7, (6, 0))],
    ids=["unknown road", "with its line", "against its line", "another one", "which way is not known"],
)
def test_a_mark(mark: int, place: tuple[int, int]) -> None:
    assert section_place(mark) == place
