"""The engine's state as plain arrays and texts, and back.

A snapshot holds what the records so far have led to. The registry and the settings are given again on restore; they
describe rows and do not change what is due when, so a restored engine goes on exactly as the one that was saved.

Every rule's part of a row has a digest of its own: where a rule keeps other things now, its part alone starts empty and
the rule is named, so that it can be made good from the reports; all others go on.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from monitor.engine.engine import Engine
from monitor.engine.rule import Rule
from monitor.engine.state import SPANS
from monitor.engine.trail import TRAIL, TRAIL_LENGTH, Trail, TrailState
from monitor.errors import StoreError
from monitor.model.beijing import NEVER_MS
from monitor.model.compiled import CACHE_FOLDER, source_hash
from monitor.model.fleet import Registry
from monitor.model.report import PLATE_PREFIX, TERMINAL_PREFIX

T = TypeVar("T", bound=np.generic)

_LEAST_ROWS = 1024
_CORE = "core"
_SOURCES = CACHE_FOLDER.name if CACHE_FOLDER.parent.name == "numba" else source_hash()
"""Of the code as it was when this process started."""


@dataclass(frozen=True, slots=True)
class Part:
    """Where the core or a rule has its fields in a row (offset and size in bytes), and a digest of what they mean."""

    places: dict[str, tuple[int, int]]
    digest: str


@dataclass(frozen=True, slots=True)
class Described:
    """What registry and settings say of the rows, so that it need not be worked out again for a million vehicles.

    It holds only for the same sources (``compiled.source_hash``), registry and settings. ``examples`` has a row of each
    parameter profile in use, ``profiles`` its number; ``spans`` (n, bytes of SPANS) uint8.
    """

    sources: str
    day: int | None
    profiles: NDArray[np.int64]
    examples: NDArray[np.int64]
    spans: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class EngineState:
    """Copies: ``rows`` (n, row bytes) uint8, ``deadlines`` (n,) epoch ms, ``step`` the bytes of the step record.

    ``keys`` has one entry per row; ``layout`` tells the row dtype apart from any other, ``parts`` those of its parts.
    The arrays of a state that is ``given`` away belong to whoever restores it; they may be longer than there are keys.
    """

    layout: str
    clock_ms: int
    keys: tuple[str, ...]
    drivers: tuple[str, ...]
    sources: tuple[str, ...]
    rows: NDArray[np.uint8]
    deadlines: NDArray[np.int64]
    step: NDArray[np.uint8]
    judges: dict[str, bytes]
    trail: TrailState | None = None
    parts: Mapping[str, Part] = field(default_factory=dict)
    described: Described | None = None
    given: bool = False


def layout_of(engine: Engine) -> str:
    """Digest of everything that gives the bytes of a row their meaning: fields, types, places, order of the rules."""
    digest = hashlib.sha256()
    for dtype in (engine.fleet.rows.dtype, engine._step.dtype):
        _describe(dtype, digest.update)
    for rule in engine.rules:
        digest.update(f"{rule.name}:{','.join(rule.kinds)};".encode())
    return digest.hexdigest()[:20]


def parts_of(engine: Engine) -> dict[str, Part]:
    """The parts of a row: the core, and every rule that keeps state."""
    fields: Mapping[str, tuple[np.dtype[np.void], int]] = engine.fleet.rows.dtype.fields or {}  # type: ignore[assignment]
    rules = {rule.name: rule for rule in engine.rules}
    return {
        name: Part(_places(dtype, int(offset)), _digest(dtype, rules.get(name)))
        for name, (dtype, offset, *_) in fields.items()
    }


def take_snapshot(engine: Engine) -> EngineState:
    """Copy the state. Not while the engine runs."""
    fleet = engine.fleet
    n = len(fleet)
    size = fleet.rows.dtype.itemsize
    rows = fleet.rows[:n].copy()
    return EngineState(
        layout=layout_of(engine),
        clock_ms=engine.clock_ms,
        keys=tuple(fleet.keys),
        drivers=tuple(fleet.drivers),
        sources=tuple(fleet.sources),
        rows=rows.view(np.uint8).reshape(n, size),
        deadlines=fleet.deadlines[:n].copy(),
        step=engine._step.copy().view(np.uint8),
        judges={name: judge.snapshot() for name, judge in engine.judges.items()},
        trail=engine.trail.snapshot(n) if isinstance(engine.trail, Trail) else None,
        parts=parts_of(engine),
        described=_described(engine, rows),
    )


def restore_snapshot(
    engine: Engine,
    state: EngineState,
    registry: Registry | None,
    *,
    partly: bool = False,
    same_settings: bool = False,
) -> tuple[str, ...]:
    """Put a fresh engine into a saved state; returns the rules that start empty.

    Only with ``partly`` there may be any: else it raises ``StoreError`` where anything is laid out otherwise, and
    always where the core is. ``same_settings`` promises that registry and settings are those of the saved engine.
    """
    fleet = engine.fleet
    same = state.layout == layout_of(engine)
    changed: tuple[str, ...] = () if same else _changed(engine, state)
    if not same and (not partly or not state.parts or _CORE in changed or len(state.step) != engine._step.nbytes):
        raise StoreError(
            reason="the snapshot was written by a version that keeps other things per vehicle",
            advice="The journal is read from its start instead",
        )
    n = len(state.keys)
    rows = _rows(engine, state) if same else _mended(engine, state, changed)
    deadlines = _taken(state.deadlines, n, state.given)
    deadlines[n:] = NEVER_MS
    if same_settings and state.described is not None and state.described.sources == _SOURCES:
        _restore_described(engine, state, state.described, rows, deadlines, registry)
    else:
        fleet.restore(state.keys, state.drivers, state.sources, rows, deadlines, registry)
    engine.clock_ms = state.clock_ms
    engine._step[:] = np.ascontiguousarray(state.step).view(engine._step.dtype)
    for name, data in state.judges.items():
        if name in engine.judges and name not in changed:
            engine.judges[name].restore(data)
    if isinstance(engine.trail, Trail) and state.trail is not None:
        _restore_trail(engine.trail, state.trail, n, state.given)
    return changed


def copy_rule(engine: Engine, other: Engine, names: Collection[str]) -> None:
    """Take the state of some rules over from another engine whose rows have the same keys in the same order."""
    n = len(engine.fleet)
    for name in names:
        if name in (engine.fleet.rows.dtype.names or ()):
            state, found = engine.fleet.rows[name], other.fleet.rows[name]
            for field_name in state.dtype.names or ():  # never whole: states of different rules interlace
                state[field_name][:n] = found[field_name][:n]
        if name in engine.judges:
            engine.judges[name].restore(other.judges[name].snapshot())
    engine.wake_all()


def _changed(engine: Engine, state: EngineState) -> tuple[str, ...]:
    """Parts of a row that mean something else than they did, or were not there."""
    return tuple(
        name
        for name, part in parts_of(engine).items()
        if name not in state.parts or state.parts[name].digest != part.digest
    )


def _rows(engine: Engine, state: EngineState) -> NDArray[np.void]:
    n, dtype = len(state.keys), engine.fleet.rows.dtype
    if len(state.rows) == 0:
        return np.zeros(_LEAST_ROWS, dtype)
    return _taken(state.rows, n, state.given).reshape(-1).view(dtype)


def _mended(engine: Engine, state: EngineState, changed: Collection[str]) -> NDArray[np.void]:
    """Rows of another layout, part by part; what changed is zero."""
    n = len(state.keys)
    rows = np.zeros(max(n, _LEAST_ROWS), engine.fleet.rows.dtype)
    flat = rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)
    for name, part in parts_of(engine).items():
        if name not in changed:
            for field_name, (old, size) in state.parts[name].places.items():
                new, _ = part.places[field_name]
                flat[:n, new : new + size] = state.rows[:n, old : old + size]
    return rows


def _taken(array: NDArray[T], n: int, given: bool) -> NDArray[T]:
    """The first ``n`` entries with room behind them: the array itself where it is given and has room."""
    if given and array.flags.writeable and array.flags.c_contiguous and len(array) >= max(n, _LEAST_ROWS):
        return array
    out = np.zeros((max(n, _LEAST_ROWS), *array.shape[1:]), array.dtype)
    out[:n] = array[:n]
    return out


def _described(engine: Engine, rows: NDArray[np.void]) -> Described:
    fleet = engine.fleet
    profiles, examples = np.unique(rows[_CORE]["profile"], return_index=True)
    spans = fleet.spans[: len(rows)].copy().view(np.uint8).reshape(len(rows), SPANS.itemsize)
    return Described(_SOURCES, fleet._day, profiles.astype(np.int64), examples.astype(np.int64), spans)


def _restore_described(
    engine: Engine,
    state: EngineState,
    described: Described,
    rows: NDArray[np.void],
    deadlines: NDArray[np.int64],
    registry: Registry | None,
) -> None:
    """As ``FleetState.restore``, without asking the registry about every vehicle."""
    fleet, n = engine.fleet, len(state.keys)
    fleet.keys = list(state.keys)
    fleet.drivers = list(state.drivers)
    fleet.sources = list(state.sources)
    fleet._row_of = dict(zip(fleet.keys, range(n), strict=True))
    fleet._driver_of = {name: index for index, name in enumerate(fleet.drivers)}
    fleet._source_of = {name: index for index, name in enumerate(fleet.sources)}
    fleet.rows = rows
    fleet.spans = _taken(described.spans, n, state.given).reshape(-1).view(SPANS) if n else np.zeros(len(rows), SPANS)
    if len(fleet.spans) != len(rows):
        fleet.spans = np.concatenate([fleet.spans[:n], np.zeros(len(rows) - n, SPANS)])
    fleet.deadlines = deadlines
    fleet._adopt(registry)
    fleet._day = described.day
    # A key as reported is its row, unless the registry may know another vehicle by it.
    prefixes = (TERMINAL_PREFIX, PLATE_PREFIX)
    fleet._alias = {key: row for key, row in fleet._row_of.items() if not key.startswith(prefixes)}
    if n:
        table = np.zeros(int(described.profiles.max()) + 1, np.int32)
        for profile, row in zip(described.profiles.tolist(), described.examples.tolist(), strict=True):
            vehicle = registry.vehicle(fleet.keys[row], described.day) if registry is not None else None
            registered = bool(rows[row][_CORE]["registered"])
            table[profile] = fleet._parameters.profile_of(vehicle, registered=registered)
        if not np.array_equal(table[described.profiles], described.profiles):
            rows[_CORE]["profile"][:n] = table[rows[_CORE]["profile"][:n]]
    fleet._refresh_params()


def _restore_trail(trail: Trail, state: TrailState, n: int, given: bool) -> None:
    if not given or state.rings.shape[1:] != (TRAIL_LENGTH * TRAIL.itemsize,):
        trail.restore(TrailState(state.rings[:n], state.heads[:n]))
        return
    rings = _taken(state.rings, n, given)
    trail._pass = None
    trail._rings = rings.reshape(-1).view(TRAIL).reshape(len(rings), TRAIL_LENGTH)
    trail._heads = _taken(state.heads, n, given)
    if len(trail._heads) != len(rings):
        trail.restore(TrailState(state.rings[:n], state.heads[:n]))


def _places(dtype: np.dtype[np.void], at: int) -> dict[str, tuple[int, int]]:
    fields: Mapping[str, tuple[np.dtype[np.generic], int]] = dtype.fields or {}  # type: ignore[assignment]
    return {name: (at + int(offset), kind.itemsize) for name, (kind, offset, *_) in fields.items()}


def _digest(dtype: np.dtype[np.void], rule: Rule | None) -> str:
    """Of names and types; where in the row a field lies means nothing."""
    digest = hashlib.sha256()
    for name, (kind, *_) in sorted((dtype.fields or {}).items()):
        digest.update(f"{name}:{kind.shape}:{kind.base.str};".encode())
        if kind.base.fields:
            _describe(kind.base, digest.update)
    if rule is not None:
        digest.update(",".join(rule.kinds).encode())
    return digest.hexdigest()[:20]


def _describe(dtype: np.dtype[np.void], add: object) -> None:
    assert callable(add)
    for name, (kind, offset, *_) in sorted((dtype.fields or {}).items(), key=lambda item: item[1][1]):
        base = kind.base
        add(f"{name}:{kind.shape}:{base.str}@{offset};".encode())
        if base.fields:
            _describe(base, add)
    add(f"={dtype.itemsize}".encode())
