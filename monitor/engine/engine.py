"""The engine: journal records in, edges, day rows and outcomes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.engine.fenced import in_fence
from monitor.engine.fleet_state import FleetState
from monitor.engine.generated import build_pass
from monitor.engine.parameters import ParameterTable
from monitor.engine.pass_template import CONTACT, FENCED, LATE, TRACK
from monitor.engine.receive import N_OUTCOMES
from monitor.engine.rule import Rule
from monitor.engine.state import OUT, STEP
from monitor.model.beijing import day_of
from monitor.model.day import VEHICLE_DAY
from monitor.model.edge import EDGE
from monitor.model.flaw import Flaw, ReportFlag
from monitor.model.fleet import Registry
from monitor.model.report import ReportBatch

if TYPE_CHECKING:
    from monitor.model.fence import FenceSet

LATE_MS = 300_000
"""A report older than this on receipt is late (Q5)."""
GRACE_MS = 1_800_000
"""After our own pause, absence and track rules hold back this long (readings, Clocks)."""

_LATE_FLAG = int(ReportFlag.BACKFILL)
_TIME_FLAW = int(Flaw.TIME)


@dataclass(frozen=True, slots=True)
class Output:
    """What came of one call: ``edges`` (dtype EDGE, in the order found), ``days`` (dtype VEHICLE_DAY, closed days) and
    ``outcomes``, a count per ``receive.Outcome``."""

    edges: NDArray[np.void]
    days: NDArray[np.void]
    outcomes: NDArray[np.int64]


class Engine:
    """Fleet state and clock; one instance per data folder. Not thread-safe; calls release the GIL."""

    def __init__(
        self,
        rules: Sequence[Rule],
        parameters: ParameterTable | None = None,
        *,
        settled: bool = False,
    ) -> None:
        self.rules = tuple(rules)
        self.fleet = FleetState(self.rules, parameters or ParameterTable(self.rules))
        self.clock_ms = 0
        self._pass = build_pass(self.rules)
        self._step = np.zeros(1, STEP)
        self._step[0]["settled"] = 1 if settled else 0
        self._out = np.zeros(1, OUT)

    def take(self, batch: ReportBatch) -> Output:
        """Live: reports in the order received; each ``recv_ms`` must be set. Time passes up to the last of them."""
        rows = batch.rows
        timed = np.where(rows["flaws"] & _TIME_FLAW == 0, rows["recv_ms"], 0)
        clocks = np.maximum.accumulate(np.maximum(timed, self.clock_ms)) if len(rows) else timed
        if self._step[0]["first_life_ms"] == 0 and np.any(timed > 0):
            self._step[0]["first_life_ms"] = timed[timed > 0][0]
        if not len(rows):
            return joined([])
        self.clock_ms = int(clocks[-1])
        if self.fleet.next_change_ms > self.clock_ms:
            return self._run(batch, clocks, TRACK | CONTACT)
        return joined(self._across_changes(batch, clocks))

    def _across_changes(self, batch: ReportBatch, clocks: NDArray[np.int64]) -> list[Output]:
        """Cut the batch where other registry rows come into force, so that its size never matters."""
        outputs: list[Output] = []
        begin = 0
        while begin < len(batch):
            if self.fleet.next_change_ms <= clocks[begin]:
                self.fleet.on_day(int(day_of(int(clocks[begin]))))
            end = int(np.searchsorted(clocks, self.fleet.next_change_ms))
            outputs.append(self._run(replace(batch, rows=batch.rows[begin:end]), clocks[begin:end], TRACK | CONTACT))
            begin = end
        return outputs

    def take_settled(
        self, batch: ReportBatch, phases: int = TRACK | CONTACT, row_of: NDArray[np.int32] | None = None
    ) -> Output:
        """Settled: reports sorted by the clock of the phase (fix time for TRACK, receive time for CONTACT).

        A report whose fix time cannot be used stands where it was received. ``row_of`` are the fleet rows of the
        reports where they are known already.
        """
        rows = batch.rows
        if phases & TRACK:
            clocks = np.where(rows["flaws"] & _TIME_FLAW == 0, rows["fix_ms"], rows["recv_ms"])
        else:
            clocks = np.ascontiguousarray(rows["recv_ms"])
        return self._run(batch, clocks, phases, row_of)

    def begin_settled(self, first_ms: int, clock_ms: int) -> None:
        """State the first and the last moment of a settled run."""
        self._step[0]["first_life_ms"] = first_ms
        self.clock_ms = clock_ms

    def tick(self, clock_ms: int, *, resumed: bool = False, paused_ms: int = 0) -> Output:
        """Time has passed up to ``clock_ms``. ``resumed``: the first tick after a pause of ours since ``paused_ms``."""
        self.clock_ms = max(self.clock_ms, clock_ms)
        if resumed:
            self._step[0]["paused_ms"] = paused_ms
            self._step[0]["grace_until_ms"] = self.clock_ms + GRACE_MS
        if self.clock_ms and self.fleet.next_change_ms <= self.clock_ms:
            self.fleet.on_day(int(day_of(self.clock_ms)))
        return self._tick(TRACK | CONTACT)

    def finish(self, phases: int = TRACK | CONTACT) -> Output:
        """Settled: no later report will come; bring what is open up to the clock."""
        self._step[0]["final"] = 1
        self.fleet.deadlines[: len(self.fleet)] = 0
        output = self._tick(phases)
        self._step[0]["final"] = 0
        return output

    def begin_contacts(self) -> None:
        """Before a second phase over the same fleet: nothing has been heard of yet."""
        for name in ("time_ms", "recent_1_ms", "recent_2_ms", "recent_3_ms"):
            self.fleet.rows["core"][name][: len(self.fleet)] = 0
        self.wake_all()

    def wake_all(self) -> None:
        """Let every vehicle's deadlines be worked out anew at its next chance."""
        self.fleet.deadlines[: len(self.fleet)] = 0

    def apply_registry(self, registry: Registry | None) -> None:
        """The registry in force from now on."""
        self.fleet.apply_registry(registry)

    def apply_fences(self, fences: FenceSet) -> None:
        """The fences in force from now on."""
        self.fleet.fences = fences

    def open_days(self) -> NDArray[np.void]:
        """Day rows in progress (dtype VEHICLE_DAY), one per vehicle that has reported on its current day."""
        days = np.zeros(len(self.fleet), VEHICLE_DAY)
        return days[: self._pass.open_days(self.fleet.rows, len(self.fleet), days)]

    def _run(
        self,
        batch: ReportBatch,
        clocks: NDArray[np.int64],
        phases: int,
        row_of: NDArray[np.int32] | None = None,
    ) -> Output:
        fleet = self.fleet
        reports = batch.rows
        if row_of is None:
            row_of = fleet.rows_of(batch.keys)[reports["key"]] if len(reports) else np.zeros(0, np.int32)
        driver_of = fleet.drivers_of(batch.drivers)[reports["driver"]]
        late = (reports["recv_ms"] - reports["fix_ms"] > LATE_MS) | (reports["flags"] & _LATE_FLAG != 0)
        marks_of = late.astype(np.int8) * LATE
        if fleet.fences is not None:
            marks_of[in_fence(reports, fleet.fences)] |= FENCED
        outcomes = np.zeros(len(reports), np.int8)
        done = 0
        edges: list[NDArray[np.void]] = []
        days: list[NDArray[np.void]] = []
        while done < len(reports):
            self._out[0]["n_edges"] = self._out[0]["n_days"] = 0
            done = self._pass.run(
                reports,
                row_of,
                driver_of,
                clocks,
                marks_of,
                done,
                phases,
                fleet.rows,
                fleet.params,
                fleet.spans,
                fleet.deadlines,
                self._step,
                self._out,
                outcomes,
            )
            self._collect(edges, days)
        return Output(_joined(edges, EDGE), _joined(days, VEHICLE_DAY), np.bincount(outcomes, minlength=N_OUTCOMES))

    def _tick(self, phases: int) -> Output:
        fleet = self.fleet
        done = 0
        edges: list[NDArray[np.void]] = []
        days: list[NDArray[np.void]] = []
        while done < len(fleet):
            self._out[0]["n_edges"] = self._out[0]["n_days"] = 0
            done = self._pass.tick(
                self.clock_ms,
                done,
                phases,
                fleet.rows,
                fleet.params,
                fleet.spans,
                fleet.deadlines,
                len(fleet),
                self._step,
                self._out,
            )
            self._collect(edges, days)
        return Output(_joined(edges, EDGE), _joined(days, VEHICLE_DAY), np.zeros(N_OUTCOMES, np.int64))

    def _collect(self, edges: list[NDArray[np.void]], days: list[NDArray[np.void]]) -> None:
        out = self._out[0]
        if out["n_edges"]:
            edges.append(out["edges"][: out["n_edges"]].copy())
        if out["n_days"]:
            days.append(out["days"][: out["n_days"]].copy())


def joined(outputs: Sequence[Output]) -> Output:
    """Several outputs as one, in order."""
    return Output(
        _joined([output.edges for output in outputs], EDGE),
        _joined([output.days for output in outputs], VEHICLE_DAY),
        np.sum([output.outcomes for output in outputs], axis=0, dtype=np.int64)
        if outputs
        else np.zeros(N_OUTCOMES, np.int64),
    )


def _joined(parts: list[NDArray[np.void]], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
