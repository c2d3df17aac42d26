"""Fleets that never existed, driving where and as their schedule says, with a truth file made from that schedule.

``scenario`` says how many and how bad, ``fleet`` invents the vehicles, ``schedule`` and ``journey`` say what each does
when, ``episodes`` put violations in on purpose, ``motion`` turns it into reports, ``faults`` spoil them, ``truth``
writes down what a perfect monitor would find, ``score`` compares. Nothing here may import a rule, the engine or the
quality checks: the truth has to be an independent witness (import-linter checks it).
"""
