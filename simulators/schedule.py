"""What one vehicle does when: the finished schedule that reports and truth are both made from.

Times are seconds since the scenario's first Beijing midnight. Speed is piecewise linear between knots, so the place
at any moment is exact, and so is every truth figure.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from monitor.model.alarm_bits import AlarmBit
from simulators.fleet import Member
from simulators.roads import Circuit, Floats

DAY_S = 86_400.0
NIGHT_START_S = 22 * 3600.0
NIGHT_END_S = 6 * 3600.0
MOVING_MS = 5 / 3.6
"""Moving is at least 5 km/h (rulebook F6), in m/s."""


class SilenceKind(StrEnum):
    GAP = "gap"  # reports of the window are lost
    BACKFILL = "backfill"  # they come later, flagged
    ABSENCE = "absence"  # the terminal is off for a day or more, the vehicle stands
    OUTAGE = "outage"  # the platform that the vehicle is heard through is down


@dataclass(frozen=True, slots=True)
class Span:
    """``[start_s, end_s)``."""

    start_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s

    def overlap_s(self, other: Span) -> float:
        return max(0.0, min(self.end_s, other.end_s) - max(self.start_s, other.start_s))


@dataclass(frozen=True, slots=True)
class Silence:
    span: Span
    kind: SilenceKind
    note: str


@dataclass(frozen=True, slots=True)
class Phase:
    """Reports every ``interval_s`` from the start of the span, one at the start itself."""

    span: Span
    interval_s: float
    acc_on: bool
    driver: int  # index into the member's drivers; -1 none


@dataclass(frozen=True, slots=True)
class ClockError:
    """Reports of the span carry a fix time that is wrong by ``shift_s``; standing, so no track is lost."""

    span: Span
    shift_s: float
    note: str


@dataclass(frozen=True, slots=True)
class Signal:
    """The terminal sets a bit of its alarm word in the reports of the span; ``expected`` says if it is an alarm."""

    span: Span
    bit: AlarmBit
    note: str
    expected: bool = True


@dataclass(frozen=True, slots=True)
class Leg:
    """A drive from stand to stand: when and where it began, and its knots (seconds since, metres per second)."""

    begun_s: float
    begun_m: float
    knots: tuple[tuple[float, float], ...]

    @property
    def span(self) -> Span:
        return Span(self.begun_s, self.begun_s + self.knots[-1][0])


@dataclass(frozen=True, slots=True)
class Copy:
    """The fixes of ``span`` are sent again, dated ``shift_s`` later: by the same vehicle, or by one that follows it."""

    span: Span
    shift_s: float


@dataclass(frozen=True, slots=True)
class Schedule:
    member: Member
    circuit: Circuit
    end_s: float  # end of the scenario
    start_m: float  # place on the circuit at time 0
    knot_s: Floats
    knot_ms: Floats  # speed at each knot, metres per second
    phases: tuple[Phase, ...]
    silences: tuple[Silence, ...]
    frozen: tuple[Span, ...]
    pinned: tuple[Span, ...]
    no_fix: tuple[Span, ...]
    clock_errors: tuple[ClockError, ...]
    drift: tuple[tuple[int, float], ...]  # (day of the scenario, displaced fixes over those of a drift day)
    signals: tuple[Signal, ...] = ()

    def speed_ms(self, at_s: Floats) -> Floats:
        """Speed in metres per second at each moment."""
        return np.interp(at_s, self.knot_s, self.knot_ms)

    def travelled_m(self, at_s: Floats) -> Floats:
        """Place on the circuit (over all rounds) at each moment: the exact integral of the speed."""
        width = np.diff(self.knot_s)
        reached = np.concatenate([[0.0], np.cumsum(width * (self.knot_ms[1:] + self.knot_ms[:-1]) / 2)])
        piece = np.clip(np.searchsorted(self.knot_s, at_s, side="right") - 1, 0, len(width) - 1)
        since = np.clip(at_s - self.knot_s[piece], 0.0, width[piece])
        slope = (self.knot_ms[piece + 1] - self.knot_ms[piece]) / np.maximum(width[piece], 1e-9)
        return self.start_m + reached[piece] + self.knot_ms[piece] * since + slope * since**2 / 2

    def parked_at(self, at_s: float) -> bool:
        """Whether the vehicle is below 5 km/h at a moment."""
        return float(self.speed_ms(np.array([at_s]))[0]) < MOVING_MS


def nights(span: Span) -> tuple[Span, ...]:
    """The night spans (22:00–06:00 Beijing) that touch ``span``."""
    first = int(span.start_s // DAY_S) - 1
    last = int(span.end_s // DAY_S)
    spans = (Span(day * DAY_S + NIGHT_START_S, (day + 1) * DAY_S + NIGHT_END_S) for day in range(first, last + 1))
    return tuple(night for night in spans if night.overlap_s(span) > 0)


def night_at(at_s: float) -> bool:
    """Whether a moment lies in 22:00–06:00 Beijing."""
    of_day = at_s % DAY_S
    return of_day >= NIGHT_START_S or of_day < NIGHT_END_S
