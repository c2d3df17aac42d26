"""A SETTLED record in the live pipeline: vehicles' state rows rebuilt from the settled state and all later reports.

What runs on receive time stays as it is. A vehicle that has sent newer reports than the record knows of is passed over:
the record's sender asks who was, and sends another.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.alarms.book import AlarmBook
from monitor.alarms.settling import group_of, overlaps
from monitor.app.settled import in_fix_order
from monitor.engine.engine import Engine, Output
from monitor.engine.map_marks import renumber
from monitor.engine.pass_template import TRACK
from monitor.engine.snapshot import layout_of
from monitor.model.alarm import Alarm, AlarmChange, AlarmState, Correction, Transition
from monitor.model.flaw import Flaw
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.report import ReportBatch
from monitor.model.settled import SettledVehicles
from monitor.store import journal_payload

if TYPE_CHECKING:
    from monitor.model.map_set import MapSet

log = logging.getLogger(__name__)

_OF_CONTACT = ("contact_ms", "source")
_OF_REGISTRY = ("profile", "registered", "vehicle_class", "suspended_from_day", "suspended_to_day", "retired_day")
_FROM_ONE = frozenset({"driving", "stretch"})
"""Parts of rules' states that count drivers from 1, with 0 for unknown; all others from 0, with -1."""
_TRANSITIONS = {AlarmState.WITHDRAWN: Transition.WITHDRAWN, AlarmState.MERGED: Transition.MERGED}


@dataclass(frozen=True, slots=True)
class PutRight:
    """What a record did: changes of alarms, how many rows were replaced and differ from what they were, and the
    vehicles passed over."""

    changes: tuple[AlarmChange, ...]
    replaced: int = 0
    differed: int = 0
    passed_over: tuple[str, ...] = ()
    output: Output | None = None
    """What else came of time passing, to be taken as always."""


NOTHING_DONE = PutRight(())


def encoded_reports(batch: ReportBatch) -> bytes:
    """Reports as a record carries them."""
    flags, payload = journal_payload.encode(JournalRecord(0, RecordType.REPORTS, 0, batch))
    return bytes([flags]) + payload


def decoded_reports(data: bytes) -> ReportBatch:
    """Reports of a record."""
    record = journal_payload.decode(
        int(RecordType.REPORTS), data[0], data[1:], offset=0, clock_ms=0, schema=journal_payload.SCHEMA
    )
    assert record.batch is not None
    return record.batch


def put_right(engine: Engine, book: AlarmBook, payload: bytes, offset: int) -> PutRight:
    """Take a SETTLED record. One that another version wrote is passed over."""
    try:
        stated = msgspec.json.decode(payload, type=SettledVehicles)
        batch = decoded_reports(stated.reports)
    except (msgspec.MsgspecError, ValueError) as error:
        log.warning("the settled states of journal record %d are passed over: %s", offset, error)
        return NOTHING_DONE
    if stated.layout != layout_of(engine):
        log.warning("the settled states of journal record %d are passed over: rows were laid out otherwise", offset)
        return replace(NOTHING_DONE, passed_over=stated.keys)
    return _PuttingRight(engine, book, stated, batch).run()


class _PuttingRight:
    def __init__(self, engine: Engine, book: AlarmBook, stated: SettledVehicles, batch: ReportBatch) -> None:
        self._engine = engine
        self._book = book
        self._stated = stated
        self._batch = batch
        self._judging = {rule.name for rule in engine.rules if rule.judge is not None}
        self._of_contact = {rule.name for rule in engine.rules if rule.contact is not None or rule.receipt is not None}

        self._rebuilt_codes = [
            code
            for code, rule in enumerate(engine.rules)
            if rule.name not in self._of_contact and rule.name not in self._judging
        ]

    def run(self) -> PutRight:
        engine, stated = self._engine, self._stated
        fleet = engine.fleet
        rows = fleet.rows_of(stated.keys)
        still = fleet.rows["core"]["time_ms"][rows] <= np.array(stated.newest_ms, np.int64)
        first = np.zeros(len(rows), np.bool_)
        first[np.unique(rows, return_index=True)[1]] = True
        chosen = np.flatnonzero(still & first)
        passed_over = tuple(stated.keys[place] for place in np.flatnonzero(~still).tolist())
        if not len(chosen):
            return replace(NOTHING_DONE, passed_over=passed_over)
        before = fleet.rows[rows[chosen]].copy()
        fleet.rows[rows[chosen]] = self._rows_for_here(before, chosen)
        fleet.deadlines[rows[chosen]] = 0
        output = self._run_later(rows[chosen])
        # Silence may have ended what lasts at the end of a settled day, where only a later report does.
        passed = engine.tick(engine.clock_ms)
        own = np.isin(passed.edges["row"], rows[chosen]) & np.isin(passed.edges["rule"], self._rebuilt_codes)
        edges = np.concatenate([output.edges, passed.edges[own]])
        changes = self._alarms(frozenset(fleet.keys[row] for row in rows[chosen].tolist()), edges)
        after = fleet.rows[rows[chosen]]
        differed = sum(not same_content(a, b, self._of_contact) for a, b in zip(before, after, strict=True))
        days = np.concatenate([output.days, passed.days])
        others = replace(passed, edges=passed.edges[~own], days=days[days["day"] > stated.day])
        return PutRight(tuple(changes), len(chosen), differed, passed_over, others)

    def _rows_for_here(self, live: NDArray[np.void], chosen: NDArray[np.intp]) -> NDArray[np.void]:
        """The settled rows with the numbers of this engine, and with what settlement does not judge as it is."""
        engine, stated = self._engine, self._stated
        dtype = engine.fleet.rows.dtype
        settled = np.frombuffer(stated.rows, dtype)[chosen].copy()
        table = engine.fleet.drivers_of(stated.drivers)
        _translate(settled, table, ())
        known = cast("MapSet", _Known(stated.sections, stated.permits))
        renumber(settled, known, engine.fleet.maps)
        for name in (*_OF_CONTACT, *_OF_REGISTRY):
            settled["core"][name] = live["core"][name]
        for name in self._of_contact:
            if name in (dtype.names or ()):
                settled[name] = live[name]
        return settled

    def _run_later(self, rows: NDArray[np.int32]) -> Output:
        """The later reports of vehicles in fix order; nobody but their own rows sees them."""
        engine, batch = self._engine, self._batch
        row_of = engine.fleet.rows_of(batch.keys)[batch.rows["key"]]
        wanted = np.isin(row_of, rows)
        timed = batch.rows["flaws"][wanted] & int(Flaw.TIME) == 0
        received = batch.rows["recv_ms"][wanted]
        ordered, fleet_row, _ = in_fix_order(replace(batch, rows=batch.rows[wanted]), row_of[wanted], timed, received)
        with _apart(engine):
            return engine.take_settled(ordered, TRACK, fleet_row)

    def _alarms(self, vehicles: frozenset[str], edges: NDArray[np.void]) -> list[AlarmChange]:
        """Bring the open alarms of vehicles to what their rebuilt rows say."""
        engine, stated, book = self._engine, self._stated, self._book
        at_ms = engine.clock_ms
        rebuilt = AlarmBook(engine.rules, engine.fleet, provisional=True)
        rebuilt.begin_with(book, (one for one in stated.lasting if one.vehicle_id in vehicles))
        states = {change.alarm.alarm_id: change.alarm for change in rebuilt.apply(edges).changes}
        lasting = rebuilt.open_of(vehicles)
        judged = {alarm.alarm_id: alarm for alarm in stated.judged}
        changes: list[AlarmChange] = []
        note = f": {stated.reason}" if stated.reason else ""
        live = {key: one.alarm for key, one in book.open_of(vehicles).items() if one.alarm.rule not in self._of_contact}
        for key, alarm in live.items():
            found = judged.get(alarm.alarm_id)
            reason = Correction.NOT_FOUND if found and found.state is AlarmState.WITHDRAWN else Correction.REBUILT
            if found is None and alarm.rule not in self._judging:
                found = self._beside(alarm, lasting[key].alarm if key in lasting else None, states)
            if found is not None and found != alarm:
                transition = _TRANSITIONS.get(found.state, Transition.REVISED)
                changes += book.correct(found, transition, reason.value + note, at_ms)
        for key, episode in lasting.items():
            alarm = episode.alarm
            if key in live or alarm.rule in self._judging or alarm.state is not AlarmState.ACTIVE:
                continue
            known = any(alarm.alarm_id == one.alarm_id for one in stated.lasting)
            reason = Correction.NOT_OVER if known else Correction.MISSED_LIVE
            transition = Transition.REVISED if known else Transition.RAISED
            missed = replace(alarm, late=True, provisional=True)
            changes += book.correct(missed, transition, reason.value + note, at_ms)
        return changes

    def _beside(self, live: Alarm, lasting: Alarm | None, states: dict[str, Alarm]) -> Alarm | None:
        """A live alarm as the rebuilt row has it; None where it stands."""
        if lasting is not None:
            same = (live.onset_ms, live.grade, live.certainty) == (lasting.onset_ms, lasting.grade, lasting.certainty)
            return None if same else _known_as(live, lasting)
        over = [one for one in states.values() if group_of(one) == group_of(live) and overlaps(one, live)]
        if over:
            return _known_as(live, max(over, key=lambda one: one.onset_ms))
        return replace(live, state=AlarmState.WITHDRAWN)


def _known_as(live: Alarm, rebuilt: Alarm) -> Alarm:
    """What was rebuilt, with the id of the live alarm and what only live knows."""
    return replace(
        rebuilt,
        alarm_id=live.alarm_id,
        provisional=True,
        late=live.late or rebuilt.late,
        inhibited_by=live.inhibited_by,
        cargo=live.cargo,
        load=live.load,
    )


@dataclass(frozen=True, slots=True)
class _Ids:
    section_id: str = ""
    permit_id: str = ""


class _Known:
    """Maps that are known by their ids alone, as ``renumber`` asks for them."""

    def __init__(self, sections: tuple[str, ...], permits: tuple[str, ...]) -> None:
        self.roads = _Sections(tuple(_Ids(section_id=one) for one in sections)) if sections else None
        self.permits = _Permits(tuple(_Ids(permit_id=one) for one in permits)) if permits else None


@dataclass(frozen=True, slots=True)
class _Sections:
    sections: tuple[_Ids, ...]


@dataclass(frozen=True, slots=True)
class _Permits:
    permits: tuple[_Ids, ...]


@contextmanager
def _apart(engine: Engine) -> Iterator[None]:
    """Judges and trails see nothing meanwhile: they have seen these reports before."""
    judges, trail = engine.judges, engine.trail
    engine.judges, engine.trail = {}, None
    try:
        yield
    finally:
        engine.judges, engine.trail = judges, trail


def _translate(rows: NDArray[np.void], table: NDArray[np.int32], path: tuple[str, ...]) -> None:
    """Driver indices in every part of state rows from one numbering to another, in place."""
    for name in rows.dtype.names or ():
        column = rows[name]
        if column.dtype.names:
            _translate(column, table, (*path, name))
        elif name == "driver":
            shift = 1 if path[-1:] and path[-1] in _FROM_ONE else 0
            index = column.astype(np.int64) - shift
            known = (index >= 0) & (index < len(table) - 1)
            column[...] = np.where(known, table[np.where(known, index, -1)] + shift, column)


def same_content(a: np.void, b: np.void, left_out: Collection[str]) -> bool:
    """Whether two rows are the same in what the rules of fix time hold, but for those ``left_out``; clocks aside, which
    live are those of receipt."""
    return _content(a, left_out) == _content(b, left_out)


def _content(row: np.void, left_out: Collection[str]) -> tuple[object, ...]:
    found: list[object] = []
    for name in row.dtype.names or ():
        if name in left_out or name in _OF_CONTACT or name in _OF_REGISTRY or "clock" in name:
            continue
        value = row[name]
        if isinstance(value, np.void):
            found.append(_content(value, ()))
        else:
            found.append(value.tobytes())
    return tuple(found)
