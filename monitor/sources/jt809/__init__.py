"""JT/T 809 links between platforms, both roles: positions to the app's ``Deliver``, everything else to a ``Desk``.

``UpperLink`` is what we hold towards a lower platform that logs in to us (through a ``Jt809Listener``, which several
links may share), ``LowerLink`` what we hold towards an upper platform. What is sent and what arrives is in the words of
``monitor.model.exchange``, whatever the edition of the standard.

``session`` is the standard's procedure for one channel as a table, without sockets and clock; ``wire`` moves the bytes.

May import ``monitor.rules`` and everything below it; never ``monitor.sinks`` or ``monitor.store``.
"""

from monitor.sources.jt809.counts import LinkCounts
from monitor.sources.jt809.desk import Desk, VehicleFiles
from monitor.sources.jt809.listener import Jt809Listener, upper_listeners
from monitor.sources.jt809.lower import LowerLink
from monitor.sources.jt809.settings import CipherSettings, Jt809LinkSettings
from monitor.sources.jt809.upper import UpperLink
from monitor.sources.jt809.warming import warm_up

__all__ = [
    "CipherSettings",
    "Desk",
    "Jt809LinkSettings",
    "Jt809Listener",
    "LinkCounts",
    "LowerLink",
    "UpperLink",
    "VehicleFiles",
    "upper_listeners",
    "warm_up",
]
