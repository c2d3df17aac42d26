"""What every test relies on."""

from __future__ import annotations

import os

from hypothesis import settings

from tests.vector_report import pytest_runtest_makereport, pytest_terminal_summary

__all__ = ["pytest_runtest_makereport", "pytest_terminal_summary"]

# The first call of a compiled function takes seconds, hence no deadlines; CI draws the same examples each time.
settings.register_profile("local", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")
