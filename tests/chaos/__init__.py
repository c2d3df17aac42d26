"""The proof by faults: the real daemon between real servers, killed again and again, against an undisturbed run.

``python -m tests.chaos`` kills at random moments, ``--soak-s`` loads it evenly for a long time instead. Short versions
of both, and each kill point and fault by itself, are tests in ``tests/integration/test_chaos.py``.
"""
