"""Alarms: edges become records that a person can work off.

Four things are kept apart: detection (rules), alarm (here), delivery (what is pushed, decided here, done by sinks) and
statistics. Muting a delivery never changes a statistic. May import ``monitor.model`` and ``monitor.errors``.
"""
