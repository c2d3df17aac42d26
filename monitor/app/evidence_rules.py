"""Which rule, in which version and with which settings, found an alarm."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import msgspec

from monitor import __version__
from monitor.engine.engine import Engine
from monitor.engine.rule import Rule, RuleSettings
from monitor.model.alarm import Alarm
from monitor.model.beijing import day_of
from monitor.model.evidence import RuleInForce
from monitor.model.report import TERMINAL_PREFIX

VERSION_DIGITS = 12
"""Hex digits of a rule's version: enough that two versions never share one."""


class RuleBook:
    """Rules in force by their settings; vehicles with the same settings share an entry."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sources: dict[str, bytes] = {}
        self._known: dict[tuple[str, int], tuple[RuleSettings, RuleInForce]] = {}

    def in_force(self, rule: Rule, alarm: Alarm) -> RuleInForce:
        """The rule as it applied to the alarm's vehicle at the begin of the alarm."""
        fleet = self._engine.fleet
        vehicle = None
        if fleet.registry is not None and alarm.vehicle_id and not alarm.vehicle_id.startswith(TERMINAL_PREFIX):
            vehicle = fleet.registry.vehicle(alarm.vehicle_id, int(day_of(alarm.onset_ms)))
        settings = fleet.settings(rule, vehicle)
        key = (rule.name, id(settings))
        known = self._known.get(key)
        if known is None or known[0] is not settings:
            known = self._known[key] = (settings, self._described(rule, settings))
        return known[1]

    def _described(self, rule: Rule, settings: RuleSettings) -> RuleInForce:
        stated = settings.model_dump(mode="json")
        defaults = rule.settings().model_dump(mode="json")
        digest = hashlib.sha256(self._source(rule))
        digest.update(msgspec.json.encode(stated, order="deterministic"))
        return RuleInForce(
            name=rule.name,
            version=digest.hexdigest()[:VERSION_DIGITS],
            program=__version__,
            settings=stated,
            changed=tuple(name for name, value in stated.items() if value != defaults.get(name)),
        )

    def _source(self, rule: Rule) -> bytes:
        """The rule's own file."""
        known = self._sources.get(rule.name)
        if known is None:
            path = getattr(sys.modules.get(rule.fill.__module__), "__file__", None)
            try:
                known = Path(path).read_bytes() if path else rule.name.encode()
            except OSError:  # packed away: the program's version still tells
                known = f"{rule.name} {__version__}".encode()
            self._sources[rule.name] = known
        return known
