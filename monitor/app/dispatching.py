"""Between outbox and sink: silences, groups, caps and digests of one receiver, kept with its cursor.

Everything is written in the transaction that moves the cursor, so a restart neither repeats nor forgets it. The worker
holds one batch; what was kept back stays in the tables.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection, Sequence

from monitor.alarms.digest import DigestRecord, named, only
from monitor.alarms.dispatch import Decision, Dispatcher, Fate, Standing, edition
from monitor.alarms.limits import Budget
from monitor.alarms.silences import Silence
from monitor.model.beijing import iso
from monitor.model.outbox import Pending
from monitor.model.push import PushKind, PushMessage, digest_message
from monitor.store.standings import DueDigest, Standings

_AT_ONCE = 200
"""Editions looked at, and digests made, in one transaction or before the outbox is read again. A guess."""
_DIRECT = Decision(Fate.SEND)


class SinkDispatch:
    """The ``Dispatch`` of one worker. ``lasting`` gives the silences that last at a moment."""

    def __init__(
        self,
        dispatcher: Dispatcher,
        standings: Standings,
        lasting: Callable[[int], tuple[Silence, ...]],
        now_ms: Callable[[], int],
        kinds: Collection[PushKind] = tuple(PushKind),
    ) -> None:
        self._dispatcher = dispatcher
        self._limits = dispatcher.limits
        self._standings = standings
        self._lasting = lasting
        self._now_ms = now_ms
        self._kinds = frozenset(kinds)
        self._sorted: list[Decision] = []
        self._looked_with: tuple[Silence, ...] | None = None

    def sort(self, rows: Sequence[Pending], /) -> Sequence[Fate]:
        """What becomes of each row. Asked again, it starts from what was written last."""
        now_ms = self._now_ms()
        judged = [self._judged(row) for row in rows]
        alarm_ids = [
            row.message.id for row, yes in zip(rows, judged, strict=True) if yes and row.message.kind is PushKind.ALARM
        ]
        standings: dict[str, Standing | None] = dict(self._standings.load(alarm_ids)) if alarm_ids else {}
        silences = self._lasting(now_ms)
        budget = self._budget(now_ms) if alarm_ids else None
        self._sorted = []
        for row, yes in zip(rows, judged, strict=True):
            decision = _DIRECT
            if yes:
                message = row.message
                decision = self._dispatcher.decide(message, standings.get(message.id), silences, budget, now_ms)
                budget = decision.budget
                if decision.alarm_id:
                    standings[decision.alarm_id] = decision.standing
            self._sorted.append(decision)
        return [decision.fate for decision in self._sorted]

    def passed(self, rows: Sequence[Pending], n: int, /) -> None:
        """The first ``n`` rows sorted last are done with."""
        done = self._sorted[:n]
        after = {one.alarm_id: one.standing for one in done if one.alarm_id}
        budget = next((one.budget for one in reversed(done) if one.budget is not None), None)
        self._standings.passed(rows[n - 1].outbox_id, after, budget)

    def make_due(self) -> float | None:
        """Let go of what no silence covers any more, and make digests; seconds until the next, 0 if some were made."""
        now_ms = self._now_ms()
        made = self._let_go(now_ms)
        for one in self._standings.due(now_ms, _AT_ONCE):
            self._make(one, now_ms)
            made = True
        if made:
            return 0.0
        next_ms = self._standings.next_due_ms()
        return None if next_ms is None else max((next_ms - now_ms) / 1000, 0.05)

    def _judged(self, row: Pending) -> bool:
        return not row.direct and row.message.kind in self._kinds

    def _budget(self, now_ms: int) -> Budget | None:
        if self._limits.cap_per_hour is None:
            return None
        kept = self._standings.budget()
        return Budget(float(self._limits.burst), now_ms) if kept is None else kept.at(now_ms, self._limits)

    def _let_go(self, now_ms: int) -> bool:
        """All that is kept back is looked at again whenever the silences that last are others than before."""
        silences = self._lasting(now_ms)
        if silences == self._looked_with:
            return False
        made, last = False, ""
        while kept := self._standings.kept_back(last, _AT_ONCE):
            last = kept[-1].alarm_id
            budget = self._budget(now_ms)
            after: dict[str, Standing | None] = {}
            messages: dict[str, PushMessage] = {}
            for one in kept:
                released = self._dispatcher.released(one, silences, budget, now_ms)
                if released is None:
                    continue
                decision, message = released
                budget = decision.budget
                after[one.alarm_id] = decision.standing
                if decision.fate is Fate.SEND:
                    messages[one.alarm_id] = message
            if after:
                made |= self._standings.release(after, messages, budget, now_ms) > 0
        self._looked_with = silences
        return made

    def _make(self, one: DueDigest, now_ms: int) -> None:
        grouped = one.digest.startswith("group\x1f")
        budget = self._budget(now_ms) if grouped else None
        if budget is not None and not budget.enough:
            self._standings.put_off(one.digest, self._limits.digest_due_ms(now_ms))
            return
        spent = None if budget is None else budget.spent()
        alone = one.alone
        if grouped and alone is not None and alone.begun and alone.data:
            decision = self._dispatcher.alone(alone)
            self._standings.release({alone.alarm_id: decision}, {alone.alarm_id: edition(alone)}, spent, now_ms)
            return
        counts = self._standings.counts(one.digest, self._limits.digest_ids)
        enterprises, others = named(counts.by_enterprise)
        record = DigestRecord(
            enterprise_id=only(counts.by_enterprise),
            rule=only(counts.by_rule),
            since=iso(counts.since_ms),
            until=iso(now_ms),
            alarms=counts.alarms,
            begun=counts.begun,
            ended=counts.ended,
            changed=counts.changed,
            by_rule=dict(sorted(counts.by_rule.items())),
            by_grade={grade.word: n for grade, n in sorted(counts.by_grade.items(), reverse=True)},
            by_enterprise=enterprises,
            other_enterprises=others,
            alarm_ids=counts.ids,
            ids_left_out=counts.alarms - len(counts.ids),
        )
        # Drawn, and kept in the outbox: the same however often it is sent, and never that of another.
        message = digest_message(str(uuid.uuid4()), record.enterprise_id or "", record)
        self._standings.tell(one.digest, message, spent, now_ms)
