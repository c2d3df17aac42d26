"""Evidence of alarms, taken where their changes are made: live, in the tail after a restart, and in a replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from statistics import median

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.app.evidence_frames import Asked, FrameFinder
from monitor.app.evidence_limits import limit_facts
from monitor.app.evidence_rules import RuleBook
from monitor.app.evidence_runs import RunBook
from monitor.engine.batch_columns import LATE_MS
from monitor.engine.engine import Engine
from monitor.engine.receive import Outcome
from monitor.engine.trail import HEADING_SHIFT, flags_of, flaws_of, heading_of, outcome_of, received_ms
from monitor.model.alarm import Alarm, AlarmChange, EndReason, Transition
from monitor.model.beijing import iso
from monitor.model.evidence import ACCEPTED, Around, Clocks, Evidence, SeenReport, Uncertainty, bounded
from monitor.model.flaw import Flaw, ReportFlag

_GOOD = (Outcome.ACCEPTED, Outcome.CONFIRMED)
_SAID = (1 << HEADING_SHIFT) - 1
_INTERVAL_MOST_MS = 180_000
"""A longer step is a hole and not the vehicle's interval (as the engine measures it)."""
_NOTHING = Asked(-1, ())
_SPEED = "km/h"
"""Unit of a rule whose peak is the speed of a report."""
_COLUMNS = ("fix_ms", "lon_e7", "lat_e7", "mileage_m", "marks", "speed_dkmh", "recorder_dkmh")
_YEAR_MOST_MS = 253_402_300_000_000
"""Beyond the year 9999 no calendar goes; such a time stamp is a flaw."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """A row of a trail in plain numbers."""

    fix_ms: int
    recv_ms: int
    good: bool
    report: SeenReport
    words: tuple[str, ...]


class EvidenceBook:
    """Takes the evidence of changes from an engine's trail, stretches, settings and maps.

    Costs nothing while there are no changes, and takes nothing where the engine keeps no trail.
    """

    def __init__(self, engine: Engine) -> None:
        self.frames: FrameFinder | None = None
        """Where the bytes of reports are looked up; None where nobody keeps any."""
        self._engine = engine
        self._rules = RuleBook(engine)
        self._runs = RunBook(engine)

    def note(self, stretches: NDArray[np.void]) -> None:
        """Stretches of vehicles' time that are over (dtype STRETCH), before the changes that came with them."""
        if self._engine.trail is not None:
            self._runs.note(stretches)

    def snapshot(self) -> bytes:
        """The runs; trails are the engine's."""
        return self._runs.snapshot()

    def restore(self, data: bytes) -> None:
        """Take over a snapshot."""
        self._runs.restore(data)

    def of(
        self, changes: Sequence[AlarmChange], causes: Sequence[int], edges: NDArray[np.void]
    ) -> tuple[Evidence, ...]:
        """One piece for each change; ``causes`` are the positions of their edges, -1 where another alarm's edge did it.

        A change that raises, clears or withdraws comes with reports, limit, settings and run.
        """
        if self._engine.trail is None:
            return ()
        pieces: list[Evidence] = []
        asked: dict[int, Asked] = {}
        for number, (change, cause) in enumerate(zip(changes, causes, strict=True)):
            piece, of_frames = self._piece(change, None if cause < 0 else edges[cause])
            pieces.append(bounded(piece))
            if of_frames.reports:
                asked[number] = of_frames
        if self.frames is not None:
            for number, (frames, gone) in zip(asked, self.frames.of(list(asked.values())), strict=True):
                pieces[number] = msgspec.structs.replace(pieces[number], frames=frames, frames_gone=gone)
        return tuple(pieces)

    def _piece(self, change: AlarmChange, edge: np.void | None) -> tuple[Evidence, Asked]:
        """The piece without frames, and for which reports to look for them."""
        alarm = change.alarm
        around = _around(change)
        if edge is None or around is Around.NONE:
            return _bare(change), _NOTHING
        row = int(edge["row"])
        rule = self._engine.rules[edge["rule"]]
        end_ms = alarm.end_ms if around is Around.END and alarm.end_ms is not None else None
        seen = self._seen(row, alarm.onset_ms if end_ms is None else end_ms, change.at_ms)
        onset, end = _at(seen, alarm.onset_ms), None if end_ms is None else _at(seen, end_ms)
        run, cut = self._runs.of(rule, row, alarm, change.at_ms)
        piece = Evidence(
            alarm_id=alarm.alarm_id,
            sequence=change.sequence,
            transition=change.transition,
            clocks=_clocks(change, onset, end),
            grade=alarm.grade.word,
            certainty=alarm.certainty.word,
            suspected_serious=alarm.suspected_serious,
            late=alarm.late,
            rule=self._rules.in_force(rule, alarm),
            limit=limit_facts(alarm, edge, rule.unit, self._engine.fleet.maps),
            around=around,
            reports=tuple(one.report for one in seen),
            quality=_quality(seen),
            uncertainty=_uncertainty(seen, alarm, end_ms),
            run=run,
            run_cut=cut,
        )
        wanted = _wanted(seen, alarm, end_ms, rule.unit) if self.frames is not None else []
        return piece, Asked(row, [(one.fix_ms, one.recv_ms, one.report.fix) for one in wanted])

    def _seen(self, row: int, at_ms: int, known_ms: int) -> tuple[_Seen, ...]:
        trail = self._engine.trail
        if trail is None or row < 0:
            return ()
        rows = trail.around(row, at_ms, known_ms)
        columns = [received_ms(rows).tolist(), *(rows[name].tolist() for name in _COLUMNS)]
        return tuple(_seen_report(*values) for values in zip(*columns, strict=True))


def _around(change: AlarmChange) -> Around:
    if change.transition in (Transition.RAISED, Transition.WITHDRAWN):
        return Around.BEGIN
    if change.transition is Transition.CLEARED:
        return Around.END
    return Around.NONE


def _bare(change: AlarmChange) -> Evidence:
    alarm = change.alarm
    return Evidence(
        alarm_id=alarm.alarm_id,
        sequence=change.sequence,
        transition=change.transition,
        clocks=_clocks(change, None, None),
        grade=alarm.grade.word,
        certainty=alarm.certainty.word,
        suspected_serious=alarm.suspected_serious,
        late=alarm.late,
    )


def _clocks(change: AlarmChange, onset: _Seen | None, end: _Seen | None) -> Clocks:
    alarm = change.alarm
    return Clocks(
        found=iso(change.at_ms),
        onset=iso(alarm.onset_ms),
        onset_received="" if onset is None else _moment(onset.recv_ms),
        end="" if alarm.end_ms is None else iso(alarm.end_ms),
        end_received="" if end is None else _moment(end.recv_ms),
    )


def _seen_report(
    recv_ms: int,
    fix_ms: int,
    lon_e7: int,
    lat_e7: int,
    mileage_m: int,
    marks: int,
    speed_dkmh: int,
    recorder_dkmh: int,
) -> _Seen:
    said = _said(marks & _SAID)
    heading = heading_of(marks)
    delay_ms = recv_ms - fix_ms
    late = said.backfill or delay_ms > LATE_MS
    report = SeenReport(
        fix=_moment(fix_ms),
        lon=lon_e7 / 1e7 if said.placed else None,
        lat=lat_e7 / 1e7 if said.placed else None,
        speed_kmh=None if speed_dkmh < 0 or said.derived else speed_dkmh / 10,
        recorder_kmh=None if recorder_dkmh < 0 else recorder_dkmh / 10,
        heading_deg=None if heading < 0 else heading,
        mileage_km=None if mileage_m < 0 else mileage_m / 1000,
        acc=said.acc,
        delay_s=delay_ms / 1000 if delay_ms else None,
        outcome=said.outcome,
        backfill=said.backfill,
        flaws=said.flaws,
    )
    words = (*said.flaws, *(["late"] if late else ()), *([] if said.good else [said.outcome]))
    return _Seen(fix_ms, recv_ms, said.good, report, words)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the marks of a row say, but for its heading."""

    placed: bool
    derived: bool
    acc: bool | None
    backfill: bool
    good: bool
    outcome: str
    flaws: tuple[str, ...]


@lru_cache(maxsize=1024)
def _said(marks: int) -> _Said:
    flaws, flags, outcome = flaws_of(marks), flags_of(marks), outcome_of(marks)
    return _Said(
        placed=not flaws & Flaw.NO_FIX,
        derived=bool(flags & ReportFlag.SPEED_DERIVED),
        acc=bool(flags & ReportFlag.ACC_ON) if flags & ReportFlag.ACC_KNOWN else None,
        backfill=bool(flags & ReportFlag.BACKFILL),
        good=outcome in _GOOD,
        outcome=ACCEPTED if outcome is Outcome.ACCEPTED else outcome.name.lower(),
        flaws=tuple(flaw.name.lower() for flaw in flaws if flaw.name),
    )


def _at(seen: Sequence[_Seen], at_ms: int) -> _Seen | None:
    """The good report of a moment."""
    return next((one for one in seen if one.good and one.fix_ms == at_ms), None)


def _wanted(seen: Sequence[_Seen], alarm: Alarm, end_ms: int | None, unit: str) -> list[_Seen]:
    """Whose bytes are worth most: of the moment itself, of the peak, then by nearness to the moment."""
    at_ms = alarm.onset_ms if end_ms is None else end_ms
    peak = _peak(seen, alarm) if unit == _SPEED else None

    def rank(one: _Seen) -> tuple[bool, bool, int]:
        return one.fix_ms != at_ms, one is not peak, abs(one.fix_ms - at_ms)

    return sorted(seen, key=rank)


def _peak(seen: Sequence[_Seen], alarm: Alarm) -> _Seen | None:
    """The report of the alarm whose speed is its peak, where it is among those shown."""
    of_alarm = (one for one in seen if one.good and one.fix_ms >= alarm.onset_ms and alarm.peak is not None)
    return next((one for one in of_alarm if one.report.speed_kmh == alarm.peak), None)


def _quality(seen: Sequence[_Seen]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in seen:
        for word in one.words:
            counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items()))


def _uncertainty(seen: Sequence[_Seen], alarm: Alarm, end_ms: int | None) -> Uncertainty:
    times = [one.fix_ms for one in seen if one.good]
    steps = [b - a for a, b in pairwise(times)]
    short = [step for step in steps if 0 < step <= _INTERVAL_MOST_MS]
    returned = alarm.end_reason is EndReason.CONTACT_RETURNED  # that is the moment of a report
    return Uncertainty(
        interval_s=median(short) / 1000 if short else None,
        begin_s=_step_s(times, alarm.onset_ms, -1) if end_ms is None else None,
        end_s=None if end_ms is None or returned else _step_s(times, end_ms, 1),
    )


def _step_s(times: Sequence[int], at_ms: int, step: int) -> float | None:
    """Seconds from the report of a moment to the one before (-1) or after it; None where either is missing."""
    if at_ms not in times:
        return None
    other = times.index(at_ms) + step
    return abs(times[other] - at_ms) / 1000 if 0 <= other < len(times) else None


def _moment(at_ms: int) -> str:
    return iso(at_ms) if 0 < at_ms < _YEAR_MOST_MS else ""
