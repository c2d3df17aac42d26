"""Edges: what a rule says when a condition begins, changes or ends, as fixed-size rows.

A rule never builds an alarm. It writes an edge that carries the whole episode as known at that moment; the alarm book
turns edges into alarm records. Rows of dtype ``EDGE`` are filled by compiled code.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np


class EdgeType(IntEnum):
    """What an edge means for its episode."""

    ONSET = 1
    UPDATE = 2  # grade, certainty or kind changed while it lasts
    CLEAR = 3
    PREWARNING = 4  # a push of its own; no alarm record
    WITHDRAW = 5  # the episode turned out not to be one
    RECORD = 6  # worth keeping, nothing to alarm anybody about; no alarm record
    RELEASE = 7  # the episode is over and what it inhibited is let go; says nothing new of its own alarm


UNDIRECTED = 1 << 24
"""Added to a section mark where nobody saw which way the vehicle ran."""


def section_place(mark: int) -> tuple[int, int]:
    """Position of a mark's section, -1 for none; and 1 with its line, -1 against it, 0 not known.

    A section mark is 0 for an unknown road, else 1 + the section's position, negative against its line.
    """
    place = (abs(mark) & (UNDIRECTED - 1)) - 1
    if place < 0 or abs(mark) & UNDIRECTED:
        return place, 0
    return place, 1 if mark > 0 else -1


EDGE = np.dtype(
    [
        ("row", np.int32),  # fleet row
        ("driver", np.int32),  # driver index of the fleet; -1 unknown
        ("onset_ms", np.int64),  # identifies the episode within (row, rule, kind)
        ("end_ms", np.int64),  # 0 while it lasts
        ("at_ms", np.int64),  # engine clock when found
        ("peak", np.float64),  # in the rule's unit; NaN = none
        ("mean", np.float64),
        ("limit", np.float64),
        ("distance_m", np.float64),
        ("start_lon", np.float64),
        ("start_lat", np.float64),
        ("end_lon", np.float64),
        ("end_lat", np.float64),
        ("heard_ms", np.int64),  # engine clock when the vehicle was last heard of before; 0 never
        ("platform", np.int32),  # in the fleet's sources: last heard of through it; with row -1, what it is about
        ("start_section", np.int32),  # road section at the begin, a section mark
        ("end_section", np.int32),
        ("fence", np.int32),  # fence that the alarm or its limit comes from; 0 none, else 1 + position
        ("permit", np.int32),  # permit that the alarm or its limit comes from; -1 none
        ("n_reports", np.int32),
        ("rule", np.int16),  # code: position in the engine's tuple of rules
        ("kind", np.int8),  # position in the rule's kinds; 0 for rules without
        ("edge", np.int8),  # EdgeType
        ("grade", np.int8),  # model.alarm.Grade
        ("certainty", np.int8),  # model.alarm.Certainty
        ("limit_source", np.int8),  # model.alarm.LimitSource
        ("end_reason", np.int8),  # model.alarm.EndReason
        ("suspected_serious", np.int8),
        ("night_only", np.int8),
        ("late", np.int8),
    ],
    align=True,
)
