"""Cumulative driving (F3, F4)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.benchmarks.plain_rules.fatigue import (
    ACC_UNKNOWN,
    CARRIED_DKMH,
    CARRIED_MS,
    HOUR_MS,
    LONG_SILENCE_MS,
    STILL_M,
    is_moving,
)
from tests.benchmarks.plain_rules.place import NEVER_MS, distance_m, from_e7, to_e7
from tests.benchmarks.plain_rules.records import (
    CERTAIN,
    CLEAR,
    DATA_ENDED,
    GENERAL,
    MAJOR,
    MAX_STEP_MS,
    ONSET,
    OVER,
    SUSPECTED,
    UPDATE,
    Core,
    Edge,
    Step,
    new_edge,
)

HOUR_S = HOUR_MS / 1000
DAY_S, WEEK_HOURS = 86_400, 168
STRETCHES, LONGEST_S, WIDEST_S, UNIT_S = 12, 28_800, 32_767, 15


@dataclass(frozen=True, slots=True)
class CumulativeParams:
    day_24h: tuple[int, int]  # limit and major from, s
    week: tuple[int, int]
    rest_ms: int
    queue_ms: int
    queue_m: float
    cap_kmh: float
    enabled: int


@dataclass(slots=True)
class Stretch:
    from_s: int
    to_s: int
    drive_s: int
    sure: bool

    def before(self, at_s: int) -> int:
        """Driving of it before a moment, spread evenly."""
        if at_s <= self.from_s:
            return 0
        return self.drive_s * (min(at_s, self.to_s) - self.from_s) // (self.to_s - self.from_s)


class DaySum:
    """The 24 hours, as a list of stretches; the last one may still grow."""

    def __init__(self) -> None:
        self.kept: list[Stretch] = []
        self.last: Stretch | None = None

    def at(self, at_s: int, sure: bool) -> int:
        every = [*self.kept, self.last] if self.last else self.kept
        left_s = at_s - DAY_S
        return sum(one.drive_s - one.before(left_s) for one in every if one.sure or not sure)

    def add(self, from_s: int, to_s: int, sure: bool) -> None:
        last = self.last
        if last and last.to_s == from_s and last.sure == sure and to_s - last.from_s <= LONGEST_S:
            last.to_s, last.drive_s = to_s, to_s - last.from_s
            return
        self.keep()
        self.last = Stretch(from_s, to_s, to_s - from_s, sure)

    def keep(self) -> None:
        if self.last is None:
            return
        self.kept = [one for one in self.kept if one.to_s > self.last.to_s - DAY_S]
        if len(self.kept) == STRETCHES:
            losses = [loss_of(first, second) for first, second in zip(self.kept, self.kept[1:], strict=False)]
            i = losses.index(min(losses))
            first, second = self.kept[i : i + 2]
            both = first.drive_s + second.drive_s
            self.kept[i : i + 2] = [Stretch(first.from_s, second.to_s, both, first.sure and second.sure)]
        self.kept.append(self.last)
        self.last = None

    def doubt(self, since_s: int) -> int:
        last = self.last
        if last is None or not last.sure or since_s >= last.to_s:
            return 0
        to_s = last.to_s
        if since_s > last.from_s:
            last.to_s, last.drive_s = since_s, since_s - last.from_s
            self.keep()
            self.last = last = Stretch(since_s, to_s, to_s - since_s, False)
        last.sure = False
        return last.drive_s


def loss_of(first: Stretch, second: Stretch) -> float:
    span_s = second.to_s - first.from_s
    if span_s > WIDEST_S:
        return float("inf")
    drive_s = first.drive_s + second.drive_s
    loss = drive_s * (span_s - drive_s) // span_s
    if first.sure != second.sure:
        loss += first.drive_s if first.sure else second.drive_s
    return loss


class WeekSum:
    """The 7 days, by the hour."""

    def __init__(self) -> None:
        self.units: dict[int, int] = {}
        self.unsure_s: dict[int, int] = {}
        self.hour = 0
        self.hour_s = 0

    def at(self, at_s: int, sure: bool) -> int:
        left_s = at_s - WEEK_HOURS * 3600
        total = self.hour_s
        for hour, units in self.units.items():
            if hour >= self.hour - WEEK_HOURS:
                gone_s = min(max(0, left_s - hour * 3600), 3600)
                total += units * UNIT_S - units * UNIT_S * gone_s // 3600
        if sure:
            first = self.hour // 24 - 7
            total -= sum(unsure_s for day, unsure_s in self.unsure_s.items() if day >= first)
        return total

    def go_to(self, hour: int) -> None:
        if hour - self.hour > WEEK_HOURS:
            self.__init__()  # type: ignore[misc]
        elif hour > self.hour:
            self.units[self.hour], self.hour_s = divmod(self.hour_s, UNIT_S)
        self.hour = hour
        self.units = {at: units for at, units in self.units.items() if at >= hour - WEEK_HOURS and units}

    def add(self, from_s: int, to_s: int, sure: bool) -> None:
        while from_s < to_s:
            self.go_to(from_s // 3600)
            part_s = min(to_s, (self.hour + 1) * 3600) - from_s
            self.hour_s += part_s
            if not sure:
                self.doubt(part_s)
            from_s += part_s

    def doubt(self, unsure_s: int) -> None:
        day = self.hour // 24
        self.unsure_s[day] = self.unsure_s.get(day, 0) + unsure_s


class Alarm:
    """One kind's alarm and the sum it goes by."""

    def __init__(self, kind: int, limits: tuple[int, int], total: DaySum | WeekSum) -> None:
        self.kind = kind
        self.limit_s, self.major_s = limits
        self.total = total
        self.onset_ms = self.peak_s = self.n = 0
        self.distance_m = 0.0
        self.start_lon_e7 = self.start_lat_e7 = 0
        self.certainty = CERTAIN
        self.grade = GENERAL

    @property
    def is_certain(self) -> bool:
        return self.onset_ms != 0 and self.certainty == CERTAIN


class CumulativeDriving:
    """One vehicle."""

    def __init__(self, params: CumulativeParams) -> None:
        self.params = params
        self.rest_ms = self.move_ms = self.acc_fast_ms = 0
        self.stop_lon_e7 = self.stop_lat_e7 = 0
        self.driver = 0
        self.rested = self.late = self.watched = self.unnamed = False
        self.day = DaySum()
        self.week = WeekSum()
        self.alarms = (Alarm(0, params.day_24h, self.day), Alarm(1, params.week, self.week))

    def step(self, core: Core, x: Step, out: list[Edge]) -> None:
        params = self.params
        if not params.enabled:
            return
        moves = is_moving(x.motion_dkmh, x.acc)
        if not self.watched:
            self.watched = True
            self.driver = x.driver + 1
            if not moves:
                self.stop_here(x.fix_ms, x.lon_deg, x.lat_deg)
            return
        dt_ms = x.dt_ms
        d = x.distance_m
        moved = moves if x.previous_motion_dkmh < 0 else is_moving(x.previous_motion_dkmh, x.previous_acc)
        if dt_ms <= LONG_SILENCE_MS:
            for alarm in self.alarms:
                alarm.n += 1
            self.late = self.late or x.late
        seen_ms = self.rest_ms or x.previous_fix_ms
        stood = not moved or dt_ms > MAX_STEP_MS
        other = x.driver >= 0 and x.driver + 1 != self.driver
        takes_over_here = False
        if other and self.driver == 0:
            self.driver = x.driver + 1
        elif other and stood:
            self.begin_from_zero(x, out, seen_ms, x.previous_lon_deg, x.previous_lat_deg)
        elif other and self.unnamed:
            takes_over_here = True
        self.unnamed = x.driver < 0 and (self.unnamed or stood) and self.driver != 0
        carried = x.previous_acc == 0 and x.acc == 0 and d * 36_000.0 <= CARRIED_DKMH * float(dt_ms)
        if dt_ms <= MAX_STEP_MS:
            stands = not (moved or (d > STILL_M and not carried and not x.jump))
        else:
            stands = d <= STILL_M or carried
        if stands:
            self.stand(x, out)
        elif dt_ms <= max(MAX_STEP_MS, params.rest_ms):
            self.move(x, out)
            if takes_over_here:
                self.begin_from_zero(x, out, self.rest_ms or x.fix_ms, x.lon_deg, x.lat_deg)
        elif dt_ms <= LONG_SILENCE_MS:
            self.pass_unknown(x, out, seen_ms)
        else:
            self.end(x, out, seen_ms, x.previous_lon_deg, x.previous_lat_deg, DATA_ENDED)
            self.rest_ms = self.move_ms = self.acc_fast_ms = 0
            self.rested = False
        if not moves:
            self.stop_here(x.fix_ms, x.lon_deg, x.lat_deg)
            self.move_ms = 0

    def begin_from_zero(self, x: Step, out: list[Edge], end_ms: int, end_lon: float, end_lat: float) -> None:
        self.end(x, out, end_ms, end_lon, end_lat, OVER)
        self.day.__init__()  # type: ignore[misc]
        self.week.__init__()  # type: ignore[misc]
        self.acc_fast_ms = 0
        self.driver = x.driver + 1

    def stop_here(self, at_ms: int, lon: float, lat: float) -> None:
        if self.rest_ms == 0:
            self.rest_ms = at_ms
            self.stop_lon_e7, self.stop_lat_e7 = to_e7(lon), to_e7(lat)
            self.rested = False

    def stand(self, x: Step, out: list[Edge]) -> None:
        self.stop_here(x.previous_fix_ms, x.previous_lon_deg, x.previous_lat_deg)
        self.move_ms = self.acc_fast_ms = 0
        if not self.rested and x.fix_ms - self.rest_ms >= self.params.rest_ms:
            self.rested = True
            self.end(x, out, self.rest_ms, from_e7(self.stop_lon_e7), from_e7(self.stop_lat_e7), OVER)

    def move(self, x: Step, out: list[Edge]) -> None:
        from_ms = x.previous_fix_ms
        if self.rest_ms:
            from_ms = self.move_ms = self.move_ms or from_ms
            away = distance_m(from_e7(self.stop_lon_e7), from_e7(self.stop_lat_e7), x.lon_deg, x.lat_deg)
            if x.fix_ms - from_ms < self.params.queue_ms and away <= self.params.queue_m:
                return
            self.rest_ms = self.move_ms = 0
            self.rested = False
        self.travel(x)
        sure = self.driver != 0
        if x.previous_acc != 0 or x.previous_motion_dkmh <= CARRIED_DKMH:
            self.acc_fast_ms = 0
        elif self.acc_fast_ms == ACC_UNKNOWN:
            sure = False
        else:
            begun_ms = self.acc_fast_ms = self.acc_fast_ms or from_ms
            if x.fix_ms - begun_ms > CARRIED_MS:
                self.acc_fast_ms = ACC_UNKNOWN
                sure = False
                if begun_ms < from_ms:
                    self.week.doubt(self.day.doubt(begun_ms // 1000))
        self.drive(x, out, from_ms, x.fix_ms, sure)

    def pass_unknown(self, x: Step, out: list[Edge], seen_ms: int) -> None:
        from_ms, to_ms = x.previous_fix_ms, x.fix_ms
        until_ms = from_ms + min(int(x.distance_m * 3600.0 / self.params.cap_kmh), to_ms - from_ms)
        self.rest_ms = self.move_ms = self.acc_fast_ms = 0
        self.rested = False
        self.travel(x)
        rests = to_ms - until_ms + from_ms - seen_ms >= self.params.rest_ms
        silent = rests and any(alarm.is_certain for alarm in self.alarms)
        if silent:
            self.end(x, out, seen_ms, x.previous_lon_deg, x.previous_lat_deg, DATA_ENDED)
        self.drive(x, out, from_ms, until_ms, self.driver != 0, judged=not silent)
        self.drive(x, out, until_ms, to_ms, False, judged=not silent)

    def travel(self, x: Step) -> None:
        for alarm in self.alarms:
            alarm.distance_m += x.distance_m

    def drive(self, x: Step, out: list[Edge], from_ms: int, to_ms: int, sure: bool, judged: bool = True) -> None:
        from_s, to_s = from_ms // 1000, to_ms // 1000
        if to_s <= from_s:
            return
        if judged:
            self.week.go_to(from_s // 3600)
            for alarm in self.alarms:
                self.judge(alarm, x, out, from_s, to_s, sure)
        self.day.add(from_s, to_s, sure)
        self.week.add(from_s, to_s, sure)

    def judge(self, alarm: Alarm, x: Step, out: list[Edge], from_s: int, to_s: int, sure: bool) -> None:
        limit_s = alarm.limit_s
        all_s = alarm.total.at(to_s, False) + to_s - from_s
        sure_s = alarm.total.at(to_s, True) + to_s - from_s if sure else 0
        if alarm.onset_ms == 0:
            if all_s <= limit_s:
                return
            certain = sure_s > limit_s
            moment_s = to_s
            while moment_s > from_s and alarm.total.at(moment_s, certain) + moment_s - from_s > limit_s:
                moment_s -= 1
            alarm.onset_ms = moment_s * 1000
            alarm.distance_m, alarm.n = 0.0, 0
            alarm.start_lon_e7, alarm.start_lat_e7 = to_e7(x.lon_deg), to_e7(x.lat_deg)
            alarm.certainty = CERTAIN if certain else SUSPECTED
            alarm.peak_s = sure_s if certain else all_s
            alarm.grade = MAJOR if alarm.peak_s >= alarm.major_s else GENERAL
            self.write(alarm, x, out, ONSET)
            return
        before = alarm.certainty, alarm.grade
        if alarm.certainty == SUSPECTED and sure_s > limit_s:
            alarm.certainty, alarm.peak_s = CERTAIN, sure_s
        alarm.peak_s = max(alarm.peak_s, sure_s if alarm.certainty == CERTAIN else all_s)
        if alarm.peak_s >= alarm.major_s:
            alarm.grade = MAJOR
        if before != (alarm.certainty, alarm.grade):
            self.write(alarm, x, out, UPDATE)

    def end(self, x: Step, out: list[Edge], end_ms: int, end_lon: float, end_lat: float, reason: int) -> None:
        for alarm in self.alarms:
            if alarm.onset_ms:
                e = self.write(alarm, x, out, CLEAR)
                e.end_ms = max(end_ms, alarm.onset_ms)
                e.end_lon, e.end_lat, e.end_reason = end_lon, end_lat, reason
                alarm.onset_ms = 0
        self.late = False

    def advance(self, core: Core, x: Step, out: list[Edge]) -> int:
        if not any(alarm.onset_ms for alarm in self.alarms):
            return NEVER_MS
        due = core.clock_ms + LONG_SILENCE_MS
        if x.clock_ms <= due:
            return due
        now, x.clock_ms = x.clock_ms, due
        self.end(x, out, self.rest_ms or core.fix_ms, core.lon_deg, core.lat_deg, DATA_ENDED)
        x.clock_ms = now
        return NEVER_MS

    def write(self, alarm: Alarm, x: Step, out: list[Edge], edge: int) -> Edge:
        e = new_edge(out, x, "cumulative_driving", alarm.kind, edge, alarm.onset_ms)
        e.driver = self.driver - 1
        e.peak = alarm.peak_s / HOUR_S
        e.limit = alarm.limit_s / HOUR_S
        e.distance_m = alarm.distance_m
        e.start_lon, e.start_lat = from_e7(alarm.start_lon_e7), from_e7(alarm.start_lat_e7)
        e.n_reports = alarm.n
        e.grade, e.certainty, e.late = alarm.grade, alarm.certainty, int(self.late)
        return e
