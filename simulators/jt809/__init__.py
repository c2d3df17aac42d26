"""JT/T 809 platforms that never existed, either side of a link, for tests and demonstrations.

``upper`` lets others log in and asks; ``lower`` logs in, sends positions and answers; ``player`` is a lower platform
that drives a scenario. They speak through ``monitor.codec.jt809`` and know nothing of ``monitor.sources.jt809``: the
session is written a second time, so that one can be tested against the other.
"""
