"""Silence while moving and while standing: track gaps (轨迹中断), offline displacement (离线位移), late uploads.

The plans only make the silence. What it amounts to is worked out by ``witness`` from the places and times of the
reports on either side, by the arithmetic of rulebook T1 and T4.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from monitor.model.fleet import VehicleClass
from simulators.dead_zones import MARGIN_M, DeadZone
from simulators.episodes.episode import HAZMAT, HOUR_S, Episode, Sight, make_room, set_out, settle
from simulators.journey import RAMP_S, Journey
from simulators.lengths import around
from simulators.motion import Track
from simulators.roads import straight_m
from simulators.schedule import Schedule, Silence, SilenceKind, Span
from simulators.truth import TruthEpisode

GAP_S, GAP_M = 300.0, 2_000.0
OFFLINE_S, OFFLINE_M, OFFLINE_HAZMAT_M = 1_200.0, 2_000.0, 1_000.0
GENERAL_GAP_M = 20_000.0
TOO_FAST_KMH = 102.0
"""Faster than 1.7 km a minute is drift, not displacement (rulebook T4)."""
_NEAR_SHARE = 0.1
_NEAR_MARGIN_M = 20.0
"""Noise of a fix, and what a round border is drawn with."""
_FASTEST_MS = 26.0
"""Metres per second of the fastest lawful vehicle."""


def _silent_drive(journey: Journey, seconds: float, note: str, kind: SilenceKind = SilenceKind.GAP) -> None:
    """Drive on for ``seconds`` without contact, with room enough that no turn shortens the way."""
    make_room(journey, seconds * 25.0 + 1_000.0)
    begun = journey.now_s
    journey.cruise(seconds)
    journey.silent(Span(begun, journey.now_s), kind, note)
    journey.cruise(float(journey.rng.uniform(300, 900)))


def moving(journey: Journey, day_s: float) -> None:
    """Twice silent for 6.5–18 minutes while moving."""
    rng = journey.rng
    set_out(journey, day_s + HOUR_S * float(rng.uniform(8, 13)))
    for _ in range(2):
        _silent_drive(journey, float(rng.uniform(390 + 2 * journey.interval_s, 1_000)), "silent while moving")
    settle(journey)


def displacement(journey: Journey, day_s: float) -> None:
    """Silent for 23–38 minutes while moving."""
    rng = journey.rng
    set_out(journey, day_s + HOUR_S * float(rng.uniform(8, 13)))
    _silent_drive(journey, float(rng.uniform(1_400, 2_300)), "long silence while moving")
    settle(journey)


def hazmat_displacement(journey: Journey, day_s: float) -> None:
    """Silent over 1.3 km and a stand of 25 minutes: enough for hazmat, for nothing else."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
    make_room(journey, 5_000.0)
    journey.steady(40.0, 60.0)
    begun = journey.now_s
    journey.cruise(1.0)
    journey.steady(40.0, 90.0)
    journey.stop()
    journey.rest(1_500.0)
    journey.silent(Span(begun, journey.now_s - 30.0), SilenceKind.GAP, "silent over 1–2 km")
    journey.drive(1_800.0)
    journey.rest(2_000.0)


def spread(journey: Journey, day_s: float) -> None:
    """Silent while moving for a time drawn about 300 s."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
    seconds = around(GAP_S, 1_100.0, reports_s=journey.interval_s).at(journey.quantile)
    _silent_drive(journey, seconds, "silent while moving")
    settle(journey)


def way_spread(journey: Journey, day_s: float) -> None:
    """Silent for ten minutes, over a way drawn about 2 km."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
    make_room(journey, 8_000.0)
    speed_kmh = around(GAP_M, 8_000.0).at(journey.quantile) / 600.0 * 3.6
    journey.steady(speed_kmh, 60.0)
    begun = journey.now_s
    journey.steady(speed_kmh, 600.0)
    journey.silent(Span(begun, journey.now_s), SilenceKind.GAP, "silent over some km")
    journey.cruise(900.0)
    settle(journey)


def displacement_spread(journey: Journey, day_s: float) -> None:
    """Silent while moving for a time drawn about 1,200 s."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
    seconds = around(OFFLINE_S, 2_400.0, reports_s=journey.interval_s).at(journey.quantile)
    _silent_drive(journey, seconds, "long silence while moving")
    settle(journey)


def displacement_way_spread(journey: Journey, day_s: float) -> None:
    """Silent over a way drawn about 2 km (hazmat 1 km) and a stand of 25 minutes."""
    least_m = OFFLINE_HAZMAT_M if journey.vehicle_class is VehicleClass.HAZMAT else OFFLINE_M
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
    make_room(journey, 12_000.0)
    journey.steady(40.0, 60.0)
    begun, begun_m = journey.now_s, journey.s_m
    way_m = around(least_m, 4 * least_m).at(journey.quantile)
    journey.steady(40.0, max(0.0, way_m - 40.0 / 3.6 * RAMP_S / 2) / (40.0 / 3.6) - 6.0)
    journey.stop()
    journey.rest(1_500.0)
    journey.silent(Span(begun, journey.now_s - 30.0), SilenceKind.GAP, f"{(journey.s_m - begun_m) / 1000:.2f} km away")
    journey.drive(1_800.0)
    journey.rest(2_000.0)


def short(journey: Journey, day_s: float) -> None:
    """290 s or less without contact: no gap."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
    _silent_drive(journey, 285.0 - journey.interval_s, "below 300 s")
    settle(journey)


def edge(journey: Journey, day_s: float) -> None:
    """Around 300 s: the reports decide."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
    _silent_drive(journey, 305.0, "around 300 s")
    settle(journey)


def crawling(journey: Journey, day_s: float) -> None:
    """Silent for 7 minutes over 1.5 km: too short a way for a gap."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 13)))
    make_room(journey, 5_000.0)
    journey.steady(12.0, 60.0)
    begun = journey.now_s
    journey.steady(12.0, 380.0)
    journey.silent(Span(begun, journey.now_s), SilenceKind.GAP, "below 2 km")
    journey.steady(12.0, 60.0)
    journey.cruise(900.0)
    settle(journey)


def standing(journey: Journey, day_s: float) -> None:
    """Silent for hours in one place: neither gap nor displacement."""
    set_out(journey, day_s + HOUR_S * float(journey.rng.uniform(8, 11)))
    journey.cruise(1_200.0)
    journey.stop()
    begun = journey.now_s + 300.0
    journey.rest(float(journey.rng.uniform(1.5, 5)) * HOUR_S)
    journey.silent(Span(begun, journey.now_s - 30.0), SilenceKind.GAP, "silent while standing")
    journey.drive(2_400.0)
    journey.rest(2_000.0)


def backfill(journey: Journey, day_s: float) -> None:
    """No coverage for 7–14 minutes; the reports come flagged within two minutes of return: no gap."""
    rng = journey.rng
    set_out(journey, day_s + HOUR_S * float(rng.uniform(8, 13)))
    _silent_drive(journey, float(rng.uniform(420, 840)), "backfilled", SilenceKind.BACKFILL)
    settle(journey)


def _incomplete(journey: Journey, day_s: float, silences: int, silent_s: float) -> None:
    rng = journey.rng
    set_out(journey, day_s + HOUR_S * float(rng.uniform(7, 9)))
    part_s = 3 * HOUR_S / silences
    for nth in range(silences):
        if nth == (silences + 1) // 2:
            journey.stop()
            journey.rest(2_700.0)
            journey.start()
        _silent_drive(journey, silent_s, "part of an incomplete day")
        journey.cruise(max(60.0, part_s - silent_s - 900.0))
    settle(journey)


def incomplete_yellow(journey: Journey, day_s: float) -> None:
    """A day of which about 18 % is unseen."""
    _incomplete(journey, day_s, 3, 620.0 + 2 * journey.interval_s)


def incomplete_spread(journey: Journey, day_s: float) -> None:
    """A day of which a share drawn about 10 % is unseen."""
    silences = 2
    _incomplete(journey, day_s, silences, around(0.1, 0.6).at(journey.quantile) * 3.2 * HOUR_S / silences)


def incomplete_red(journey: Journey, day_s: float) -> None:
    """A day of which half is unseen."""
    _incomplete(journey, day_s, 4, 1_900.0)


def witness(sight: Sight) -> list[TruthEpisode]:
    """A row for each silence: the gap and the displacement that it is, or the near miss that it is not."""
    schedule, sent = sight.schedule, sight.sent
    out: list[TruthEpisode] = []
    for silence in schedule.silences:
        before = int(np.searchsorted(sent.at_s, silence.span.start_s, side="right")) - 1
        after = int(np.searchsorted(sent.at_s, silence.span.end_s, side="left"))
        if before < 0 or after >= len(sent) or silence.kind is SilenceKind.ABSENCE:
            continue
        rows = _judged(schedule, sent, silence, before, after, sight.start_ms, sight.interval_s)
        if sight.zones and any(row.expected for row in rows):
            ends = [(float(sent.true_lon_deg[at]), float(sent.true_lat_deg[at])) for at in (before, after)]
            rows = [_with_zones(row, sight.zones, ends) for row in rows]
        out += rows
    return out


def _with_zones(row: TruthEpisode, zones: tuple[DeadZone, ...], ends: list[tuple[float, float]]) -> TruthEpisode:
    """The row, explained where both ends of its gap lie at one zone; at the boundary where that hangs on metres."""
    farther_m = min(max(zone.away_m(*end) for end in ends) for zone in zones)
    return replace(
        row,
        explained=farther_m <= MARGIN_M,
        near_boundary=row.near_boundary or abs(farther_m - MARGIN_M) <= _NEAR_MARGIN_M,
        note=f"{row.note}; {farther_m:.0f} m from a zone",
    )


def _judged(
    schedule: Schedule, sent: Track, silence: Silence, before: int, after: int, start_ms: int, interval_s: float
) -> list[TruthEpisode]:
    seconds = float(sent.at_s[after] - sent.at_s[before])
    ends = [before, after]
    lon, lat = sent.true_lon_deg[ends], sent.true_lat_deg[ends]
    metres = float(straight_m(lon[:1], lat[:1], lon[1:], lat[1:])[0])
    hazmat = schedule.member.vehicle.vehicle_class is VehicleClass.HAZMAT
    offline_m = OFFLINE_HAZMAT_M if hazmat else OFFLINE_M
    filled = silence.kind is SilenceKind.BACKFILL
    gap = seconds > GAP_S and metres > GAP_M and not filled
    slow = metres / seconds * 3.6 <= TOO_FAST_KMH
    displaced = seconds > OFFLINE_S and metres > offline_m and slow and not filled
    driver = int(sent.driver[before])

    def episode(
        rule: str, grade: str | None, near: bool, expected: bool, limit_s: float, limit_m: float
    ) -> TruthEpisode:
        return TruthEpisode(
            vehicle_id=schedule.member.vehicle.vehicle_id,
            driver_id=schedule.member.drivers[driver] if driver >= 0 else "",
            rule=rule,
            grade=grade,
            onset_ms=start_ms + int(sent.at_s[before]) * 1000,
            end_ms=start_ms + int(sent.at_s[after]) * 1000,
            value=metres / 1000,
            near_boundary=near,
            expected=expected,
            note=silence.note,
            times_threshold=None if filled else min(seconds / limit_s, metres / limit_m),
        )

    def near(limit_s: float, limit_m: float) -> bool:
        """Whether one measure is close to its threshold while the other does not settle the matter."""
        close_s = abs(seconds - limit_s) <= 2 * interval_s
        close_m = abs(metres - limit_m) <= _NEAR_SHARE * limit_m
        beyond = (seconds > limit_s or close_s) and (metres > limit_m or close_m)
        return beyond and (close_s or close_m) and not filled

    gap_grade: str | None = "general" if metres >= GENERAL_GAP_M else "notice"
    if abs(metres - GENERAL_GAP_M) <= 2 * interval_s * _FASTEST_MS:
        gap_grade = None
    out = [episode("track_gap", gap_grade, near(GAP_S, GAP_M), gap, GAP_S, GAP_M)]
    if displaced or near(OFFLINE_S, offline_m) or seconds > OFFLINE_S:
        grade = "major" if hazmat else "general"
        is_near = near(OFFLINE_S, offline_m)
        out.append(episode("offline_displacement", grade, is_near, displaced, OFFLINE_S, offline_m))
    return out


EPISODES: tuple[Episode, ...] = (
    Episode("gap_moving", moving),
    Episode("gap_displacement", displacement, long_haul=True),
    Episode("gap_hazmat_displacement", hazmat_displacement, classes=HAZMAT),
    Episode("gap_spread", spread),
    Episode("gap_way_spread", way_spread),
    Episode("gap_displacement_spread", displacement_spread, long_haul=True),
    Episode("gap_displacement_way_spread", displacement_way_spread, long_haul=True),
    Episode("gap_short", short),
    Episode("gap_edge", edge),
    Episode("gap_crawling", crawling),
    Episode("gap_standing", standing),
    Episode("backfill", backfill),
    Episode("incomplete_yellow", incomplete_yellow, long_haul=True),
    Episode("incomplete_red", incomplete_red, long_haul=True),
    Episode("incomplete_spread", incomplete_spread, long_haul=True),
)
