"""Schedule -> reports: one vehicle's track as columns, exact to the schedule, then as ``REPORT`` rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.model.flaw import ReportFlag
from monitor.model.report import ReportRows, empty_rows
from simulators.roads import Floats, straight_m
from simulators.schedule import DAY_S, MOVING_MS, Schedule, SilenceKind

_STATUS_ACC, _STATUS_FIX = 1 << 0, 1 << 1
_STATUS_SYSTEMS = (1 << 16) | (1 << 17)
"""JT/T 808 status word: ACC, positioned, GPS and BeiDou in use."""
_DRIFT_NEIGHBOURS = 6
"""Displaced fixes keep this many reports apart, so that no three agree on the wrong place."""

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Track:
    """What one terminal sends, in order of the true time ``at_s`` (whole seconds of the scenario).

    ``lon_deg``/``lat_deg`` are as sent (frozen, displaced or 0 included); ``true_lon_deg``/``true_lat_deg`` are where
    the vehicle was. ``stated_s`` is the fix time as sent, ``arrived_s`` when we receive it.
    """

    at_s: Floats
    stated_s: Floats
    arrived_s: Floats
    speed_kmh: Floats
    lon_deg: Floats
    lat_deg: Floats
    true_lon_deg: Floats
    true_lat_deg: Floats
    heading_deg: Floats
    mileage_m: Floats
    acc_on: Flags
    positioned: Flags
    backfill: Flags
    displaced: Flags
    driver: Ints
    alarm_word: Ints

    def __len__(self) -> int:
        return len(self.at_s)


def track(schedule: Schedule, rng: np.random.Generator, *, latency_s: float) -> Track:
    """The reports of one schedule before faults of the network."""
    at_s, acc_on, driver = _moments(schedule)
    keep = np.ones(len(at_s), bool)
    backfill = np.zeros(len(at_s), bool)
    delay_s = np.full(len(at_s), float(rng.uniform(0.3, 1.7)) * latency_s)
    for silence in schedule.silences:
        inside = (at_s > silence.span.start_s) & (at_s < silence.span.end_s)
        if silence.kind is SilenceKind.BACKFILL:
            first_after = at_s[at_s >= silence.span.end_s]
            back_s = float(first_after[0]) if len(first_after) else silence.span.end_s
            backfill |= inside
            delay_s[inside] = back_s - at_s[inside] + float(rng.uniform(5, 100))
        else:
            keep &= ~inside
    at_s, acc_on, driver = at_s[keep], acc_on[keep], driver[keep]
    backfill, delay_s = backfill[keep], delay_s[keep]

    travelled_m = schedule.travelled_m(at_s)
    true_lon, true_lat, heading = schedule.circuit.place(travelled_m)
    lon, lat = true_lon.copy(), true_lat.copy()
    for span in schedule.frozen:
        inside = (at_s >= span.start_s) & (at_s < span.end_s)
        if inside.any():
            lon[inside], lat[inside] = lon[inside][0], lat[inside][0]
    speed_kmh = np.round(schedule.speed_ms(at_s) * 3.6, 1)
    displaced = np.zeros(len(at_s), bool)
    for day, times in schedule.drift:
        chosen = _displaced(at_s, speed_kmh, day, times, rng)
        displaced[chosen] = True
        bearing = rng.uniform(0, 2 * np.pi, len(chosen))
        off_deg = rng.uniform(0.2, 0.35, len(chosen))  # 20–40 km: too far for any vehicle, within the province
        lon[chosen] += off_deg * np.sin(bearing)
        lat[chosen] += off_deg * np.cos(bearing)
    for span in schedule.pinned:
        speed_kmh[(at_s >= span.start_s) & (at_s < span.end_s)] = 0.0
    positioned = np.ones(len(at_s), bool)
    for span in schedule.no_fix:
        positioned &= ~((at_s >= span.start_s) & (at_s < span.end_s))
    lon[~positioned] = 0.0
    lat[~positioned] = 0.0
    alarm_word = np.zeros(len(at_s), np.int64)
    for signal in schedule.signals:
        alarm_word[(at_s >= signal.span.start_s) & (at_s < signal.span.end_s)] |= signal.bit.mask
    stated_s = at_s.copy()
    for error in schedule.clock_errors:
        inside = (at_s >= error.span.start_s) & (at_s < error.span.end_s)
        stated_s[inside] += error.shift_s
    return Track(
        at_s,
        stated_s,
        at_s + delay_s,
        speed_kmh,
        lon,
        lat,
        true_lon,
        true_lat,
        heading,
        travelled_m,
        acc_on,
        positioned,
        backfill,
        displaced,
        driver,
        alarm_word,
    )


def rows_of(sent: Track, schedule: Schedule, *, key: int, first_driver: int, start_ms: int) -> ReportRows:
    """``REPORT`` rows of a track; ``first_driver`` is the index of the member's first driver in the batch."""
    rows = empty_rows(len(sent))
    rows["key"] = key
    rows["fix_ms"] = start_ms + np.round(sent.stated_s * 1000).astype(np.int64)
    rows["recv_ms"] = start_ms + np.round(sent.arrived_s * 1000).astype(np.int64)
    rows["lon_deg"] = np.round(sent.lon_deg, 6)
    rows["lat_deg"] = np.round(sent.lat_deg, 6)
    rows["speed_dkmh"] = np.where(sent.positioned, np.round(sent.speed_kmh * 10), 0).astype(np.int32)
    rows["recorder_speed_dkmh"] = np.maximum(0, np.round(sent.speed_kmh * 10 - 5 * (sent.speed_kmh > 5)))
    rows["heading_deg"] = np.round(sent.heading_deg).astype(np.int32) % 360
    rows["altitude_m"] = np.round(1_350 + 1_500 * np.abs(39.4 - sent.true_lat_deg)).astype(np.int32)
    odometer_m = 20_000_000 + key * 1_234_500
    rows["mileage_m"] = (odometer_m + sent.mileage_m).astype(np.int64) // 100 * 100
    rows["status"] = sent.acc_on * _STATUS_ACC + sent.positioned * _STATUS_FIX + _STATUS_SYSTEMS
    rows["alarm_flags"] = sent.alarm_word
    rows["driver"] = np.where(sent.driver >= 0, first_driver + sent.driver, -1)
    rows["source"] = 0
    rows["flags"] = (
        sent.backfill * int(ReportFlag.BACKFILL)
        + int(ReportFlag.ACC_KNOWN | ReportFlag.PAYLOAD_RECV)
        + sent.acc_on * int(ReportFlag.ACC_ON)
        + sent.positioned * int(ReportFlag.POSITIONED)
    )
    return rows


def step_m(sent: Track) -> Floats:
    """Straight line of each step between neighbouring reports by the true places (length n - 1)."""
    lon, lat = sent.true_lon_deg, sent.true_lat_deg
    return straight_m(lon[:-1], lat[:-1], lon[1:], lat[1:])


def _moments(schedule: Schedule) -> tuple[Floats, Flags, Ints]:
    """Whole seconds at which the terminal positions, inside the scenario, with ACC and driver."""
    times: list[Floats] = []
    acc: list[Flags] = []
    drivers: list[Ints] = []
    for phase in schedule.phases:
        moments = np.arange(phase.span.start_s, phase.span.end_s, phase.interval_s)
        times.append(np.round(moments))
        acc.append(np.full(len(moments), phase.acc_on))
        drivers.append(np.full(len(moments), phase.driver, np.int64))
    at_s, first = np.unique(np.concatenate(times), return_index=True)
    inside = (at_s >= 0) & (at_s < schedule.end_s)
    return at_s[inside], np.concatenate(acc)[first][inside], np.concatenate(drivers)[first][inside]


def _displaced(at_s: Floats, speed_kmh: Floats, day: int, times: float, rng: np.random.Generator) -> Ints:
    """Which reports of a day to displace: while moving, well apart; a drift day has 5, and 0.5 % (rulebook Q7)."""
    in_day = (at_s >= day * DAY_S) & (at_s < (day + 1) * DAY_S)
    wanted = round(times * max(5.0, 0.005 * float(in_day.sum())))
    able = np.flatnonzero(in_day & (speed_kmh > MOVING_MS * 3.6))
    able = able[_DRIFT_NEIGHBOURS:-_DRIFT_NEIGHBOURS:_DRIFT_NEIGHBOURS]
    return np.sort(rng.permutation(able)[:wanted]).astype(np.int64)
