"""The pen that writes a schedule: park, drive, rest, surge, fall silent – and keeps the driver's clock meanwhile.

Left to itself it obeys the law: speeds stay below the limits (also the night ones), and ``drive_to`` rests in time.
Episodes break the law on purpose by its other moves.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from monitor.model.alarm_bits import AlarmBit
from monitor.model.fleet import VehicleClass
from simulators.dead_zones import DeadZone
from simulators.fleet import Member
from simulators.permits import IssuedPermit
from simulators.roads import Circuit, RoadClass
from simulators.schedule import (
    MOVING_MS,
    ClockError,
    Copy,
    Leg,
    Phase,
    Schedule,
    Signal,
    Silence,
    SilenceKind,
    Span,
    night_at,
    nights,
)
from simulators.truth import TruthEpisode

RAMP_S = 25.0
"""From standing to cruise and back: about 1 m/s² on an expressway."""
IDLE_S = 60.0
"""Engine runs on after a stop and before a start."""
SHORT_STOP_S = 360.0
"""Stops up to this long leave the engine on."""
RUN_LIMIT_S = 3.2 * 3600
"""Law-abiding drivers rest before this much driving: well under the 4 h of the law."""
REST_S = 1_200.0
"""A rest is at least this long (rulebook F1)."""

CLASS_CAP_KMH: dict[VehicleClass, float] = {
    VehicleClass.TOUR_COACH: 100.0,
    VehicleClass.CHARTER_COACH: 100.0,
    VehicleClass.LINE_COACH: 100.0,
    VehicleClass.HAZMAT: 80.0,
    VehicleClass.HEAVY_TRUCK: 100.0,
}
"""Limit on an unknown road by class (rulebook S2); other classes have none."""
NIGHT_FACTOR = 0.8
"""Coaches at night (rulebook S3)."""

_CRUISE_KMH: dict[RoadClass, dict[VehicleClass, float]] = {
    RoadClass.EXPRESSWAY: {
        VehicleClass.TOUR_COACH: 89.0,
        VehicleClass.CHARTER_COACH: 88.0,
        VehicleClass.LINE_COACH: 87.0,
        VehicleClass.HAZMAT: 71.0,
        VehicleClass.HEAVY_TRUCK: 79.0,
    },
    RoadClass.COUNTY_ROAD: {VehicleClass.HAZMAT: 52.0},
}
_NIGHT_COACH_KMH = 70.0
_OTHER_KMH = 84.0


class Journey:
    """One vehicle's schedule being written. ``now_s`` and ``s_m`` are when and where it is."""

    def __init__(
        self,
        member: Member,
        circuit: Circuit,
        rng: np.random.Generator,
        *,
        start_ms: int,
        end_s: float,
        interval_s: float,
        parked_interval_s: float,
        rests: tuple[Span, ...] = (),
    ) -> None:
        self.member = member
        self.circuit = circuit
        self.rng = rng
        self.start_ms = start_ms
        self.end_s = end_s
        self.interval_s = interval_s
        self.parked_interval_s = parked_interval_s
        self.rests = rests  # of its class, by the office's calendar
        self.start_m = 0.0
        self.now_s = 0.0
        self.s_m = 0.0
        self.driver = 0 if member.drivers else -1
        self.blocks: list[Span] = []  # driving since the last rest
        self.truth: list[TruthEpisode] = []
        self.permits: list[IssuedPermit] = []
        self.copies: list[Copy] = []
        self.dead_zones: list[DeadZone] = []
        self.followers: list[tuple[Leg, Callable[[Journey], None]]] = []  # others: where a leg begins, and their plan
        self.quantile = 0.5  # place of the episode being written in the distribution of its kind's lengths
        self._v_ms = 0.0
        self._knots: list[tuple[float, float]] = [(0.0, 0.0)]
        self._phases: list[Phase] = []
        self._silences: list[Silence] = []
        self._frozen: list[Span] = []
        self._pinned: list[Span] = []
        self._no_fix: list[Span] = []
        self._clock_errors: list[ClockError] = []
        self._drift: list[tuple[int, float]] = []
        self._signals: list[Signal] = []
        self._acc_wired = True
        self._drive_start_s = 0.0
        self._moving_start_s = 0.0
        self._parked_since_s = -REST_S * 10

    # -- facts -----------------------------------------------------------------------------------------------------

    @property
    def vehicle_class(self) -> VehicleClass:
        return self.member.vehicle.vehicle_class

    @property
    def driver_id(self) -> str:
        return self.member.drivers[self.driver] if self.driver >= 0 else ""

    @property
    def crew_unknown(self) -> bool:
        """Two drivers and no card: fatigue is suspected only."""
        return self.member.vehicle.crew == 2 and not self.member.drivers

    @property
    def night_bound(self) -> bool:
        """Classes whose night driving is limited to 2 h (rulebook F2)."""
        return self.member.coach or self.vehicle_class is VehicleClass.HAZMAT

    def limit_kmh(self, at_s: float) -> float | None:
        """The limit on an unknown road at a moment; None for classes without a cap."""
        cap = CLASS_CAP_KMH.get(self.vehicle_class)
        if cap is not None and self.member.coach and night_at(at_s):
            return cap * NIGHT_FACTOR
        return cap

    def ms(self, at_s: float) -> int:
        """Epoch ms, whole seconds as terminals report."""
        return self.start_ms + round(at_s) * 1000

    def driven_s(self, night: bool = False) -> float:
        """Driving since the last rest; with ``night``, its part inside 22:00–06:00."""
        if night:
            return sum(dark.overlap_s(block) for block in self.blocks for dark in nights(block))
        return sum(block.length_s for block in self.blocks)

    def moment_driven_s(self, amount_s: float, night: bool = False) -> float:
        """When the driving since the last rest (its night part) passed ``amount_s``. Raises ValueError if never."""
        left = amount_s
        for block in self.blocks:
            parts = [block]
            if night:
                parts = [Span(max(dark.start_s, block.start_s), min(dark.end_s, block.end_s)) for dark in nights(block)]
            for part in parts:
                if part.length_s >= left:
                    return part.start_s + left
                left -= part.length_s
        raise ValueError(f"{amount_s} s of driving were never reached")

    # -- standing --------------------------------------------------------------------------------------------------

    def park_until(self, until_s: float) -> None:
        """Stand until a moment; beyond short stops the engine is off, and a sleepy terminal silent."""
        if until_s <= self.now_s:
            return
        start = self.now_s
        self._knot(start, 0.0)
        self._knot(until_s, 0.0)
        if until_s - start <= SHORT_STOP_S:
            self._phase(start, until_s, self.interval_s, acc_on=True)
        else:
            off, on = start + IDLE_S, until_s - IDLE_S
            sleepy = self.member.silent_parked
            self._phase(start, off, self.interval_s, acc_on=True)
            self._phase(off, on, until_s - start if sleepy else self.parked_interval_s, acc_on=False)
            self._phase(on, until_s, self.interval_s, acc_on=True)
        self.now_s = until_s
        if until_s - self._parked_since_s >= REST_S:
            self.blocks.clear()

    def rest(self, seconds: float) -> None:
        self.park_until(self.now_s + seconds)

    def change_driver(self) -> None:
        """The other driver puts the card in (vehicles with two known drivers)."""
        if len(self.member.drivers) > 1:
            self.driver = 1 - self.driver

    def put_card(self, driver: int) -> None:
        """On the move another card is put in; -1: the card is taken out."""
        self._phase(self._drive_start_s, self.now_s, self.interval_s, acc_on=True)
        self._drive_start_s = self.now_s
        self.driver = driver

    def wire_acc(self, on: bool) -> None:
        """On the move the terminal loses its ACC wire, or has it back."""
        self._phase(self._drive_start_s, self.now_s, self.interval_s, acc_on=self._acc_wired)
        self._drive_start_s = self.now_s
        self._acc_wired = on

    # -- driving ---------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Pull away to the speed of the road."""
        self._drive_start_s = self.now_s
        v_ms = self._cruise_ms()
        self._moving_start_s = self.now_s + RAMP_S * MOVING_MS / v_ms
        self._knot(self.now_s, 0.0)
        self._go(RAMP_S, v_ms)

    def cruise(self, seconds: float) -> None:
        """Go on for a time at the speed of the road, whatever the driver's clock says."""
        until = self.now_s + seconds
        while until - self.now_s > 1e-6:
            self._go(min(float(self.rng.uniform(50, 120)), until - self.now_s), self._cruise_ms())

    def stop(self) -> None:
        """Brake to a stand."""
        end = self.now_s + RAMP_S
        moving_end = end - RAMP_S * MOVING_MS / self._v_ms
        self.blocks.append(Span(self._moving_start_s, moving_end))
        self._go(RAMP_S, 0.0)
        self._phase(self._drive_start_s, self.now_s, self.interval_s, acc_on=self._acc_wired)
        self._parked_since_s = moving_end

    def drive(self, seconds: float) -> None:
        """Start, go and stop within ``seconds`` (at least a minute)."""
        self.start()
        self.cruise(max(seconds, 60.0) - 2 * RAMP_S)
        self.stop()

    def leg(self, seconds: float) -> Leg:
        """As ``drive``; for ``retrace``."""
        self._knot(self.now_s, 0.0)
        begun_s, begun_m, first = self.now_s, self.s_m, len(self._knots)
        self.drive(seconds)
        knots = ((at_s - begun_s, v_ms) for at_s, v_ms in self._knots[first:])
        return Leg(begun_s, begun_m, tuple(knots))

    def retrace(self, leg: Leg) -> Leg:
        """Drive a leg once more to the second, from where it began on the circuit."""
        self._drive_start_s = begun_s = self.now_s
        self._knot(begun_s, 0.0)
        first_s, cruise_ms = leg.knots[0]
        self._moving_start_s = begun_s + first_s * MOVING_MS / cruise_ms
        for at_s, v_ms in leg.knots[:-1]:
            self._go(begun_s + at_s - self.now_s, v_ms)
        self.stop()
        return Leg(begun_s, leg.begun_m, leg.knots)

    def drive_to(self, target_m: float, stop_every_s: float = float("inf")) -> None:
        """To a place on the circuit, lawfully: short stops on the way, a rest before 3.2 h of driving."""
        while target_m - self.s_m > 1.0:
            if target_m - self.s_m < 1_500.0:
                target_m = self.s_m  # too near to be worth starting the engine
                break
            self.start()
            span = min(RUN_LIMIT_S - self.driven_s(), stop_every_s * float(self.rng.uniform(0.8, 1.2)))
            until = self.now_s + max(span, 300.0)
            arrived = False
            while self.now_s < until and not arrived:
                duration, v_ms = float(self.rng.uniform(50, 120)), self._cruise_ms()
                left = target_m - self.s_m
                if left - (self._v_ms + v_ms) / 2 * duration > v_ms * RAMP_S / 2 + 50.0:
                    self._go(duration, v_ms)
                else:
                    self._go(max(0.0, (left - self._v_ms * RAMP_S / 2) / self._v_ms), self._v_ms)
                    arrived = True
            self.stop()
            if arrived:
                return
            if self.driven_s() >= RUN_LIMIT_S - 1_200.0:
                self.rest(float(self.rng.uniform(1_560, 2_700)))
            else:
                self.rest(float(self.rng.uniform(90, 330)))

    def surge(self, peak_kmh: float, hold_s: float) -> None:
        """Speed up to ``peak_kmh``, hold it, and fall back to the speed of the road."""
        peak_ms = peak_kmh / 3.6
        self._go(max(6.0, abs(peak_ms - self._v_ms) / 0.8), peak_ms)
        self._go(hold_s, peak_ms)
        back_ms = self._cruise_ms()
        self._go(max(6.0, abs(peak_ms - back_ms) / 1.2), back_ms)

    def steady(self, speed_kmh: float, seconds: float) -> None:
        """Reach a speed and hold it, staying there."""
        self._go(max(6.0, abs(speed_kmh / 3.6 - self._v_ms) / 0.8), speed_kmh / 3.6)
        self._go(seconds, speed_kmh / 3.6)

    def over_span(self, since_s: float) -> Span | None:
        """First to last moment since ``since_s`` with the speed above the limit of that moment."""
        moments = np.arange(np.floor(since_s * 10), np.ceil(self.now_s * 10) + 1) / 10
        knots = np.array(self._knots)
        speed = np.interp(moments, knots[:, 0], knots[:, 1]) * 3.6
        over = [
            float(t)
            for t, v in zip(moments, speed, strict=True)
            if (limit := self.limit_kmh(float(t))) is not None and v > limit + 0.05
        ]
        return Span(over[0], over[-1]) if over else None

    def creep(self, seconds: float, speed_kmh: float) -> None:
        """A move in a queue: inside a rest, so no driving block; the engine runs."""
        v_ms, start = speed_kmh / 3.6, self.now_s
        self._knot(start, 0.0)
        self._go(4.0, v_ms)
        self._go(max(seconds - 8.0, 0.0), v_ms)
        self._go(4.0, 0.0)
        self._phase(start, self.now_s, self.interval_s, acc_on=True)

    def carried(self, seconds: float, speed_kmh: float) -> None:
        """On a ferry or a tow: moving with the engine off, which is a rest; reports as when driving."""
        v_ms, start = speed_kmh / 3.6, self.now_s
        self._knot(start, 0.0)
        self._go(30.0, v_ms)
        self._go(seconds - 60.0, v_ms)
        self._go(30.0, 0.0)
        self._phase(start, self.now_s, self.interval_s, acc_on=False)
        self.blocks.clear()

    # -- what the terminal does ----------------------------------------------------------------------------------------

    def silent(self, span: Span, kind: SilenceKind, note: str) -> None:
        self._silences.append(Silence(span, kind, note))

    def freeze(self, span: Span) -> None:
        self._frozen.append(span)

    def pin_speed(self, span: Span) -> None:
        """The terminal states 0 km/h all the while."""
        self._pinned.append(span)

    def lose_fix(self, span: Span) -> None:
        self._no_fix.append(span)

    def mistake_time(self, span: Span, shift_s: float, note: str) -> None:
        self._clock_errors.append(ClockError(span, shift_s, note))

    def displace(self, day: int, times: float) -> None:
        """Fixes on a day's way are displaced, ``times`` as many as make a drift day."""
        self._drift.append((day, times))

    def signal(self, span: Span, bit: AlarmBit, note: str, *, expected: bool = True) -> None:
        """Set a bit of the alarm word in the reports of the span."""
        self._signals.append(Signal(span, bit, note, expected))

    def schedule(self) -> Schedule:
        """Everything written so far, parked to the end of the scenario."""
        self.park_until(max(self.end_s + 3600.0, self.now_s + 2 * IDLE_S))
        knots = np.array(self._knots)
        return Schedule(
            self.member,
            self.circuit,
            self.end_s,
            self.start_m,
            knots[:, 0],
            knots[:, 1],
            tuple(self._phases),
            tuple(self._silences),
            tuple(self._frozen),
            tuple(self._pinned),
            tuple(self._no_fix),
            tuple(self._clock_errors),
            tuple(self._drift),
            tuple(self._signals),
        )

    # -- strokes of the pen --------------------------------------------------------------------------------------------

    def _cruise_ms(self) -> float:
        """Speed of the road here for this class, with the driver's mood, below every limit of the next minutes."""
        index = self.circuit.road(self.s_m)
        posted = self.circuit.road_speed_kmh[index]
        speed = _CRUISE_KMH.get(self.circuit.road_class[index], {}).get(self.vehicle_class, min(posted, _OTHER_KMH))
        if self.member.coach and (night_at(self.now_s) or night_at(self.now_s + 400.0)):
            speed = min(speed, _NIGHT_COACH_KMH)
        return speed * float(self.rng.uniform(0.90, 1.03)) / 3.6

    def _knot(self, at_s: float, v_ms: float) -> None:
        last_s, last_v = self._knots[-1]
        if at_s > last_s + 1e-9:
            self._knots.append((at_s, v_ms))
        elif v_ms != last_v:
            self._knots[-1] = (last_s, v_ms)

    def _go(self, seconds: float, v_ms: float) -> None:
        self.s_m += (self._v_ms + v_ms) / 2 * seconds
        self.now_s += seconds
        self._v_ms = v_ms
        self._knot(self.now_s, v_ms)

    def _phase(self, start_s: float, end_s: float, interval_s: float, *, acc_on: bool) -> None:
        if end_s > start_s:
            self._phases.append(Phase(Span(start_s, end_s), interval_s, acc_on, self.driver))
