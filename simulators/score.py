"""Truth against alarms: precision, recall, onset delay and grade errors per rule.

Episodes within two report intervals of a threshold (``near_boundary``) are counted apart: found or not, either is
right. A further alarm within an episode that is found already is a split. An alarm that is a near miss of the truth is
a false alarm, unless that near miss is at the boundary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from monitor.errors import ReportFileError
from monitor.model.beijing import iso, parse_iso
from simulators.matching import INSTANT_MS, Interval, matched, touches
from simulators.truth import TruthEpisode, read_records

_NO_CONDITION = ("withdrawn", "merged")


class AlarmRow(msgspec.Struct, frozen=True):
    """What the score reads of an alarm record; further columns are ignored."""

    rule: str
    onset: str
    vehicle_id: str | None = None
    kind: str | None = None
    grade: str | None = None
    end: str | None = None
    state: str | None = None
    alarm_id: str | None = None
    inhibited_by: str | None = None

    def interval(self) -> Interval:
        """Raises ValueError for a time that is none."""
        return Interval(
            self.vehicle_id or "",
            self.rule,
            self.kind or "",
            parse_iso(self.onset),
            parse_iso(self.end) if self.end else None,
        )


@dataclass(frozen=True, slots=True)
class RuleScore:
    """Counts of one rule, or of one kind of it, beyond the boundary, and those at the boundary apart.

    ``split`` counts alarms beyond the first of one episode, of which the network hides a part: neither found nor false.
    Delays in seconds; NaN when none. ``kind`` is empty for all kinds of a rule together.
    """

    rule: str
    kind: str
    expected: int
    found: int
    split: int
    false: int
    boundary: int
    boundary_found: int
    delay_median_s: float
    delay_p95_s: float
    grades_compared: int
    grade_errors: int

    @property
    def missed(self) -> int:
        return self.expected - self.found

    @property
    def precision(self) -> float:
        """Found over all alarms beyond the boundary; 1 when there are none."""
        return self.found / (self.found + self.false) if self.found + self.false else 1.0

    @property
    def recall(self) -> float:
        """Found over all expected; 1 when nothing was."""
        return self.found / self.expected if self.expected else 1.0

    def record(self) -> dict[str, str | int | float | None]:
        return {
            "rule": self.rule,
            "kind": self.kind or None,
            "expected": self.expected,
            "found": self.found,
            "missed": self.missed,
            "split": self.split,
            "false": self.false,
            "precision": self.precision,
            "recall": self.recall,
            "boundary": self.boundary,
            "boundary_found": self.boundary_found,
            "delay_median_s": _number(self.delay_median_s),
            "delay_p95_s": _number(self.delay_p95_s),
            "grades_compared": self.grades_compared,
            "grade_errors": self.grade_errors,
        }


@dataclass(frozen=True, slots=True)
class Remark:
    """One verdict to look into: ``what`` is missed, false or grade."""

    what: str
    vehicle_id: str
    rule: str
    kind: str
    onset: str
    note: str


@dataclass(frozen=True, slots=True)
class Score:
    """``kinds`` has the kinds of rules that have any."""

    rules: tuple[RuleScore, ...]
    kinds: tuple[RuleScore, ...]
    total: RuleScore
    remarks: tuple[Remark, ...]

    def record(self) -> dict[str, object]:
        """What ``--json`` prints."""
        return {
            "rules": [rule.record() for rule in self.rules],
            "kinds": [kind.record() for kind in self.kinds],
            "total": self.total.record(),
            "remarks": [msgspec.to_builtins(remark) for remark in self.remarks],
        }


def read_alarms(path: Path) -> tuple[AlarmRow, ...]:
    """Alarm records of a JSONL, CSV or Parquet file. Raises ReportFileError, naming the row."""
    alarms = []
    for number, record in enumerate(read_records(path), start=1):
        try:
            alarm = msgspec.convert(record, AlarmRow, strict=False)
            alarm.interval()
        except (msgspec.ValidationError, ValueError) as error:
            raise ReportFileError(path=str(path), reason=f"row {number}: {error}") from error
        alarms.append(alarm)
    return tuple(alarms)


def score(truth: Sequence[TruthEpisode], alarms: Sequence[AlarmRow], rules: Sequence[str] | None = None) -> Score:
    """Compare. ``rules`` restricts to some; by default every rule that stands in the truth or among the alarms."""
    truth = [row for row in truth if rules is None or row.rule in rules]
    alarms = [a for a in alarms if (rules is None or a.rule in rules) and a.state not in _NO_CONDITION]
    said = [alarm.interval() for alarm in alarms]
    clear = [row for row in truth if row.expected and not row.near_boundary]
    near = [row for row in truth if row.near_boundary]
    false_if = [row for row in truth if not row.expected and not row.near_boundary]

    pairs = [(clear[t], a) for t, a in matched([_interval(row) for row in clear], said)]
    taken = {a for _, a in pairs}
    left = [a for a in range(len(alarms)) if a not in taken]
    near_pairs = matched([_interval(row) for row in near], [said[a] for a in left])
    boundary_found = [near[t] for t, _ in near_pairs]
    # At the boundary a verdict either way is right, so is one that is a report or two shorter or later.
    near_said = [_interval(row) for row in near]
    excused = {left[a] for _, a in near_pairs} | {a for a in left if any(touches(said[a], row) for row in near_said)}
    parts = {a for a in left if a not in excused and any(_is_part(said[a], row) for row in clear)}
    wrong = [a for a in left if a not in excused and a not in parts]
    looks_like = {wrong[a]: false_if[t] for t, a in matched([_interval(r) for r in false_if], [said[a] for a in wrong])}

    names = sorted({row.rule for row in truth} | {alarm.rule for alarm in alarms})
    kinds = sorted({(row.rule, row.kind) for row in truth if row.kind} | {(a.rule, a.kind) for a in said if a.kind})

    def of(rule: str | None, kind: str | None = None) -> RuleScore:
        def has(item: TruthEpisode | Interval) -> bool:
            return rule in (None, item.rule) and kind in (None, item.kind)

        mine = [(t, a) for t, a in pairs if has(t)]
        delays = np.array([(said[a].onset_ms - t.onset_ms) / 1000 for t, a in mine])
        graded = [(t, a) for t, a in mine if t.grade and alarms[a].grade]
        return RuleScore(
            rule=rule or "total",
            kind=kind or "",
            expected=sum(has(row) for row in clear),
            found=len(mine),
            split=sum(has(said[a]) for a in parts),
            false=sum(has(said[a]) for a in wrong),
            boundary=sum(has(row) for row in near),
            boundary_found=sum(has(row) for row in boundary_found),
            delay_median_s=float(np.median(delays)) if len(delays) else float("nan"),
            delay_p95_s=float(np.percentile(delays, 95)) if len(delays) else float("nan"),
            grades_compared=len(graded),
            grade_errors=sum(t.grade != alarms[a].grade for t, a in graded),
        )

    found = {id(t) for t, _ in pairs}
    remarks = [_remark("missed", row, row.note) for row in clear if id(row) not in found]
    for a in wrong:
        known = looks_like.get(a)
        item = said[a]
        note = f"near miss: {known.note}" if known else "nothing in the truth"
        remarks.append(Remark("false", item.vehicle_id, item.rule, item.kind, iso(item.onset_ms), note))
    for t, a in pairs:
        if t.grade and alarms[a].grade and t.grade != alarms[a].grade:
            remarks.append(_remark("grade", t, f"{alarms[a].grade} instead of {t.grade}; {t.note}"))
    return Score(tuple(of(name) for name in names), tuple(of(*name) for name in kinds), of(None), tuple(remarks))


def _interval(row: TruthEpisode) -> Interval:
    return Interval(row.vehicle_id, row.rule, row.kind, row.onset_ms, row.end_ms)


def _is_part(said: Interval, row: TruthEpisode) -> bool:
    """Whether an alarm lies within an episode, to the minute of the moments of its reports."""
    end_ms = said.onset_ms if said.end_ms is None else said.end_ms
    return (
        said.key == (row.vehicle_id, row.rule, row.kind)
        and row.onset_ms - INSTANT_MS <= said.onset_ms
        and (row.end_ms is None or (end_ms <= row.end_ms + INSTANT_MS and said.end_ms is not None))
    )


def _remark(what: str, row: TruthEpisode, note: str) -> Remark:
    return Remark(what, row.vehicle_id, row.rule, row.kind, iso(row.onset_ms), note)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 1)
