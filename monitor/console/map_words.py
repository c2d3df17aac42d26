"""Names and bodies of the commands about settings and maps, as the web process sends and the core reads them."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from monitor.model.map_set import MapLayer


class SettingsCommand(StrEnum):
    RELOAD = "settings.reload"
    LIST_MAPS = "maps.list"
    READ_MAP = "maps.read"
    WRITE_MAP = "maps.write"
    WRITE_FEATURE = "maps.write_feature"
    DROP_FEATURE = "maps.drop_feature"


class Reloaded(msgspec.Struct, frozen=True):
    """What a reload did: what is in force from now on, and the settings that need a new start."""

    in_force: tuple[str, ...] = ()
    at_next_start: tuple[str, ...] = ()


class MapFacts(msgspec.Struct, frozen=True):
    """One layer in force. ``file`` is empty for a layer that comes through the API."""

    layer: MapLayer
    features: int
    digest: str
    file: str = ""


class MapRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    layer: MapLayer


class NewMap(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A whole layer as GeoJSON."""

    layer: MapLayer
    collection: msgspec.Raw


class NewFeature(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One feature of a layer, put in the place of the one with its id, or added."""

    layer: MapLayer
    feature_id: str
    feature: msgspec.Raw


class FeatureRef(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    layer: MapLayer
    feature_id: str
