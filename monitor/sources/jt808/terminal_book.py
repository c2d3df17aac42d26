"""What the server asks of those who know the terminals and the registry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.model.terminal import Terminal


@dataclass(frozen=True, slots=True)
class Registration:
    """What the registry says of a phone and a plate.

    ``matched``: it has this phone in the vehicle of this plate. ``plate_taken``: it has another phone there.
    """

    phone_known: bool = False
    plate_known: bool = False
    matched: bool = False
    plate_taken: bool = False


class TerminalBook(Protocol):
    """Kept by the app. ``find`` and ``registration`` are asked for every frame of log-in and answer from memory."""

    def find(self, phone: str, /) -> Terminal | None:
        """By phone (hex digits without leading zeros, lower case)."""
        ...

    def registration(self, phone: str, plate: str, plate_color: int, /) -> Registration:
        """``plate`` and ``plate_color`` (code) as the terminal states them; empty and 0 where it states none."""
        ...

    def room(self, phone: str, waiting: int, /) -> bool:
        """Whether a terminal that ``find`` does not know may be kept, while ``waiting`` others are on their way to
        ``save``. Phones of the registry always may; anybody can make up others, so these are bounded."""
        ...

    async def save(self, terminals: Sequence[Terminal], /) -> None:
        """Returns when they are safe on disk, and ``find`` gives them. Raises ``OperationError`` where they are not.

        At most one entry per phone in a call, and one call at a time.
        """
        ...
