"""The configuration file: every part's own settings in one TOML document.

``load_config`` tells everything that is wrong at once, each with its key and the reason. Relative paths are taken from
the working folder.
"""

from __future__ import annotations

import locale
import tomllib
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from monitor.app.core_settings import CoreSettings, SupervisionSettings
from monitor.app.downlinks import DownlinkSettings
from monitor.app.evidence_settings import EvidenceSettings
from monitor.app.exchange_settings import ExchangeSettings
from monitor.app.map_layers import read_layer, with_layer
from monitor.app.reminder_settings import ReminderSettings
from monitor.app.retention_settings import RetentionSettings
from monitor.app.settlement.settings import SettlementSettings
from monitor.app.terminal_book import TerminalBookSettings
from monitor.console.http_settings import HttpSettings
from monitor.engine.parameters import ParameterTable, RuleLayers
from monitor.errors import ConfigError
from monitor.model.exchange import LinkRole
from monitor.model.map_set import NO_MAPS, MapLayer, MapSet
from monitor.model.push import PushKind
from monitor.model.resources import config_folder
from monitor.quality import QualitySettings
from monitor.rules import load_rules
from monitor.sinks.delivery import DeliverySettings
from monitor.sinks.jt809 import Jt809SinkSettings
from monitor.sinks.mqtt import MqttSinkSettings
from monitor.sinks.redis_settings import RedisSinkSettings
from monitor.sinks.webhook import WebhookSettings
from monitor.sources.jt808 import Jt808Settings
from monitor.sources.jt809 import Jt809LinkSettings
from monitor.sources.mqtt_settings import MqttSourceSettings
from monitor.sources.redis_settings import RedisSourceSettings
from monitor.store.archive import ArchiveSettings
from monitor.store.journal import JournalSettings
from monitor.store.quarantine import QuarantineSettings

DEFAULT_FILE = "monitor.toml"
"""The shipped configuration, in ``config_folder()``."""

Layer = dict[str, dict[str, object]]


class Tongue(StrEnum):
    """Language of what a person reads; ``auto`` follows the locale."""

    ZH = "zh"
    EN = "en"
    AUTO = "auto"


class SourcesSettings(BaseModel):
    """Sources that have no table of their own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    redis: tuple[RedisSourceSettings, ...] = ()


class SinksSettings(BaseModel):
    """Where pushes go."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mqtt: tuple[MqttSinkSettings, ...] = ()
    webhook: tuple[WebhookSettings, ...] = ()
    jt809: tuple[Jt809SinkSettings, ...] = ()
    redis: tuple[RedisSinkSettings, ...] = ()
    delivery: DeliverySettings = DeliverySettings()
    dead_letter_days: float = Field(default=90.0, gt=0, description="how long messages that did not arrive are kept")

    def names(self) -> tuple[str, ...]:
        """Names of all sinks, in the order of the file."""
        kinds = (self.mqtt, self.webhook, self.jt809, self.redis)
        return tuple(item.name for items in kinds for item in items)


class MonitorConfig(BaseModel):
    """The whole configuration; ``rules``, ``vehicle_class``, ``enterprise`` and ``vehicle`` are the rule layers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    state_folder: Path = Field(default=Path("state"), description="journal, snapshots, quarantine, SQLite file")
    database_url: str | None = Field(default=None, description="default: SQLite in the state folder")
    lang: Tongue = Tongue.AUTO
    core: CoreSettings = CoreSettings()
    fences_file: Path | None = Field(default=None, description="GeoJSON of fences: depots, loading places, dead zones")
    roads_file: Path | None = Field(default=None, description="GeoJSON of road sections with their limits")
    places_file: Path | None = Field(default=None, description="GeoJSON of townships and places, for places in words")
    permits_file: Path | None = Field(default=None, description="GeoJSON of permits: routes, times, sizes")
    mqtt: tuple[MqttSourceSettings, ...] = ()
    jt808: tuple[Jt808Settings, ...] = ()
    jt809: tuple[Jt809LinkSettings, ...] = ()
    terminals: TerminalBookSettings = TerminalBookSettings()
    reminders: ReminderSettings = ReminderSettings()
    downlinks: DownlinkSettings = DownlinkSettings()
    exchange: ExchangeSettings = ExchangeSettings()
    sources: SourcesSettings = SourcesSettings()
    sinks: SinksSettings = SinksSettings()
    journal: JournalSettings = JournalSettings()
    archive: ArchiveSettings = ArchiveSettings()
    retention: RetentionSettings = RetentionSettings()
    settlement: SettlementSettings = SettlementSettings()
    quality: QualitySettings = QualitySettings()
    quarantine: QuarantineSettings = QuarantineSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    supervision: SupervisionSettings = SupervisionSettings()
    http: HttpSettings = HttpSettings()
    metrics: HttpSettings = HttpSettings(port=9108)
    rules: Layer = Field(default_factory=dict)
    vehicle_class: dict[str, Layer] = Field(default_factory=dict)
    enterprise: dict[str, Layer] = Field(default_factory=dict)
    vehicle: dict[str, Layer] = Field(default_factory=dict)

    @property
    def database(self) -> str:
        """URL of the relational store."""
        return self.database_url or f"sqlite:///{self.state_folder / 'monitor.db'}"

    @property
    def language(self) -> str:
        """``zh`` or ``en``."""
        if self.lang is not Tongue.AUTO:
            return self.lang.value
        return "zh" if (locale.getlocale()[0] or "").lower().startswith("zh") else "en"

    def source_names(self) -> tuple[str, ...]:
        """Names of everything that brings reports, in the order of the file."""
        named = (self.mqtt, self.jt808, self.jt809, self.sources.redis)
        return tuple(item.name for items in named for item in items)

    def map_files(self) -> dict[MapLayer, Path]:
        """The files of map layers that come from one."""
        named = {layer: getattr(self, f"{layer.value}_file") for layer in MapLayer}
        return {layer: path for layer, path in named.items() if path is not None}

    def map_payloads(self) -> dict[MapLayer, bytes]:
        """What those files hold. Raises ``ConfigError``."""
        return {layer: read_layer(path, f"{layer.value}_file") for layer, path in self.map_files().items()}

    def maps(self) -> MapSet:
        """The maps of those files. Raises ``ConfigError`` that names every shape that is refused."""
        maps = NO_MAPS
        for layer, path in self.map_files().items():
            maps = with_layer(maps, layer, read_layer(path, f"{layer.value}_file"), str(path))
        return maps

    def rule_layers(self) -> RuleLayers:
        """Rule settings by layer, for ``ParameterTable``."""
        return RuleLayers(
            rules=self.rules, vehicle_class=self.vehicle_class, enterprise=self.enterprise, vehicle=self.vehicle
        )


def default_config_path() -> Path:
    """The configuration that is used where none is named."""
    return config_folder() / DEFAULT_FILE


def load_config(path: Path, *, check_maps: bool = True) -> MonitorConfig:
    """Read and check a configuration file. Raises ``ConfigError`` with every problem that it has.

    ``check_maps`` false leaves the map files to whoever reads them next.
    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise ConfigError(path=str(path), problems=(("file", f"cannot be read: {reason}"),)) from error
    return parse_config(text, str(path), check_maps=check_maps)


def parse_config(text: str, path: str, *, check_maps: bool = True) -> MonitorConfig:
    """As ``load_config``, from text; ``path`` is for the messages."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(path=path, problems=(("file", f"is not TOML: {error}"),)) from None
    problems: list[tuple[str, str]] = []
    config: MonitorConfig | None = None
    try:
        config = MonitorConfig.model_validate(document)
    except ValidationError as error:
        problems += [(_key(item["loc"]), _reason(item["type"], item["msg"])) for item in error.errors()]
    layers = {name: document[name] for name in RuleLayers.model_fields if isinstance(document.get(name), dict)}
    problems += _rule_problems(layers, path)
    if config is not None:
        problems += _problems_between(config, check_maps)
    if problems or config is None:
        raise ConfigError(path=path, problems=tuple(dict.fromkeys(problems)))
    return config


def _rule_problems(layers: dict[str, object], path: str) -> list[tuple[str, str]]:
    try:
        ParameterTable(load_rules(), RuleLayers.model_validate(layers), path=path)
    except ConfigError as error:
        return list(error.problems)
    except ValidationError:
        return []  # the same keys were refused with the rest of the document
    return []


def _problems_between(config: MonitorConfig, check_maps: bool) -> Iterator[tuple[str, str]]:
    """What only several settings together can get wrong."""
    for key, names in (
        ("name of a source", list(config.source_names())),
        ("mqtt.client_id", [item.session for item in config.mqtt]),
        ("sinks.name", list(config.sinks.names())),
        ("sinks.redis.prefix", [f"{item.prefix} on {item.address}" for item in config.sinks.redis]),
    ):
        for name, n in Counter(names).items():
            if n > 1:
                yield key, f"{name!r} stands {n} times; each needs its own"
    limited: list[MqttSinkSettings | WebhookSettings] = [*config.sinks.mqtt, *config.sinks.webhook]
    for item in limited:
        if item.limits.any and PushKind.DIGEST not in item.kinds:
            yield f"sinks.{item.name}.kinds", "limits need the kind digest, or what is held back would be lost"
        for rule in item.limits.digest_rules:
            if rule not in {known.name for known in load_rules()}:
                yield f"sinks.{item.name}.limits.digest_rules", f"{rule!r} is no rule"
    lower = {item.name for item in config.jt809 if item.role is LinkRole.LOWER}
    for key, link in (
        *(("exchange.forward", item.link) for item in config.exchange.forward),
        *(("sinks.jt809", item.link) for item in config.sinks.jt809),
    ):
        if link not in lower:
            yield f"{key}.link", f"{link!r} is no [[jt809]] link on which we are the lower platform"
    for link, n in Counter(item.link for item in config.exchange.forward).items():
        if n > 1:
            yield "exchange.forward.link", f"{link!r} stands {n} times; once is enough"
    if config.http.port and config.http.port == config.metrics.port and config.http.host == config.metrics.host:
        yield "metrics.port", f"{config.metrics.port} is the port of [http] too"
    for check in (
        *(item.secret for item in config.mqtt),
        *(item.client_options for item in (*config.sources.redis, *config.sinks.redis)),
        *(item.secret for item in config.sinks.mqtt),
        *(item.key for item in config.sinks.webhook),
        *(item.secret for item in config.jt809),
        *(item.tls.context for item in (*config.mqtt, *config.sinks.mqtt) if item.tls is not None),
        lambda: config.http.secret("http"),
        lambda: config.metrics.secret("metrics"),
        config.supervision.entry_rules,
        lambda: config.http.admin_secret("http"),
        *([config.maps] if check_maps else []),
    ):
        try:
            check()
        except ConfigError as error:
            for key, reason in error.problems:
                yield f"{error.path} {key}" if error.path not in key else key, reason


def _key(location: tuple[int | str, ...]) -> str:
    """``mqtt[0].port``; the first entry of a list is 0, as in every message of the library that checks it."""
    key = ""
    for part in location:
        key += f"[{part}]" if isinstance(part, int) else f".{part}" if key else part
    return key or "file"


def _reason(kind: str, message: str) -> str:
    if kind == "extra_forbidden":
        return "no such setting"
    if kind == "missing":
        return "is required"
    return message.removeprefix("Value error, ")
