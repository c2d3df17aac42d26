"""Which alarm mutes which: both are kept, one is pushed.

``offline_displacement`` inhibits the ``track_gap`` of the same gap.
"""

from __future__ import annotations

from dataclasses import replace

from monitor.model.alarm import Alarm

INHIBITS = {"track_gap": "offline_displacement"}
"""Inhibited rule to the rule that inhibits it, for the same vehicle and onset."""
_SOURCES = frozenset(INHIBITS.values())


class Inhibitor:
    """Remembers, per vehicle and inhibiting rule, the last onset and its alarm."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[int, str]] = {}

    def judge(self, alarm: Alarm) -> Alarm:
        """The alarm, with the id of what inhibits it where something does."""
        if alarm.rule in _SOURCES:
            self._last[f"{alarm.rule}\x1f{alarm.vehicle_id}"] = (alarm.onset_ms, alarm.alarm_id)
            return alarm
        source = INHIBITS.get(alarm.rule)
        if source is None:
            return alarm
        onset_ms, by = self._last.get(f"{source}\x1f{alarm.vehicle_id}", (0, ""))
        return replace(alarm, inhibited_by=by) if onset_ms == alarm.onset_ms else alarm

    def snapshot(self) -> dict[str, tuple[int, str]]:
        return dict(self._last)

    def restore(self, data: dict[str, tuple[int, str]]) -> None:
        self._last = dict(data)
