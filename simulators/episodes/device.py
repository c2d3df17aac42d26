"""What the terminal itself says (终端报警): emergency, antenna cut, power cut, its own speeding alarm.

The plans set bits of the alarm word for a time; ``witness`` reads off the track which reports have them.
"""

from __future__ import annotations

import numpy as np

from monitor.model.alarm_bits import AlarmBit
from simulators.episodes.episode import HOUR_S, Episode, Sight, row, set_out, settle
from simulators.episodes.speeding import grade_word
from simulators.journey import CLASS_CAP_KMH, Journey
from simulators.schedule import Span
from simulators.truth import TruthEpisode

_SERIOUS = (AlarmBit.EMERGENCY,)
_MAJOR = (AlarmBit.GNSS_ANTENNA_CUT, AlarmBit.GNSS_ANTENNA_SHORT, AlarmBit.POWER_LOST)


def emergency(journey: Journey, day_s: float) -> None:
    """Pressed on the way and answered at once: the bit stands in one report."""
    _press(journey, day_s, reports=1)


def emergency_repeated(journey: Journey, day_s: float) -> None:
    """The platform's answer is lost four times, so the bit stands in five reports: one alarm."""
    _press(journey, day_s, reports=5)


def _press(journey: Journey, day_s: float, reports: int) -> None:
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
    begun = journey.now_s
    journey.signal(Span(begun, begun + reports * journey.interval_s), AlarmBit.EMERGENCY, "pressed on the way")
    journey.cruise(1_200.0)
    settle(journey)


def antenna_cut(journey: Journey, day_s: float) -> None:
    """Cut while parked on the way, and no fix while it is."""
    begun = _stop_on_the_way(journey, day_s)
    span = Span(begun, begun + float(journey.rng.uniform(1_800, 5_400)))
    journey.signal(span, AlarmBit.GNSS_ANTENNA_CUT, "cut while parked")
    journey.lose_fix(span)
    _go_on(journey)


def power_cut(journey: Journey, day_s: float) -> None:
    """Main power is cut while parked on the way, where nobody has to: an alarm."""
    begun = _stop_on_the_way(journey, day_s)
    span = Span(begun, begun + float(journey.rng.uniform(1_800, 5_400)))
    journey.signal(span, AlarmBit.POWER_LOST, "cut on the way")
    _go_on(journey)


def power_cut_depot(journey: Journey, day_s: float) -> None:
    """Home at the depot, engine off, main switch off: a record where the depot is fenced, no alarm."""
    length_m = journey.circuit.length_m
    journey.park_until(max(day_s + HOUR_S * 6.5, journey.now_s + 1_800.0))
    journey.drive_to((int(journey.s_m / length_m + 0.02) + 1) * length_m)
    begun = journey.now_s + 1_200.0
    journey.rest(7_200.0)
    span = Span(begun, begun + float(journey.rng.uniform(1_800, 5_400)))
    journey.signal(span, AlarmBit.POWER_LOST, "main switch off in the depot", expected=False)


def speeding_alone(journey: Journey, day_s: float) -> None:
    """The terminal is set to a lower limit: it speaks while nobody else has reason to."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
    begun = journey.now_s
    journey.cruise(float(journey.rng.uniform(200, 600)))
    journey.signal(Span(begun, journey.now_s), AlarmBit.SPEEDING, "by the terminal's own limit")
    journey.cruise(900.0)
    settle(journey)


def speeding_both(journey: Journey, day_s: float) -> None:
    """The terminal speaks of a speeding that is one: the same thing twice, merged into ours."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
    since = journey.now_s
    cap = CLASS_CAP_KMH[journey.vehicle_class]
    peak = round(cap * float(journey.rng.uniform(1.12, 1.18)), 1)
    journey.surge(peak, 6 * journey.interval_s + 60.0)
    span = journey.over_span(since)
    if span is not None:
        row(
            journey,
            "speeding",
            span,
            grade=grade_word(peak, cap),
            value=peak,
            limit=cap,
            note="the terminal says so too",
        )
        journey.signal(span, AlarmBit.SPEEDING, "merged into ours", expected=False)
    journey.cruise(900.0)
    settle(journey)


def _stop_on_the_way(journey: Journey, day_s: float) -> float:
    """Parked with the engine off; returns a moment well inside."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(9, 12)))
    journey.cruise(900.0)
    journey.stop()
    begun = journey.now_s + 1_200.0
    journey.rest(7_800.0)
    return begun


def _go_on(journey: Journey) -> None:
    journey.drive(1_800.0)
    journey.rest(2_000.0)


def witness(sight: Sight) -> list[TruthEpisode]:
    """A row per signal: from the first report that has the bit to the first after it without."""
    schedule, sent, start_ms = sight.schedule, sight.sent, sight.start_ms
    out: list[TruthEpisode] = []
    for signal in schedule.signals:
        inside = np.flatnonzero((sent.at_s >= signal.span.start_s) & (sent.at_s < signal.span.end_s))
        if not len(inside):
            continue
        after = int(inside[-1]) + 1
        driver = int(sent.driver[inside[0]])
        out.append(
            TruthEpisode(
                vehicle_id=schedule.member.vehicle.vehicle_id,
                driver_id=schedule.member.drivers[driver] if driver >= 0 else "",
                rule="device_alarm",
                kind=signal.bit.value,
                grade="serious" if signal.bit in _SERIOUS else "major" if signal.bit in _MAJOR else "notice",
                onset_ms=start_ms + round(sent.at_s[inside[0]]) * 1000,
                end_ms=start_ms + round(sent.at_s[after]) * 1000 if after < len(sent) else None,
                expected=signal.expected,
                note=signal.note,
            )
        )
    return out


EPISODES: tuple[Episode, ...] = (
    Episode("device_emergency", emergency),
    Episode("device_emergency_repeated", emergency_repeated),
    Episode("device_antenna_cut", antenna_cut, awake=True),
    Episode("device_power_cut", power_cut, awake=True),
    Episode("device_power_cut_depot", power_cut_depot, awake=True),
    Episode("device_speeding_alone", speeding_alone),
    Episode("device_speeding_both", speeding_both),
)
