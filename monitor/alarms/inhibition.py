"""Which alarm mutes which: both are kept, one is pushed.

``offline_displacement`` inhibits the ``track_gap`` of the same gap. ``platform_outage`` inhibits the absences and gaps
that begin within it, of vehicles last heard of through that platform, as long as nothing else has to explain them: a
gap that goes on for long after the outage, or an absence still true when the outage lets go, is the vehicle's own.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from monitor.model.alarm import Alarm, AlarmState, Subject

INHIBITS = {"track_gap": "offline_displacement"}
"""Inhibited rule to the rule that inhibits it, for the same vehicle and onset."""
_SOURCES = frozenset(INHIBITS.values())

EXPLAINED = {"offline": 0, "offline_displacement": 600_000, "track_gap": 600_000}
"""Rules that an outage explains, to how long after contact their alarms come. A day's rate is no gap: it stays."""
TOLERANCE_MS = 600_000
"""Vehicles fall silent and come back one by one, up to this long before and after the platform (D)."""
KEEP_MS = 86_400_000
"""An outage that ended this long before another begins explains nothing any more (a guess: far more than needed)."""


class OutageSpan(msgspec.Struct, frozen=True):
    """From when to when a platform was out; ``end_ms`` None while it is."""

    alarm_id: str
    onset_ms: int
    end_ms: int | None


class InhibitorState(msgspec.Struct, frozen=True):
    """What a snapshot holds."""

    last: dict[str, tuple[int, str]]
    outages: dict[str, list[OutageSpan]]


class Inhibitor:
    """Remembers, per vehicle and inhibiting rule, the last onset and its alarm; and the outages of each platform."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, str]] = {}
        self._outages: dict[str, list[OutageSpan]] = {}

    def judge(self, alarm: Alarm, platform: str, heard_ms: int, at_ms: int) -> Alarm:
        """A vehicle's alarm as it is raised at ``at_ms``, with the id of what inhibits it where something does.

        ``platform`` is the one through which the vehicle was last heard of before, at ``heard_ms``; empty where none
        is known.
        """
        source = INHIBITS.get(alarm.rule)
        if source is not None:
            onset_ms, by = self._last.get(f"{source}\x1f{alarm.vehicle_id}", (0, ""))
            if onset_ms == alarm.onset_ms:
                return replace(alarm, inhibited_by=by)
        if alarm.rule in _SOURCES:
            self._last[f"{alarm.rule}\x1f{alarm.vehicle_id}"] = (alarm.onset_ms, alarm.alarm_id)
        if platform in self._outages and alarm.rule in EXPLAINED:
            begin_ms = heard_ms if alarm.rule == "offline" else alarm.onset_ms
            return replace(alarm, inhibited_by=self._explained(platform, begin_ms, at_ms - EXPLAINED[alarm.rule]))
        return alarm

    def note_outage(self, alarm: Alarm) -> None:
        """A platform's alarm as it stands."""
        assert alarm.subject is Subject.PLATFORM
        others = [
            span
            for span in self._outages.get(alarm.platform, [])
            if span.alarm_id != alarm.alarm_id and (span.end_ms is None or alarm.onset_ms - span.end_ms < KEEP_MS)
        ]
        if alarm.state is not AlarmState.WITHDRAWN:
            others.append(OutageSpan(alarm.alarm_id, alarm.onset_ms, alarm.end_ms))
        self._outages[alarm.platform] = others

    def lasting(self, platform: str) -> str:
        """Id of a platform's outage in progress; empty without one."""
        return next((span.alarm_id for span in self._outages.get(platform, []) if span.end_ms is None), "")

    def snapshot(self) -> InhibitorState:
        return InhibitorState(dict(self._last), dict(self._outages))

    def restore(self, state: InhibitorState) -> None:
        self._last = dict(state.last)
        self._outages = {platform: list(spans) for platform, spans in state.outages.items()}

    def _explained(self, platform: str, begin_ms: int, contact_ms: int) -> str:
        """Id of the outage that explains a silence since ``begin_ms`` which lasted up to ``contact_ms``, or lasts."""
        for span in self._outages[platform]:
            if begin_ms < span.onset_ms - TOLERANCE_MS:
                continue
            if span.end_ms is None or (begin_ms <= span.end_ms and contact_ms <= span.end_ms + TOLERANCE_MS):
                return span.alarm_id
        return ""
