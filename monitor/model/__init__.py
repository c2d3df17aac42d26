"""The vocabulary every other package speaks: reports, flaws, fleet, edges, alarms, counters, time and place.

Pure data and pure functions. May import ``monitor.errors`` only.
"""
