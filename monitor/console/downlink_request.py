"""What the REST API asks the core about orders to terminals, as it travels in commands.

``downlinks.add`` takes a ``DownlinkRequest``, ``downlinks.cancel`` a ``DownlinkRef``; both answer with the
``Downlink`` record. ``terminals.online`` takes an ``OnlineQuestion`` and answers with ``Phones``.
"""

from __future__ import annotations

import msgspec

from monitor.model.downlink import DownlinkKind

ADD = "downlinks.add"
CANCEL = "downlinks.cancel"
ONLINE = "terminals.online"


class DownlinkRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An order that somebody wants. The core checks it: one of phone and vehicle, and what its kind needs."""

    kind: DownlinkKind
    vehicle_id: str = ""
    phone: str = ""
    text: str | None = None
    urgent: bool = False
    speak: bool = True
    display: bool = True
    parameters: dict[str, int] | None = None
    ids: tuple[str, ...] | None = None
    valid_s: int | None = None
    downlink_id: str = ""
    alarm_id: str = ""


class DownlinkRef(msgspec.Struct, frozen=True):
    downlink_id: str


class OnlineQuestion(msgspec.Struct, frozen=True):
    """Which of these terminals are connected; of all that are known where ``phones`` is None."""

    phones: tuple[str, ...] | None = None


class Phones(msgspec.Struct, frozen=True):
    phones: tuple[str, ...] = ()
