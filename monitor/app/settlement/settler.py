"""Which days are to be settled, and each of them: the rules, the tables, and what the live engine has to be told.

A day is on record as settled only when its corrections are safe; until then the next run does it again, with the same
outcome. Nothing of it is undone by a kill at any moment.
"""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from monitor.alarms.settling import Settled, Window, settle_alarms
from monitor.app.settlement.day_reports import DayArchive, ScatteredError
from monitor.app.settlement.days import SettledDay, SettledDays
from monitor.app.settlement.final_figures import final_indicators
from monitor.app.settlement.settings import SettlementSettings
from monitor.app.settlement.settled_state import SettledFolder, digest
from monitor.errors import StoreError
from monitor.model.alarm import Alarm, AlarmChange, AlarmState
from monitor.model.beijing import EARLIEST_MS, date_of, day_number, day_of, day_start_ms
from monitor.model.journal import RecordType
from monitor.rules import load_rules
from monitor.store.database import Database
from monitor.store.settlement_store import (
    DayRow,
    known_alarms,
    load_settled_days,
    platform_outages,
    published_ids,
    write_corrections,
    write_counters,
    write_day,
    write_final_indicators,
)

log = logging.getLogger(__name__)

_DECIDED = "decided "
"""Before the digest of settings of a day that was settled with others than those of then."""
_TRIES = 4
"""How often what live changed meanwhile is judged again in one run."""
_WARM_DAYS = 9
"""Days run without a word where no state is left to begin with: a week's sums and an alarm of the day before."""


@dataclass(frozen=True, slots=True)
class ToPutRight:
    """What the live engine has to be told: vehicles whose live state may be another one, the settled end state that
    they are rebuilt from, live alarms that are over, and open ones by their published ids."""

    state: SettledDays
    day: int
    vehicles: tuple[str, ...]
    keys: Mapping[str, frozenset[str]]  # by vehicle, the keys that its reports come with
    judged: tuple[Alarm, ...]
    lasting: tuple[Alarm, ...]
    reason: str


class LiveEngine(Protocol):
    """The way of corrections into the journal."""

    def put_right(self, told: ToPutRight) -> None:
        """Returns when all of it is in the journal. Raises ``OperationError``."""
        ...


@dataclass(frozen=True, slots=True)
class DayReport:
    """How the settlement of one day went; ``changes`` counts corrections by transition."""

    day: int
    reports: int
    alarms: int
    changes: dict[str, int]
    seconds: float


@dataclass(slots=True)
class _Pending:
    """What the live engine has to be told of the days of one run."""

    vehicles: set[str] = field(default_factory=set)
    judged: dict[str, Alarm] = field(default_factory=dict)
    lasting: dict[str, Alarm] = field(default_factory=dict)
    rows: list[DayRow] = field(default_factory=list)


class Settler:
    """One run over some days. ``archive`` is read, ``folder`` and ``database`` are written."""

    def __init__(
        self,
        archive: DayArchive,
        database: Database,
        folder: SettledFolder,
        settings: SettlementSettings,
        live: LiveEngine,
        clock_ms: Callable[[], int],
        now_ms: Callable[[], int],
    ) -> None:
        self._archive = archive
        self._database = database
        self._folder = folder
        self._settings = settings
        self._live = live
        self._clock_ms = clock_ms
        self._now_ms = now_ms
        self._rules = load_rules()
        self._of_fix_time = tuple(rule.name for rule in self._rules if rule.contact is None and rule.receipt is None)

    def first_day(self) -> int | None:
        """The archive's first day with a usable date; None where there is none."""
        return next((day for day in self._archive.days() if day_start_ms(day) >= EARLIEST_MS), None)

    def stale_from(self, last: int) -> int | None:
        """The first day up to ``last`` that has to be settled (again) by itself; None where there is none."""
        first = self.first_day()
        if first is None or first > last:
            return None
        rows = load_settled_days(self._database)
        limit = last - self._settings.late_days
        for day in range(first, last + 1):
            row = rows.get(day)
            if row is None or not row.complete:
                return day
            if (
                day >= limit
                and not _by_decision(row)
                and (row.version != self._archive.version(day) or row.settings != self._settings_digest(day, {}))
            ):
                return day
        return None

    def settle(
        self,
        first: int,
        last: int,
        *,
        current: Mapping[RecordType, bytes] | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> tuple[DayReport, ...]:
        """Settle days ``first`` to ``last``, those before that were never settled, and settled ones after as far as
        the state that they began with is another one now.

        ``current`` are settings to be in force instead of those of then, an explicit correction. Raises
        ``OperationError``; what was not put on record is done again by the next run.
        """
        begin = self.first_day()
        if begin is None or last < begin:
            raise StoreError(reason="the archive has no reports of these days", advice="Name a day that is over")
        rows = load_settled_days(self._database)
        unsettled = (day for day in range(begin, first) if day not in rows or not rows[day].complete)
        day = max(begin, min(first, next(unsettled, first)))
        state = self._state_before(day, rows, begin, current)
        found: list[DayReport] = []
        pending = _Pending()
        while day <= last or self._differs(rows.get(day), state):
            if stopped():
                break
            note = "current settings" if current and first <= day <= last else ""
            if current and day > last and state.held:
                state = self._own_settings(state, day)
            state, report = self._settle_day(state, day, rows.get(day), pending, current, note)
            found.append(report)
            day += 1
        if found:
            self._tell_live(state, day - 1, pending, "current settings" if current else "")
            self._folder.tidy(set(range(day - self._settings.kept_states, day)) | set(rows) & set(range(day, day + 2)))
        return tuple(found)

    def _settle_day(
        self,
        state: SettledDays,
        day: int,
        before: DayRow | None,
        pending: _Pending,
        current: Mapping[RecordType, bytes] | None,
        note: str,
    ) -> tuple[SettledDays, DayReport]:
        begun_s = time.monotonic()
        version = self._archive.version(day)
        begun_from = digest(state)
        generation = 1 if before is None else before.generation + 1
        if before is None:
            # From now on nothing live overwrites what settlement writes.
            write_day(self._database, DayRow(day, False, 0, "", "", "", "", self._now_ms(), 0.0, 0, {}))
        state, settled = self._run(state, day, current)
        self._folder.write(state, day, generation)
        changes = self._correct(settled, state, pending, note)
        write_counters(self._database, day, settled.vehicle_days)
        row = DayRow(
            day=day,
            complete=True,
            generation=generation,
            version=version,
            begun_from=begun_from,
            ended_as=digest(state),
            settings=self._settings_digest(day, state.held),
            settled_ms=self._now_ms(),
            seconds=round(time.monotonic() - begun_s, 3),
            reports=int(settled.outcomes.sum()),
            changes=dict(Counter(change.transition.value for change in changes)),
        )
        registry = state.engine.fleet.registry
        write_final_indicators(self._database, final_indicators(self._database, day, registry))
        if pending.judged or pending.lasting or pending.vehicles:
            pending.rows.append(row)
        else:
            write_day(self._database, row)
        log.info(
            "day %s settled: %d reports, %d alarms, %s, %.1f s",
            date_of(day),
            row.reports,
            len(settled.alarms),
            row.changes or "no changes",
            row.seconds,
        )
        return state, DayReport(day, row.reports, len(settled.alarms), row.changes, row.seconds)

    def _run(
        self, state: SettledDays, day: int, current: Mapping[RecordType, bytes] | None
    ) -> tuple[SettledDays, SettledDay]:
        outages = platform_outages(self._database, int(day_start_ms(day)), int(day_start_ms(day + 1)))
        try:
            return state, state.run(self._archive, day, outages)
        except ScatteredError as error:
            log.info("day %s: vehicles came by keys of several buckets; once more", date_of(day))
            rows = load_settled_days(self._database)
            again = self._state_before(day, rows, self.first_day() or day, current)
            again.apart = state.apart | error.keys
            return again, again.run(self._archive, day, outages)

    def _correct(self, settled: SettledDay, state: SettledDays, pending: _Pending, note: str) -> list[AlarmChange]:
        """Bring the tables to what was settled; what is open live goes through the live engine instead."""
        day = settled.day
        window = Window(day, int(day_start_ms(day + 1)))
        ids = {alarm.alarm_id for alarm in settled.alarms}
        changes: list[AlarmChange] = []
        for attempt in range(_TRIES):
            known = known_alarms(self._database, day, int(day_start_ms(day)), window.end_ms, self._of_fix_time, ids)
            found = settle_alarms(settled.alarms, known, settled.lasting, window)
            here = [one if not by_live(one) else replace(one, writes=False) for one in found]
            done, whole = write_corrections(
                self._database, day, here, at_ms=self._clock_ms(), now_ms=self._now_ms(), note=note
            )
            changes += done
            if whole:
                break
            log.info("day %s: alarms changed meanwhile; judged again (%d)", date_of(day), attempt + 1)
        for one in found:
            if by_live(one):
                vehicle = one.alarm.vehicle_id
                pending.vehicles.add(vehicle)
                if one.alarm.state is not AlarmState.ACTIVE:
                    pending.judged[one.alarm.alarm_id] = one.alarm
        pending.vehicles |= state.disordered
        pending.lasting = self._lasting(settled, state)
        return changes

    def _lasting(self, settled: SettledDay, state: SettledDays) -> dict[str, Alarm]:
        """Alarms open at the end of the day, by the ids that they are known by."""
        open_alarms = {alarm.alarm_id: alarm for alarm in state.book.open_alarms}
        open_alarms |= {alarm.alarm_id: alarm for alarm in settled.alarms if alarm.state is AlarmState.ACTIVE}
        published = published_ids(self._database, open_alarms)
        named = (replace(one, alarm_id=published.get(key, key)) for key, one in open_alarms.items())
        return {alarm.alarm_id: alarm for alarm in named}

    def _tell_live(self, state: SettledDays, day: int, pending: _Pending, reason: str) -> None:
        if pending.vehicles:
            lasting = tuple(one for one in pending.lasting.values() if one.vehicle_id in pending.vehicles)
            vehicles = tuple(sorted(pending.vehicles))
            keys = {vehicle: state.reported_as(vehicle) for vehicle in vehicles}
            judged = tuple(pending.judged.values())
            self._live.put_right(ToPutRight(state, day, vehicles, keys, judged, lasting, reason))
        for row in pending.rows:
            write_day(self._database, row)

    def _state_before(
        self, day: int, rows: Mapping[int, DayRow], begin: int, current: Mapping[RecordType, bytes] | None
    ) -> SettledDays:
        """The settled state at the end of the day before; worked out anew where none is left."""
        if day <= begin:
            return SettledDays(self._rules, current)
        for earlier in range(day - 1, begin - 1, -1):
            row = rows.get(earlier)
            if row is not None and row.complete:
                found = self._folder.read(earlier, row.generation, current)
                if found is not None:
                    return self._run_through(found, earlier + 1, day)
            if row is None:
                break
        month = day_number(date_of(day - 1).replace(day=1))
        since = max(begin, min(month, day - _WARM_DAYS))
        log.warning("no settled state before %s is left; run from %s on", date_of(day), date_of(since))
        return self._run_through(SettledDays(self._rules, current), since, day)

    def _run_through(self, state: SettledDays, first: int, day: int) -> SettledDays:
        for one in range(first, day):
            outages = platform_outages(self._database, int(day_start_ms(one)), int(day_start_ms(one + 1)))
            state.run(self._archive, one, outages)
        return state

    def _own_settings(self, state: SettledDays, day: int) -> SettledDays:
        """The state with the settings of the archive from now on."""
        generation = (load_settled_days(self._database)[day - 1]).generation
        return self._folder.read(day - 1, generation) or state

    def _differs(self, row: DayRow | None, state: SettledDays) -> bool:
        """Whether a settled day began with another state."""
        if row is None or not row.complete or row.begun_from == digest(state):
            return False
        if _by_decision(row):
            log.warning(
                "day %s stays as somebody decided it; settle it again by the command, the days before it changed",
                date_of(row.day),
            )
            return False
        return True

    def _settings_digest(self, day: int, held: Mapping[RecordType, bytes]) -> str:
        found = hashlib.sha256()
        for record in self._archive.settings_between(int(day_start_ms(day)), int(day_start_ms(day + 1))):
            clock_ms = max(record.clock_ms, int(day_start_ms(day)))
            payload = held.get(record.type, record.payload)
            found.update(f"{int(record.type)}:{clock_ms}:".encode() + hashlib.sha256(payload).digest())
        return (_DECIDED if held else "") + found.hexdigest()[:16]


def by_live(one: Settled) -> bool:
    """Whether a correction goes through the live engine: it alone changes alarms that are open."""
    if not one.writes:
        return False
    return one.alarm.state is AlarmState.ACTIVE or (
        one.before is not None and one.before.alarm.state is AlarmState.ACTIVE
    )


def _by_decision(row: DayRow) -> bool:
    """Whether somebody decided what was in force: such a day is not settled again by itself."""
    return row.settings.startswith(_DECIDED)


def day_before(now_ms: int) -> int:
    """The day that is over."""
    return int(day_of(now_ms)) - 1


def summary(reports: Sequence[DayReport]) -> Counter[str]:
    """Corrections of several days by transition."""
    return sum((Counter(report.changes) for report in reports), Counter())
