"""Settings per vehicle: defaults < class < enterprise < vehicle, resolved when loaded, never in the pass.

Vehicles with equal values share one row of the parameter table, so that the table stays small and in the cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monitor.engine.rule import Rule, RuleSettings, Value, VehicleFacts
from monitor.engine.state import params_dtype
from monitor.errors import ConfigError
from monitor.model.fleet import Vehicle

Overrides = Mapping[str, Mapping[str, object]]
"""Rule name to settings that differ from the layer below."""


class RuleLayers(BaseModel):
    """Rule settings as a configuration file states them, by layer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: dict[str, dict[str, object]] = Field(default_factory=dict)
    vehicle_class: dict[str, dict[str, dict[str, object]]] = Field(default_factory=dict)
    enterprise: dict[str, dict[str, dict[str, object]]] = Field(default_factory=dict)
    vehicle: dict[str, dict[str, dict[str, object]]] = Field(default_factory=dict)


class ParameterTable:
    """Interned parameter rows; row 0 is what an unregistered vehicle gets."""

    def __init__(self, rules: Sequence[Rule], layers: RuleLayers | None = None, *, path: str = "defaults") -> None:
        self._rules = tuple(rules)
        self._layers = layers or RuleLayers()
        self._dtype = params_dtype(rules)
        self._index: dict[tuple[tuple[Value, ...], ...], int] = {}
        self._settings: dict[tuple[str, str, str, str], RuleSettings] = {}
        self._memo: dict[tuple[object, ...], int] = {}
        self._check(path)
        self.profile_of(None)

    def profile_of(self, vehicle: Vehicle | None, *, registered: bool = True) -> int:
        """Row of the table for a vehicle; ``registered`` is false for one that a registry does not know."""
        memo_key = self._memo_key(vehicle, registered)
        known = self._memo.get(memo_key)
        if known is not None:
            return known
        facts = VehicleFacts(vehicle, registered)
        values = tuple(rule.fill(self.settings(rule, vehicle), facts) for rule in self._rules)
        row = self._index.setdefault(values, len(self._index))
        self._memo[memo_key] = row
        return row

    def _memo_key(self, vehicle: Vehicle | None, registered: bool) -> tuple[object, ...]:
        """What a vehicle's parameters can depend on; vehicles that agree in it share a row."""
        if vehicle is None:
            return (registered,)
        layers = self._layers
        return (
            vehicle.vehicle_class,
            vehicle.enterprise_id if vehicle.enterprise_id in layers.enterprise else "",
            vehicle.vehicle_id if vehicle.vehicle_id in layers.vehicle else "",
            vehicle.max_speed_kmh,
            vehicle.crew,
            vehicle.curfew_exempt,
            vehicle.line_km,
            vehicle.relay_from,
            vehicle.relay_to,
        )

    def settings(self, rule: Rule, vehicle: Vehicle | None) -> RuleSettings:
        """The settings in force for one vehicle."""
        if vehicle is None:
            key = (rule.name, "", "", "")
        else:
            key = (
                rule.name,
                vehicle.vehicle_class.value,
                vehicle.enterprise_id if vehicle.enterprise_id in self._layers.enterprise else "",
                vehicle.vehicle_id if vehicle.vehicle_id in self._layers.vehicle else "",
            )
        found = self._settings.get(key)
        if found is None:
            found = rule.settings.model_validate(self._merged(*key))
            self._settings[key] = found
        return found

    def table(self) -> NDArray[np.void]:
        """All rows so far, dtype ``params_dtype(rules)``."""
        table = np.zeros(len(self._index), self._dtype)
        for values, row in self._index.items():
            table[row] = values
        return table

    def _merged(self, rule: str, vehicle_class: str, enterprise: str, vehicle: str) -> dict[str, object]:
        merged: dict[str, object] = {}
        layers = self._layers
        for layer in (
            layers.rules,
            layers.vehicle_class.get(vehicle_class, {}),
            layers.enterprise.get(enterprise, {}),
            layers.vehicle.get(vehicle, {}),
        ):
            merged.update(layer.get(rule, {}))
        return merged

    def _check(self, path: str) -> None:
        """Every layer must name known rules, keys and values; all problems are told at once."""
        known = {rule.name: rule for rule in self._rules}
        problems: list[tuple[str, str]] = []
        places: list[tuple[str, dict[str, dict[str, object]]]] = [("rules", self._layers.rules)]
        for layer in ("vehicle_class", "enterprise", "vehicle"):
            named: dict[str, dict[str, dict[str, object]]] = getattr(self._layers, layer)
            places += [(f"{layer}.{key}", value) for key, value in named.items()]
        for place, overrides in places:
            for name, values in overrides.items():
                if name not in known:
                    problems.append((f"{place}.{name}", f"no such rule; known are {', '.join(known)}"))
                    continue
                try:
                    known[name].settings.model_validate(values)
                except ValidationError as error:
                    for item in error.errors():
                        key = ".".join(str(part) for part in item["loc"])
                        problems.append((f"{place}.{name}.{key}", item["msg"]))
        if problems:
            raise ConfigError(path=path, problems=tuple(problems))
