"""The engine: journal records in, edges, day rows and outcomes out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from monitor.engine.batch_columns import look_up, tell_clocks
from monitor.engine.fleet_state import FleetState
from monitor.engine.generated import build_pass
from monitor.engine.map_marks import renumber
from monitor.engine.near import NEAR, PERMIT, SECTION
from monitor.engine.parameters import ParameterTable
from monitor.engine.pass_template import CONTACT, TRACK
from monitor.engine.receive import N_OUTCOMES
from monitor.engine.rule import Rule
from monitor.engine.state import OUT, SIGN, STEP, STRETCH
from monitor.engine.trail import SeenReports, Trail
from monitor.model.beijing import day_of
from monitor.model.day import VEHICLE_DAY
from monitor.model.edge import EDGE
from monitor.model.flaw import Flaw
from monitor.model.fleet import Registry
from monitor.model.report import ReportBatch

if TYPE_CHECKING:
    from monitor.engine.surroundings import Surroundings
    from monitor.model.exchange import LinkEvent
    from monitor.model.map_set import MapSet

GRACE_MS = 1_800_000
"""After our own pause, absence and track rules hold back this long (readings, Clocks)."""

_NOTHING_NEAR = np.zeros(0, np.int32), np.zeros(0, NEAR), np.zeros(0, SECTION), np.zeros(0, PERMIT)
_TIME_FLAW = int(Flaw.TIME)


@dataclass(frozen=True, slots=True)
class Output:
    """What came of one call: ``edges`` (dtype EDGE, in the order found), ``days`` (dtype VEHICLE_DAY, closed days),
    ``outcomes``, a count per ``receive.Outcome``, and ``stretches`` (dtype STRETCH) of vehicles' time that are over."""

    edges: NDArray[np.void]
    days: NDArray[np.void]
    outcomes: NDArray[np.int64]
    stretches: NDArray[np.void]


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
        self.surroundings: Surroundings | None = None
        """Road sections, fences and permits in force, ready to be asked; None where there are none."""
        self.trail: SeenReports | None = None if settled else Trail()
        """Where an alarm looks up the reports around it; None where nobody asks."""
        self.judges = {
            rule.name: rule.judge(code, self.fleet.settings(rule))
            for code, rule in enumerate(self.rules)
            if rule.judge is not None
        }
        for judge in self.judges.values():
            judge.settled = settled
        self._pass = build_pass(self.rules)
        self._step = np.zeros(1, STEP)
        self._step[0]["settled"] = 1 if settled else 0
        self._out = np.zeros(1, OUT)

    def take(self, batch: ReportBatch) -> Output:
        """Live: reports in the order received; each ``recv_ms`` must be set. Time passes up to the last of them."""
        rows = batch.rows
        if not len(rows):
            return joined([])
        clocks = np.empty(len(rows), np.int64)
        first_ms = tell_clocks(rows, self.clock_ms, clocks)
        if self._step[0]["first_life_ms"] == 0:
            self._step[0]["first_life_ms"] = first_ms
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

    def link(self, event: LinkEvent, clock_ms: int) -> Output:
        """A link to another platform went up or down."""
        self.clock_ms = max(self.clock_ms, clock_ms)
        edges = [judge.link(event, self.fleet, self.clock_ms) for judge in self.judges.values()]
        return joined([_edges_alone(_joined(edges, EDGE)), self.tick(self.clock_ms)])

    def apply_parameters(self, parameters: ParameterTable) -> None:
        """Take new settings; state stays."""
        self.fleet.apply_parameters(parameters)
        for rule in self.rules:
            if rule.name in self.judges:
                self.judges[rule.name].configure(self.fleet.settings(rule))

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

    def apply_maps(self, maps: MapSet, surroundings: Surroundings | None) -> None:
        """The maps in force from now on, and the index of roads and fences, if there are any."""
        renumber(self.fleet.rows[: len(self.fleet)], self.fleet.maps, maps)
        self.fleet.maps = maps
        fences = maps.fences.fences if maps.fences is not None else ()
        self._step[0]["relay_points"] = any(fence.kind == "relay" for fence in fences)
        if maps.permits is not None and len(maps.permits):
            from monitor.engine.permit_marks import PermitMarks
            from monitor.engine.surroundings import Surroundings  # shapes are loaded only where there are maps

            marks = PermitMarks(maps.permits, self.fleet)
            surroundings = (surroundings or Surroundings()).with_permits(marks)
        self.surroundings = surroundings

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
        n = len(reports)
        own_rows, driver_of, source_of = np.empty((3, n), np.int32)
        marks_of = np.empty(n, np.int8)
        look_up(
            reports,
            fleet.rows_of(batch.keys),
            fleet.drivers_of(batch.drivers),
            fleet.sources_of(batch.sources),
            own_rows,
            driver_of,
            source_of,
            marks_of,
        )
        if row_of is None:
            row_of = own_rows
        near_of, nears, sections, permits = _NOTHING_NEAR
        if self.surroundings is not None and phases & TRACK:
            near_of, nears, sections, permits = self.surroundings.mark(reports, row_of)
        outcomes = np.zeros(n, np.int8)
        done = 0
        found = _Found()
        while done < n:
            done = self._pass.run(
                reports,
                row_of,
                driver_of,
                source_of,
                clocks,
                marks_of,
                near_of,
                nears,
                sections,
                permits,
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
            found.take(self._out[0])
        if self.trail is not None and phases & TRACK:
            self.trail.take(reports, row_of, outcomes, len(fleet))
        return self._judged(found, np.bincount(outcomes, minlength=N_OUTCOMES))

    def _tick(self, phases: int) -> Output:
        fleet = self.fleet
        done = 0
        found = _Found()
        while done < len(fleet):
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
            found.take(self._out[0])
        step = self._step[0]
        output = self._judged(found, np.zeros(N_OUTCOMES, np.int64))
        passed = [
            judge.pass_time(fleet, self.clock_ms, grace_until_ms=int(step["grace_until_ms"]), final=bool(step["final"]))
            for judge in self.judges.values()
        ]
        return replace(output, edges=_joined([output.edges, *passed], EDGE)) if passed else output

    def _judged(self, found: _Found, outcomes: NDArray[np.int64]) -> Output:
        """The output of a pass, with what the judges say of it."""
        stretches = _joined(found.stretches, STRETCH)
        edges = list(found.edges)
        if self.judges and (found.signs or found.stretches):
            signs = _joined(found.signs, SIGN)
            codes = signs["rule"]
            for judge in self.judges.values():
                own = signs[codes == judge.code] if len(codes) else signs
                if len(own) or found.stretches:
                    edges.append(judge.take(own, stretches, self.fleet, self.clock_ms))
        return Output(_joined(edges, EDGE), _joined(found.days, VEHICLE_DAY), outcomes, stretches)


class _Found:
    """What a pass wrote, piece by piece."""

    def __init__(self) -> None:
        self.edges: list[NDArray[np.void]] = []
        self.days: list[NDArray[np.void]] = []
        self.stretches: list[NDArray[np.void]] = []
        self.signs: list[NDArray[np.void]] = []

    def take(self, out: np.void) -> None:
        """Copy what a buffer holds, and empty it."""
        for name in ("edges", "days", "stretches", "signs"):
            n = out[f"n_{name}"]
            if n:
                getattr(self, name).append(out[name][:n].copy())
                out[f"n_{name}"] = 0


def _edges_alone(edges: NDArray[np.void]) -> Output:
    """An output that is edges and nothing else."""
    return Output(edges, np.zeros(0, VEHICLE_DAY), np.zeros(N_OUTCOMES, np.int64), np.zeros(0, STRETCH))


def joined(outputs: Sequence[Output]) -> Output:
    """Several outputs as one, in order."""
    return Output(
        _joined([output.edges for output in outputs], EDGE),
        _joined([output.days for output in outputs], VEHICLE_DAY),
        np.sum([output.outcomes for output in outputs], axis=0, dtype=np.int64)
        if outputs
        else np.zeros(N_OUTCOMES, np.int64),
        _joined([output.stretches for output in outputs], STRETCH),
    )


def _joined(parts: Sequence[NDArray[np.void]], dtype: np.dtype[np.void]) -> NDArray[np.void]:
    """One array of several; NumPy would first compare what every field of every part is (measured: 25 us a part)."""
    filled = [part for part in parts if len(part)]
    if len(filled) == 1:
        return filled[0]
    whole = np.empty(sum(map(len, filled)), dtype)
    begin = 0
    for part in filled:
        whole[begin : begin + len(part)] = part
        begin += len(part)
    return whole
