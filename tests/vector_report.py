"""The table of published test vectors at the end of a test run.

A test calls ``add``; the rows travel with its report, so that they arrive from a worker process too. A conftest that
imports the two hooks shows them::

    from tests.vector_report import pytest_runtest_makereport, pytest_terminal_summary
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

import pytest

Row = tuple[str, str]
"""What is counted, and how many or which."""

_PROPERTY = "vectors of "
_added: list[tuple[str, list[Row]]] = []


def add(protocol: str, rows: Sequence[Row]) -> None:
    """Show ``rows`` under the name of a protocol when the run is over."""
    _added.append((protocol, list(rows)))


def lines(properties: Iterable[tuple[str, object]]) -> list[str]:
    """The tables among the properties of test reports."""
    told: list[str] = []
    for name, rows in properties:
        if name.startswith(_PROPERTY) and isinstance(rows, list):
            width = max(len(str(label)) for label, _ in rows)
            told += ["", name, *(f"  {label!s:{width}}  {value}" for label, value in rows)]
    return told


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Give the rows added by the test that just ended to its report."""
    report = yield
    if report.when == "call":
        report.user_properties += [(_PROPERTY + protocol, rows) for protocol, rows in _added]
        _added.clear()
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Write the tables of all tests that passed."""
    reports = terminalreporter.getreports("passed")
    told = lines(one for report in reports for one in report.user_properties)
    if told:
        terminalreporter.section("published test vectors")
        for line in told:
            terminalreporter.write_line(line)
