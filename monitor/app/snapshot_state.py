"""Everything that the tail of the journal builds on, as one snapshot in the store: engine, alarm book, registry,
settings.

A snapshot is never ahead of what the relational store has committed; otherwise the output in between would be lost.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from monitor.app.live_pipeline import LivePipeline
from monitor.app.map_layers import ground_of, maps_of
from monitor.app.pipeline import drivers_of, drivers_payload
from monitor.app.registry_columns import StoredRegistry, columns_of, text_columns, texts_of
from monitor.engine.parameters import RuleLayers
from monitor.engine.snapshot import Described, EngineState, Part, restore_snapshot, take_snapshot
from monitor.engine.trail import TrailState
from monitor.model.fleet import Registry
from monitor.model.map_set import MapLayer
from monitor.store.snapshot import Snapshot, write_snapshot

log = logging.getLogger(__name__)


class Known(msgspec.Struct, frozen=True):
    """What of the database the journal has: number of the last import, and the state of the driver register."""

    import_id: int = -1
    drivers: tuple[int, int] = (-1, -1)


class _Meta(msgspec.Struct, frozen=True):
    layout: str
    parts: dict[str, Part]
    sources_hash: str
    day: int | None
    clock_ms: int
    drivers: list[str]
    book: bytes
    pushed: list[str]
    registry_version: int | None  # its columns are arrays
    layers: bytes
    known: Known = Known()
    waybills: bytes = b""  # of a version that had none
    maps: dict[MapLayer, bytes] = {}  # GeoJSON
    register: bytes = b"[]"  # of drivers
    sources: list[str] = []
    judges: dict[str, bytes] = {}
    runs: bytes = b""


@dataclass(frozen=True, slots=True)
class SavedState:
    """Copies of a pipeline's state as of record ``offset``; ``layers`` are the rule settings then in force."""

    offset: int
    engine: EngineState
    book: bytes
    pushed: tuple[str, ...]
    registry: Registry | None
    layers: RuleLayers
    known: Known
    waybills: bytes
    maps: dict[MapLayer, bytes]
    register: bytes
    runs: bytes


def save(live: LivePipeline, offset: int, known: Known | None = None) -> SavedState:
    """Copy the state. Not while the pipeline runs."""
    pipeline = live.pipeline
    return SavedState(
        offset=offset,
        engine=take_snapshot(pipeline.engine),
        book=pipeline.book.snapshot(),
        pushed=tuple(live.gate.snapshot()),
        registry=pipeline.engine.fleet.registry,
        layers=live.layers,
        known=known or Known(),
        waybills=pipeline.waybills.snapshot(),
        maps=pipeline.engine.fleet.maps.payloads(),
        register=drivers_payload(pipeline.engine.fleet.register),
        runs=pipeline.evidence.snapshot(),
    )


def write(folder: Path, state: SavedState) -> Path:
    """Write a snapshot file. Raises ``StoreError``."""
    engine = state.engine
    described = engine.described
    assert described is not None
    meta = _Meta(
        layout=engine.layout,
        parts=dict(engine.parts),
        sources_hash=described.sources,
        day=described.day,
        clock_ms=engine.clock_ms,
        drivers=list(engine.drivers),
        sources=list(engine.sources),
        judges=engine.judges,
        book=state.book,
        pushed=list(state.pushed),
        registry_version=None if state.registry is None else state.registry.version,
        layers=state.layers.model_dump_json().encode(),
        known=state.known,
        waybills=state.waybills,
        maps=state.maps,
        register=state.register,
        runs=state.runs,
    )
    key_ends, keys = text_columns(engine.keys)
    arrays: dict[str, NDArray[np.generic]] = {
        "rows": engine.rows,
        "deadlines": engine.deadlines,
        "step": engine.step,
        "spans": described.spans,
        "profiles": described.profiles,
        "examples": described.examples,
        "keys.ends": key_ends,
        "keys": keys,
    }
    if engine.trail is not None:
        arrays |= {"trails": engine.trail.rings, "trail_heads": engine.trail.heads}
    if state.registry is not None:
        arrays |= _LAST.of(state.registry)
    return write_snapshot(folder, state.offset, arrays, msgspec.msgpack.encode(meta))


class _LastColumns:
    """The columns of the last registry asked for: it rarely changes between two snapshots, and takes a while."""

    def __init__(self) -> None:
        self._registry: Registry | None = None
        self._columns: dict[str, NDArray[np.generic]] = {}

    def of(self, registry: Registry) -> dict[str, NDArray[np.generic]]:
        if registry is not self._registry:
            self._registry, self._columns = registry, columns_of(registry)
        return self._columns


_LAST = _LastColumns()


def known_of(snapshot: Snapshot) -> Known:
    """What of the database the journal had at a snapshot."""
    return _meta(snapshot).known


def layers_of(snapshot: Snapshot) -> RuleLayers:
    """The rule settings in force at a snapshot."""
    return RuleLayers.model_validate_json(_meta(snapshot).layers)


def restore(live: LivePipeline, snapshot: Snapshot) -> tuple[str, ...]:
    """Put a fresh pipeline into the state of a snapshot, whose arrays it takes over; returns the rules that keep other
    things now and start empty. Raises ``StoreError`` where the core of a row is laid out otherwise."""
    meta = _meta(snapshot)
    state = _state(meta, snapshot)
    registry = _registry(meta, snapshot)
    changed = restore_snapshot(live.engine, state, registry, partly=True, same_settings=True)
    live.pipeline.book.restore(meta.book)
    live.gate.restore(meta.pushed)
    live.pipeline.evidence.restore(meta.runs)
    live.pipeline.waybills.restore(meta.waybills)
    live.engine.fleet.apply_drivers(drivers_of(meta.register))
    maps = maps_of(meta.maps, "snapshot")
    live.engine.apply_maps(maps, ground_of(maps))
    return changed


def restore_fleet(live: LivePipeline, snapshot: Snapshot) -> None:
    """The vehicles, drivers, sources, registry and maps of a snapshot at the same places, and nothing of what the
    records led to: where rules are worked out again. Raises ``StoreError``."""
    meta = _meta(snapshot)
    keys = texts_of(snapshot.arrays["keys.ends"], snapshot.arrays["keys"])
    fleet = live.engine.fleet
    fleet.sources_of(meta.sources)
    fleet.drivers_of(meta.drivers)
    fleet.rows_of(keys)  # without a registry each key is its own
    live.engine.apply_registry(_registry(meta, snapshot))
    fleet.apply_drivers(drivers_of(meta.register))
    maps = maps_of(meta.maps, "snapshot")
    live.engine.apply_maps(maps, ground_of(maps))


def _state(meta: _Meta, snapshot: Snapshot) -> EngineState:
    arrays, roomy = snapshot.arrays, snapshot.roomy
    described = Described(
        sources=meta.sources_hash,
        day=meta.day,
        profiles=arrays["profiles"].astype("i8", copy=False),
        examples=arrays["examples"].astype("i8", copy=False),
        spans=roomy["spans"].astype("u1", copy=False),
    )
    return EngineState(
        layout=meta.layout,
        clock_ms=meta.clock_ms,
        keys=tuple(texts_of(arrays["keys.ends"], arrays["keys"])),
        drivers=tuple(meta.drivers),
        sources=tuple(meta.sources),
        judges=meta.judges,
        rows=roomy["rows"].astype("u1", copy=False),
        deadlines=roomy["deadlines"].astype("i8", copy=False),
        step=arrays["step"].astype("u1", copy=False),
        trail=_trail(roomy),
        parts=meta.parts,
        described=described,
        given=True,
    )


def _registry(meta: _Meta, snapshot: Snapshot) -> Registry | None:
    if meta.registry_version is None:
        return None
    columns = {name: array for name, array in snapshot.arrays.items() if name.startswith("registry.")}
    return StoredRegistry(columns, meta.registry_version)


def _trail(arrays: Mapping[str, NDArray[np.generic]]) -> TrailState | None:
    """The last reports of each vehicle; None in a snapshot of a version that kept none."""
    if "trails" not in arrays or "trail_heads" not in arrays:
        return None
    return TrailState(arrays["trails"].astype("u1", copy=False), arrays["trail_heads"].astype("u1", copy=False))


def _meta(snapshot: Snapshot) -> _Meta:
    return msgspec.msgpack.decode(snapshot.meta, type=_Meta)
