"""What must be the same: alarms of two runs, of a run and a replay of its journal, and what receivers were told."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from itertools import takewhile
from pathlib import Path

from sqlalchemy import func, select

from monitor.app.replay import replay_journal
from monitor.model.journal import RecordType
from monitor.rules import load_rules
from monitor.store.alarm_store import AlarmStore
from monitor.store.database import Database
from monitor.store.journal import read_segment_files
from monitor.store.journal_segment import segment_files
from monitor.store.tables import alarm_changes, alarms, outbox, sink_cursors
from tests.chaos.receivers import Told
from tests.chaos.stream import Stream

Records = Mapping[str, Mapping[str, object]]

_RULES = load_rules()
BY_RECEIPT = frozenset(rule.name for rule in _RULES if rule.contact is not None or rule.receipt is not None)
"""Rules that go by receive time: two runs receive at different times."""
BY_OUR_CLOCK = BY_RECEIPT | {rule.name for rule in _RULES if rule.close_day is not None or rule.gap is not None}
"""Live also those that wait by the engine clock, which is receive time: for the end of a day, or for backfill."""
_OF_RECEIPT = ("late",)
"""Fields that say when we received something."""
_OF_IDENTITY = ("alarm_id", "inhibited_by")
"""Ids come from the onset as first published, which may differ where settlement puts the onset right."""
_OF_HISTORY = ("reason",)
"""What settlement says of how it came to an alarm: whether live had it, and with which figures."""
_GONE = ("withdrawn", "merged")


def journalled(journal: Path) -> Counter[tuple[str, int]]:
    """How often each report, by key and fix second, stands in a journal."""
    found: Counter[tuple[str, int]] = Counter()
    for record in read_segment_files(segment_files(journal)):
        if record.type is RecordType.REPORTS and record.batch is not None:
            keys = record.batch.keys
            pairs = zip(record.batch.rows["key"].tolist(), (record.batch.rows["fix_ms"] // 1000).tolist(), strict=True)
            found.update((keys[key], second) for key, second in pairs)
    return found


def lost(stream: Stream, journal: Path, names: Mapping[str, str]) -> list[tuple[str, int]]:
    """Reports of the stream that are not in the journal; ``names`` gives the vehicle of a journal's key."""
    found = {(names.get(key, key), second) for key, second in journalled(journal)}
    return sorted(stream.reports() - found)


def replayed(journal: Path, up_to: int | None = None) -> Records:
    """The alarms that the records of a journal make, up to an offset."""
    records = read_segment_files(segment_files(journal))
    if up_to is not None:
        records = takewhile(lambda record: record.offset <= up_to, records)
    return {alarm.alarm_id: alarm.record() for alarm in replay_journal(records).alarms}


def stored(database: Database) -> tuple[int, dict[str, dict[str, object]]]:
    """The committed offset, and every alarm as its last change told it."""
    position = AlarmStore(database, lambda: 0).position()
    with database.read() as connection:
        rows = connection.execute(
            select(alarm_changes.c.alarm_id, alarm_changes.c.sequence, alarm_changes.c.record).order_by(
                alarm_changes.c.alarm_id, alarm_changes.c.sequence
            )
        ).all()
        known = set(connection.execute(select(alarms.c.alarm_id)).scalars())
    found = {alarm_id: json.loads(record) for alarm_id, _, record in rows}
    assert set(found) == known
    numbers: dict[str, list[int]] = {}
    for alarm_id, sequence, _ in rows:
        numbers.setdefault(alarm_id, []).append(sequence)
    assert all(one == list(range(1, len(one) + 1)) for one in numbers.values()), "sequences have holes"
    return position, found


def pushes(database: Database) -> dict[tuple[str, int], dict[str, object]]:
    """Every push of an alarm that was ever committed, by id and sequence."""
    with database.read() as connection:
        rows = connection.execute(
            select(outbox.c.key, outbox.c.sequence, outbox.c.data).where(outbox.c.kind == "alarm")
        ).all()
    found = {(key, sequence): json.loads(data) for key, sequence, data in rows}
    assert len(found) == len(rows), "a push stands in the outbox twice"
    return found


def delivered(database: Database) -> bool:
    """Whether every sink has passed the whole outbox."""
    with database.read() as connection:
        newest = connection.execute(select(func.max(outbox.c.outbox_id))).scalar() or 0
        cursors = connection.execute(select(sink_cursors.c.outbox_id)).scalars().all()
    return bool(cursors) and all(cursor >= newest for cursor in cursors)


def differences(found: Records, expected: Records) -> list[str]:
    """One line per alarm that is missing, too many or otherwise, by its id and in every field."""
    return _differences(found, expected, ())


def live_differences(found: Records, expected: Records) -> list[str]:
    """The same between two runs before settlement: without what goes by receive time."""
    return _differences(_without(found, BY_OUR_CLOCK), _without(expected, BY_OUR_CLOCK), _OF_RECEIPT)


def settled_differences(found: Records, expected: Records) -> list[str]:
    """The same after settlement: alarms that stand, by what they are about and their onset."""
    return _differences(_standing(found), _standing(expected), (*_OF_RECEIPT, *_OF_IDENTITY, *_OF_HISTORY))


def _differences(found: Records, expected: Records, ignored: tuple[str, ...]) -> list[str]:
    lines: list[str] = []
    for key in sorted({*found, *expected}):
        one, other = found.get(key), expected.get(key)
        either = one or other
        assert either is not None
        what = f"{either['rule']} {either['kind']} {either['vehicle_id']} {either['onset']}"
        if one is None or other is None:
            lines.append(f"{what}: {'missing' if one is None else 'too many'}")
            continue
        fields = [name for name in other if name not in ignored and one.get(name) != other[name]]
        lines += [f"{what}: {name} is {one.get(name)!r}, not {other[name]!r}" for name in fields]
    return lines


def _without(records: Records, rules: frozenset[str]) -> Records:
    return {key: one for key, one in records.items() if one["rule"] not in rules}


def _standing(records: Records) -> Records:
    """Alarms that were not taken back, by subject, rule, kind and onset, and whether another inhibits them."""
    found: dict[str, dict[str, object]] = {}
    for one in _without(records, BY_RECEIPT).values():
        if one["state"] not in _GONE:
            key = " ".join(str(one[name]) for name in ("rule", "kind", "vehicle_id", "driver_id", "platform", "onset"))
            assert key not in found, f"twice: {key}"
            found[key] = {**one, "inhibited": one["inhibited_by"] is not None}
    return found


def untold(told: Told, expected: Mapping[tuple[str, int], Mapping[str, object]], *, once: bool = False) -> list[str]:
    """One line per push that a receiver never got, got without its being made, or (``once``) got twice; and per alarm
    that came out of order or ends up otherwise."""
    lines = [f"{told.name}: {key} never came" for key in sorted(expected.keys() - told.times.keys())]
    lines += [f"{told.name}: {key} was never committed" for key in sorted(told.times.keys() - expected.keys())]
    if once:
        lines += [f"{told.name}: {key} came {n} times" for key, n in sorted(told.times.items()) if n > 1]
    lines += [f"{told.name}: {key} in the order {one}" for key, one in told.order.items() if one != sorted(one)]
    newest: dict[str, int] = {}
    for key, sequence in expected:
        newest[key] = max(newest.get(key, 0), sequence)
    lines += [
        f"{told.name}: {key} ends up as something else"
        for key, sequence in newest.items()
        if key in told.applied and told.applied[key] != expected[key, sequence]
    ]
    return lines
