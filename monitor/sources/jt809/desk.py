"""What a link needs of the app: somebody who takes what platforms say, and the files of the vehicles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from monitor.model.exchange import ExchangeEvent, StaticVehicle, VehicleDriver, VehicleWaybill


class Desk(Protocol):
    """Takes everything that is no position, in the order received on a link, and the coming and going of channels.

    What of it the engine reads (links, waybills) is the desk's to journal.
    """

    async def take(self, link: str, events: Sequence[ExchangeEvent]) -> None:
        """Returns when committed; only then the link answers what needs an answer. An ``OperationError`` means that
        it was not: the same events come again after a wait, and later ones stay behind them."""


class VehicleFiles(Protocol):
    """What we can tell an upper platform about a vehicle when it asks. ``None``: nothing is known.

    ``plate`` as the peer spelled it, ``color`` the JT/T code.
    """

    async def static(self, plate: str, color: int) -> StaticVehicle | None:
        """For 0x9601."""

    async def driver(self, plate: str, color: int) -> VehicleDriver | None:
        """For 0x920A."""

    async def waybill(self, plate: str, color: int) -> VehicleWaybill | None:
        """For 0x920B."""
