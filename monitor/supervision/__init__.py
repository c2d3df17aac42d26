"""Supervision: what the assessment counts, and who is watched more closely (重点监管).

``indicators`` turns vehicle-day counters and alarms into counts per vehicle, enterprise, platform and region;
``rates`` divides two of them; ``entry_rules`` reads the entry rules from data and ``key_supervision`` applies them;
``summary`` is the message an enterprise gets. Pure functions: equal input gives equal output in equal order, live or
from a replay. May import ``monitor.model`` and ``monitor.errors`` only.
"""
