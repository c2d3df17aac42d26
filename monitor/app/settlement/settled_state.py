"""The settled state at the end of a day as a file, and back.

Each day has a folder of its own below ``settled/``, so that the newest states of several days are kept: a day whose
late data come settles again from the state of the day before.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.app.settlement.days import SettledDays
from monitor.app.settlement.driver_window import edges_from, stretches_from
from monitor.engine.snapshot import EngineState, restore_snapshot, take_snapshot
from monitor.errors import StoreError
from monitor.model.journal import RecordType
from monitor.model.map_set import MapLayer
from monitor.rules import load_rules
from monitor.store.snapshot import Snapshot, read_latest, write_snapshot

_DAY = re.compile(r"day-(\d+)")


class _Meta(msgspec.Struct, frozen=True):
    layout: str
    day: int
    clock_ms: int
    keys: list[str]
    drivers: list[str]
    sources: list[str]
    judges: dict[str, bytes]
    book: bytes
    maps: dict[MapLayer, bytes]
    apart: list[str]


class SettledFolder:
    """The folder ``settled`` of a state folder. A state is found by its day and generation."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, days: SettledDays, day: int, generation: int) -> None:
        """Write the state at the end of a day. Raises ``StoreError``; older ones are then untouched."""
        engine = take_snapshot(days.engine)
        meta = _Meta(
            layout=engine.layout,
            day=day,
            clock_ms=engine.clock_ms,
            keys=list(engine.keys),
            drivers=list(engine.drivers),
            sources=list(engine.sources),
            judges=engine.judges,
            book=days.book.snapshot(),
            maps=days.engine.fleet.maps.payloads(),
            apart=sorted(days.apart),
        )
        arrays: dict[str, NDArray[np.generic]] = {
            "rows": engine.rows,
            "deadlines": engine.deadlines,
            "step": engine.step,
            **days.window.arrays(),
        }
        write_snapshot(self._of(day), generation, arrays, msgspec.msgpack.encode(meta))

    def has(self, day: int, generation: int) -> bool:
        """Whether there is a state file of a generation; it may not read."""
        return (self._of(day) / f"snapshot-{generation:020d}.vdms").exists()

    def read(self, day: int, generation: int, held: Mapping[RecordType, bytes] | None = None) -> SettledDays | None:
        """The state at the end of a day; None where it is not there, does not read, or is another version's."""
        found = read_latest(self._of(day), not_after=generation)
        if found is None or found.offset != generation:
            return None
        try:
            return restored(found, held)
        except (StoreError, ValueError, KeyError, msgspec.MsgspecError):
            return None

    def tidy(self, kept: set[int]) -> None:
        """Remove the states of all other days."""
        for path in self.folder.glob("day-*"):
            match = _DAY.fullmatch(path.name)
            if match and int(match[1]) not in kept:
                shutil.rmtree(path, ignore_errors=True)

    def _of(self, day: int) -> Path:
        return self.folder / f"day-{day}"


def restored(snapshot: Snapshot, held: Mapping[RecordType, bytes] | None = None) -> SettledDays:
    """The state of a snapshot. Raises ``StoreError`` where its layout is another one."""
    meta = msgspec.msgpack.decode(snapshot.meta, type=_Meta)
    arrays = snapshot.arrays
    days = SettledDays(load_rules(), held)
    state = EngineState(
        layout=meta.layout,
        clock_ms=meta.clock_ms,
        keys=tuple(meta.keys),
        drivers=tuple(meta.drivers),
        sources=tuple(meta.sources),
        judges=meta.judges,
        rows=arrays["rows"].astype("u1", copy=False),
        deadlines=arrays["deadlines"].astype("i8", copy=False),
        step=arrays["step"].astype("u1", copy=False),
    )
    restore_snapshot(days.engine, state, None)
    days.in_force.restore_maps(meta.maps)
    days.book.restore(meta.book)
    days.window.restore(
        stretches_from(arrays["driven"]), arrays["last_ms"].astype("i8"), edges_from(arrays["driver_edges"])
    )
    days.apart = frozenset(meta.apart)
    return days


_STATED_ANEW = (
    *("profile", "registered", "vehicle_class", "suspended_from_day", "suspended_to_day", "retired_day"),
    "source",
)
"""Fields of the core that settings or the day's first report state before anything asks."""


def digest(days: SettledDays) -> str:
    """Digest of everything that the next day builds on; equal states have equal ones."""
    if not days.digest:
        days.digest = _digest(days)
    return days.digest


def _digest(days: SettledDays) -> str:
    engine = days.engine
    fleet = engine.fleet
    found = hashlib.sha256()
    for text in (*fleet.keys, "", *fleet.drivers):
        found.update(text.encode("utf-8", "replace") + b"\0")
    for name, column in _columns(fleet.rows[: len(fleet)]):
        if name not in _STATED_ANEW:
            found.update(np.ascontiguousarray(column).tobytes())
    for name in sorted(engine.judges):
        found.update(engine.judges[name].snapshot())
    found.update(days.book.snapshot())
    for array in days.window.arrays().values():
        found.update(array.tobytes())
    return found.hexdigest()[:32]


def _columns(rows: NDArray[np.void]) -> Iterator[tuple[str, NDArray[np.generic]]]:
    """Every plain column of state rows; what lies between them for alignment is nobody's."""
    for name in rows.dtype.names or ():
        column = rows[name]
        if column.dtype.names:
            yield from _columns(column)
        else:
            yield name, column
