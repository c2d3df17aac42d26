"""What became of a frame, as both protocols number it: the words for counters, quarantine, command line and tests."""

from __future__ import annotations

from enum import IntEnum


class Outcome(IntEnum):
    """Below 10 in order, 10 to 19 decoded with a remark, from 20 rejected (nothing of the frame is used)."""

    @property
    def reason(self) -> str:
        """The stable word, e.g. ``bad_checksum``."""
        return self.name.lower()

    @property
    def rejected(self) -> bool:
        return self >= 20

    @property
    def remarked(self) -> bool:
        return 10 <= self < 20
