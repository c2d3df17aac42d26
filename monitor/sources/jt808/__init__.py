"""Terminals over TCP: registration, authentication, positions, and orders to them (JT/T 808, 2011 to 2019).

``Jt808Server`` answers nothing before it is safe: positions, cards and waybills after the journal's fsync,
registrations after the terminal book's. What it knows of terminals it keeps in a ``TerminalBook``, which the app
provides. A bad frame is quarantined and never ends a healthy connection.
"""

from monitor.sources.jt808.answer import Answer, AnswerResult, NotConnected
from monitor.sources.jt808.counts import Jt808Counts
from monitor.sources.jt808.server import Jt808Server
from monitor.sources.jt808.settings import Authentication, Jt808Settings, Policy
from monitor.sources.jt808.terminal_book import Registration, TerminalBook

__all__ = [
    "Answer",
    "AnswerResult",
    "Authentication",
    "Jt808Counts",
    "Jt808Server",
    "Jt808Settings",
    "NotConnected",
    "Policy",
    "Registration",
    "TerminalBook",
]
