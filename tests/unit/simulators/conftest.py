"""The fixture that ships with the simulator."""

from __future__ import annotations

from simulators.pytest_plugin import replay_trace

__all__ = ["replay_trace"]
