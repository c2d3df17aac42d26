"""Days through the settled engine, one after another: what each says, and the state that the next begins with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from monitor.alarms.book import AlarmBook
from monitor.app.settlement.day_engine import DayEngine
from monitor.app.settlement.day_reports import DayArchive, between, in_order, pieces
from monitor.app.settlement.driver_window import DriverWindow
from monitor.app.settlement.in_force import SettingsInForce
from monitor.engine.engine import Output
from monitor.engine.parameters import ParameterTable
from monitor.engine.pass_template import TRACK
from monitor.engine.receive import N_OUTCOMES
from monitor.engine.rule import Rule
from monitor.model.alarm import Alarm, AlarmChange
from monitor.model.beijing import day_start_ms
from monitor.model.day import VEHICLE_DAY
from monitor.model.journal import RecordType
from monitor.model.report import ReportBatch, plate_key, terminal_key
from monitor.rules import load_rules
from monitor.store.committed_step import VehicleDayRows


@dataclass(frozen=True, slots=True)
class SettledDay:
    """What the rules of fix time say of a day: alarms that changed in it or last at its end, as they then stand, by
    the ids that their settled onsets give; which of them a later day may still change; and the vehicles' counters."""

    day: int
    alarms: tuple[Alarm, ...]
    lasting: frozenset[str]
    vehicle_days: VehicleDayRows
    outcomes: NDArray[np.int64]


@dataclass(slots=True)
class _Found:
    changes: list[AlarmChange] = field(default_factory=list)
    days: list[NDArray[np.void]] = field(default_factory=list)
    outcomes: NDArray[np.int64] = field(default_factory=lambda: np.zeros(N_OUTCOMES, np.int64))


class SettledDays:
    """The settled state at the end of a day, and how it goes on. Fresh, it knows of nothing.

    ``held`` settings stay in force whatever the archive says of their types.
    """

    def __init__(self, rules: tuple[Rule, ...] | None = None, held: Mapping[RecordType, bytes] | None = None) -> None:
        self.rules = rules or load_rules()
        self.engine = DayEngine(self.rules, ParameterTable(self.rules), settled=True)
        self.book = AlarmBook(self.rules, self.engine.fleet, provisional=False)
        self.window = DriverWindow(self.engine)
        self.in_force = SettingsInForce(self.engine, frozenset(held or ()))
        self.apart: frozenset[str] = frozenset()
        self.held = dict(held or {})
        self._put_held = False
        self.disordered: frozenset[str] = frozenset()
        """Vehicles of the last day whose reports came in another order than they were made."""
        self._reported: dict[int, set[str]] = {}
        self.digest = ""
        """Of the state, once somebody worked it out."""

    def reported_as(self, vehicle: str) -> frozenset[str]:
        """Keys that reports of a vehicle may come with."""
        fleet = self.engine.fleet
        row = int(fleet.rows_of((vehicle,))[0])
        keys = {vehicle} | self._reported.get(row, set())
        known = fleet.registry.vehicle(vehicle) if fleet.registry is not None else None
        if known is not None:
            keys.add(plate_key(known.plate_color.value, known.plate))
            if known.terminal_phone:
                keys.add(terminal_key(known.terminal_phone))
        return frozenset(keys)

    def run(self, archive: DayArchive, day: int, outages: Iterable[Alarm] = ()) -> SettledDay:
        """Take the next day. ``outages`` are platforms' alarms that explain gaps of their vehicles.

        Raises ``ScatteredError``; what was taken of the day is then in the state, which is of no more use.
        """
        self.digest = ""
        engine, fleet = self.engine, self.engine.fleet
        start_ms, end_ms = int(day_start_ms(day)), int(day_start_ms(day + 1))
        engine.begin_settled(start_ms, end_ms)
        settings = archive.settings_between(start_ms, end_ms)
        for record in settings:
            if record.clock_ms <= start_ms:
                self.in_force.apply(record)
        if not self._put_held:
            self._put_held = True
            for kind, payload in self.held.items():
                self.in_force.put(kind, payload)
        if fleet.change_days:
            fleet.on_day(day)
        engine.wake_all()
        late: set[str] = set()
        for outage in outages:
            self.book.note_outage(outage)
        found = _Found()
        changes = [one for one in settings if start_ms < one.clock_ms < end_ms and one.type not in self.held]
        cuts = sorted({one.clock_ms for one in changes})
        for from_ms, to_ms in zip([0, *cuts], [*cuts, 0], strict=True):
            now = [one for one in changes if one.clock_ms == from_ms]
            for record in now:
                self.in_force.apply(record)
            if now and fleet.change_days:
                fleet.on_day(day)
            for piece in pieces(archive, day, fleet, self.apart):
                late |= self._take(piece if not cuts else between(piece, from_ms, to_ms), found, end_ms)
        self.disordered = frozenset(late)
        return self._over(day, end_ms, found)

    def _take(self, piece: ReportBatch, found: _Found, end_ms: int) -> set[str]:
        """Take a piece; returns its vehicles whose reports were received in another order."""
        if not len(piece):
            return set()
        engine, fleet = self.engine, self.engine.fleet
        ready = in_order(piece, fleet, end_ms)
        # A gap may be explained by an outage of the platform that its vehicle comes through.
        sources = fleet.sources_of(ready.batch.sources)[ready.batch.rows["source"][ready.firsts]]
        fleet.rows["core"]["source"][ready.fleet_row[ready.firsts]] = sources + 1
        output = engine.take_settled(ready.batch, TRACK, ready.fleet_row)
        found.outcomes += output.outcomes + ready.dropped
        self._note(output, found)
        for key, row in zip(piece.keys, fleet.rows_of(piece.keys).tolist(), strict=True):
            if key != fleet.keys[row]:
                self._reported.setdefault(row, set()).add(key)
        received = ready.batch.rows["recv_ms"]
        falls = received[1:] < received[:-1]
        falls[ready.firsts[1:] - 1] = False
        return {fleet.keys[row] for row in np.unique(ready.fleet_row[1:][falls]).tolist()}

    def _note(self, output: Output, found: _Found) -> None:
        edges = self.window.take(output.edges, output.stretches)
        found.changes += self.book.apply(edges).changes
        found.days.append(output.days)

    def _over(self, day: int, end_ms: int, found: _Found) -> SettledDay:
        """Let the day end, and see how things stand if nothing came after it."""
        engine = self.engine
        so_far = AlarmBook(self.rules, engine.fleet, provisional=False)
        so_far.restore(self.book.snapshot())
        final = engine.if_final(end_ms)
        of_drivers = self.window.alarms(final.edges, final.stretches, end_ms)
        others = final.edges[~self.window.owns(final.edges)]
        told = [*found.changes, *so_far.apply(others).changes]
        self._note(engine.day_over(end_ms), found)
        self.window.prune(end_ms)
        states = {alarm.alarm_id: alarm for alarm in so_far.open_alarms}
        states |= {change.alarm.alarm_id: change.alarm for change in told}
        states |= {alarm.alarm_id: alarm for alarm in of_drivers}
        lasting = {alarm.alarm_id for alarm in (*self.book.open_alarms, *so_far.open_alarms, *self.window.lasting())}
        # What was seen only as if this day were the last, and what is worked out anew on the day after.
        told_of = {change.alarm.alarm_id: change.alarm for change in found.changes}
        lasting |= {key for key, alarm in states.items() if told_of.get(key) != alarm}
        return SettledDay(
            day=day,
            alarms=tuple(sorted(states.values(), key=lambda one: (one.onset_ms, one.vehicle_id, one.rule, one.kind))),
            lasting=frozenset(lasting),
            vehicle_days=self._named(np.concatenate([np.zeros(0, VEHICLE_DAY), *found.days]), day),
            outcomes=found.outcomes,
        )

    def _named(self, rows: NDArray[np.void], day: int) -> VehicleDayRows:
        """The counters of the day with the names of their vehicles."""
        rows = rows[rows["day"] == day]
        keys = self.engine.fleet.keys
        names = tuple(keys[row] for row in rows["row"].tolist())
        rows["row"] = np.arange(len(rows))
        return VehicleDayRows(names, rows)
