"""What another configuration would have found: both over the same archive, side by side, and nothing kept of either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from monitor.app.settlement.contact_days import ContactDays
from monitor.app.settlement.day_reports import DayArchive, ScatteredError
from monitor.app.settlement.days import SettledDays
from monitor.engine.parameters import RuleLayers
from monitor.errors import StoreError
from monitor.model.alarm import Alarm
from monitor.model.beijing import EARLIEST_MS, day_start_ms
from monitor.model.day import VEHICLE_DAY
from monitor.model.fleet import Registry
from monitor.model.indicator import INDICATOR_COUNTS, Indicator, Period, Scope
from monitor.model.journal import RecordType
from monitor.rules import load_rules
from monitor.supervision.indicators import build_indicators
from monitor.supervision.rates import rates

_WARM_DAYS = 9
"""Days before the first that only make the state: a week's sums and an alarm of the day before."""
_SCORES = ("completeness_rate", "conformity_rate", "drift_rate", "speeding_per_vehicle", "fatigue_s_per_vehicle")


@dataclass(frozen=True, slots=True)
class Answer:
    """Alarms that began in the days asked for, and the counts of each enterprise over them."""

    alarms: tuple[Alarm, ...]
    enterprises: dict[str, Indicator]


@dataclass(frozen=True, slots=True)
class AlarmDifference:
    """One rule (and enterprise): alarms as it was and as it would be; those found by one alone."""

    key: str
    before: int
    after: int
    only_before: int
    only_after: int


@dataclass(frozen=True, slots=True)
class ScoreDifference:
    """One figure of one enterprise; None where there was nothing to judge."""

    enterprise_id: str
    score: str
    before: float | None
    after: float | None


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs, by rule, by enterprise, and in the enterprises' figures."""

    by_rule: tuple[AlarmDifference, ...]
    by_enterprise: tuple[AlarmDifference, ...]
    scores: tuple[ScoreDifference, ...]


def what_if(archive: DayArchive, other: RuleLayers, first: int, last: int) -> Difference:
    """The archive's own settings beside ``other`` over days ``first`` to ``last``. Reads, and writes nothing.

    Raises ``StoreError`` where the archive has none of these days.
    """
    days = [day for day in archive.days() if day_start_ms(day) >= EARLIEST_MS]
    if not any(first <= day <= last for day in days):
        raise StoreError(reason="the archive has no reports of these days", advice="Name days that are over")
    held = {RecordType.CONFIG: other.model_dump_json().encode()}
    begin = max(days[0], first - _WARM_DAYS)
    return difference(_answer(archive, {}, begin, first, last), _answer(archive, held, begin, first, last))


def difference(before: Answer, after: Answer) -> Difference:
    """What differs between two answers; equal lines are left out."""
    return Difference(
        _differences(before.alarms, after.alarms, lambda alarm: alarm.rule),
        _differences(before.alarms, after.alarms, lambda alarm: alarm.enterprise_id or "-"),
        tuple(_scores(before.enterprises, after.enterprises)),
    )


def _answer(archive: DayArchive, held: Mapping[RecordType, bytes], begin: int, first: int, last: int) -> Answer:
    rules = load_rules()
    apart: frozenset[str] = frozenset()
    while True:
        try:
            return _run(SettledDays(rules, held), apart, archive, held, begin, first, last)
        except ScatteredError as error:
            apart |= error.keys


def _run(
    days: SettledDays,
    apart: frozenset[str],
    archive: DayArchive,
    held: Mapping[RecordType, bytes],
    begin: int,
    first: int,
    last: int,
) -> Answer:
    days.apart = apart
    contacts = ContactDays(days.rules, int(day_start_ms(begin)), held)
    found: dict[str, Alarm] = {}
    counters = []
    names: dict[str, int] = {}
    for day in range(begin, last + 1):
        settled = days.run(archive, day)
        contacts.run(archive, day)
        found |= {alarm.alarm_id: alarm for alarm in settled.alarms}
        if day >= first:
            rows = settled.vehicle_days.rows.copy()
            rows["row"] = [names.setdefault(name, len(names)) for name in settled.vehicle_days.vehicle_ids]
            counters.append(rows)
    contacts.finish()
    found |= contacts.alarms
    from_ms, to_ms = int(day_start_ms(first)), int(day_start_ms(last + 1))
    alarms = tuple(alarm for alarm in found.values() if from_ms <= alarm.onset_ms < to_ms)
    indicators = build_indicators(
        np.concatenate([np.zeros(0, VEHICLE_DAY), *counters]),
        tuple(names),
        days.engine.fleet.registry or Registry(),
        alarms,
        clock_ms=to_ms,
        first_day=first,
        last_day=last,
        scopes=(Scope.ENTERPRISE,),
    )
    return Answer(alarms, _sums(indicators))


def _sums(indicators: Iterable[Indicator]) -> dict[str, Indicator]:
    found: dict[str, Indicator] = {}
    for row in indicators:
        if row.period is Period.DAY:
            known = found.get(row.key)
            if known is None:
                found[row.key] = row
            else:
                sums = {name: getattr(known, name) + getattr(row, name) for name in INDICATOR_COUNTS}
                found[row.key] = replace(known, **sums)
    return found


def _differences(before: Iterable[Alarm], after: Iterable[Alarm], key: object) -> tuple[AlarmDifference, ...]:
    assert callable(key)
    was = {alarm.alarm_id: str(key(alarm)) for alarm in before}
    would = {alarm.alarm_id: str(key(alarm)) for alarm in after}
    n_was, n_would = Counter(was.values()), Counter(would.values())
    only_was = Counter(name for one, name in was.items() if one not in would)
    only_would = Counter(name for one, name in would.items() if one not in was)
    return tuple(
        AlarmDifference(name, n_was[name], n_would[name], only_was[name], only_would[name])
        for name in sorted(n_was.keys() | n_would.keys())
        if only_was[name] or only_would[name]
    )


def _scores(before: Mapping[str, Indicator], after: Mapping[str, Indicator]) -> Iterable[ScoreDifference]:
    for key in sorted(before.keys() | after.keys()):
        was = rates(before[key]).record() if key in before else {}
        would = rates(after[key]).record() if key in after else {}
        for name in _SCORES:
            if was.get(name) != would.get(name):
                yield ScoreDifference(key, name, was.get(name), would.get(name))
