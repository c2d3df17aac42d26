"""Which device alarm is the same thing as one of ours: it is merged, and only ours goes on.

A device's ``speeding`` or ``fatigue`` is merged into our own alarm of that rule for the same vehicle when the two
overlap in time, whichever was found first. What overlaps is judged by onset and end alone, so the answer is the same
live and settled: an alarm of ours that turns out to have ended before the device's began lets it go again.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from monitor.model.alarm import Alarm, AlarmState

DEVICE_RULE = "device_alarm"
MERGES = {"speeding": "speeding", "fatigue": "fatigue"}
"""Kind of the device's alarm to the rule of ours that it is the same thing as."""
KEEP_MS = 86_400_000
"""A device's alarm that ended this long ago stays as it is: an onset of ours lies hours back at most (a guess)."""
SWEEP_MS = 3_600_000
"""How often what is over and done with is looked for; it is ignored by then, so this decides nothing."""

_OURS = frozenset(MERGES.values())


class Span(msgspec.Struct, frozen=True):
    """From when to when an alarm of ours lasted; ``end_ms`` None while it does."""

    alarm_id: str
    kind: str
    onset_ms: int
    end_ms: int | None


class DeviceEpisode(msgspec.Struct, frozen=True):
    """A device's alarm, the number of its last change, and the engine clock at its end (None while it lasts)."""

    alarm: Alarm
    sequence: int
    over_at_ms: int | None


class MergingState(msgspec.Struct, frozen=True):
    """What a snapshot holds."""

    ours: dict[str, list[Span]]
    devices: dict[str, list[DeviceEpisode]]
    swept_ms: int


def overlaps(device: Alarm, ours: Span) -> bool:
    """Whether the two have a moment in common."""
    return (device.end_ms is None or ours.onset_ms <= device.end_ms) and (
        ours.end_ms is None or device.onset_ms <= ours.end_ms
    )


def judged(device: Alarm, ours: list[Span]) -> Alarm:
    """The device's alarm as it stands beside ours: merged into the earliest it overlaps, else as its condition is."""
    if device.state is AlarmState.WITHDRAWN:
        return device
    into = min((span for span in ours if overlaps(device, span)), key=lambda s: (s.onset_ms, s.kind), default=None)
    if into is not None:
        return replace(device, state=AlarmState.MERGED, inhibited_by=into.alarm_id)
    state = AlarmState.ACTIVE if device.end_ms is None else AlarmState.CLEARED
    return replace(device, state=state, inhibited_by="")


class Merging:
    """Remembers, per vehicle and rule of ours, what may still overlap.

    ``live``: edges of all vehicles come in the order of one clock, so that what is long over can be forgotten.
    """

    def __init__(self, *, live: bool) -> None:
        self._live = live
        self._ours: dict[str, list[Span]] = {}
        self._devices: dict[str, list[DeviceEpisode]] = {}
        self._swept_ms = 0

    def judge(self, alarm: Alarm) -> Alarm:
        """A device's alarm beside ours; any other as it is."""
        rule = _merges_into(alarm)
        return alarm if rule is None else judged(alarm, self._ours.get(_key(alarm, rule), []))

    def note(self, alarm: Alarm, sequence: int, at_ms: int) -> list[tuple[Alarm, int]]:
        """Remember a published change. Returns device alarms that it revises, each with the number of that change."""
        revised: list[tuple[Alarm, int]] = []
        if alarm.rule in _OURS:
            revised = self._note_ours(alarm, at_ms)
        elif (rule := _merges_into(alarm)) is not None:
            self._note_device(_key(alarm, rule), alarm, sequence, at_ms)
        if self._live and at_ms - self._swept_ms > SWEEP_MS:
            self._swept_ms = at_ms
            for key in list(self._devices):
                self._forget(key, at_ms)
        return revised

    def snapshot(self) -> MergingState:
        return MergingState(dict(self._ours), dict(self._devices), self._swept_ms)

    def restore(self, state: MergingState) -> None:
        self._ours = {key: list(spans) for key, spans in state.ours.items()}
        self._devices = {key: list(devices) for key, devices in state.devices.items()}
        self._swept_ms = state.swept_ms

    def _note_ours(self, alarm: Alarm, at_ms: int) -> list[tuple[Alarm, int]]:
        key = _key(alarm, alarm.rule)
        spans = [span for span in self._ours.get(key, []) if span.alarm_id != alarm.alarm_id]
        if alarm.state is not AlarmState.WITHDRAWN:
            spans.append(Span(alarm.alarm_id, alarm.kind, alarm.onset_ms, alarm.end_ms))
        revised: list[tuple[Alarm, int]] = []
        devices: list[DeviceEpisode] = []
        for device in self._devices.get(key, []):
            if self._is_settled(key, device, at_ms):
                continue
            stands = judged(device.alarm, spans)
            if stands != device.alarm:
                device = DeviceEpisode(stands, device.sequence + 1, device.over_at_ms)
                revised.append((stands, device.sequence))
            devices.append(device)
        self._ours[key], self._devices[key] = spans, devices
        self._forget(key, at_ms)
        return revised

    def _note_device(self, key: str, alarm: Alarm, sequence: int, at_ms: int) -> None:
        devices = [one for one in self._devices.get(key, []) if one.alarm.alarm_id != alarm.alarm_id]
        if alarm.state is not AlarmState.WITHDRAWN:
            devices.append(DeviceEpisode(alarm, sequence, None if alarm.end_ms is None else at_ms))
        self._devices[key] = devices
        self._forget(key, at_ms)

    def _is_settled(self, key: str, device: DeviceEpisode, at_ms: int) -> bool:
        """Long over, and not held by one of ours whose end may still let it go."""
        if device.over_at_ms is None or at_ms - device.over_at_ms <= KEEP_MS:
            return False
        held_by = device.alarm.inhibited_by
        return not any(span.alarm_id == held_by and span.end_ms is None for span in self._ours.get(key, []))

    def _forget(self, key: str, at_ms: int) -> None:
        """Drop devices' alarms that are settled, and ours that are over and hold none."""
        devices = [one for one in self._devices.get(key, []) if not self._is_settled(key, one, at_ms)]
        holding = {device.alarm.inhibited_by for device in devices}
        spans = [span for span in self._ours.get(key, []) if span.end_ms is None or span.alarm_id in holding]
        self._devices[key], self._ours[key] = devices, spans
        if not devices:
            del self._devices[key]
        if not spans:
            del self._ours[key]


def _merges_into(alarm: Alarm) -> str | None:
    return MERGES.get(alarm.kind) if alarm.rule == DEVICE_RULE else None


def _key(alarm: Alarm, rule: str) -> str:
    return f"{rule}\x1f{alarm.vehicle_id}"
