"""Sections and permits that state refers to by their position, when the maps change and the positions with them.

A mark is 0 for nothing, else 1 + position; of a section negative where the vehicle runs against its line. What keeps
its id keeps its mark's meaning; what is gone is nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.model.edge import UNDIRECTED

if TYPE_CHECKING:
    from monitor.model.map_set import MapSet

_SECTION_MARKS = ("section", "rival", "start_section", "end_section", "gap_to_section", "gap_seen_from_section")
_PERMIT_MARKS = ("permit",)


def renumber(rows: NDArray[np.void], old: MapSet, new: MapSet) -> None:
    """Bring the marks in fleet rows from one set of maps to another, in place.

    Without old roads or permits there are no marks of them; a restored snapshot states its maps in this way.
    """
    if old.roads is not None and old.roads is not new.roads:
        sections = new.roads.sections if new.roads is not None else ()
        known = [section.section_id for section in old.roads.sections]
        _move(rows, _SECTION_MARKS, known, [section.section_id for section in sections])
    if old.permits is not None and old.permits is not new.permits:
        permits = new.permits.permits if new.permits is not None else ()
        known = [permit.permit_id for permit in old.permits.permits]
        _move(rows, _PERMIT_MARKS, known, [permit.permit_id for permit in permits])


def _move(rows: NDArray[np.void], names: Sequence[str], old_ids: Sequence[str], new_ids: Sequence[str]) -> None:
    if list(old_ids) == list(new_ids):
        return
    place = {one: position + 1 for position, one in enumerate(new_ids)}
    table = np.array([0, *(place.get(one, 0) for one in old_ids)], np.int32)
    for marks in _columns(rows, names):
        sizes = np.abs(marks)
        moved = table[sizes & (UNDIRECTED - 1)]
        marks[...] = np.sign(marks) * np.where(moved > 0, moved | (sizes & UNDIRECTED), 0)


def _columns(rows: NDArray[np.void], names: Sequence[str]) -> Iterator[NDArray[np.int32]]:
    """Every column of one of these names, in the core and in the state of every rule."""
    for name in rows.dtype.names or ():
        column = rows[name]
        if column.dtype.names:
            yield from _columns(column, names)
        elif name in names:
            yield column
