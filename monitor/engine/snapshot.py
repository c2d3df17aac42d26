"""The engine's state as plain arrays and texts, and back.

A snapshot holds what the records so far have led to. The registry and the settings are given again on restore; they
describe rows and do not change what is due when, so a restored engine goes on exactly as the one that was saved.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.engine.engine import Engine
from monitor.engine.trail import Trail, TrailState
from monitor.errors import StoreError
from monitor.model.beijing import NEVER_MS
from monitor.model.fleet import Registry

_LEAST_ROWS = 1024


@dataclass(frozen=True, slots=True)
class EngineState:
    """Copies: ``rows`` (n, row bytes) uint8, ``deadlines`` (n,) epoch ms, ``step`` the bytes of the step record.

    ``keys`` has one entry per row; ``layout`` tells the row dtype apart from any other.
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


def layout_of(engine: Engine) -> str:
    """Digest of everything that gives the bytes of a row their meaning: fields, types, places, order of the rules."""
    digest = hashlib.sha256()
    for dtype in (engine.fleet.rows.dtype, engine._step.dtype):
        _describe(dtype, digest.update)
    for rule in engine.rules:
        digest.update(f"{rule.name}:{','.join(rule.kinds)};".encode())
    return digest.hexdigest()[:20]


def take_snapshot(engine: Engine) -> EngineState:
    """Copy the state. Not while the engine runs."""
    fleet = engine.fleet
    n = len(fleet)
    size = fleet.rows.dtype.itemsize
    return EngineState(
        layout=layout_of(engine),
        clock_ms=engine.clock_ms,
        keys=tuple(fleet.keys),
        drivers=tuple(fleet.drivers),
        sources=tuple(fleet.sources),
        rows=fleet.rows[:n].copy().view(np.uint8).reshape(n, size),
        deadlines=fleet.deadlines[:n].copy(),
        step=engine._step.copy().view(np.uint8),
        judges={name: judge.snapshot() for name, judge in engine.judges.items()},
        trail=engine.trail.snapshot(n) if isinstance(engine.trail, Trail) else None,
    )


def restore_snapshot(engine: Engine, state: EngineState, registry: Registry | None) -> None:
    """Put a fresh engine into a saved state. Raises ``StoreError`` where the rows are laid out otherwise."""
    fleet = engine.fleet
    if state.layout != layout_of(engine):
        raise StoreError(
            reason="the snapshot was written by a version that keeps other things per vehicle",
            advice="The journal is read from its start instead",
        )
    n = len(state.keys)
    room = max(n, _LEAST_ROWS)
    rows = np.zeros(room, fleet.rows.dtype)
    rows[:n] = np.ascontiguousarray(state.rows).reshape(-1).view(fleet.rows.dtype)
    deadlines = np.full(room, NEVER_MS, np.int64)
    deadlines[:n] = state.deadlines
    fleet.restore(state.keys, state.drivers, state.sources, rows, deadlines, registry)
    engine.clock_ms = state.clock_ms
    engine._step[:] = np.ascontiguousarray(state.step).view(engine._step.dtype)
    for name, data in state.judges.items():
        engine.judges[name].restore(data)
    if isinstance(engine.trail, Trail) and state.trail is not None:
        engine.trail.restore(state.trail)


def _describe(dtype: np.dtype[np.void], add: object) -> None:
    assert callable(add)
    for name, (field, offset, *_) in sorted((dtype.fields or {}).items(), key=lambda item: item[1][1]):
        base = field.base
        add(f"{name}:{field.shape}:{base.str}@{offset};".encode())
        if base.fields:
            _describe(base, add)
    add(f"={dtype.itemsize}".encode())
