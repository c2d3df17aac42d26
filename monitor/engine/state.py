"""State of one vehicle as one structured row: the engine's own part, then one part per rule.

One row and one pass keep a step in a few cache lines; separate arrays per rule cost a cache miss each. At most
2 KiB per vehicle may be used; with the rules of ``docs/rules.md`` it is some 2,000 bytes. Where its fields lie is
``row_layout``'s matter.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np

from monitor.engine.rule import Rule
from monitor.model.day import COUNTERS, VEHICLE_DAY
from monitor.model.edge import EDGE

PENDING_MAX = 2
"""Displaced reports held back: the third consistent one proves that the vehicle is there (readings, Drift)."""

PENDING = np.dtype(
    [
        ("fix_ms", np.int64),
        ("clock_ms", np.int64),
        ("lon_e7", np.int32),
        ("lat_e7", np.int32),
        ("driver", np.int32),
        ("speed_dkmh", np.int16),
        ("acc", np.int8),
        ("late", np.int8),
    ],
    align=True,
)

_COUNTED_ALWAYS = ("mileage_m", "mileage_complete_m", "reports_total", "reports_qualified")
DAY_COUNTERS: tuple[str, ...] = tuple(name for name in COUNTERS if name != "drift_vehicle")

# Scalars instead of small array fields wherever a report touches them: Numba builds an array view, with reference
# counting, at every access to an array field.
CORE = np.dtype(
    [
        ("time_ms", np.int64),  # newest time stamp of any report, positioned or not
        ("fix_ms", np.int64),  # newest good fix
        ("clock_ms", np.int64),  # engine clock at that fix
        ("contact_ms", np.int64),  # engine clock at the last contact; 0 = never
        ("lon_deg", np.float64),
        ("lat_deg", np.float64),
        ("mileage_m", np.float64),
        ("mileage_complete_m", np.float64),
        ("recent_1_ms", np.int32),  # how far the time stamps before the newest lie behind it; 0 = none
        ("recent_2_ms", np.int32),
        ("recent_3_ms", np.int32),
        ("reports_total", np.int32),
        ("reports_qualified", np.int32),
        ("day", np.int32),  # Beijing day number the counters belong to
        ("suspended_from_day", np.int32),  # as in SPANS, for rules that ask with every report
        ("suspended_to_day", np.int32),
        ("retired_day", np.int32),
        ("odometer_m", np.int32),  # as last stated, and one more; 0 = never
        ("driver", np.int32),
        ("profile", np.int32),  # row of the parameter table
        ("step_1_ds", np.int16),  # the last steps of at most 180 s, newest first, tenths of a second; 0 = none
        ("step_2_ds", np.int16),
        ("step_3_ds", np.int16),
        ("step_4_ds", np.int16),
        ("step_5_ds", np.int16),
        ("speed_dkmh", np.int16),  # of the newest good fix, derived where the report had none; -1 unknown
        ("gap_flags", np.int8),  # held_gap.GapFlag; 0 = none waits
        ("n_pending", np.int8),
        ("acc", np.int8),  # -1 unknown, 0 off, 1 on
        ("registered", np.int8),
        ("vehicle_class", np.int8),  # position in VehicleClass; -1 not registered
        ("shown_speed", np.int8),  # the speed above was stated, not derived
        ("section", np.int32),  # last road section that was known, one more than its position; 0 = none
        ("rival", np.int32),  # the section that may be the true one instead, likewise
        ("rival_nats", np.float32),  # and what its fixes have gained on the other (monitor.engine.near)
        ("source", np.int32),  # of the last contact, one more than its position in the fleet's sources; 0 = unknown
        ("pending", PENDING, (PENDING_MAX,)),  # from here on what most reports have nothing to do with
        ("gap_from_ms", np.int64),  # the gap that waits for backfill (monitor.engine.held_gap)
        ("gap_to_ms", np.int64),
        ("gap_due_ms", np.int64),  # it waits until then
        *[(name, np.int32) for name in DAY_COUNTERS if name not in _COUNTED_ALWAYS],
        ("gap_driver", np.int32),
        ("gap_from_lon_e7", np.int32),
        ("gap_from_lat_e7", np.int32),
        ("gap_to_lon_e7", np.int32),
        ("gap_to_lat_e7", np.int32),
        ("gap_to_section", np.int32),  # as edges carry it
        ("gap_seen_from_ms", np.int32),  # of a split gap: where the first part ends, from its begin on
        ("gap_seen_to_ms", np.int32),  # where the second begins, likewise
        ("gap_seen_from_lon_e7", np.int32),
        ("gap_seen_from_lat_e7", np.int32),
        ("gap_seen_to_lon_e7", np.int32),
        ("gap_seen_to_lat_e7", np.int32),
        ("gap_seen_from_section", np.int32),
        ("gap_source", np.int16),  # through which the vehicle was heard of before the gap
    ],
    align=True,
)

FIRST_COLD = "pending"
"""The field of ``CORE`` from which on a usual report has nothing to do with it."""

NO_DAY = 2**30
"""Day number of a registry date that never comes."""

SPANS = np.dtype(
    [
        ("due_from_day", np.int32),  # in service from
        ("suspended_from_day", np.int32),
        ("suspended_to_day", np.int32),  # first day after the last suspended one
        ("retired_day", np.int32),  # first day after the last one of service
    ],
    align=True,
)
"""Registry dates of one vehicle as Beijing day numbers, read only when time passes."""

STEP = np.dtype(
    [
        ("fix_ms", np.int64),
        ("clock_ms", np.int64),
        ("previous_fix_ms", np.int64),
        ("previous_clock_ms", np.int64),
        ("dt_ms", np.int64),  # since the last good fix; 0 at the first
        ("distance_m", np.float64),  # straight line from the last good fix
        ("lon_deg", np.float64),
        ("lat_deg", np.float64),
        ("previous_lon_deg", np.float64),
        ("previous_lat_deg", np.float64),
        ("speed_dkmh", np.int64),  # as stated and in range; -1 otherwise
        ("motion_dkmh", np.int64),  # stated, else derived from the step; -1 at a first fix without speed
        ("previous_motion_dkmh", np.int64),
        ("mileage_m", np.int64),  # odometer as stated; -1 unknown, and for held-back reports
        ("recorder_dkmh", np.int64),  # speed of the recorder as stated; -1 unknown, and for held-back reports
        ("acc", np.int64),
        ("previous_acc", np.int64),
        ("driver", np.int64),
        ("previous_driver", np.int64),
        ("night", np.int64),  # fix inside 22:00-06:00
        ("first", np.int64),
        ("jump", np.int64),  # the step to a new place proved by three consistent reports
        ("late", np.int64),
        ("stale", np.int64),  # contact: older than the newest report of the vehicle
        ("positioned", np.int64),  # contact, receipt and report: the report had a usable position
        ("recv_ms", np.int64),  # receipt: when it was received
        ("offset_ms", np.int64),  # receipt: the terminal's time less that; below 0 it is behind or came late
        ("backfill", np.int64),  # receipt: the terminal says that it was made up later
        ("heading_deg", np.int64),  # as stated; -1 unknown, and for held-back reports
        ("section", np.int64),  # road section, position in the RoadSet; -1 unknown road, and for held-back reports
        ("rival", np.int64),  # section that may be the true one instead; -1 = none
        ("rival_nats", np.float64),  # what its fixes have gained
        ("along", np.int64),  # 1 with the section's line, -1 against it, 0 unknown
        ("section_limit_dkmh", np.int64),  # posted on the section; 0 = not known
        ("road_class", np.int64),  # model.road.RoadClass; 0 = unknown road
        ("road_flags", np.int64),  # model.road.RoadFlag
        ("fence", np.int64),  # the fence of the lowest limit; -1 = none has one
        ("fence_limit_dkmh", np.int64),  # 0 = none
        ("fence_kinds", np.int64),  # bits of model.fence.FenceKind of all fences around the place
        ("relay_points", np.int64),  # whether there is a fence of kind relay anywhere
        ("permit", np.int64),  # position in the PermitSet of the one in force; -1 = none, -2 held-back report
        ("permit_limit_dkmh", np.int64),  # 0 = none, or the permit does not hold now
        ("permit_from_ms", np.int64),  # these only where there is a permit
        ("permit_to_ms", np.int64),  # exclusive
        ("permit_hours_from_s", np.int64),  # of the Beijing day; -1 = all day
        ("permit_hours_to_s", np.int64),
        ("permit_corridor_m", np.float64),  # allowed distance from the route; 0 = the permit names none
        ("route_off_m", np.float64),  # distance from the middle of the route
        ("route_left_m", np.float64),  # along the route to its end
        ("route_length_m", np.float64),
        ("route_end_m", np.float64),  # straight to the route's end
        ("alarm_word", np.int64),  # report: JT/T 808 alarm word; -1 unknown
        ("gap_uses", np.int64),  # step: rules that ask for the step to be kept as a gap (held_gap.GapFlag)
        ("gap_wait_ms", np.int64),  # for how long
        ("gap_least_ms", np.int64),  # late: longer parts of a gap are still ones
        ("gap_flags", np.int64),  # gap: what is to be told; these only there
        ("gap_from_ms", np.int64),
        ("gap_to_ms", np.int64),
        ("gap_from_lon_deg", np.float64),
        ("gap_from_lat_deg", np.float64),
        ("gap_to_lon_deg", np.float64),
        ("gap_to_lat_deg", np.float64),
        ("gap_distance_m", np.float64),  # straight line
        ("gap_section", np.int64),  # at its end, as edges carry it
        ("gap_driver", np.int64),
        ("gap_source", np.int64),
        ("gap_at_ms", np.int64),  # engine clock at which it is told
        ("fenced", np.int64),  # report: power cut, ACC not on, and inside a depot or loading fence
        ("again", np.int64),  # report: repeats the newest time stamp
        ("source", np.int64),  # of the last contact before this report, one more than its position; 0 = unknown
        ("heard_ms", np.int64),  # engine clock at that contact; 0 = never
        ("row", np.int64),
        ("settled", np.int64),
        ("final", np.int64),  # time passing: no later report will ever come
        ("first_life_ms", np.int64),  # engine clock at the very first record
        ("paused_ms", np.int64),  # begin of our own last pause
        ("grace_until_ms", np.int64),  # absence and track rules hold back until then
        ("due_from_ms", np.int64),
        ("suspended_from_ms", np.int64),
        ("suspended_to_ms", np.int64),
        ("retired_ms", np.int64),
    ],
    align=True,
)
"""What the engine has worked out about one step, once, for every rule to read."""


STRETCH = np.dtype(
    [
        ("row", np.int32),
        ("driver", np.int32),  # driver index of the fleet; -1 unknown
        ("from_ms", np.int64),
        ("to_ms", np.int64),
        ("distance_m", np.float64),
        ("kind", np.int8),  # StretchKind
    ],
    align=True,
)
"""A stretch of a vehicle's time that is over: what the run of a driving clock consists of."""


class StretchKind(IntEnum):
    """What a vehicle did for a while."""

    DRIVE = 1
    STOP = 2
    UNKNOWN = 3


SIGN = np.dtype(
    [
        ("row", np.int32),
        ("rule", np.int16),  # code of the rule whose judge reads it
        ("at_ms", np.int64),
        ("value", np.int64),  # in the rule's own meaning
    ],
    align=True,
)
"""Something about one vehicle that a rule's judge compares with other vehicles."""


EDGE_ROOM = 8192
DAY_ROOM = 8192
STRETCH_ROOM = 8192
SIGN_ROOM = 8192

OUT = np.dtype(
    [
        ("n_edges", np.int64),
        ("n_days", np.int64),
        ("n_stretches", np.int64),
        ("n_signs", np.int64),
        ("edges", EDGE, (EDGE_ROOM,)),
        ("days", VEHICLE_DAY, (DAY_ROOM,)),
        ("stretches", STRETCH, (STRETCH_ROOM,)),
        ("signs", SIGN, (SIGN_ROOM,)),
    ],
    align=True,
)
"""Where the pass writes. A record and not arrays: Numba counts references to arrays at every call, not to records."""


def params_dtype(rules: Sequence[Rule]) -> np.dtype[np.void]:
    """Dtype of one row of the parameter table: one field per rule."""
    return np.dtype([(rule.name, rule.params) for rule in rules], align=True)
