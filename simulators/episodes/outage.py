"""Platform outage (平台中断): nothing arrives from a platform whose vehicles are on the road.

The outages are the scenario's (``outages_min``); here is only what they come to, read off the times of arrival.
"""

from __future__ import annotations

import numpy as np

from simulators.episodes.episode import FleetSight, Sight
from simulators.roads import Floats
from simulators.schedule import MOVING_MS, SilenceKind, Span
from simulators.truth import TruthEpisode

DOWN_S = 300.0
LEAST_VEHICLES = 10
"""Vehicles that drove in the ten minutes before; with fewer a platform has nothing to say."""
DRIVING_S = 600.0
REST_S = 1_200.0
HIDDEN_M = 1_000.0
"""Way in a silence of more than a rest from which it hides driving (rulebook F1)."""
_NEAR_S = 30.0
_NEAR_VEHICLES = 2


def witness(sight: Sight) -> list[TruthEpisode]:
    """A row for each long outage on the road: nobody sees the rests in it, so fatigue may be suspected until the next.

    Either verdict is right.
    """
    spans = [silence.span for silence in sight.schedule.silences if silence.kind is SilenceKind.OUTAGE]
    out: list[TruthEpisode] = []
    for span in spans:
        ends_s = np.array([span.start_s, span.end_s])
        if span.length_s > REST_S - sight.interval_s and np.diff(sight.schedule.travelled_m(ends_s))[0] > HIDDEN_M:
            out.append(
                TruthEpisode(
                    vehicle_id=sight.vehicle_id,
                    rule="fatigue",
                    kind="day",
                    onset_ms=sight.ms(span.start_s),
                    end_ms=sight.ms(_next_rest_s(sight, span.end_s)),
                    near_boundary=True,
                    suspected=True,
                    expected=False,
                    note="rests that nobody saw",
                )
            )
    return out


def _next_rest_s(sight: Sight, from_s: float) -> float:
    """When the first rest after a moment begins; the end of the data if there is none."""
    at_s = np.arange(from_s, sight.schedule.end_s, 10.0)
    drives_s = at_s[sight.schedule.speed_ms(at_s) >= MOVING_MS]
    pauses = np.flatnonzero(np.diff(drives_s) >= REST_S)
    if len(pauses):
        return float(drives_s[pauses[0]])
    return float(drives_s[-1]) if len(drives_s) else from_s


def witness_fleet(sight: FleetSight) -> list[TruthEpisode]:
    """A row for each outage of each platform; one of less than five minutes is a near miss."""
    by_platform: dict[str, list[Sight]] = {}
    for number, one in sight.sights.items():
        by_platform.setdefault(sight.members[number].vehicle.platform, []).append(one)
    out: list[TruthEpisode] = []
    for platform, sights in sorted(by_platform.items()):
        spans = {
            silence.span for one in sights for silence in one.schedule.silences if silence.kind is SilenceKind.OUTAGE
        }
        arrived_s = np.sort(np.concatenate([one.sent.arrived_s for one in sights]))
        for span in sorted(spans, key=lambda span: span.start_s):
            out.append(_row(platform, sights, span, arrived_s, sight.start_ms))
    return out


def _row(platform: str, sights: list[Sight], span: Span, arrived_s: Floats, start_ms: int) -> TruthEpisode:
    middle = int(np.searchsorted(arrived_s, (span.start_s + span.end_s) / 2))
    last_s, next_s = float(arrived_s[middle - 1]), float(arrived_s[middle])
    silent_s = next_s - last_s
    driving = sum(_drove(one, last_s) for one in sights)
    expected = silent_s >= DOWN_S and driving >= LEAST_VEHICLES
    return TruthEpisode(
        vehicle_id="",
        rule="platform_outage",
        grade="major" if expected else None,
        onset_ms=start_ms + round(1000 * last_s),
        end_ms=start_ms + round(1000 * next_s),
        value=silent_s / 60,
        limit=DOWN_S / 60,
        near_boundary=abs(silent_s - DOWN_S) <= _NEAR_S or abs(driving - LEAST_VEHICLES) <= _NEAR_VEHICLES,
        expected=expected,
        note=f"{platform}, {driving} vehicles on the road",
        times_threshold=silent_s / DOWN_S,
    )


def _drove(sight: Sight, last_s: float) -> bool:
    """Whether a vehicle's last report before the silence was one of driving, and not long ago."""
    sent = sight.sent
    last = int(np.searchsorted(sent.arrived_s, last_s, side="right")) - 1
    return last >= 0 and bool(sent.speed_kmh[last] >= MOVING_MS * 3.6 and sent.arrived_s[last] >= last_s - DRIVING_S)
