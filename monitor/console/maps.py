"""Addresses of the REST API for maps (fences, road sections, places, permits) and for taking settings anew."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import FastAPI, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response

from monitor.console.access import asked_by
from monitor.console.commands import Commands, command
from monitor.console.map_words import FeatureRef, MapFacts, MapRef, NewFeature, NewMap, Reloaded, SettingsCommand
from monitor.console.parameters import PREFIX
from monitor.model.map_set import MapLayer

_TAGS: list[str] = ["maps"]
FeatureId = Annotated[str, Path(min_length=1, max_length=128)]


class FeatureCollection(BaseModel):
    """GeoJSON of a layer; what its features may say stands in ``docs/roads.md``."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(pattern="^FeatureCollection$")
    features: list[dict[str, object]]


class Feature(BaseModel):
    """One GeoJSON feature."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(pattern="^Feature$")
    geometry: dict[str, object]
    properties: dict[str, object] = Field(default_factory=dict)


class MapRecord(BaseModel):
    """One layer in force."""

    layer: MapLayer
    features: int
    digest: str = Field(description="SHA-256 of its GeoJSON, the first 16 hex digits; empty where there is none")
    file: str = Field(description="name of the file that it comes from; empty where it comes through the API")


class MapList(BaseModel):
    """All layers."""

    total: int
    maps: list[MapRecord]


class ReloadRecord(BaseModel):
    """What taking the settings anew did."""

    in_force: list[str] = Field(description="what changed and is in force from now on")
    at_next_start: list[str] = Field(description="settings that changed and wait for the next start")


def add_maps(api: FastAPI, commands: Commands) -> None:
    """Add them to the API."""

    @api.get(f"{PREFIX}/maps", tags=[*_TAGS])
    async def maps(request: Request) -> MapList:
        """The map layers in force."""
        found = (await commands.send(command(SettingsCommand.LIST_MAPS, by=asked_by(request)))).read(
            tuple[MapFacts, ...]
        )
        return MapList(total=len(found), maps=[_record(facts) for facts in found])

    @api.get(f"{PREFIX}/maps/{{layer}}", tags=[*_TAGS], response_model=FeatureCollection)
    async def read_map(request: Request, layer: MapLayer) -> Response:
        """The GeoJSON of one layer in force."""
        answer = await commands.send(command(SettingsCommand.READ_MAP, MapRef(layer), by=asked_by(request)))
        return Response(bytes(answer.body), media_type="application/geo+json")

    @api.put(f"{PREFIX}/maps/{{layer}}", tags=[*_TAGS])
    async def write_map(request: Request, layer: MapLayer, new: FeatureCollection) -> MapRecord:
        """Put a layer in force; refused with the name of every shape that is wrong. Administrators only."""
        body = NewMap(layer, msgspec.Raw(await request.body()))
        return await _written(commands, SettingsCommand.WRITE_MAP, body, request)

    @api.put(f"{PREFIX}/maps/{{layer}}/features/{{feature_id}}", tags=[*_TAGS])
    async def write_feature(request: Request, layer: MapLayer, feature_id: FeatureId, new: Feature) -> MapRecord:
        """Put one feature in the place of the one with its id, or add it. Administrators only."""
        body = NewFeature(layer, feature_id, msgspec.Raw(await request.body()))
        return await _written(commands, SettingsCommand.WRITE_FEATURE, body, request)

    @api.delete(f"{PREFIX}/maps/{{layer}}/features/{{feature_id}}", tags=[*_TAGS])
    async def drop_feature(request: Request, layer: MapLayer, feature_id: FeatureId) -> MapRecord:
        """Take one feature out. Administrators only."""
        return await _written(commands, SettingsCommand.DROP_FEATURE, FeatureRef(layer, feature_id), request)

    @api.post(f"{PREFIX}/settings/reload", tags=["settings"])
    async def reload(request: Request) -> ReloadRecord:
        """Read the configuration file anew; a bad one is refused and the old settings stay. Administrators only."""
        answer = await commands.send(command(SettingsCommand.RELOAD, by=asked_by(request)))
        done = answer.read(Reloaded)
        return ReloadRecord(in_force=list(done.in_force), at_next_start=list(done.at_next_start))


async def _written(commands: Commands, name: SettingsCommand, body: object, request: Request) -> MapRecord:
    answer = await commands.send(command(name, body, by=asked_by(request)))
    return _record(answer.read(MapFacts))


def _record(facts: MapFacts) -> MapRecord:
    return MapRecord(layer=facts.layer, features=facts.features, digest=facts.digest, file=facts.file)
