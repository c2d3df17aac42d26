"""What is known of every connection and of every terminal on it, as columns, so that a round costs no step per frame.

A connection has a line from its first moment; the first terminal on it takes that line, each further one (gateways)
gets a line of its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

NO_DRIVER = -1

LINE = np.dtype(
    [
        ("phone", np.uint8, (10,)),  # of the terminal, as in FRAME
        ("used", np.bool_),
        ("connection", np.bool_),  # whether it is the first line of a connection
        ("newer", np.bool_),  # whether the terminal's header is that of 2019
        ("taking", np.bool_),  # whether traffic of the terminal is taken
        ("sound", np.bool_),  # whether the connection ever brought a sound frame
        ("changed", np.bool_),  # the terminal reported since it was last kept
        ("serial", np.int64),  # our next one
        ("junk", np.int64),  # bad frames of the connection since its last sound one
        ("driver", np.int32),  # number in Drivers since card_ms
        ("driver_before", np.int32),  # until then
        ("card_ms", np.int64),  # when the card went in or out, by the terminal's clock
        ("opened_s", np.float64),  # loop time
        ("heard_s", np.float64),  # loop time of the last sound frame
        ("metered_s", np.float64),  # loop time that the next two are as of
        ("frames_left", np.float64),  # what the connection may still send before it is read more slowly
        ("bytes_left", np.float64),
        ("reports", np.int64),  # of the terminal since it was last kept
        ("fix_ms", np.int64),  # its last position
        ("lon_deg", np.float64),
        ("lat_deg", np.float64),
    ],
    align=True,
)

_FIRST = 1_024

Integers = NDArray[np.int64]


class Lines:
    """``rows`` (dtype ``LINE``) is replaced when it grows: never keep it over an await."""

    __slots__ = ("_bytes_burst", "_bytes_per_s", "_frames_burst", "_frames_per_s", "_free", "rows")

    def __init__(self, frames_per_s: float, bytes_per_s: float, burst_s: float) -> None:
        self.rows: NDArray[np.void] = np.zeros(_FIRST, LINE)
        self._free = list(range(_FIRST - 1, -1, -1))
        self._frames_per_s = frames_per_s
        self._bytes_per_s = bytes_per_s
        self._frames_burst = frames_per_s * burst_s
        self._bytes_burst = bytes_per_s * burst_s

    def open(self, now_s: float, *, connection: bool) -> int:
        """A free line, as new."""
        if not self._free:
            size = len(self.rows)
            self.rows = np.concatenate([self.rows, np.zeros(size, LINE)])
            self._free = list(range(2 * size - 1, size - 1, -1))
        line = self._free.pop()
        row = self.rows[line]
        row["used"] = True
        row["connection"] = connection
        row["driver"] = row["driver_before"] = NO_DRIVER
        row["opened_s"] = row["heard_s"] = row["metered_s"] = now_s
        row["frames_left"] = self._frames_burst
        row["bytes_left"] = self._bytes_burst
        return line

    def close(self, line: int) -> None:
        self.rows[line : line + 1] = np.zeros(1, LINE)
        self._free.append(line)

    def meter(self, lines: Integers, frames: Integers, sizes: Integers, now_s: float) -> NDArray[np.float64]:
        """Count what distinct ``lines`` sent; for how many seconds each is to be left unread (0: go on)."""
        rows = self.rows
        waited_s = now_s - rows["metered_s"][lines]
        frames_left = rows["frames_left"][lines] + waited_s * self._frames_per_s
        bytes_left = rows["bytes_left"][lines] + waited_s * self._bytes_per_s
        frames_left = np.minimum(frames_left, self._frames_burst) - frames
        bytes_left = np.minimum(bytes_left, self._bytes_burst) - sizes
        rows["metered_s"][lines] = now_s
        rows["frames_left"][lines] = frames_left
        rows["bytes_left"][lines] = bytes_left
        too_many_s = np.maximum(-frames_left / self._frames_per_s, -bytes_left / self._bytes_per_s)
        return np.maximum(too_many_s, 0.0)

    def drivers_at(self, lines: Integers, fix_ms: Integers) -> NDArray[np.int32]:
        """Who drove at each fix: a card holds for what happened since it went in, not for what is uploaded since.

        A fix without a time counts as now.
        """
        rows = self.rows
        since = (fix_ms >= rows["card_ms"][lines]) | (fix_ms == 0)
        drivers: NDArray[np.int32] = np.where(since, rows["driver"][lines], rows["driver_before"][lines])
        return drivers
