"""Settings, registers and maps in force, put into a settlement engine as their records say."""

from __future__ import annotations

import logging

from pydantic import ValidationError

from monitor.app.map_layers import LAYER_OF, ground_of, maps_of, with_layer
from monitor.app.pipeline import drivers_of, drivers_payload, registry_of, registry_payload
from monitor.app.settlement.day_reports import InForce
from monitor.engine.engine import Engine
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.errors import ConfigError
from monitor.model.driver import DriverRegister
from monitor.model.fleet import Registry
from monitor.model.journal import RecordType
from monitor.model.map_set import NO_MAPS, MapLayer, MapSet

log = logging.getLogger(__name__)

CHANGING = frozenset({RecordType.REGISTRY, RecordType.CONFIG, RecordType.DRIVERS, *LAYER_OF})
"""Types of records that change how reports are judged."""


class SettingsInForce:
    """What is in force in an engine, by the payloads of the records that said so.

    ``held`` types stay as they are whatever records say: an explicit correction, or another configuration tried out.
    """

    def __init__(self, engine: Engine, held: frozenset[RecordType] = frozenset()) -> None:
        self._engine = engine
        self._payloads: dict[RecordType, bytes] = {}
        self._held = held

    def apply(self, record: InForce) -> None:
        """Put a record in force; what is in force already changes nothing."""
        if record.type not in self._held:
            self.put(record.type, record.payload)

    def changes(self, record: InForce) -> bool:
        """Whether a record would change anything."""
        return (
            record.type in CHANGING
            and record.type not in self._held
            and self._payloads.get(record.type) != record.payload
        )

    def put(self, kind: RecordType, payload: bytes) -> None:
        """Put settings of one type in force."""
        if kind not in CHANGING or self._payloads.get(kind) == payload:
            return
        self._payloads[kind] = payload
        engine = self._engine
        try:
            if kind is RecordType.REGISTRY:
                engine.apply_registry(registry_of(payload))
            elif kind is RecordType.DRIVERS:
                engine.fleet.apply_drivers(drivers_of(payload))
            elif kind is RecordType.CONFIG:
                layers = RuleLayers.model_validate_json(payload)
                engine.apply_parameters(ParameterTable(engine.rules, layers, path="archive"))
            else:
                maps = with_layer(engine.fleet.maps, LAYER_OF[kind], payload, f"archive, {LAYER_OF[kind]}")
                engine.apply_maps(maps, ground_of(maps))
        except (ValidationError, ConfigError) as error:
            # Written by another version, and passed over live too.
            log.warning("%s of the archive are passed over: %s", kind.name.lower(), error)

    def restore_maps(self, payloads: dict[MapLayer, bytes]) -> None:
        """State the maps that the engine's state refers to."""
        maps = maps_of(payloads, "settled state") if payloads else NO_MAPS
        self._engine.apply_maps(maps, ground_of(maps))
        for kind, layer in LAYER_OF.items():
            if layer in payloads:
                self._payloads[kind] = payloads[layer]


def settings_payloads(
    registry: Registry | None, layers: RuleLayers | None, maps: MapSet, drivers: DriverRegister
) -> dict[RecordType, bytes]:
    """Settings as the payloads of their records; what there is none of is left out."""
    found: dict[RecordType, bytes] = {}
    if registry is not None:
        found[RecordType.REGISTRY] = registry_payload(registry)
    if layers is not None:
        found[RecordType.CONFIG] = layers.model_dump_json().encode()
    if len(drivers):
        found[RecordType.DRIVERS] = drivers_payload(drivers)
    stated = maps.payloads()
    for kind, layer in LAYER_OF.items():
        if layer in stated:
            found[kind] = stated[layer]
    return found
