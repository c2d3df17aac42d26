"""The fixture ``replay_trace``: a small table of reports in, alarms out.

Use with ``pytest -p simulators.pytest_plugin`` or ``pytest_plugins = ["simulators.pytest_plugin"]``.
"""

from __future__ import annotations

from typing import Protocol

import pytest

from monitor.model.alarm import Alarm
from monitor.model.fleet import Registry, VehicleClass
from monitor.model.report import ReportBatch
from simulators.trace_table import reports, trace_ms
from simulators.traces import trace_registry


class ReplayTrace(Protocol):
    """Replays a table (see ``simulators.trace_table``) or a batch; ``until`` is a time of the trace."""

    def __call__(
        self,
        trace: str | ReportBatch,
        registry: Registry | VehicleClass = VehicleClass.HEAVY_TRUCK,
        *,
        until: str | None = None,
        as_received: bool = False,
        now_ms: int | None = None,
    ) -> tuple[Alarm, ...]: ...


@pytest.fixture
def replay_trace() -> ReplayTrace:
    """Alarms of a trace by the settled engine, or the live one with ``as_received``."""

    def run(
        trace: str | ReportBatch,
        registry: Registry | VehicleClass = VehicleClass.HEAVY_TRUCK,
        *,
        until: str | None = None,
        as_received: bool = False,
        now_ms: int | None = None,
    ) -> tuple[Alarm, ...]:
        # Imported on use: the plugin loads with every run of pytest, the engine takes a second.
        from monitor.app.replay import replay_batch

        batch = reports(trace) if isinstance(trace, str) else trace
        latest_ms = int(max(batch.rows["fix_ms"].max(), batch.rows["recv_ms"].max())) if len(batch) else 0
        until_ms = None if until is None else trace_ms(until)
        return replay_batch(
            batch,
            trace_registry(registry) if isinstance(registry, VehicleClass) else registry,
            until_ms=until_ms,
            as_received=as_received,
            now_ms=now_ms if now_ms is not None else max(latest_ms, until_ms or 0) + 1_000,
        ).alarms

    return run
