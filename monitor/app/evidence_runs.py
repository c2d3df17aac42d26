"""The run of a driving alarm as a person reads it: drive, stop, drive, from the rest before it to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from monitor.engine.engine import Engine
from monitor.engine.rule import Rule
from monitor.engine.state import StretchKind
from monitor.engine.stretch_clock import lasting_stretch
from monitor.engine.stretches import KEPT, StretchPool
from monitor.model.alarm import Alarm
from monitor.model.beijing import DAY_MS, MINUTE_MS, iso
from monitor.model.evidence import RunStretch

RULES_OF_RUNS = ("fatigue", "cumulative_driving", "night_curfew")
"""Rules whose alarms are about a run of driving."""
RUN_LENGTH = 20
"""Stretches shown (a guess: what a person reads, and what there is room for)."""
_FOLDED_MS = (MINUTE_MS, 2 * MINUTE_MS, 5 * MINUTE_MS, 10 * MINUTE_MS, 20 * MINUTE_MS)
"""Stops shorter than this become part of the drive around them, the first length that makes the run short enough."""
_REST_MS = 20 * MINUTE_MS
"""A rest ends a run (regulation art. 62(7)); it stands first in the list."""
_LONG_SILENCE_MS = 4 * 60 * MINUTE_MS
"""Unknown time that ends a run (readings, Driving clocks)."""


@dataclass(frozen=True, slots=True)
class _Piece:
    kind: StretchKind
    from_ms: int
    to_ms: int
    distance_m: float
    driver: int
    stops: int = 0
    stopped_ms: int = 0

    @property
    def length_ms(self) -> int:
        return self.to_ms - self.from_ms


class RunBook:
    """Stretches of the fleet, and the runs told from them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._pool = StretchPool()

    def note(self, stretches: NDArray[np.void]) -> None:
        """Stretches that are over (dtype STRETCH)."""
        self._pool.take(stretches)

    def snapshot(self) -> bytes:
        """Every stretch kept."""
        return self._pool.snapshot()

    def restore(self, data: bytes) -> None:
        """Take over a snapshot."""
        self._pool.restore(data)

    def of(self, rule: Rule, row: int, alarm: Alarm, found_ms: int) -> tuple[tuple[RunStretch, ...], bool]:
        """The run of an alarm, and whether it had begun before what is still known; empty for rules without runs."""
        if rule.name not in RULES_OF_RUNS or row < 0:
            return (), False
        to_ms = max(alarm.onset_ms, found_ms) if alarm.end_ms is None else alarm.end_ms
        pieces = self._pieces(row, alarm.onset_ms - DAY_MS, to_ms)
        known = len(pieces)
        if rule.name == "fatigue":
            pieces = _since_rest(pieces, alarm.onset_ms)
        cut = len(pieces) == known >= KEPT
        pieces, shortened = _short(pieces)
        drivers = self._engine.fleet.drivers
        return tuple(_told(piece, drivers, alarm, to_ms) for piece in pieces), cut or shortened

    def _pieces(self, row: int, from_ms: int, to_ms: int) -> list[_Piece]:
        found = self._pool.of(row, from_ms, to_ms, self._lasting(row, to_ms))
        columns = [found[name].tolist() for name in ("kind", "from_ms", "to_ms", "distance_m", "driver")]
        return [_Piece(StretchKind(kind), *rest) for kind, *rest in zip(*columns, strict=True)]

    def _lasting(self, row: int, to_ms: int) -> NDArray[np.void] | None:
        """The stretch that is not over, up to the newest report: its way is counted as far as that."""
        rows = self._engine.fleet.rows
        if "fatigue" not in (rows.dtype.names or ()):
            return None
        return lasting_stretch(rows[row]["fatigue"]["stretch"], row, max(to_ms, int(rows[row]["core"]["fix_ms"])))


def _since_rest(pieces: list[_Piece], onset_ms: int) -> list[_Piece]:
    """From the last rest that was over at the onset, the rest included; long silence ends a run too."""
    for place in range(len(pieces) - 1, -1, -1):
        piece = pieces[place]
        if piece.to_ms > onset_ms:
            continue
        if piece.kind is StretchKind.STOP and piece.length_ms >= _REST_MS:
            return pieces[place:]
        if piece.kind is StretchKind.UNKNOWN and piece.length_ms > _LONG_SILENCE_MS:
            return pieces[place:]
    return pieces


def _short(pieces: list[_Piece]) -> tuple[list[_Piece], bool]:
    """At most ``RUN_LENGTH`` pieces: short stops folded into drives, then the newest; and whether any were let go."""
    folded = pieces
    for shorter_ms in _FOLDED_MS:
        if len(folded) <= RUN_LENGTH:
            return folded, False
        folded = _folded(pieces, shorter_ms)
    return folded[-RUN_LENGTH:], len(folded) > RUN_LENGTH


def _folded(pieces: Sequence[_Piece], shorter_ms: int) -> list[_Piece]:
    """Stops under a length between two drives of one driver, as part of one drive."""
    found: list[_Piece] = []
    for piece in pieces:
        if (
            len(found) >= 2
            and piece.kind is StretchKind.DRIVE
            and found[-1].kind is StretchKind.STOP
            and found[-1].length_ms < shorter_ms
            and found[-2].kind is StretchKind.DRIVE
            and found[-2].driver == piece.driver
        ):
            stop, drive = found.pop(), found.pop()
            piece = replace(
                drive,
                to_ms=piece.to_ms,
                distance_m=drive.distance_m + stop.distance_m + piece.distance_m,
                stops=drive.stops + 1,
                stopped_ms=drive.stopped_ms + stop.length_ms,
            )
        found.append(piece)
    return found


def _told(piece: _Piece, drivers: Sequence[str], alarm: Alarm, to_ms: int) -> RunStretch:
    return RunStretch(
        kind=piece.kind.name.lower(),
        begin=iso(piece.from_ms),
        end=iso(piece.to_ms),
        minutes=round(piece.length_ms / MINUTE_MS, 1),
        distance_km=round(piece.distance_m / 1000, 2),
        driver=drivers[piece.driver] if piece.driver >= 0 else "",
        short_stops=piece.stops,
        short_stop_minutes=round(piece.stopped_ms / MINUTE_MS, 1) if piece.stops else None,
        open=alarm.end_ms is None and piece.to_ms == to_ms,
    )
