"""Reminders: a text to the driver when a speeding or fatigue alarm starts.

Off unless somebody wants it, and never for an alarm that may be wrong or that the driver cannot do anything about any
more. A reminder is an order like any other: kept, sent when the terminal is connected, visible with its answer. One
alarm gives one at most, whatever is run again after a crash.
"""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections import Counter, deque
from collections.abc import Callable, Sequence
from enum import StrEnum

from monitor.app.downlinks import Directory, Downlinks
from monitor.app.reminder_settings import ReminderSettings
from monitor.console.downlink_request import DownlinkRequest
from monitor.errors import CommandError, StoreError
from monitor.model.alarm import NAMESPACE, AlarmChange, AlarmState, Certainty, LimitSource, Transition
from monitor.model.beijing import HOUR_MS, MINUTE_MS
from monitor.model.downlink import DownlinkKind
from monitor.store.committed_step import CommittedStep
from monitor.store.downlink_store import DownlinkStore

log = logging.getLogger(__name__)

WAITING = 1_000
"""Reminders that wait to be ordered; further ones are left out and counted, since late ones are worth nothing."""
_FORGET_EVERY = 1_000
_UNKNOWN_LIMITS = frozenset({LimitSource.NONE, LimitSource.CLASS_CAP})
"""Without a limit of the road, the vehicle or its permit nobody can tell a driver what he may drive here."""


class Reason(StrEnum):
    """Why there was no reminder, or ``SENT``: it was ordered."""

    SENT = "sent"
    DISABLED = "disabled"
    LATE = "late"
    SUSPECTED = "suspected"
    INHIBITED = "inhibited"
    UNKNOWN_LIMIT = "unknown_limit"
    OVER = "over"  # the alarm has ended meanwhile
    TOO_OLD = "too_old"  # found long ago, as after a pause of ours
    NO_TERMINAL = "no_terminal"
    TOO_MANY = "too_many"  # of this vehicle in an hour
    QUEUE_FULL = "queue_full"
    REFUSED = "refused"  # the order was not taken


def reminder_id(alarm_id: str) -> str:
    """Id of the order that reminds of an alarm."""
    return str(uuid.uuid5(NAMESPACE, f"reminder\x1f{alarm_id}"))


def pushed_changes(steps: Sequence[CommittedStep]) -> tuple[AlarmChange, ...]:
    """Changes of committed steps that are pushed."""
    return tuple(
        change
        for step in steps
        for change in step.changes
        if (change.alarm.alarm_id, change.sequence) not in step.withheld
    )


def judge(change: AlarmChange, settings: ReminderSettings, now_ms: int) -> Reason | None:
    """Whether the start of an alarm is a reason for a reminder; None for a change that is no start of these rules."""
    alarm = change.alarm
    if change.transition is not Transition.RAISED or alarm.rule not in settings.rules:
        return None
    if not settings.enabled:
        return Reason.DISABLED
    if alarm.late:
        return Reason.LATE
    if alarm.certainty is not Certainty.CERTAIN:
        return Reason.SUSPECTED
    if alarm.inhibited_by or alarm.state is AlarmState.MERGED:
        return Reason.INHIBITED
    if alarm.state is not AlarmState.ACTIVE:
        return Reason.OVER
    if alarm.rule == "speeding" and (alarm.limit is None or alarm.limit_source in _UNKNOWN_LIMITS):
        return Reason.UNKNOWN_LIMIT
    if now_ms - change.at_ms >= settings.valid_s * 1000:
        return Reason.TOO_OLD
    return Reason.SENT


class Reminders:
    """``open`` first, then ``run``; ``take`` after every commit. One event loop. ``counts`` is by reason."""

    def __init__(
        self,
        settings: ReminderSettings,
        downlinks: Downlinks,
        store: DownlinkStore,
        directory: Directory,
        now_ms: Callable[[], int],
    ) -> None:
        self.counts: Counter[Reason] = Counter()
        self._settings = settings
        self._downlinks = downlinks
        self._store = store
        self._directory = directory
        self._now_ms = now_ms
        self._queue: asyncio.Queue[AlarmChange] = asyncio.Queue(WAITING)
        self._lately: dict[str, deque[int]] = {}
        self._since_forgetting = 0

    @property
    def waiting(self) -> int:
        """Reminders taken and not ordered yet."""
        return self._queue.qsize()

    async def open(self) -> None:
        """Take up how often each vehicle was reminded within the hour. Raises StoreError."""
        for vehicle_id, at_ms in await asyncio.to_thread(self._store.reminded_ms, self._now_ms() - HOUR_MS):
            self._lately.setdefault(vehicle_id, deque()).append(at_ms)

    def take(self, changes: Sequence[AlarmChange]) -> None:
        """Changes that were committed and are pushed; never waits."""
        over = {change.alarm.alarm_id for change in changes if change.alarm.state is not AlarmState.ACTIVE}
        now_ms = self._now_ms()
        for change in changes:
            reason = judge(change, self._settings, now_ms)
            if reason is Reason.SENT and change.alarm.alarm_id in over:
                reason = Reason.OVER
            if reason is Reason.SENT and self._queue.full():
                reason = Reason.QUEUE_FULL
            if reason is Reason.SENT:
                self._queue.put_nowait(change)
            elif reason is not None:
                self.counts[reason] += 1

    async def run(self) -> None:
        """Order what was taken until cancelled."""
        while True:
            await self.order_next()

    async def order_next(self) -> None:
        """Order the next one; waits for it."""
        change = await self._queue.get()
        try:
            self.counts[await self._order(change)] += 1
        except StoreError as error:
            self.counts[Reason.REFUSED] += 1
            log.warning("no reminder for alarm %s: %s", change.alarm.alarm_id, error)

    async def _order(self, change: AlarmChange) -> Reason:
        alarm, now_ms = change.alarm, self._now_ms()
        left_s = self._settings.valid_s - (now_ms - change.at_ms) // 1000
        if left_s < 1:
            return Reason.TOO_OLD
        if not self._directory.phone_of(alarm.vehicle_id):
            return Reason.NO_TERMINAL
        downlink_id = reminder_id(alarm.alarm_id)
        if await asyncio.to_thread(self._store.get, downlink_id) is not None:
            return Reason.SENT  # before a crash
        if not self._room(alarm.vehicle_id, now_ms):
            return Reason.TOO_MANY
        request = DownlinkRequest(
            kind=DownlinkKind.TEXT,
            vehicle_id=alarm.vehicle_id,
            text=reminder_text(change, self._settings),
            urgent=self._settings.urgent,
            speak=self._settings.speak,
            display=self._settings.display,
            valid_s=min(left_s, self._settings.valid_s),
            downlink_id=downlink_id,
            alarm_id=alarm.alarm_id,
        )
        try:
            await self._downlinks.add(request, f"rule:{alarm.rule}")
        except CommandError as error:
            log.warning("no reminder for alarm %s: %s", alarm.alarm_id, error)
            return Reason.REFUSED
        self._lately.setdefault(alarm.vehicle_id, deque()).append(now_ms)
        return Reason.SENT

    def _room(self, vehicle_id: str, now_ms: int) -> bool:
        self._since_forgetting += 1
        if self._since_forgetting >= _FORGET_EVERY:
            self._since_forgetting = 0
            for vehicle in [key for key, times in self._lately.items() if times[-1] <= now_ms - HOUR_MS]:
                del self._lately[vehicle]
        times = self._lately.get(vehicle_id)
        while times and times[0] <= now_ms - HOUR_MS:
            times.popleft()
        if not times:
            self._lately.pop(vehicle_id, None)
            return True
        return len(times) < self._settings.per_vehicle_per_hour


def reminder_text(change: AlarmChange, settings: ReminderSettings) -> str:
    """The text of a reminder. Peak and limit of fatigue are hours of driving, those of speeding km/h."""
    alarm = change.alarm
    driving_ms = round((alarm.peak or 0.0) * HOUR_MS) if alarm.rule == "fatigue" else change.at_ms - alarm.onset_ms
    return settings.template(alarm.rule).format(
        plate=alarm.plate,
        speed=_whole(alarm.peak),
        limit=_whole(alarm.limit),
        duration=duration_text(driving_ms, settings.language),
    )


def duration_text(duration_ms: int, language: str) -> str:
    """``4小时30分`` or ``4 h 30 min``; below an hour minutes only, below a minute seconds."""
    minutes = duration_ms // MINUTE_MS
    hours, rest = divmod(minutes, 60)
    if language == "zh":
        if not minutes:
            return f"{duration_ms // 1000}秒"
        return (f"{hours}小时" if hours else "") + (f"{rest}分" if hours and rest else "" if hours else f"{rest}分钟")
    if not minutes:
        return f"{duration_ms // 1000} s"
    return " ".join(part for part in (f"{hours} h" if hours else "", f"{rest} min" if rest else "") if part)


def _whole(value: float | None) -> str:
    return "" if value is None else f"{value:.0f}"
