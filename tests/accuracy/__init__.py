"""Truth against alarms under known conditions: ``python -m tests.accuracy`` writes ``docs/accuracy.md``."""
