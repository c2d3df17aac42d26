"""A vehicle's time as stretches of driving, standing and unknown time, told when each is over.

Follows the steps as ``monitor.engine.driving`` judges them, so a move too short and near to end a stop is part of the
stop, and driving with ACC off is unknown from where it began. The stretches of a vehicle join up without a hole, from
its first report on. One that lasts has its ``OPEN`` record; nothing is written for no time at all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.engine.driving import ACC_UNKNOWN, is_moving
from monitor.engine.state import STRETCH, StretchKind
from monitor.model.compiled import compiled, folded

OPEN = np.dtype(
    [
        ("from_ms", np.int64),
        ("distance_m", np.float64),
        ("tail_m", np.float64),  # of it, what goes to the next stretch, should a move end the stop or ACC contradict
        ("driver", np.int32),  # 1 + index; 0 = unknown
        ("kind", np.int8),  # StretchKind; 0 = no report yet
    ],
    align=True,
)
"""The stretch that lasts."""

_DRIVE = int(StretchKind.DRIVE)
_STOP = int(StretchKind.STOP)
_UNKNOWN = int(StretchKind.UNKNOWN)


@folded
def who_drives(driving: np.void) -> int:
    """1 + driver index; 0 where no card has been in since the last stop, or none is known."""
    if driving["unnamed"] == 1:
        return 0
    return int(driving["driver"])


@compiled
def write_stretch(stretch: np.void, row: int, out: np.void, to_ms: int, distance_m: float) -> None:
    """A stretch up to a moment, unless that is its begin."""
    if to_ms <= stretch["from_ms"]:
        return
    n = out["n_stretches"]
    out["n_stretches"] = n + 1
    s = out["stretches"][n]
    s["row"] = row
    s["driver"] = stretch["driver"] - 1
    s["from_ms"] = stretch["from_ms"]
    s["to_ms"] = to_ms
    s["distance_m"] = distance_m
    s["kind"] = stretch["kind"]


@compiled
def write_open(stretch: np.void, row: int, out: np.void, to_ms: int) -> None:
    """The stretch that lasts, as it is; it goes on."""
    write_stretch(stretch, row, out, to_ms, stretch["distance_m"])


@compiled
def turn(stretch: np.void, row: int, out: np.void, kind: int, at_ms: int, moved_m: float, who: int) -> None:
    """Another stretch since a moment; of the way so far ``moved_m`` belongs to it."""
    write_stretch(stretch, row, out, at_ms, max(0.0, stretch["distance_m"] - moved_m))
    stretch["from_ms"] = max(at_ms, stretch["from_ms"])
    stretch["distance_m"] = moved_m
    stretch["kind"] = kind
    stretch["driver"] = who


@compiled
def begin_stretch(stretch: np.void, driving: np.void, x: np.void) -> None:
    """The first report."""
    stretch["from_ms"] = x["fix_ms"]
    stretch["kind"] = _STOP if driving["rest_ms"] != 0 else _DRIVE
    stretch["driver"] = driving["driver"]


@folded
def pass_queue(stretch: np.void, x: np.void) -> None:
    """The step moved, but does not end the stop yet."""
    stretch["distance_m"] += x["distance_m"]
    stretch["tail_m"] += x["distance_m"]


@folded
def pass_drive(
    stretch: np.void, driving: np.void, x: np.void, out: np.void, from_ms: int, certain_to_ms: int, who: int
) -> None:
    """The step was driving, since ``from_ms``; unknown where ACC contradicts, since ``certain_to_ms``."""
    stretch["distance_m"] += x["distance_m"]
    if stretch["kind"] == _DRIVE and driving["acc_fast_ms"] == 0:
        stretch["tail_m"] = 0.0
        return
    stretch["tail_m"] += x["distance_m"]
    if stretch["kind"] == _STOP:
        turn(stretch, x["row"], out, _DRIVE, from_ms, stretch["tail_m"], who)
    elif stretch["kind"] == _UNKNOWN and driving["acc_fast_ms"] != ACC_UNKNOWN:
        turn(stretch, x["row"], out, _DRIVE, from_ms, x["distance_m"], who)
    if stretch["kind"] == _DRIVE and driving["acc_fast_ms"] == ACC_UNKNOWN:
        turn(stretch, x["row"], out, _UNKNOWN, certain_to_ms, stretch["tail_m"], who)
    if driving["acc_fast_ms"] <= 0:
        stretch["tail_m"] = 0.0


@folded
def pass_stand(stretch: np.void, driving: np.void, x: np.void, out: np.void, who: int) -> None:
    """The step was standing."""
    stretch["distance_m"] += x["distance_m"]
    if stretch["kind"] != _STOP:
        turn(stretch, x["row"], out, _STOP, driving["rest_ms"], x["distance_m"], who)
    stretch["tail_m"] = 0.0


@compiled
def pass_unseen(stretch: np.void, x: np.void, out: np.void, who: int) -> None:
    """The step was silence in which nobody knows what the vehicle did."""
    stretch["distance_m"] += x["distance_m"]
    if stretch["kind"] != _UNKNOWN:
        turn(stretch, x["row"], out, _UNKNOWN, x["previous_fix_ms"], x["distance_m"], who)
    stretch["tail_m"] = 0.0


@folded
def pull_up(stretch: np.void, driving: np.void, x: np.void, out: np.void) -> None:
    """After the step: a report that does not move begins a stop, or ends a move inside one."""
    if is_moving(x["motion_dkmh"], x["acc"]):
        return
    if stretch["kind"] != _STOP:
        turn(stretch, x["row"], out, _STOP, x["fix_ms"], 0.0, who_drives(driving))
    stretch["tail_m"] = 0.0


@compiled
def cut_before(stretch: np.void, driving: np.void, x: np.void, out: np.void) -> None:
    """Before the step: another driver has taken over since the report before."""
    turn(stretch, x["row"], out, stretch["kind"], x["previous_fix_ms"], 0.0, driving["driver"])
    stretch["tail_m"] = 0.0


@compiled
def cut_after(stretch: np.void, driving: np.void, x: np.void, out: np.void) -> None:
    """After the step: another driver drives from here on, and what may yet become his driving is his."""
    if driving["move_ms"] != 0:
        turn(stretch, x["row"], out, stretch["kind"], driving["move_ms"], stretch["tail_m"], driving["driver"])
    else:
        turn(stretch, x["row"], out, stretch["kind"], x["fix_ms"], 0.0, driving["driver"])
        stretch["tail_m"] = 0.0


@compiled
def close_drive(stretch: np.void, driving: np.void, row: int, out: np.void, at_ms: int) -> None:
    """Silence has lasted so long that what is not a stop is over with the last report."""
    if driving["rest_ms"] == 0:
        turn(stretch, row, out, stretch["kind"], at_ms, 0.0, stretch["driver"])
        stretch["tail_m"] = 0.0


@compiled
def name_again(stretch: np.void, driving: np.void, x: np.void) -> None:
    """The driver last named is named in a stretch that was nobody's: without a stop in it, it was his."""
    if driving["driver"] != 0 and x["driver"] + 1 == driving["driver"]:
        stretch["driver"] = driving["driver"]


def lasting_stretch(stretch: np.void, row: int, to_ms: int) -> NDArray[np.void]:
    """The stretch that lasts up to a moment as one STRETCH row; none where it has no length yet."""
    if stretch["kind"] == 0 or to_ms <= stretch["from_ms"]:
        return np.zeros(0, STRETCH)
    told = np.zeros(1, STRETCH)
    told["row"] = row
    told["driver"] = stretch["driver"] - 1
    told["from_ms"] = stretch["from_ms"]
    told["to_ms"] = to_ms
    told["distance_m"] = stretch["distance_m"]
    told["kind"] = stretch["kind"]
    return told
