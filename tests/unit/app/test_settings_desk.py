"""Settings and maps while the daemon runs: what is refused changes nothing, what is taken goes through the journal."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from monitor.app.config import load_config
from monitor.app.live_pipeline import LivePipeline
from monitor.app.map_layers import MapFolder
from monitor.app.settings_desk import SettingsDesk
from monitor.console.commands import Reply, command
from monitor.console.map_words import FeatureRef, MapFacts, MapRef, NewFeature, NewMap, Reloaded, SettingsCommand
from monitor.engine.parameters import RuleLayers
from monitor.errors import CommandError, ConfigError
from monitor.model.journal import JournalRecord, RecordType
from monitor.model.map_set import MapLayer
from monitor.rules import load_rules

SQUARE = [[[100.0, 39.0], [100.01, 39.0], [100.01, 39.01], [100.0, 39.01], [100.0, 39.0]]]
BOW_TIE = [[[100.0, 39.0], [100.01, 39.01], [100.01, 39.0], [100.0, 39.01], [100.0, 39.0]]]


def fence(fence_id: str, shape: object = SQUARE) -> dict[str, object]:
    return {
        "type": "Feature",
        "id": fence_id,
        "properties": {"kind": "depot"},
        "geometry": {"type": "Polygon", "coordinates": shape},
    }


def collection(*features: object) -> bytes:
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


@dataclass
class Kit:
    """A desk over a pipeline that takes every record at once, as the journal would."""

    folder: Path
    journal: list[JournalRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.path = self.folder / "monitor.toml"
        self.say("")
        self.live = LivePipeline(load_rules(), RuleLayers())
        self.desk = SettingsDesk(
            self.path,
            load_config(self.path),
            self.live,
            MapFolder(self.folder / "maps"),
            self.submit,
            lambda: self.live.engine.clock_ms,
        )

    def say(self, text: str) -> None:
        self.path.write_text(f'state_folder = "{self.folder}"\n{text}', encoding="utf-8")

    async def submit(self, record: JournalRecord) -> None:
        self.journal.append(record)
        self.live.take(replace(record, offset=len(self.journal)))

    def reload(self) -> Reloaded:
        return asyncio.run(self.desk.reload())

    def ask(self, name: SettingsCommand, body: object = None) -> Reply:
        async def asked() -> Reply:
            return await self.desk.handlers()[name](command(name, body))

        return asyncio.run(asked())

    def fences(self) -> list[str]:
        known = self.live.engine.fleet.fences
        return [one.fence_id for one in known.fences] if known is not None else []

    def hold_s(self) -> float:
        rule = next(one for one in self.live.engine.rules if one.name == "speeding")
        return float(self.live.engine.fleet.settings(rule).model_dump()["hold_s"])


@pytest.fixture
def kit(tmp_path: Path) -> Kit:
    return Kit(tmp_path)


def test_changed_rule_settings_are_in_force_after_one_record(kit: Kit) -> None:
    kit.say("[rules.speeding]\nhold_s = 45\n")
    assert kit.reload() == Reloaded(in_force=("rules",))
    assert [record.type for record in kit.journal] == [RecordType.CONFIG]
    assert kit.hold_s() == 45.0


def test_nothing_changed_is_no_record(kit: Kit) -> None:
    kit.say("# another comment\n")
    assert kit.reload() == Reloaded()
    assert kit.journal == []


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[rules.speeding]\nhold_s = -1\n", "rules.speeding.hold_s"),
        ("[rules.speeding]\nholds_s = 45\n", "rules.speeding.holds_s"),
        ("[rules.speedin]\nhold_s = 45\n", "rules.speedin"),
        ("[core]\nrecord_queue = 0\n", "core.record_queue"),
        ("nonsense", "file"),
    ],
    ids=["a value out of range", "an unknown key", "an unknown rule", "another part's value", "no TOML"],
)
def test_a_bad_file_is_refused_with_its_key_and_the_old_settings_stay(kit: Kit, text: str, key: str) -> None:
    kit.say(text)
    with pytest.raises(ConfigError) as refused:
        kit.reload()
    assert key in [named for named, _ in refused.value.problems]
    assert kit.journal == []
    assert kit.hold_s() == 30.0


def test_settings_that_need_a_new_start_are_named(kit: Kit) -> None:
    kit.say("[http]\nport = 8999\n[rules.speeding]\nhold_s = 45\n")
    assert kit.reload() == Reloaded(in_force=("rules",), at_next_start=("http",))
    assert kit.reload() == Reloaded(at_next_start=("http",))


def test_a_changed_map_file_is_in_force_and_a_bad_one_is_refused_by_the_shape_s_name(kit: Kit) -> None:
    drawn = kit.folder / "fences.geojson"
    drawn.write_bytes(collection(fence("yard")))
    kit.say(f'fences_file = "{drawn}"\n')
    assert kit.reload() == Reloaded(in_force=("fences",))
    assert kit.fences() == ["yard"]
    drawn.write_bytes(collection(fence("yard"), fence("knot", BOW_TIE)))
    with pytest.raises(ConfigError, match="knot"):
        kit.reload()
    assert kit.fences() == ["yard"]
    kit.say("")
    assert kit.reload() == Reloaded(in_force=("fences",))
    assert kit.fences() == []


def test_rule_settings_do_not_come_into_force_beside_a_map_that_is_refused(kit: Kit) -> None:
    drawn = kit.folder / "fences.geojson"
    drawn.write_bytes(collection(fence("knot", BOW_TIE)))
    kit.say(f'fences_file = "{drawn}"\n[rules.speeding]\nhold_s = 45\n')
    with pytest.raises(ConfigError, match="knot"):
        kit.reload()
    assert kit.journal == []
    assert kit.hold_s() == 30.0


def test_a_layer_through_the_api_is_kept_over_a_reload(kit: Kit) -> None:
    new = NewMap(MapLayer.FENCES, msgspec.Raw(collection(fence("gate"))))
    facts = kit.ask(SettingsCommand.WRITE_MAP, new).read(MapFacts)
    assert (facts.features, facts.file) == (1, "")
    assert kit.fences() == ["gate"]
    assert kit.reload() == Reloaded()
    assert MapFolder(kit.folder / "maps").payloads() == {MapLayer.FENCES: collection(fence("gate"))}
    assert bytes(kit.ask(SettingsCommand.READ_MAP, MapRef(MapLayer.FENCES)).body) == collection(fence("gate"))


def test_single_features_are_put_replaced_and_dropped(kit: Kit) -> None:
    for fence_id in ("a", "b", "a"):
        new = NewFeature(MapLayer.FENCES, fence_id, msgspec.Raw(json.dumps(fence("?")).encode()))
        kit.ask(SettingsCommand.WRITE_FEATURE, new)
    assert kit.fences() == ["b", "a"]
    kit.ask(SettingsCommand.DROP_FEATURE, FeatureRef(MapLayer.FENCES, "b"))
    assert kit.fences() == ["a"]
    with pytest.raises(CommandError) as refused:
        kit.ask(SettingsCommand.DROP_FEATURE, FeatureRef(MapLayer.FENCES, "b"))
    assert refused.value.status == 404


def test_a_bad_shape_through_the_api_is_refused_by_name_and_changes_nothing(kit: Kit) -> None:
    kit.ask(SettingsCommand.WRITE_MAP, NewMap(MapLayer.FENCES, msgspec.Raw(collection(fence("gate")))))
    with pytest.raises(CommandError, match="knot") as refused:
        kit.ask(SettingsCommand.WRITE_MAP, NewMap(MapLayer.FENCES, msgspec.Raw(collection(fence("knot", BOW_TIE)))))
    assert (refused.value.status, refused.value.reason) == (422, "bad_map")
    assert kit.fences() == ["gate"]
    assert len(kit.journal) == 1


def test_a_layer_from_a_file_is_not_changed_through_the_api(kit: Kit) -> None:
    drawn = kit.folder / "fences.geojson"
    drawn.write_bytes(collection(fence("yard")))
    kit.say(f'fences_file = "{drawn}"\n')
    kit.reload()
    with pytest.raises(CommandError, match="fences_file") as refused:
        kit.ask(SettingsCommand.WRITE_MAP, NewMap(MapLayer.FENCES, msgspec.Raw(collection())))
    assert refused.value.status == 409
    listed = kit.ask(SettingsCommand.LIST_MAPS).read(tuple[MapFacts, ...])
    assert next((one.layer, one.features, one.file) for one in listed) == (MapLayer.FENCES, 1, "fences.geojson")
