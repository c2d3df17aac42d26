"""The live pipeline: journal records through engine and alarm book, settings changes included, into steps to commit."""

from __future__ import annotations

import logging

import numpy as np
from pydantic import ValidationError

from monitor.alarms.pushing import PushGate, Verdict
from monitor.app.pipeline import Pipeline, StepResult
from monitor.app.work import NOTHING, Reckoning
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.engine.rule import Rule
from monitor.errors import ConfigError
from monitor.model.journal import JournalRecord, RecordType
from monitor.store.committed_step import CommittedStep, VehicleDayRows

log = logging.getLogger(__name__)


class LivePipeline:
    """A ``Pipeline`` and the rule settings in force. ``layers`` change only by a CONFIG record."""

    def __init__(self, rules: tuple[Rule, ...], layers: RuleLayers) -> None:
        self.layers = layers
        self.gate = PushGate()
        self.pipeline = Pipeline(Engine(rules, ParameterTable(rules, layers, path="journal")))

    @property
    def engine(self) -> Engine:
        return self.pipeline.engine

    def take(self, record: JournalRecord, *, again: bool = False) -> StepResult:
        """One journal record; ``again`` as in ``Pipeline.take``."""
        if record.type is RecordType.CONFIG:
            self._configure(record)
        return self.pipeline.take(record, again=again)

    def take_again(self, record: JournalRecord) -> None:
        """One journal record whose outcome is stored already."""
        result = self.take(record, again=True)
        self.gate.verdicts(result.changes, result.clock_ms)

    def step(self, result: StepResult, reckoning: Reckoning = NOTHING) -> tuple[CommittedStep, tuple[Verdict, ...]]:
        """What the store commits for a result, and the verdict on each change that is not pushed."""
        withheld: list[tuple[str, int]] = []
        verdicts: list[Verdict] = []
        for change, verdict in zip(result.changes, self.gate.verdicts(result.changes, result.clock_ms), strict=True):
            if verdict is not Verdict.PUSH:
                withheld.append((change.alarm.alarm_id, change.sequence))
                verdicts.append(verdict)
        step = CommittedStep(
            offset=result.offset,
            changes=result.changes,
            withheld=frozenset(withheld),
            prewarnings=result.prewarnings,
            vehicle_days=self._named(result),
            waybills=result.waybills,
            records=result.records,
            evidence=result.evidence,
            indicators=reckoning.indicators,
            supervision=reckoning.supervision,
            summaries=reckoning.summaries,
        )
        return step, tuple(verdicts)

    def _named(self, result: StepResult) -> VehicleDayRows:
        """Day rows with the names of just their vehicles; the fleet may be large and the rows few."""
        if not len(result.days):
            return VehicleDayRows()
        fleet_rows, index = np.unique(result.days["row"], return_inverse=True)
        rows = result.days.copy()
        rows["row"] = index
        keys = self.engine.fleet.keys
        return VehicleDayRows(tuple(keys[row] for row in fleet_rows.tolist()), rows)

    def _configure(self, record: JournalRecord) -> None:
        rules = self.engine.rules
        try:
            layers = RuleLayers.model_validate_json(record.payload)
            table = ParameterTable(rules, layers, path=f"journal record {record.offset}")
        except (ValidationError, ConfigError) as error:
            # Written by another version; what it said then cannot be said now, and the current settings follow.
            log.warning("rule settings of journal record %d are passed over: %s", record.offset, error)
            return
        self.layers = layers
        self.engine.apply_parameters(table)


def config_payload(layers: RuleLayers) -> bytes:
    """Rule settings as the payload of a CONFIG record."""
    return layers.model_dump_json().encode()
