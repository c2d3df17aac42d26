"""Settings and maps while the daemon runs: read anew, checked whole, put in force through the journal.

What a bad file holds is refused with its keys and reasons, and everything stays as it was. Maps are made ready in a
thread beside the engine, which then only swaps them.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from monitor.app.config import MonitorConfig, load_config
from monitor.app.live_pipeline import LivePipeline, config_payload
from monitor.app.map_layers import LAYER_OF, RECORD_TYPES, MapFolder, map_records
from monitor.console.commands import Command, Handler, Reply, reply
from monitor.console.map_words import FeatureRef, MapFacts, MapRef, NewFeature, NewMap, Reloaded, SettingsCommand
from monitor.engine.parameters import RuleLayers
from monitor.errors import CommandError, ConfigError
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.map_set import EMPTY_MAP, MapLayer

log = logging.getLogger(__name__)

_LIVE = frozenset(RuleLayers.model_fields) | {f"{layer.value}_file" for layer in MapLayer}
"""Keys of the configuration that a reload puts in force."""


class SettingsDesk:
    """``config`` is what the daemon was started with, from ``path``; ``submit`` journals a record."""

    def __init__(
        self,
        path: Path,
        config: MonitorConfig,
        live: LivePipeline,
        folder: MapFolder,
        submit: Callable[[JournalRecord], Awaitable[None]],
        clock_ms: Callable[[], int],
    ) -> None:
        self._path = path
        self._config = config
        self._started_with = config
        self._live = live
        self._folder = folder
        self._submit = submit
        self._clock_ms = clock_ms
        self._busy = asyncio.Lock()
        self._maps = live.engine.fleet.maps.payloads()
        """What is in force or on its way there."""
        self._layers = live.layers

    def begin(self) -> None:
        """After the start: what is in force now."""
        self._maps = self._live.engine.fleet.maps.payloads()
        self._layers = self._live.layers

    def handlers(self) -> Mapping[str, Handler]:
        """What the command channel may ask."""
        return {
            SettingsCommand.RELOAD: self._reload,
            SettingsCommand.LIST_MAPS: self._list,
            SettingsCommand.READ_MAP: self._read,
            SettingsCommand.WRITE_MAP: self._write,
            SettingsCommand.WRITE_FEATURE: self._write_feature,
            SettingsCommand.DROP_FEATURE: self._drop_feature,
        }

    async def reload(self) -> Reloaded:
        """Read the configuration and its map files anew. Raises ``ConfigError``: then nothing has changed."""
        async with self._busy:
            config = await asyncio.to_thread(self._read_config)
            wanted = await asyncio.to_thread(lambda: {**self._folder.payloads(), **config.map_payloads()})
            records = await asyncio.to_thread(self._ready, wanted)
            in_force: list[str] = []
            layers = config.rule_layers()
            if layers != self._layers:
                await self._submit(
                    JournalRecord(0, RecordType.CONFIG, self._clock_ms(), payload=config_payload(layers))
                )
                self._layers = layers
                in_force.append("rules")
            for record in records:
                await self._submit(record)
                in_force.append(LAYER_OF[record.type].value)
            self._maps = {layer: data for layer, data in wanted.items() if data}
            self._config = config
            waiting = _changed(self._started_with, config)
        if in_force:
            log.info("settings: in force from now on: %s", ", ".join(in_force))
        else:
            log.info("settings: nothing changed that can be put in force while running")
        if waiting:
            log.warning("settings: these wait for the next start: %s", ", ".join(waiting))
        return Reloaded(tuple(in_force), waiting)

    async def reload_or_say(self) -> None:
        """As ``reload``; what is wrong is logged."""
        try:
            await self.reload()
        except ConfigError as error:
            log.error("the settings stay as they were: %s", error)

    def _read_config(self) -> MonitorConfig:
        config = load_config(self._path, check_maps=False)
        return config.model_copy(update={"state_folder": self._started_with.state_folder})

    def _ready(self, wanted: Mapping[MapLayer, bytes]) -> list[JournalRecord]:
        """Records of the layers that change, each made ready for the engine. Raises ``ConfigError``."""
        fleet = self._live.engine.fleet
        names = {layer: str(path) for layer, path in self._config.map_files().items()}
        records = map_records(fleet.maps, wanted, self._clock_ms())
        maps = fleet.maps
        for record in records:
            layer = LAYER_OF[record.type]
            maps = self._live.pipeline.shop.prepare(maps, layer, record.payload, names.get(layer, f"{layer} map"))
        return records

    async def _reload(self, asked: Command) -> Reply:
        try:
            return reply(await self.reload())
        except ConfigError as error:
            raise CommandError(status=422, reason="bad_settings", message=str(error)) from None

    async def _list(self, asked: Command) -> Reply:
        return reply(tuple(self._facts(layer) for layer in MapLayer))

    async def _read(self, asked: Command) -> Reply:
        return Reply(msgspec.Raw(self._maps.get(asked.read(MapRef).layer, EMPTY_MAP)))

    async def _write(self, asked: Command) -> Reply:
        new = asked.read(NewMap)
        return await self._put(new.layer, bytes(new.collection))

    async def _write_feature(self, asked: Command) -> Reply:
        new = asked.read(NewFeature)
        stated = msgspec.json.decode(new.feature, type=dict[str, object])
        stated["id"] = new.feature_id
        return await self._put(new.layer, self._without(new.layer, new.feature_id, stated)[0])

    async def _drop_feature(self, asked: Command) -> Reply:
        ref = asked.read(FeatureRef)
        data, found = self._without(ref.layer, ref.feature_id)
        if not found:
            message = f"There is no {ref.feature_id[:64]} in the layer {ref.layer}."
            raise CommandError(status=404, reason="not_found", message=message)
        return await self._put(ref.layer, data)

    def _without(
        self, layer: MapLayer, feature_id: str, instead: dict[str, object] | None = None
    ) -> tuple[bytes, bool]:
        """The layer's GeoJSON without one feature, or with another in its place; whether there was one."""
        document = msgspec.json.decode(self._maps.get(layer, EMPTY_MAP), type=dict[str, object])
        features = document["features"]
        assert isinstance(features, list)
        kept = [feature for feature in features if _id_of(feature, layer) != feature_id]
        document["features"] = [*kept, instead] if instead is not None else kept
        return msgspec.json.encode(document), len(kept) < len(features)

    async def _put(self, layer: MapLayer, data: bytes) -> Reply:
        """Put a layer in force that comes through the API."""
        if layer in self._config.map_files():
            message = f"The layer {layer} comes from the file that {layer.value}_file names; change that and reload."
            raise CommandError(status=409, reason="from_file", message=message)
        async with self._busy:
            record = JournalRecord(0, RECORD_TYPES[layer], self._clock_ms(), payload=data)
            prepare = self._live.pipeline.shop.prepare
            try:
                await asyncio.to_thread(prepare, self._live.engine.fleet.maps, layer, data, f"{layer} map")
            except ConfigError as error:
                raise CommandError(status=422, reason="bad_map", message=str(error)) from None
            await asyncio.to_thread(self._folder.keep, layer, data)
            await self._submit(record)
            self._maps = {**self._maps, layer: data}
        return reply(self._facts(layer))

    def _facts(self, layer: MapLayer) -> MapFacts:
        data = self._maps.get(layer, b"")
        features = msgspec.json.decode(data, type=_Counted).features if data else []
        files = self._config.map_files()
        return MapFacts(
            layer,
            len(features),
            hashlib.sha256(data).hexdigest()[:16] if data else "",
            files[layer].name if layer in files else "",
        )


class _Counted(msgspec.Struct):
    features: list[msgspec.Raw]


def _id_of(feature: object, layer: MapLayer) -> str:
    """Id of a feature, as the layer's reader finds it."""
    if not isinstance(feature, dict):
        return ""
    properties = feature.get("properties")
    own = f"{layer.value.removesuffix('s')}_id" if layer is not MapLayer.ROADS else "section_id"
    stated = properties.get(own) if isinstance(properties, dict) else None
    found = feature.get("id") if stated is None else stated
    return "" if found is None else str(found).strip()


def _changed(before: MonitorConfig, after: MonitorConfig) -> tuple[str, ...]:
    """Top-level settings that differ and cannot change while running."""
    return tuple(
        name
        for name in MonitorConfig.model_fields
        if name not in _LIVE and getattr(before, name) != getattr(after, name)
    )
