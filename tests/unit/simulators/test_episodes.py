"""Each kind of episode stands in the tracks as its truth says, checked by this file's own arithmetic."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from monitor.model.alarm_bits import AlarmBit
from monitor.model.geo import distance_m
from simulators.episodes import EPISODES
from simulators.fleet import Member
from simulators.run import Lived, Simulation, live, received
from simulators.scenario import Scenario
from simulators.truth import TruthEpisode

INTERVAL_S = 30


@cache
def _run(name: str) -> tuple[Simulation, dict[str, tuple[Member, Lived]]]:
    days = EPISODES[name].days + 1
    scenario = Scenario(
        vehicles=40,
        days=days,
        seed=5,
        interval_s=INTERVAL_S,
        at_least=3,
        laid_up=0.05 if EPISODES[name].laid_up else 0.0,
        episodes={name: 0.01},
    )
    members, lives = live(scenario)
    by_id = {members[i].vehicle.vehicle_id: (members[i], life) for i, life in lives.items()}
    return received(scenario, members, lives), by_id


def _seconds(simulation: Simulation, at_ms: int) -> float:
    return (at_ms - simulation.scenario.start_ms) / 1000


@pytest.mark.parametrize("name", sorted(EPISODES))
def test_every_kind_writes_truth_about_its_vehicles(name: str) -> None:
    simulation, lives = _run(name)
    assert simulation.truth
    assert {row.vehicle_id for row in simulation.truth} <= set(lives)


@pytest.mark.parametrize("name", sorted(EPISODES))
def test_the_tracks_show_what_the_truth_says(name: str) -> None:
    simulation, lives = _run(name)
    for row in simulation.truth:
        member, life = lives[row.vehicle_id]
        _CHECKS.get(row.rule, _check_any)(simulation, member, life, row)


def _check_any(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    """A rule that has tests of its own: the row lies in the data, and only what is expected has a grade."""
    assert 0 <= _seconds(simulation, row.onset_ms) <= life.schedule.end_s
    assert row.end_ms is None or row.onset_ms <= row.end_ms
    assert row.grade is not None or not row.expected or row.near_boundary


def _check_speeding(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    assert row.end_ms is not None
    assert row.limit is not None
    start_s, end_s = _seconds(simulation, row.onset_ms), _seconds(simulation, row.end_ms)
    inside = (life.sent.at_s >= start_s - 1) & (life.sent.at_s <= end_s + 1)
    assert row.times_threshold == pytest.approx((end_s - start_s) / 30, abs=0.05) or row.times_threshold is None
    over = life.sent.at_s[inside & (life.sent.speed_kmh > row.limit)]
    if row.expected and not row.near_boundary:
        assert len(over) >= 2
        assert over[-1] - over[0] > 30
        assert row.value == pytest.approx(float(life.sent.speed_kmh[inside].max()), abs=0.2)
    elif not row.near_boundary:
        assert len(over) == 0
    else:
        assert end_s - start_s < 30 + 2 * INTERVAL_S or (row.value or 0) > 140


def _check_fatigue(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    if not row.expected:
        return
    assert row.end_ms is not None
    assert row.value is not None
    assert row.limit is not None
    moving = life.sent.speed_kmh >= 5
    end_s = _seconds(simulation, row.end_ms)
    onset_s = _seconds(simulation, row.onset_ms)
    after = life.sent.at_s[(life.sent.at_s > end_s + 1)]
    still = after[moving[life.sent.at_s > end_s + 1]]
    assert not len(still) or still[0] - end_s >= 1_200
    # Backwards from the end to the rest before the run.
    driven_s, driven_before_onset_s, index = 0.0, 0.0, int(np.searchsorted(life.sent.at_s, end_s, side="right"))
    last_moving = end_s
    while index > 0:
        index -= 1
        at = float(life.sent.at_s[index])
        if moving[index]:
            assert last_moving - at < 1_200 + INTERVAL_S
            dark = at % 86_400 < 6 * 3600 or at % 86_400 >= 22 * 3600
            if row.kind == "day" or dark:
                step = float(life.sent.at_s[index + 1]) - at
                driven_s += step
                driven_before_onset_s += step if at < onset_s else 0.0
            last_moving = at
        elif last_moving - at >= 1_200:
            break
    assert driven_s / 3600 == pytest.approx(row.value, abs=0.04)
    assert driven_before_onset_s / 3600 == pytest.approx(row.limit, abs=0.04)


def _check_gap(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    assert row.end_ms is not None
    assert row.value is not None
    start_s, end_s = _seconds(simulation, row.onset_ms), _seconds(simulation, row.end_ms)
    before = int(np.flatnonzero(life.sent.at_s == start_s)[0])
    after = int(np.flatnonzero(life.sent.at_s == end_s)[0])
    lon, lat = life.sent.lon_deg, life.sent.lat_deg
    km = distance_m(lon[before], lat[before], lon[after], lat[after]) / 1000
    assert km == pytest.approx(row.value, rel=1e-3, abs=1e-3)
    filled = bool(life.sent.backfill[before + 1 : after].all()) and after > before + 1
    assert filled or after == before + 1
    hazmat = member.vehicle.vehicle_class.value == "hazmat"
    seconds, least_km = (300, 2.0) if row.rule == "track_gap" else (1_200, 1.0 if hazmat else 2.0)
    assert row.expected == (end_s - start_s > seconds and km > least_km and not filled)
    if row.expected and row.rule == "track_gap":
        assert row.grade == ("general" if km >= 20 else "notice") or (row.grade is None and abs(km - 20) < 2)


def _check_completeness(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    assert row.end_ms is not None
    start_s, end_s = _seconds(simulation, row.onset_ms), _seconds(simulation, row.end_ms)
    total = unseen = 0.0
    lon, lat, at_s = life.sent.lon_deg, life.sent.lat_deg, life.sent.at_s
    for index in range(1, len(at_s)):
        if start_s <= at_s[index] < end_s:
            metres = distance_m(lon[index - 1], lat[index - 1], lon[index], lat[index])
            total += metres
            unseen += metres if at_s[index] - at_s[index - 1] > 300 and metres > 2_000 else 0.0
    rate = 100 * (1 - unseen / total)
    assert row.value == pytest.approx(rate, abs=0.1)
    assert row.expected == (rate < 90 and total >= 20_000)


def _check_offline(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    onset_s = _seconds(simulation, row.onset_ms)
    last_s = onset_s - (86_400 if row.expected else 0)
    end_s = simulation.scenario.days * 86_400.0 if row.end_ms is None else _seconds(simulation, row.end_ms)
    assert not ((life.sent.arrived_s > last_s + 1) & (life.sent.arrived_s < end_s - 1)).any()
    assert row.expected == (row.value is not None and row.value > 1)
    before = life.sent.speed_kmh[life.sent.arrived_s <= last_s + 1]
    assert row.kind == ("parked" if before[-1] < 5 else "lost")
    # An absence is no gap: the vehicle comes back where it was.
    assert all(other.rule != "track_gap" for other in simulation.truth)


def _check_drift(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    day_s = _seconds(simulation, row.onset_ms)
    order = np.argsort(life.sent.stated_s, kind="stable")
    stated_s = life.sent.stated_s[order]
    of_day = (stated_s >= day_s) & (stated_s < day_s + 86_400)
    at_s, lon, lat = stated_s[of_day], life.sent.lon_deg[order][of_day], life.sent.lat_deg[order][of_day]
    jumps = sum(
        distance_m(lon[i - 1], lat[i - 1], lon[i], lat[i]) / (at_s[i] - at_s[i - 1]) * 3.6 > 160
        for i in range(1, len(at_s))
    )
    assert row.value is not None
    assert jumps == 2 * row.value  # there and back
    assert row.expected == (row.value >= 5 and row.value >= 0.005 * of_day.sum())


def _check_no_fix(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    assert row.end_ms is not None
    end_s, onset_s = _seconds(simulation, row.end_ms), _seconds(simulation, row.onset_ms)
    last_s = onset_s - (86_400 if row.expected else 0)
    inside = (life.sent.at_s > last_s) & (life.sent.at_s < end_s)
    assert not life.sent.positioned[inside].any()
    assert np.diff(life.sent.at_s[inside]).max() <= 300  # in contact all the while
    assert row.expected == (end_s - last_s > 86_400)


def _check_frozen(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    assert row.end_ms is not None
    start_s, end_s = _seconds(simulation, row.onset_ms), _seconds(simulation, row.end_ms)
    inside = (life.sent.at_s > start_s) & (life.sent.at_s < end_s - 1)
    assert len(set(life.sent.lon_deg[inside])) == 1
    assert life.sent.speed_kmh[inside].min() > 5


def _check_pinned(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    assert row.end_ms is not None
    start_s, end_s = _seconds(simulation, row.onset_ms), _seconds(simulation, row.end_ms)
    inside = (life.sent.at_s > start_s) & (life.sent.at_s < end_s - 1)
    assert not life.sent.speed_kmh[inside].any()
    assert (np.diff(life.sent.lon_deg[inside]) != 0).all()
    assert row.expected == (end_s - start_s > 600)


def _check_clock(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    assert row.end_ms is not None
    start_s, end_s = _seconds(simulation, row.onset_ms), _seconds(simulation, row.end_ms)
    inside = (life.sent.at_s > start_s) & (life.sent.at_s < end_s)
    assert (np.abs(life.sent.stated_s - life.sent.at_s)[inside] >= 8 * 3600).all()
    assert (life.sent.stated_s == life.sent.at_s)[~inside].sum() >= (~inside).sum() - 2
    assert life.sent.speed_kmh[inside].max() == 0


def _check_device(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    assert row.end_ms is not None
    has = (life.sent.alarm_word & AlarmBit(row.kind).mask) != 0
    start_s, end_s = _seconds(simulation, row.onset_ms), _seconds(simulation, row.end_ms)
    assert has[(life.sent.at_s >= start_s) & (life.sent.at_s < end_s)].all()
    around = life.sent.at_s[~has]
    assert (around < start_s).any()
    assert end_s in around


def _check_conflict(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    """Where expected the card is another, and all reports since the last one with a card move; else it is the same,
    or they stood between."""
    onset_s = _seconds(simulation, row.onset_ms)
    begun = int(np.searchsorted(life.sent.at_s, onset_s))
    named = np.flatnonzero(life.sent.driver >= 0)
    before = int(named[named < begun][-1])
    after = int(named[named >= begun][0]) if row.expected else int(named[named > before + 10][0])
    assert row.driver_id == member.drivers[int(life.sent.driver[before])]
    stood = bool(np.any(life.sent.speed_kmh[before : after + 1] < 5))
    changed = life.sent.driver[after] != life.sent.driver[before]
    assert (changed and not stood) == row.expected
    if row.expected:
        assert onset_s == pytest.approx(life.sent.at_s[after], abs=1)


def _check_curfew(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    """It moves all through the row, inside 02:00-05:00, and stands around it or the window is over; it is an alarm
    for a coach, on no short line, that moves long enough."""
    assert row.end_ms is not None
    assert row.value is not None
    start_s, end_s = _seconds(simulation, row.onset_ms), _seconds(simulation, row.end_ms)
    assert 2 * 3600 <= start_s % 86_400 < end_s % 86_400 <= 5 * 3600
    at_s, speed = life.sent.at_s, life.sent.speed_kmh
    assert speed[(at_s > start_s + 1) & (at_s < end_s - 1)].min() >= 5
    assert start_s % 86_400 == 7_200 or speed[at_s < start_s - 1][-1] < 5
    assert end_s % 86_400 == 18_000 or speed[at_s > end_s + 1][0] < 5
    assert row.value == pytest.approx((end_s - start_s) / 60, abs=0.05)
    short_line = member.vehicle.line_km is not None and member.vehicle.line_km <= 200
    assert row.expected == (member.coach and not short_line and row.value > 5)


def _check_laid_up(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    assert row.end_ms is not None
    assert row.value is not None
    vehicle = member.vehicle
    assert vehicle.suspended_from is not None or vehicle.retired_on is not None
    start_s, end_s = _seconds(simulation, row.onset_ms), _seconds(simulation, row.end_ms)
    around = (life.sent.at_s >= start_s - 1_200) & (life.sent.at_s <= end_s + 1_200)
    moving = life.sent.at_s[around & (life.sent.speed_kmh >= 5)]
    assert (moving[0], moving[-1]) == (start_s, end_s)
    first = int(np.searchsorted(life.sent.at_s, start_s)) - 1  # where it stood
    lon, lat = life.sent.lon_deg[life.sent.at_s <= end_s][first:], life.sent.lat_deg[life.sent.at_s <= end_s][first:]
    way_km = sum(distance_m(lon[i - 1], lat[i - 1], lon[i], lat[i]) for i in range(1, len(lon))) / 1000
    away_km = max(distance_m(lon[0], lat[0], lon[i], lat[i]) for i in range(1, len(lon))) / 1000
    assert way_km <= row.value + 0.01  # straight lines against the odometer
    assert row.value == pytest.approx(way_km, rel=0.06, abs=0.05)
    assert row.near_boundary or row.expected == (way_km > 1.0 and away_km > 0.5 and len(moving) >= 3)


def _check_acc(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    """ACC is off all through the row, and nowhere else at such speed; where expected it is long and fast enough."""
    assert row.end_ms is not None
    start_s, end_s = _seconds(simulation, row.onset_ms), _seconds(simulation, row.end_ms)
    inside = (life.sent.at_s >= start_s) & (life.sent.at_s < end_s)
    speed = life.sent.speed_kmh
    assert not life.sent.acc_on[inside].any()
    assert life.sent.acc_on[~inside & (speed > 25)].all()
    fast = not (speed[inside] <= 25).any()
    assert row.expected == (fast and end_s - start_s > 120)
    assert row.near_boundary or not row.expected or inside.sum() >= 2


def _check_cumulative(simulation: Simulation, member: Member, life: Lived, row: TruthEpisode) -> None:
    assert row.value is not None
    assert row.limit is not None
    at_s = life.sent.at_s
    end_s = simulation.scenario.days * 86_400.0 if row.end_ms is None else _seconds(simulation, row.end_ms)
    window_s = 86_400 if row.kind == "day_24h" else 7 * 86_400
    onset_s = _seconds(simulation, row.onset_ms)
    ends_s = at_s[(at_s > onset_s - INTERVAL_S) & (at_s <= end_s + INTERVAL_S)]
    moving = life.sent.speed_kmh[:-1] >= 5
    sums = [
        float((np.minimum(at_s[1:], to_s) - np.maximum(at_s[:-1], to_s - window_s)).clip(0)[moving].sum())
        for to_s in ends_s
    ]
    assert max(sums) / 3600 == pytest.approx(row.value, abs=0.25)
    assert row.near_boundary or row.expected == (max(sums) / 3600 > row.limit)


_CHECKS = {
    "cumulative_driving": _check_cumulative,
    "acc_contradiction": _check_acc,
    "night_curfew": _check_curfew,
    "driver_conflict": _check_conflict,
    "device_alarm": _check_device,
    "speeding": _check_speeding,
    "fatigue": _check_fatigue,
    "track_gap": _check_gap,
    "offline_displacement": _check_gap,
    "low_completeness": _check_completeness,
    "offline": _check_offline,
    "drift": _check_drift,
    "no_fix": _check_no_fix,
    "suspended_movement": _check_laid_up,
    "frozen_fix": _check_frozen,
    "pinned_speed": _check_pinned,
    "clock_fault": _check_clock,
}


@pytest.mark.parametrize(
    ("name", "grade"),
    [
        ("speeding_notice", "notice"),
        ("speeding_general", "general"),
        ("speeding_major", "major"),
        ("speeding_serious", "serious"),
        ("speeding_night_only", "notice"),
        ("fatigue_day_general", "general"),
        ("fatigue_day_major", "major"),
        ("fatigue_day_serious", "serious"),
        ("incomplete_yellow", "general"),
        ("incomplete_red", "major"),
        ("absence_parked_1d", "notice"),
        ("absence_lost_3d", "general"),
        ("absence_parked_7d", "major"),
        ("absence_lost_15d", "serious"),
    ],
)
def test_a_kind_named_by_its_grade_has_that_grade(name: str, grade: str) -> None:
    rule = {"s": "speeding", "f": "fatigue", "i": "low_completeness", "a": "offline"}[name[0]]
    rows = [row for row in _run(name)[0].truth if row.rule == rule]
    assert rows
    assert {row.grade for row in rows} == {grade}


@pytest.mark.parametrize(
    "name", ["queueing", "ferry", "two_drivers", "fatigue_almost", "fatigue_rested", "gap_standing", "backfill"]
)
def test_a_near_miss_is_never_expected(name: str) -> None:
    assert not any(row.expected for row in _run(name)[0].truth)


def _of_rule(simulation: Simulation, rule: str) -> list[TruthEpisode]:
    """Coaches on the road at night have truth of their own beside that of the episode."""
    return [row for row in simulation.truth if row.rule == rule]


def test_the_other_driver_takes_over_at_a_stop() -> None:
    simulation, lives = _run("two_drivers")
    for row in _of_rule(simulation, "fatigue"):
        _, life = lives[row.vehicle_id]
        change = np.flatnonzero(np.diff(life.sent.driver))
        assert len(change)
        assert (life.sent.speed_kmh[change] == 0).all()


def test_a_crew_without_cards_is_only_suspected() -> None:
    for row in _run("fatigue_day_major")[0].truth:
        member = _run("fatigue_day_major")[1][row.vehicle_id][0]
        assert row.suspected == (member.vehicle.crew == 2 and not member.drivers)


def test_night_speeding_starts_at_ten_when_the_limit_falls() -> None:
    for row in _of_rule(_run("speeding_night_border")[0], "speeding"):
        assert row.limit == 80
        assert (row.onset_ms + 8 * 3_600_000) % 86_400_000 == pytest.approx(22 * 3_600_000, abs=1_000)


def test_backfilled_reports_come_late_and_flagged() -> None:
    _, lives = _run("backfill")
    late = [life.sent for _, life in lives.values() if life.sent.backfill.any()]
    assert late
    for sent in late:
        delay = sent.arrived_s - sent.at_s
        assert delay[sent.backfill].max() > 300
        assert delay[~sent.backfill].max() < 5
