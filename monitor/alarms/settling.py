"""Which alarm of ours is which settled one, and what becomes of each.

Matched by subject, its key, rule, kind and overlap in time (readings, Settlement): the earliest that a settled alarm
overlaps keeps its id and is revised, others become ``merged``; where one became several, the earliest part keeps the
id; one without counterpart is ``withdrawn``; one that only the settled data show is added, marked ``late``. What was
matched before stays matched, so settling again changes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from monitor.model.alarm import Alarm, AlarmState, Correction, EndReason, Subject, Transition, alarm_id

_DEAD = frozenset({AlarmState.MERGED, AlarmState.WITHDRAWN})
Group = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class KnownAlarm:
    """An alarm as it stands in the tables.

    ``raised_ms`` is the engine clock when it was raised; ``settled_day`` the day in whose settlement it was judged
    first, and ``settled_id`` the id by the settled onset of what it was then matched with, empty where nothing was;
    ``last_day`` is the newest day whose settlement judged it; ``sequence`` the number of its last change.
    """

    alarm: Alarm
    sequence: int
    raised_ms: int
    settled_id: str = ""
    settled_day: int | None = None
    last_day: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What becomes of one alarm. ``before`` is None where it is new. ``settled_id`` is empty where nothing matches it.

    ``writes`` is false where an alarm stands as it is and only its match is to be remembered.
    """

    alarm: Alarm
    transition: Transition
    reason: Correction
    before: KnownAlarm | None
    settled_id: str
    writes: bool = True


@dataclass(frozen=True, slots=True)
class Window:
    """The day that is settled: its number, and its end (exclusive)."""

    day: int
    end_ms: int


def settle_alarms(
    settled: Sequence[Alarm], known: Sequence[KnownAlarm], lasting: Collection[str], window: Window
) -> tuple[Settled, ...]:
    """What becomes of known alarms beside the settled ones of a day.

    ``settled`` have the ids of their settled onsets; those in ``lasting`` may change with later days. A known alarm
    that was raised after the day's end is judged with a later day, unless it is one of these, or about the day as a
    whole: live says so only when the day is over.
    """
    match = _matched(settled, known)
    published = {settled_id: one.alarm.alarm_id for settled_id, one in match.items() if one is not None}
    taken = {one.alarm.alarm_id for one in match.values() if one is not None}
    used = {one.alarm.alarm_id for one in known}
    for alarm in _in_order(settled):
        if match[alarm.alarm_id] is None:
            published[alarm.alarm_id] = _free_id(alarm, used)
            used.add(published[alarm.alarm_id])
    found: list[Settled] = []
    by_group = _groups(settled)
    for alarm in _in_order(settled):
        one = match[alarm.alarm_id]
        stated = replace(
            alarm,
            alarm_id=published[alarm.alarm_id],
            inhibited_by=published.get(alarm.inhibited_by, alarm.inhibited_by),
            provisional=alarm.state is AlarmState.ACTIVE,
        )
        if one is None:
            split = any(overlaps(alarm, other.alarm) for other in known if group_of(other.alarm) == group_of(alarm))
            reason = Correction.SPLIT_OFF if split else Correction.MISSED_LIVE
            found.append(Settled(replace(stated, late=True), Transition.RAISED, reason, None, alarm.alarm_id))
        else:
            lasts = alarm.alarm_id in lasting or alarm.end_ms is None
            found.append(_kept(stated, alarm.alarm_id, one, lasts, window))
    for one in known:
        if one.alarm.alarm_id not in taken:
            gone = _left_over(one, by_group.get(group_of(one.alarm), []), published, window)
            if gone is not None:
                found.append(gone)
    return tuple(found)


def group_of(alarm: Alarm) -> Group:
    """What two alarms must have in common to be one: subject, its key, rule and kind."""
    key = alarm.driver_id if alarm.subject is Subject.DRIVER else alarm.vehicle_id or alarm.platform
    return alarm.subject.value, key, alarm.rule, alarm.kind


def overlaps(a: Alarm, b: Alarm) -> bool:
    """Whether two alarms have a time in common: more than a moment at which one ends and the other begins."""
    if a.onset_ms == b.onset_ms:
        return True
    return (b.end_ms is None or a.onset_ms < b.end_ms) and (a.end_ms is None or b.onset_ms < a.end_ms)


def _matched(settled: Sequence[Alarm], known: Sequence[KnownAlarm]) -> dict[str, KnownAlarm | None]:
    """The known alarm of each settled one, by the settled id."""
    by_settled_id = {one.settled_id: one for one in known if one.settled_id}
    match: dict[str, KnownAlarm | None] = {alarm.alarm_id: by_settled_id.get(alarm.alarm_id) for alarm in settled}
    taken = {one.alarm.alarm_id for one in match.values() if one is not None}
    wanting: defaultdict[Group, list[Alarm]] = defaultdict(list)
    for alarm in _in_order(settled):
        if match[alarm.alarm_id] is None:
            wanting[group_of(alarm)].append(alarm)
    free: defaultdict[Group, list[KnownAlarm]] = defaultdict(list)
    for one in sorted(known, key=lambda one: (one.alarm.state in _DEAD, one.alarm.onset_ms, one.alarm.alarm_id)):
        if one.alarm.alarm_id not in taken:
            free[group_of(one.alarm)].append(one)
    for group, alarms in wanting.items():
        for alarm in alarms:
            first = next((one for one in free[group] if overlaps(alarm, one.alarm)), None)
            if first is not None:
                match[alarm.alarm_id] = first
                free[group].remove(first)
    return match


def _kept(stated: Alarm, settled_id: str, one: KnownAlarm, lasts: bool, window: Window) -> Settled:
    """A known alarm that has a settled counterpart."""
    before = one.alarm
    now = replace(stated, late=stated.late or before.late, cargo=before.cargo, load=before.load)
    if before.inhibited_by and not now.inhibited_by and now.state is not AlarmState.MERGED:
        # An outage inhibits it; what merged it or named the gap before is judged by settlement itself.
        now = replace(now, inhibited_by=_outage_of(before))
    ahead = before.state is AlarmState.ACTIVE or (before.end_ms is not None and before.end_ms >= window.end_ms)
    if lasts and one.last_day is not None and one.last_day > window.day:
        return Settled(before, Transition.CONFIRMED, Correction.CONFIRMED, one, settled_id, writes=False)
    if lasts and before.state not in _DEAD and ahead:
        # Live knows more of it than the day does; it is judged when it ends.
        if now.onset_ms == before.onset_ms:
            return Settled(before, Transition.CONFIRMED, Correction.CONFIRMED, one, settled_id, writes=False)
        begun = replace(
            before,
            onset_ms=now.onset_ms,
            start_lon=now.start_lon,
            start_lat=now.start_lat,
            start_place=now.start_place,
        )
        return Settled(begun, Transition.REVISED, Correction.OTHER_FIGURES, one, settled_id)
    if replace(before, provisional=now.provisional) == now:
        same = before.provisional == now.provisional
        return Settled(now, Transition.CONFIRMED, Correction.CONFIRMED, one, settled_id, writes=not same)
    reason = Correction.OTHER_FIGURES
    if before.state in _DEAD and now.state not in _DEAD:
        reason = Correction.REVIVED
    elif before.end_ms is not None and now.end_ms is None:
        reason = Correction.NOT_OVER
    return Settled(now, Transition.REVISED, reason, one, settled_id)


def _left_over(
    one: KnownAlarm, settled: Sequence[Alarm], published: Mapping[str, str], window: Window
) -> Settled | None:
    """A known alarm that no settled one took: part of another, withdrawn, or a later day's."""
    before = one.alarm
    if before.state is AlarmState.WITHDRAWN:
        return None
    if one.settled_day is None:
        of_the_day = before.end_ms == window.end_ms and before.end_reason is EndReason.WINDOW_OVER
        if one.raised_ms >= window.end_ms and not of_the_day:
            return None
    elif one.settled_day != window.day:
        return None
    into = next((alarm for alarm in _in_order(settled) if overlaps(alarm, before)), None)
    if into is None:
        withdrawn = replace(before, state=AlarmState.WITHDRAWN, provisional=False)
        return Settled(withdrawn, Transition.WITHDRAWN, Correction.NOT_FOUND, one, "")
    merged = replace(before, state=AlarmState.MERGED, inhibited_by=published[into.alarm_id], provisional=False)
    if merged == before:
        return None
    return Settled(merged, Transition.MERGED, Correction.PART_OF_ANOTHER, one, "")


def _outage_of(alarm: Alarm) -> str:
    """What inhibits an alarm that settlement cannot judge: only gaps are explained by outages."""
    return alarm.inhibited_by if alarm.rule in ("track_gap", "offline_displacement") else ""


def _free_id(alarm: Alarm, used: Collection[str]) -> str:
    """The id of a new alarm; where another had its onset first, the next free one after it."""
    later_ms = 0
    candidate = alarm.alarm_id
    while candidate in used:
        later_ms += 1
        subject, key, rule, kind = group_of(alarm)
        candidate = alarm_id(Subject(subject), key, rule, kind, alarm.onset_ms + later_ms)
    return candidate


def _in_order(alarms: Iterable[Alarm]) -> list[Alarm]:
    return sorted(alarms, key=lambda alarm: (alarm.onset_ms, alarm.alarm_id))


def _groups(alarms: Iterable[Alarm]) -> dict[Group, list[Alarm]]:
    found: defaultdict[Group, list[Alarm]] = defaultdict(list)
    for alarm in alarms:
        found[group_of(alarm)].append(alarm)
    return dict(found)
