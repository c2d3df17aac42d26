"""Every golden trace gives the episodes written in it, settled and as received."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.model.alarm import Subject
from monitor.rules import load_rules
from tests.golden.episodes import lines_of
from tests.golden.trace import read_trace

TRACES = Path(__file__).with_name("traces")
CASES = sorted(TRACES.glob("*/*.txt"))


@pytest.mark.parametrize("path", CASES, ids=[f"{path.parent.name}: {path.stem.replace('_', ' ')}" for path in CASES])
def test_a_trace_gives_its_episodes(path: Path) -> None:
    trace = read_trace(path)
    settled = lines_of(trace, "settled")
    assert settled == trace.expected["settled"]
    received = trace.expected["received"]
    assert lines_of(trace, "received") == (settled if received == ("as settled",) else received)


def test_every_rule_has_golden_traces() -> None:
    of_vehicles = {rule.name for rule in load_rules() if rule.subject is not Subject.PLATFORM}
    assert {path.parent.name for path in CASES} >= of_vehicles
