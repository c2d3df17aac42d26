"""Map layers between their files, the journal and the engine.

A layer whose file the configuration names comes from that file, at the start and at every reload; one without a file
comes through the API and is kept in the state folder. What is in force is in the journal, so a replay sees the same.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import ConfigError, StoreError
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.map_set import EMPTY_MAP, NO_MAPS, MapLayer, MapSet

if TYPE_CHECKING:
    from monitor.engine.surroundings import Surroundings

RECORD_TYPES: dict[MapLayer, RecordType] = {
    MapLayer.FENCES: RecordType.FENCES,
    MapLayer.ROADS: RecordType.ROADS,
    MapLayer.PLACES: RecordType.PLACES,
    MapLayer.PERMITS: RecordType.PERMITS,
}
LAYER_OF = {record: layer for layer, record in RECORD_TYPES.items()}


def with_layer(maps: MapSet, layer: MapLayer, data: bytes, path: str) -> MapSet:
    """The maps with one layer read from GeoJSON. Raises ``ConfigError`` that names every shape that is refused."""
    # Shapes are slow to load and needed only where there are maps.
    if layer is MapLayer.FENCES:
        from monitor.model.fence import parse_fences

        return replace(maps, fences=parse_fences(data, path))
    if layer is MapLayer.ROADS:
        from monitor.model.road import parse_roads

        return replace(maps, roads=parse_roads(data, path))
    if layer is MapLayer.PLACES:
        from monitor.model.place import parse_places

        return replace(maps, places=parse_places(data, path))
    from monitor.model.permit import parse_permits

    return replace(maps, permits=parse_permits(data, path))


def maps_of(payloads: Mapping[MapLayer, bytes], path: str = "") -> MapSet:
    """Maps from the GeoJSON of their layers. Raises ``ConfigError``."""
    maps = NO_MAPS
    for layer, data in payloads.items():
        if data:
            maps = with_layer(maps, layer, data, path or f"{layer} map")
    return maps


def map_records(maps: MapSet, wanted: Mapping[MapLayer, bytes], clock_ms: int) -> list[JournalRecord]:
    """Records that bring the maps in force to the wanted GeoJSON by layer; a layer not named is none."""
    records: list[JournalRecord] = []
    for layer, record_type in RECORD_TYPES.items():
        payload = wanted.get(layer, b"")
        if payload != maps.payload(layer):
            records.append(JournalRecord(0, record_type, clock_ms, payload=payload or EMPTY_MAP))
    return records


class MapShop:
    """Maps made ready before they come into force, so that the engine only swaps them.

    Reading 10,000 sections and building their index takes a second or two: whoever changes a layer does it here, in a
    thread beside the engine, and the journal record of the change then finds it done. After a restart it is done anew.
    """

    def __init__(self) -> None:
        self._ready: dict[str, tuple[MapSet, Surroundings | None]] = {}

    def prepare(self, maps: MapSet, layer: MapLayer, data: bytes, path: str) -> MapSet:
        """Make a change of one layer ready, and say what the maps then are. Raises ``ConfigError`` that names every
        shape that is refused."""
        changed = with_layer(maps, layer, data, path)
        if len(self._ready) >= len(MapLayer):
            self._ready.clear()  # prepared and never put in force
        self._ready[_key(maps, layer, data)] = changed, ground_of(changed)
        return changed

    def taken(self, maps: MapSet, layer: MapLayer, data: bytes, path: str) -> tuple[MapSet, Surroundings | None]:
        """The maps with one layer changed, and their index. Raises ``ConfigError``."""
        found = self._ready.pop(_key(maps, layer, data), None)
        if found is None:
            changed = with_layer(maps, layer, data, path)
            found = changed, ground_of(changed)
        return found


def ground_of(maps: MapSet) -> Surroundings | None:
    """The index of roads and fences; None without any of them."""
    if maps.roads is None and maps.fences is None:
        return None
    from monitor.engine.surroundings import Surroundings

    return Surroundings(maps.roads, maps.fences)


def _key(maps: MapSet, layer: MapLayer, data: bytes) -> str:
    """What the outcome of a change depends on."""
    digest = hashlib.sha256(layer.value.encode())
    digest.update(data)
    for other, payload in maps.payloads().items():
        if other is not layer:
            digest.update(other.value.encode() + hashlib.sha256(payload).digest())
    return digest.hexdigest()


class MapFolder:
    """Layers that came through the API: one GeoJSON file each in the state folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def payloads(self) -> dict[MapLayer, bytes]:
        """What is kept. Raises ``StoreError``."""
        found: dict[MapLayer, bytes] = {}
        for layer in MapLayer:
            path = self._path(layer)
            try:
                if path.exists():
                    found[layer] = path.read_bytes()
            except OSError as error:
                raise StoreError(
                    reason=f"{path} cannot be read: {error.strerror or error}",
                    advice="Put the file right, or remove it: the layer is then empty",
                ) from error
        return found

    def keep(self, layer: MapLayer, data: bytes) -> None:
        """Keep a layer, whole or not at all; an empty one is removed. Raises ``StoreError``."""
        path = self._path(layer)
        try:
            if not data:
                path.unlink(missing_ok=True)
                return
            self._folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._folder, suffix=".part")
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except OSError as error:
            raise StoreError(
                reason=f"{path} cannot be written: {error.strerror or error}",
                advice="The map stays as it was; make room or give the daemon the right to write there",
            ) from error

    def _path(self, layer: MapLayer) -> Path:
        return self._folder / f"{layer.value}.geojson"


def read_layer(path: Path, key: str) -> bytes:
    """A layer's file. Raises ``ConfigError``."""
    try:
        return path.read_bytes()
    except OSError as error:
        problem = (key, f"cannot be read: {error.strerror or error}")
        raise ConfigError(path=str(path), problems=(problem,)) from error
