"""What people and programs ask: the REST API, read-only, in a process of its own.

Reads the relational store and nothing else, so a slow question never delays an alarm. May import ``monitor.store`` and
everything below it; never ``monitor.app``.
"""
