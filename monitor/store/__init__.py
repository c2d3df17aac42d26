"""What is kept: the relational store (registry, alarms, outbox, counters, indicators), the journal and the archive.

Guarantees of the relational store: what a step of the engine brings is written in one transaction together with the
journal offset that it comes from, so a restart neither loses nor doubles anything; a vehicle's validity spans never
overlap; one writer at a time, while other processes read.

SQLite (WAL) by default, PostgreSQL by URL. May import ``monitor.rules`` and what is below it; never sources or sinks.
"""
