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
from monitor.app.pipeline import drivers_of, drivers_payload, registry_of, registry_payload
from monitor.engine.parameters import RuleLayers
from monitor.engine.snapshot import EngineState, restore_snapshot, take_snapshot
from monitor.engine.trail import TrailState
from monitor.model.map_set import MapLayer
from monitor.store.snapshot import Snapshot, write_snapshot

log = logging.getLogger(__name__)


class _Meta(msgspec.Struct, frozen=True):
    layout: str
    clock_ms: int
    keys: list[str]
    drivers: list[str]
    book: bytes
    pushed: list[str]
    registry: bytes
    layers: bytes
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
    registry: bytes
    layers: RuleLayers
    waybills: bytes
    maps: dict[MapLayer, bytes]
    register: bytes
    runs: bytes


def save(live: LivePipeline, offset: int) -> SavedState:
    """Copy the state. Not while the pipeline runs."""
    pipeline = live.pipeline
    return SavedState(
        offset=offset,
        engine=take_snapshot(pipeline.engine),
        book=pipeline.book.snapshot(),
        pushed=tuple(live.gate.snapshot()),
        registry=registry_payload(pipeline.engine.fleet.registry),
        layers=live.layers,
        waybills=pipeline.waybills.snapshot(),
        maps=pipeline.engine.fleet.maps.payloads(),
        register=drivers_payload(pipeline.engine.fleet.register),
        runs=pipeline.evidence.snapshot(),
    )


def write(folder: Path, state: SavedState) -> Path:
    """Write a snapshot file. Raises ``StoreError``."""
    engine = state.engine
    meta = _Meta(
        layout=engine.layout,
        clock_ms=engine.clock_ms,
        keys=list(engine.keys),
        drivers=list(engine.drivers),
        sources=list(engine.sources),
        judges=engine.judges,
        book=state.book,
        pushed=list(state.pushed),
        registry=state.registry,
        layers=state.layers.model_dump_json().encode(),
        waybills=state.waybills,
        maps=state.maps,
        register=state.register,
        runs=state.runs,
    )
    arrays: dict[str, NDArray[np.generic]] = {"rows": engine.rows, "deadlines": engine.deadlines, "step": engine.step}
    if engine.trail is not None:
        arrays |= {"trails": engine.trail.rings, "trail_heads": engine.trail.heads}
    return write_snapshot(folder, state.offset, arrays, msgspec.msgpack.encode(meta))


def layers_of(snapshot: Snapshot) -> RuleLayers:
    """The rule settings in force at a snapshot."""
    return RuleLayers.model_validate_json(_meta(snapshot).layers)


def restore(live: LivePipeline, snapshot: Snapshot) -> None:
    """Put a fresh pipeline into the state of a snapshot. Raises ``StoreError`` where its layout is another one."""
    meta = _meta(snapshot)
    arrays = snapshot.arrays
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
        trail=_trail(arrays),
    )
    restore_snapshot(live.engine, state, registry_of(meta.registry))
    live.pipeline.book.restore(meta.book)
    live.gate.restore(meta.pushed)
    live.pipeline.evidence.restore(meta.runs)
    live.pipeline.waybills.restore(meta.waybills)
    live.engine.fleet.apply_drivers(drivers_of(meta.register))
    maps = maps_of(meta.maps, "snapshot")
    live.engine.apply_maps(maps, ground_of(maps))


def _trail(arrays: Mapping[str, NDArray[np.generic]]) -> TrailState | None:
    """The last reports of each vehicle; None in a snapshot of a version that kept none."""
    if "trails" not in arrays or "trail_heads" not in arrays:
        return None
    return TrailState(arrays["trails"].astype("u1", copy=False), arrays["trail_heads"].astype("u1", copy=False))


def _meta(snapshot: Snapshot) -> _Meta:
    return msgspec.msgpack.decode(snapshot.meta, type=_Meta)
